"""What the pages of notices and referrals show. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.rules.states import ClosedAs, ItemKind, ItemState, SendingKind, SendingPart, SendingState
from triage.store.rows import Connection, row_of

PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class SendingRow:
    """One message as the list shows it.

    Attributes:
        recipient: name; None while nobody fitting is entered.
        items: how many it lists.
        left_as: mail or file; None while it has not left.
        needs_call: two reminders have left and an item of it is still not gone.
    """

    id: UUID
    kind: SendingKind
    part: SendingPart
    number: int
    reference: str
    state: SendingState
    recipient: str | None
    host: str
    items: int
    reason: str | None
    is_urgent: bool
    is_held: bool
    is_recalled: bool
    answer: str | None
    left_as: str | None
    tries: int
    created_at: datetime
    next_try_at: datetime | None
    since: datetime
    needs_call: bool


@dataclass(frozen=True, slots=True)
class SendingItem:
    """One item of a message."""

    id: UUID
    reference: str
    kind: ItemKind
    url: str | None
    file_name: str | None
    state: ItemState
    closed_as: ClosedAs | None


_SELECT = (
    "SELECT sendings.id, sendings.kind, part, number, sendings.reference, sendings.state,"
    " recipients.name AS recipient, host,"
    " (SELECT count(*) FROM sending_items WHERE sending_id = sendings.id) AS items, sendings.reason, is_urgent,"
    " is_held, is_recalled, answer, left_as, tries, created_at, next_try_at,"
    " COALESCE(CASE sendings.state WHEN 'queued' THEN queued_at WHEN 'sending' THEN started_at"
    "  WHEN 'unclear' THEN started_at WHEN 'rejected' THEN started_at WHEN 'sent' THEN sent_at"
    "  WHEN 'acknowledged' THEN answered_at WHEN 'disputed' THEN answered_at END, created_at) AS since,"
    " sendings.kind <> 'police' AND part = 'first' AND sendings.state IN ('sent', 'acknowledged')"
    " AND (SELECT count(*) FROM sendings AS again WHERE again.reference = sendings.reference"
    "  AND again.part = 'reminder' AND again.sent_at IS NOT NULL) >= 2"
    " AND EXISTS (SELECT FROM sending_items JOIN items ON items.id = item_id"
    "  WHERE sending_id = sendings.id AND items.state = 'notified') AS needs_call"
    " FROM sendings LEFT JOIN recipients ON recipients.id = recipient_id"
)
_PAGE_OF_STATE = (
    " WHERE sendings.state = %(state)s"
    " AND (%(after)s::uuid IS NULL OR (NOT is_urgent, created_at, sendings.id) >"
    "  (SELECT NOT is_urgent, created_at, id FROM sendings AS last WHERE last.id = %(after)s))"
    " ORDER BY NOT is_urgent, created_at, sendings.id LIMIT %(limit)s"
)


def count_states(conn: Connection) -> dict[SendingState, int]:
    """Return how many messages stand in each state; states without one are there too."""
    rows = conn.execute("SELECT state::text, count(*) FROM sendings GROUP BY state").fetchall()
    found = {SendingState(state): int(number) for state, number in rows}
    return {state: found.get(state, 0) for state in SendingState}


def has_police(conn: Connection) -> bool:
    """Whether a police recipient is approved: without one nothing leaves."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM recipients WHERE kind = 'police' AND approved_at IS NOT NULL"
        " AND disabled_at IS NULL)"
    ).fetchone()
    return bool(row and row[0])


def list_sendings(
    conn: Connection, state: SendingState, *, after: UUID | None, limit: int = PAGE_SIZE
) -> list[SendingRow]:
    """Return the messages in one state: urgent first, then oldest first.

    Args:
        after: the last message of the page before.
    """
    with conn.cursor(row_factory=row_of(SendingRow)) as cursor:
        return cursor.execute(
            _SELECT + _PAGE_OF_STATE,
            {"state": state, "after": after, "limit": limit},
        ).fetchall()


def find_sending(conn: Connection, sending_id: UUID) -> SendingRow | None:
    """Return one message."""
    with conn.cursor(row_factory=row_of(SendingRow)) as cursor:
        return cursor.execute(_SELECT + " WHERE sendings.id = %(id)s", {"id": sending_id}).fetchone()


def list_of_reference(conn: Connection, reference: str) -> list[SendingRow]:
    """Return all messages that bear one reference, oldest first."""
    with conn.cursor(row_factory=row_of(SendingRow)) as cursor:
        return cursor.execute(
            _SELECT + " WHERE sendings.reference = %(reference)s ORDER BY created_at, sendings.id",
            {"reference": reference},
        ).fetchall()


def list_of_item(conn: Connection, item_id: UUID) -> list[SendingRow]:
    """Return all messages about one item, oldest first."""
    with conn.cursor(row_factory=row_of(SendingRow)) as cursor:
        return cursor.execute(
            _SELECT + " JOIN sending_items ON sending_id = sendings.id WHERE item_id = %(id)s"
            " ORDER BY created_at, sendings.id",
            {"id": item_id},
        ).fetchall()


def list_items(conn: Connection, sending_id: UUID) -> list[SendingItem]:
    """Return the items of a message, in the order of their ids."""
    with conn.cursor(row_factory=row_of(SendingItem)) as cursor:
        return cursor.execute(
            "SELECT items.id, items.reference, items.kind, url, file_name, state, closed_as FROM sending_items"
            " JOIN items ON items.id = item_id WHERE sending_id = %(id)s ORDER BY items.id",
            {"id": sending_id},
        ).fetchall()
