"""Record what an image's fingerprints hit: dated facts, and the custody event that says how many."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from hashsets.model import EntryClass, Fingerprint, HashEntry, Hit, HitKind
from triage.store import images
from triage.store.custody import NewEvent, stream_of
from triage.store.images import NewMatch
from triage.store.rows import Connection


def record_matches(
    conn: Connection,
    image_id: UUID,
    ids: Mapping[Fingerprint, UUID],
    hits: Sequence[Hit],
    *,
    entries: Mapping[UUID, HashEntry],
    trusted: frozenset[tuple[UUID, EntryClass]],
    generation: int,
    now: datetime,
) -> tuple[int, NewEvent]:
    """Store the hits of one image as matches; one that stands already is kept.

    Args:
        ids: its fingerprints with their ids; every hit is of one of them.
        entries: the live entries that were hit; one that was withdrawn meanwhile is no match any more.
        trusted: (set, class) pairs that are trusted now.
        generation: of the index that was searched.

    Returns:
        How many are new, and the custody event; the caller appends it.
    """
    matches = [
        NewMatch(
            fingerprint_id=ids[hit.fingerprint],
            image_id=image_id,
            entry_id=hit.entry_id,
            kind=hit.kind,
            distance=hit.distance,
            entry_class=entries[hit.entry_id].entry_class,
            is_trusted=(entries[hit.entry_id].set_id, entries[hit.entry_id].entry_class) in trusted,
        )
        for hit in hits
        if hit.entry_id in entries
    ]
    added = images.insert_matches(conn, matches, generation=generation, now=now)
    event = NewEvent(
        stream_of("image", image_id),
        "matched",
        {
            "generation": generation,
            "exact": sum(1 for match in matches if match.kind is HitKind.EXACT),
            "near": sum(1 for match in matches if match.kind is HitKind.NEAR),
            "new": added,
        },
    )
    return added, event
