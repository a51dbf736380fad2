"""Looks: each reveal of an image to one person, with a token that fetches the picture once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from triage.ids import new_id
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class Look:
    """One look; it is shown from `fetched_at` to `ended_at`."""

    id: UUID
    item_id: UUID
    image_id: UUID
    person_id: UUID
    rendering: str
    started_at: datetime
    expires_at: datetime
    fetched_at: datetime | None
    ended_at: datetime | None
    shown_ms: int | None


def insert_look(
    conn: Connection,
    *,
    item_id: UUID,
    image_id: UUID,
    person_id: UUID,
    round_: int,
    rendering: str,
    token_digest: bytes,
    now: datetime,
    expires_at: datetime,
) -> UUID:
    """Store that a person asked to see an image; nothing is shown yet."""
    look_id = new_id()
    conn.execute(
        "INSERT INTO looks (id, item_id, image_id, person_id, round, rendering, token_digest, started_at,"
        " expires_at) VALUES (%(id)s, %(item_id)s, %(image_id)s, %(person_id)s, %(round)s, %(rendering)s,"
        " %(token_digest)s, %(now)s, %(expires_at)s)",
        {
            "id": look_id,
            "item_id": item_id,
            "image_id": image_id,
            "person_id": person_id,
            "round": round_,
            "rendering": rendering,
            "token_digest": token_digest,
            "now": now,
            "expires_at": expires_at,
        },
    )
    return look_id


def use_token(conn: Connection, token_digest: bytes, person_id: UUID, *, now: datetime) -> Look | None:
    """Use a token up; None when it is unknown, another person's, used, ended or over."""
    with conn.cursor(row_factory=row_of(Look)) as cursor:
        return cursor.execute(
            "UPDATE looks SET fetched_at = %(now)s WHERE token_digest = %(digest)s AND person_id = %(person_id)s"
            " AND fetched_at IS NULL AND ended_at IS NULL AND expires_at > %(now)s AND started_at <= %(now)s"
            " RETURNING id, item_id, image_id, person_id, rendering, started_at, expires_at, fetched_at, ended_at,"
            " shown_ms",
            {"digest": token_digest, "person_id": person_id, "now": now},
        ).fetchone()


def find_look(conn: Connection, look_id: UUID, person_id: UUID) -> Look | None:
    """Return a person's look."""
    with conn.cursor(row_factory=row_of(Look)) as cursor:
        return cursor.execute(
            "SELECT id, item_id, image_id, person_id, rendering, started_at, expires_at, fetched_at, ended_at,"
            " shown_ms FROM looks WHERE id = %(id)s AND person_id = %(person_id)s",
            {"id": look_id, "person_id": person_id},
        ).fetchone()


def end_looks(
    conn: Connection, person_id: UUID, *, now: datetime, longest: timedelta, look_id: UUID | None = None
) -> list[Look]:
    """End the looks of a person that are shown, one of them or all; return them with their milliseconds.

    Args:
        longest: a look counts no longer than this, and one whose page was never heard of again exactly so.
    """
    with conn.cursor(row_factory=row_of(Look)) as cursor:
        return cursor.execute(
            "UPDATE looks SET ended_at = greatest(fetched_at, least(%(now)s, fetched_at + %(longest)s)),"
            " shown_ms = (extract(epoch FROM greatest(fetched_at, least(%(now)s, fetched_at + %(longest)s))"
            " - fetched_at) * 1000)::integer"
            " WHERE person_id = %(person_id)s AND fetched_at IS NOT NULL AND ended_at IS NULL"
            " AND (%(look_id)s::uuid IS NULL OR id = %(look_id)s)"
            " RETURNING id, item_id, image_id, person_id, rendering, started_at, expires_at, fetched_at, ended_at,"
            " shown_ms",
            {"person_id": person_id, "now": now, "longest": longest, "look_id": look_id},
        ).fetchall()


def has_looked(conn: Connection, *, image_id: UUID, person_id: UUID, round_: int) -> bool:
    """Whether a person was shown an image in this round."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM looks WHERE image_id = %(image_id)s AND person_id = %(person_id)s"
        " AND round = %(round)s AND fetched_at IS NOT NULL)",
        {"image_id": image_id, "person_id": person_id, "round": round_},
    ).fetchone()
    return bool(row and row[0])
