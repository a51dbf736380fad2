"""Take a copy of the events of one item and of the files that it showed; that is itself an event of the item."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from triage.errors import NotAllowedError
from triage.model import Person
from triage.rules.rights import Right, rights_of
from triage.store import custody
from triage.store.custody import CustodyEvent, NewEvent, stream_of
from triage.store.rows import Connection

MAX_EXPORT = 20_000
"""Most events of one copy."""


def export_custody(
    conn: Connection, item_id: UUID, streams: Sequence[str], *, person: Person, now: datetime
) -> list[CustodyEvent]:
    """Return all events of these streams, stream by stream, oldest first, and note that they were taken.

    Args:
        streams: of the item and its files; the item must exist.

    Raises:
        NotAllowedError: this person may not, or there are more than MAX_EXPORT.
    """
    if Right.EXPORT not in rights_of(person.roles):
        raise NotAllowedError("Your role does not include this.")
    if custody.count_chain(conn, streams) > MAX_EXPORT:
        raise NotAllowedError("There are too many events for one file: use the audit search.")
    events = [event for stream in streams for event in custody.read_stream(conn, stream)]
    taken = NewEvent(stream_of("item", item_id), "custody_exported", {"events": len(events)})
    custody.append(conn, [taken], actor=f"person/{person.id}", now=now)
    return events
