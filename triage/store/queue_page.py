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
        is_low: every report of it looks like a machine's work; it stands last.
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
    is_low: bool
    pictures: int
    known: int
    reports: int
    received_at: datetime


def list_lane(conn: Connection, lane: Lane, *, after: UUID | None, limit: int = PAGE_SIZE) -> list[QueueRow]:
    """Return the top-level items of a lane, danger first, then oldest first; low ones after all others.

    Args:
        lane: any but the second, which is not the same for everybody.
        after: the last item of the page before; it may have left the lane by now, its place is known still.
    """
    rows = conn.execute(
        "SELECT id FROM items WHERE is_top_level AND lane = %(lane)s"
        " AND (%(after)s::uuid IS NULL OR (NOT danger, is_low AND NOT danger, received_at, id) >"
        " (SELECT NOT danger, is_low AND NOT danger, received_at, id FROM items WHERE id = %(after)s))"
        " ORDER BY NOT danger, is_low AND NOT danger, received_at, id LIMIT %(limit)s",
        {"lane": lane, "after": after, "limit": limit},
    ).fetchall()
    return _read_rows(conn, [row[0] for row in rows], is_blind=False)


def list_second(
    conn: Connection, person_id: UUID, *, after: UUID | None, limit: int = PAGE_SIZE
) -> list[QueueRow]:
    """Return what waits for a second assessor, without what this person judged first."""
    found = find_second(conn, person_id)
    start = found.index(after) + 1 if after in found else 0
    return _read_rows(conn, found[start : start + limit], is_blind=True)


def find_second(conn: Connection, person_id: UUID) -> list[UUID]:
    """Return the items that wait for a second assessor and were not judged first by this person, in order.

    Those are items whose image was judged once, pages that show such an item, and items that were judged once
    themselves. A desk that acts on one assessor has moved some of them on already, and a page may wait for a lead
    while another picture of it waits for its second assessor.
    """
    rows = conn.execute(
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
        " UNION ALL SELECT parent_id, is_mine FROM shown_children JOIN judged ON judged.item_id = child_id)"
        " SELECT items.id FROM items LEFT JOIN top ON top.id = items.id"
        " WHERE items.is_top_level AND (items.lane = 'second'"
        "  OR top.id IS NOT NULL AND items.state <> 'received' AND (items.lane IS NULL OR items.lane = 'lead'))"
        " GROUP BY items.id HAVING count(top.id) = 0 OR bool_or(NOT is_mine)"
        " ORDER BY NOT EXISTS (SELECT FROM report_items JOIN reports ON reports.id = report_id"
        "  WHERE item_id = items.id AND reports.danger), items.received_at, items.id",
        {"person": person_id},
    ).fetchall()
    return [row[0] for row in rows]


def _read_rows(conn: Connection, item_ids: list[UUID], *, is_blind: bool) -> list[QueueRow]:
    """Return the rows of these items, in their order."""
    with conn.cursor(row_factory=row_of(QueueRow)) as cursor:
        return cursor.execute(
            "SELECT items.id, items.reference, items.kind, items.url, items.file_name, items.state, items.lane,"
            " items.reason, items.received_at,"
            " CASE WHEN %(is_blind)s THEN EXISTS (SELECT FROM report_items JOIN reports ON reports.id = report_id"
            "  WHERE item_id = items.id AND reports.danger) ELSE items.danger END AS is_urgent,"
            " items.is_low AND (%(is_blind)s OR NOT items.danger) AS is_low,"
            " shown.pictures, shown.known,"
            " (SELECT count(*) FROM report_items WHERE item_id = items.id) AS reports"
            " FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS listed (id, place) JOIN items ON items.id = listed.id"
            " CROSS JOIN LATERAL ("
            "  SELECT count(*) AS pictures, count(*) FILTER (WHERE is_known) AS known FROM ("
            "   SELECT DISTINCT image_id, is_known FROM shown_images WHERE item_id = items.id"
            "   OR item_id IN (SELECT child_id FROM shown_children JOIN items AS child ON child.id = child_id"
            "    WHERE parent_id = items.id AND child.closed_as IS DISTINCT FROM 'too_small')) AS distinct_ones"
            " ) AS shown ORDER BY place",
            {"ids": item_ids, "is_blind": is_blind},
        ).fetchall()
