"""Flags before a look: what a list or a reporter says of a picture that one may want to know before seeing it.

They come from words alone, never from the picture, and say no more than what was said. A list speaks by its own
scale: the words that are known stand in a table with what they mean; every other word is silent. Matches of all
lists count, trusted or not: a warning too many costs nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Flag(StrEnum):
    """What was said; the gravest of its scale, where a word of a list stands for several things at once."""

    VIOLENCE = "violence"
    INFANT = "infant"
    ANIMAL = "animal"
    CONTACT = "contact"
    GRAVEST = "gravest"
    LIVE = "live"


class SaysOfEntry(Protocol):
    """What a list says of an entry: the name of its scale and its own word."""

    @property
    def raw_scheme(self) -> str: ...
    @property
    def raw_value(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ListWord:
    """What one list says of one entry."""

    raw_scheme: str
    raw_value: str


@dataclass(frozen=True, slots=True)
class RaisedFlags:
    """Flags by who says so; false when there is none."""

    by_list: frozenset[Flag] = frozenset()
    by_reporter: frozenset[Flag] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.by_list or self.by_reporter)


_SCALES: tuple[tuple[str, dict[str, frozenset[Flag]]], ...] = (
    # A1 and B1: a sexual act. A2 and B2 are none, and none of the four tells an infant or violence.
    (
        "ncmec",
        {
            "a1": frozenset({Flag.CONTACT}),
            "b1": frozenset({Flag.CONTACT}),
            "a2": frozenset(),
            "b2": frozenset(),
        },
    ),
    # A stands for three things of which a list does not say which; B and C for none of our flags.
    ("iwf", {"a": frozenset({Flag.GRAVEST}), "b": frozenset(), "c": frozenset()}),
    # Category 1 of the United States is all that is illegal there, 2 and 3 are less; the numbers of other regions
    # are not documented. None of them tells one of our flags.
    ("vics", {str(number): frozenset() for number in range(6)}),
)
"""Beginning of a scale's name → its word in small letters → what that says."""

_WORDS: dict[str, Flag] = {
    "violence": Flag.VIOLENCE,
    "violent": Flag.VIOLENCE,
    "sadism": Flag.VIOLENCE,
    "sadistic": Flag.VIOLENCE,
    "infant": Flag.INFANT,
    "toddler": Flag.INFANT,
    "baby": Flag.INFANT,
    "animal": Flag.ANIMAL,
    "bestiality": Flag.ANIMAL,
}
"""Whole words with which a list of any scale says it outright, alone or between commas and the like."""

_BETWEEN = re.compile(r"[,;|/]")

_REPORTED: tuple[tuple[re.Pattern[str], Flag], ...] = (
    # "dhunë seksuale" is what people call all of it, so it tells nothing more.
    (
        re.compile(
            r"\bdhun(?:ë|e|a|ën|en|shëm|shem|shme|shm\w*|im\w*|oj\w*|uar)\b(?!\s+seksual)|\brrah\w*|\bgjak\w*"
            r"|\btortur\w*|\bviolen(?:ce|t|tly)\b|\bbeat(?:en|ing|s)\b|\bblood\w*"
        ),
        Flag.VIOLENCE,
    ),
    (
        re.compile(
            r"\bfoshnj\w*|\bbebe\w*|\bporsalindur\w*|\binfants?\b|\bbab(?:y|ies)\b|\btoddlers?\b"
            r"|\b[0-3][ -]?vje[çc]\w*|\b[0-3][ -]?years?[ -]old\b"
        ),
        Flag.INFANT,
    ),
    (re.compile(r"\bkafsh\w*|\bqen(?:i|in|it|të)?\b|\banimals?\b|\bdogs?\b"), Flag.ANIMAL),
    # "live" alone is an English verb, and "drejtpërdrejt" alone says "without a detour".
    (
        re.compile(
            r"\blive[ -]?(?:stream|cam|broadcast|show|video|transmet)\w*|\bn[ëe] live\b"
            r"|\b(?:transmet|stream|broadcast)\w* (?:\w{1,4} )?(?:live|drejtp[ëe]rdrejt\w*)\b"
        ),
        Flag.LIVE,
    ),
)
"""Words of reporters in Albanian and English."""


def list_flags(matches: Iterable[SaysOfEntry]) -> frozenset[Flag]:
    """Return what the lists say of a picture by the words of its live matches.

    Args:
        matches: raw_scheme and raw_value of each entry, as its list has them.
    """
    return frozenset(flag for match in matches for flag in _read_word(match.raw_scheme, match.raw_value))


def _read_word(scheme: str, value: str) -> frozenset[Flag]:
    name, word = scheme.casefold(), value.strip().casefold()
    for beginning, meanings in _SCALES:
        if re.match(rf"{beginning}(?![a-z0-9])", name) and word in meanings:
            return meanings[word]
    return frozenset(_WORDS[one] for part in _BETWEEN.split(word) if (one := part.strip()) in _WORDS)


def note_flags(notes: Iterable[str]) -> frozenset[Flag]:
    """Return what reporters say by the words of their notes."""
    said = [note.casefold() for note in notes]
    return frozenset(flag for pattern, flag in _REPORTED if any(pattern.search(note) for note in said))
