"""What the steps of sending share: events of a message, items it loses, and messages that follow it.

Each function works within the caller's transaction and returns the custody events for the caller to append.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from triage.model import Sending
from triage.rules.routing import Target, is_fitting, route, route_to_police
from triage.rules.sending import NOBODY_FITTING, NOT_APPROVED, SendingPolicy, name_event
from triage.rules.states import SendingKind, SendingPart, SendingState
from triage.store import recipients, sending_items, sending_moves, sendings
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection
from triage.store.sendings import NewSending

UNSENT = (SendingState.WAITING_APPROVAL, SendingState.QUEUED, SendingState.REJECTED)
"""States of a message that is known not to have left."""


def tell_items(
    sending: Sending, item_ids: Iterable[UUID], what: str, **more: str | int | bool | None
) -> list[NewEvent]:
    """Return the custody event of a message on the stream of each of its items."""
    return [
        NewEvent(
            stream_of("item", item_id),
            name_event(sending.kind, sending.part, what),
            {"sending": str(sending.id), "reference": sending.reference, **more},
        )
        for item_id in item_ids
    ]


def stop_if_unapproved(conn: Connection, sending_id: UUID) -> list[NewEvent]:
    """Let a message wait for an approval that came back to the queue after its recipient had lost it.

    Returns:
        Custody events for the caller to append.
    """
    sending = sendings.lock_sending(conn, sending_id)
    if sending is None or sending.state is not SendingState.QUEUED:
        return []
    if any(one.id == sending.recipient_id and one.is_approved for one in recipients.read_targets(conn)):
        return []
    sending_moves.move_sending(conn, sending.id, sending.state, "recipient_disapproved", reason=NOT_APPROVED)
    return tell_items(sending, [one.item_id for one in sending_items.read_items(conn, sending.id)], "waits")


def drop_items(conn: Connection, sending: Sending, item_ids: Iterable[UUID], reason: str) -> list[NewEvent]:
    """Take items out of a message that has not left; without any left it is withdrawn and keeps its list.

    Returns:
        Custody events for the caller to append.
    """
    dropped = set(item_ids)
    kept = {one.item_id for one in sending_items.read_items(conn, sending.id)} - dropped
    if kept:
        sendings.remove_items(conn, sending.id, sorted(dropped))
    else:
        sending_moves.move_sending(conn, sending.id, sending.state, "withdrawn", reason=reason)
    return tell_items(sending, sorted(dropped), "withdrawn")


def choose_target(sending: Sending, targets: list[Target]) -> tuple[Target | None, str]:
    """Return to whom a message goes that has not left, as recipients are entered now.

    What follows a first message goes to whom that went. A first one stays with its recipient while that fits;
    with a disabled one only until another one that fits is entered.

    Args:
        targets: all recipients.

    Returns:
        The recipient; without one, why in words.
    """
    by_id = {target.id: target for target in targets}
    standing = by_id.get(sending.recipient_id) if sending.recipient_id else None
    if sending.part is not SendingPart.FIRST:
        return standing, NOT_APPROVED
    is_ours = standing is not None and is_fitting(standing, sending.kind, sending.country, sending.asn)
    if standing is not None and is_ours and standing.disabled_at is None:
        return standing, ""
    is_police = sending.kind is SendingKind.POLICE
    way = route_to_police(targets) if is_police else route(sending.country, sending.asn, targets)
    if way.kind is sending.kind and way.recipient_id is not None:
        return by_id[way.recipient_id], ""
    return (standing if is_ours else None), way.reason or NOBODY_FITTING


def is_approved(conn: Connection, recipient_id: UUID | None) -> bool:
    """Whether anything may leave to a recipient as it stands now."""
    return any(one.id == recipient_id and one.is_approved for one in recipients.read_targets(conn))


def insert_following(
    conn: Connection,
    first: Sending,
    part: SendingPart,
    number: int,
    item_ids: list[UUID],
    *,
    due_at: datetime | None,
    reason: str | None,
    now: datetime,
    policy: SendingPolicy,
) -> list[NewEvent]:
    """Store what follows a message: the same reference and recipient, a Message-ID of its own."""
    new = NewSending(
        kind=first.kind,
        part=part,
        number=number,
        reference=first.reference,
        message_id=make_message_id(first.reference, policy),
        recipient_id=first.recipient_id,
        basis=first.basis,
        host=first.host,
        asn=first.asn,
        country=first.country,
        is_urgent=first.is_urgent,
        is_held=first.is_held,
        due_at=due_at,
        reason=reason,
    )
    sending_id = sendings.insert_sending(conn, new, item_ids, now=now)
    return tell_issued(sending_id, new, item_ids)


def make_message_id(reference: str, policy: SendingPolicy) -> str:
    """Return a fresh Message-ID with its angle brackets (RFC 5322, section 3.6.4)."""
    return f"<{reference.lower()}.{secrets.token_hex(8)}@{policy.mail_domain}>"


def tell_issued(sending_id: UUID, new: NewSending, item_ids: list[UUID]) -> list[NewEvent]:
    """Return the custody event of a new message on the stream of each of its items."""
    state = SendingState.WAITING_APPROVAL if new.due_at is None else SendingState.QUEUED
    return [
        NewEvent(
            stream_of("item", item_id),
            name_event(new.kind, new.part, "issued"),
            {"sending": str(sending_id), "reference": new.reference, "state": state.value},
        )
        for item_id in item_ids
    ]
