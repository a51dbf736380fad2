"""Sorted tables of fixed-width values, and exact search in them.

A table is three arrays: values (N, width) in the order of their bytes, as `memcmp` has it, without doubles of value and
entry; the entry number of each row; and for each value of the first bits where its rows begin.
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes2D = NDArray[np.uint8]
Numbers = NDArray[np.uint32]

ENTRY_WIDTH = 16
"""Bytes of an entry id."""

_MOST_PREFIX_BITS = 24


def as_columns(rows: Bytes2D) -> list[NDArray[np.uint64]]:
    """Return the rows as columns of numbers, most significant first, that compare as the bytes do."""
    count, width = rows.shape
    columns = []
    for start in range(0, width, 8):
        part = np.zeros((count, 8), dtype=np.uint8)
        part[:, : min(8, width - start)] = rows[:, start : start + 8]
        columns.append(part.view(">u8")[:, 0].astype(np.uint64))
    return columns


def order_rows(columns: list[NDArray[np.uint64]]) -> NDArray[np.int64] | None:
    """Return the order that sorts rows by columns of numbers, the first one first; None when they are sorted.

    Most rows differ in the first column already: only those that do not are compared further.
    """
    if _is_rising(columns):
        return None
    order = np.argsort(columns[0])
    first = columns[0][order]
    is_tied = np.zeros(len(first), np.bool_)
    np.equal(first[1:], first[:-1], out=is_tied[1:])
    is_tied[:-1] |= is_tied[1:]
    places = np.flatnonzero(is_tied)
    tied = order[places]
    order[places] = tied[np.lexsort([column[tied] for column in columns[::-1]])]
    return order


def _is_rising(columns: list[NDArray[np.uint64]]) -> bool:
    """Say whether no row is smaller than the one before."""
    falls = np.zeros(max(len(columns[0]) - 1, 0), dtype=np.bool_)
    equal = np.ones_like(falls)
    for column in columns:
        falls |= equal & (column[1:] < column[:-1])
        equal &= column[1:] == column[:-1]
    return not bool(falls.any())


def is_sorted(rows: Bytes2D) -> bool:
    """Say whether no row of (N, width) bytes is smaller than the one before."""
    return _is_rising(as_columns(rows))


def mark_new(columns: list[NDArray[np.uint64]]) -> NDArray[np.bool_]:
    """Say of each of sorted rows whether it differs from the one before."""
    differs = np.ones(len(columns[0]), dtype=np.bool_)
    if len(differs):
        differs[1:] = False
        for column in columns:
            differs[1:] |= column[1:] != column[:-1]
    return differs


def unite_ids(ids: Bytes2D) -> tuple[Bytes2D, NDArray[np.int64]]:
    """Sort entry ids and drop doubles.

    Args:
        ids: (N, 16), in any order.

    Returns:
        The sorted ids, and for each of the N where it stands among them.
    """
    columns = as_columns(ids)
    order = order_rows(columns)
    if order is not None:
        columns = [column[order] for column in columns]
    is_new = mark_new(columns)
    places = np.cumsum(is_new) - 1
    if order is None:
        return (ids if bool(is_new.all()) else ids[is_new]), places
    numbers = np.empty(len(ids), np.int64)
    numbers[order] = places
    return ids[order[is_new]], numbers


def find_ids(table: Bytes2D, wanted: Bytes2D) -> NDArray[np.bool_]:
    """Say of each wanted id whether it is in a sorted table of ids; both (N, 16), contiguous."""
    if not len(table) or not len(wanted):
        return np.zeros(len(wanted), np.bool_)
    words, asked = table.view("S16")[:, 0], wanted.view("S16")[:, 0]
    places = np.minimum(np.searchsorted(words, asked), len(words) - 1)
    return np.asarray(words[places] == asked)


def choose_prefix_bits(rows: int) -> int:
    """Return how many first bits the prefix offsets of so many rows go by: about four rows for each value."""
    return min((rows // 4).bit_length(), _MOST_PREFIX_BITS)


def _cut_prefixes(values: Bytes2D, bits: int) -> NDArray[np.int64]:
    heads = np.ascontiguousarray(values[:, :4]).view(">u4")[:, 0].astype(np.int64)
    return heads >> (32 - bits)


@dataclass(frozen=True, slots=True)
class ExactTable:
    """Digests of one algorithm.

    Attributes:
        values: (N, width), sorted.
        entries: (N,) entry numbers.
        prefixes: (2**bits + 1,) where the rows of each prefix begin.
    """

    values: Bytes2D
    entries: Numbers
    prefixes: Numbers

    def find(self, wanted: bytes) -> Numbers:
        """Return the entry numbers of a value; a damaged table may miss one but is never read beyond its end."""
        bits = (len(self.prefixes) - 1).bit_length() - 1
        prefix = int.from_bytes(wanted[:4], "big") >> (32 - bits)
        rows = range(len(self.values))[int(self.prefixes[prefix]) : int(self.prefixes[prefix + 1])]
        values = self.values
        first = last = rows.start + bisect_left(rows, wanted, key=lambda row: values[row].tobytes())
        while last < rows.stop and values[last].tobytes() == wanted:
            last += 1
        return self.entries[first:last]


def sort_table(values: Bytes2D, entries: NDArray[np.int64]) -> ExactTable:
    """Sort rows by value, then by entry number, and drop doubles.

    Args:
        values: (N, width), contiguous; N from 1.
        entries: (N,) entry numbers.
    """
    columns = [*as_columns(values), entries.astype(np.uint64)]
    order = order_rows(columns)
    if order is not None:
        columns, values, entries = [column[order] for column in columns], values[order], entries[order]
    is_new = mark_new(columns)
    if not bool(is_new.all()):
        values, entries = values[is_new], entries[is_new]
    bits = choose_prefix_bits(len(values))
    counts = np.bincount(_cut_prefixes(values, bits), minlength=1 << bits)
    prefixes = np.zeros((1 << bits) + 1, np.uint32)
    np.cumsum(counts, out=prefixes[1:])
    return ExactTable(np.ascontiguousarray(values), entries.astype(np.uint32), prefixes)


def is_whole(table: ExactTable) -> bool:
    """Say whether a table is sorted and its prefixes lead to the right rows; reads all of it."""
    bits = (len(table.prefixes) - 1).bit_length() - 1
    counts = np.bincount(_cut_prefixes(table.values, bits), minlength=1 << bits)
    ends = np.cumsum(counts)
    return (
        is_sorted(table.values) and table.prefixes[0] == 0 and bool(np.array_equal(table.prefixes[1:], ends))
    )
