"""Items that somebody left to who goes on with them, with the note that they left. Reads only.

A note counts while its item waits in the round in which it was written and no newer note of it stands. It is listed to
nobody who wrote it, judged the item, passed over it or a picture of it, or could be its second assessor; and while
somebody has the item open to nobody else.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.store.rows import Connection, row_of

LOOKED_THROUGH = 500
"""Newest notes that are looked through for one page."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """An item with the newest note that was left on it.

    Attributes:
        name: who left it.
    """

    item_id: UUID
    name: str
    done: str
    next: str
    watch_out: str

    @property
    def first_line(self) -> str:
        """What is to be done next, else what to watch out for, else what was done: its first line."""
        words = next(said for one in (self.next, self.watch_out, self.done) if (said := one.strip()))
        return words.splitlines()[0].strip()


def list_handed_over(
    conn: Connection, person_id: UUID, *, decides: bool, now: datetime, limit: int
) -> list[HandOver]:
    """Return what a person who judges may go on with, the newest note first.

    Args:
        decides: whether they decide on what is disputed.
    """
    with conn.cursor(row_factory=row_of(HandOver)) as cursor:
        return cursor.execute(
            "WITH newest AS MATERIALIZED (SELECT id, item_id, person_id, round, done, next, watch_out, written_at"
            "  FROM hand_over_notes ORDER BY written_at DESC, id DESC LIMIT %(looked_through)s)"
            " SELECT items.id AS item_id, persons.name, newest.done, newest.next, newest.watch_out"
            " FROM newest JOIN items ON items.id = newest.item_id AND items.round = newest.round"
            " JOIN persons ON persons.id = newest.person_id"
            " WHERE newest.person_id <> %(person)s AND items.is_top_level"
            " AND (items.base_lane IN ('look', 'no_look', 'partner') OR items.base_lane = 'lead' AND %(decides)s)"
            " AND (NOT items.waits_second OR items.first_by IS NOT DISTINCT FROM %(person)s)"
            " AND NOT EXISTS (SELECT FROM hand_over_notes AS later WHERE later.item_id = items.id"
            "  AND (later.written_at, later.id) > (newest.written_at, newest.id))"
            " AND NOT EXISTS (SELECT FROM item_leases WHERE item_id = items.id AND ended_at IS NULL"
            "  AND is_live_lease(kept_at, until, %(now)s) AND person_id <> %(person)s)"
            " AND NOT EXISTS (SELECT FROM assessments WHERE assessments.item_id = items.id"
            "  AND assessments.round = items.round AND assessments.person_id = %(person)s)"
            " AND NOT EXISTS (SELECT FROM skips WHERE skips.item_id = items.id AND skips.round = items.round"
            "  AND skips.person_id = %(person)s)"
            " AND NOT EXISTS (SELECT FROM (SELECT items.id AS item_id"
            "   UNION ALL SELECT child_id FROM shown_children WHERE parent_id = items.id) AS family"
            "  JOIN shown_images USING (item_id) JOIN images ON images.id = shown_images.image_id"
            "  JOIN skips ON skips.image_id = images.id AND skips.round = images.round"
            "   AND skips.person_id = %(person)s)"
            " ORDER BY newest.written_at DESC, newest.id DESC LIMIT %(limit)s",
            {
                "person": person_id,
                "decides": decides,
                "now": now,
                "looked_through": LOOKED_THROUGH,
                "limit": limit,
            },
        ).fetchall()
