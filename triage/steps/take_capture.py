"""Take the lease of an item that is due, or end one that has run out.

1. A capture without an end is a lease. Whoever comes first, the next taker or the sweep, ends an expired one as
   abandoned; that counts as a try, so that an item whose capture kills every worker ends before a person too.
2. An address waits for its turn at its site, and for a place among those under way; neither counts as a try.
3. What is taken says how it is fetched: by which way out, with which isolation, shown by which page.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from triage.model import Capture, Item
from triage.rules.due import SitePace, is_lease_over, next_wait
from triage.rules.lanes import place_by_failure
from triage.rules.sites import find_site
from triage.rules.states import CaptureOutcome, ItemState
from triage.rules.turns import give_turn
from triage.rules.urls import split_url
from triage.steps.place_item import refresh_pages
from triage.store import captures, custody, host_turns, items, next_captures
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection

ABANDONED = "the worker stopped in the middle"
CROWDED_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class TakenCapture:
    """The lease that we hold, and how the item is fetched.

    Attributes:
        isolation: 32 hex digits, the same for a reported address and the pictures of its page, and for no other.
        referer: normal URL of the page that shows it; empty for what was reported itself.
        exit_name: the way out that a person asked for; empty: as the rules say.
        may_be_left_out: it is a picture of a page and nothing else: no view is kept of one that is too small.
    """

    item: Item
    capture_id: UUID
    isolation: str
    referer: str
    exit_name: str
    may_be_left_out: bool


def take_capture(
    conn: Connection,
    item_id: UUID,
    *,
    worker: str,
    now: datetime,
    lease_s: float,
    waits_s: tuple[float, ...],
    pace: SitePace,
) -> TakenCapture | None:
    """Take the lease of an item; None when there is nothing to do, somebody else holds it, or it is not its turn.

    Args:
        worker: name of this worker, for people.
        lease_s: life of the lease in seconds, longer than all deadlines of a capture together.
        waits_s: waits before each new try, in seconds.
        pace: how quickly one site may be asked.
    """
    item = items.lock_item(conn, item_id)
    if item is None or item.state is not ItemState.RECEIVED:
        return None
    standing = captures.find_open_capture(conn, item_id)
    if standing is not None:
        if not is_lease_over(standing.started_at, standing.lease_until, now):
            return None
        if _abandon(conn, item, standing, actor="worker", now=now, waits_s=waits_s) is not ItemState.RECEIVED:
            return None
        item = replace(item, tries=item.tries + 1, has_turn=False)
    elif item.next_try_at is not None and item.next_try_at > now:
        return None
    if item.url is not None and not _may_begin(conn, item, item.url, now=now, pace=pace):
        return None
    capture_id = captures.insert_capture(
        conn, item_id, worker=worker, now=now, lease_until=now + timedelta(seconds=lease_s)
    )
    page = None if item.is_top_level else captures.find_page_of(conn, item_id)
    return TakenCapture(
        item=item,
        capture_id=capture_id,
        isolation=make_isolation(page.item_id if page else item.id),
        referer=page.url if page else "",
        exit_name=item.asked_exit or "",
        may_be_left_out=next_captures.is_of_page_only(conn, item.id),
    )


def make_isolation(item_id: UUID) -> str:
    """Return the 32 hex digits by which a way out keeps a reported item, and what its page shows, apart from others."""
    return hashlib.sha256(str(item_id).encode()).hexdigest()[:32]


def find_site_of(url: str) -> str:
    """Return the site whose turn an address takes."""
    return find_site(split_url(url).host)


def _may_begin(conn: Connection, item: Item, url: str, *, now: datetime, pace: SitePace) -> bool:
    """Whether there is a place and a turn for an address; else it is told when to come again."""
    if host_turns.lock_under_way(conn, now=now) >= pace.at_once:
        again = now + timedelta(seconds=CROWDED_WAIT_S)
        next_captures.delay_capture(
            conn, item.id, tries=item.tries, next_try_at=again, has_turn=item.has_turn
        )
        return False
    site = find_site_of(url)
    turn = give_turn(
        host_turns.lock_turns(conn, site, now=now),
        now,
        pace,
        has_turn=item.has_turn,
        is_urgent=item.danger and item.is_top_level,
    )
    host_turns.save_turns(conn, site, turn.turns)
    if turn.comes_at is not None:
        next_captures.delay_capture(conn, item.id, tries=item.tries, next_try_at=turn.comes_at, has_turn=True)
        return False
    if item.has_turn:
        next_captures.use_turn(conn, item.id)
    return True


def end_expired(
    conn: Connection, item_id: UUID, *, actor: str, now: datetime, waits_s: tuple[float, ...]
) -> bool:
    """End the expired lease of an item; return whether there was one."""
    item = items.lock_item(conn, item_id)
    standing = captures.find_open_capture(conn, item_id) if item else None
    if item is None or standing is None:
        return False
    if not is_lease_over(standing.started_at, standing.lease_until, now):
        return False
    _abandon(conn, item, standing, actor=actor, now=now, waits_s=waits_s)
    return True


def _abandon(
    conn: Connection,
    item: Item,
    standing: Capture,
    *,
    actor: str,
    now: datetime,
    waits_s: tuple[float, ...],
) -> ItemState:
    captures.end_capture(conn, standing.id, CaptureOutcome.ABANDONED, now=now, reason=ABANDONED)
    stream = stream_of("item", item.id)
    events = [NewEvent(stream, "capture_abandoned", {"capture": str(standing.id)})]
    tries = item.tries + 1
    state = item.state
    if next_wait(waits_s, tries) is None:
        placing = place_by_failure(ABANDONED, gave_up=True, tries=tries)
        state = items.move_item(
            conn, item.id, item.state, "capture_gave_up", now=now, lane=placing.lane, reason=placing.reason
        )
        next_captures.end_asking(conn, item.id)
        events.append(NewEvent(stream, "capture_gave_up", {"tries": tries}))
        refresh_pages(conn, [item.id], events, now=now)
    else:
        next_captures.delay_capture(conn, item.id, tries=tries, next_try_at=now, becomes_patient=True)
    custody.append(conn, events, actor=actor, now=now)
    return state
