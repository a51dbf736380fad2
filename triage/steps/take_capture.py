"""Take the lease of an item that is due, or end one that has run out.

A capture without an end is a lease. Whoever comes first, the next taker or the sweep, ends an expired one as
abandoned; that counts as a try, so that an item whose capture kills every worker ends before a person too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from triage.model import Capture, Item
from triage.rules.due import is_lease_over, next_wait
from triage.rules.lanes import place_by_failure
from triage.rules.states import CaptureOutcome, ItemState
from triage.steps.place_item import refresh_pages
from triage.store import captures, custody, items
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection

ABANDONED = "the worker stopped in the middle"


@dataclass(frozen=True, slots=True)
class TakenCapture:
    """The lease that we hold: the item and the capture's id."""

    item: Item
    capture_id: UUID


def take_capture(
    conn: Connection,
    item_id: UUID,
    *,
    worker: str,
    now: datetime,
    lease_s: float,
    waits_s: tuple[float, ...],
) -> TakenCapture | None:
    """Take the lease of an item; None when there is nothing to do or somebody else holds it.

    Args:
        worker: name of this worker, for people.
        lease_s: life of the lease in seconds, longer than all deadlines of a capture together.
        waits_s: waits before each new try, in seconds.
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
    elif item.next_try_at is not None and item.next_try_at > now:
        return None
    capture_id = captures.insert_capture(
        conn, item_id, worker=worker, now=now, lease_until=now + timedelta(seconds=lease_s)
    )
    return TakenCapture(item, capture_id)


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
        placing = place_by_failure(ABANDONED, gave_up=True)
        state = items.move_item(
            conn, item.id, item.state, "capture_gave_up", now=now, lane=placing.lane, reason=placing.reason
        )
        events.append(NewEvent(stream, "capture_gave_up", {"tries": tries}))
        refresh_pages(conn, [item.id], events, now=now)
    else:
        items.delay_item(conn, item.id, tries=tries, next_try_at=now)
    custody.append(conn, events, actor=actor, now=now)
    return state
