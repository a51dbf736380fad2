"""Close what was issued: it is resolved when nothing of it is up any more, and taken back when a verdict falls.

What has not left loses the item, what has left is retracted under the same reference. While it is not known
whether a message left, its retraction waits with it: `settle_recalled` queues or drops it once it is known.
Each function works within the caller's transaction and returns the custody events for the caller to append.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from triage.model import Item, Sending
from triage.rules.sending import (
    LEFT,
    NOT_APPROVED,
    NOTHING_TO_ASK,
    ON_THE_WAY,
    OUTCOME_OPEN,
    SendingPolicy,
)
from triage.rules.states import ItemState, SendingKind, SendingPart, SendingState
from triage.steps.follow_sending import UNSENT, drop_items, insert_following, is_approved, tell_items
from triage.store import recipients, sending_items, sending_moves, sendings
from triage.store.custody import NewEvent
from triage.store.rows import Connection

NEVER_LEFT = "the message that it takes back never left"


def resolve_for_item(conn: Connection, item: Item) -> list[NewEvent]:
    """Close what was asked of hosts and partners about an item that is gone.

    A message that left is resolved when none of its items is notified any more; one that has not left loses
    the item. The police keep what they were told.

    Returns:
        Custody events for the caller to append.
    """
    events: list[NewEvent] = []
    for sending in sendings.lock_of_items(conn, [item.id]):
        if sending.kind is SendingKind.POLICE or sending.part is SendingPart.RETRACTION:
            continue
        if sending.state in UNSENT:
            events += drop_items(conn, sending, [item.id], NOTHING_TO_ASK)
        elif sending.state in LEFT:
            others = [one for one in sending_items.read_items(conn, sending.id) if one.item_id != item.id]
            if not any(one.state is ItemState.NOTIFIED and not one.is_taken_back for one in others):
                sending_moves.move_sending(conn, sending.id, sending.state, "resolved")
                events += tell_items(sending, [item.id, *(one.item_id for one in others)], "resolved")
    return events


def withdraw_for_items(
    conn: Connection,
    items: Sequence[Item],
    *,
    now: datetime,
    reason: str,
    policy: SendingPolicy,
    since: datetime | None = None,
) -> list[NewEvent]:
    """Take back everything that was said of items: their verdict was undone, or they were reopened.

    Args:
        reason: why, in words; it is kept with each message that is withdrawn.
        since: only what was written then or later.

    Returns:
        Custody events for the caller to append.
    """
    recipients.hold_recipients(conn)
    wanted = {item.id for item in items}
    events: list[NewEvent] = []
    found: list[tuple[Sending, list[UUID]]] = []
    for sending in sendings.lock_of_items(conn, sorted(wanted)):
        listed = sending_items.read_items(conn, sending.id)
        ours = [one.item_id for one in listed if one.item_id in wanted and not one.is_taken_back]
        is_older = since is not None and sending.created_at < since
        if ours and sending.part is not SendingPart.RETRACTION and not is_older:
            found.append((sending, ours))
    for sending, ours in found:
        if sending.state in UNSENT:
            events += drop_items(conn, sending, ours, reason)
        elif sending.state in ON_THE_WAY:
            sending_moves.raise_flags(conn, sending.id, is_recalled=True)
            events += tell_items(sending, ours, "recalled")
            if sending.part is SendingPart.FIRST:
                events += _take_back(conn, sending, ours, is_open=True, now=now, policy=policy)
        elif sending.state in LEFT:
            if sending.part is SendingPart.FIRST:
                events += _take_back(conn, sending, ours, is_open=False, now=now, policy=policy)
            if not _has_standing(conn, sending):
                sending_moves.move_sending(conn, sending.id, sending.state, "withdrawn", reason=reason)
                events += tell_items(sending, ours, "withdrawn")
        elif sending.part is SendingPart.FIRST:  # resolved: who removed it must learn that the verdict fell
            events += _take_back(conn, sending, ours, is_open=False, now=now, policy=policy)
    return events


def settle_recalled(
    conn: Connection, sending: Sending, *, has_left: bool, now: datetime, policy: SendingPolicy
) -> list[NewEvent]:
    """Finish what was recalled while it was not known whether it left, once that is known.

    Args:
        sending: as it stands now: sent, or back in the queue or rejected.

    Returns:
        Custody events for the caller to append.
    """
    if not sending.is_recalled:
        return []
    events: list[NewEvent] = []
    taken = [one.item_id for one in sending_items.read_items(conn, sending.id) if one.is_taken_back]
    if sending.part is SendingPart.FIRST:
        for back in sendings.lock_of_reference(conn, sending.reference):
            is_pending = back.state is SendingState.WAITING_APPROVAL and back.reason == OUTCOME_OPEN
            if back.part is SendingPart.RETRACTION and is_pending:
                events += _settle_retraction(conn, back, taken, has_left=has_left, now=now, policy=policy)
    if not has_left:
        return events + (drop_items(conn, sending, taken, "it was taken back") if taken else [])
    if not _has_standing(conn, sending):
        sending_moves.move_sending(conn, sending.id, sending.state, "withdrawn", reason="it was taken back")
        events += tell_items(sending, taken, "withdrawn")
    return events


def _settle_retraction(
    conn: Connection,
    back: Sending,
    item_ids: list[UUID],
    *,
    has_left: bool,
    now: datetime,
    policy: SendingPolicy,
) -> list[NewEvent]:
    if not has_left:
        sending_moves.move_sending(conn, back.id, back.state, "withdrawn", reason=NEVER_LEFT)
        return tell_items(back, item_ids, "withdrawn")
    if not is_approved(conn, back.recipient_id):
        sending_moves.set_reason(conn, back.id, NOT_APPROVED)
        return []
    due_at = policy.leaves_at(now)
    sending_moves.queue_sending(
        conn, back.id, back.state, "recipient_approved", queued_at=now, next_try_at=due_at, tries=0
    )
    return tell_items(back, item_ids, "queued")


def _take_back(
    conn: Connection,
    first: Sending,
    item_ids: list[UUID],
    *,
    is_open: bool,
    now: datetime,
    policy: SendingPolicy,
) -> list[NewEvent]:
    """Issue the retraction of these items, or let one take them that has not begun to leave."""
    waits_for = OUTCOME_OPEN if is_open else None if is_approved(conn, first.recipient_id) else NOT_APPROVED
    backs = [
        one for one in sendings.lock_of_reference(conn, first.reference) if one.part is SendingPart.RETRACTION
    ]
    for back in backs:
        is_waiting = back.state in (SendingState.WAITING_APPROVAL, SendingState.QUEUED)
        if is_waiting and back.started_at is None and (back.reason == OUTCOME_OPEN) == is_open:
            sendings.add_items(conn, back.id, item_ids)
            if back.state is SendingState.QUEUED:
                sending_moves.delay_sending(conn, back.id, next_try_at=policy.leaves_at(now))
            return tell_items(back, item_ids, "issued", state=back.state.value)
    return insert_following(
        conn,
        first,
        SendingPart.RETRACTION,
        len(backs),
        item_ids,
        due_at=None if waits_for else policy.leaves_at(now),
        reason=waits_for,
        now=now,
        policy=policy,
    )


def _has_standing(conn: Connection, sending: Sending) -> bool:
    """Whether a message still stands for an item that no retraction took back."""
    return any(not one.is_taken_back for one in sending_items.read_items(conn, sending.id))
