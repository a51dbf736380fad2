"""Enter, change, approve, disapprove and disable recipients; what waited for an approval is queued with it.

Nobody approves what they entered while there is another lead, and an approval is of what was approved: the
database drops it when address, key, kind or networks change. What leaves is asked again at the moment of leaving.
"""

import hashlib
import re
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from triage.errors import KeyMissingError, NotAllowedError, StaleStateError, UnknownThingError
from triage.model import ChannelOut, Person, Recipient, RecipientKind
from triage.rules.rights import Right, rights_of
from triage.rules.sending import NOT_APPROVED, OUTCOME_OPEN, SECOND_ASSESSOR, SendingPolicy
from triage.steps.follow_sending import choose_target, tell_items
from triage.store import custody, recipients, sending_items, sending_moves, sendings
from triage.store.custody import NewEvent, stream_of
from triage.store.recipients import NewRecipient
from triage.store.rows import Connection
from triage.vault import check_recipient

_MAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9@+._-]{0,99}")
_LANGUAGES = ("sq", "en", "sq+en")
_FIELDS = ("name", "kind", "language", "channel", "contact", "public_key", "country", "asns")
_APPROVED_FIELDS = frozenset(_FIELDS) - {"name", "language"}
"""What an approval is of; the database drops it when one of these changes."""


def enter_recipient(conn: Connection, new: NewRecipient, *, person: Person, now: datetime) -> UUID:
    """Enter a recipient; nothing leaves to it before a lead has approved it.

    Raises:
        NotAllowedError: something in it cannot be used; the sentence says what.
    """
    if Right.ENTER_RECIPIENT not in rights_of(person.roles):
        raise NotAllowedError("Your roles do not let you enter recipients.")
    tidy = _tidy(new)
    _check(tidy)
    if recipients.is_name_taken(conn, tidy.name):
        raise NotAllowedError("A recipient of this name is entered already.")
    recipient_id = recipients.insert_recipient(conn, tidy, entered_by=person.id, now=now)
    _tell(conn, recipient_id, "entered", person, now=now, kind=tidy.kind.value)
    return recipient_id


def change_recipient(
    conn: Connection,
    recipient_id: UUID,
    new: NewRecipient,
    *,
    person: Person,
    now: datetime,
    policy: SendingPolicy,
) -> int:
    """Change a recipient to what it is now; return how many messages that were queued to it wait.

    Whoever changes what was approved counts as who entered it. What it no longer answers for goes to another
    one that fits, or waits until one is entered.

    Raises:
        NotAllowedError: something in it cannot be used; the sentence says what.
        UnknownThingError: there is no such recipient.
    """
    recipients.hold_recipients(conn)
    before = _lock(conn, recipient_id)
    if Right.ENTER_RECIPIENT not in rights_of(person.roles):
        raise NotAllowedError("Your roles do not let you change recipients.")
    if before.disabled_at is not None:
        raise NotAllowedError("It is disabled: enter it anew, under another name.")
    tidy = _tidy(new)
    _check(tidy)
    changed = [name for name in _FIELDS if getattr(before, name) != getattr(tidy, name)]
    if not changed:
        raise NotAllowedError("Nothing of it is changed.")
    if "name" in changed and recipients.is_name_taken(conn, tidy.name):
        raise NotAllowedError("A recipient of this name is entered already.")
    if "kind" in changed and recipients.has_messages(conn, recipient_id):
        raise NotAllowedError("Messages name it, so its kind stays: disable it, and enter another one.")
    needs_approval = bool(set(changed) & _APPROVED_FIELDS)
    entered_by = person.id if needs_approval or before.entered_by is None else before.entered_by
    recipients.update_recipient(conn, recipient_id, tidy, entered_by=entered_by)
    _tell(conn, recipient_id, "changed", person, now=now, fields=",".join(changed))
    if not needs_approval:
        return 0
    stopped = _stop_queued(conn, recipient_id, person, now=now)
    _queue_waiting(conn, person, now=now, policy=policy)
    return stopped


def mark_of(recipient: Recipient) -> str:
    """Return a digest of what an approval is of: 64 hex digits, another one when any of it changes."""
    parts = [repr(getattr(recipient, name)) for name in sorted(_APPROVED_FIELDS)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def approve_recipient(
    conn: Connection,
    recipient_id: UUID,
    *,
    person: Person,
    now: datetime,
    policy: SendingPolicy,
    seen: str | None = None,
) -> int:
    """Approve a recipient as it stands, and queue what waited for it; return how many messages.

    Args:
        seen: the mark of what this person read; None when it was read within this transaction.

    Raises:
        NotAllowedError: this person may not.
        StaleStateError: it is approved already, or disabled, or not any more what this person read.
        UnknownThingError: there is no such recipient.
    """
    recipients.hold_recipients(conn)
    recipient = _lock(conn, recipient_id)
    if Right.APPROVE_RECIPIENT not in rights_of(person.roles):
        raise NotAllowedError("Only a lead approves recipients.")
    if recipient.entered_by == person.id and recipients.has_other_lead(conn, person.id):
        raise NotAllowedError("You entered it: another lead approves it.")
    if recipient.approved_at is not None or recipient.disabled_at is not None:
        raise StaleStateError
    if seen is not None and seen != mark_of(recipient):
        raise StaleStateError
    recipients.say_approved(conn, recipient_id, person_id=person.id, now=now)
    _tell(conn, recipient_id, "approved", person, now=now)
    return _queue_waiting(conn, person, now=now, policy=policy)


def disapprove_recipient(conn: Connection, recipient_id: UUID, *, person: Person, now: datetime) -> int:
    """Take an approval back; what was queued waits for a new one. Return how many messages.

    Raises:
        NotAllowedError: this person may not.
        StaleStateError: it is not approved.
        UnknownThingError: there is no such recipient.
    """
    recipients.hold_recipients(conn)
    recipient = _lock(conn, recipient_id)
    if Right.APPROVE_RECIPIENT not in rights_of(person.roles):
        raise NotAllowedError("Only a lead takes an approval back.")
    if recipient.approved_at is None:
        raise StaleStateError
    recipients.drop_approval(conn, recipient_id)
    _tell(conn, recipient_id, "disapproved", person, now=now)
    return _stop_queued(conn, recipient_id, person, now=now)


def disable_recipient(
    conn: Connection, recipient_id: UUID, *, person: Person, now: datetime, policy: SendingPolicy
) -> int:
    """Say that a recipient is told nothing any more; return how many messages were stopped.

    First messages that waited for it go to another one that fits, if there is one.

    Raises:
        NotAllowedError: this person may not.
        StaleStateError: it is disabled already.
        UnknownThingError: there is no such recipient.
    """
    recipients.hold_recipients(conn)
    recipient = _lock(conn, recipient_id)
    if Right.APPROVE_RECIPIENT not in rights_of(person.roles):
        raise NotAllowedError("Only a lead disables recipients.")
    if recipient.disabled_at is not None:
        raise StaleStateError
    recipients.say_disabled(conn, recipient_id, now=now)
    _tell(conn, recipient_id, "disabled", person, now=now)
    stopped = _stop_queued(conn, recipient_id, person, now=now)
    _queue_waiting(conn, person, now=now, policy=policy)
    return stopped


def _tidy(new: NewRecipient) -> NewRecipient:
    return replace(
        new,
        name=" ".join(new.name.split()),
        contact=new.contact.strip(),
        public_key=(new.public_key or "").strip() or None,
        country=(new.country or "").strip().upper() or None,
        asns=sorted(set(new.asns)),
    )


def _check(new: NewRecipient) -> None:
    """Refuse what cannot be used, with one clear line."""
    if not 1 <= len(new.name) <= 120 or not new.name.isprintable():
        raise NotAllowedError("A name has 1 to 120 characters.")
    if new.language not in _LANGUAGES:
        raise NotAllowedError("The language is sq, en or sq+en.")
    if new.channel is ChannelOut.MAIL and not (_MAIL.fullmatch(new.contact) and ".." not in new.contact):
        raise NotAllowedError("This is not a mail address.")
    if new.channel is ChannelOut.OUTBOX and not _FOLDER.fullmatch(new.contact):
        raise NotAllowedError("The folder's name has letters, digits and . _ - only.")
    if new.kind is RecipientKind.HOTLINE and not _FOLDER.fullmatch(new.contact):
        raise NotAllowedError("The contact of a partner hotline names a folder of the outbox.")
    if new.public_key is not None:
        try:
            check_recipient(new.public_key)
        except KeyMissingError:
            raise NotAllowedError("The key cannot be read: it begins with age1.") from None
    elif new.kind is RecipientKind.HOTLINE or new.channel is ChannelOut.OUTBOX:
        raise NotAllowedError("Packages are sealed: enter the age key of the recipient.")
    if new.country is not None and not re.fullmatch(r"[A-Z]{2}", new.country):
        raise NotAllowedError("A country has two letters, such as AL.")
    if new.kind is RecipientKind.HOTLINE and new.country is None:
        raise NotAllowedError("Enter the country of the partner hotline.")
    if new.kind is RecipientKind.ISP and not new.asns:
        raise NotAllowedError("Enter the networks (AS numbers) that the provider answers for.")
    if any(not 1 <= asn <= 4294967295 for asn in new.asns):
        raise NotAllowedError("An AS number is 1 to 4294967295.")


def _queue_waiting(conn: Connection, person: Person, *, now: datetime, policy: SendingPolicy) -> int:
    """Queue every waiting message whose recipient is approved now; find one for those that have none."""
    targets = recipients.read_targets(conn)
    events: list[NewEvent] = []
    queued = 0
    for sending in sendings.lock_waiting(conn):
        listed = [one.item_id for one in sending_items.read_items(conn, sending.id)]
        chosen, why_none = choose_target(sending, targets)
        if chosen is None:
            if sending.recipient_id is not None:
                sending_moves.set_recipient(conn, sending.id, None)
                if sending.reason not in (OUTCOME_OPEN, SECOND_ASSESSOR):
                    sending_moves.set_reason(conn, sending.id, why_none)
            continue
        if chosen.id != sending.recipient_id:
            sending_moves.set_recipient(conn, sending.id, chosen.id)
        if sending.reason in (OUTCOME_OPEN, SECOND_ASSESSOR) or not chosen.is_approved:
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
        queued += 1
    custody.append(conn, events, actor=f"person/{person.id}", now=now)
    return queued


def _stop_queued(conn: Connection, recipient_id: UUID, person: Person, *, now: datetime) -> int:
    events: list[NewEvent] = []
    queued = sendings.lock_queued_to(conn, recipient_id)
    for sending in queued:
        sending_moves.move_sending(
            conn, sending.id, sending.state, "recipient_disapproved", reason=NOT_APPROVED
        )
        listed = [one.item_id for one in sending_items.read_items(conn, sending.id)]
        events += tell_items(sending, listed, "waits")
    custody.append(conn, events, actor=f"person/{person.id}", now=now)
    return len(queued)


def _lock(conn: Connection, recipient_id: UUID) -> Recipient:
    recipient = recipients.lock_recipient(conn, recipient_id)
    if recipient is None:
        raise UnknownThingError("There is no such recipient.")
    return recipient


def _tell(
    conn: Connection, recipient_id: UUID, event: str, person: Person, *, now: datetime, **body: str
) -> None:
    events = [NewEvent(stream_of("recipient", recipient_id), event, body)]
    custody.append(conn, events, actor=f"person/{person.id}", now=now)
