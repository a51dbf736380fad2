"""Hand-over notes: what who leaves an item tells who goes on with it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.ids import new_id
from triage.store.rows import Connection, row_of

LAST_NOTES = 3
MAX_WORDS = 1000


@dataclass(frozen=True, slots=True)
class NoteWords:
    """The words of a note; at most MAX_WORDS characters each, and not all of them empty."""

    done: str
    next: str
    watch_out: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said."""
        return not (self.done or self.next or self.watch_out)


@dataclass(frozen=True, slots=True)
class HandOverNote:
    """A note as it stands, with who wrote it."""

    name: str
    person_id: UUID
    done: str
    next: str
    watch_out: str
    written_at: datetime


def insert_note(conn: Connection, item_id: UUID, words: NoteWords, *, person_id: UUID, now: datetime) -> UUID:
    """Store a note, of the round in which its item is; return its id."""
    note_id = new_id()
    conn.execute(
        "INSERT INTO hand_over_notes (id, item_id, person_id, round, done, next, watch_out, written_at)"
        " SELECT %(id)s, id, %(person_id)s, round, %(done)s, %(next)s, %(watch_out)s, %(now)s"
        " FROM items WHERE id = %(item_id)s",
        {
            "id": note_id,
            "item_id": item_id,
            "person_id": person_id,
            "done": words.done,
            "next": words.next,
            "watch_out": words.watch_out,
            "now": now,
        },
    )
    return note_id


def read_notes(conn: Connection, item_id: UUID) -> list[HandOverNote]:
    """Return the last notes of an item, newest first; who could be its second assessor may not see them."""
    with conn.cursor(row_factory=row_of(HandOverNote)) as cursor:
        return cursor.execute(
            "SELECT persons.name, person_id, done, next, watch_out, written_at FROM hand_over_notes"
            " JOIN persons ON persons.id = person_id WHERE item_id = %(item_id)s"
            " ORDER BY written_at DESC, hand_over_notes.id DESC LIMIT %(limit)s",
            {"item_id": item_id, "limit": LAST_NOTES},
        ).fetchall()


def has_worked_on(conn: Connection, item_id: UUID, *, person_id: UUID, since: datetime) -> bool:
    """Whether a person looked at a picture of an item, or judged anything of it, since a moment."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM looks WHERE item_id = %(item_id)s AND person_id = %(person_id)s"
        "  AND started_at >= %(since)s AND fetched_at IS NOT NULL)"
        " OR EXISTS (SELECT FROM assessments WHERE person_id = %(person_id)s AND assessed_at >= %(since)s"
        "  AND (item_id = %(item_id)s OR image_id IN (SELECT image_id FROM (SELECT %(item_id)s::uuid AS item_id"
        "   UNION ALL SELECT child_id FROM shown_children WHERE parent_id = %(item_id)s) AS family"
        "   JOIN shown_images USING (item_id))))",
        {"item_id": item_id, "person_id": person_id, "since": since},
    ).fetchone()
    return bool(row and row[0])
