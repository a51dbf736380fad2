"""Which items a message is about, and how they stand: with the police, with their second assessor, with its host.

An item that a retraction lists is taken back: the first message still lists it, as the record of what left, but
does not stand for it any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.model import Sending
from triage.rules.sending import LastReminder, PoliceStanding
from triage.rules.states import Basis, ItemState
from triage.store import sendings
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class ListedItem:
    """An item of a message.

    Attributes:
        is_taken_back: whether a retraction of the same reference lists it.
    """

    item_id: UUID
    state: ItemState
    settled_at: datetime | None
    is_taken_back: bool


def read_items(conn: Connection, sending_id: UUID) -> list[ListedItem]:
    """Return the items of a message, in the order of their ids."""
    with conn.cursor(row_factory=row_of(ListedItem)) as cursor:
        return cursor.execute(
            "SELECT items.id AS item_id, items.state, items.settled_at,"
            " sendings.part <> 'retraction' AND EXISTS ("
            "  SELECT FROM sendings AS back JOIN sending_items AS taken ON taken.sending_id = back.id"
            "  WHERE back.reference = sendings.reference AND back.part = 'retraction'"
            "  AND taken.item_id = items.id) AS is_taken_back"
            " FROM sendings JOIN sending_items ON sending_id = sendings.id JOIN items ON items.id = item_id"
            " WHERE sendings.id = %(id)s ORDER BY items.id",
            {"id": sending_id},
        ).fetchall()


def find_standing(conn: Connection, item_id: UUID, *, police: bool) -> Sending | None:
    """Return and lock the newest first message that stands for an item.

    Args:
        police: its police referral; else its notice or partner referral.
    """
    row = conn.execute(
        "SELECT sendings.id FROM sendings JOIN sending_items ON sending_id = sendings.id"
        " WHERE item_id = %(item)s AND part = 'first' AND state <> 'withdrawn' AND (kind = 'police') = %(police)s"
        " AND NOT EXISTS (SELECT FROM sendings AS back JOIN sending_items AS taken ON taken.sending_id = back.id"
        "  WHERE back.reference = sendings.reference AND back.part = 'retraction'"
        "  AND taken.item_id = sending_items.item_id)"
        " ORDER BY created_at DESC, sendings.id DESC LIMIT 1",
        {"item": item_id, "police": police},
    ).fetchone()
    return sendings.lock_sending(conn, row[0]) if row else None


def read_police_standings(conn: Connection, sending_id: UUID) -> list[PoliceStanding]:
    """Return for each item of a message how far it is with the police."""
    with conn.cursor(row_factory=row_of(PoliceStanding)) as cursor:
        return cursor.execute(
            "SELECT items.state AS item_state, police.state, police.queued_at, police.sent_at"
            " FROM sending_items AS listed JOIN items ON items.id = listed.item_id"
            " LEFT JOIN LATERAL ("
            "  SELECT told.state, told.queued_at, told.sent_at FROM sendings AS told"
            "  JOIN sending_items AS theirs ON theirs.sending_id = told.id"
            "  WHERE theirs.item_id = items.id AND told.kind = 'police' AND told.part = 'first'"
            "  AND told.state <> 'withdrawn' AND NOT EXISTS ("
            "   SELECT FROM sendings AS back JOIN sending_items AS taken ON taken.sending_id = back.id"
            "   WHERE back.reference = told.reference AND back.part = 'retraction' AND taken.item_id = items.id)"
            "  ORDER BY told.created_at DESC, told.id DESC LIMIT 1) AS police ON true"
            " WHERE listed.sending_id = %(id)s ORDER BY items.id",
            {"id": sending_id},
        ).fetchall()


def lock_behind_police(conn: Connection, police_id: UUID) -> list[Sending]:
    """Return and lock the queued notices and partner referrals of a police referral's items, oldest first."""
    rows = conn.execute(
        "SELECT sendings.id FROM sendings WHERE state = 'queued' AND kind <> 'police' AND part = 'first'"
        " AND EXISTS (SELECT FROM sending_items AS ours JOIN sending_items AS theirs USING (item_id)"
        "  WHERE ours.sending_id = sendings.id AND theirs.sending_id = %(id)s) ORDER BY sendings.id",
        {"id": police_id},
    ).fetchall()
    locked = [sendings.lock_sending(conn, row[0]) for row in rows]
    return [one for one in locked if one is not None]


def read_last_reminder(conn: Connection, reference: str) -> LastReminder | None:
    """Return the newest reminder of a reference."""
    with conn.cursor(row_factory=row_of(LastReminder)) as cursor:
        return cursor.execute(
            "SELECT number, state, created_at FROM sendings WHERE reference = %(reference)s"
            " AND part = 'reminder' ORDER BY number DESC LIMIT 1",
            {"reference": reference},
        ).fetchone()


def awaits_second(conn: Connection, item_ids: Sequence[UUID]) -> bool:
    """Whether a picture of one of these items, or of a page's pictures, waits for its second assessor."""
    row = conn.execute(
        "SELECT FROM images WHERE state = 'judged_once' AND id IN ("
        " SELECT image_id FROM shown_images WHERE item_id = ANY(%(items)s)"
        " UNION SELECT image_id FROM shown_children JOIN shown_images ON item_id = child_id"
        "  WHERE parent_id = ANY(%(items)s)) LIMIT 1",
        {"items": list(item_ids)},
    ).fetchone()
    return row is not None


def read_bases(conn: Connection, item_id: UUID) -> set[Basis]:
    """Return on what the illegal verdicts stand that an item, or the pictures of a page, show."""
    rows = conn.execute(
        "SELECT DISTINCT verdict_basis FROM images WHERE verdict = 'illegal' AND id IN ("
        " SELECT image_id FROM shown_images WHERE item_id = %(item)s"
        " UNION SELECT image_id FROM shown_children JOIN shown_images ON item_id = child_id"
        "  WHERE parent_id = %(item)s) ORDER BY verdict_basis",
        {"item": item_id},
    ).fetchall()
    return {Basis(row[0]) for row in rows if row[0] is not None}
