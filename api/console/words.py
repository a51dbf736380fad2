"""Small words of several pages: how long ago, an address cut short and defanged, a reason in one's language."""

import re
from datetime import datetime
from typing import Any

from api.console.renderer import say
from api.console.texts_reasons import PATTERNS, REASONS
from api.public.texts import Language
from triage.rules.urls import defang

SHORT = 80


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


def say_reason(language: Language, reason: str | None) -> str:
    """Return why something waits; what has no Albanian words is said in English."""
    if not reason or language == "en":
        return reason or ""
    if reason in REASONS:
        return REASONS[reason]
    for pattern, text in PATTERNS:
        found = re.fullmatch(pattern, reason)
        if found:
            return text.format(*(say_reason(language, group) for group in found.groups()))
    return reason


def words_for(language: Language, now: datetime) -> dict[str, Any]:
    """Return what templates call: ago(time), address(url), short(text), why(reason)."""
    return {
        "ago": lambda since: say_age(language, since, now),
        "address": say_address,
        "short": shorten,
        "why": lambda reason: say_reason(language, reason),
    }
