"""What rules and steps say in English, said in Albanian: reasons, refusals, errors.

1. A sentence stands as it is, or with places: `near a listed picture: {count} bits of 256`. What stands in a place is
   said in Albanian too, where we have it.
2. A sentence that counts has both English forms as msgid and msgid_plural, and is put right in English as well.
3. Of two that fit, the one with more letters of its own is taken. Parts joined by `; ` are said one by one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter

from api.catalogues.po_files import Entry, find_file, find_places, has_same_places, read_entries
from api.catalogues.texts import fill
from api.errors import CatalogueError

_JOINT = "; "
_DEEPEST = 4
"""How far one sentence in the place of another is looked into; a stranger's words may hold any number of them."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A sentence with places, and what it becomes in each language."""

    regex: re.Pattern[str]
    counts_one: bool
    english: tuple[str, ...]
    albanian: tuple[str, ...]
    letters: int


class Sentences(Mapping[str, str]):
    """English → Albanian. `sentences[english]` finds sentences with places too; a KeyError where we have none."""

    def __init__(self, entries: list[Entry]) -> None:
        """Take the messages of the file.

        Raises:
            CatalogueError: a sentence has other places in Albanian than in English.
        """
        self._whole: dict[str, str] = {}
        patterns: list[_Pattern] = []
        for entry in entries:
            english = (entry.name,) if entry.plural is None else (entry.name, entry.plural)
            if not has_same_places(english, entry.forms):
                raise CatalogueError("A sentence has other places in Albanian than in English.")
            if find_places(english[-1]):
                patterns += _compile(english, entry.forms)
            else:
                self._whole[entry.name] = entry.forms[0]
        self._patterns = sorted(patterns, key=lambda one: (-one.letters, one.regex.pattern))

    def __getitem__(self, english: str) -> str:
        """Return a sentence in Albanian."""
        said = self._say(english, 0, in_albanian=True)
        if said == english and english not in self._whole:
            raise KeyError(english)
        return said

    def __contains__(self, english: object) -> bool:
        """Return whether we have it in Albanian."""
        return isinstance(english, str) and self.get(english) is not None

    def __iter__(self) -> Iterator[str]:
        """Yield the sentences without places."""
        return iter(self._whole)

    def __len__(self) -> int:
        """Return how many sentences without places there are."""
        return len(self._whole)

    def correct(self, english: str) -> str:
        """Return an English sentence with the right form for its number: not `1 pictures`."""
        return self._say(english, 0, in_albanian=False)

    def _say(self, english: str, depth: int, *, in_albanian: bool) -> str:
        if in_albanian and english in self._whole:
            return self._whole[english]
        if depth == _DEEPEST:
            return english
        if _JOINT in english:
            parts = english.split(_JOINT)
            return _JOINT.join(self._say(part, depth + 1, in_albanian=in_albanian) for part in parts)
        for pattern in self._patterns:
            found = pattern.regex.fullmatch(english)
            if found:
                values = found.groupdict()
                is_one = pattern.counts_one or values.get("count") == "1"
                forms = pattern.albanian if in_albanian else pattern.english
                said = {
                    name: self._say(value, depth + 1, in_albanian=in_albanian)
                    for name, value in values.items()
                }
                return fill(forms[0 if is_one else -1], said)
        return english


def _compile(english: tuple[str, ...], albanian: tuple[str, ...]) -> list[_Pattern]:
    made = []
    for form in english:
        regex, letters = "", 0
        for words, place, _, _ in Formatter().parse(form):
            regex += re.escape(words) + (f"(?P<{place}>.*)" if place else "")
            letters += len(words)
        counts_one = len(english) == 2 and "{count}" not in form
        made.append(_Pattern(re.compile(regex, re.DOTALL), counts_one, english, albanian, letters))
    return made


def read_sentences() -> Sentences:
    """Return the sentences.

    Raises:
        CatalogueError: the file is not fit to be shown.
    """
    return Sentences(read_entries(find_file("sentences", "sq"), "sq"))
