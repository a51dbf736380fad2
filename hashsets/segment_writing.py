"""Writing the files of one segment: arrays are computed, while those before are written and summed up beside.

1. Number the entries; an entry with hashes of several algorithms is named once.
2. Sort the digests; permute the hashes and sort them by each chunk of the plan that fits their number.
3. When all is written, sync each file, then the folder.
"""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashsets.digests import ENTRY_WIDTH, Bytes2D, sort_table, unite_ids
from hashsets.model import DIGESTS, HEX_DIGITS, Algorithm
from hashsets.near_kernels import Words, permute_hashes, sort_by_chunk
from hashsets.plans import choose_plan
from hashsets.segment_files import NEAR, FileSpec, PackedRows, SegmentSpec

MOST_ROWS = 1 << 32

Append = Callable[[str, NDArray[Any]], None]


class _File:
    """One file in the making; at most one array waits to be written, so that memory stays bounded."""

    def __init__(self, path: Path, pool: ThreadPoolExecutor) -> None:
        self._stream = path.open("xb", buffering=0)
        path.chmod(0o640)
        self._pool, self._digest, self._size = pool, hashlib.sha256(), 0
        self._last: Future[None] | None = None

    def append(self, array: NDArray[Any]) -> None:
        """Write an array after those before it."""
        if self._last is not None:
            self._last.result()
        self._last = self._pool.submit(self._write, np.ascontiguousarray(array))

    def _write(self, array: NDArray[Any]) -> None:
        data = array.reshape(-1).view(np.uint8).data
        self._digest.update(data)
        self._size += len(data)
        while data:
            data = data[self._stream.write(data) :]

    def finish(self) -> FileSpec:
        """Sync the file and say what it is."""
        if self._last is not None:
            self._last.result()
        os.fsync(self._stream.fileno())
        return FileSpec(self._size, self._digest.hexdigest())

    def close(self) -> None:
        """Let the file go, finished or not."""
        self._stream.close()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_segment(target: Path, rows: PackedRows, superseded: Bytes2D) -> SegmentSpec:
    """Write and sync all files of a segment. Takes up to about three times the memory of the given rows.

    Args:
        target: a new, empty folder; its name is the segment's.
        rows: what it holds.
        superseded: (S, 16) ids, in any order.

    Raises:
        ValueError: values of the wrong length, 2**32 rows or more.
        OSError: it cannot be written.
    """
    rows = {algorithm: pair for algorithm, pair in rows.items() if len(pair[0])}
    _check_rows(rows)
    entries, numbers = _number_entries(rows)
    gone, _ = unite_ids(superseded)
    counts: dict[Algorithm, int] = {}
    plans: dict[Algorithm, str] = {}
    made: dict[str, _File] = {}
    pool = ThreadPoolExecutor(1)

    def append(name: str, array: NDArray[Any]) -> None:
        if name not in made:
            made[name] = _File(target / name, pool)
        made[name].append(array)

    try:
        for name, ids in (("entries", entries), ("superseded", gone)):
            if len(ids):
                append(name, ids)
        for algorithm, (values, _) in rows.items():
            if algorithm in DIGESTS:
                counts[algorithm] = _write_digests(
                    append, algorithm, values.view(np.uint8), numbers[algorithm]
                )
            else:
                counts[algorithm] = len(values)
                plans[algorithm] = _write_near(append, algorithm, values, numbers[algorithm])
        files = {name: file.finish() for name, file in made.items()}
    finally:
        pool.shutdown()
        for file in made.values():
            file.close()
    sync_folder(target)
    return SegmentSpec(target.name, len(entries), len(gone), counts, plans, files)


def _check_rows(rows: PackedRows) -> None:
    for algorithm, (values, ids) in rows.items():
        width = HEX_DIGITS[algorithm] // 2
        if values.ndim != 2 or values.shape[1] * values.itemsize != width:
            raise ValueError(f"{algorithm} must be {width} bytes")
        if ids.shape != (len(values), ENTRY_WIDTH) or len(values) >= MOST_ROWS:
            raise ValueError(f"{algorithm} must have an entry id for each of fewer than 2**32 rows")


def _number_entries(rows: PackedRows) -> tuple[Bytes2D, dict[Algorithm, NDArray[np.int64]]]:
    """Return entry ids, and for each algorithm the place of each row's entry among them."""
    if not rows:
        return np.zeros((0, ENTRY_WIDTH), np.uint8), {}
    if len(rows) == 1 and next(iter(rows)) in NEAR:
        # Nothing is sorted where rows may stay as they come: an entry of two such hashes is named twice.
        ((algorithm, (_, ids)),) = rows.items()
        return np.ascontiguousarray(ids), {algorithm: np.arange(len(ids))}
    entries, numbers = unite_ids(np.concatenate([ids for _, ids in rows.values()]))
    ends = np.cumsum([len(values) for values, _ in rows.values()])
    return entries, dict(zip(rows, np.split(numbers, ends[:-1]), strict=True))


def _write_digests(append: Append, algorithm: Algorithm, values: Bytes2D, entries: NDArray[np.int64]) -> int:
    """Write a sorted table and return its rows."""
    table = sort_table(values, entries)
    append(f"{algorithm}.values", table.values)
    append(f"{algorithm}.entries", table.entries)
    append(f"{algorithm}.prefixes", table.prefixes)
    return len(table.values)


def _write_near(
    append: Append, algorithm: Algorithm, values: Bytes2D | Words, entries: NDArray[np.int64]
) -> str:
    """Write permuted hashes by entry number, and their chunks; return the name of the plan."""
    plan = choose_plan(algorithm, len(values))
    if (entries[1:] < entries[:-1]).any():
        order = np.argsort(entries, kind="stable")
        values, entries = values[order], entries[order]
    if not np.array_equal(entries, np.arange(len(entries))):
        append(f"{algorithm}.entries", entries.astype(np.uint32))
    if values.dtype == np.uint64:
        turned = np.ascontiguousarray(values, np.uint64)
    else:
        turned = permute_hashes(np.ascontiguousarray(values, np.uint8), plan.bits)
    append(f"{algorithm}.values", turned)
    for number in range(len(plan.chunks)):
        offsets, ids = sort_by_chunk(turned, plan, number)
        append(f"{algorithm}.offsets", offsets)
        append(f"{algorithm}.ids", ids)
    return plan.name
