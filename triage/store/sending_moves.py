"""Moves of sendings: only by a guarded UPDATE; no row moved is a StaleStateError.

Each function sets just the columns that the roles which call it may set: the worker issues and withdraws, the
staff surface decides and answers, the outbound process sends.
"""

from datetime import datetime
from uuid import UUID

from triage.errors import StaleStateError
from triage.rules.states import SENDING_MOVES, SendingState, find_move
from triage.store.rows import Connection


def move_sending(
    conn: Connection,
    sending_id: UUID,
    before: SendingState,
    event: str,
    *,
    reason: str | None = None,
    next_try_at: datetime | None = None,
) -> SendingState:
    """Make one move of the table that needs no other fact; every role that moves sendings may make it.

    Args:
        reason: why it stands there, in words; without one the standing reason is kept.
        next_try_at: when it is due; without one that is kept.

    Raises:
        StaleStateError: the message is no longer in the state before.
    """
    after = find_move(SENDING_MOVES, before, event).after
    cursor = conn.execute(
        "UPDATE sendings SET state = %(after)s, reason = COALESCE(%(reason)s, reason), nudged_at = NULL,"
        " next_try_at = COALESCE(%(next_try_at)s, next_try_at) WHERE id = %(id)s AND state = %(before)s",
        {"id": sending_id, "before": before, "after": after, "reason": reason, "next_try_at": next_try_at},
    )
    if cursor.rowcount != 1:
        raise StaleStateError
    return SendingState(after)


def queue_sending(
    conn: Connection,
    sending_id: UUID,
    before: SendingState,
    event: str,
    *,
    queued_at: datetime,
    next_try_at: datetime,
    tries: int,
) -> None:
    """Make a move of the table that ends in the queue; what was said of it before is dropped.

    Raises:
        StaleStateError: the message is no longer in the state before.
    """
    after = find_move(SENDING_MOVES, before, event).after
    cursor = conn.execute(
        "UPDATE sendings SET state = %(after)s, queued_at = %(queued_at)s, next_try_at = %(next_try_at)s,"
        " nudged_at = NULL, tries = %(tries)s, reason = NULL WHERE id = %(id)s AND state = %(before)s",
        {
            "id": sending_id,
            "before": before,
            "after": after,
            "queued_at": queued_at,
            "next_try_at": next_try_at,
            "tries": tries,
        },
    )
    if cursor.rowcount != 1:
        raise StaleStateError


def start_sending(conn: Connection, sending_id: UUID, *, file_name: str | None, now: datetime) -> None:
    """Store the intent to send: the move `started`, one more try, and the file it will be, if it becomes one.

    Raises:
        StaleStateError: the message is no longer queued.
    """
    after = find_move(SENDING_MOVES, SendingState.QUEUED, "started").after
    cursor = conn.execute(
        "UPDATE sendings SET state = %(after)s, started_at = %(now)s, tries = tries + 1, nudged_at = NULL,"
        " file_name = %(file_name)s, sha256 = NULL, reason = NULL WHERE id = %(id)s AND state = 'queued'",
        {"id": sending_id, "after": after, "file_name": file_name, "now": now},
    )
    if cursor.rowcount != 1:
        raise StaleStateError


def mark_left(
    conn: Connection,
    sending_id: UUID,
    before: SendingState,
    event: str,
    *,
    sent_at: datetime,
    left_as: str,
) -> None:
    """Make the move by which a message counts as sent.

    Args:
        left_as: mail or file.

    Raises:
        StaleStateError: the message is no longer in the state before.
    """
    after = find_move(SENDING_MOVES, before, event).after
    cursor = conn.execute(
        "UPDATE sendings SET state = %(after)s, sent_at = %(sent_at)s, left_as = %(left_as)s, nudged_at = NULL,"
        " reason = NULL WHERE id = %(id)s AND state = %(before)s",
        {"id": sending_id, "before": before, "after": after, "sent_at": sent_at, "left_as": left_as},
    )
    if cursor.rowcount != 1:
        raise StaleStateError


def mark_bounced(conn: Connection, sending_id: UUID, before: SendingState, *, reason: str) -> None:
    """Make the move by which a message that counted as sent has reached nobody.

    Args:
        reason: in words.

    Raises:
        StaleStateError: the message is no longer in the state before.
    """
    after = find_move(SENDING_MOVES, before, "bounced").after
    cursor = conn.execute(
        "UPDATE sendings SET state = %(after)s, reason = %(reason)s, sent_at = NULL, left_as = NULL,"
        " nudged_at = NULL WHERE id = %(id)s AND state = %(before)s",
        {"id": sending_id, "before": before, "after": after, "reason": reason},
    )
    if cursor.rowcount != 1:
        raise StaleStateError


def set_recipient(conn: Connection, sending_id: UUID, recipient_id: UUID | None) -> None:
    """Say to whom a waiting or rejected message goes; None for one that waits until somebody fitting is entered."""
    conn.execute(
        "UPDATE sendings SET recipient_id = %(recipient)s"
        " WHERE id = %(id)s AND state IN ('waiting_approval', 'rejected')",
        {"id": sending_id, "recipient": recipient_id},
    )


def set_reason(conn: Connection, sending_id: UUID, reason: str) -> None:
    """Say anew why a message waits."""
    conn.execute(
        "UPDATE sendings SET reason = %(reason)s WHERE id = %(id)s AND state = 'waiting_approval'",
        {"id": sending_id, "reason": reason},
    )


def delay_sending(
    conn: Connection, sending_id: UUID, *, next_try_at: datetime, reason: str | None = None
) -> None:
    """Say when a queued message is due again, and why it waits, if it waits for something."""
    conn.execute(
        "UPDATE sendings SET next_try_at = %(next_try_at)s, reason = %(reason)s, nudged_at = NULL"
        " WHERE id = %(id)s AND state = 'queued'",
        {"id": sending_id, "next_try_at": next_try_at, "reason": reason},
    )


def raise_flags(
    conn: Connection,
    sending_id: UUID,
    *,
    is_urgent: bool = False,
    is_held: bool = False,
    is_recalled: bool = False,
) -> None:
    """Say of a message that it is urgent, held or to be taken back; what is said is never unsaid here."""
    conn.execute(
        "UPDATE sendings SET is_urgent = is_urgent OR %(is_urgent)s, is_held = is_held OR %(is_held)s,"
        " is_recalled = is_recalled OR %(is_recalled)s WHERE id = %(id)s",
        {"id": sending_id, "is_urgent": is_urgent, "is_held": is_held, "is_recalled": is_recalled},
    )


def note_answer(
    conn: Connection, sending_id: UUID, *, answer: str, reason: str | None, now: datetime
) -> None:
    """Note what the recipient said."""
    conn.execute(
        "UPDATE sendings SET answer = %(answer)s, answered_at = %(now)s, reason = COALESCE(%(reason)s, reason)"
        " WHERE id = %(id)s",
        {"id": sending_id, "answer": answer, "reason": reason, "now": now},
    )


def note_digest(conn: Connection, sending_id: UUID, *, started_at: datetime, sha256: bytes) -> bool:
    """Note the digest of what is about to be handed over; False when it is no longer ours to send."""
    cursor = conn.execute(
        "UPDATE sendings SET sha256 = %(sha256)s WHERE id = %(id)s AND state = 'sending'"
        " AND started_at = %(started_at)s",
        {"id": sending_id, "started_at": started_at, "sha256": sha256},
    )
    return cursor.rowcount == 1


def has_digest(conn: Connection, sending_id: UUID) -> bool:
    """Whether a message was about to be handed over in its last try."""
    row = conn.execute(
        "SELECT sha256 IS NOT NULL FROM sendings WHERE id = %(id)s", {"id": sending_id}
    ).fetchone()
    return bool(row and row[0])
