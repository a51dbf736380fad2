"""Record an online check and what follows from it, in one transaction.

1. The item must still be one that is checked, and nobody else may have checked it meanwhile.
2. Store the check. It is a custody event too when the result is another than before, or counts towards removal.
3. Three that found it removed, in a row and well apart: the item closes and what was asked is resolved.
4. Notified and online: a reminder when one is due. Notified and moved: it is located anew.
5. Anything else only says when the next check is due: what is unreachable or unknown never closes an item.

A closed item is never checked, so nothing here finds one online again: a new report does.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.errors import StaleStateError
from triage.model import Item
from triage.rules.online import CHECKED_STATES, REMOVED_IN_A_ROW, CheckPolicy, count_removed
from triage.rules.sending import SendingPolicy
from triage.rules.states import ClosedAs, ItemKind, ItemState, OnlineResult
from triage.steps.close_sendings import resolve_for_item
from triage.steps.issue_sendings import remind_for_item
from triage.store import custody, items, online_checks
from triage.store.custody import NewEvent, stream_of
from triage.store.online_checks import CheckFacts
from triage.store.rows import Connection

ACTOR = "worker"
_LOOK_BACK = 50
"""Checks that are read to count those in a row; ones that come too soon are few."""


@dataclass(frozen=True, slots=True)
class RecordedCheck:
    """What a check came to: the item's state after it, and how many found it removed in a row."""

    state: ItemState
    removed_in_a_row: int


def take_item(conn: Connection, item_id: UUID, *, now: datetime) -> Item | None:
    """Return an item that is to be checked now; None when there is nothing to check."""
    item = items.lock_item(conn, item_id)
    return item if item is not None and _is_checked(item, now) else None


def record_check(
    conn: Connection,
    item: Item,
    result: OnlineResult,
    facts: CheckFacts,
    *,
    now: datetime,
    policy: CheckPolicy,
    sending: SendingPolicy,
) -> RecordedCheck:
    """Record one check of an item and move the item on.

    Args:
        item: as `take_item` returned it.

    Raises:
        StaleStateError: the item has moved, or somebody else checked it; nothing is recorded.
    """
    standing = items.lock_item(conn, item.id)
    if (
        standing is None
        or (standing.state, standing.round) != (item.state, item.round)
        or not _is_checked(standing, now)
    ):
        raise StaleStateError
    past = online_checks.read_last_checks(conn, item.id, round_=item.round, limit=_LOOK_BACK)
    counted_before = count_removed(past, apart_s=policy.removed_check_every_s)
    check_id = online_checks.insert_check(conn, item.id, result, facts, round_=item.round, now=now)
    checks = online_checks.read_last_checks(conn, item.id, round_=item.round, limit=_LOOK_BACK)
    counted = count_removed(checks, apart_s=policy.removed_check_every_s)
    events: list[NewEvent] = []
    if not past or past[-1].result is not result or counted > counted_before:
        events.append(
            NewEvent(
                stream_of("item", item.id),
                "checked",
                {"check": str(check_id), "result": result.value, "removed_in_a_row": counted},
            )
        )
    state = _move_on(conn, standing, result, counted, events, now=now, policy=policy, sending=sending)
    custody.append(conn, events, actor=ACTOR, now=now)
    return RecordedCheck(state, counted)


def delay_check(conn: Connection, item: Item, *, next_try_at: datetime) -> None:
    """Say when an item is to be checked again after something of our own failed; nothing is said of the item.

    Args:
        item: as `take_item` returned it.
    """
    if item.state is not ItemState.ACTIONABLE:  # that one's due time is the locating's
        items.delay_item(conn, item.id, tries=item.tries + 1, next_try_at=next_try_at, state=item.state)


def _is_checked(item: Item, now: datetime) -> bool:
    return (
        item.kind is ItemKind.URL
        and item.state in CHECKED_STATES
        and item.next_try_at is not None
        and item.next_try_at <= now
    )


def _move_on(
    conn: Connection,
    item: Item,
    result: OnlineResult,
    counted: int,
    events: list[NewEvent],
    *,
    now: datetime,
    policy: CheckPolicy,
    sending: SendingPolicy,
) -> ItemState:
    stream = stream_of("item", item.id)
    is_notified = item.state is ItemState.NOTIFIED
    next_try_at = policy.next_check_at(result, now)
    if result is OnlineResult.REMOVED and counted >= REMOVED_IN_A_ROW:
        closed_as = ClosedAs.REMOVED if is_notified else ClosedAs.REMOVED_BEFORE_NOTICE
        after = items.move_item(conn, item.id, item.state, "found_removed", now=now, closed_as=closed_as)
        events.append(NewEvent(stream, "found_removed", {"closed_as": closed_as.value}))
        events.extend(resolve_for_item(conn, item))
        return after
    if result is OnlineResult.MOVED and is_notified:
        after = items.move_item(conn, item.id, item.state, "found_moved", now=now)
        events.append(NewEvent(stream, "found_moved"))
        return after
    if result is OnlineResult.ONLINE and is_notified:
        after = items.move_item(conn, item.id, item.state, "found_online", now=now, next_try_at=next_try_at)
        events.extend(
            remind_for_item(
                conn,
                item,
                now=now,
                policy=sending,
                reminder_after_s=policy.reminder_after_s,
            )
        )
        return after
    if item.state is not ItemState.ACTIONABLE:  # that one's due time is the locating's
        items.delay_item(conn, item.id, tries=0, next_try_at=next_try_at, state=item.state)
    return item.state
