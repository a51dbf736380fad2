"""What the queue shows of one lane, for one person. Reads only.

The second lane is blind: it does not list to a person what that person judged first, and nothing that the first
assessor said (not even that a child may be at risk) is read for it. A desk that acts on one assessor finds there
also what was acted on already and still shows a picture that was judged once.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.rules.states import ItemKind, ItemState, Lane
from triage.store.rows import Connection, row_of

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One item as the queue lists it.

    Attributes:
        reason: why it waits, in words; None for what was acted on already.
        is_urgent: a child may be at risk; in the second lane only if a report says so.
        pictures, known: distinct pictures of it and of its page, and how many of them are known.
    """

    id: UUID
    reference: str
    kind: ItemKind
    url: str | None
    file_name: str | None
    state: ItemState
    lane: Lane | None
    reason: str | None
    is_urgent: bool
    pictures: int
    known: int
    reports: int
    received_at: datetime


_REPORTED_DANGER = (
    "EXISTS (SELECT FROM report_items JOIN reports ON reports.id = report_id"
    " WHERE item_id = items.id AND reports.danger)"
)
_COLUMNS = (
    "SELECT items.id, items.reference, items.kind, items.url, items.file_name, items.state, items.lane,"
    " items.reason, items.received_at, "
)
_PAGE_AFTER = (
    # The last item of the page before may have left the lane by now; its place is known still.
    " page AS (SELECT * FROM candidates WHERE %(after)s::uuid IS NULL OR (NOT is_urgent, received_at, id) >"
    " (SELECT NOT "
)
_PAGE_SHOWN = (
    ", items.received_at, items.id FROM items WHERE items.id = %(after)s)"
    " ORDER BY NOT is_urgent, received_at, id LIMIT %(limit)s)"
    " SELECT page.id, page.reference, page.kind, page.url, page.file_name, page.state, page.lane, page.reason,"
    " page.is_urgent, shown.pictures, shown.known, page.received_at,"
    " (SELECT count(*) FROM report_items WHERE item_id = page.id) AS reports"
    " FROM page LEFT JOIN LATERAL ("
    "  SELECT count(*) AS pictures, count(*) FILTER (WHERE is_known) AS known FROM ("
    "   SELECT DISTINCT image_id, is_known FROM shown_images WHERE item_id = page.id"
    "   OR item_id IN (SELECT child_id FROM shown_children WHERE parent_id = page.id)) AS distinct_ones"
    " ) AS shown ON true ORDER BY NOT page.is_urgent, page.received_at, page.id"
)
_JUDGED_ONCE = (
    # What was judged once, and whether this person did it: images, and items that are judged themselves.
    "WITH judged AS ("
    " SELECT shown_images.item_id, EXISTS (SELECT FROM assessments WHERE assessments.image_id = images.id"
    "  AND assessments.round = images.round AND assessments.person_id = %(person)s) AS is_mine"
    " FROM images JOIN shown_images ON shown_images.image_id = images.id"
    " JOIN items ON items.id = shown_images.item_id"
    " WHERE images.state = 'judged_once' AND items.closed_as IS DISTINCT FROM 'not_judged'"
    " UNION ALL SELECT items.id, bool_or(assessments.person_id = %(person)s)"
    " FROM items JOIN assessments ON assessments.item_id = items.id AND assessments.round = items.round"
    " WHERE items.base_lane = 'second' GROUP BY items.id),"
    " top AS (SELECT item_id AS id, is_mine FROM judged"
    " UNION ALL SELECT parent_id, is_mine FROM shown_children JOIN judged ON judged.item_id = child_id),"
    " candidates AS ("
)
_FOR_SECOND = (
    " AS is_urgent FROM items WHERE items.is_top_level AND ("
    "  EXISTS (SELECT FROM top WHERE top.id = items.id AND NOT is_mine)"
    "  AND (items.lane = 'second' OR items.lane IS NULL AND items.state <> 'received')"
    "  OR items.lane = 'second' AND NOT EXISTS (SELECT FROM top WHERE top.id = items.id)))"
)
_WITH = "WITH candidates AS ("
_IN_LANE = " AS is_urgent FROM items WHERE items.is_top_level AND items.lane = %(lane)s),"
_DANGER = "items.danger"
_THEN = ","
_NUMBER = " SELECT count(*) FROM candidates"
_SECOND = _JUDGED_ONCE + _COLUMNS + _REPORTED_DANGER + _FOR_SECOND
_LIST_SECOND = _SECOND + _THEN + _PAGE_AFTER + _REPORTED_DANGER + _PAGE_SHOWN
_COUNT_SECOND = _SECOND + _NUMBER
_LIST_LANE = _WITH + _COLUMNS + _DANGER + _IN_LANE + _PAGE_AFTER + _DANGER + _PAGE_SHOWN


def list_lane(conn: Connection, lane: Lane, *, after: UUID | None, limit: int = PAGE_SIZE) -> list[QueueRow]:
    """Return the top-level items of a lane, danger first, then oldest first.

    Args:
        lane: any but the second, which is not the same for everybody.
        after: the last item of the page before.
    """
    with conn.cursor(row_factory=row_of(QueueRow)) as cursor:
        return cursor.execute(_LIST_LANE, {"lane": lane, "after": after, "limit": limit}).fetchall()


def list_second(
    conn: Connection, person_id: UUID, *, after: UUID | None, limit: int = PAGE_SIZE
) -> list[QueueRow]:
    """Return what waits for a second assessor, without what this person judged first."""
    with conn.cursor(row_factory=row_of(QueueRow)) as cursor:
        return cursor.execute(_LIST_SECOND, {"person": person_id, "after": after, "limit": limit}).fetchall()


def count_second(conn: Connection, person_id: UUID) -> int:
    """Return how many items `list_second` lists to this person, on all its pages."""
    row = conn.execute(_COUNT_SECOND, {"person": person_id}).fetchone()
    return int(row[0]) if row else 0
