"""The filter of the queue: one line of words such as `host:.al new:yes kind:upload example`.

What it asks is read from stored columns, and it never refuses a line: what it does not know it names.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from triage.errors import InvalidReportError
from triage.rules.search_terms import read_host
from triage.rules.states import ItemKind, Lane

LONGEST = 200
"""Characters of a line that are read."""
_MOST_WORDS = 12
_YES = {"yes": True, "no": False, "po": True, "jo": False}
_KEYED: Final = re.compile(r"([a-z]{2,10}):(?!//)(.*)", re.IGNORECASE)
_DEFANGED = (("[.]", "."), ("(.)", "."), ("hxxp", "http"))


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What the queue is narrowed to; all of it must hold.

    Attributes:
        host: a host with all below it; one that begins with a dot is only what lies below it.
        is_new, is_known, is_danger: whether an item shows a new picture, a known one, or a child may be at risk.
        lane: the tab, whatever the address says.
        texts: each must stand in the address, the file name or the reference.
        unknown: words that mean nothing here, as they were typed.
    """

    host: str | None = None
    is_new: bool | None = None
    is_known: bool | None = None
    is_danger: bool | None = None
    kind: ItemKind | None = None
    lane: Lane | None = None
    texts: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves anything out."""
        chosen = (self.host, self.is_new, self.is_known, self.is_danger, self.kind)
        return bool(self.texts) or any(one is not None for one in chosen)


def read_filter(line: str) -> QueueFilter:
    """Return what a line asks for; of two words that say the same thing the last one counts.

    Args:
        line: as it was typed, in any length.
    """
    found: dict[str, str | bool | ItemKind | Lane] = {}
    texts: list[str] = []
    unknown: list[str] = []
    for word in _clean(line[:LONGEST]).split()[:_MOST_WORDS]:
        keyed = _KEYED.fullmatch(word)
        if keyed is None:
            texts.append(_arm(word).casefold())
            continue
        name, value = keyed[1].lower(), keyed[2].lower()
        meaning = _read_word(name, value)
        if meaning is None:
            unknown.append(word)
        else:
            found[meaning[0]] = meaning[1]
    return QueueFilter(**found, texts=tuple(texts), unknown=tuple(unknown))  # type: ignore[arg-type]  # by its name


def _read_word(name: str, value: str) -> tuple[str, str | bool | ItemKind | Lane] | None:
    if name == "host":
        host = _read_host(value)
        return ("host", host) if host else None
    if name in ("new", "known", "danger"):
        return (f"is_{name}", _YES[value]) if value in _YES else None
    if name == "kind":
        return next((("kind", kind) for kind in ItemKind if kind.value == value), None)
    if name == "lane":
        return next(
            (("lane", lane) for lane in Lane if lane.value.replace("_", "-") == value.replace("_", "-")), None
        )
    return None


def _read_host(text: str) -> str | None:
    """Return a host as the search reads it, and the dot before it where one was typed; None when it can be none."""
    plain = _arm(text)
    if plain.count(":") > 1 and not plain.startswith("["):
        plain = f"[{plain}]"
    try:
        host = read_host(plain)
    except InvalidReportError:
        return None
    return f".{host}" if plain.startswith((".", "*.")) else host


def _arm(text: str) -> str:
    for written, meant in _DEFANGED:
        text = text.replace(written, meant)
    return text


def _clean(text: str) -> str:
    """Return a text without characters that nobody sees."""
    return "".join(one if unicodedata.category(one)[0] != "C" else " " for one in text)
