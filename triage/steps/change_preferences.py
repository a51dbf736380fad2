"""Change how one works at the console: in force with the next page."""

from datetime import datetime

from triage.model import Person
from triage.store import custody
from triage.store.custody import NewEvent, stream_of
from triage.store.preferences import Preferences, read_preferences, store_preferences
from triage.store.rows import Connection


def change_preferences(conn: Connection, chosen: Preferences, *, person: Person, now: datetime) -> bool:
    """Store what a person chose; return whether it differs from before."""
    if read_preferences(conn, person.id) == chosen:
        return False
    store_preferences(conn, person.id, chosen, now=now)
    stream = stream_of("person", person.id)
    body = {"reveal": chosen.reveal.value, "has_keys": chosen.has_keys}
    custody.append(conn, [NewEvent(stream, "preferences_changed", body)], actor=stream, now=now)
    return True
