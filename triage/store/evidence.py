"""Evidence rows: sealed identities, named objects, and what destroying left behind."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from triage.model import EvidenceKind, EvidenceObject
from triage.store.rows import Connection, row_of

_SERVED = (
    "SELECT images.id, images.verdict, evidence_objects.kind FROM images"
    " LEFT JOIN evidence_objects ON evidence_objects.image_id = images.id"
    " WHERE (images.settled_at <= %(before)s OR images.settled_at IS NULL AND (EXISTS"
    " (SELECT FROM live_matches WHERE live_matches.image_id = images.id AND is_trusted)"
    " OR images.state = 'unjudged' AND NOT EXISTS (SELECT FROM shown_images JOIN items ON items.id = item_id"
    "  WHERE shown_images.image_id = images.id AND (items.state IN"
    "  ('received', 'awaiting_assessment', 'awaiting_lead') OR items.moved_at > %(before)s))"
    " OR images.state IN ('judged_once', 'disputed') AND NOT EXISTS"
    " (SELECT FROM shown_images JOIN items ON items.id = item_id WHERE shown_images.image_id = images.id"
    "  AND (items.closed_as IS DISTINCT FROM 'not_judged' OR items.moved_at > %(before)s))))"
)
"""Settled before a time; or known by now; or of an image that nobody will be asked about any more."""


def insert_evidence_key(conn: Connection, image_id: UUID, sealed_identity: bytes, *, now: datetime) -> bool:
    """Store the sealed identity of an image; return False when it has one already."""
    cursor = conn.execute(
        "INSERT INTO evidence_keys (image_id, sealed_identity, created_at)"
        " VALUES (%(id)s, %(sealed)s, %(now)s) ON CONFLICT (image_id) DO NOTHING",
        {"id": image_id, "sealed": sealed_identity, "now": now},
    )
    return cursor.rowcount == 1


def read_evidence_key(conn: Connection, image_id: UUID) -> bytes | None:
    """Return the sealed identity of an image; None when it was destroyed or never kept."""
    row = conn.execute(
        "SELECT sealed_identity FROM evidence_keys WHERE image_id = %(id)s", {"id": image_id}
    ).fetchone()
    return bytes(row[0]) if row else None


def insert_evidence_objects(conn: Connection, objects: Sequence[EvidenceObject], *, now: datetime) -> None:
    """Name the sealed objects of an image."""
    conn.execute(
        "INSERT INTO evidence_objects (name, image_id, kind, bytes, created_at)"
        " SELECT name, image_id, kind, bytes, %(now)s"
        " FROM unnest(%(names)s::text[], %(images)s::uuid[], %(kinds)s::text[], %(sizes)s::bigint[])"
        " AS new (name, image_id, kind, bytes)",
        {
            "now": now,
            "names": [one.name for one in objects],
            "images": [one.image_id for one in objects],
            "kinds": [one.kind.value for one in objects],
            "sizes": [one.bytes for one in objects],
        },
    )


def read_evidence_objects(conn: Connection, image_id: UUID) -> list[EvidenceObject]:
    """Return the sealed objects of an image."""
    with conn.cursor(row_factory=row_of(EvidenceObject)) as cursor:
        return cursor.execute(
            "SELECT name, image_id, kind, bytes FROM evidence_objects WHERE image_id = %(id)s ORDER BY kind",
            {"id": image_id},
        ).fetchall()


def read_served_evidence(
    conn: Connection, *, settled_before: datetime, evidence_for_police: bool, limit: int
) -> list[tuple[UUID, str | None, EvidenceKind]]:
    """Return (image, verdict, kind) of objects that have served: settled before a time, known by now, or of an
    image that was not settled and that no item shows any more for which somebody would judge it.

    What is kept for the police is left out: it would fill the limit for ever.
    """
    rows = conn.execute(
        _SERVED + " AND kind IS NOT NULL"
        " AND NOT (%(for_police)s AND images.verdict IS NOT DISTINCT FROM 'illegal' AND kind = 'bytes')"
        " ORDER BY images.settled_at, images.id, kind LIMIT %(limit)s",
        {"before": settled_before, "for_police": evidence_for_police, "limit": limit},
    ).fetchall()
    return [(row[0], row[1], EvidenceKind(row[2])) for row in rows]


def lock_served(conn: Connection, image_id: UUID, *, settled_before: datetime) -> bool:
    """Lock an image and return whether its evidence still has served: an undo may have come first."""
    row = conn.execute(
        _SERVED + " AND images.id = %(id)s FOR NO KEY UPDATE OF images",
        {"id": image_id, "before": settled_before},
    ).fetchone()
    return row is not None


def destroy_objects(
    conn: Connection, image_id: UUID, kinds: Sequence[EvidenceKind], *, now: datetime
) -> list[str]:
    """Forget objects of an image, its identity too once none is left; return the names to delete.

    The identity goes first: from that commit on nobody can open what the store may still hold for a moment.
    """
    rows = conn.execute(
        "DELETE FROM evidence_objects WHERE image_id = %(id)s AND kind = ANY(%(kinds)s) RETURNING name, kind",
        {"id": image_id, "kinds": [kind.value for kind in kinds]},
    ).fetchall()
    for name, kind in rows:
        conn.execute(
            "INSERT INTO evidence_destroyed (image_id, kind, name, destroyed_at)"
            " VALUES (%(id)s, %(kind)s, %(name)s, %(now)s)",
            {"id": image_id, "kind": kind, "name": name, "now": now},
        )
    conn.execute(
        "DELETE FROM evidence_keys WHERE image_id = %(id)s"
        " AND NOT EXISTS (SELECT FROM evidence_objects WHERE image_id = %(id)s)",
        {"id": image_id},
    )
    return [row[0] for row in rows]


def read_destroyed_pending(conn: Connection, *, limit: int) -> list[str]:
    """Return destroyed objects that the store may still hold."""
    rows = conn.execute(
        "SELECT name FROM evidence_destroyed WHERE NOT object_gone ORDER BY destroyed_at, name LIMIT %(limit)s",
        {"limit": limit},
    ).fetchall()
    return [row[0] for row in rows]


def mark_objects_gone(conn: Connection, names: Sequence[str]) -> None:
    """Say that destroyed objects are gone from the store."""
    conn.execute(
        "UPDATE evidence_destroyed SET object_gone = true WHERE name = ANY(%(names)s)", {"names": list(names)}
    )


def read_evidence_names(conn: Connection, names: Sequence[str]) -> set[str]:
    """Return which of these object names have a row."""
    rows = conn.execute(
        "SELECT name FROM evidence_objects WHERE name = ANY(%(names)s)", {"names": list(names)}
    ).fetchall()
    return {row[0] for row in rows}
