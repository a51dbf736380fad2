"""Record what a recipient said, or what a person found out about a message: each word is said once.

An answer to a reminder is an answer to its first message. `removed` makes the online check due at once;
`not_ours` sends the items back to be located, and the network that said so is not asked again.
"""

from datetime import datetime
from uuid import UUID

from triage.errors import NotAllowedError, StaleStateError, UnknownThingError
from triage.model import Person, Sending
from triage.rules.sending import LEFT, SendingPolicy
from triage.rules.states import SENDING_MOVES, ItemState, SendingKind, SendingPart, SendingState
from triage.steps.close_sendings import settle_recalled
from triage.steps.follow_sending import choose_target, drop_items, stop_if_unapproved, tell_items
from triage.steps.record_sending import finish_left
from triage.store import custody, items, recipients, sending_items, sending_moves, sendings
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection

ANSWERS = ("acknowledged", "removed", "not_ours", "disputed")
_EVENT = {
    "acknowledged": "acknowledged",
    "removed": "acknowledged",
    "not_ours": "disputed",
    "disputed": "disputed",
}
_WORDS = {"not_ours": "they say that it is not theirs", "disputed": "they dispute it"}


def answers_of(kind: SendingKind) -> tuple[str, ...]:
    """Return what a recipient of this kind of message can answer: the police host nothing."""
    return ("acknowledged", "disputed") if kind is SendingKind.POLICE else ANSWERS


def record_answer(
    conn: Connection, sending_id: UUID, answer: str, *, person: Person, note: str | None, now: datetime
) -> None:
    """Record what a recipient answered.

    Args:
        answer: one of ANSWERS.
        note: what they said, in a person's words; a disputed one needs it.

    Raises:
        NotAllowedError: it was answered so already, or cannot be answered so.
        UnknownThingError: there is no such message or answer.
    """
    if answer not in ANSWERS:
        raise UnknownThingError("There is no such answer.")
    words = (note or "").strip() or None
    items.lock_items(conn, [one.item_id for one in sending_items.read_items(conn, sending_id)])
    sending = _lock_first(conn, sending_id)
    if sending.state not in LEFT:
        raise NotAllowedError("Only a message that left can be answered.")
    if answer not in answers_of(sending.kind):
        raise NotAllowedError("The police do not host it: that is no answer of theirs.")
    if sending.answer == answer:
        raise NotAllowedError("This answer is noted already.")
    if answer == "acknowledged" and sending.answer == "removed":
        raise NotAllowedError("They said already that it is removed.")
    if answer == "disputed" and words is None:
        raise NotAllowedError("Say what they dispute.")
    after = {move.event for move in SENDING_MOVES if move.before == sending.state}
    event = _EVENT[answer]
    is_same_state = sending.state.value == event
    if event not in after and not is_same_state:
        raise NotAllowedError(
            "It is disputed: whoever has talked to them reopens the item or waits for the check."
        )
    reason = words or _WORDS.get(answer)
    sending_moves.note_answer(conn, sending.id, answer=answer, reason=reason, now=now)
    if not is_same_state:
        sending_moves.move_sending(conn, sending.id, sending.state, event)
    listed = [one for one in sending_items.read_items(conn, sending.id) if not one.is_taken_back]
    events = tell_items(sending, [one.item_id for one in listed], event, answer=answer)
    notified = [one.item_id for one in listed if one.state is ItemState.NOTIFIED]
    events += _follow_answer(conn, sending, notified, answer, now=now)
    custody.append(conn, events, actor=f"person/{person.id}", now=now)


def say_found(
    conn: Connection,
    sending_id: UUID,
    was_sent: bool,
    *,
    person: Person,
    now: datetime,
    policy: SendingPolicy,
) -> None:
    """Say what a person found out about an unclear message; one that was not sent is sent again at once.

    Raises:
        StaleStateError: it is not unclear (any more).
        UnknownThingError: there is no such message.
    """
    recipients.hold_recipients(conn)
    sending = _lock(conn, sending_id)
    if sending.state is not SendingState.UNCLEAR or sending.started_at is None:
        raise StaleStateError
    item_ids = [one.item_id for one in sending_items.read_items(conn, sending.id)]
    events = tell_items(sending, item_ids, "found", sent=was_sent)
    if was_sent:
        sending_moves.mark_left(
            conn, sending.id, sending.state, "found_sent", sent_at=sending.started_at, left_as="mail"
        )
        events += finish_left(conn, sending.id, now=now, policy=policy)
    else:
        _queue_now(conn, sending, "found_unsent", now=now)
        events += settle_recalled(conn, _lock(conn, sending.id), has_left=False, now=now, policy=policy)
        events += stop_if_unapproved(conn, sending.id)
    custody.append(conn, events, actor=f"person/{person.id}", now=now)


def send_again(conn: Connection, sending_id: UUID, *, person: Person, now: datetime) -> None:
    """Queue a rejected message again, with all its tries, to its recipient as that is entered now.

    A first message whose recipient was disabled, or no longer answers for it, goes to another one that fits.

    Raises:
        NotAllowedError: that recipient is not approved, or what follows goes before its first message.
        StaleStateError: it is not rejected (any more).
        UnknownThingError: there is no such message.
    """
    recipients.hold_recipients(conn)
    family = _lock_family(conn, sending_id)
    sending = next(one for one in family if one.id == sending_id)
    first = next(one for one in family if one.part is SendingPart.FIRST)
    if sending.state is not SendingState.REJECTED:
        raise StaleStateError
    if sending.part in (SendingPart.REMINDER, SendingPart.UPDATE) and first.sent_at is None:
        raise NotAllowedError("Its first message has not left: send that again first.")
    target, _ = choose_target(sending, recipients.read_targets(conn))
    if target is None or not target.is_approved:
        raise NotAllowedError("A lead must approve its recipient as it is now; then send it again.")
    if target.id != sending.recipient_id:
        sending_moves.set_recipient(conn, sending.id, target.id)
    _queue_now(conn, sending, "sent_again", now=now)
    item_ids = [one.item_id for one in sending_items.read_items(conn, sending.id)]
    events = tell_items(sending, item_ids, "queued")
    custody.append(conn, events, actor=f"person/{person.id}", now=now)


def withdraw_sending(
    conn: Connection, sending_id: UUID, *, person: Person, reason: str, now: datetime
) -> None:
    """Give up a rejected or unclear message, for a reason in words.

    Raises:
        NotAllowedError: no reason, or it is the referral that notices wait for.
        StaleStateError: it is neither rejected nor unclear (any more).
        UnknownThingError: there is no such message.
    """
    if not reason.strip():
        raise NotAllowedError("Say why it is withdrawn.")
    sending = _lock(conn, sending_id)
    if sending.state not in (SendingState.REJECTED, SendingState.UNCLEAR):
        raise StaleStateError
    if sending.is_recalled and sending.state is SendingState.UNCLEAR:
        raise NotAllowedError("Say first whether it left: its retraction waits for that.")
    if sending.kind is SendingKind.POLICE and sending.part is SendingPart.FIRST:
        raise NotAllowedError(
            "A police referral is sent again, or its items are reopened; notices wait for it."
        )
    sending_moves.move_sending(conn, sending.id, sending.state, "withdrawn", reason=reason.strip())
    item_ids = [one.item_id for one in sending_items.read_items(conn, sending.id)]
    events = tell_items(sending, item_ids, "withdrawn")
    custody.append(conn, events, actor=f"person/{person.id}", now=now)


def _follow_answer(
    conn: Connection, sending: Sending, notified: list[UUID], answer: str, *, now: datetime
) -> list[NewEvent]:
    events: list[NewEvent] = []
    if answer == "removed":
        for item in items.lock_items(conn, notified):
            items.delay_item(conn, item.id, tries=item.tries, next_try_at=now, state=ItemState.NOTIFIED)
    elif answer == "not_ours":
        for item in items.lock_items(conn, notified):
            standing = sending_items.find_standing(conn, item.id, police=False)
            if item.state is not ItemState.NOTIFIED or standing is None or standing.id != sending.id:
                continue
            items.move_item(conn, item.id, item.state, "said_not_ours", now=now)
            events.append(NewEvent(stream_of("item", item.id), "said_not_ours"))
    if answer in _WORDS:
        for reminder in sendings.lock_of_reference(conn, sending.reference):
            if reminder.part is SendingPart.REMINDER and reminder.state in (
                SendingState.WAITING_APPROVAL,
                SendingState.QUEUED,
            ):
                listed = [one.item_id for one in sending_items.read_items(conn, reminder.id)]
                events += drop_items(conn, reminder, listed, _WORDS[answer])
    return events


def _queue_now(conn: Connection, sending: Sending, event: str, *, now: datetime) -> None:
    sending_moves.queue_sending(
        conn, sending.id, sending.state, event, queued_at=now, next_try_at=now, tries=0
    )


def _lock(conn: Connection, sending_id: UUID) -> Sending:
    sending = sendings.lock_sending(conn, sending_id)
    if sending is None:
        raise UnknownThingError("There is no such message.")
    return sending


def _lock_family(conn: Connection, sending_id: UUID) -> list[Sending]:
    """Return and lock all messages of the reference that a message bears, oldest first."""
    sending = sendings.read_sending(conn, sending_id)
    if sending is None:
        raise UnknownThingError("There is no such message.")
    return sendings.lock_of_reference(conn, sending.reference)


def _lock_first(conn: Connection, sending_id: UUID) -> Sending:
    """Return the first message of the reference that a message bears; all of them are locked."""
    family = _lock_family(conn, sending_id)
    if any(one.id == sending_id and one.part is SendingPart.RETRACTION for one in family):
        raise NotAllowedError("A retraction asks for no answer.")
    return next(one for one in family if one.part is SendingPart.FIRST)
