"""Take a message that is due: every reason why it may not leave is looked at in this one transaction.

1. Only a queued message that is due. One that a crash left in `sending` is looked at instead: a file can be
   looked for; a mail that was about to be handed over becomes unclear; all else goes back to the queue.
2. Its recipient is approved and not disabled at this moment.
3. A notice or partner referral: a police recipient is approved, and the police come first. A partner is told the
   detail of what is settled, so its referral waits for that. A retraction waits for nobody, and a reminder only for
   a police recipient. An update waits until it is known whether its referral left; without one it is withdrawn.
4. The intent is stored: whoever dies from here on leaves a trace.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.ids import new_object_name
from triage.model import ChannelOut, Recipient, RecipientKind, Sending
from triage.rules.sending import (
    NOT_APPROVED,
    NOT_STANDING,
    NOTHING_TO_ASK,
    ON_THE_WAY,
    OUTCOME_OPEN,
    STOPPED,
    Gate,
    SendingPolicy,
    find_needless,
    is_left_behind,
    judge_gate,
)
from triage.rules.states import ItemState, SendingKind, SendingPart, SendingState
from triage.steps.close_sendings import settle_recalled
from triage.steps.follow_sending import stop_if_unapproved, tell_items
from triage.store import custody, recipients, sending_items, sending_moves, sendings
from triage.store.classifications import find_awaiting_detail
from triage.store.custody import NewEvent
from triage.store.rows import Connection
from triage.store.sending_items import ListedItem

ACTOR = "outbound"
MAIL_FOLDER = "mail/new"
PACKAGE_FOLDER = "packages"


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that is ours to send.

    Attributes:
        started_at: by which we prove later that it is still ours.
        contact, public_key: as they were approved: a mail address or a folder of the outbox, an age recipient.
        file_name: below the outbox; None when it goes to the mail relay.
        is_package: whether it goes as a sealed package; else as a mail.
    """

    sending_id: UUID
    started_at: datetime
    contact: str
    public_key: str | None
    file_name: str | None
    is_package: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """A message that a crash left behind as it became a file: whether the file is there decides."""

    sending_id: UUID
    started_at: datetime
    file_name: str


def take_sending(
    conn: Connection,
    sending_id: UUID,
    *,
    now: datetime,
    policy: SendingPolicy,
    lease_s: float,
    has_relay: bool,
) -> Taken | Stale | None:
    """Take one message; None when there is nothing to do now.

    Args:
        lease_s: seconds after which whoever began to send has stopped.
        has_relay: whether mails go to a relay; else they are written as files.
    """
    recipients.hold_recipients(conn)
    sending = sendings.lock_sending(conn, sending_id)
    if sending is None:
        return None
    if sending.state is SendingState.SENDING:
        return _look_at_left_behind(conn, sending, now=now, policy=policy, lease_s=lease_s)
    if sending.state is not SendingState.QUEUED or sending.next_try_at is None or sending.next_try_at > now:
        return None
    recipient = recipients.read_recipient(conn, sending.recipient_id) if sending.recipient_id else None
    listed = sending_items.read_items(conn, sending.id)
    events: list[NewEvent] = []
    if recipient is None or not recipient.is_approved:
        sending_moves.move_sending(
            conn, sending.id, sending.state, "recipient_disapproved", reason=NOT_APPROVED
        )
        events += tell_items(sending, [one.item_id for one in listed], "waits")
    elif _is_over(sending, listed):
        sending_moves.move_sending(conn, sending.id, sending.state, "withdrawn", reason=NOTHING_TO_ASK)
        events += tell_items(sending, [one.item_id for one in listed], "withdrawn")
    elif sending.part is SendingPart.UPDATE and (reason := _find_needless(conn, sending)):
        sending_moves.move_sending(conn, sending.id, sending.state, "withdrawn", reason=reason)
        events += tell_items(sending, [one.item_id for one in listed], "withdrawn")
    else:
        gate = _judge(conn, sending, listed, now=now, policy=policy)
        if gate is None or gate.is_open:
            return _start(conn, sending, recipient, has_relay=has_relay, now=now)
        sending_moves.delay_sending(conn, sending.id, next_try_at=gate.look_again_at, reason=gate.reason)
    custody.append(conn, events, actor=ACTOR, now=now)
    return None


def _is_over(sending: Sending, listed: list[ListedItem]) -> bool:
    """Whether a reminder, or an update for a partner, is about nothing that is still up with them."""
    asks = sending.kind is not SendingKind.POLICE and sending.part in (
        SendingPart.REMINDER,
        SendingPart.UPDATE,
    )
    return asks and not any(one.state is ItemState.NOTIFIED and not one.is_taken_back for one in listed)


def _find_needless(conn: Connection, update: Sending) -> str | None:
    """Return why an update has nothing to tell: the referral that it follows has not left, or is over."""
    first = sendings.read_first(conn, update.reference)
    return find_needless(first.state if first else None)


def _judge(
    conn: Connection, sending: Sending, listed: list[ListedItem], *, now: datetime, policy: SendingPolicy
) -> Gate | None:
    """Return the gate that a message must pass; None when it passes none."""
    if sending.part is SendingPart.UPDATE:
        first = sendings.read_first(conn, sending.reference)
        if first is not None and first.state in ON_THE_WAY:
            return Gate(False, policy.leaves_at(now), OUTCOME_OPEN)
    if sending.kind is SendingKind.POLICE or sending.part is SendingPart.RETRACTION:
        return None
    has_police = any(
        target.kind is RecipientKind.POLICE and target.is_approved for target in recipients.read_targets(conn)
    )
    standings = sending_items.read_police_standings(conn, sending.id)
    is_to_partner = sending.kind is SendingKind.HOTLINE and sending.part is SendingPart.FIRST
    gate = judge_gate(
        standings,
        has_police=has_police,
        awaits_detail=is_to_partner and bool(find_awaiting_detail(conn, [one.item_id for one in listed])),
        now=now,
        policy=policy,
    )
    if sending.part is not SendingPart.FIRST:
        return None if has_police else gate
    if gate.is_open and not any(one.item_state is ItemState.NOTIFIED for one in standings):
        return Gate(False, gate.look_again_at, NOT_STANDING)
    return gate


def _start(
    conn: Connection, sending: Sending, recipient: Recipient, *, has_relay: bool, now: datetime
) -> Taken:
    is_package = sending.kind is SendingKind.HOTLINE or recipient.channel is ChannelOut.OUTBOX
    file_name = None
    if is_package:
        folder = f"{PACKAGE_FOLDER}/{recipient.contact}/"
        is_kept = sending.file_name is not None and sending.file_name.startswith(folder)
        file_name = sending.file_name if is_kept else f"{folder}{new_object_name()}.age"
    elif not has_relay:
        file_name = f"{MAIL_FOLDER}/{sending.message_id.strip('<>')}.eml"
    sending_moves.start_sending(conn, sending.id, file_name=file_name, now=now)
    return Taken(sending.id, now, recipient.contact, recipient.public_key, file_name, is_package)


def _look_at_left_behind(
    conn: Connection, sending: Sending, *, now: datetime, policy: SendingPolicy, lease_s: float
) -> Stale | None:
    if sending.started_at is None or not is_left_behind(sending.started_at, now, lease_s):
        return None
    if sending.file_name is not None:
        return Stale(sending.id, sending.started_at, sending.file_name)
    item_ids = [one.item_id for one in sending_items.read_items(conn, sending.id)]
    if sending_moves.has_digest(conn, sending.id):
        sending_moves.move_sending(conn, sending.id, sending.state, "unclear", reason=STOPPED)
        custody.append(conn, tell_items(sending, item_ids, "unclear"), actor=ACTOR, now=now)
        return None
    sending_moves.queue_sending(
        conn,
        sending.id,
        sending.state,
        "refused_for_now",
        queued_at=sending.queued_at or now,
        next_try_at=now,
        tries=sending.tries,
    )
    back = sendings.lock_sending(conn, sending.id)
    if back is not None:
        events = settle_recalled(conn, back, has_left=False, now=now, policy=policy)
        custody.append(conn, events + stop_if_unapproved(conn, back.id), actor=ACTOR, now=now)
    return None
