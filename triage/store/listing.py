"""Lists for people: what stands in the queue, and what the whole deployment holds. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.rules.states import ClosedAs, ItemKind, ItemState, Lane
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class ListedItem:
    """One item as a list shows it.

    Attributes:
        captures: attempts that ended, by any outcome.
        outcome: outcome of the last attempt.
        failure: why the last attempt failed, by name.
        page_kind: what kind of page it is, if it is an odd one.
        children: pictures of a page; images, exact, near and evidence count theirs too.
        icons: those that are too small to be anything; they count for nothing else.
        exact, near: matches with live entries.
        evidence: sealed objects kept.
        reports: how many reports named it.
    """

    id: UUID
    reference: str
    kind: ItemKind
    url: str | None
    file_name: str | None
    state: ItemState
    lane: Lane | None
    reason: str | None
    closed_as: ClosedAs | None
    is_top_level: bool
    captures: int
    outcome: str | None
    capture_reason: str | None
    failure: str | None
    page_kind: str | None
    children: int
    icons: int
    images: int
    exact: int
    near: int
    evidence: int
    reports: int
    received_at: datetime


def list_items(conn: Connection, *, top_level_only: bool = True, limit: int = 10_000) -> list[ListedItem]:
    """Return items in the order in which they wait: danger first, then oldest first."""
    with conn.cursor(row_factory=row_of(ListedItem)) as cursor:
        return cursor.execute(
            "WITH family AS ("
            " SELECT id AS top_id, id AS item_id FROM items"
            " UNION SELECT parent_id, child_id FROM shown_children JOIN items ON items.id = child_id"
            "  WHERE items.closed_as IS DISTINCT FROM 'too_small'),"
            " shown AS ("
            " SELECT DISTINCT family.top_id, shown_images.image_id FROM family"
            " JOIN shown_images ON shown_images.item_id = family.item_id)"
            " SELECT items.id, items.reference, items.kind, items.url, items.file_name, items.state, items.lane,"
            " items.reason, items.closed_as,"
            " items.is_top_level, items.received_at,"
            " (SELECT count(*) FROM captures WHERE item_id = items.id AND ended_at IS NOT NULL) AS captures,"
            " last.outcome::text AS outcome, last.reason AS capture_reason, last.failure, last.page_kind,"
            " (SELECT count(*) FROM family WHERE top_id = items.id AND item_id <> items.id) AS children,"
            " (SELECT count(*) FROM shown_children JOIN items AS child ON child.id = child_id"
            "  WHERE parent_id = items.id AND child.closed_as = 'too_small') AS icons,"
            " (SELECT count(*) FROM shown WHERE top_id = items.id) AS images,"
            " (SELECT count(DISTINCT (live_matches.image_id, entry_id)) FROM shown"
            "  JOIN live_matches ON live_matches.image_id = shown.image_id"
            "  WHERE top_id = items.id AND kind = 'exact') AS exact,"
            " (SELECT count(DISTINCT (live_matches.image_id, entry_id)) FROM shown"
            "  JOIN live_matches ON live_matches.image_id = shown.image_id"
            "  WHERE top_id = items.id AND kind = 'near') AS near,"
            " (SELECT count(*) FROM shown JOIN evidence_objects ON evidence_objects.image_id = shown.image_id"
            "  WHERE top_id = items.id) AS evidence,"
            " (SELECT count(*) FROM report_items WHERE item_id = items.id) AS reports"
            " FROM items LEFT JOIN LATERAL ("
            "  SELECT outcome, reason, failure, page_kind FROM captures"
            "  WHERE item_id = items.id AND ended_at IS NOT NULL"
            "  ORDER BY started_at DESC, id DESC LIMIT 1) AS last ON true"
            " WHERE items.is_top_level OR NOT %(top_level_only)s"
            " ORDER BY (items.lane = 'danger') DESC NULLS LAST, items.received_at, items.id LIMIT %(limit)s",
            {"top_level_only": top_level_only, "limit": limit},
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Totals:
    """What a deployment holds, in numbers.

    Attributes:
        captured: items whose last capture succeeded.
        exact, near: distinct (image, entry) pairs.
        kept: sealed evidence objects.
        destroyed: uploads and evidence objects that are gone from the store.
        waiting: items that are not captured yet.
    """

    reports: int
    items: int
    images: int
    captured: int
    exact: int
    near: int
    kept: int
    destroyed: int
    waiting: int


def read_totals(conn: Connection) -> Totals:
    """Return the numbers of this deployment."""
    with conn.cursor(row_factory=row_of(Totals)) as cursor:
        row = cursor.execute(
            "SELECT (SELECT count(*) FROM reports) AS reports, (SELECT count(*) FROM items) AS items,"
            " (SELECT count(*) FROM images) AS images,"
            " (SELECT count(DISTINCT item_id) FROM captures WHERE outcome = 'captured') AS captured,"
            " (SELECT count(DISTINCT (image_id, entry_id)) FROM matches WHERE kind = 'exact') AS exact,"
            " (SELECT count(DISTINCT (image_id, entry_id)) FROM matches WHERE kind = 'near') AS near,"
            " (SELECT count(*) FROM evidence_objects) AS kept,"
            " (SELECT count(*) FROM intake_objects WHERE deleted_at IS NOT NULL)"
            "  + (SELECT count(*) FROM evidence_destroyed WHERE object_gone) AS destroyed,"
            " (SELECT count(*) FROM items WHERE state = 'received') AS waiting"
        ).fetchone()
    if row is None:
        raise RuntimeError("a query of counts returned no row")
    return row


def count_refusals(conn: Connection) -> dict[str, int]:
    """Return how many items were refused or given up, by the reason in words."""
    rows = conn.execute(
        "SELECT reason, count(DISTINCT item_id) FROM captures WHERE outcome IN ('refused', 'gave_up')"
        " GROUP BY reason ORDER BY reason"
    ).fetchall()
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True)
class Ages:
    """How old the oldest thing of each kind is that should not grow old, in seconds; None without one."""

    oldest_received_s: float | None
    oldest_intake_s: float | None
    oldest_unsettled_evidence_s: float | None
    oldest_expired_evidence_s: float | None


def read_ages(conn: Connection, *, now: datetime, settled_before: datetime) -> Ages:
    """Return the ages that `hotline doctor` shows."""
    with conn.cursor(row_factory=row_of(Ages)) as cursor:
        row = cursor.execute(
            "SELECT (SELECT extract(epoch FROM %(now)s - min(moved_at))::float8 FROM items"
            "  WHERE state = 'received') AS oldest_received_s,"
            " (SELECT extract(epoch FROM %(now)s - min(created_at))::float8 FROM intake_objects"
            "  WHERE deleted_at IS NULL) AS oldest_intake_s,"
            " (SELECT extract(epoch FROM %(now)s - min(created_at))::float8 FROM evidence_objects"
            "  JOIN images ON images.id = image_id WHERE settled_at IS NULL) AS oldest_unsettled_evidence_s,"
            " (SELECT extract(epoch FROM %(before)s - min(settled_at))::float8 FROM evidence_objects"
            "  JOIN images ON images.id = image_id WHERE settled_at <= %(before)s) AS oldest_expired_evidence_s",
            {"now": now, "before": settled_before},
        ).fetchone()
    if row is None:
        raise RuntimeError("a query of ages returned no row")
    return row
