"""Place an item in its lane by what it shows, and the pages that show it by all their pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.model import Item
from triage.rules.lanes import (
    DISPUTED,
    SECOND,
    PageFinding,
    Placing,
    ShownChild,
    ShownImage,
    is_too_small,
    place_by_finding,
    place_by_images,
    place_page,
)
from triage.rules.states import ClosedAs, ImageState, ItemKind, ItemState, Lane
from triage.store import captures, images, items, next_captures
from triage.store.custody import NewEvent, stream_of
from triage.store.images import ImageStanding
from triage.store.rows import Connection

JUDGED_HARMLESS = (ClosedAs.SAME_AS_BEFORE, ClosedAs.NOT_ACTIONABLE)
"""Why an item is closed whose pictures nobody found illegal."""


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


@dataclass(frozen=True, slots=True)
class _Shows:
    """What an item shows now: read once, whatever is decided by it."""

    finding: PageFinding
    children: list[ShownChild]
    standings: list[ImageStanding]


def _read_shows(conn: Connection, item_id: UUID) -> _Shows:
    return _Shows(
        captures.read_page_finding(conn, item_id),
        items.read_children(conn, item_id),
        images.read_standings(conn, item_id),
    )


def choose_place(conn: Connection, item_id: UUID, *, status: int | None) -> Placing:
    """Return where an item waits: by its pictures if it is a page, by its own image, or by whichever needs more;
    and by what its capture says beside."""
    return _choose_place(_read_shows(conn, item_id), status=status)


def _choose_place(shows: _Shows, *, status: int | None) -> Placing:
    shown = _shown(shows.standings)
    own = place_by_images(shown, status=status)
    is_page = bool(shows.children) and (not shown or own.lane is Lane.NO_LOOK)
    return place_by_finding(place_page(shows.children) if is_page else own, shows.finding)


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
    shows = _read_shows(conn, item.id)
    place = _choose_place(shows, status=status)
    if placing is not None:
        # What is known needs no look, also when it could not be captured once more.
        is_known = place.lane is Lane.NO_LOOK and bool(shows.standings)
        place = Placing(Lane.NO_LOOK, f"{placing.reason}; {place.reason}") if is_known else placing
    items.move_item(conn, item.id, item.state, event, now=now, lane=place.lane, reason=place.reason)
    events.append(NewEvent(stream_of("item", item.id), "placed", {"lane": place.lane.value}))
    if placing is None and _is_left_out(conn, item.id, shows):
        _close(conn, item.id, ClosedAs.TOO_SMALL, events, now=now)
    elif placing is None and _is_same_as_before(conn, item.id, shows):
        _close(conn, item.id, ClosedAs.SAME_AS_BEFORE, events, now=now)
    elif placing is None and _shows_dispute(shows):
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
    for page in items.lock_items(conn, parent_ids) if parent_ids else ():
        if page.state is not ItemState.AWAITING_ASSESSMENT or waits_for_own_second(conn, page):
            continue
        shows = _read_shows(conn, page.id)
        place = _choose_place(shows, status=None)
        if (
            items.set_lane(conn, page.id, lane=place.lane, reason=place.reason, now=now)
            and place.lane != page.base_lane
        ):
            events.append(NewEvent(stream_of("item", page.id), "placed", {"lane": place.lane.value}))
        if _is_same_as_before(conn, page.id, shows):
            _close(conn, page.id, ClosedAs.SAME_AS_BEFORE, events, now=now)
        elif _shows_dispute(shows):
            _send_to_lead(conn, page.id, events, now=now)


def refresh_items(
    conn: Connection,
    item_ids: Sequence[UUID],
    events: list[NewEvent],
    *,
    now: datetime,
    because: str | None = None,
) -> int:
    """Place anew items that wait for assessment, after trust or a list has changed; return how many moved.

    What was left out as too small comes back once a list knows it.

    Args:
        because: said before the reason for which each waits, when all of them wait there for one cause.
    """
    moved = 0
    changed = []
    for item in items.lock_items(conn, sorted(item_ids)):
        if item.closed_as is ClosedAs.TOO_SMALL and not _is_left_out(
            conn, item.id, _read_shows(conn, item.id)
        ):
            bring_back(conn, item, events, now=now, is_captured_again=True)
            changed.append(item.id)
            moved += 1
            continue
        if item.state is not ItemState.AWAITING_ASSESSMENT or item.captured_at is None:
            continue
        if waits_for_own_second(conn, item):
            continue
        place = choose_place(conn, item.id, status=captures.read_last_status(conn, item.id)).said(because)
        if items.set_lane(conn, item.id, lane=place.lane, reason=place.reason, now=now):
            changed.append(item.id)
            if place.lane != item.base_lane:
                moved += 1
                events.append(NewEvent(stream_of("item", item.id), "placed", {"lane": place.lane.value}))
    refresh_pages(conn, changed, events, now=now)
    return moved


def _is_left_out(conn: Connection, item_id: UUID, shows: _Shows) -> bool:
    """Whether an item is nothing but a picture of a page that is too small to be anything."""
    are_small = all(
        is_too_small(one.width, one.height, is_reported=False, state=one.state, has_match=one.has_match)
        for one in shows.standings
    )
    return bool(shows.standings) and are_small and next_captures.is_of_page_only(conn, item_id)


def bring_back(
    conn: Connection,
    item: Item,
    events: list[NewEvent],
    *,
    now: datetime,
    is_captured_again: bool,
    because: str | None = None,
) -> None:
    """Bring back a closed item that is to be judged after all, and the pages of it that were closed as harmless.

    Args:
        is_captured_again: no view of it was kept, and a person will have to look; a file cannot be had again.
        because: said before the reason for which the item waits; its pages say how many of their pictures wait.
    """
    if is_captured_again and item.kind is ItemKind.URL:
        items.report_again(conn, [item.id], event="reported_again", remit=item.remit, now=now)
        events.append(NewEvent(stream_of("item", item.id), "reported_again"))
    else:
        _reopen(conn, item, events, now=now, because=because)
    for page in items.lock_items(conn, items.read_parent_ids(conn, item.id)):
        if page.closed_as in JUDGED_HARMLESS:
            _reopen(conn, page, events, now=now)


def _reopen(
    conn: Connection, item: Item, events: list[NewEvent], *, now: datetime, because: str | None = None
) -> None:
    place = choose_place(conn, item.id, status=captures.read_last_status(conn, item.id)).said(because)
    items.move_item(conn, item.id, item.state, "reopened", now=now, lane=place.lane, reason=place.reason)
    events.append(NewEvent(stream_of("item", item.id), "reopened", {"before": item.state.value}))


def _is_same_as_before(conn: Connection, item_id: UUID, shows: _Shows) -> bool:
    """Whether everything that an item shows was settled as not illegal before.

    A page that hides what was reported, or whose links matter more than its pictures, is never judged by those.
    """
    if shows.finding.reservation is not None or shows.finding.kind is not None:
        return False
    if not shows.children and not shows.standings:
        return False
    return (
        all(child.closed_as in JUDGED_HARMLESS for child in shows.children)
        and all(one.is_same_as_before and not one.has_newer_match for one in shows.standings)
        and not items.is_in_danger(conn, item_id)
    )


def _shows_dispute(shows: _Shows) -> bool:
    """Whether only a lead can go on: a picture is disputed, or all that is open of a page waits for one."""
    states = {child.state for child in shows.children}
    waiting = states & {ItemState.RECEIVED, ItemState.AWAITING_ASSESSMENT, ItemState.AWAITING_LEAD}
    if waiting:
        return waiting == {ItemState.AWAITING_LEAD}
    return any(standing.state is ImageState.DISPUTED for standing in shows.standings)


def _send_to_lead(conn: Connection, item_id: UUID, events: list[NewEvent], *, now: datetime) -> None:
    items.move_item(
        conn, item_id, ItemState.AWAITING_ASSESSMENT, "unsure", now=now, lane=Lane.LEAD, reason=DISPUTED
    )
    events.append(NewEvent(stream_of("item", item_id), "awaits_lead"))


def _close(
    conn: Connection, item_id: UUID, closed_as: ClosedAs, events: list[NewEvent], *, now: datetime
) -> None:
    """Close an item by the move that bears the name of why it is closed: same_as_before or too_small."""
    items.move_item(
        conn, item_id, ItemState.AWAITING_ASSESSMENT, closed_as.value, now=now, closed_as=closed_as
    )
    events.append(NewEvent(stream_of("item", item_id), closed_as.value))
