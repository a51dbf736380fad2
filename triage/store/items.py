"""Items: what is to be judged. State moves only by a guarded UPDATE; no row moved is a StaleStateError."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.errors import StaleStateError
from triage.ids import new_id, new_reference
from triage.model import Item
from triage.rules.lanes import ShownChild
from triage.rules.states import ITEM_MOVES, ClosedAs, ItemKind, ItemState, Lane, Remit, find_move
from triage.store.rows import Connection, row_of

REFERENCE_PREFIX = "IS"
_SELECT = (
    "SELECT id, reference, kind, state, remit, url, file_name, is_top_level, danger, base_lane, lane, reason,"
    " closed_as, received_at, captured_at, tries, next_try_at, round, settled_at, asked_exit, has_turn, is_low"
    " FROM items"
)


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to be stored. It stands in a lane when its state is one that waits.

    Attributes:
        is_patient: others are captured first.
        is_low: all others are.
        asked_exit: the way out that a person asked for, for its page and so for it.
    """

    kind: ItemKind
    state: ItemState
    remit: Remit
    danger: bool
    is_top_level: bool
    url: str | None = None
    url_key: bytes | None = None
    file_name: str | None = None
    lane: Lane | None = None
    reason: str | None = None
    is_patient: bool = False
    is_low: bool = False
    asked_exit: str | None = None


@dataclass(frozen=True, slots=True)
class StandingItem:
    """What the public role may read of an item that was reported before; a file has no URL key."""

    id: UUID
    url_key: bytes | None
    state: ItemState
    remit: Remit
    captured_at: datetime | None
    closed_as: ClosedAs | None


def insert_items(
    conn: Connection, items: Sequence[NewItem], *, now: datetime
) -> list[tuple[UUID, bytes | None]]:
    """Store new items; those whose URL key already stands are passed over.

    Returns:
        (id, URL key) of each item that was stored.
    """
    ordered = sorted(items, key=lambda item: item.url_key or b"")  # one order for all writers: no deadlock
    rows = conn.execute(
        "INSERT INTO items (id, reference, kind, state, remit, url, url_key, file_name, is_top_level, danger,"
        " base_lane, reason, is_patient, is_low, asked_exit, received_at, moved_at, next_try_at)"
        " SELECT new.id, new.reference, new.kind, new.state, new.remit, new.url, new.url_key, new.file_name,"
        " new.is_top_level, new.danger, new.base_lane, new.reason, new.is_patient, new.is_low, new.asked_exit,"
        " %(now)s, %(now)s,"
        " CASE WHEN new.state = 'received' THEN %(now)s::timestamptz END"
        " FROM unnest(%(id)s::uuid[], %(reference)s::text[], %(kind)s::item_kind[], %(state)s::item_state[],"
        " %(remit)s::remit[], %(url)s::text[], %(url_key)s::bytea[], %(file_name)s::text[],"
        " %(is_top_level)s::boolean[], %(danger)s::boolean[], %(base_lane)s::lane[], %(reason)s::text[],"
        " %(is_patient)s::boolean[], %(is_low)s::boolean[], %(asked_exit)s::text[])"
        " AS new (id, reference, kind, state, remit, url, url_key, file_name, is_top_level, danger, base_lane,"
        " reason, is_patient, is_low, asked_exit) ON CONFLICT (url_key) DO NOTHING RETURNING id, url_key",
        {
            "now": now,
            "id": [new_id() for _ in ordered],
            "reference": [new_reference(REFERENCE_PREFIX) for _ in ordered],
            "kind": [item.kind.value for item in ordered],
            "state": [item.state.value for item in ordered],
            "remit": [item.remit.value for item in ordered],
            "url": [item.url for item in ordered],
            "url_key": [item.url_key for item in ordered],
            "file_name": [item.file_name for item in ordered],
            "is_top_level": [item.is_top_level for item in ordered],
            "danger": [item.danger for item in ordered],
            "base_lane": [item.lane.value if item.lane else None for item in ordered],
            "reason": [item.reason for item in ordered],
            "is_patient": [item.is_patient for item in ordered],
            "is_low": [item.is_low for item in ordered],
            "asked_exit": [item.asked_exit for item in ordered],
        },
    ).fetchall()
    return [(row[0], bytes(row[1]) if row[1] is not None else None) for row in rows]


def lock_standing_items(
    conn: Connection, url_keys: Sequence[bytes], item_ids: Sequence[UUID] = ()
) -> list[StandingItem]:
    """Return and lock the items that have these URL keys or ids, in the order of their ids."""
    with conn.cursor(row_factory=row_of(StandingItem)) as cursor:
        return cursor.execute(
            "SELECT id, url_key, state, remit, captured_at, closed_as FROM items"
            " WHERE url_key = ANY(%(keys)s) OR id = ANY(%(ids)s::uuid[]) ORDER BY id FOR NO KEY UPDATE",
            {"keys": list(url_keys), "ids": list(item_ids)},
        ).fetchall()


def report_again(
    conn: Connection,
    item_ids: Sequence[UUID],
    *,
    event: str,
    remit: Remit,
    now: datetime,
    is_low: bool = False,
) -> None:
    """Move items back to received by `reported_again` or `reported_in_remit`.

    Args:
        is_low: whether all others are captured before them.

    Raises:
        StaleStateError: one of them has moved in the meantime.
    """
    before = ItemState.CLOSED if event == "reported_again" else ItemState.AWAITING_HAND_ON
    find_move(ITEM_MOVES, before, event)
    cursor = conn.execute(
        "UPDATE items SET state = 'received', closed_as = NULL, base_lane = NULL, reason = NULL,"
        " remit = %(remit)s, tries = 0, next_try_at = %(now)s, nudged_at = NULL, moved_at = %(now)s,"
        " is_low = %(is_low)s AND NOT danger WHERE id = ANY(%(ids)s) AND state = %(before)s",
        {"ids": list(item_ids), "remit": remit, "now": now, "before": before, "is_low": is_low},
    )
    if cursor.rowcount != len(set(item_ids)):
        raise StaleStateError


def raise_to_top(conn: Connection, item_ids: Sequence[UUID], *, danger: bool, is_low: bool = False) -> None:
    """Say that items were reported by somebody, and whether a child is in danger (which is never unsaid).

    Args:
        is_low: the report is low itself; any other one raises what was low so far.
    """
    conn.execute(
        "UPDATE items SET is_top_level = true, danger = danger OR %(danger)s, is_low = is_low AND %(is_low)s"
        " WHERE id = ANY(%(ids)s)"
        " AND (NOT is_top_level OR (%(danger)s AND NOT danger) OR (is_low AND NOT %(is_low)s))",
        {"ids": list(item_ids), "danger": danger, "is_low": is_low},
    )


def move_item(
    conn: Connection,
    item_id: UUID,
    before: ItemState,
    event: str,
    *,
    now: datetime,
    lane: Lane | None = None,
    reason: str | None = None,
    closed_as: ClosedAs | None = None,
    next_try_at: datetime | None = None,
    is_settled: bool = False,
) -> ItemState:
    """Make one move of the table and return the state after it.

    Args:
        lane: where it waits, for a state that waits.
        reason: why it waits there, in words.
        closed_as: why it is closed, for that state.
        next_try_at: when its job is due, for a state that has one; `now` by default.
        is_settled: whether this move settles its verdict.

    Raises:
        StaleStateError: the item is no longer in the state before.
    """
    after = find_move(ITEM_MOVES, before, event).after
    if is_settled:  # a statement of its own: only the staff surface may write this column
        conn.execute(
            "UPDATE items SET settled_at = %(now)s WHERE id = %(id)s AND state = %(before)s",
            {"id": item_id, "before": before, "now": now},
        )
    cursor = conn.execute(
        "UPDATE items SET state = %(after)s, base_lane = %(lane)s, reason = %(reason)s,"
        " closed_as = %(closed_as)s, moved_at = %(now)s, tries = 0, nudged_at = NULL,"
        " next_try_at = CASE WHEN %(after)s::item_state IN ('received', 'actionable') OR kind = 'url'"
        " AND %(after)s::item_state IN ('held_for_police', 'awaiting_hosting', 'notified')"
        " THEN %(next_try_at)s::timestamptz END"
        " WHERE id = %(id)s AND state = %(before)s",
        {
            "id": item_id,
            "before": before,
            "after": after,
            "lane": lane,
            "reason": reason,
            "closed_as": closed_as,
            "now": now,
            "next_try_at": next_try_at or now,
        },
    )
    if cursor.rowcount != 1:
        raise StaleStateError
    return ItemState(after)


def set_lane(conn: Connection, item_id: UUID, *, lane: Lane, reason: str, now: datetime) -> bool:
    """Change the lane of an item that waits for assessment; return whether anything changed."""
    cursor = conn.execute(
        "UPDATE items SET base_lane = %(lane)s, reason = %(reason)s, placed_at = %(now)s"
        " WHERE id = %(id)s AND state = 'awaiting_assessment' AND (base_lane, reason) <> (%(lane)s, %(reason)s)",
        {"id": item_id, "lane": lane, "reason": reason, "now": now},
    )
    return cursor.rowcount == 1


def lock_item(conn: Connection, item_id: UUID) -> Item | None:
    """Return and lock one item."""
    with conn.cursor(row_factory=row_of(Item)) as cursor:
        return cursor.execute(
            _SELECT + " WHERE id = %(id)s FOR NO KEY UPDATE",
            {"id": item_id},
        ).fetchone()


def lock_items(conn: Connection, item_ids: Sequence[UUID]) -> list[Item]:
    """Return and lock items, in the order of their ids."""
    with conn.cursor(row_factory=row_of(Item)) as cursor:
        return cursor.execute(
            _SELECT + " WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE",
            {"ids": list(item_ids)},
        ).fetchall()


def delay_item(
    conn: Connection, item_id: UUID, *, tries: int, next_try_at: datetime, state: ItemState
) -> None:
    """Say when the job of an item in this state is due again, and how many tries have failed."""
    conn.execute(
        "UPDATE items SET tries = %(tries)s, next_try_at = %(next_try_at)s, nudged_at = NULL"
        " WHERE id = %(id)s AND state = %(state)s",
        {"id": item_id, "tries": tries, "next_try_at": next_try_at, "state": state},
    )


def mark_danger(conn: Connection, item_ids: Sequence[UUID]) -> None:
    """Say that a child is at risk in these items; that is never unsaid."""
    conn.execute(
        "UPDATE items SET danger = true WHERE id = ANY(%(ids)s) AND NOT danger", {"ids": list(item_ids)}
    )


def mark_captured(conn: Connection, item_id: UUID, capture_id: UUID, *, now: datetime) -> None:
    """Say which capture shows what an item is now; its tries start from nothing again, what was asked for is done."""
    conn.execute(
        "UPDATE items SET captured_at = %(now)s, capture_id = %(capture_id)s, tries = 0, asked_exit = NULL,"
        " is_patient = false WHERE id = %(id)s",
        {"id": item_id, "capture_id": capture_id, "now": now},
    )


def take_due(
    conn: Connection,
    states: Sequence[ItemState],
    *,
    now: datetime,
    nudged_before: datetime,
    limit: int,
    late: bool = False,
) -> list[tuple[UUID, bool, bool]]:
    """Return items in these states whose job is due and was not nudged lately, and mark them as nudged now.

    Args:
        late: those that wait for a capture behind all others, instead of all but those.

    Returns:
        (id, whether a child is in danger, whether it is patient) of each, danger first.
    """
    rows = conn.execute(
        "UPDATE items SET nudged_at = %(now)s WHERE id IN ("
        " SELECT id FROM items WHERE state = ANY(%(states)s::item_state[]) AND next_try_at <= %(now)s"
        " AND (nudged_at IS NULL OR nudged_at < %(nudged_before)s)"
        " AND (state = 'received' AND (is_patient OR is_low) AND NOT danger) = %(late)s"
        " AND NOT (state = 'received'"
        "  AND EXISTS (SELECT FROM captures WHERE item_id = items.id AND ended_at IS NULL))"
        " ORDER BY danger DESC, is_low, next_try_at, id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED)"
        " RETURNING id, danger, is_patient",
        {
            "states": [state.value for state in states],
            "now": now,
            "nudged_before": nudged_before,
            "limit": limit,
            "late": late,
        },
    ).fetchall()
    return sorted(((row[0], row[1], row[2]) for row in rows), key=lambda row: not row[1])


def link_children(conn: Connection, parent_id: UUID, child_ids: Sequence[UUID], *, capture_id: UUID) -> None:
    """Say which items are the pictures that a capture found on a page, in their order on it."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO item_children (parent_id, child_id, capture_id, place)"
            " VALUES (%(parent_id)s, %(child_id)s, %(capture_id)s, %(place)s)"
            " ON CONFLICT (parent_id, child_id)"
            " DO UPDATE SET capture_id = EXCLUDED.capture_id, place = EXCLUDED.place",
            [
                {"parent_id": parent_id, "child_id": child_id, "capture_id": capture_id, "place": place}
                for place, child_id in enumerate(child_ids)
                if child_id != parent_id
            ],
        )


def keep_open_children(conn: Connection, page_id: UUID, *, capture_id: UUID) -> list[UUID]:
    """Let a page go on showing pictures that its new capture lacks and that still wait; return them.

    Nobody reported those themselves and no other page shows them: they would wait where nobody looks.
    """
    rows = conn.execute(
        "UPDATE item_children SET capture_id = %(capture)s FROM items WHERE items.id = child_id"
        " AND parent_id = %(page)s AND item_children.capture_id <> %(capture)s AND NOT items.is_top_level"
        " AND (items.state <> 'closed' OR items.closed_as <> 'not_judged' AND EXISTS (SELECT FROM shown_images"
        "  JOIN images ON images.id = image_id WHERE item_id = items.id AND images.state = 'judged_once'))"
        " AND NOT EXISTS (SELECT FROM shown_children WHERE shown_children.child_id = items.id)"
        " RETURNING child_id",
        {"page": page_id, "capture": capture_id},
    ).fetchall()
    return sorted(row[0] for row in rows)


def read_parent_ids(conn: Connection, item_id: UUID) -> list[UUID]:
    """Return the pages that show an item now, in the order of their ids."""
    rows = conn.execute(
        "SELECT parent_id FROM shown_children WHERE child_id = %(id)s ORDER BY parent_id", {"id": item_id}
    ).fetchall()
    return [row[0] for row in rows]


def read_children(conn: Connection, parent_id: UUID) -> list[ShownChild]:
    """Return the pictures that a page shows now, in their order on it.

    What shows pictures itself was reported itself and stands in the queue: no page waits for another one, and so
    two that show each other never wait for ever. Nor does it wait for what is too small to be anything. A picture that
    was acted on after one assessor stands in the second lane, as one that was not: its page tells no difference.
    """
    with conn.cursor(row_factory=row_of(ShownChild)) as cursor:
        return cursor.execute(
            "SELECT items.id, items.state, items.closed_as, CASE WHEN items.base_lane IS NULL"
            "  AND items.state <> 'received' AND items.closed_as IS DISTINCT FROM 'not_judged'"
            "  AND EXISTS (SELECT FROM shown_images JOIN images ON images.id = image_id"
            "   WHERE shown_images.item_id = items.id AND images.state = 'judged_once')"
            "  THEN 'second' ELSE items.base_lane END AS lane"
            " FROM shown_children JOIN items ON items.id = child_id WHERE parent_id = %(id)s"
            " AND items.closed_as IS DISTINCT FROM 'too_small'"
            " AND NOT EXISTS (SELECT FROM shown_children AS below WHERE below.parent_id = items.id)"
            " ORDER BY place, items.id",
            {"id": parent_id},
        ).fetchall()


def read_child_bases(conn: Connection, parent_id: UUID) -> set[str]:
    """Return on what the illegal verdicts of a page's pictures stand; looked for one judged once."""
    rows = conn.execute(
        "SELECT DISTINCT COALESCE(images.verdict_basis, 'looked') FROM shown_children"
        " JOIN items ON items.id = child_id JOIN shown_images ON shown_images.item_id = child_id"
        " JOIN images ON images.id = shown_images.image_id WHERE parent_id = %(id)s"
        " AND (images.verdict = 'illegal' OR images.state = 'judged_once' AND items.settled_at IS NOT NULL)",
        {"id": parent_id},
    ).fetchall()
    return {row[0] for row in rows}


def is_in_danger(conn: Connection, item_id: UUID) -> bool:
    """Whether somebody said of this item that a child is in danger."""
    row = conn.execute("SELECT danger FROM items WHERE id = %(id)s", {"id": item_id}).fetchone()
    return bool(row and row[0])


def waits_for_person(conn: Connection, item_id: UUID) -> bool:
    """Whether an item waits for an assessment or a lead."""
    row = conn.execute(
        "SELECT state IN ('awaiting_assessment', 'awaiting_lead') FROM items WHERE id = %(id)s",
        {"id": item_id},
    ).fetchone()
    return bool(row and row[0])
