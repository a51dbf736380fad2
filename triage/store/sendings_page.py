"""What the pages of notices and referrals show. Reads only."""

from collections.abc import Sequence
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
    sent_at: datetime | None
    answered_at: datetime | None
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


# ruff: noqa: S608 - only these fixed texts are put together
_SELECT = (
    "SELECT sendings.id, sendings.kind, part, number, sendings.reference, sendings.state,"
    " recipients.name AS recipient, host,"
    " (SELECT count(*) FROM sending_items WHERE sending_id = sendings.id) AS items, sendings.reason, is_urgent,"
    " is_held, is_recalled, answer, left_as, tries, created_at, next_try_at, sent_at, answered_at,"
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
_IS_WITHHELD = (
    "(%(assesses)s AND EXISTS (SELECT FROM sending_items JOIN items ON items.id = item_id"
    " WHERE sending_id = sendings.id AND items.waits_second AND items.first_by IS DISTINCT FROM %(person)s))"
)
"""Whether it is about an item of which this person could still be the second assessor: it would tell of the first."""


def count_states(conn: Connection, *, most: int) -> dict[SendingState, int]:
    """Return how many messages stand in each state, but no more than `most` are counted of one."""
    rows = conn.execute(
        "SELECT state::text, (SELECT count(*) FROM (SELECT FROM sendings WHERE sendings.state = listed.state"
        "  LIMIT %(most)s) AS few) FROM unnest(%(states)s::sending_state[]) AS listed (state) ORDER BY state",
        {"states": [state.value for state in SendingState], "most": most},
    ).fetchall()
    return {SendingState(state): int(number) for state, number in rows}


def has_police(conn: Connection) -> bool:
    """Whether a police recipient is approved: without one nothing leaves."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM recipients WHERE kind = 'police' AND approved_at IS NOT NULL"
        " AND disabled_at IS NULL)"
    ).fetchone()
    return bool(row and row[0])


def list_sendings(
    conn: Connection,
    states: Sequence[SendingState],
    *,
    person_id: UUID,
    assesses: bool,
    host: str | None = None,
    after: UUID | None = None,
    limit: int = PAGE_SIZE,
) -> list[tuple[SendingRow, bool]]:
    """Return the messages in these states, urgent first, then oldest first; with each, whether it is withheld.

    Args:
        assesses: whether this person may be asked for a second opinion.
        host: only those about this host.
        after: the last message of the page before; it may have moved by now, its place is known still.
    """
    found = conn.execute(
        "SELECT page.id, page.is_withheld FROM unnest(%(states)s::sending_state[]) AS listed (state)"
        " CROSS JOIN LATERAL (SELECT sendings.id, is_urgent, created_at, " + _IS_WITHHELD + " AS is_withheld"
        "  FROM sendings WHERE sendings.state = listed.state AND (%(host)s::text IS NULL"
        "   OR host = %(host)s AND NOT " + _IS_WITHHELD + ")"
        "  AND (%(after)s::uuid IS NULL OR ((NOT is_urgent), created_at, sendings.id) >"
        "   (SELECT NOT is_urgent, created_at, id FROM sendings AS last WHERE last.id = %(after)s))"
        "  ORDER BY (NOT is_urgent), created_at, sendings.id LIMIT %(limit)s) AS page"
        " ORDER BY (NOT page.is_urgent), page.created_at, page.id LIMIT %(limit)s",
        {
            "states": [state.value for state in states],
            "person": person_id,
            "assesses": assesses,
            "host": host,
            "after": after,
            "limit": limit,
        },
        prepare=False,
    ).fetchall()
    withheld = dict(found)
    with conn.cursor(row_factory=row_of(SendingRow)) as cursor:
        rows = cursor.execute(
            _SELECT + " WHERE sendings.id = ANY(%(ids)s) ORDER BY (NOT is_urgent), created_at, sendings.id",
            {"ids": list(withheld)},
        ).fetchall()
    return [(row, withheld[row.id]) for row in rows]


@dataclass(frozen=True, slots=True)
class HostCount:
    """A host, and how many messages are about it."""

    host: str
    messages: int


def list_hosts(
    conn: Connection,
    states: Sequence[SendingState],
    *,
    person_id: UUID,
    assesses: bool,
    most: int,
    limit: int,
) -> list[HostCount]:
    """Return the hosts that most messages in these states are about.

    Args:
        most: messages of one state that are looked at.
    """
    with conn.cursor(row_factory=row_of(HostCount)) as cursor:
        return cursor.execute(
            "SELECT host, count(*) AS messages FROM unnest(%(states)s::sending_state[]) AS listed (state)"
            " CROSS JOIN LATERAL (SELECT host, " + _IS_WITHHELD + " AS is_withheld FROM sendings"
            "  WHERE sendings.state = listed.state ORDER BY (NOT is_urgent), created_at, sendings.id"
            "  LIMIT %(most)s) AS few"
            " WHERE host <> '' AND NOT is_withheld GROUP BY host ORDER BY count(*) DESC, host LIMIT %(limit)s",
            {
                "states": [state.value for state in states],
                "person": person_id,
                "assesses": assesses,
                "most": most,
                "limit": limit,
            },
        ).fetchall()


def is_withheld(conn: Connection, sending_id: UUID, person_id: UUID) -> bool:
    """Whether a message is about an item of which this person, who may assess, could be the second assessor."""
    row = conn.execute(
        "SELECT " + _IS_WITHHELD + " FROM sendings WHERE sendings.id = %(id)s",
        {"id": sending_id, "person": person_id, "assesses": True},
    ).fetchone()
    return bool(row and row[0])


def read_digest(conn: Connection, sending_id: UUID) -> bytes | None:
    """Return the SHA-256 of what was handed over; None while nothing was."""
    row = conn.execute("SELECT sha256 FROM sendings WHERE id = %(id)s", {"id": sending_id}).fetchone()
    return bytes(row[0]) if row and row[0] is not None else None


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
            " ORDER BY created_at, sendings.id LIMIT %(limit)s",
            {"id": item_id, "limit": PAGE_SIZE},
        ).fetchall()


def list_items(conn: Connection, sending_id: UUID) -> list[SendingItem]:
    """Return the items of a message, in the order of their ids."""
    with conn.cursor(row_factory=row_of(SendingItem)) as cursor:
        return cursor.execute(
            "SELECT items.id, items.reference, items.kind, url, file_name, state, closed_as FROM sending_items"
            " JOIN items ON items.id = item_id WHERE sending_id = %(id)s ORDER BY items.id",
            {"id": sending_id},
        ).fetchall()
