"""Of what a person could still be the second assessor: nothing of the first may reach them. Reads only.

It is the rule of the second lane, and of the review page (`api/console/review_view.py`), for many items at once.
"""

from collections.abc import Sequence
from uuid import UUID

from triage.store.rows import Connection


def find_blind(conn: Connection, item_ids: Sequence[UUID], person_id: UUID) -> frozenset[UUID]:
    """Return those of the items of which this person, who may assess, could still be the second assessor.

    Those are items that wait for a second word, on themselves or on what they show, and not after this person's alone;
    the database keeps what it says of that (migration 0023) true at each commit.
    """
    rows = conn.execute(
        "SELECT id FROM items WHERE id = ANY(%(ids)s) AND waits_second"
        " AND first_by IS DISTINCT FROM %(person)s ORDER BY id",
        {"ids": list(item_ids), "person": person_id},
    ).fetchall()
    return frozenset(row[0] for row in rows)


def find_blind_images(conn: Connection, image_ids: Sequence[UUID], person_id: UUID) -> frozenset[UUID]:
    """Return those of the images that somebody else judged once, wherever they are shown."""
    rows = conn.execute(
        "SELECT id FROM images WHERE id = ANY(%(ids)s) AND state = 'judged_once' AND NOT EXISTS ("
        "  SELECT FROM assessments WHERE image_id = images.id AND assessments.round = images.round"
        "  AND person_id = %(person)s) ORDER BY id",
        {"ids": list(image_ids), "person": person_id},
    ).fetchall()
    return frozenset(row[0] for row in rows)
