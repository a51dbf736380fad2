"""Where a person stands with what they may see; whether they may look; going on; what a lead allows for a day.

1. Read what is known of the person: looks, time in the look lane, breaks, sign-ins.
2. Rule (`rules/exposure.py`).
3. Before a look, all that under a lock of the person's row: two windows at the cap get one look.
"""

from datetime import date, datetime
from uuid import UUID

from triage.errors import InvalidReportError, LookRefusedError, NotAllowedError, UnknownThingError
from triage.model import Person
from triage.rules.exposure import (
    CEILING_LOOKS,
    CEILING_S,
    Exposure,
    ExposurePolicy,
    ExposureState,
    Standing,
    find_since,
    judge_exposure,
)
from triage.rules.look_time import find_day
from triage.rules.rights import Right, rights_of
from triage.store import custody
from triage.store import exposure as store
from triage.store.custody import NewEvent, stream_of
from triage.store.people import find_person_by_id
from triage.store.rows import Connection

__all__ = [
    "ExposurePolicy",
    "allow_for_today",
    "go_on",
    "read_known",
    "read_standing",
    "require_may_look",
    "require_offer",
]

MAX_REASON = 500
CHOOSE_YOURSELF = "You have seen much today: choose an item yourself, or work without pictures."


def read_known(conn: Connection, person_id: UUID, *, now: datetime, policy: ExposurePolicy) -> Exposure:
    """Return what is known of a person."""
    since = find_since(now)
    return store.read_exposure(conn, person_id, now=now, since=since, look_max_s=policy.look_max_s)


def read_standing(conn: Connection, person_id: UUID, *, now: datetime, policy: ExposurePolicy) -> Standing:
    """Return where a person stands now."""
    return judge_exposure(read_known(conn, person_id, now=now, policy=policy), policy, now=now)


def require_may_look(conn: Connection, person: Person, *, now: datetime, policy: ExposurePolicy) -> None:
    """Refuse a look that is too much; holds the person's row until the transaction ends.

    Raises:
        LookRefusedError: says why.
    """
    store.lock_person(conn, person.id)
    standing = read_standing(conn, person.id, now=now, policy=policy)
    if not standing.is_look_open:
        raise LookRefusedError(standing.sentence)


def require_offer(conn: Connection, person: Person, *, now: datetime, policy: ExposurePolicy) -> None:
    """Refuse to offer somebody the next item of a lane with pictures; which they open themself is another thing.

    Raises:
        LookRefusedError: says why.
    """
    standing = read_standing(conn, person.id, now=now, policy=policy)
    if not standing.is_offered:
        raise LookRefusedError(standing.sentence or CHOOSE_YOURSELF)


def go_on(conn: Connection, person: Person, *, now: datetime, policy: ExposurePolicy) -> None:
    """Note that a person goes on beyond the soft cap.

    Raises:
        NotAllowedError: they are not at it.
    """
    store.lock_person(conn, person.id)
    standing = read_standing(conn, person.id, now=now, policy=policy)
    if standing.state is not ExposureState.SOFT:
        raise NotAllowedError("There is nothing to go on with now.")
    store.insert_go_on(
        conn,
        person.id,
        day=standing.day,
        seconds=standing.lane_s_today,
        looks=standing.looks_today,
        now=now,
    )
    stream = stream_of("person", person.id)
    body = {"seconds": standing.lane_s_today, "looks": standing.looks_today}
    custody.append(conn, [NewEvent(stream, "went_on", body)], actor=stream, now=now)


def allow_for_today(
    conn: Connection, person_id: UUID, *, minutes: int, looks: int, reason: str, lead: Person, now: datetime
) -> date:
    """Let a person look more or less than the hard caps say, for the rest of this local day; return that day.

    Args:
        minutes: in the look lane, of the whole day; at most five hours.
        looks: of the whole day.
        reason: the person reads it.

    Raises:
        NotAllowedError: it is the lead's own cap, above the ceiling, or without a reason; or they may not.
        UnknownThingError: there is nobody who looks.
    """
    person = require_looker(conn, person_id, lead=lead, reason=reason)
    seconds = minutes * 60
    if not (0 <= seconds <= CEILING_S and 0 <= looks <= CEILING_LOOKS):
        raise NotAllowedError("Nobody sees pictures for more than five hours or 600 looks on one day.")
    day = find_day(now)
    store.lock_person(conn, person.id)
    store.insert_override(
        conn,
        person.id,
        day=day,
        seconds=seconds,
        looks=looks,
        reason=reason.strip(),
        made_by=lead.id,
        now=now,
    )
    event = NewEvent(stream_of("person", person.id), "exposure_allowed", {"seconds": seconds, "looks": looks})
    custody.append(conn, [event], actor=stream_of("person", lead.id), now=now)
    return day


def require_looker(conn: Connection, person_id: UUID, *, lead: Person, reason: str) -> Person:
    """Return another person who looks, for a lead with a reason.

    Raises:
        NotAllowedError: it is the lead themself, there is no reason, or they may not.
        InvalidReportError: the reason is too long.
        UnknownThingError: there is no such person.
    """
    if Right.SEE_WELFARE not in rights_of(lead.roles):
        raise NotAllowedError("Your role does not include this.")
    person = find_person_by_id(conn, person_id)
    if person is None or not rights_of(person.roles) & {Right.LOOK}:
        raise UnknownThingError("There is no person of that name.")
    if person.id == lead.id:
        raise NotAllowedError(
            "Your own figures are on your first page; another lead decides about your caps."
        )
    if not reason.strip():
        raise NotAllowedError("Say why: the person reads it.")
    if len(reason.strip()) > MAX_REASON or "\0" in reason:
        raise InvalidReportError("The form cannot be read.")
    return person
