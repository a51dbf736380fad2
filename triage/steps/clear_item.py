"""Moves that a person makes beside judging: capture again, rest not needed, police hold lifted, handed on."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from triage.errors import NotAllowedError, StaleStateError, UnknownThingError
from triage.model import Item, Person
from triage.rules.assessing import NationalVerdict, state_of_given
from triage.rules.exits import DIRECT
from triage.rules.states import ClosedAs, ImageState, ItemKind, ItemState
from triage.steps.assess import lock_waiting_item
from triage.steps.settle_item import AssessPolicy, Settling, settle_items
from triage.store import assessments, custody, hand_ons, holds, items, next_captures
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection


def request_recapture(
    conn: Connection,
    item_id: UUID,
    *,
    person: Person,
    now: datetime,
    exit_name: str | None = None,
    exits: Collection[str] = (),
) -> None:
    """Have an item captured again, and with it those pictures of a page that could not be had.

    Args:
        exit_name: the way out to take; None: as the rules say.
        exits: names of the ways out that there are, beside direct.

    Raises:
        NotAllowedError: a text cannot be captured, nor an upload whose file is gone; or there is no such way out.
        StaleStateError: it does not wait for an assessment.
    """
    item = lock_waiting_item(conn, item_id, None)
    if item.kind is not ItemKind.URL:
        raise NotAllowedError("Only an address can be captured again.")
    if item.state is not ItemState.AWAITING_ASSESSMENT:
        raise NotAllowedError("It waits for a lead; decide it first.")
    if exit_name is not None and exit_name not in {DIRECT, *exits}:
        raise NotAllowedError("There is no such way out.")
    given = assessments.read_given(conn, round_=item.round, item_id=item.id)
    if state_of_given(given) is ImageState.JUDGED_ONCE:
        raise NotAllowedError("Somebody judged the item itself: that must be settled first.")
    again = [item, *_lock_bare_pictures(conn, item.id)]
    for one in again:
        items.move_item(conn, one.id, one.state, "recapture_requested", now=now)
    next_captures.ask_exit(conn, [one.id for one in again], exit_name)
    next_captures.raise_low(conn, [one.id for one in again])
    body = {"exit": exit_name} if exit_name else {}
    custody.append(
        conn,
        [NewEvent(stream_of("item", one.id), "recapture_requested", body) for one in again],
        actor=f"person/{person.id}",
        now=now,
    )


def _lock_bare_pictures(conn: Connection, page_id: UUID) -> list[Item]:
    """Lock the pictures of a page that wait and show no file: nobody judged them, and another try may get them."""
    children = items.lock_items(conn, [child.id for child in items.read_children(conn, page_id)])
    return [
        child
        for child in children
        if child.state is ItemState.AWAITING_ASSESSMENT
        and child.kind is ItemKind.URL
        and not child.is_top_level
        and not assessments.read_shown(conn, child.id)
        and not assessments.read_given(conn, round_=child.round, item_id=child.id)
    ]


def say_rest_not_needed(
    conn: Connection, item_id: UUID, *, person: Person, now: datetime, policy: AssessPolicy
) -> int:
    """Close the open pictures of a page, once one of it is settled illegal; return how many.

    Pictures that were reported themselves, or that another page shows, stay open: somebody waits for them.

    Raises:
        NotAllowedError: none is settled illegal yet.
    """
    page = lock_waiting_item(conn, item_id, None)
    children = items.lock_items(conn, [child.id for child in items.read_children(conn, page.id)])
    verdicts = [image.verdict for child in children for image in assessments.read_shown(conn, child.id)]
    if NationalVerdict.ILLEGAL not in verdicts:
        raise NotAllowedError("First one picture of the page must be settled as illegal.")
    settling = Settling(conn, [], person.id, now, policy)
    closed = [
        child
        for child in children
        if child.state is ItemState.AWAITING_ASSESSMENT
        and not child.is_top_level
        and items.read_parent_ids(conn, child.id) == [page.id]
    ]
    for child in closed:
        items.move_item(
            conn, child.id, child.state, "rest_not_needed", now=now, closed_as=ClosedAs.NOT_JUDGED
        )
        settling.events.append(NewEvent(stream_of("item", child.id), "rest_not_needed"))
    settle_items(settling, [page.id])
    custody.append(conn, settling.events, actor=settling.actor, now=now)
    return len(closed)


def lift_hold(conn: Connection, item_id: UUID, *, person: Person, said_so: str, now: datetime) -> None:
    """Lift the police hold of an item, and of the pictures of a page with it.

    Args:
        said_so: who at the police said that notices may go.

    Raises:
        NotAllowedError: nobody is named.
        StaleStateError: it is not held.
    """
    if not said_so.strip() or len(said_so) > 200:
        raise NotAllowedError("Say who at the police lifted the hold, in 1 to 200 characters.")
    item = _lock(conn, item_id)
    if item.state is not ItemState.HELD_FOR_POLICE:
        raise StaleStateError
    children = items.lock_items(conn, [child.id for child in items.read_children(conn, item.id)])
    held = [item, *(child for child in children if child.state is ItemState.HELD_FOR_POLICE)]
    events = []
    for one in held:
        holds.lift_hold(conn, one.id, one.round, person.id, said_so=said_so.strip(), now=now)
        event = "police_hold_lifted" if _is_illegal(conn, one) else "hold_lifted_unseen"
        closed_as = ClosedAs.REFERRED if event == "hold_lifted_unseen" else None
        items.move_item(conn, one.id, one.state, event, now=now, closed_as=closed_as)
        events.append(NewEvent(stream_of("item", one.id), event))
    custody.append(conn, events, actor=f"person/{person.id}", now=now)


def _is_illegal(conn: Connection, item: Item) -> bool:
    """Whether a person judged something of it illegal; what went to the police unseen gets no notice."""
    if items.read_child_bases(conn, item.id):
        return True
    given = assessments.read_given(conn, round_=item.round, item_id=item.id)
    return any(one.label in (1, 2) for one in given) or any(
        image.verdict is NationalVerdict.ILLEGAL or image.illegal_labels
        for image in assessments.read_shown(conn, item.id)
    )


def hand_on(
    conn: Connection,
    item_id: UUID,
    *,
    person: Person,
    to_whom: str,
    recipient_id: UUID | None,
    now: datetime,
) -> None:
    """Close an item of another remit, with whom it was handed on to.

    Raises:
        NotAllowedError: nobody is named.
        StaleStateError: it does not wait to be handed on.
    """
    if not to_whom.strip() or len(to_whom) > 200:
        raise NotAllowedError("Say to whom it was handed on, in 1 to 200 characters.")
    item = _lock(conn, item_id)
    if item.state is not ItemState.AWAITING_HAND_ON:
        raise StaleStateError
    hand_ons.insert_hand_on(
        conn, item.id, person.id, to_whom=to_whom.strip(), recipient_id=recipient_id, now=now
    )
    items.move_item(conn, item.id, item.state, "handed_on", now=now, closed_as=ClosedAs.HANDED_ON)
    body = {"recipient": str(recipient_id)} if recipient_id else {}
    custody.append(
        conn,
        [NewEvent(stream_of("item", item.id), "handed_on", body)],
        actor=f"person/{person.id}",
        now=now,
    )


def _lock(conn: Connection, item_id: UUID) -> Item:
    item = items.lock_item(conn, item_id)
    if item is None:
        raise UnknownThingError("There is no such item.")
    return item
