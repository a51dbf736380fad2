"""Looks: each reveal of an image to one person, with a token that fetches the picture once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from triage.ids import new_id
from triage.store.rows import Connection, row_of

LATENCY = timedelta(seconds=2)
"""A browser's own figure may be this much below what was seen from here: the bytes had to travel, and the word back."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look; it is shown from `fetched_at` to `ended_at`.

    Attributes:
        expires_at: until when its token is good; once it is shown, until when it may be.
    """

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


def use_token(
    conn: Connection, token_digest: bytes, person_id: UUID, *, now: datetime, longest: timedelta
) -> Look | None:
    """Use a token up; None when it is unknown, another person's, used, ended or over.

    Args:
        longest: how long it is shown at most, whatever the setting is later.
    """
    with conn.cursor(row_factory=row_of(Look)) as cursor:
        return cursor.execute(
            "UPDATE looks SET fetched_at = %(now)s, expires_at = %(now)s + %(longest)s"
            " WHERE token_digest = %(digest)s AND person_id = %(person_id)s AND fetched_at IS NULL"
            " AND ended_at IS NULL AND expires_at > %(now)s AND started_at <= %(now)s"
            " RETURNING id, item_id, image_id, person_id, rendering, started_at, expires_at, fetched_at, ended_at,"
            " shown_ms",
            {"digest": token_digest, "person_id": person_id, "now": now, "longest": longest},
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
    conn: Connection,
    person_id: UUID,
    *,
    now: datetime,
    longest: timedelta,
    look_id: UUID | None = None,
    reported_ms: int | None = None,
) -> list[Look]:
    """End the looks of a person that are shown, one of them or all; return them with their milliseconds.

    Args:
        longest: a look counts no longer than this (or than it was when it began, if that was longer), and one whose
            page was never heard of again exactly so; also one that began later than it is now, since the clock was
            set back.
        reported_ms: how long it was shown, as the browser says; believed between the time since the bytes were sent
            less LATENCY, and that time. None: that time counts.
    """
    with conn.cursor(row_factory=row_of(Look)) as cursor:
        return cursor.execute(
            "UPDATE looks SET ended_at = span.until, shown_ms = CASE WHEN %(reported)s::integer IS NULL THEN span.ms"
            "  ELSE greatest(least(%(reported)s::integer, span.ms), span.ms - %(latency)s, 0) END"
            " FROM (SELECT shown.id AS shown_id, until, (extract(epoch FROM until - fetched_at) * 1000)::integer AS ms"
            "  FROM looks AS shown, LATERAL (SELECT greatest(%(longest)s, expires_at - fetched_at) AS span) AS most,"
            "   LATERAL (SELECT fetched_at + CASE WHEN %(now)s < fetched_at THEN most.span"
            "    ELSE least(%(now)s - fetched_at, most.span) END AS until) AS bound"
            "  WHERE person_id = %(person_id)s AND fetched_at IS NOT NULL AND ended_at IS NULL"
            "  AND (%(look_id)s::uuid IS NULL OR shown.id = %(look_id)s) FOR NO KEY UPDATE OF shown) AS span"
            " WHERE looks.id = span.shown_id"
            " RETURNING id, item_id, image_id, person_id, rendering, started_at, expires_at, fetched_at, ended_at,"
            " shown_ms",
            {
                "person_id": person_id,
                "now": now,
                "longest": longest,
                "look_id": look_id,
                "reported": reported_ms,
                "latency": LATENCY // timedelta(milliseconds=1),
            },
        ).fetchall()


def has_looked(conn: Connection, *, image_id: UUID, person_id: UUID, round_: int, now: datetime) -> bool:
    """Whether a person was shown an image in this round; by a clock that was set back since, not yet."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM looks WHERE image_id = %(image_id)s AND person_id = %(person_id)s"
        " AND round = %(round)s AND fetched_at <= %(now)s)",
        {"image_id": image_id, "person_id": person_id, "round": round_, "now": now},
    ).fetchone()
    return bool(row and row[0])
