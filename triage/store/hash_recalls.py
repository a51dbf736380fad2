"""Recalls: past decisions that leaned on a list entry which has gone or lost its weight, for a person to go through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hashsets.model import HitKind
from triage.ids import new_id
from triage.rules.assessing import NationalVerdict
from triage.rules.states import Basis
from triage.store.rows import Connection, row_of


class RecallCause(StrEnum):
    """Why an entry no longer speaks as it did."""

    WITHDRAWN = "withdrawn"
    DISPUTED = "disputed"
    CONTESTED = "contested"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Recall:
    """One picture that was decided on when an entry spoke for it.

    Attributes:
        verdict, basis: as they stood when the entry went.
        is_reopened: it stood on the entry alone, without a look.
        references: public numbers of the items that show it now.
        item_id: one of those, to open; None if none shows it any more.
    """

    id: UUID
    set_name: str
    source_key: str
    image_id: UUID
    cause: RecallCause
    verdict: NationalVerdict
    basis: Basis | None
    is_reopened: bool
    at: datetime
    references: list[str]
    item_id: UUID | None


@dataclass(frozen=True, slots=True)
class Leaning:
    """One picture that matched an entry, whatever came of it, and the items that show it now."""

    image_id: UUID
    kind: HitKind
    distance: int
    verdict: NationalVerdict | None
    basis: Basis | None
    references: list[str]


def insert_recalls(conn: Connection, unfounded: Sequence[UUID], *, generation: int, now: datetime) -> int:
    """Store a recall for each decided picture that matched an entry of a change, where that lost its weight.

    Called before any of those verdicts is reopened.

    Args:
        unfounded: images whose verdict stands on a list alone that no longer speaks for it.
        generation: of the change: the entries that it touched carry that number.

    Returns:
        How many there are.
    """
    rows = conn.execute(
        "SELECT DISTINCT ON (matches.entry_id, matches.image_id) matches.entry_id, matches.image_id,"
        " CASE WHEN hash_entries.withdrawn_at IS NOT NULL THEN 'withdrawn'"
        "  WHEN hash_entries.disputed_at IS NOT NULL THEN 'disputed'"
        "  WHEN hash_entries.is_contested THEN 'contested' ELSE 'changed' END,"
        " images.verdict::text, images.verdict_basis, images.id = ANY(%(unfounded)s)"
        " FROM hash_entries JOIN matches ON matches.entry_id = hash_entries.id"
        " JOIN images ON images.id = matches.image_id AND images.verdict IS NOT NULL"
        " WHERE hash_entries.generation = %(generation)s AND (images.id = ANY(%(unfounded)s)"
        "  OR NOT EXISTS (SELECT FROM present_matches AS present"
        "   WHERE present.image_id = matches.image_id AND present.entry_id = matches.entry_id)"
        "  OR matches.class IN ('baseline', 'national_illegal')"
        "  AND (hash_entries.is_contested OR hash_entries.class NOT IN ('baseline', 'national_illegal')))"
        " AND NOT EXISTS (SELECT FROM hash_recalls AS standing WHERE standing.entry_id = matches.entry_id"
        "  AND standing.image_id = matches.image_id AND standing.done_at IS NULL)"
        " ORDER BY matches.entry_id, matches.image_id",
        {"generation": generation, "unfounded": list(unfounded)},
    ).fetchall()
    return conn.execute(
        "INSERT INTO hash_recalls (id, entry_id, image_id, cause, verdict, basis, is_reopened, at)"
        " SELECT id, entry_id, image_id, cause, verdict::national_verdict, basis, is_reopened, %(now)s"
        " FROM unnest(%(ids)s::uuid[], %(entries)s::uuid[], %(images)s::uuid[], %(causes)s::text[],"
        " %(verdicts)s::text[], %(bases)s::text[], %(reopened)s::boolean[])"
        " AS new (id, entry_id, image_id, cause, verdict, basis, is_reopened)",
        {
            "ids": [new_id() for _ in rows],
            "entries": [row[0] for row in rows],
            "images": [row[1] for row in rows],
            "causes": [row[2] for row in rows],
            "verdicts": [row[3] for row in rows],
            "bases": [row[4] for row in rows],
            "reopened": [row[5] for row in rows],
            "now": now,
        },
    ).rowcount


def end_recalls(conn: Connection, *, generation: int, now: datetime) -> int:
    """End what was open of entries that a change brought back as they were; return how many."""
    return conn.execute(
        "UPDATE hash_recalls SET done_at = %(now)s FROM live_hash_entries AS live"
        " WHERE live.id = hash_recalls.entry_id AND live.generation = %(generation)s AND done_at IS NULL"
        " AND NOT live.is_contested AND hash_recalls.cause <> 'changed'",
        {"generation": generation, "now": now},
    ).rowcount


def do_recall(conn: Connection, recall_id: UUID, *, person_id: UUID, now: datetime) -> UUID | None:
    """Note that a person went through a recall; return its image, None if it was done before."""
    row = conn.execute(
        "UPDATE hash_recalls SET done_at = %(now)s, done_by = %(person)s"
        " WHERE id = %(id)s AND done_at IS NULL RETURNING image_id",
        {"id": recall_id, "person": person_id, "now": now},
    ).fetchone()
    return row[0] if row else None


def list_recalls(
    conn: Connection, *, entry_id: UUID | None = None, generation: int | None = None, limit: int = 200
) -> list[Recall]:
    """Return open recalls, oldest first: all, those of an entry, or those of the entries of one change."""
    with conn.cursor(row_factory=row_of(Recall)) as cursor:
        return cursor.execute(
            "SELECT hash_recalls.id, hash_sets.name AS set_name, hash_entries.source_key, hash_recalls.image_id,"
            " hash_recalls.cause, hash_recalls.verdict, hash_recalls.basis, hash_recalls.is_reopened,"
            " hash_recalls.at,"
            " coalesce((SELECT array_agg(items.reference ORDER BY items.id) FROM shown_images"
            "  JOIN items ON items.id = shown_images.item_id WHERE shown_images.image_id = images.id), '{}')"
            '  AS "references",'
            " (SELECT item_id FROM shown_images WHERE shown_images.image_id = images.id ORDER BY item_id LIMIT 1)"
            " FROM hash_recalls JOIN hash_entries ON hash_entries.id = hash_recalls.entry_id"
            " JOIN hash_sets ON hash_sets.id = hash_entries.set_id"
            " JOIN images ON images.id = hash_recalls.image_id WHERE done_at IS NULL"
            " AND (%(entry_id)s::uuid IS NULL OR entry_id = %(entry_id)s)"
            " AND (%(generation)s::bigint IS NULL OR hash_entries.generation = %(generation)s)"
            " ORDER BY hash_recalls.at, hash_recalls.id LIMIT %(limit)s",
            {"entry_id": entry_id, "generation": generation, "limit": limit},
        ).fetchall()


def count_recalls(conn: Connection) -> int:
    """Return how many recalls nobody has gone through."""
    row = conn.execute("SELECT count(*) FROM hash_recalls WHERE done_at IS NULL").fetchone()
    return int(row[0]) if row else 0


def list_leaning(conn: Connection, entry_id: UUID) -> list[Leaning]:
    """Return every picture that ever matched an entry, with its verdict of today and the items that show it."""
    with conn.cursor(row_factory=row_of(Leaning)) as cursor:
        return cursor.execute(
            "SELECT DISTINCT ON (images.id) images.id AS image_id, matches.kind, matches.distance,"
            " images.verdict, images.verdict_basis AS basis,"
            " coalesce((SELECT array_agg(items.reference ORDER BY items.id) FROM shown_images"
            "  JOIN items ON items.id = shown_images.item_id WHERE shown_images.image_id = images.id), '{}')"
            '  AS "references" FROM matches'
            " JOIN images ON images.id = matches.image_id WHERE matches.entry_id = %(id)s"
            " ORDER BY images.id, matches.distance, matches.id",
            {"id": entry_id},
        ).fetchall()
