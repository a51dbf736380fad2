"""Disabling a person, at once and for every session, and enabling them again."""

from datetime import datetime

from triage.errors import NotAllowedError, UnknownThingError
from triage.model import Person
from triage.store import custody
from triage.store.custody import NewEvent, stream_of
from triage.store.people import change_disabled, find_person
from triage.store.rows import Connection
from triage.store.sign_in import end_sessions


def require_person(conn: Connection, name: str) -> Person:
    """Return a person by name.

    Raises:
        UnknownThingError: nobody has this name.
    """
    person = find_person(conn, name)
    if person is None:
        raise UnknownThingError("There is no person of that name.")
    return person


def disable_person(conn: Connection, name: str, *, actor: str, now: datetime) -> int:
    """Keep a person out and end their sessions; return how many there were.

    Raises:
        UnknownThingError: nobody has this name.
        NotAllowedError: the person is disabled already.
    """
    person = require_person(conn, name)
    if not change_disabled(conn, person.id, disabled_at=now):
        raise NotAllowedError("This person is disabled already.")
    ended = end_sessions(conn, person.id, now=now)
    event = NewEvent(stream_of("person", person.id), "disabled", {"sessions_ended": ended})
    custody.append(conn, [event], actor=actor, now=now)
    return ended


def enable_person(conn: Connection, name: str, *, actor: str, now: datetime) -> None:
    """Let a disabled person sign in again, with the credentials they had.

    Raises:
        UnknownThingError: nobody has this name.
        NotAllowedError: the person is not disabled.
    """
    person = require_person(conn, name)
    if not change_disabled(conn, person.id, disabled_at=None):
        raise NotAllowedError("This person is not disabled.")
    custody.append(conn, [NewEvent(stream_of("person", person.id), "enabled")], actor=actor, now=now)
