"""Stop looking at once: a break, leaving everything by the panic key, the end of sessions. None asks for a reason.

1. Tokens that fetched nothing become useless, looks end with their milliseconds, opened items are free.
2. A break is noted, once for as long as it lasts; or that the person left at once, for themself and the auditor.
"""

from datetime import datetime, timedelta
from uuid import UUID

from triage.model import Person
from triage.rules.exposure import LEFT_AT_ONCE, ExposurePolicy, Standing
from triage.steps.lease_item import free_leases
from triage.steps.reveal_image import end_looks
from triage.steps.watch_exposure import read_standing
from triage.store import custody
from triage.store import exposure as store
from triage.store.custody import NewEvent, stream_of
from triage.store.people import find_person_by_id
from triage.store.rows import Connection


def leave_at_once(conn: Connection, person: Person, *, now: datetime, look_max_s: float) -> None:
    """End all that a person has open; it is never counted against them."""
    _stop(conn, person, now=now, look_max_s=look_max_s)
    stream = stream_of("person", person.id)
    custody.append(conn, [NewEvent(stream, LEFT_AT_ONCE)], actor=stream, now=now)


def begin_break(conn: Connection, person: Person, *, now: datetime, policy: ExposurePolicy) -> Standing:
    """Begin a break, or stay on the one that has begun; return where the person stands then."""
    _stop(conn, person, now=now, look_max_s=policy.look_max_s)
    store.lock_person(conn, person.id)
    standing = read_standing(conn, person.id, now=now, policy=policy)
    if standing.break_ends_at is not None:
        return standing
    store.insert_break(conn, person.id, now=now, ends_at=now + timedelta(seconds=policy.break_s))
    stream = stream_of("person", person.id)
    custody.append(conn, [NewEvent(stream, "break_begun")], actor=stream, now=now)
    return read_standing(conn, person.id, now=now, policy=policy)


def stop_with_sessions(conn: Connection, person_id: UUID, *, now: datetime, actor: str | None = None) -> None:
    """End all that a person has open whose sessions end; a look counts no longer than it could when it began.

    Args:
        actor: who sees to it, where it is not the person.
    """
    person = find_person_by_id(conn, person_id)
    if person is not None:
        _stop(conn, person, now=now, look_max_s=0.0, actor=actor)


def _stop(
    conn: Connection, person: Person, *, now: datetime, look_max_s: float, actor: str | None = None
) -> None:
    store.forget_tokens(conn, person.id)
    end_looks(conn, person, now=now, look_max_s=look_max_s, actor=actor)
    free_leases(conn, person.id, now=now, actor=actor)
