"""The last look at a message before it leaves: what may not be in it, and what must be.

1. Attachments: our own JSON files by name and type, nothing that is or carries a picture.
2. Prose: no live address, no data: address, no markup, no long run of encoded bytes.
3. Every element that its kind asks for, in each of its languages.

An address of an item and the host in it are whatever its site chose, the name of an uploaded file whatever its sender
chose, that of an operator whatever it calls itself: those that stand in their own fields of our JSON, addresses in
their normal form, are left out of the search, so that nobody can choose a name that is never reported. Nothing else is
left out. A refusal never repeats what it found.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from triage.errors import InvalidUrlError, MessageRefusedError
from triage.rules.message_facts import Attachment, ComposedMessage
from triage.rules.message_words import disarm_name, disarm_url
from triage.rules.states import SendingKind, SendingPart
from triage.rules.urls import normalise_link, split_url

MAX_ENCODED = 200
"""Longest run of letters, digits and signs of base 64 that may stand in a message."""
MAX_FILE_NAME = 255
MAX_OPERATOR = 200
_NAMES = re.compile(r"(?:xarf-[1-9][0-9]{0,3}|notice|referral)\.json")
_MEDIA_ENDINGS = re.compile(
    r"(?i)\.(?:jpe?g|jfif|png|gif|webp|avif|heic|heif|bmp|tiff?|svg|ico|jxl|psd|mp4|m4v|mov|avi|mkv|webm|mpe?g|wmv|flv"
    r"|3gp|mp3|m4a|wav|ogg|oga|ogv|flac|aac|opus|zip|rar|7z|tar|gz|tgz|bz2|xz|zst|pdf|docx?|html?|eml)\b"
)
_MAGIC = (
    *(b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\x00", b"MM\x00*", b"\x00\x00\x01\x00"),
    *(
        b"\x1aE\xdf\xa3",
        b"OggS",
        b"ID3",
        b"fLaC",
        b"FLV",
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"Rar!",
        b"7z\xbc\xaf",
    ),
    *(b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"%PDF", b"8BPS", b"\xff\x0a"),
)
_FORBIDDEN_KEYS = {"screenshot_url", "evidence", "payload", "thumbnail", "image_data"}
_FORBIDDEN = (
    (re.compile(r"(?i)\bdata:[a-z0-9.+-]*(?:/[a-z0-9.+-]+)?[;,]"), "a data: address"),
    (
        re.compile(r"(?i)<\s*(?:img|image|svg|video|audio|embed|object|iframe|picture|source)\b"),
        "markup of a picture",
    ),
    (re.compile(r"(?i)screen[\s_-]*shot"), "a screenshot"),
    (re.compile(r"(?i)\bcid:\S"), "a reference to an embedded part"),
)
_LIVE = re.compile(r"(?i)\b(?:https?|ftps?)\s*:\s*/|\bwww\.|(?<!:)//[a-z0-9]")
_ENCODED = re.compile(rf"[A-Za-z0-9+/=_-]{{{MAX_ENCODED + 1},}}")
_ENCODED_LINE = re.compile(r"[\s>|]*[A-Za-z0-9+/=_-]{16,}\s*")

_TIME = r"\d\d\.\d\d\.\d{4} \d\d:\d\d Europe/Tirane \(\d{4}-\d\d-\d\d \d\d:\d\d UTC\)"
_ALL = (("the law", {"sq": r"nenit 117", "en": r"Article 117"}),)
_NO_IMAGES = ("that it holds no images", {"sq": r"nuk përmban imazhe", "en": r"contains no images"})
_GOOD_FAITH = ("good faith", {"sq": r"në mirëbesim", "en": r"in good faith"})
_DEMANDS = (
    ("the deadline", {"sq": rf"jo më vonë se {_TIME}", "en": rf"no later than {_TIME}"}),
    ("not to open or share", {"sq": r"të mos e hapni, kopjoni", "en": r"do not view, copy or share"}),
    ("to preserve", {"sq": r"të ruani të dhënat teknike", "en": r"preserve technical data"}),
    ("not to alert the user", {"sq": r"të mos njoftoni përdoruesin", "en": r"do not alert the user"}),
    ("how to restore addresses", {"sq": r"zëvendësoni hxxp me http", "en": r"replace hxxp with http"}),
)
_REQUIRED: dict[tuple[SendingKind, SendingPart], tuple[tuple[str, dict[str, str]], ...]] = {
    (SendingKind.NOTICE, SendingPart.FIRST): (*_DEMANDS, _GOOD_FAITH, _NO_IMAGES),
    (SendingKind.NOTICE, SendingPart.REMINDER): (
        *_DEMANDS,
        ("which reminder it is", {"sq": r"Kujtesë [1-9]", "en": r"Reminder [1-9]"}),
        _NO_IMAGES,
    ),
    (SendingKind.NOTICE, SendingPart.RETRACTION): (
        ("that it is taken back", {"sq": r"E tërheqim njoftimin", "en": r"We take back notice"}),
        (
            "that nothing need be done",
            {"sq": r"nuk keni më asgjë për të bërë", "en": r"nothing need be done"},
        ),
        _NO_IMAGES,
    ),
    (SendingKind.POLICE, SendingPart.FIRST): (
        ("the facts", {"sq": r"FAKTET", "en": r"FACTS"}),
        ("where it is hosted", {"sq": r"Strehimi", "en": r"Hosting"}),
        ("when notices follow", {"sq": r"Njoftimet", "en": r"(?i)notices"}),
        _GOOD_FAITH,
        _NO_IMAGES,
    ),
    (SendingKind.POLICE, SendingPart.UPDATE): (
        ("that it is changed", {"sq": r"E përditësojmë referimin", "en": r"We update referral"}),
        ("the facts", {"sq": r"FAKTET", "en": r"FACTS"}),
        _NO_IMAGES,
    ),
    (SendingKind.POLICE, SendingPart.RETRACTION): (
        ("that it is taken back", {"sq": r"E tërheqim referimin", "en": r"We take back referral"}),
        _NO_IMAGES,
    ),
    (SendingKind.HOTLINE, SendingPart.FIRST): (
        ("how to restore addresses", {"sq": r"", "en": r"replace hxxp with http"}),
        ("handling", {"sq": r"", "en": r"TLP:RED"}),
        _GOOD_FAITH,
        _NO_IMAGES,
    ),
    (SendingKind.HOTLINE, SendingPart.REMINDER): (_NO_IMAGES,),
    (SendingKind.HOTLINE, SendingPart.UPDATE): (
        ("that it is changed", {"sq": r"", "en": r"We update referral"}),
        ("handling", {"sq": r"", "en": r"TLP:RED"}),
        _NO_IMAGES,
    ),
    (SendingKind.HOTLINE, SendingPart.RETRACTION): (
        ("that it is taken back", {"sq": r"E tërheqim", "en": r"We take back"}),
        _NO_IMAGES,
    ),
}


def check_message(composed: ComposedMessage) -> None:
    """Refuse a message that holds what may not leave, or lacks what its kind asks for.

    Raises:
        MessageRefusedError: says which rule, never what was found.
    """
    documents = [_check_attachment(attachment) for attachment in composed.attachments]
    if not documents:
        raise MessageRefusedError("A message needs its machine-readable file.")
    urls = {url for document in documents for url in _find_urls(document)}
    names = {name for document in documents for name in _find_file_names(document)}
    operators = {name for document in documents for name in _find_operators(document)}
    hosts = {split_url(url).host for url in urls}
    for document in documents:
        chosen = urls | names | operators | {host for host in hosts if host == document.get("domain")}
        for text in _walk(document):
            if text not in chosen:
                _check_text(text)
    _check_subject(composed)
    _check_prose(composed.text, urls, operators)
    _check_elements(composed)


def _check_attachment(attachment: Attachment) -> Any:
    if attachment.content_type != "application/json":
        raise MessageRefusedError("Only JSON may be attached.")
    if _MEDIA_ENDINGS.search(attachment.name) or not _NAMES.fullmatch(attachment.name):
        raise MessageRefusedError("An attached file has a name that is not one of ours.")
    if attachment.data.startswith(_MAGIC) or attachment.data[4:8] == b"ftyp":
        raise MessageRefusedError("An attached file is no text but media or an archive.")
    try:
        document = json.loads(attachment.data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MessageRefusedError("An attached file is no JSON.") from None
    if not isinstance(document, dict):
        raise MessageRefusedError("An attached file is no JSON object.")
    return document


def _find_urls(document: dict[str, Any]) -> Iterator[str]:
    """Yield the addresses of items: those of our own places in our own files, in their normal form."""
    for place in (document, *_list_items(document)):
        url = place.get("url")
        if isinstance(url, str) and _is_normal(url):
            yield url


def _find_file_names(document: dict[str, Any]) -> Iterator[str]:
    for place in _list_items(document):
        name = place.get("file_name")
        if isinstance(name, str) and len(name) <= MAX_FILE_NAME:
            yield name


def _find_operators(document: dict[str, Any]) -> Iterator[str]:
    for name in (document.get("hosting_provider"), *(row.get("operator") for row in _list_items(document))):
        if isinstance(name, str) and len(name) <= MAX_OPERATOR:
            yield name


def _list_items(document: dict[str, Any]) -> list[dict[str, Any]]:
    rows = document.get("items")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _is_normal(url: str) -> bool:
    try:
        return normalise_link(url).url == url
    except InvalidUrlError:
        return False


def _walk(value: Any) -> Iterator[str]:
    """Yield every text of a document; refuse keys that stand for pictures."""
    if isinstance(value, dict):
        if _FORBIDDEN_KEYS & {str(key).lower() for key in value}:
            raise MessageRefusedError("An attached file has a field for pictures.")
        for key, inner in value.items():
            yield str(key)
            yield from _walk(inner)
    elif isinstance(value, list):
        if len(value) > MAX_ENCODED and all(isinstance(inner, int | float) for inner in value):
            raise MessageRefusedError("An attached file holds a long row of numbers.")
        for inner in value:
            yield from _walk(inner)
    elif isinstance(value, str):
        yield value


def _check_text(text: str) -> None:
    for pattern, name in _FORBIDDEN:
        if pattern.search(text):
            raise MessageRefusedError(f"The message holds {name}.")
    if _ENCODED.search(text):
        raise MessageRefusedError("The message holds a long run of encoded bytes.")
    run = 0
    for line in text.splitlines():
        run = run + len(line.strip(" \t>|")) if _ENCODED_LINE.fullmatch(line) else 0
        if run > MAX_ENCODED:
            raise MessageRefusedError("The message holds a long run of encoded bytes.")


def _check_subject(composed: ComposedMessage) -> None:
    if not composed.reference or composed.reference not in composed.subject:
        raise MessageRefusedError("The subject lacks the reference.")
    if re.search(r"[\x00-\x1f\x7f]", composed.subject) or _LIVE.search(composed.subject):
        raise MessageRefusedError("The subject holds an address or a line break.")
    _check_text(composed.subject)


def _check_prose(text: str, urls: set[str], operators: set[str]) -> None:
    if any(url in text for url in urls):
        raise MessageRefusedError("The text holds a live address.")
    for shown in sorted((disarm_url(url) for url in urls), key=len, reverse=True):
        text = text.replace(f"{shown}\n", "\n")
    for shown in {disarm_name(name) for name in operators}:
        text = text.replace(f", {shown}, ", ", ")
    if _LIVE.search(text):
        raise MessageRefusedError("The text holds a live address.")
    _check_text(text)


def _check_elements(composed: ComposedMessage) -> None:
    plain = " ".join(composed.text.split())
    if composed.reference not in plain:
        raise MessageRefusedError("The text lacks the reference.")
    if not re.search(r"[^\s@]+@[^\s@]+", plain):
        raise MessageRefusedError("The text lacks the contact.")
    if not composed.languages:
        raise MessageRefusedError("The text has no language.")
    for name, patterns in (*_ALL, *_REQUIRED[composed.kind, composed.part]):
        for language in composed.languages:
            if not re.search(patterns[language], plain):
                raise MessageRefusedError(f"The text lacks {name} ({language}).")
