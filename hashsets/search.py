"""Everything within a radius, exactly: the current generation, opened once and searched from any thread."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self
from uuid import UUID

import numpy as np

from hashsets.blank import is_blank
from hashsets.digests import Bytes2D, find_ids
from hashsets.errors import IndexUnreadableError
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
from hashsets.segment_files import NEAR, Segment
from hashsets.segments import Generation, is_current, open_generation
from hashsets.thresholds import PDQ_MIN_QUALITY, PDQ_RADIUS, PHASH_RADIUS


def is_searched(fingerprint: Fingerprint, *, dihedral: bool = False) -> bool:
    """Say whether a query says enough to be compared. A PDQ of unknown quality is: a person gave it."""
    if fingerprint.algorithm is Algorithm.PDQ:
        if fingerprint.quality is not None and fingerprint.quality < PDQ_MIN_QUALITY:
            return False
        if fingerprint.orientation not in ("r0", UPRIGHT) and not dihedral:
            return False
    return not is_blank(fingerprint.algorithm, fingerprint.value)


class Index:
    """One opened and immutable generation of the index."""

    def __init__(self, generation: Generation) -> None:
        self._opened = generation
        self._is_damaged = False

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
        return self._opened.manifest.generation

    @property
    def mark(self) -> str:
        """What tells that state from another one of its number, as hex; empty where it was not built of a database."""
        return self._opened.manifest.mark

    @property
    def counts(self) -> dict[Algorithm, int]:
        """Number of live hashes per algorithm; reads much of an index that was added to."""
        found = dict.fromkeys(Algorithm, 0)
        segments = self._opened.segments
        for place, segment in enumerate(segments):
            later = segments[place + 1 :]
            if not any(len(each.superseded) for each in later):
                for algorithm, rows in segment.spec.rows.items():
                    found[algorithm] += rows
                continue
            is_live = self._mark_live(segment.entries, later)
            for algorithm in segment.spec.rows:
                found[algorithm] += int(np.count_nonzero(is_live[segment.number_rows(algorithm)]))
        return found

    @property
    def is_damaged(self) -> bool:
        """Whether a search has met something that cannot be: it must be built anew."""
        return self._is_damaged

    def is_current(self, folder: Path) -> bool:
        """Say whether this is still the folder's current generation; costs one read of a small file."""
        return is_current(folder, self._opened.manifest.current)

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
            IndexUnreadableError: what is read of the index is damaged.
            ValueError: the radius is out of range.
        """
        if not 0 <= pdq_radius <= HEX_DIGITS[Algorithm.PDQ] * 4:
            raise ValueError("a PDQ radius is 0-256 bits")
        asked: dict[Algorithm, list[tuple[int, bytes]]] = {}
        for number, query in enumerate(fingerprints):
            value = bytes.fromhex(normalise_hash(query.algorithm, query.value))
            if is_searched(query, dihedral=dihedral):
                asked.setdefault(query.algorithm, []).append((number, value))
        try:
            nearest = self._find_nearest(asked, pdq_radius)
        except IndexUnreadableError:
            self._is_damaged = True
            raise
        found = sorted((number, distance, entry_id) for (number, entry_id), distance in nearest.items())
        return [
            Hit(
                fingerprints[number],
                UUID(bytes=entry_id),
                HitKind.EXACT if fingerprints[number].algorithm in DIGESTS else HitKind.NEAR,
                distance,
            )
            for number, distance, entry_id in found
        ]

    def _find_nearest(
        self, asked: Mapping[Algorithm, list[tuple[int, bytes]]], pdq_radius: int
    ) -> dict[tuple[int, bytes], int]:
        """Return the least distance of each query and entry that belong together."""
        nearest: dict[tuple[int, bytes], int] = {}
        for algorithm, queries in asked.items():
            radius = pdq_radius if algorithm is Algorithm.PDQ else PHASH_RADIUS
            for number, entry_id, distance in self._find(algorithm, queries, radius):
                known = nearest.get((number, entry_id))
                if known is None or distance < known:
                    nearest[number, entry_id] = distance
        return nearest

    def _find(
        self, algorithm: Algorithm, queries: list[tuple[int, bytes]], radius: int
    ) -> Iterator[tuple[int, bytes, int]]:
        """Yield number of the query, entry id and distance of every live row that is found."""
        segments = self._opened.segments
        joined = b"".join(value for _, value in queries) if algorithm in NEAR else b""
        for place, segment in enumerate(segments):
            if algorithm not in segment.spec.rows:
                continue
            if algorithm in NEAR:
                found = self._find_near(segment, algorithm, joined, radius)
            else:
                found = self._find_equal(segment, algorithm, [value for _, value in queries])
            if found is None:
                continue
            numbers, ids, distances = found
            is_live = self._mark_live(ids, segments[place + 1 :])
            data = ids.tobytes()
            for hit in np.flatnonzero(is_live).tolist():
                yield queries[numbers[hit]][0], data[hit * 16 : hit * 16 + 16], distances[hit]

    @staticmethod
    def _find_near(
        segment: Segment, algorithm: Algorithm, queries: bytes, radius: int
    ) -> tuple[list[int], Bytes2D, list[int]] | None:
        hits = segment.near[algorithm].search(queries, radius)
        if not len(hits):
            return None
        entries = segment.entries_of[algorithm]
        ids = segment.name_entries(hits[:, 1] if entries is None else entries[hits[:, 1]])
        return hits[:, 0].tolist(), ids, hits[:, 2].tolist()

    @staticmethod
    def _find_equal(
        segment: Segment, algorithm: Algorithm, queries: list[bytes]
    ) -> tuple[list[int], Bytes2D, list[int]] | None:
        table, numbers, entries = segment.exact[algorithm], list[int](), list[int]()
        for number, value in enumerate(queries):
            found = table.find(value).tolist()
            numbers += [number] * len(found)
            entries += found
        if not entries:
            return None
        return numbers, segment.name_entries(np.array(entries, np.int64)), [0] * len(entries)

    @staticmethod
    def _mark_live(ids: Bytes2D, later: Sequence[Segment]) -> np.ndarray:
        """Say of each entry of a segment whether no later one supersedes it."""
        is_live = np.ones(len(ids), np.bool_)
        for segment in later:
            is_live &= ~find_ids(segment.superseded, ids)
        return is_live
