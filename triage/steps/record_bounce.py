"""Record that a mail which had left came back: it reached nobody, and a person sends it again or gives it up.

1. Only a mail that was sent and not answered; what was written as a file does not come back.
2. It stands rejected and counts as never sent: a police referral holds its notices again.
3. What was to follow a first message is dropped: its reminders, and retractions that have not left.
4. A first message loses the items that it would no longer ask for; without any left it is withdrawn.
"""

from datetime import datetime
from uuid import UUID

from triage.errors import NotAllowedError, UnknownThingError
from triage.model import Person, Sending
from triage.rules.sending import BOUNCED
from triage.rules.states import ItemState, SendingKind, SendingPart, SendingState
from triage.steps.follow_sending import UNSENT, drop_items, tell_items
from triage.store import custody, items, recipients, sending_items, sending_moves, sendings
from triage.store.custody import NewEvent
from triage.store.rows import Connection

NOT_STANDING_ANY_MORE = "it came back, and nothing of it is to be asked any more"
_UNDER_WAY = (SendingState.SENDING, SendingState.UNCLEAR, SendingState.SENT)


def can_bounce(part: SendingPart, state: SendingState, left_as: str | None) -> bool:
    """Whether a message is one that may still come back."""
    return part is not SendingPart.RETRACTION and state is SendingState.SENT and left_as == "mail"


def record_bounce(
    conn: Connection, sending_id: UUID, *, person: Person, note: str | None, now: datetime
) -> None:
    """Record that a mail came back.

    Args:
        note: what the mail relay or the mailbox said, in a person's words.

    Raises:
        NotAllowedError: it is no mail that can come back, or a reminder of it is under way.
        UnknownThingError: there is no such message.
    """
    items.lock_items(conn, [one.item_id for one in sending_items.read_items(conn, sending_id)])
    recipients.hold_recipients(conn)
    found = sendings.read_sending(conn, sending_id)
    if found is None:
        raise UnknownThingError("There is no such message.")
    family = sendings.lock_of_reference(conn, found.reference)
    sending = next(one for one in family if one.id == sending_id)
    if not can_bounce(sending.part, sending.state, sending.left_as):
        raise NotAllowedError("Only a mail that was sent, and not answered, comes back.")
    is_first = sending.part is SendingPart.FIRST
    if is_first and any(one.part is SendingPart.REMINDER and one.state in _UNDER_WAY for one in family):
        raise NotAllowedError("A reminder of it left too: say of that first what became of it.")
    words = (note or "").strip()
    sending_moves.mark_bounced(
        conn, sending.id, sending.state, reason=f"{BOUNCED}: {words}" if words else BOUNCED
    )
    listed = [one.item_id for one in sending_items.read_items(conn, sending.id)]
    events = tell_items(sending, listed, "bounced")
    if is_first:
        events += _drop_what_follows(conn, family)
        events += _drop_what_is_over(conn, sending.id)
    custody.append(conn, events, actor=f"person/{person.id}", now=now)


def _drop_what_follows(conn: Connection, family: list[Sending]) -> list[NewEvent]:
    """Withdraw the reminders and retractions that have not left: nobody got what they follow."""
    events: list[NewEvent] = []
    for one in family:
        if one.part is not SendingPart.FIRST and one.state in UNSENT:
            listed = [item.item_id for item in sending_items.read_items(conn, one.id)]
            events += drop_items(conn, one, listed, BOUNCED)
    return events


def _drop_what_is_over(conn: Connection, sending_id: UUID) -> list[NewEvent]:
    """Take out what was taken back and, unless it is for the police, what is gone or hosted elsewhere now."""
    sending = sendings.lock_sending(conn, sending_id)
    if sending is None:
        return []
    over = []
    for one in sending_items.read_items(conn, sending.id):
        is_over = one.is_taken_back
        if not is_over and sending.kind is not SendingKind.POLICE:
            standing = sending_items.find_standing(conn, one.item_id, police=False)
            is_over = one.state is ItemState.CLOSED or standing is None or standing.id != sending.id
        if is_over:
            over.append(one.item_id)
    return drop_items(conn, sending, over, NOT_STANDING_ANY_MORE) if over else []
