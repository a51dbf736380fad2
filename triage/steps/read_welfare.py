"""Figures of welfare: the sums of all for a lead; one person's for themself, or for a lead with a reason.

Whoever else looks at one person's figures leaves their name and reason, and that person reads them.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from triage.errors import NotAllowedError
from triage.model import Person
from triage.rules.exposure import ExposurePolicy, Since
from triage.rules.look_time import find_day_span
from triage.rules.rights import Right, rights_of
from triage.rules.welfare import DayFigures, DayTotals, add_up, figure_days, list_days
from triage.steps.watch_exposure import require_looker
from triage.store import custody, welfare
from triage.store.custody import NewEvent, stream_of
from triage.store.exposure import read_exposure
from triage.store.rows import Connection


def read_own_figures(
    conn: Connection, person_id: UUID, *, now: datetime, policy: ExposurePolicy
) -> list[DayFigures]:
    """Return a person's last days, newest first; for that person."""
    first = _find_first(now)
    since = Since(first, first)
    known = read_exposure(conn, person_id, now=now, since=since, look_max_s=policy.look_max_s)
    return figure_days(known, policy, now=now)


def read_totals(
    conn: Connection, *, lead: Person, now: datetime, policy: ExposurePolicy
) -> Sequence[DayTotals]:
    """Return the last days of everybody, newest first.

    Raises:
        NotAllowedError: this person may not.
    """
    if Right.SEE_WELFARE not in rights_of(lead.roles):
        raise NotAllowedError("Your role does not include this.")
    avoided = welfare.count_avoided(conn, since=_find_first(now))
    people = {
        one.id: read_own_figures(conn, one.id, now=now, policy=policy) for one in welfare.list_lookers(conn)
    }
    return add_up(people, avoided, reader_id=lead.id)


def read_figures_of(
    conn: Connection, person_id: UUID, *, reason: str, lead: Person, now: datetime, policy: ExposurePolicy
) -> tuple[Person, list[DayFigures]]:
    """Return another person's last days, and note for that person who looked at them and why.

    Raises:
        NotAllowedError: there is no reason, or this person may not.
        UnknownThingError: there is nobody who looks.
    """
    person = require_looker(conn, person_id, lead=lead, reason=reason)
    welfare.insert_figures_seen(conn, person.id, seen_by=lead.id, reason=reason.strip(), now=now)
    event = NewEvent(stream_of("person", person.id), "figures_seen")
    custody.append(conn, [event], actor=stream_of("person", lead.id), now=now)
    return person, read_own_figures(conn, person.id, now=now, policy=policy)


def _find_first(now: datetime) -> datetime:
    """Return when the first day that is shown began."""
    return find_day_span(list_days(now)[-1]).begins_at
