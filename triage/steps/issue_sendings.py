"""Issue what has to leave: the police referral, then notice or partner referral, then reminders.

A further item joins a message of the same kind, recipient, host and basis that has not left and is still young;
joining holds it for one more undo window. An urgent one is never grouped. Each function works within the
caller's transaction, which holds the item's row, and returns the custody events for the caller to append.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from triage.ids import new_reference
from triage.model import Hosting, Item, Sending
from triage.rules.routing import Route, Target, route, route_to_police
from triage.rules.sending import (
    GROUP_MAX_ITEMS,
    NOT_APPROVED,
    REFERENCE_PREFIX,
    SECOND_ASSESSOR,
    SendingPolicy,
    find_waiting_reason,
    next_reminder,
)
from triage.rules.states import Basis, ItemState, SendingKind, SendingPart, SendingState
from triage.rules.urls import split_url
from triage.steps.follow_sending import (
    UNSENT,
    drop_items,
    insert_following,
    make_message_id,
    tell_issued,
    tell_items,
)
from triage.store import recipients, sending_items, sending_moves, sendings
from triage.store.custody import NewEvent
from triage.store.rows import Connection
from triage.store.sendings import NewSending


def issue_police(
    conn: Connection,
    item: Item,
    *,
    basis: Basis,
    is_held: bool,
    is_urgent: bool,
    now: datetime,
    policy: SendingPolicy,
) -> list[NewEvent]:
    """Refer an item to the police, once: a referral that stands is only raised to urgent or held.

    Args:
        is_held: notices wait for the word of the police.
        is_urgent: a child is at risk.

    Returns:
        Custody events for the caller to append.
    """
    recipients.hold_recipients(conn)
    standing = sending_items.find_standing(conn, item.id, police=True)
    if standing is not None:
        if standing.state in UNSENT and (
            (is_urgent and not standing.is_urgent) or (is_held and not standing.is_held)
        ):
            sending_moves.raise_flags(conn, standing.id, is_urgent=is_urgent, is_held=is_held)
            return tell_items(standing, [item.id], "raised", urgent=is_urgent, held=is_held)
        return []
    targets = recipients.read_targets(conn)
    return _issue(
        conn,
        item,
        targets,
        route_to_police(targets),
        basis=basis,
        asn=None,
        country=None,
        is_held=is_held,
        is_urgent=is_urgent,
        awaits_second=False,
        now=now,
        policy=policy,
    )


def issue_for_item(
    conn: Connection, item: Item, hosting: Hosting, *, now: datetime, policy: SendingPolicy
) -> list[NewEvent]:
    """Issue the notice to who hosts an item, or the referral to the partner hotline of that country.

    A notice elsewhere that has not left yet loses the item: it is hosted here now.

    Returns:
        Custody events for the caller to append.
    """
    recipients.hold_recipients(conn)
    targets = recipients.read_targets(conn)
    way = route(hosting.country, hosting.asn, targets)
    standing = sending_items.find_standing(conn, item.id, police=False)
    events: list[NewEvent] = []
    if standing is not None and standing.state in UNSENT:
        if _is_same_way(standing, way, hosting):
            return []
        events += drop_items(conn, standing, [item.id], "the item is hosted elsewhere now")
    return events + _issue(
        conn,
        item,
        targets,
        way,
        basis=_find_basis(conn, item.id),
        asn=hosting.asn,
        country=hosting.country,
        is_held=False,
        is_urgent=False,
        awaits_second=way.kind is SendingKind.HOTLINE and sending_items.awaits_second(conn, [item.id]),
        now=now,
        policy=policy,
    )


def remind_for_item(
    conn: Connection,
    item: Item,
    *,
    now: datetime,
    policy: SendingPolicy,
    reminder_after_s: tuple[float, ...],
) -> list[NewEvent]:
    """Issue the reminder that is due of the message which stands for an item that was found online.

    It is about all items of that message which are still notified, and each number of it is issued once.

    Returns:
        Custody events for the caller to append.
    """
    recipients.hold_recipients(conn)
    first = sending_items.find_standing(conn, item.id, police=False)
    if (
        first is None
        or first.sent_at is None
        or first.state not in (SendingState.SENT, SendingState.ACKNOWLEDGED)
    ):
        return []
    number = next_reminder(
        first.sent_at,
        sending_items.read_last_reminder(conn, first.reference),
        now=now,
        reminder_after_s=reminder_after_s,
    )
    if number is None:
        return []
    listed = sending_items.read_items(conn, first.id)
    item_ids = [one.item_id for one in listed if one.state is ItemState.NOTIFIED and not one.is_taken_back]
    if not item_ids:
        return []
    is_approved = _is_approved(recipients.read_targets(conn), first.recipient_id)
    return insert_following(
        conn,
        first,
        SendingPart.REMINDER,
        number,
        item_ids,
        due_at=now if is_approved else None,
        reason=None if is_approved else NOT_APPROVED,
        now=now,
        policy=policy,
    )


def release_for_image(
    conn: Connection, item_ids: Iterable[UUID], *, now: datetime, policy: SendingPolicy
) -> list[NewEvent]:
    """Queue the partner referrals of items whose picture has its second assessor now.

    Returns:
        Custody events for the caller to append.
    """
    recipients.hold_recipients(conn)
    targets = recipients.read_targets(conn)
    events: list[NewEvent] = []
    for sending in sendings.lock_of_items(conn, list(item_ids)):
        if sending.state is not SendingState.WAITING_APPROVAL or sending.reason != SECOND_ASSESSOR:
            continue
        listed = [one.item_id for one in sending_items.read_items(conn, sending.id)]
        if sending_items.awaits_second(conn, listed):
            continue
        way = route(sending.country, sending.asn, targets)
        reason = find_waiting_reason(
            has_recipient=sending.recipient_id is not None,
            is_approved=_is_approved(targets, sending.recipient_id),
            route_reason=way.reason,
            awaits_second=False,
        )
        if reason is not None:
            sending_moves.set_reason(conn, sending.id, reason)
            continue
        sending_moves.queue_sending(
            conn,
            sending.id,
            sending.state,
            "recipient_approved",
            queued_at=now,
            next_try_at=policy.leaves_at(now),
            tries=0,
        )
        events += tell_items(sending, listed, "queued")
    return events


def _issue(
    conn: Connection,
    item: Item,
    targets: list[Target],
    way: Route,
    *,
    basis: Basis,
    asn: int | None,
    country: str | None,
    is_held: bool,
    is_urgent: bool,
    awaits_second: bool,
    now: datetime,
    policy: SendingPolicy,
) -> list[NewEvent]:
    reason = find_waiting_reason(
        has_recipient=way.recipient_id is not None,
        is_approved=_is_approved(targets, way.recipient_id),
        route_reason=way.reason,
        awaits_second=awaits_second,
    )
    reference = new_reference(REFERENCE_PREFIX[way.kind])
    new = NewSending(
        kind=way.kind,
        part=SendingPart.FIRST,
        number=0,
        reference=reference,
        message_id=make_message_id(reference, policy),
        recipient_id=way.recipient_id,
        basis=basis,
        host=(split_url(item.url).host or "") if item.url else "",
        asn=asn,
        country=country,
        is_urgent=is_urgent,
        is_held=is_held,
        due_at=None if reason else policy.leaves_at(now),
        reason=reason,
    )
    if not is_urgent:
        joined = sendings.lock_joinable(
            conn,
            new,
            made_since=policy.joins_since(now),
            waits_as=SECOND_ASSESSOR,
            max_items=GROUP_MAX_ITEMS,
        )
        if joined is not None:
            sendings.add_items(conn, joined.id, [item.id])
            if joined.next_try_at is not None and joined.state is SendingState.QUEUED:
                due_at = max(joined.next_try_at, policy.leaves_at(now))
                sending_moves.delay_sending(conn, joined.id, next_try_at=due_at, reason=joined.reason)
            return tell_items(joined, [item.id], "issued", state=joined.state.value)
    sending_id = sendings.insert_sending(conn, new, [item.id], now=now)
    return tell_issued(sending_id, new, [item.id])


def _is_approved(targets: Iterable[Target], recipient_id: UUID | None) -> bool:
    return any(target.id == recipient_id and target.is_approved for target in targets)


def _is_same_way(standing: Sending, way: Route, hosting: Hosting) -> bool:
    """Whether a message that has not left goes where the item is hosted now."""
    return (
        standing.kind is way.kind
        and standing.asn == hosting.asn
        and standing.country == hosting.country
        and standing.recipient_id in (None, way.recipient_id)
    )


def _find_basis(conn: Connection, item_id: UUID) -> Basis:
    """Return on what the judgement of an item stands; a page of which one picture was looked at was looked at."""
    bases = sending_items.read_bases(conn, item_id)
    if not bases:
        police = sending_items.find_standing(conn, item_id, police=True)
        return police.basis if police else Basis.FACTS
    return bases.pop() if len(bases) == 1 else Basis.LOOKED
