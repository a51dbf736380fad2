"""What all messages share: languages, times, disarmed addresses and how our own facts are written."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from triage.rules.message_facts import HotlineFacts, ImageFacts, ItemFacts, MessageFacts
from triage.rules.states import Basis, SendingKind
from triage.rules.urls import defang

TIRANE = ZoneInfo("Europe/Tirane")
PRACTICE_LINE = "PRAKTIKË / PRACTICE"
LEGAL_BASIS = "Art. 117, Criminal Code of Albania"


def choose_languages(facts: MessageFacts) -> tuple[str, ...]:
    """Return the languages of a message, Albanian first; partner hotlines read English."""
    if facts.kind == SendingKind.HOTLINE:
        return ("en",)
    return tuple(word for word in ("sq", "en") if word in facts.recipient_language.split("+")) or ("sq", "en")


def join_words(languages: tuple[str, ...], sq: str, en: str) -> str:
    """Return a caption in the languages of the message, with a slash between two."""
    return " / ".join({"sq": sq, "en": en}[language] for language in languages)


def write_time(at: datetime | None) -> str:
    """Return a moment in Albanian local time and in UTC; a dash for none."""
    if at is None:
        return "–"
    local, utc = at.astimezone(TIRANE), at.astimezone(UTC)
    return f"{local:%d.%m.%Y %H:%M} Europe/Tirane ({utc:%Y-%m-%d %H:%M} UTC)"


def write_stamp(at: datetime | None) -> str | None:
    """Return a moment as machines read it, in UTC to the second."""
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def write_plain(text: str) -> str:
    """Return a name of others on one line, without control characters."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()


def disarm_name(text: str) -> str:
    """Return a name of others on one line, in which no program finds a link: some operators are called www."""
    text = re.sub(r"(?i)\bhtt(ps?\s*:)", "hxx\\1", write_plain(text))
    text = re.sub(r"(?i)\bft(ps?\s*:)", "fx\\1", text)
    return re.sub(r"(?i)\b(www)\.", "\\1[.]", text).replace("//", "/ /")


def disarm_url(url: str) -> str:
    """Return an address that no program turns into a link, not even one that stands inside of it."""
    scheme, mark, rest = defang(url).partition("://")
    rest = re.sub(r"(?i)h(tt)(ps?:/)", "hxx\\2", rest)
    rest = re.sub(r"(?i)ft(ps?:/)", "fx\\1", rest)
    return scheme + mark + re.sub(r"(?i)\b(www)\.", "\\1[.]", rest)


def write_location(item: ItemFacts, languages: tuple[str, ...]) -> str:
    """Return where an item is, in words: its disarmed address, or what it is instead."""
    if item.url is not None:
        return disarm_url(item.url)
    if item.kind == "upload":
        return join_words(languages, "skedar i dërguar te ne, pa adresë", "a file sent to us, no address")
    return join_words(languages, "tekst i dërguar te ne, pa adresë", "a text sent to us, no address")


def write_table(facts: MessageFacts, languages: tuple[str, ...]) -> str:
    """Return the one table of addresses: number, disarmed address, IP, first seen, last verified."""
    first = join_words(languages, "parë së pari", "first seen")
    last = join_words(languages, "verifikuar së fundi", "last verified")
    rows = []
    for number, item in enumerate(facts.items, 1):
        rows.append(
            f"{number}. {write_location(item, languages)}\n"
            f"   IP {item.address or '–'}\n"
            f"   {first}: {write_time(item.first_seen_at)}\n"
            f"   {last}: {write_time(item.verified_at)}"
        )
    return join_words(languages, "ADRESAT", "LOCATIONS") + "\n\n" + "\n".join(rows)


def write_contact(hotline: HotlineFacts) -> str:
    """Return how we are reached."""
    return f"{write_plain(hotline.mail)}, {write_plain(hotline.phone)}"


def list_names(facts: MessageFacts) -> str:
    """Return the names of the lists that hold the files that nobody viewed; empty when none does."""
    names = {name for image in _find_unviewed(facts) for name in image.lists}
    return ", ".join(f'"{disarm_name(name)}"' for name in sorted(names))


def has_unlisted(facts: MessageFacts) -> bool:
    """Whether some file that nobody viewed is on no trusted list, but is one that we found before."""
    return any(not image.lists for image in _find_unviewed(facts))


def _find_unviewed(facts: MessageFacts) -> list[ImageFacts]:
    return [image for item in facts.items for image in item.images if image.basis == Basis.EXACT_HASH]


def find_judged_at(facts: MessageFacts) -> datetime | None:
    """Return when the last of all that a message names was judged."""
    times = [item.settled_at for item in facts.items]
    times += [image.settled_at or image.assessed_at for item in facts.items for image in item.images]
    return max((at for at in times if at is not None), default=None)


def is_all_baseline(facts: MessageFacts) -> bool:
    """Whether every item of a message is baseline; only then the word is used."""
    return bool(facts.items) and all(item.is_baseline for item in facts.items)


def is_mixed(facts: MessageFacts) -> bool:
    """Whether some image of a message was not viewed, but is exactly one of a list."""
    return bool(_find_unviewed(facts))


def has_one_assessor(facts: MessageFacts) -> bool:
    """Whether some image rests on one assessor so far."""
    return any(
        image.settled_at is None and image.basis == Basis.LOOKED
        for item in facts.items
        for image in item.images
    )


def mark_practice(facts: MessageFacts, subject: str, text: str) -> tuple[str, str]:
    """Return subject and text; those of practice say so before all else."""
    if not facts.is_practice:
        return subject, text
    return f"{PRACTICE_LINE} {subject}", f"{PRACTICE_LINE}\n\n{text}"


def write_subject(facts: MessageFacts, languages: tuple[str, ...], sq: str, en: str) -> str:
    """Return a subject with the reference in it and no word of what was found."""
    return f"[{write_plain(facts.hotline.name)} {facts.reference}] {join_words(languages, sq, en)}"
