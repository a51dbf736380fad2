"""Export what waits to be handed on: the reporters' own words, and a custody event on each item."""

from datetime import datetime

from triage.model import Person
from triage.store import custody, waiting_pages
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection
from triage.store.waiting_pages import HandOnItem, HandOnReport


def export_hand_on(
    conn: Connection, *, person: Person, now: datetime
) -> tuple[list[HandOnItem], list[HandOnReport]]:
    """Return the items that wait to be handed on and all their reports; nothing moves."""
    waiting = waiting_pages.list_hand_on(conn)
    events = [NewEvent(stream_of("item", item.id), "exported") for item in waiting]
    custody.append(conn, events, actor=f"person/{person.id}", now=now)
    return waiting, waiting_pages.read_hand_on_reports(conn, [item.id for item in waiting])
