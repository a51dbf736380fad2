"""Lists of hashes as CSV: one row per entry, the header names the columns.

Columns, in any order: `id` and at least one of `md5`, `sha1`, `sha256`, `pdq`, `phash`; optional `category`
(one of our classes; empty is unknown) and `withdrawn` (yes or no). UTF-8, with or without a byte order mark,
commas, one line per row. A bad row is reported with its line and the good ones go on; a reason never repeats
what the row holds, since that may be a hash.
"""

import csv
import hashlib
from collections.abc import Iterator, Mapping
from typing import TextIO

from hashsets.blank import is_blank
from hashsets.errors import InvalidHashError, InvalidListError
from hashsets.model import HEX_DIGITS, Algorithm, BadRow, Entry, EntryClass, normalise_hash

RAW_SCHEME = "csv"
"""Name of the scale under which the category's own word is kept."""

LINE_MAX = 8192
"""Characters of one line; a row of all columns at full length has less than 1000."""

ID_MAX = 200
"""Characters of an id."""

_HASH_COLUMNS = frozenset(str(algorithm) for algorithm in Algorithm)
_COLUMNS = _HASH_COLUMNS | {"id", "category", "withdrawn"}
_YES = frozenset({"yes", "true", "1"})
_NO = frozenset({"", "no", "false", "0"})


class _RowError(Exception):
    """One row cannot be used; the message says why."""


def _read_lines(stream: TextIO) -> Iterator[tuple[int, str]]:
    """Yield numbered lines without their ends; one that is too long comes cut, a character over the limit."""
    number = 0
    try:
        while line := stream.readline(LINE_MAX + 1):
            number += 1
            if len(line) > LINE_MAX:
                rest = line
                while rest and not rest.endswith("\n"):
                    rest = stream.readline(LINE_MAX + 1)
            yield number, line if len(line) > LINE_MAX else line.rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidListError("The list cannot be read: it is not UTF-8") from None


def _split_line(line: str) -> list[str]:
    if len(line) > LINE_MAX:
        raise _RowError(f"is longer than {LINE_MAX} characters")
    try:
        return [field.strip() for field in next(csv.reader([line], strict=True))]
    except csv.Error:
        raise _RowError("has a quote that is not closed or not alone") from None


def _read_header(line: str) -> list[str]:
    try:
        names = [name.lower() for name in _split_line(line.removeprefix("\ufeff"))]
    except _RowError as error:
        raise InvalidListError(f"The list cannot be read: its header {error}") from None
    if "id" not in names or not _HASH_COLUMNS.intersection(names):
        raise InvalidListError("The list cannot be read: its first line must name id and a hash column")
    for place, name in enumerate(names, start=1):
        # An unknown name may be a misspelt hash column: to pass over it would lose its hashes in silence.
        if name not in _COLUMNS:
            raise InvalidListError(f"The list cannot be read: column {place} of its header is not known")
    if len(set(names)) != len(names):
        raise InvalidListError("The list cannot be read: its header names a column twice")
    return names


def _read_hashes(row: Mapping[str, str]) -> frozenset[tuple[Algorithm, str]]:
    found: set[tuple[Algorithm, str]] = set()
    for algorithm in Algorithm:
        text = row.get(algorithm, "")
        if not text:
            continue
        try:
            value = normalise_hash(algorithm, text)
        except InvalidHashError:
            raise _RowError(f"has a {algorithm} that is not {HEX_DIGITS[algorithm]} hex digits") from None
        if is_blank(algorithm, value):
            raise _RowError(f"has the {algorithm} of an empty file or a blank picture")
        found.add((algorithm, value))
    return frozenset(found)


def _read_row(names: list[str], line: str) -> Entry:
    fields = _split_line(line)
    if len(fields) != len(names):
        raise _RowError(f"has {len(fields)} columns where the header has {len(names)}")
    row = dict(zip(names, fields, strict=True))
    source_key = row["id"]
    if not source_key:
        raise _RowError("has no id")
    if len(source_key) > ID_MAX or not source_key.isprintable():
        raise _RowError(f"has an id that is not {ID_MAX} printable characters or fewer")
    word = row.get("category", "")
    try:
        entry_class = EntryClass(word.lower()) if word else EntryClass.UNKNOWN
    except ValueError:
        raise _RowError("has a category that is not known") from None
    answer = row.get("withdrawn", "").lower()
    if answer not in _YES | _NO:
        raise _RowError("says neither yes nor no under withdrawn")
    hashes = _read_hashes(row)
    if not hashes and answer in _NO:
        raise _RowError("has no hash")
    return Entry(source_key, entry_class, RAW_SCHEME, word, hashes, withdrawn=answer in _YES)


def _digest_entry(entry: Entry) -> bytes:
    """Return a short digest of what an entry says, to tell repetition from contradiction in little memory."""
    said = (entry.entry_class, entry.withdrawn, sorted(entry.fingerprints))
    return hashlib.sha256(repr(said).encode()).digest()[:16]


def read_csv(stream: TextIO) -> Iterator[Entry | BadRow]:
    """Read a list, row by row.

    Blank lines and repeated rows are passed over. Of two rows that give the same id other content the first
    stands, and the second is reported.

    Args:
        stream: text opened as UTF-8 with strict errors.

    Yields:
        An Entry for each good row, a BadRow for each other, in the order of the file.

    Raises:
        InvalidListError: no header, one that cannot be understood, or not UTF-8.
    """
    lines = _read_lines(stream)
    _, first = next(lines, (0, ""))
    names = _read_header(first)
    seen: dict[str, bytes] = {}
    for number, line in lines:
        if not line.strip():
            continue
        try:
            entry = _read_row(names, line)
        except _RowError as error:
            yield BadRow(number, f"the row {error}")
            continue
        digest = _digest_entry(entry)
        if entry.source_key not in seen:
            seen[entry.source_key] = digest
            yield entry
        elif seen[entry.source_key] != digest:
            yield BadRow(number, "the row has an id that came before with other content")
