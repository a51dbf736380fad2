"""Made-up PDQ hashes and queries for measurements, and what is truly near them.

Uniform hashes are random bits. In clustered ones a fifth are near-duplicates of a thousand centres. Half of the queries
are planted at 0 to 40 bits from a stored hash, the other half are random.
"""

from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from hashsets.digests import ENTRY_WIDTH

Words = NDArray[np.uint64]
Pairs = set[tuple[int, int, int]]
WIDTH = 32
"""Bytes of a PDQ hash."""

RADIUS = 31
_CENTRES = 1000
_SPREAD = 25
_FARTHEST = 41
_BLOCK = 1 << 20
_PROVED = 10


@dataclass(frozen=True, slots=True)
class HashData:
    """Stored hashes and queries.

    Attributes:
        stored: (N, 32) bytes; row n is the entry with the number n.
        queries: (Q, 32) bytes.
        planted: how many of the queries lie within the radius of the hash that they were made from.
    """

    stored: NDArray[np.uint8]
    queries: NDArray[np.uint8]
    planted: int

    def list_hex(self) -> list[str]:
        """Return the queries as hex."""
        return [row.tobytes().hex() for row in self.queries]


def make_data(size: int, *, is_clustered: bool, queries: int = 1000, seed: int = 1) -> HashData:
    """Make hashes and queries; the same arguments always give the same ones."""
    rng = np.random.default_rng([seed, size, is_clustered])
    stored: Words = rng.integers(0, 2**64, size=(size, 4), dtype=np.uint64)
    if is_clustered:
        centres: Words = rng.integers(0, 2**64, size=(_CENTRES, 4), dtype=np.uint64)
        places = rng.choice(size, size // 5, replace=False)
        near = centres[rng.integers(0, _CENTRES, len(places))]
        stored[places] = _flip(near, rng.integers(0, _SPREAD, len(places)), rng)
    asked: Words = rng.integers(0, 2**64, size=(queries, 4), dtype=np.uint64)
    distances = np.arange(queries // 2) % _FARTHEST
    asked[: queries // 2] = _flip(stored[rng.integers(0, size, queries // 2)], distances, rng)
    asked = asked[rng.permutation(queries)]
    return HashData(
        stored.view(np.uint8).reshape(-1, WIDTH),
        asked.view(np.uint8).reshape(-1, WIDTH),
        int((distances <= RADIUS).sum()),
    )


def _flip(hashes: Words, counts: NDArray[np.int64], rng: np.random.Generator) -> Words:
    """Return the hashes with so many bits turned, each."""
    turned = hashes.copy()
    for start in range(0, len(turned), 20_000):
        part = slice(start, start + 20_000)
        order = np.argsort(rng.random((len(turned[part]), 256), dtype=np.float32), axis=1)
        bits = (order < counts[part, np.newaxis]).astype(np.uint8)
        turned[part] ^= np.packbits(bits, axis=1).view(np.uint64)
    return turned


def make_entries(size: int) -> NDArray[np.uint8]:
    """Return (N, 16) bytes: the id of row n is the number n."""
    entries = np.zeros((size, ENTRY_WIDTH // 8), dtype=">u8")
    entries[:, -1] = np.arange(size)
    return entries.view(np.uint8)


def find_truth(data: HashData) -> Pairs:
    """Return (query, row, distance) of all pairs within the radius, by comparing every query with every hash.

    faiss does it block by block; numpy does the first few queries once more.

    Raises:
        SystemExit: the two do not agree.
    """
    found: Pairs = set()
    for start in range(0, len(data.stored), _BLOCK):
        flat = faiss.IndexBinaryFlat(WIDTH * 8)
        flat.add(data.stored[start : start + _BLOCK])
        limits, distances, rows = flat.range_search(data.queries, RADIUS + 1)
        numbers = np.repeat(np.arange(len(data.queries)), np.diff(limits.astype(np.int64)))
        found |= set(
            zip(numbers.tolist(), (rows + start).tolist(), distances.astype(int).tolist(), strict=True)
        )
    stored, queries = data.stored.view(np.uint64), data.queries.view(np.uint64)
    proved = set()
    for number in range(min(_PROVED, len(queries))):
        for start in range(0, len(stored), _BLOCK):
            off = np.bitwise_count(stored[start : start + _BLOCK] ^ queries[number]).sum(
                axis=1, dtype=np.uint16
            )
            proved |= {(number, start + int(row), int(off[row])) for row in np.flatnonzero(off <= RADIUS)}
    if proved != {pair for pair in found if pair[0] < _PROVED}:
        raise SystemExit(
            "two ways of comparing every pair do not agree: nothing can be measured against them"
        )
    return found
