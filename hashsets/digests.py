"""Sorted tables of fixed-width values with their entries, and exact search in them.

A table is two arrays of equal length: values (N, width) and entry ids (N, 16), both bytes, sorted by value,
then by entry, without doubles. Byte order is the order of the bytes, as `memcmp` has it.
"""

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Bytes2D = NDArray[np.uint8]

ENTRY_WIDTH = 16
"""Bytes of an entry id."""


def _as_columns(rows: Bytes2D) -> list[NDArray[np.uint64]]:
    """Return the rows as columns of numbers, most significant first, that compare as the bytes do."""
    count, width = rows.shape
    padded = np.zeros((count, -(-width // 8) * 8), dtype=np.uint8)
    padded[:, :width] = rows
    numbers = padded.view(">u8")
    return [numbers[:, place].astype(np.uint64) for place in range(numbers.shape[1])]


def sort_table(packed: bytes | bytearray, width: int) -> tuple[Bytes2D, Bytes2D]:
    """Sort rows of value and entry id, and drop doubles.

    Args:
        packed: rows of `width` + 16 bytes, one after the other.
        width: bytes of a value.

    Returns:
        Values (N, width) and entry ids (N, 16).
    """
    rows = np.frombuffer(packed, dtype=np.uint8).reshape(-1, width + ENTRY_WIDTH)
    columns = _as_columns(rows)
    rows = rows[np.lexsort(columns[::-1])]
    keep = np.ones(len(rows), dtype=np.bool_)
    keep[1:] = np.any(rows[1:] != rows[:-1], axis=1)
    rows = rows[keep]
    return np.ascontiguousarray(rows[:, :width]), np.ascontiguousarray(rows[:, width:])


def is_sorted(values: Bytes2D) -> bool:
    """Say whether no row of (N, width) bytes is smaller than the one before."""
    falls = np.zeros(max(len(values) - 1, 0), dtype=np.bool_)
    equal = np.ones_like(falls)
    for column in _as_columns(values):
        falls |= equal & (column[1:] < column[:-1])
        equal &= column[1:] == column[:-1]
    return not bool(falls.any())


def find_equal(values: Bytes2D, wanted: bytes) -> Iterator[int]:
    """Yield the rows of a sorted table whose value equals the wanted one.

    Args:
        values: sorted (N, width) bytes.
        wanted: `width` bytes.
    """
    row = bisect_left(range(len(values)), wanted, key=lambda place: values[place].tobytes())
    while row < len(values) and values[row].tobytes() == wanted:
        yield row
        row += 1
