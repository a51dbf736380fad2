"""Lists of hashes as CSV: one row per entry, the header names the columns.

Columns, in any order: `id` and at least one of `md5`, `sha1`, `sha256`, `pdq`, `phash`; optional `category`
(one of our classes; empty is unknown) and `withdrawn` (yes or no). UTF-8, with or without a byte order mark,
commas, one line per row. A bad row is reported with its line and the good ones go on.
"""

from collections.abc import Iterator
from typing import BinaryIO

from hashsets.errors import InvalidListError
from hashsets.formats import ReadOptions
from hashsets.formats.caps import LIST_MAX
from hashsets.formats.csv_rows import Layout, read_header, read_lines, read_rows
from hashsets.model import Algorithm, BadRow, Entry, EntryClass

RAW_SCHEME = "csv"
"""Name of the scale under which the category's own word is kept."""

WITHDRAWN_WORDS = {"yes": True, "true": True, "1": True, "": False, "no": False, "false": False, "0": False}
"""What may stand under withdrawn, in either case."""

_CLASSES = {"": EntryClass.UNKNOWN} | {one.value: one for one in EntryClass}
_COLUMNS = frozenset(Algorithm) | {"id", "category", "withdrawn"}


def _find_layout(names: list[str]) -> Layout:
    places = {name: place for place, name in enumerate(names)}
    hashes = tuple((algorithm, places[algorithm]) for algorithm in Algorithm if algorithm in places)
    if "id" not in places or not hashes:
        raise InvalidListError("The list cannot be read: its first line must name id and a hash column")
    for place, name in enumerate(names, start=1):
        # An unknown name may be a misspelt hash column: to pass over it would lose its hashes in silence.
        if name not in _COLUMNS:
            raise InvalidListError(f"The list cannot be read: column {place} of its header is not known")
    if len(places) != len(names):
        raise InvalidListError("The list cannot be read: its header names a column twice")
    return Layout(
        width=len(names),
        delimiter=",",
        scheme=RAW_SCHEME,
        id_column=places["id"],
        hash_columns=hashes,
        classify=lambda word: _CLASSES.get(word.lower()),
        withdrawn_words=WITHDRAWN_WORDS,
        category_column=places.get("category"),
        withdrawn_column=places.get("withdrawn"),
        is_word_content=False,
    )


def read_csv(stream: BinaryIO, *, max_bytes: int = LIST_MAX) -> Iterator[Entry | BadRow]:
    """Read a list, row by row.

    Blank lines and repeated rows are passed over. Of two rows that give the same id other content the first
    stands, and the second is reported.

    Args:
        max_bytes: how large the list may be.

    Yields:
        An Entry for each good row, a BadRow for each other, in the order of the file.

    Raises:
        InvalidListError: no header, one that cannot be understood, too large, or not UTF-8.
    """
    lines = read_lines(stream, max_bytes=max_bytes)
    names = [name.lower() for name in read_header(lines, ",")]
    yield from read_rows(lines, _find_layout(names))


def read_list(stream: BinaryIO, options: ReadOptions) -> Iterator[Entry | BadRow]:
    """Read a list for the registry; this format needs no option."""
    return read_csv(stream)
