"""Everything within a radius, exactly: digests by bisection, PDQ and pHash by comparing with each hash."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from hashsets.blank import is_blank
from hashsets.digests import find_equal
from hashsets.model import (
    DIGESTS,
    HEX_DIGITS,
    UPRIGHT,
    Algorithm,
    Fingerprint,
    Hit,
    HitKind,
    normalise_hash,
)
from hashsets.segments import Generation, Table, is_current, open_generation
from hashsets.thresholds import PDQ_MIN_QUALITY, PDQ_RADIUS, PHASH_RADIUS

_CHUNK = 1 << 15
"""Rows compared at once: a chunk of PDQ is one megabyte and stays in the cache for all queries."""


def _is_searched(fingerprint: Fingerprint, *, dihedral: bool) -> bool:
    """Say whether a query says enough to be compared. A PDQ of unknown quality is: a person gave it."""
    if fingerprint.algorithm is Algorithm.PDQ:
        if fingerprint.quality is not None and fingerprint.quality < PDQ_MIN_QUALITY:
            return False
        if fingerprint.orientation not in ("r0", UPRIGHT) and not dihedral:
            return False
    return not is_blank(fingerprint.algorithm, fingerprint.value)


def _find_near(table: Table, values: Sequence[bytes], radius: int) -> Iterator[tuple[int, int, int]]:
    """Yield (query, row, distance) for every row within the radius of a query."""
    rows: NDArray[np.uint64] = table.values.view(np.uint64)
    queries = [np.frombuffer(value, dtype=np.uint64) for value in values]
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        for number, query in enumerate(queries):
            distances = np.bitwise_count(chunk[:, 0] ^ query[0]).astype(np.uint16)
            for word in range(1, rows.shape[1]):
                distances += np.bitwise_count(chunk[:, word] ^ query[word])
            for place in np.flatnonzero(distances <= radius):
                yield number, start + int(place), int(distances[place])


def _nearest_per_entry(table: Table, found: Iterable[tuple[int, int]]) -> dict[UUID, int]:
    """Return the smallest distance of each entry; an entry may hold several hashes of one algorithm."""
    nearest: dict[UUID, int] = {}
    for row, distance in found:
        entry_id = UUID(bytes=table.entries[row].tobytes())
        nearest[entry_id] = min(distance, nearest.get(entry_id, distance))
    return nearest


class Index:
    """One opened, verified and immutable generation of the index."""

    def __init__(self, generation: Generation) -> None:
        self._opened = generation

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the current generation under a folder.

        Raises:
            IndexUnreadableError: there is none, or it is damaged or of another format.
        """
        return cls(open_generation(folder))

    @property
    def generation(self) -> int:
        """The state of the database that this index holds."""
        return self._opened.number

    @property
    def counts(self) -> dict[Algorithm, int]:
        """Number of hashes per algorithm."""
        return {algorithm: len(table.values) for algorithm, table in self._opened.tables.items()}

    def is_current(self, folder: Path) -> bool:
        """Say whether this is still the folder's current generation; costs one read of a small file."""
        return is_current(folder, self._opened.current)

    def search(
        self, fingerprints: Sequence[Fingerprint], *, pdq_radius: int = PDQ_RADIUS, dihedral: bool = False
    ) -> list[Hit]:
        """Find all entries that the fingerprints lie on or near to.

        Digests must be equal. PDQ is compared at quality 50 or better, and only as stored and upright unless
        `dihedral`; pHash within PHASH_RADIUS. Fingerprints of empty files and blank pictures are not compared.

        Args:
            fingerprints: the queries.
            pdq_radius: bits, 0-256.
            dihedral: compare all orientations of PDQ.

        Returns:
            At most one hit per query and entry, with the smallest distance; in the order of the queries,
            then by distance, then by entry id.

        Raises:
            InvalidHashError: a fingerprint is not lower-case hex of its algorithm's length.
            ValueError: the radius is out of range.
        """
        if not 0 <= pdq_radius <= HEX_DIGITS[Algorithm.PDQ] * 4:
            raise ValueError("a PDQ radius is 0-256 bits")
        found: dict[int, dict[UUID, int]] = {}
        near: dict[Algorithm, list[int]] = {Algorithm.PDQ: [], Algorithm.PHASH: []}
        for number, query in enumerate(fingerprints):
            value = bytes.fromhex(normalise_hash(query.algorithm, query.value))
            if not _is_searched(query, dihedral=dihedral):
                continue
            if query.algorithm in DIGESTS:
                table = self._opened.tables[query.algorithm]
                found[number] = _nearest_per_entry(
                    table, ((row, 0) for row in find_equal(table.values, value))
                )
            else:
                near[query.algorithm].append(number)
        for algorithm, radius in ((Algorithm.PDQ, pdq_radius), (Algorithm.PHASH, PHASH_RADIUS)):
            found |= self._search_near(algorithm, fingerprints, near[algorithm], radius)
        hits: list[Hit] = []
        for number, query in enumerate(fingerprints):
            kind = HitKind.EXACT if query.algorithm in DIGESTS else HitKind.NEAR
            nearest = found.get(number, {})
            for entry_id in sorted(nearest, key=lambda each: (nearest[each], each.bytes)):
                hits.append(Hit(query, entry_id, kind, nearest[entry_id]))
        return hits

    def _search_near(
        self, algorithm: Algorithm, fingerprints: Sequence[Fingerprint], numbers: Sequence[int], radius: int
    ) -> dict[int, dict[UUID, int]]:
        """Return the nearest distance per entry, per query number."""
        table = self._opened.tables[algorithm]
        values = [bytes.fromhex(fingerprints[number].value) for number in numbers]
        rows: dict[int, list[tuple[int, int]]] = {}
        for place, row, distance in _find_near(table, values, radius):
            rows.setdefault(numbers[place], []).append((row, distance))
        return {number: _nearest_per_entry(table, found) for number, found in rows.items()}
