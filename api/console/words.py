"""Small words of several pages: how long ago, an address cut short and defanged, a reason in one's language."""

import re
from datetime import datetime
from typing import Any

from api.catalogues.languages import Language
from api.console.catalogue import SENTENCES
from api.console.renderer import say
from triage.rules.page_kinds import PageKind, describe_kind
from triage.rules.urls import defang

SHORT = 80
_ADDRESS = re.compile(r"http(s?)(://\S*)", re.IGNORECASE)


def say_age(language: Language, since: datetime | None, now: datetime) -> str:
    """Return how long ago something was, in its largest unit; a dash without a time."""
    if since is None:
        return "–"
    seconds = max(0, int((now - since).total_seconds()))
    for key, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            return say(language, f"age_{key}", number=seconds // size)
    return say(language, "age_now")


def shorten(text: str, length: int = SHORT) -> str:
    """Return a text in at most `length` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


def say_address(url: str | None) -> str:
    """Return a URL defanged: no program turns it into a link."""
    return defang(url) if url else ""


def disarm(text: str) -> str:
    """Return a stranger's words with each address in them defanged."""
    return _ADDRESS.sub(lambda found: defang(f"http{found[1].lower()}{found[2]}"), text)


def say_reason(language: Language, reason: str | None) -> str:
    """Return why something waits; what has no Albanian words is said in English."""
    if not reason:
        return ""
    return SENTENCES.get(reason, reason) if language == "sq" else SENTENCES.correct(reason)


def say_kind(language: Language, kind: PageKind) -> str:
    """Return what kind of page something is."""
    return say_reason(language, describe_kind(kind, None))


def words_for(language: Language, now: datetime) -> dict[str, Any]:
    """Return what templates call: ago(time), address(url), disarm(text), short(text), why(reason), page_kind(kind)."""
    return {
        "ago": lambda since: say_age(language, since, now),
        "address": say_address,
        "disarm": disarm,
        "short": shorten,
        "why": lambda reason: say_reason(language, reason),
        "page_kind": lambda kind: say_kind(language, kind),
    }
