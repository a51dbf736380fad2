"""The files of one segment: a folder of plain arrays that is written once and never changed.

    entries            (E, 16)  entry ids; all else names entries by their number in here
    superseded         (S, 16)  ids, sorted, of entries that older segments may hold and that count no more there
    sha256.values      (N, 32)  digests, sorted; also sha1.*, md5.*
    sha256.entries     (N,)     entry number of each row
    sha256.prefixes    (2^b+1,) where the rows of each first b bits begin
    pdq.values         (N, 4)   permuted hashes, by entry number; also phash.*
    pdq.entries        (N,)     entry number of each row; left out where row i is of entry i
    pdq.offsets        …        for each chunk of the plan, where the rows of each of its values begin
    pdq.ids            (c·N,)   for each chunk, the rows by its value

Numbers are 32 bits and those of hashes 64, in the machine's own order. Arrays without rows have no file.
"""

import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashsets.digests import (
    ENTRY_WIDTH,
    Bytes2D,
    ExactTable,
    Numbers,
    choose_prefix_bits,
)
from hashsets.errors import IndexUnreadableError
from hashsets.model import DIGESTS, HEX_DIGITS, Algorithm
from hashsets.near_kernels import NearTable, Words
from hashsets.plans import Plan, find_plan

NEAR = (Algorithm.PDQ, Algorithm.PHASH)
"""The algorithms that are searched within a radius."""

PackedRows = Mapping[Algorithm, tuple[Bytes2D | Words, Bytes2D]]
"""For each algorithm values and entry ids (N, 16), in any order, doubles allowed. Values are bytes (N, width), or for
NEAR already permuted numbers (N, words)."""


@dataclass(frozen=True, slots=True)
class FileSpec:
    """Size in bytes and SHA-256 in hex of one file."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SegmentSpec:
    """What a manifest says of one segment.

    Attributes:
        name: of its folder.
        entries: number of entries.
        superseded: number of ids that count no more in older segments.
        rows: hashes of each algorithm that it has any of.
        plans: name of the plan of each perceptual one.
        files: all its files.
    """

    name: str
    entries: int
    superseded: int
    rows: Mapping[Algorithm, int]
    plans: Mapping[Algorithm, str]
    files: Mapping[str, FileSpec]

    def count_bytes(self) -> int:
        """Return the size of all files."""
        return sum(each.size for each in self.files.values())

    def list_arrays(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Return type and shape of each file's array, as the numbers of rows and the plans have it.

        Raises:
            IndexUnreadableError: a plan is missing or unknown.
        """
        arrays: dict[str, tuple[str, tuple[int, ...]]] = {
            "entries": ("u1", (self.entries, ENTRY_WIDTH)),
            "superseded": ("u1", (self.superseded, ENTRY_WIDTH)),
        }
        for algorithm, rows in self.rows.items():
            if algorithm in DIGESTS:
                arrays[f"{algorithm}.values"] = ("u1", (rows, HEX_DIGITS[algorithm] // 2))
                arrays[f"{algorithm}.prefixes"] = ("u4", ((1 << choose_prefix_bits(rows)) + 1,))
            else:
                plan = self.plan_of(algorithm)
                arrays[f"{algorithm}.values"] = ("u8", (rows, plan.words))
                arrays[f"{algorithm}.offsets"] = ("u4", (plan.count_offsets(),))
                arrays[f"{algorithm}.ids"] = ("u4", (rows * len(plan.chunks),))
            if algorithm in DIGESTS or f"{algorithm}.entries" in self.files:
                arrays[f"{algorithm}.entries"] = ("u4", (rows,))
        return {name: each for name, each in arrays.items() if prod(each[1])}

    def plan_of(self, algorithm: Algorithm) -> Plan:
        """Return the plan of a perceptual algorithm."""
        plan = find_plan(algorithm, self.plans.get(algorithm, ""))
        if plan is None:
            raise IndexUnreadableError("The index cannot be read: it has an unknown plan")
        return plan


@dataclass(frozen=True, slots=True)
class Segment:
    """One opened segment; its arrays are read-only maps."""

    spec: SegmentSpec
    entries: Bytes2D
    superseded: Bytes2D
    exact: Mapping[Algorithm, ExactTable]
    near: Mapping[Algorithm, NearTable]
    entries_of: Mapping[Algorithm, Numbers | None] = field(default_factory=dict)

    def name_entries(self, numbers: NDArray[Any]) -> Bytes2D:
        """Return the ids (N, 16) of entry numbers.

        Raises:
            IndexUnreadableError: a number is of no entry.
        """
        found: Bytes2D = self.entries[self._checked(numbers)]
        return found

    def number_rows(self, algorithm: Algorithm) -> NDArray[Any]:
        """Return the entry number of each row of an algorithm.

        Raises:
            IndexUnreadableError: a number is of no entry.
        """
        if algorithm in self.exact:
            return self._checked(self.exact[algorithm].entries)
        numbers = self.entries_of[algorithm]
        return np.arange(len(self.near[algorithm].values)) if numbers is None else self._checked(numbers)

    def _checked(self, numbers: NDArray[Any]) -> NDArray[Any]:
        if len(numbers) and int(numbers.max()) >= len(self.entries):
            raise IndexUnreadableError("The index cannot be read: a row is of no entry")
        return numbers


def map_segment(folder: Path, spec: SegmentSpec) -> Segment:
    """Map all files of a segment and check that they fit together.

    Args:
        folder: of the index.

    Raises:
        IndexUnreadableError: sizes, rows and plans contradict each other.
        OSError: a file cannot be opened.
    """
    wanted = spec.list_arrays()
    if set(wanted) != set(spec.files):
        raise IndexUnreadableError("The index cannot be read: its manifest contradicts itself")
    maps: dict[str, NDArray[Any]] = {}
    for name, (kind, shape) in wanted.items():
        dtype = np.dtype(kind)
        if spec.files[name].size != prod(shape) * dtype.itemsize:
            raise IndexUnreadableError("The index cannot be read: its manifest contradicts itself")
        maps[name] = _map_file(folder / spec.name / name, spec.files[name].size).view(dtype).reshape(shape)
    none, numbers, ids = (
        np.zeros(0, np.uint32),
        dict[Algorithm, Numbers | None](),
        np.zeros((0, 16), np.uint8),
    )
    exact: dict[Algorithm, ExactTable] = {}
    near: dict[Algorithm, NearTable] = {}
    for algorithm in spec.rows:
        values, numbers[algorithm] = maps[f"{algorithm}.values"], maps.get(f"{algorithm}.entries")
        if algorithm in DIGESTS:
            exact[algorithm] = ExactTable(values, maps[f"{algorithm}.entries"], maps[f"{algorithm}.prefixes"])
            continue
        offsets, rows = maps.get(f"{algorithm}.offsets", none), maps.get(f"{algorithm}.ids", none)
        near[algorithm] = NearTable(values, offsets, rows, spec.plan_of(algorithm))
    found = Segment(spec, maps.get("entries", ids), maps.get("superseded", ids), exact, near, numbers)
    if not looks_whole(found):
        raise IndexUnreadableError("The index cannot be read: a table is out of order")
    return found


def _map_file(path: Path, size: int) -> NDArray[np.uint8]:
    with path.open("rb", buffering=0) as stream:
        if os.fstat(stream.fileno()).st_size != size:
            raise IndexUnreadableError("The index cannot be read: a file has the wrong size")
        return np.frombuffer(mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ), dtype=np.uint8)


_SAMPLES = 16


def looks_whole(segment: Segment) -> bool:
    """Say whether the tables agree at their ends and at a few places in between; costs microseconds."""
    for table in segment.exact.values():
        if table.prefixes[0] != 0 or table.prefixes[-1] != len(table.values):
            return False
    for algorithm, near in segment.near.items():
        rows, plan = len(near.values), near.plan
        if segment.entries_of[algorithm] is None and rows > len(segment.entries):
            return False
        if not plan.chunks:
            continue
        sizes = np.int64(1) << plan.widths
        firsts, lasts = near.offsets[plan.tables], near.offsets[plan.tables + sizes]
        places = (plan.tables[:, None] + sizes[:, None] // _SAMPLES * np.arange(_SAMPLES)).reshape(-1)
        ends = near.ids[np.arange(len(plan.chunks)) * rows]
        if firsts.any() or (lasts != rows).any() or (ends >= rows).any():
            return False
        if (near.offsets[places] > near.offsets[places + 1]).any() or (near.offsets[places] > rows).any():
            return False
    return True
