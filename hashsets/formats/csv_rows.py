"""Rows of CSV to entries, for any layout of columns.

1. Decode the stream piece by piece and cut it into lines; one line is one row.
2. A row that is plainly right is taken apart by one regular expression, made for the layout.
3. Any other row goes the slow way, field by field, which either understands it or says what is wrong with it.

A reason never repeats what the row holds, since that may be a hash.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from hashsets.errors import InvalidListError
from hashsets.formats.caps import FIELD_MAX, ID_MAX, LIST_MAX, read_chunks
from hashsets.formats.entries import FirstOfEach, RecordError, check_hashes, check_id, check_word
from hashsets.formats.moments import parse_moment
from hashsets.model import HEX_DIGITS, Algorithm, BadRow, Entry, EntryClass

LINE_MAX = FIELD_MAX
"""Characters of one line; a row of all columns at full length has less than 1000."""

PHOTODNA = "PhotoDNA hashes"
"""What PhotoDNA is counted under when it is passed over: we have no way to compare it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column holds what, and what its words mean; columns are numbered from 0.

    Attributes:
        width: columns of a row.
        scheme: name of the provider's own scale.
        classify: gives the class of a word of the category column, None for a word that is not known; called with
            an empty text if there is no such column.
        withdrawn_words: word in lower case → whether it says that the entry is taken back.
        is_word_content: two rows of one id that differ in the category's own word only contradict each other.
    """

    width: int
    delimiter: str
    scheme: str
    id_column: int
    hash_columns: tuple[tuple[Algorithm, int], ...]
    classify: Callable[[str], EntryClass | None]
    withdrawn_words: Mapping[str, bool]
    category_column: int | None = None
    withdrawn_column: int | None = None
    revised_column: int | None = None
    photodna_column: int | None = None
    is_word_content: bool = True


def read_lines(
    stream: BinaryIO, encoding: str = "utf-8-sig", max_bytes: int = LIST_MAX
) -> Iterator[tuple[int, str]]:
    """Yield numbered lines without their ends; one that is too long comes cut, a character over LINE_MAX.

    Raises:
        InvalidListError: the stream is too large, or not in the encoding.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    count, rest = 0, ""
    try:
        for chunk in chain(read_chunks(stream, max_bytes), [b""]):
            lines = (rest + decoder.decode(chunk, final=not chunk)).split("\n")
            rest = lines.pop()[: LINE_MAX + 1]
            for number, line in enumerate(lines, start=count + 1):
                yield number, line if len(line) <= LINE_MAX else line[: LINE_MAX + 1]
            count += len(lines)
    except UnicodeError:
        named = encoding.removesuffix("-sig").upper()
        raise InvalidListError(f"The list cannot be read: it is not {named}") from None
    if rest:
        yield count + 1, rest


def split_line(line: str, delimiter: str) -> list[str]:
    """Return the fields of one line, without the blanks around them.

    Raises:
        RecordError: it is too long or its quotes do not fit.
    """
    if len(line) > LINE_MAX:
        raise RecordError(f"is longer than {LINE_MAX} characters")
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except csv.Error:
        raise RecordError("has a quote that is not closed or not alone") from None


def read_header(lines: Iterator[tuple[int, str]], delimiter: str) -> list[str]:
    """Return the names of the first line, as they are written.

    Raises:
        InvalidListError: its quotes do not fit or it is too long.
    """
    _, first = next(lines, (0, ""))
    if not first:
        return []
    try:
        return split_line(first.removeprefix("\ufeff"), delimiter)
    except RecordError as error:
        raise InvalidListError(f"The list cannot be read: its header {error}") from None


def read_rows(
    lines: Iterator[tuple[int, str]], layout: Layout, passed_over: Counter[str] | None = None
) -> Iterator[Entry | BadRow]:
    """Read the rows after the header.

    Blank lines and repeated rows are passed over. Of two rows that give the same id other content the first
    stands, and the second is reported.

    Args:
        passed_over: takes what the rows hold and we have no use for.

    Yields:
        An Entry for each good row, a BadRow for each other, in the order of the file.
    """
    match_plainly = _compile_plain_row(layout).fullmatch
    seen = FirstOfEach()
    width, photodna = layout.width, layout.photodna_column
    for number, line in lines:
        plain = match_plainly(line) if len(line) <= LINE_MAX else None
        try:
            entry = plain and _read_plainly(plain.groups(), layout, number)
            if not entry:
                if not line or line.isspace():
                    continue
                fields = split_line(line, layout.delimiter)
                if len(fields) != width:
                    raise RecordError(f"has {len(fields)} columns where the header has {width}")
                entry = _read_slowly(fields, layout, number)
            said: tuple[object, ...] = (entry.entry_class, entry.withdrawn, entry.fingerprints)
            if layout.is_word_content:
                said = (*said, entry.raw_value)
            if not seen.is_new(entry.source_key, said):
                continue
        except RecordError as error:
            yield BadRow(number, f"the row {error}")
            continue
        if photodna is not None and passed_over is not None:
            passed_over[PHOTODNA] += bool(plain[photodna + 1] if plain else fields[photodna])
        yield entry


def _compile_plain_row(layout: Layout) -> re.Pattern[str]:
    """Return what a plain row looks like: no quotes, and hashes that have their length; a group for each column."""
    lengths = {column: HEX_DIGITS[algorithm] for algorithm, column in layout.hash_columns}
    anything = rf'([^"{re.escape(layout.delimiter)}]*)'
    columns = (
        f"([0-9A-Fa-f]{{{lengths[at]}}}|)" if at in lengths else anything for at in range(layout.width)
    )
    return re.compile(re.escape(layout.delimiter).join(columns))


def _read_plainly(fields: tuple[str, ...], layout: Layout, line: int) -> Entry | None:
    """Return the entry of a row whose hashes are known to have their form; None if it needs a closer look."""
    source_key = fields[layout.id_column].strip()
    if not source_key or len(source_key) > ID_MAX or not source_key.isprintable():
        return None
    hashes = []
    for algorithm, column in layout.hash_columns:
        value = fields[column]
        if value:
            hashes.append((algorithm, value.lower()))
    word = "" if layout.category_column is None else fields[layout.category_column].strip()
    entry_class = layout.classify(word)
    if not hashes or entry_class is None or len(word) > ID_MAX or not word.isprintable():
        return None
    withdrawn = False
    if layout.withdrawn_column is not None:
        answer = layout.withdrawn_words.get(fields[layout.withdrawn_column].strip().lower())
        if answer is None:
            return None
        withdrawn = answer
    revised_at = None
    if layout.revised_column is not None and (moment := fields[layout.revised_column].strip()):
        try:
            revised_at = parse_moment(moment)
        except ValueError:
            return None
    return Entry(source_key, entry_class, layout.scheme, word, frozenset(hashes), withdrawn, revised_at, line)


def _read_slowly(fields: list[str], layout: Layout, line: int) -> Entry:
    source_key = check_id(fields[layout.id_column])
    word = "" if layout.category_column is None else check_word(fields[layout.category_column])
    entry_class = layout.classify(word)
    if entry_class is None:
        raise RecordError("has a category that is not known")
    withdrawn = False
    if layout.withdrawn_column is not None:
        answer = layout.withdrawn_words.get(fields[layout.withdrawn_column].lower())
        if answer is None:
            raise RecordError("says neither yes nor no under withdrawn")
        withdrawn = answer
    hashes = check_hashes((algorithm, fields[at]) for algorithm, at in layout.hash_columns if fields[at])
    if not hashes and not withdrawn:
        raise RecordError("has no hash")
    revised_at = None
    if layout.revised_column is not None and fields[layout.revised_column]:
        try:
            revised_at = parse_moment(fields[layout.revised_column])
        except ValueError:
            raise RecordError("has a time that is not ISO 8601 with an offset") from None
    return Entry(source_key, entry_class, layout.scheme, word, hashes, withdrawn, revised_at, line)
