"""The full check of one segment: every byte is read, every number is held to what it counts."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashsets.digests import is_sorted, is_whole
from hashsets.errors import IndexUnreadableError
from hashsets.near_kernels import NearTable
from hashsets.segment_files import Segment

_BLOCK = 1 << 22


def check_segment(folder: Path, segment: Segment) -> None:
    """Compare a mapped segment with its checksums and with itself.

    Args:
        folder: of the index.

    Raises:
        IndexUnreadableError: a checksum is wrong, or a table out of order.
        OSError: a file cannot be read.
    """
    check_sums(folder, segment)
    entries = len(segment.entries)
    numbers = [each for each in segment.entries_of.values() if each is not None]
    is_sound = (
        is_sorted(segment.superseded)
        and all(_is_below(each, entries) for each in numbers)
        and all(is_whole(table) for table in segment.exact.values())
        and all(_is_near_whole(table) for table in segment.near.values())
    )
    if not is_sound:
        raise IndexUnreadableError("The index cannot be read: a table is out of order")


def check_sums(folder: Path, segment: Segment) -> None:
    """Compare the files of a segment with their SHA-256.

    Raises:
        IndexUnreadableError: one differs.
        OSError: a file cannot be read.
    """
    for name, spec in segment.spec.files.items():
        with (folder / segment.spec.name / name).open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != spec.sha256:
                raise IndexUnreadableError("The index cannot be read: a file's checksum is wrong")


def _is_below(numbers: NDArray[np.uint32], limit: int) -> bool:
    return not len(numbers) or int(numbers.max()) < limit


def _is_near_whole(table: NearTable) -> bool:
    """Say whether the offsets of each chunk rise from nothing to all rows, and all ids are rows."""
    rows, plan = len(table.values), table.plan
    for start, width in zip(plan.tables, plan.widths, strict=True):
        offsets = table.offsets[start : start + (1 << int(width)) + 1]
        if offsets[0] != 0 or offsets[-1] != rows:
            return False
        for first in range(0, len(offsets), _BLOCK):
            part = offsets[first : first + _BLOCK + 1]
            if (part[1:] < part[:-1]).any():
                return False
    return _is_below(table.ids, rows)
