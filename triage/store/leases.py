"""Leases: who has which item open. A lease that is over counts no more, whether it was ended or not.

No statement here waits for an item that somebody else holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from triage.ids import new_id
from triage.rules.states import ItemState, Lane
from triage.store.rows import Connection, row_of

End = Literal["left", "expired", "freed"]
"""How a lease ends by somebody's doing; freed: by a lead. What moved on is said by the database."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One person has one item open."""

    person_id: UUID
    person_name: str
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class LeasableItem:
    """What of an item decides whether it can be opened.

    Attributes:
        waits_second: a second assessor is waited for, whatever became of it so far.
    """

    id: UUID
    state: ItemState
    lane: Lane | None
    waits_second: bool


def find_lease(conn: Connection, item_id: UUID, now: datetime) -> Lease | None:
    """Return the lease of an item; None while nobody has it open."""
    with conn.cursor(row_factory=row_of(Lease)) as cursor:
        return cursor.execute(
            "SELECT person_id, persons.name AS person_name, taken_at"
            " FROM item_leases JOIN persons ON persons.id = person_id"
            " WHERE item_id = %(item)s AND ended_at IS NULL AND is_live_lease(kept_at, until, %(now)s)",
            {"item": item_id, "now": now},
        ).fetchone()


def list_held(conn: Connection, person_id: UUID, *, now: datetime) -> list[UUID]:
    """Return the items that a person has open, the one that was kept longest ago first."""
    rows = conn.execute(
        "SELECT item_id FROM item_leases WHERE person_id = %(person)s AND ended_at IS NULL"
        " AND is_live_lease(kept_at, until, %(now)s) ORDER BY kept_at, id",
        {"person": person_id, "now": now},
    ).fetchall()
    return [row[0] for row in rows]


def read_leasable(conn: Connection, item_id: UUID) -> LeasableItem | None:
    """Return what decides whether an item can be opened."""
    with conn.cursor(row_factory=row_of(LeasableItem)) as cursor:
        return cursor.execute(
            "SELECT id, state, lane, waits_second FROM items WHERE id = %(id)s", {"id": item_id}
        ).fetchone()


def has_left(conn: Connection, item_id: UUID, person_id: UUID, *, decides: bool) -> bool:
    """Whether anything of an item that waits is left for a person to judge, also what they passed over.

    Left is what they did not judge of what is open, and for who decides what is disputed. Where nothing is open, left
    is the item itself, or one key that confirms it; and always what somebody else said first of the item itself.

    Args:
        decides: whether they decide on what is disputed, also between others and themselves.
    """
    row = conn.execute(
        "SELECT COALESCE((SELECT bool_or(CASE WHEN is_disputed THEN %(decides)s ELSE NOT open.has_judged END)"
        "   FROM open_things(items.id, %(person)s) AS open),"
        "   CASE WHEN items.state = 'awaiting_lead' THEN %(decides)s ELSE NOT own.has_judged END)"
        "  OR (items.base_lane = 'second' AND NOT own.has_judged AND EXISTS (SELECT FROM assessments"
        "   WHERE assessments.item_id = items.id AND assessments.round = items.round))"
        " FROM items CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM assessments WHERE assessments.item_id = items.id"
        "  AND assessments.round = items.round AND person_id = %(person)s) AS has_judged) AS own"
        " WHERE items.id = %(id)s",
        {"id": item_id, "person": person_id, "decides": decides},
    ).fetchone()
    return bool(row and row[0])


def end_expired(conn: Connection, item_id: UUID, *, now: datetime) -> UUID | None:
    """End the lease of an item that has run out; return whose it was. One that is locked just now stays."""
    row = conn.execute(
        "UPDATE item_leases SET ended_at = GREATEST(taken_at, LEAST(until, %(now)s)), ended_as = 'expired'"
        " WHERE id IN (SELECT id FROM item_leases WHERE item_id = %(item)s AND ended_at IS NULL"
        "  AND NOT is_live_lease(kept_at, until, %(now)s) FOR NO KEY UPDATE SKIP LOCKED) RETURNING person_id",
        {"item": item_id, "now": now},
    ).fetchone()
    return row[0] if row else None


def insert_lease(
    conn: Connection, item_id: UUID, person_id: UUID, *, lane: Lane, now: datetime, life: timedelta
) -> bool:
    """Store a lease; False when somebody has one."""
    stored = conn.execute(
        "INSERT INTO item_leases (id, item_id, person_id, lane, taken_at, kept_at, until)"
        " VALUES (%(id)s, %(item)s, %(person)s, %(lane)s, %(now)s, %(now)s, %(until)s) ON CONFLICT DO NOTHING",
        {
            "id": new_id(),
            "item": item_id,
            "person": person_id,
            "lane": lane,
            "now": now,
            "until": now + life,
        },
    )
    return stored.rowcount == 1


def keep_lease(conn: Connection, item_id: UUID, person_id: UUID, *, now: datetime, life: timedelta) -> bool:
    """Keep a person's lease from now on; False when they have none, or not any more.

    Args:
        life: how long from now; where the clock was set back since, so long that it is still open now.
    """
    kept = conn.execute(
        "UPDATE item_leases SET kept_at = GREATEST(kept_at, %(now)s),"
        " until = GREATEST(kept_at, %(now)s) + GREATEST(%(life)s::interval, kept_at - %(now)s)"
        " WHERE item_id = %(item)s AND person_id = %(person)s AND ended_at IS NULL"
        " AND is_live_lease(kept_at, until, %(now)s)",
        {"item": item_id, "person": person_id, "now": now, "life": life},
    )
    return kept.rowcount == 1


def end_leases(
    conn: Connection,
    *,
    now: datetime,
    as_: End = "left",
    person_id: UUID | None = None,
    item_id: UUID | None = None,
) -> list[UUID]:
    """End the leases of a person, of an item, or of a person on an item; return the items, in order."""
    rows = conn.execute(
        "UPDATE item_leases SET ended_at = GREATEST(taken_at, LEAST(until, %(now)s)),"
        " ended_as = CASE WHEN until <= %(now)s THEN 'expired' ELSE %(as)s END"
        " WHERE ended_at IS NULL AND (%(person)s::uuid IS NOT NULL OR %(item)s::uuid IS NOT NULL)"
        " AND (%(person)s::uuid IS NULL OR person_id = %(person)s)"
        " AND (%(item)s::uuid IS NULL OR item_id = %(item)s) RETURNING item_id",
        {"now": now, "as": as_, "person": person_id, "item": item_id},
    ).fetchall()
    return sorted(row[0] for row in rows)


def lock_next(
    conn: Connection, lane: Lane, *, person_id: UUID, decides: bool, now: datetime, passed: Sequence[UUID]
) -> UUID | None:
    """Return and lock the best item of a lane that is free and that a person may judge; None without one.

    What somebody else locks just now is passed over. In the second lane nothing is read but what a report says.

    Args:
        decides: whether they decide on what is disputed.
        passed: items that are not wanted.
    """
    is_second = lane is Lane.SECOND
    query = _OF_SECOND + _IS_FREE + _IN_BLIND_ORDER if is_second else _OF_LANE + _IS_FREE + _IN_ORDER
    row = conn.execute(
        query,
        {
            "lane": lane,
            "person": person_id,
            "decides": decides,
            "now": now,
            "passed": list(passed),
        },
    ).fetchone()
    return row[0] if row else None


# Free: nobody else has it open, and something that is open on it this person may judge and neither judged nor passed
# over. Where nothing is open any more, one key confirms it; a page of which more is still captured can wait.
_IS_FREE = (
    " AND items.id <> ALL(%(passed)s)"
    " AND NOT EXISTS (SELECT FROM item_leases WHERE item_id = items.id AND ended_at IS NULL"
    "  AND is_live_lease(kept_at, until, %(now)s) AND person_id <> %(person)s)"
    " AND NOT EXISTS (SELECT FROM skips WHERE skips.item_id = items.id AND skips.round = items.round"
    "  AND skips.person_id = %(person)s)"
    " AND NOT EXISTS (SELECT FROM assessments WHERE assessments.item_id = items.id"
    "  AND assessments.round = items.round AND assessments.person_id = %(person)s)"
    " AND (SELECT COALESCE(bool_or((%(decides)s OR NOT is_disputed) AND NOT has_judged AND NOT has_passed),"
    "   NOT EXISTS (SELECT FROM shown_children JOIN items AS coming ON coming.id = child_id"
    "    WHERE parent_id = items.id AND coming.state = 'received'))"
    "  FROM open_things(items.id, %(person)s))"
)
# What is to be handed on stands in the lane of danger too, and has a page of its own: nobody judges it.
_OF_LANE = "SELECT items.id FROM items WHERE is_top_level AND lane = %(lane)s AND base_lane IS DISTINCT FROM 'hand_on'"
_IN_ORDER = " ORDER BY queue_place, received_at, id LIMIT 1 FOR NO KEY UPDATE OF items SKIP LOCKED"
_OF_SECOND = "SELECT items.id FROM items WHERE is_in_second AND first_by IS DISTINCT FROM %(person)s"
_IN_BLIND_ORDER = " ORDER BY second_place, received_at, id LIMIT 1 FOR NO KEY UPDATE OF items SKIP LOCKED"
