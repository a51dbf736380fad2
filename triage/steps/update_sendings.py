"""Tell anew what changed in a referral that left: an update with the same reference, to whom the referral went.

1. Only the police and partner hotlines are told details, so only their referrals are updated.
2. An update that waits takes further changes: what it says is read when it leaves, and so is what it said before.
3. While a referral is on its way nobody knows whether it left: its update waits for that (`take_sending`).

Each function works within the caller's transaction and returns the custody events for the caller to append.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from triage.model import Sending
from triage.rules.sending import NOT_APPROVED, SendingPolicy, find_needless
from triage.rules.states import ItemState, SendingKind, SendingPart, SendingState
from triage.steps.follow_sending import insert_following, is_approved, tell_items
from triage.store import recipients, sending_items, sending_moves, sendings
from triage.store.custody import NewEvent
from triage.store.rows import Connection

_WAITS = (SendingState.WAITING_APPROVAL, SendingState.QUEUED)


def update_for_items(
    conn: Connection, item_ids: Iterable[UUID], *, now: datetime, policy: SendingPolicy
) -> list[NewEvent]:
    """Update the referrals that told of these items, after something of what they say has changed.

    Returns:
        Custody events for the caller to append.
    """
    recipients.hold_recipients(conn)
    wanted = set(item_ids)
    events: list[NewEvent] = []
    for first in sendings.lock_of_items(conn, sorted(wanted)):
        if first.part is not SendingPart.FIRST or find_needless(first.state):
            continue
        if first.kind is SendingKind.NOTICE:
            continue
        changed = [
            one.item_id
            for one in sending_items.read_items(conn, first.id)
            if one.item_id in wanted
            and not one.is_taken_back
            # Of what is gone, or not theirs, nothing is asked of a partner any more; the police go on.
            and (first.kind is SendingKind.POLICE or one.state is ItemState.NOTIFIED)
        ]
        if changed:
            events += _update(conn, first, changed, now=now, policy=policy)
    return events


def _update(
    conn: Connection, first: Sending, item_ids: list[UUID], *, now: datetime, policy: SendingPolicy
) -> list[NewEvent]:
    """Issue the update of these items, or let one take them that has not begun to leave."""
    updates = [
        one for one in sendings.lock_of_reference(conn, first.reference) if one.part is SendingPart.UPDATE
    ]
    for update in updates:
        if update.state in _WAITS and update.started_at is None:
            sendings.add_items(conn, update.id, item_ids)
            if update.state is SendingState.QUEUED:
                sending_moves.delay_sending(conn, update.id, next_try_at=policy.leaves_at(now))
            return tell_items(update, item_ids, "issued", state=update.state.value)
    may_leave = is_approved(conn, first.recipient_id)
    return insert_following(
        conn,
        first,
        SendingPart.UPDATE,
        max((one.number for one in updates), default=0) + 1,
        item_ids,
        due_at=policy.leaves_at(now) if may_leave else None,
        reason=None if may_leave else NOT_APPROVED,
        now=now,
        policy=policy,
    )
