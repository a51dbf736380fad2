"""Sendings: messages that leave once, as they are stored, read and locked. `sending_moves` moves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from triage.ids import new_id
from triage.model import Sending
from triage.rules.states import Basis, SendingKind, SendingPart, SendingState
from triage.store.rows import Connection, row_of

SENDING_LEASE_S = 120.0
"""Seconds after which whoever began to send has stopped; all deadlines of one try together are shorter."""

_SELECT = (
    "SELECT id, kind, part, number, reference, message_id, recipient_id, state, basis, host, asn, country,"
    " is_urgent, is_held, is_recalled, created_at, queued_at, next_try_at, tries, started_at, sent_at, left_as,"
    " file_name, answered_at, answer, reason FROM sendings"
)


@dataclass(frozen=True, slots=True)
class NewSending:
    """A message to be stored: queued when it has a due time, else it waits for a person with a reason."""

    kind: SendingKind
    part: SendingPart
    number: int
    reference: str
    message_id: str
    recipient_id: UUID | None
    basis: Basis
    host: str
    asn: int | None
    country: str | None
    is_urgent: bool
    is_held: bool
    due_at: datetime | None
    reason: str | None


def insert_sending(conn: Connection, new: NewSending, item_ids: Sequence[UUID], *, now: datetime) -> UUID:
    """Store a message with its items."""
    sending_id = new_id()
    conn.execute(
        "INSERT INTO sendings (id, kind, part, number, reference, message_id, recipient_id, state, basis, host,"
        " asn, country, is_urgent, is_held, created_at, queued_at, next_try_at, reason)"
        " VALUES (%(id)s, %(kind)s, %(part)s, %(number)s, %(reference)s, %(message_id)s, %(recipient_id)s,"
        " %(state)s, %(basis)s, %(host)s, %(asn)s, %(country)s, %(is_urgent)s, %(is_held)s, %(now)s,"
        " %(queued_at)s, %(due_at)s, %(reason)s)",
        {
            "id": sending_id,
            "kind": new.kind,
            "part": new.part,
            "number": new.number,
            "reference": new.reference,
            "message_id": new.message_id,
            "recipient_id": new.recipient_id,
            "state": SendingState.WAITING_APPROVAL if new.due_at is None else SendingState.QUEUED,
            "basis": new.basis,
            "host": new.host,
            "asn": new.asn,
            "country": new.country,
            "is_urgent": new.is_urgent,
            "is_held": new.is_held,
            "now": now,
            "queued_at": None if new.due_at is None else now,
            "due_at": new.due_at,
            "reason": new.reason,
        },
    )
    add_items(conn, sending_id, item_ids)
    return sending_id


def add_items(conn: Connection, sending_id: UUID, item_ids: Sequence[UUID]) -> None:
    """Add items to a message that has not left; those it lists already are passed over."""
    conn.execute(
        "INSERT INTO sending_items (sending_id, item_id) SELECT %(id)s, unnest(%(items)s::uuid[])"
        " ON CONFLICT DO NOTHING",
        {"id": sending_id, "items": sorted(set(item_ids))},
    )


def remove_items(conn: Connection, sending_id: UUID, item_ids: Sequence[UUID]) -> None:
    """Take items out of a message that has not left."""
    conn.execute(
        "DELETE FROM sending_items WHERE sending_id = %(id)s AND item_id = ANY(%(items)s)",
        {"id": sending_id, "items": list(item_ids)},
    )


# Reading and locking


def read_sending(conn: Connection, sending_id: UUID) -> Sending | None:
    """Return one message."""
    with conn.cursor(row_factory=row_of(Sending)) as cursor:
        return cursor.execute(_SELECT + " WHERE id = %(id)s", {"id": sending_id}).fetchone()


def read_first(conn: Connection, reference: str) -> Sending | None:
    """Return the first message that bears a reference."""
    with conn.cursor(row_factory=row_of(Sending)) as cursor:
        return cursor.execute(
            _SELECT + " WHERE reference = %(reference)s AND part = 'first'", {"reference": reference}
        ).fetchone()


def lock_sending(conn: Connection, sending_id: UUID) -> Sending | None:
    """Return and lock one message."""
    with conn.cursor(row_factory=row_of(Sending)) as cursor:
        return cursor.execute(_SELECT + " WHERE id = %(id)s FOR NO KEY UPDATE", {"id": sending_id}).fetchone()


def lock_of_items(conn: Connection, item_ids: Sequence[UUID]) -> list[Sending]:
    """Return and lock all messages that list one of these items and are not withdrawn, oldest first."""
    rows = conn.execute(
        "SELECT DISTINCT sendings.id FROM sendings JOIN sending_items ON sending_id = sendings.id"
        " WHERE item_id = ANY(%(items)s) AND state <> 'withdrawn' ORDER BY sendings.id",
        {"items": list(item_ids)},
    ).fetchall()
    locked = [lock_sending(conn, row[0]) for row in rows]
    return [one for one in locked if one is not None and one.state is not SendingState.WITHDRAWN]


def lock_of_reference(conn: Connection, reference: str) -> list[Sending]:
    """Return and lock the messages that bear one reference, oldest first."""
    with conn.cursor(row_factory=row_of(Sending)) as cursor:
        return cursor.execute(
            _SELECT + " WHERE reference = %(reference)s ORDER BY id FOR NO KEY UPDATE",
            {"reference": reference},
        ).fetchall()


def lock_waiting(conn: Connection) -> list[Sending]:
    """Return and lock all messages that wait for a person's approval, oldest first."""
    with conn.cursor(row_factory=row_of(Sending)) as cursor:
        return cursor.execute(
            _SELECT + " WHERE state = 'waiting_approval' ORDER BY id FOR NO KEY UPDATE"
        ).fetchall()


def lock_queued_to(conn: Connection, recipient_id: UUID) -> list[Sending]:
    """Return and lock all messages that are queued to a recipient, oldest first."""
    with conn.cursor(row_factory=row_of(Sending)) as cursor:
        return cursor.execute(
            _SELECT + " WHERE state = 'queued' AND recipient_id = %(id)s ORDER BY id FOR NO KEY UPDATE",
            {"id": recipient_id},
        ).fetchall()


def lock_joinable(
    conn: Connection, like: NewSending, *, made_since: datetime, waits_as: str, max_items: int
) -> Sending | None:
    """Return and lock a first message that takes one more item of this kind, to the same and of the same host.

    Args:
        made_since: it was made after this.
        waits_as: the reason for which both wait, or neither does.
        max_items: it lists fewer.
    """
    row = conn.execute(
        "SELECT id FROM sendings WHERE part = 'first' AND state IN ('queued', 'waiting_approval')"
        " AND started_at IS NULL AND NOT is_urgent AND kind = %(kind)s AND host = %(host)s"
        " AND basis = %(basis)s AND is_held = %(is_held)s AND created_at > %(made_since)s"
        " AND recipient_id IS NOT DISTINCT FROM %(recipient_id)s"
        " AND asn IS NOT DISTINCT FROM %(asn)s AND country IS NOT DISTINCT FROM %(country)s"
        " AND (reason IS NOT DISTINCT FROM %(waits_as)s)"
        " = (%(reason)s::text IS NOT DISTINCT FROM %(waits_as)s)"
        " AND (SELECT count(*) FROM sending_items WHERE sending_id = sendings.id) < %(max_items)s"
        " ORDER BY id LIMIT 1",
        {
            "kind": like.kind,
            "host": like.host,
            "basis": like.basis,
            "is_held": like.is_held,
            "made_since": made_since,
            "recipient_id": like.recipient_id,
            "asn": like.asn,
            "country": like.country,
            "waits_as": waits_as,
            "reason": like.reason,
            "max_items": max_items,
        },
    ).fetchone()
    found = lock_sending(conn, row[0]) if row else None
    if found is None or found.state not in (SendingState.QUEUED, SendingState.WAITING_APPROVAL):
        return None
    return found


def take_due(
    conn: Connection, *, now: datetime, nudged_before: datetime, limit: int
) -> list[tuple[UUID, bool]]:
    """Return messages that are due, or that a crash left behind, and mark them as nudged now.

    Returns:
        (id, whether a child is at risk) of each: urgent ones first, the police before others.
    """
    rows = conn.execute(
        "UPDATE sendings SET nudged_at = %(now)s WHERE id IN ("
        " SELECT id FROM sendings WHERE (state = 'queued' AND next_try_at <= %(now)s"
        "  OR state = 'sending' AND (started_at <= %(left_behind)s OR started_at >= %(ahead)s))"
        " AND (nudged_at IS NULL OR nudged_at < %(nudged_before)s)"
        " ORDER BY is_urgent DESC, kind = 'police' DESC, next_try_at, id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED)"
        " RETURNING id, is_urgent, kind = 'police', next_try_at",
        {
            "now": now,
            "left_behind": now - timedelta(seconds=SENDING_LEASE_S),
            "ahead": now + timedelta(seconds=SENDING_LEASE_S),
            "nudged_before": nudged_before,
            "limit": limit,
        },
    ).fetchall()
    ranked = sorted(rows, key=lambda row: (not row[1], not row[2], row[3], row[0]))
    return [(row[0], row[1]) for row in ranked]
