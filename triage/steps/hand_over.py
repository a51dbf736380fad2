"""Leave an item that one has open: it is free for others at once, and whoever goes on with it finds a note.

A note is asked of who worked on it and leaves work behind. A break and the panic key never ask: they free leases
themselves.
"""

from datetime import datetime
from uuid import UUID

from triage.errors import NotAllowedError
from triage.model import Person
from triage.steps.lease_item import free_leases
from triage.store import custody
from triage.store.custody import NewEvent, stream_of
from triage.store.hand_over_notes import NoteWords, has_worked_on, insert_note
from triage.store.leases import find_lease
from triage.store.rows import Connection


def leave_item(
    conn: Connection, item_id: UUID, words: NoteWords, *, person: Person, has_work: bool, now: datetime
) -> None:
    """Free an item that a person has open, with a note for who goes on; without a lease nothing happens.

    Args:
        has_work: whether something on it still waits for this person.

    Raises:
        NotAllowedError: they worked on it, leave work behind and wrote nothing.
    """
    lease = find_lease(conn, item_id, now)
    if lease is None or lease.person_id != person.id:
        return
    if not words.is_empty:
        note_id = insert_note(conn, item_id, words, person_id=person.id, now=now)
        event = NewEvent(stream_of("item", item_id), "hand_over_noted", {"note": str(note_id)})
        custody.append(conn, [event], actor=stream_of("person", person.id), now=now)
    elif has_work and has_worked_on(conn, item_id, person_id=person.id, since=lease.taken_at):
        raise NotAllowedError("You worked on this item: leave a note for who goes on with it.")
    free_leases(conn, person.id, now=now, item_id=item_id)
