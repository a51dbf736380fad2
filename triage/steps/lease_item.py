"""Leases: one person works on one opened item, for a quarter of an hour that each act and each heartbeat renews.

1. Open: an item that waits for a person, on which something is left for this one, and that nobody else has open.
2. Act or tell that one is there: the time begins anew.
3. Leave: the item is free at once. Whoever says nothing is gone when the time is over, and so nothing is ever held up
   for longer than that.
"""

from datetime import datetime, timedelta
from uuid import UUID

from triage.errors import (
    HeldByOtherError,
    NotAllowedError,
    NotLeasedError,
    StaleStateError,
    UnknownThingError,
)
from triage.model import Person
from triage.rules.leases import HELD_AT_MOST, can_be_opened, may_be_offered
from triage.rules.rights import Right, rights_of
from triage.rules.states import Lane
from triage.store import custody, leases
from triage.store.custody import NewEvent, stream_of
from triage.store.leases import Lease
from triage.store.rows import Connection

_TRIES = 20


def take_lease(conn: Connection, item_id: UUID, *, person: Person, now: datetime, life_s: float) -> Lease:
    """Open an item for a person, or keep it open.

    Args:
        life_s: seconds that it stays open without a sign of life, 300 to 1800.

    Raises:
        HeldByOtherError: somebody else has it open.
        NotAllowedError: nothing on it is left for this person; it would only be kept from others.
        StaleStateError: it does not wait for anybody.
        UnknownThingError: there is no such item.
    """
    item = leases.read_leasable(conn, item_id)
    if item is None:
        raise UnknownThingError("There is no such item.")
    if not can_be_opened(item.state, waits_second=item.waits_second):
        raise StaleStateError
    life = timedelta(seconds=life_s)
    if not leases.keep_lease(conn, item_id, person.id, now=now, life=life):
        if not leases.has_left(conn, item_id, person.id, decides=Right.DECIDE in rights_of(person.roles)):
            raise NotAllowedError("Nothing on this item is left for you to judge.")
        if not _open(conn, item_id, person, lane=item.lane or Lane.SECOND, now=now, life=life):
            raise HeldByOtherError
    return _read_back(conn, item_id, person, now)


def take_next(
    conn: Connection,
    lane: Lane,
    *,
    person: Person,
    now: datetime,
    life_s: float,
    after: UUID | None = None,
) -> UUID | None:
    """Open the best item of a lane that nobody else has open and that a person may judge.

    What this person judged, passed over or judged first is not offered, nor the lead's lane to who is none.

    Args:
        after: the item that they come from: it is left, and not offered again by this.

    Returns:
        The item; None when there is none.
    """
    if after is not None:
        free_leases(conn, person.id, now=now, item_id=after)
    if not may_be_offered(lane, person.roles):
        return None
    passed = [after] if after is not None else []
    life, decides = timedelta(seconds=life_s), Right.DECIDE in rights_of(person.roles)
    for _ in range(_TRIES):
        item_id = leases.lock_next(conn, lane, person_id=person.id, decides=decides, now=now, passed=passed)
        if item_id is None:
            return None
        if leases.keep_lease(conn, item_id, person.id, now=now, life=life) or _open(
            conn, item_id, person, lane=lane, now=now, life=life
        ):
            return item_id
        passed.append(item_id)  # somebody else was a moment earlier
    return None


def keep_lease(conn: Connection, item_id: UUID, *, person: Person, now: datetime, life_s: float) -> bool:
    """Keep an item open; False when this person does not have it open any more."""
    return leases.keep_lease(conn, item_id, person.id, now=now, life=timedelta(seconds=life_s))


def require_lease(conn: Connection, item_id: UUID, *, person: Person, now: datetime, life_s: float) -> None:
    """Refuse an act on an item that this person does not have open; the act keeps it open.

    Raises:
        NotLeasedError: they do not, or not any more.
    """
    if not keep_lease(conn, item_id, person=person, now=now, life_s=life_s):
        raise NotLeasedError


def free_leases(
    conn: Connection, person_id: UUID, *, now: datetime, item_id: UUID | None = None, actor: str | None = None
) -> int:
    """Leave one item, or all that a person has open; return how many there were.

    Args:
        actor: who sees to it, where it is not the person.
    """
    left = leases.end_leases(conn, now=now, person_id=person_id, item_id=item_id)
    events = [NewEvent(stream_of("item", one), "left") for one in left]
    custody.append(conn, events, actor=actor or stream_of("person", person_id), now=now)
    return len(left)


def free_item(conn: Connection, item_id: UUID, *, person: Person, now: datetime) -> None:
    """Free an item that somebody else has open: a lead's act, for one who went away.

    Raises:
        NotAllowedError: this person is no lead, or nobody has it open.
    """
    if Right.DECIDE not in rights_of(person.roles):
        raise NotAllowedError("Your role does not include this.")
    lease = leases.find_lease(conn, item_id, now)
    if lease is None:
        raise NotAllowedError("Nobody has this item open.")
    leases.end_leases(conn, now=now, as_="freed", item_id=item_id)
    event = NewEvent(stream_of("item", item_id), "freed", {"held_by": str(lease.person_id)})
    custody.append(conn, [event], actor=stream_of("person", person.id), now=now)


def _open(
    conn: Connection, item_id: UUID, person: Person, *, lane: Lane, now: datetime, life: timedelta
) -> bool:
    expired = leases.end_expired(conn, item_id, now=now)
    if not leases.insert_lease(conn, item_id, person.id, lane=lane, now=now, life=life):
        return False
    stream = stream_of("item", item_id)
    if expired is not None:
        custody.append(
            conn,
            [NewEvent(stream, "left", {"as": "expired"})],
            actor=stream_of("person", expired),
            now=now,
        )
    custody.append(
        conn,
        [NewEvent(stream, "opened", {"lane": lane.value})],
        actor=stream_of("person", person.id),
        now=now,
    )
    # Never the one just opened: after a clock was set back it looks like the oldest.
    others = [one for one in leases.list_held(conn, person.id, now=now) if one != item_id]
    for oldest in others[: 1 - HELD_AT_MOST]:
        free_leases(conn, person.id, now=now, item_id=oldest)
    return True


def _read_back(conn: Connection, item_id: UUID, person: Person, now: datetime) -> Lease:
    lease = leases.find_lease(conn, item_id, now)
    if lease is None or lease.person_id != person.id:
        raise NotLeasedError
    return lease
