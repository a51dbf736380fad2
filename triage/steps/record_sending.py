"""Record what became of a message that we began to send. Only who began it, at that time, may say so.

A police referral that left wakes the notices which waited for it; a retraction that left is done; what was
recalled as it left is retracted now.
"""

from datetime import datetime, timedelta
from uuid import UUID

from triage.errors import StaleStateError
from triage.model import Sending
from triage.rules.due import next_wait
from triage.rules.sending import SendingPolicy, due_after_police
from triage.rules.states import ItemState, SendingKind, SendingPart, SendingState
from triage.steps.close_sendings import settle_recalled
from triage.steps.follow_sending import stop_if_unapproved, tell_items
from triage.store import custody, recipients, sending_items, sending_moves, sendings
from triage.store.custody import NewEvent
from triage.store.rows import Connection

ACTOR = "outbound"


def note_handing_over(conn: Connection, sending_id: UUID, *, started_at: datetime, sha256: bytes) -> None:
    """Say, just before the call, that the message is handed over now.

    Args:
        sha256: 32 bytes, of what leaves.

    Raises:
        StaleStateError: it is not ours any more; nothing may be handed over.
    """
    if not sending_moves.note_digest(conn, sending_id, started_at=started_at, sha256=sha256):
        raise StaleStateError


def record_accepted(
    conn: Connection,
    sending_id: UUID,
    *,
    started_at: datetime,
    left_as: str,
    now: datetime,
    policy: SendingPolicy,
) -> None:
    """Record that a message left.

    Args:
        left_as: mail or file.

    Raises:
        StaleStateError: somebody else has said what became of it.
    """
    sending = _lock_ours(conn, sending_id, started_at)
    sending_moves.mark_left(conn, sending.id, sending.state, "accepted", sent_at=now, left_as=left_as)
    custody.append(conn, finish_left(conn, sending.id, now=now, policy=policy), actor=ACTOR, now=now)


def finish_left(
    conn: Connection, sending_id: UUID, *, now: datetime, policy: SendingPolicy
) -> list[NewEvent]:
    """Do what follows from a message having left, whoever said so.

    Returns:
        Custody events for the caller to append.
    """
    sending = sendings.lock_sending(conn, sending_id)
    if sending is None or sending.state is not SendingState.SENT:
        raise StaleStateError
    listed = sending_items.read_items(conn, sending.id)
    events = tell_items(sending, [one.item_id for one in listed], "sent", tries=sending.tries)
    if sending.part is SendingPart.RETRACTION:
        sending_moves.move_sending(conn, sending.id, sending.state, "resolved")
        return events
    if sending.kind is SendingKind.POLICE:
        _wake_notices(conn, sending, now=now, policy=policy)
    events += settle_recalled(conn, sending, has_left=True, now=now, policy=policy)
    is_over = any(not one.is_taken_back for one in listed) and all(
        one.state is ItemState.CLOSED for one in listed if not one.is_taken_back
    )
    if sending.kind is not SendingKind.POLICE and is_over:
        sending_moves.move_sending(conn, sending.id, sending.state, "resolved")
        events += tell_items(sending, [one.item_id for one in listed], "resolved")
    return events


def record_refused_for_now(
    conn: Connection,
    sending_id: UUID,
    *,
    started_at: datetime,
    waits_s: tuple[float, ...],
    now: datetime,
    policy: SendingPolicy,
) -> None:
    """Record that a message did not leave this time; when its waits are used up, a person decides.

    Args:
        waits_s: waits before each new try, in seconds.

    Raises:
        StaleStateError: somebody else has said what became of it.
    """
    sending = _lock_ours(conn, sending_id, started_at)
    wait_s = next_wait(waits_s, sending.tries)
    if wait_s is None:
        _reject(conn, sending, f"refused for now, {sending.tries} times", now=now, policy=policy)
        return
    sending_moves.queue_sending(
        conn,
        sending.id,
        sending.state,
        "refused_for_now",
        queued_at=sending.queued_at or now,
        next_try_at=now + timedelta(seconds=wait_s),
        tries=sending.tries,
    )
    events = _finish_unsent(conn, sending.id, now=now, policy=policy)
    custody.append(conn, events + stop_if_unapproved(conn, sending.id), actor=ACTOR, now=now)


def record_rejected(
    conn: Connection,
    sending_id: UUID,
    *,
    started_at: datetime,
    reason: str,
    now: datetime,
    policy: SendingPolicy,
) -> None:
    """Record that a message was refused for good, or could not be written.

    Args:
        reason: in words, without an address.

    Raises:
        StaleStateError: somebody else has said what became of it.
    """
    _reject(conn, _lock_ours(conn, sending_id, started_at), reason, now=now, policy=policy)


def record_unclear(
    conn: Connection, sending_id: UUID, *, started_at: datetime, reason: str, now: datetime
) -> None:
    """Record that nobody can say whether a message left; a person finds out, and nothing is sent twice.

    Raises:
        StaleStateError: somebody else has said what became of it.
    """
    sending = _lock_ours(conn, sending_id, started_at)
    sending_moves.move_sending(conn, sending.id, sending.state, "unclear", reason=reason)
    item_ids = [one.item_id for one in sending_items.read_items(conn, sending.id)]
    custody.append(conn, tell_items(sending, item_ids, "unclear"), actor=ACTOR, now=now)


def _lock_ours(conn: Connection, sending_id: UUID, started_at: datetime) -> Sending:
    recipients.hold_recipients(conn)
    sending = sendings.lock_sending(conn, sending_id)
    if sending is None or sending.state is not SendingState.SENDING or sending.started_at != started_at:
        raise StaleStateError
    return sending


def _reject(conn: Connection, sending: Sending, reason: str, *, now: datetime, policy: SendingPolicy) -> None:
    sending_moves.move_sending(conn, sending.id, sending.state, "refused_for_good", reason=reason)
    item_ids = [one.item_id for one in sending_items.read_items(conn, sending.id)]
    events = tell_items(sending, item_ids, "rejected", tries=sending.tries)
    events += _finish_unsent(conn, sending.id, now=now, policy=policy)
    custody.append(conn, events, actor=ACTOR, now=now)


def _finish_unsent(
    conn: Connection, sending_id: UUID, *, now: datetime, policy: SendingPolicy
) -> list[NewEvent]:
    sending = sendings.lock_sending(conn, sending_id)
    if sending is None:
        raise StaleStateError
    return settle_recalled(conn, sending, has_left=False, now=now, policy=policy)


def _wake_notices(conn: Connection, police: Sending, *, now: datetime, policy: SendingPolicy) -> None:
    """Let the notices of these items leave as soon as their own undo window is over."""
    for behind in sending_items.lock_behind_police(conn, police.id):
        settled = [one.settled_at for one in sending_items.read_items(conn, behind.id) if one.settled_at]
        due_at = due_after_police(now, behind.created_at, max(settled, default=None), policy)
        if behind.next_try_at is not None and due_at < behind.next_try_at and behind.tries == 0:
            sending_moves.delay_sending(conn, behind.id, next_try_at=due_at)
