"""What the profile of a CSV list says: which column holds what, and what the provider's words mean.

provider: name of the scale under which the provider's own words are kept
format: csv
encoding: utf-8, utf-8-sig, utf-16, iso-8859-1 or windows-1252
delimiter: one of , ; | or tab
snapshot: full (an entry that is missing was withdrawn) or changes
columns: our name → the name in the list's header; `id` and at least one hash
map: category (word → class; or one class for all rows) and, if need be, withdrawn (word → yes or no)
on_bad_row: quarantine (report it and go on) or refuse (the whole list)
max_bad_fraction: share of the rows, 0 to 1, above which the whole list is refused
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from hashsets.formats.caps import ID_MAX
from hashsets.formats.csv_list import WITHDRAWN_WORDS
from hashsets.formats.profile_file import (
    check_names,
    read_profile,
    refuse,
    take_block,
    take_choice,
    take_word,
)
from hashsets.model import Algorithm, EntryClass

T = TypeVar("T")

ENCODINGS = {
    "utf-8": "utf-8-sig",  # where there is a byte order mark it is no part of the first name
    "utf-8-sig": "utf-8-sig",
    "utf-16": "utf-16",
    "iso-8859-1": "iso-8859-1",
    "windows-1252": "windows-1252",
}
"""Encoding as a profile names it → as Python does."""

DELIMITERS = {",": ",", ";": ";", "|": "|", "tab": "\t"}
"""Delimiter as a profile names it → the character."""

COLUMNS = ("id", *(one.value for one in Algorithm), "photodna", "category", "withdrawn", "updated")
"""Our names of what a column may hold."""

_NAMES = (
    *("provider", "format", "encoding", "delimiter", "snapshot"),
    *("columns", "map", "on_bad_row", "max_bad_fraction"),
)
_CLASSES = {one.value: one for one in EntryClass}


@dataclass(frozen=True, slots=True)
class Profile:
    """What the profile of a CSV list says.

    Attributes:
        provider: name of the scale under which the provider's own words are kept.
        encoding: as Python names it.
        delimiter: one character.
        is_snapshot: the list is the whole; an entry that is missing was withdrawn.
        columns: our name → the name in the list's header.
        classes: the provider's word → class; or the one class of all rows.
        withdrawn_words: word in lower case → whether it says that the entry is taken back.
        refuses_bad_rows: one bad row spoils the whole list.
        max_bad_fraction: 0–1, share of bad rows above which the whole list is refused.
    """

    provider: str
    encoding: str
    delimiter: str
    is_snapshot: bool
    columns: Mapping[str, str]
    classes: Mapping[str, EntryClass] | EntryClass
    withdrawn_words: Mapping[str, bool]
    refuses_bad_rows: bool
    max_bad_fraction: float


def parse_profile(data: bytes) -> Profile:
    """Read the profile of a CSV list.

    Args:
        data: the YAML file.

    Raises:
        InvalidListError: one clear line for the first mistake.
    """
    return check_profile(read_profile(data))


def check_profile(facts: Mapping[str, Any]) -> Profile:
    """Return what the facts of a profile say.

    Raises:
        InvalidListError: one clear line for the first mistake.
    """
    check_names(facts, needed=_NAMES, allowed=_NAMES, under="")
    take_choice(facts, "format", {"csv": "csv"})
    provider = take_word(facts, "provider")
    if len(provider) > ID_MAX or not provider.isprintable():
        raise refuse(f"provider must be {ID_MAX} printable characters or fewer")
    columns = _read_columns(facts)
    words = take_block(facts, "map")
    check_names(words, needed=["category"], allowed=["category", "withdrawn"], under="map")
    if "withdrawn" in words and "withdrawn" not in columns:
        raise refuse("map.withdrawn is there, but columns.withdrawn is missing")
    return Profile(
        provider=provider,
        encoding=take_choice(facts, "encoding", ENCODINGS),
        delimiter=take_choice(facts, "delimiter", DELIMITERS),
        is_snapshot=take_choice(facts, "snapshot", {"full": True, "changes": False}),
        columns=columns,
        classes=_read_classes(words["category"], has_column="category" in columns),
        withdrawn_words=_read_answers(words["withdrawn"]) if "withdrawn" in words else WITHDRAWN_WORDS,
        refuses_bad_rows=take_choice(facts, "on_bad_row", {"quarantine": False, "refuse": True}),
        max_bad_fraction=_read_fraction(facts["max_bad_fraction"]),
    )


def _read_columns(facts: Mapping[str, Any]) -> dict[str, str]:
    columns = take_block(facts, "columns")
    check_names(columns, needed=["id"], allowed=COLUMNS, under="columns")
    for ours, theirs in columns.items():
        if not isinstance(theirs, str) or not theirs.strip():
            raise refuse(f"columns.{ours} must be the name of one column")
    named = {ours: theirs.strip() for ours, theirs in columns.items()}
    if not named.keys() & frozenset(Algorithm):
        raise refuse(f"columns must name one of: {' '.join(Algorithm)}")
    if len(set(named.values())) != len(named):
        raise refuse("columns names one column of the list twice")
    return named


def _read_classes(value: Any, *, has_column: bool) -> Mapping[str, EntryClass] | EntryClass:
    if isinstance(value, str):
        if has_column:
            raise refuse("map.category must give a class for each word, as columns.category is there")
        return take_choice({"map.category": value}, "map.category", _CLASSES)
    if not isinstance(value, dict) or not value:
        raise refuse("map.category must be a class, or a mapping of words to classes")
    if not has_column:
        raise refuse("map.category has words, but columns.category is missing")
    return _read_words(value, "map.category", _CLASSES)


def _read_answers(value: Any) -> dict[str, bool]:
    if not isinstance(value, dict) or not value:
        raise refuse("map.withdrawn must be a mapping of words to yes or no")
    in_lower_case = [(word.lower(), answer) for word, answer in value.items()]
    if len(dict(in_lower_case)) != len(value):
        raise refuse("map.withdrawn has one word twice, as upper and lower case are the same there")
    return _read_words(dict(in_lower_case), "map.withdrawn", {"yes": True, "no": False})


def _read_words(value: Mapping[str, Any], path: str, choices: Mapping[str, T]) -> dict[str, T]:
    read = {}
    for place, (word, name) in enumerate(value.items(), start=1):
        title = f"value {place} of {path}"
        if word != word.strip():
            raise refuse(f"word {place} of {path} has blanks around it")
        read[word] = take_choice({title: name}, title, choices)
    return read


def _read_fraction(value: Any) -> float:
    try:
        fraction = float(value) if isinstance(value, str) else -1.0
    except ValueError:
        fraction = -1.0
    if not 0 <= fraction <= 1:
        raise refuse("max_bad_fraction must be a number from 0 to 1")
    return fraction
