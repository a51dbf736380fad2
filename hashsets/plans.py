"""Plans of near search: into which chunks a hash is cut, and in how many bits of each a row may differ.

Exactness is the pigeonhole: a row at distance d differs from the query in at most `radius` bits of at least one chunk,
as long as the sum of (radius + 1) over all chunks is more than d. Wide chunks leave few candidates and cost much memory
for their tables; so the plan is chosen by the number of rows, and for few rows every one is compared.

Hashes are kept under one fixed permutation of their bits: neighbouring bits of a picture's hash resemble each other,
and chunks of such bits would fill unevenly. The rule of the permutation is part of the format of the index: place j
holds the bit whose "bits:number" has the j-th smallest SHA-256. Bits of a hash are counted from the highest of its
first byte, places from the lowest of the first word.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from hashsets.model import HEX_DIGITS, Algorithm
from hashsets.thresholds import PDQ_RADIUS, PHASH_RADIUS

WIDEST = 28
"""Bits of a chunk, at most: its table has a place for each of its values."""

MOST_MASKS = 4096
"""Values of a chunk that are looked up for one query, at most: SCRATCH in `_kernels.c`."""


@dataclass(frozen=True)
class Plan:
    """One way to cut hashes of a length.

    Attributes:
        name: as the manifest has it.
        bits: length of the hashes.
        radius: bits; everything within it is found by the chunks alone.
        chunks: width and radius of each chunk, from the lowest place on; none: every row is compared.
    """

    name: str
    bits: int
    radius: int
    chunks: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        """Refuse a plan that could miss a row.

        Raises:
            ValueError: the widths do not add up, or the radii leave a gap.
        """
        if not self.chunks:
            return
        if sum(width for width, _ in self.chunks) != self.bits:
            raise ValueError(f"the chunks of {self.name} do not have all bits")
        if sum(radius + 1 for _, radius in self.chunks) < self.radius + 1:
            raise ValueError(f"the chunks of {self.name} miss rows within its radius")
        if any(not 0 <= radius < width <= WIDEST for width, radius in self.chunks):
            raise ValueError(f"a chunk of {self.name} is too wide")
        if any(
            sum(comb(width, ones) for ones in range(radius + 1)) > MOST_MASKS for width, radius in self.chunks
        ):
            raise ValueError(f"a chunk of {self.name} has too many neighbours")

    @property
    def words(self) -> int:
        """Numbers of 64 bits in a hash."""
        return self.bits // 64

    @cached_property
    def widths(self) -> NDArray[np.int64]:
        """Bits of each chunk."""
        return np.array([width for width, _ in self.chunks], np.int64)

    @cached_property
    def radii(self) -> NDArray[np.int64]:
        """Bits in which each chunk may differ."""
        return np.array([radius for _, radius in self.chunks], np.int64)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Place of each chunk's first bit."""
        return np.cumsum(self.widths) - self.widths

    @cached_property
    def tables(self) -> NDArray[np.int64]:
        """Where the offsets of each chunk begin."""
        sizes = (np.int64(1) << self.widths) + 1
        return np.asarray(np.cumsum(sizes) - sizes, np.int64)

    @cached_property
    def masks(self) -> NDArray[np.uint32]:
        """For each chunk, all numbers of its width with at most its radius of ones; one chunk after the other."""
        found = [list_masks(width, radius) for width, radius in self.chunks]
        return np.concatenate(found) if found else np.zeros(0, np.uint32)

    @cached_property
    def mask_ends(self) -> NDArray[np.int64]:
        """Where the masks of each chunk end."""
        counts = [len(list_masks(width, radius)) for width, radius in self.chunks]
        return np.array(list(accumulate(counts)), np.int64)

    def count_offsets(self) -> int:
        """Return how many offsets all chunks have together."""
        return sum((1 << width) + 1 for width, _ in self.chunks)


@cache
def list_masks(width: int, radius: int) -> NDArray[np.uint32]:
    """Return all numbers of `width` bits with at most `radius` ones, rising."""
    found = [
        sum(1 << place for place in places)
        for ones in range(radius + 1)
        for places in combinations(range(width), ones)
    ]
    return np.array(sorted(found), np.uint32)


@cache
def list_bits(bits: int) -> NDArray[np.int64]:
    """Return the fixed permutation: for each place the bit of the hash that stands there."""
    words = [hashlib.sha256(f"{bits}:{bit}".encode()).digest() for bit in range(bits)]
    return np.array(sorted(range(bits), key=words.__getitem__), np.int64)


@cache
def list_turns(bits: int) -> NDArray[np.uint64]:
    """Return what each hex digit of a hash sets once permuted: shape (bits // 4, 16, bits // 64)."""
    single = np.zeros((bits, bits // 64), np.uint64)
    for place, bit in enumerate(list_bits(bits)):
        single[bit, place // 64] = np.uint64(1) << np.uint64(place % 64)
    turns = np.zeros((bits // 4, 16, bits // 64), np.uint64)
    digits = np.arange(16)
    for bit in range(4):
        is_set = (digits >> (3 - bit) & 1).astype(np.uint64)
        turns |= is_set[None, :, None] * single[bit::4][:, None, :]
    return turns


def _plan(name: str, algorithm: Algorithm, *chunks: tuple[int, int, int]) -> Plan:
    """Return a plan of (how many chunks, width, radius)."""
    radius = {Algorithm.PDQ: PDQ_RADIUS, Algorithm.PHASH: PHASH_RADIUS}[algorithm]
    cut = tuple((width, each) for count, width, each in chunks for _ in range(count))
    return Plan(name, HEX_DIGITS[algorithm] * 4, radius, cut)


PLANS: Mapping[Algorithm, tuple[tuple[int, Plan], ...]] = {
    Algorithm.PDQ: (
        (0, _plan("flat", Algorithm.PDQ)),
        (4_000, _plan("pdq16", Algorithm.PDQ, (16, 16, 1))),
        (250_000, _plan("pdq14", Algorithm.PDQ, (10, 17, 1), (2, 22, 2), (2, 21, 2))),
        (700_000, _plan("pdq12", Algorithm.PDQ, (4, 19, 1), (4, 22, 2), (4, 23, 2))),
        (4_000_000, _plan("pdq11", Algorithm.PDQ, (1, 23, 1), (7, 23, 2), (3, 24, 2))),
        (40_000_000, _plan("pdq10", Algorithm.PDQ, (8, 25, 2), (2, 28, 3))),
    ),
    Algorithm.PHASH: (
        (0, _plan("flat", Algorithm.PHASH)),
        (4_000, _plan("phash4", Algorithm.PHASH, (3, 15, 1), (1, 19, 2))),
        (1_000_000, _plan("phash3", Algorithm.PHASH, (2, 21, 2), (1, 22, 2))),
    ),
}
"""For each perceptual algorithm, from how many rows on which plan is the best; by measurement."""


def choose_plan(algorithm: Algorithm, rows: int) -> Plan:
    """Return the plan for so many rows of a perceptual algorithm."""
    return [plan for least, plan in PLANS[algorithm] if rows >= least][-1]


def find_plan(algorithm: Algorithm, name: str) -> Plan | None:
    """Return the plan of a name, or None."""
    return next((plan for _, plan in PLANS[algorithm] if plan.name == name), None)
