"""Texts by name, in both languages: `read_texts` at the start of a process, `fill` for each page.

A text that counts has words of its own for one; which place counts is said by its name: `count`, or the only one.
"""

from collections.abc import Mapping
from typing import Self

from babel.numbers import format_decimal

from api.catalogues.languages import LANGUAGES, Language
from api.catalogues.po_files import Entry, find_file, find_places, has_same_places, read_entries
from api.errors import CatalogueError

Text = dict[Language, str]
"""Language → words."""


class CountedText(str):
    """Words for many; `for_one` are those for one.

    Attributes:
        language: how its number is written.
        place: the place whose value counts.
    """

    __slots__ = ("for_one", "language", "place")
    for_one: str
    language: Language
    place: str

    def __new__(cls, for_one: str, for_many: str, *, language: Language, place: str) -> Self:
        """Take both forms."""
        made = super().__new__(cls, for_many)
        made.for_one, made.language, made.place = for_one, language, place
        return made

    def fill(self, values: Mapping[str, object]) -> str:
        """Return the words for what is counted; a whole number is written as people write it: 2 048, 2,048."""
        count = values[self.place]
        words = self.for_one if str(count) == "1" else str(self)
        if isinstance(count, int):
            values = {**values, self.place: format_decimal(count, locale=self.language)}
        return words.format(**values)


def fill(text: str, values: Mapping[str, object]) -> str:
    """Return a text with values in its places; without values as it stands."""
    if isinstance(text, CountedText):
        return text.fill(values)
    return text.format(**values) if values else text


def read_texts(domain: str) -> dict[str, Text]:
    """Return name → language → words.

    Args:
        domain: `console` or `public`.

    Raises:
        CatalogueError: a file is not fit to be shown, a name is missing in a language, or the languages have other
            places or forms of a text.
    """
    entries = {
        language: {entry.name: entry for entry in read_entries(find_file(domain, language), language)}
        for language in LANGUAGES
    }
    names = sorted(set[str]().union(*entries.values()))
    for name in names:
        found = [entries[language].get(name) for language in LANGUAGES]
        known = [entry for entry in found if entry is not None]
        if len(known) < len(found):
            raise CatalogueError(f"{domain}: {name} is missing in a language.")
        first = known[0]
        if any(
            len(one.forms) != len(first.forms) or not has_same_places(first.forms, one.forms) for one in known
        ):
            raise CatalogueError(f"{domain}: the places or forms of {name} differ between the languages.")
    return {
        name: {language: _make(language, entries[language][name]) for language in LANGUAGES} for name in names
    }


def _make(language: Language, entry: Entry) -> str:
    if len(entry.forms) == 1:
        return entry.forms[0]
    places = find_places(entry.forms[1])
    counting = places if len(places) == 1 else places & {"count"}
    if not counting:
        raise CatalogueError(f"{entry.name} counts, and no place of it is called count.")
    (place,) = counting
    return CountedText(entry.forms[0], entry.forms[1], language=language, place=place)
