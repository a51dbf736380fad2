"""The last thing that a person did, on the page that follows it: which item it was, and undoing it for a minute."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api.console.signed_in import SignedIn
from triage.ids import read_id
from triage.rules.rights import Right
from triage.steps.reopen_item import is_in_time, is_settled
from triage.store import assessments, review
from triage.store.rows import Connection
from triage.store.second_opinions import find_blind


@dataclass(frozen=True, slots=True)
class LastAction:
    """An item that a person has just done something with.

    Attributes:
        round: in which they did it.
        may_undo: whether their word can still be taken back at once.
    """

    item_id: UUID
    reference: str
    round: int
    may_undo: bool


def read_last_action(
    conn: Connection, text: str, signed_in: SignedIn, *, now: datetime, undo_s: float
) -> LastAction | None:
    """Return the item whose id an address carries along as done; None where it names none."""
    item_id = read_id(text)
    item = review.read_item(conn, item_id) if item_id else None
    if item is None:
        return None
    may_undo = (
        signed_in.may(Right.ASSESS)
        and is_settled(item)
        and is_in_time(item, now=now, undo_s=undo_s)
        and assessments.has_judged(conn, item.id, signed_in.person.id)
        and not find_blind(
            conn, [item.id], signed_in.person.id
        )  # of a page: by another one's word on a picture
    )
    return LastAction(item.id, item.reference, item.round, may_undo)
