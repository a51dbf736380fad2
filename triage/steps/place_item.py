"""Place an item in its lane by what it shows, and the pages that show it by all their pictures."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from triage.model import Item
from triage.rules.lanes import (
    DISPUTED,
    SECOND,
    Placing,
    ShownImage,
    place_by_images,
    place_page,
    place_unread_page,
)
from triage.rules.states import ClosedAs, ImageState, ItemState, Lane
from triage.store import captures, images, items
from triage.store.custody import NewEvent, stream_of
from triage.store.images import ImageStanding
from triage.store.rows import Connection

_JUDGED_HARMLESS = (ClosedAs.SAME_AS_BEFORE, ClosedAs.NOT_ACTIONABLE)


def _shown(standings: Sequence[ImageStanding]) -> list[ShownImage]:
    return [
        ShownImage(
            state=standing.state,
            is_known=standing.is_known,
            can_be_shown=standing.can_be_shown,
            has_views=standing.has_views,
            finding=standing.finding,
            nearest=standing.nearest,
            has_untrusted_exact=standing.has_untrusted_exact,
        )
        for standing in standings
    ]


def choose_place(conn: Connection, item_id: UUID, *, status: int | None) -> Placing:
    """Return where an item waits: by its pictures if it is a page, by its own image, or by whichever needs more."""
    reservation = captures.read_reservation(conn, item_id)
    if reservation is not None:
        return place_unread_page(reservation)
    children = items.read_children(conn, item_id)
    shown = _shown(images.read_standings(conn, item_id))
    own = place_by_images(shown, status=status)
    if children and (not shown or own.lane is Lane.NO_LOOK):
        return place_page(children)
    return own


def place_captured(
    conn: Connection,
    item: Item,
    *,
    status: int | None,
    events: list[NewEvent],
    now: datetime,
    event: str = "capture_succeeded",
    placing: Placing | None = None,
) -> None:
    """Move a received item to where a person finds it, and its pages along.

    Args:
        status: HTTP status of the capture.
        events: custody events of this transaction; what happens here is added.
        event: the move of the table.
        placing: where it waits, when that does not follow from what it shows.
    """
    place = placing or choose_place(conn, item.id, status=status)
    items.move_item(conn, item.id, item.state, event, now=now, lane=place.lane, reason=place.reason)
    events.append(NewEvent(stream_of("item", item.id), "placed", {"lane": place.lane.value}))
    if placing is None and _is_same_as_before(conn, item.id):
        _close_as_before(conn, item.id, events, now=now)
    elif placing is None and _shows_dispute(conn, item.id):
        _send_to_lead(conn, item.id, events, now=now)
    refresh_pages(conn, [item.id], events, now=now)


def waits_for_own_second(conn: Connection, item: Item) -> bool:
    """Whether an item stands in the second lane for what was said of it itself: that must come to its end.

    A page of which a picture waits for its second assessor says how many, and an item with a picture is not judged
    itself: the worker reads no assessment to tell them apart.
    """
    return (
        item.base_lane is Lane.SECOND and item.reason == SECOND and not images.read_standings(conn, item.id)
    )


def refresh_pages(
    conn: Connection, child_ids: Sequence[UUID], events: list[NewEvent], *, now: datetime
) -> None:
    """Place anew every page that shows one of these items and waits for assessment."""
    parent_ids = sorted(
        {parent for child_id in child_ids for parent in items.read_parent_ids(conn, child_id)}
    )
    for page in items.lock_items(conn, parent_ids):
        if page.state is not ItemState.AWAITING_ASSESSMENT or waits_for_own_second(conn, page):
            continue
        place = choose_place(conn, page.id, status=None)
        if (
            items.set_lane(conn, page.id, lane=place.lane, reason=place.reason)
            and place.lane != page.base_lane
        ):
            events.append(NewEvent(stream_of("item", page.id), "placed", {"lane": place.lane.value}))
        if _is_same_as_before(conn, page.id):
            _close_as_before(conn, page.id, events, now=now)
        elif _shows_dispute(conn, page.id):
            _send_to_lead(conn, page.id, events, now=now)


def refresh_items(
    conn: Connection, item_ids: Sequence[UUID], events: list[NewEvent], *, now: datetime
) -> int:
    """Place anew items that wait for assessment, after trust or a list has changed; return how many moved."""
    moved = 0
    changed = []
    for item in items.lock_items(conn, sorted(item_ids)):
        if item.state is not ItemState.AWAITING_ASSESSMENT or item.captured_at is None:
            continue
        if waits_for_own_second(conn, item):
            continue
        place = choose_place(conn, item.id, status=captures.read_last_status(conn, item.id))
        if items.set_lane(conn, item.id, lane=place.lane, reason=place.reason):
            changed.append(item.id)
            if place.lane != item.base_lane:
                moved += 1
                events.append(NewEvent(stream_of("item", item.id), "placed", {"lane": place.lane.value}))
    refresh_pages(conn, changed, events, now=now)
    return moved


def _is_same_as_before(conn: Connection, item_id: UUID) -> bool:
    """Whether everything that an item shows was settled as not illegal before."""
    if captures.read_reservation(conn, item_id) is not None or items.is_in_danger(conn, item_id):
        return False
    children = items.read_children(conn, item_id)
    if not all(child.closed_as in _JUDGED_HARMLESS for child in children):
        return False
    standings = images.read_standings(conn, item_id)
    return bool(children or standings) and all(
        standing.is_same_as_before and not standing.has_newer_match for standing in standings
    )


def _shows_dispute(conn: Connection, item_id: UUID) -> bool:
    """Whether only a lead can go on: a picture is disputed, or all that is open of a page waits for one."""
    states = {child.state for child in items.read_children(conn, item_id)}
    waiting = states & {ItemState.RECEIVED, ItemState.AWAITING_ASSESSMENT, ItemState.AWAITING_LEAD}
    if waiting:
        return waiting == {ItemState.AWAITING_LEAD}
    standings = images.read_standings(conn, item_id)
    return any(standing.state is ImageState.DISPUTED for standing in standings)


def _send_to_lead(conn: Connection, item_id: UUID, events: list[NewEvent], *, now: datetime) -> None:
    items.move_item(
        conn, item_id, ItemState.AWAITING_ASSESSMENT, "unsure", now=now, lane=Lane.LEAD, reason=DISPUTED
    )
    events.append(NewEvent(stream_of("item", item_id), "awaits_lead"))


def _close_as_before(conn: Connection, item_id: UUID, events: list[NewEvent], *, now: datetime) -> None:
    items.move_item(
        conn,
        item_id,
        ItemState.AWAITING_ASSESSMENT,
        "same_as_before",
        now=now,
        closed_as=ClosedAs.SAME_AS_BEFORE,
    )
    events.append(NewEvent(stream_of("item", item_id), "same_as_before"))
