"""One catalogue file: read whole and refused if anything in it is not fit to be shown.

The format is GNU gettext's PO (https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html, read 2026-11-22).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from io import BytesIO
from string import Formatter

from babel.messages.catalog import Message
from babel.messages.pofile import PoFileError, read_po

from api.catalogues.languages import Language
from api.errors import CatalogueError

DRAFT = "draft"
"""The translator's comment on a text that no native editor has read yet."""

PLURALS = "nplurals=2; plural=(n != 1);"
"""One form for 1, another one for all else: so it is in Albanian and in English."""

FOLDER: Traversable = resources.files("api.catalogues")
"""Where the files lie: package data, so a wheel carries them."""

_PLACE = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a file.

    Attributes:
        name: its msgid: the name of a text, or an English sentence.
        plural: its msgid_plural; None for a message that counts nothing.
        forms: its words; of a message that counts those for 1, then those for all else.
        notes: comments of translators; `draft` is one.
    """

    name: str
    plural: str | None
    forms: tuple[str, ...]
    notes: tuple[str, ...] = ()


def find_places(text: str) -> frozenset[str]:
    """Return the names of the places in braces.

    Raises:
        CatalogueError: a brace that is no plain place; `{name.more}` and `{name!r}` would reach into values.
    """
    found = set()
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        raise CatalogueError("A text of a catalogue has a brace without its pair.") from None
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if not _PLACE.fullmatch(name) or spec or conversion:
            raise CatalogueError("A text of a catalogue has a place that is no plain name in braces.")
        found.add(name)
    return frozenset(found)


def find_file(domain: str, language: Language) -> Traversable:
    """Return where the texts of a domain (console, public, sentences) stand in a language."""
    return FOLDER / f"{domain}.{language}.po"


def read_entries(file: Traversable, language: Language) -> list[Entry]:
    """Return the messages of a file.

    Raises:
        CatalogueError: the file cannot be read, is of another language, or holds a message that is empty, fuzzy,
            twice there or with a broken place.
    """
    raw = file.read_bytes()
    try:
        catalogue = read_po(BytesIO(raw), ignore_obsolete=True, abort_invalid=True)
        is_ours = str(catalogue.locale) == language and catalogue.mime_headers
        plurals = f"nplurals={catalogue.num_plurals}; plural={catalogue.plural_expr};"
    except (PoFileError, ValueError, LookupError):
        raise CatalogueError(f"{file.name} is no catalogue that can be read.") from None
    if not is_ours or plurals != PLURALS:
        raise CatalogueError(f"{file.name} is of another language, or has other plural forms than ours.")
    entries = [_check(file.name, message) for message in catalogue if message.id]
    # The reader keeps one of two messages of the same id, without a word.
    if len(entries) + 1 != len(re.findall(rb"^msgid ", raw, re.MULTILINE)):
        raise CatalogueError(f"{file.name} holds a message twice.")
    return entries


def _check(file: str, message: Message) -> Entry:
    ids = _list_forms(message.id)
    words = _list_forms(message.string)
    if message.fuzzy or message.context is not None:
        raise CatalogueError(f"{file}: {ids[0]} is marked fuzzy or has a context; we use neither.")
    if len(words) != len(ids) or not all(one.strip() for one in words):
        raise CatalogueError(f"{file}: {ids[0]} has no words.")
    try:
        for text in words:
            find_places(text)
    except CatalogueError as error:
        raise CatalogueError(f"{file}: {ids[0]}: {error}") from None
    plural = ids[1] if len(ids) == 2 else None
    return Entry(ids[0], plural, words, tuple(message.user_comments))


def _list_forms(found: str | Sequence[str | None] | None) -> tuple[str, ...]:
    parts = (found,) if isinstance(found, str) or found is None else found
    return tuple(one or "" for one in parts)


def has_same_places(one: Iterable[str], other: Iterable[str]) -> bool:
    """Return whether two messages have the same places; words for 1 may leave the number out.

    Args:
        one: forms of a message, as an Entry has them.
        other: forms of the same message in another language, or its msgids.
    """
    first, second = list(one), list(other)
    wanted = find_places(first[-1])
    return find_places(second[-1]) == wanted and all(
        find_places(form) <= wanted for form in (*first, *second)
    )
