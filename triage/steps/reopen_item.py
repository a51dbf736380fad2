"""Reopen: a verdict is undone, or judged anew for a reason; what was queued is taken back, what was sent is
retracted, and the images are judged in a new round."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from triage.errors import NotAllowedError, StaleStateError, UnknownThingError
from triage.model import Item, Person
from triage.rules.lanes import TEXT_ONLY, Placing, place_by_failure
from triage.rules.sending import SendingPolicy
from triage.rules.states import CaptureOutcome, ClosedAs, ImageState, ItemKind, ItemState, Lane
from triage.steps.close_sendings import withdraw_for_items
from triage.steps.place_item import choose_place, refresh_items, refresh_pages
from triage.steps.settle_item import Settling
from triage.store import assessments, captures, custody, images, items, next_captures, review
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection

_ACTED_ON = (ItemState.HELD_FOR_POLICE, ItemState.ACTIONABLE, ItemState.AWAITING_HOSTING, ItemState.NOTIFIED)
_SETTLED = (ItemState.CLOSED, *_ACTED_ON)
_CLOSED_AHEAD = (ClosedAs.REMOVED, ClosedAs.REMOVED_BEFORE_NOTICE, ClosedAs.REFERRED)


def reopen_item(
    conn: Connection,
    item_id: UUID,
    *,
    person: Person,
    round_: int,
    reason: str,
    now: datetime,
    sending: SendingPolicy,
) -> None:
    """Reopen an item and the images it shows, for a reason in words.

    Args:
        round_: the item's round that the person saw: its verdict is the one that is taken back.

    Raises:
        NotAllowedError: no reason, or it was handed on.
        StaleStateError: it waits for a person or a worker already, or was reopened and judged anew.
        UnknownThingError: there is no such item.
    """
    if not reason.strip():
        raise NotAllowedError("Say why it is reopened.")
    item = _lock(conn, item_id, round_)
    if item.closed_as is ClosedAs.TOO_SMALL:
        next_captures.ask_for_item(conn, item.id)
    _reopen_with_images(conn, item, person=person, reason=reason, now=now, sending=sending)


def undo(
    conn: Connection,
    item_id: UUID,
    *,
    person: Person,
    round_: int,
    now: datetime,
    undo_s: float,
    sending: SendingPolicy,
) -> None:
    """Undo one's own last word on an item, while nothing has left yet.

    Args:
        round_: the item's round that the person saw.

    Raises:
        NotAllowedError: the time to undo is over, or it was not this person's word.
    """
    item = _lock(conn, item_id, round_)
    if not is_in_time(item, now=now, undo_s=undo_s):
        raise NotAllowedError("The time to undo is over; reopen it with a reason.")
    if not assessments.has_judged(conn, item.id, person.id):
        raise NotAllowedError("Only who judged it undoes it; reopen it with a reason.")
    _reopen_with_images(conn, item, person=person, reason="undone", now=now, sending=sending)


def reopen_images(
    conn: Connection,
    image_ids: Sequence[UUID],
    events: list[NewEvent],
    *,
    reason: str,
    now: datetime,
    sending: SendingPolicy,
) -> None:
    """Reopen settled images and every item that shows them, such as when a list entry they leaned on is withdrawn."""
    shown_by: set[UUID] = set()
    for image_id in sorted(image_ids):
        image = assessments.lock_image(conn, image_id)
        if image is None or image.state is not ImageState.SETTLED:
            continue
        assessments.move_image(conn, image, "reopened", now=now)
        events.append(NewEvent(stream_of("image", image_id), "reopened"))
        shown_by.update(images.find_items_showing_now(conn, image_id))
    locked = items.lock_items(conn, sorted(shown_by))
    reopen_items(conn, locked, events, reason=reason, now=now, sending=sending)
    # What waits already because the image was settled waits for something else now.
    refresh_items(conn, sorted(shown_by), events, now=now)


def reopen_items(
    conn: Connection,
    locked: Sequence[Item],
    events: list[NewEvent],
    *,
    reason: str,
    now: datetime,
    sending: SendingPolicy,
) -> None:
    """Reopen items that were acted on or closed, and the pages that show them; take back what was said of them.

    A page that was to be handed on comes back too: a picture of it waits again, and is found by its page alone. So do
    the pictures that were not needed beside what is now no longer settled as illegal: nobody has judged them.
    """
    known = {item.id for item in locked}
    parents = {item.id: items.read_parent_ids(conn, item.id) for item in locked}
    every_parent = {parent for found in parents.values() for parent in found}
    of_reopened = {parent for item in locked if is_settled(item) for parent in parents[item.id]}
    reopened: list[UUID] = []
    for item in [*locked, *items.lock_items(conn, sorted(every_parent - known))]:
        would_hide = item.id in of_reopened and item.state is ItemState.AWAITING_HAND_ON
        if not is_settled(item) and not would_hide:
            continue
        _move_back(conn, item, events, now=now)
        events += withdraw_for_items(conn, [item], now=now, reason=reason, policy=sending)
        reopened.append(item.id)
    rest = items.lock_items(conn, images.find_unneeded(conn, reopened))
    for item in rest:
        _move_back(conn, item, events, now=now)
    refresh_pages(conn, [item.id for item in (*locked, *rest)], events, now=now)


def _move_back(conn: Connection, item: Item, events: list[NewEvent], *, now: datetime) -> None:
    place = _place_again(conn, item)
    items.move_item(conn, item.id, item.state, "reopened", now=now, lane=place.lane, reason=place.reason)
    events.append(NewEvent(stream_of("item", item.id), "reopened", {"before": item.state.value}))


def reopen_ahead(settling: Settling, item_ids: list[UUID]) -> None:
    """Reopen what was acted on after one assessor: only a desk that does so has moved these already.

    What is closed meanwhile, because it is gone or had no address, comes back too: a lead must find it.
    """
    ahead = [
        item
        for item in items.lock_items(settling.conn, item_ids)
        if item.state in _ACTED_ON or item.closed_as in _CLOSED_AHEAD
    ]
    reopen_items(
        settling.conn,
        ahead,
        settling.events,
        reason="the second assessor differs",
        now=settling.now,
        sending=settling.policy.sending,
    )


def is_settled(item: Item) -> bool:
    """Whether an item can be reopened: it was acted on or closed, and not handed on."""
    return item.state in _SETTLED and item.closed_as is not ClosedAs.HANDED_ON


def is_in_time(item: Item, *, now: datetime, undo_s: float) -> bool:
    """Whether the verdict of an item can still be undone."""
    return item.settled_at is not None and now - item.settled_at <= timedelta(seconds=undo_s)


def _place_again(conn: Connection, item: Item) -> Placing:
    """Return where a reopened item waits; one that was never captured waits for the reason that it had then."""
    if item.kind is ItemKind.TEXT:
        return Placing(Lane.LOOK, TEXT_ONLY)
    if item.captured_at is None:
        last = next(iter(review.read_captures(conn, item.id)), None)
        if last is not None and last.reason:
            return place_by_failure(last.reason, gave_up=last.outcome is not CaptureOutcome.REFUSED)
    return choose_place(conn, item.id, status=captures.read_last_status(conn, item.id))


def _lock(conn: Connection, item_id: UUID, round_: int) -> Item:
    item = items.lock_item(conn, item_id)
    if item is None:
        raise UnknownThingError("There is no such item.")
    if item.state not in _SETTLED or item.round != round_:
        raise StaleStateError
    if item.closed_as is ClosedAs.HANDED_ON:
        raise NotAllowedError("It was handed on; a new report brings it back.")
    return item


def _reopen_with_images(
    conn: Connection, item: Item, *, person: Person, reason: str, now: datetime, sending: SendingPolicy
) -> None:
    actor = f"person/{person.id}"
    events: list[NewEvent] = []
    child_ids = [child.id for child in items.read_children(conn, item.id)]
    shown = {image.id for one in (item.id, *child_ids) for image in assessments.read_shown(conn, one)}
    reopen_images(conn, sorted(shown), events, reason=reason, now=now, sending=sending)
    again = items.lock_items(conn, sorted({item.id, *child_ids}))
    reopen_items(conn, again, events, reason=reason, now=now, sending=sending)
    refresh_pages(conn, child_ids, events, now=now)
    custody.append(conn, events, actor=actor, now=now)
