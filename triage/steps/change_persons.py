"""Adding people, their one-time links, their roles, and keeping them out: at once and for every session.

Whoever changes people does so one after the other: the rows of all persons are held first, so that two admins
cannot take each other out at the same moment and leave nobody who could let anybody in.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import psycopg

from triage.errors import NotAllowedError, UnknownThingError
from triage.model import Person, PersonRole
from triage.rules.rights import SEES_IMAGES, Right, rights_of
from triage.steps.sign_in import make_link
from triage.steps.stop_looking import stop_with_sessions
from triage.store import custody, people
from triage.store.custody import Body, NewEvent, stream_of
from triage.store.rows import Connection
from triage.store.sign_in import end_sessions

LAST_ADMIN = "This is the last admin who can sign in: make another one first."


def require_person(conn: Connection, name: str) -> Person:
    """Return a person by name.

    Raises:
        UnknownThingError: nobody has this name.
    """
    person = people.find_person(conn, name)
    if person is None:
        raise UnknownThingError("There is no person of that name.")
    return person


def add_person(
    conn: Connection,
    name: str,
    roles: Collection[PersonRole],
    *,
    token: str,
    life_s: float,
    actor: str,
    now: datetime,
) -> UUID:
    """Add a person, and the one-time link by which they join.

    Args:
        token: of the link, from `new_token`.
        life_s: seconds until it expires.
        actor: cli, or person/UUID of who adds them.

    Raises:
        NotAllowedError: the name is taken or unfit, the roles contradict, or this person may not.
    """
    _hold(conn, actor)
    _check_roles(roles)
    if people.is_name_taken(conn, name):
        raise NotAllowedError("There is a person of that name already.")
    chosen = sorted(set(roles))
    try:
        person_id = people.insert_person(conn, name, chosen, now=now)
    except psycopg.errors.UniqueViolation:
        raise NotAllowedError("There is a person of that name already.") from None
    except psycopg.errors.CheckViolation:
        raise NotAllowedError("A name is 1-63 letters, digits, spaces, dots, dashes, underscores.") from None
    event = NewEvent(stream_of("person", person_id), "added", {"roles": ",".join(chosen)})
    custody.append(conn, [event], actor=actor, now=now)
    make_link(conn, person_id, token=token, now=now, life_s=life_s, actor=actor)
    return person_id


def renew_link(
    conn: Connection, name: str, *, token: str, life_s: float, actor: str, now: datetime
) -> Person:
    """Make a new one-time link for a person; the ones before count no more. Return the person.

    Only for who never joined: a link takes the place of every way in, and nobody alone and unseen must be able to
    become somebody else. See `recover_person.py`.

    Raises:
        UnknownThingError: nobody has this name.
        NotAllowedError: the person is disabled, has joined, or this person may not.
    """
    _hold(conn, actor)
    person = require_person(conn, name)
    if person.disabled_at is not None:
        raise NotAllowedError("This person is disabled: enable them first.")
    if people.has_way_in(conn, person.id):
        raise NotAllowedError(
            "This person has joined: two people recover them, or `hotline user recover` on the machine."
        )
    make_link(conn, person.id, token=token, now=now, life_s=life_s, actor=actor)
    return person


def disable_person(conn: Connection, name: str, *, actor: str, now: datetime) -> int:
    """Keep a person out and end their sessions; return how many there were.

    Raises:
        UnknownThingError: nobody has this name.
        NotAllowedError: the person is disabled already, is the last admin, or this person may not.
    """
    _hold(conn, actor)
    person = require_person(conn, name)
    if actor == stream_of("person", person.id):
        raise NotAllowedError("Nobody disables themself: another admin does.")
    if person.disabled_at is not None:
        raise NotAllowedError("This person is disabled already.")
    if _is_last_admin(conn, person):
        raise NotAllowedError(LAST_ADMIN)
    people.change_disabled(conn, person.id, disabled_at=now)
    ended = end_sessions(conn, person.id, now=now)
    stop_with_sessions(conn, person.id, now=now, actor=actor)
    event = NewEvent(stream_of("person", person.id), "disabled", {"sessions_ended": ended})
    custody.append(conn, [event], actor=actor, now=now)
    return ended


def enable_person(conn: Connection, name: str, *, actor: str, now: datetime) -> None:
    """Let a disabled person sign in again, with the credentials they had.

    Raises:
        UnknownThingError: nobody has this name.
        NotAllowedError: the person is not disabled, or this person may not.
    """
    _hold(conn, actor)
    person = require_person(conn, name)
    if not people.change_disabled(conn, person.id, disabled_at=None):
        raise NotAllowedError("This person is not disabled.")
    end_sessions(conn, person.id, now=now)  # of who was signing in at the moment that kept them out
    custody.append(conn, [NewEvent(stream_of("person", person.id), "enabled")], actor=actor, now=now)


def change_roles(
    conn: Connection, name: str, roles: Collection[PersonRole], *, actor: str, now: datetime
) -> int:
    """Give a person these roles and no others, and end their sessions; return how many there were.

    Raises:
        UnknownThingError: nobody has this name.
        NotAllowedError: the roles contradict or are what they were, the person is the last admin or the one who
            asks, or this person may not.
    """
    _hold(conn, actor)
    person = require_person(conn, name)
    if actor == stream_of("person", person.id):
        raise NotAllowedError("Nobody changes their own roles: another admin does.")
    _check_roles(roles)
    before, after = set(person.roles), set(roles)
    if before == after:
        raise NotAllowedError("The person has these roles already.")
    if PersonRole.ADMIN not in after and _is_last_admin(conn, person):
        raise NotAllowedError(LAST_ADMIN)
    people.replace_roles(conn, person.id, gone=sorted(before - after), come=sorted(after - before))
    ended = end_sessions(conn, person.id, now=now)
    stop_with_sessions(conn, person.id, now=now, actor=actor)
    body: Body = {
        "before": ",".join(sorted(before)),
        "after": ",".join(sorted(after)),
        "sessions_ended": ended,
    }
    custody.append(
        conn, [NewEvent(stream_of("person", person.id), "roles_changed", body)], actor=actor, now=now
    )
    return ended


def _is_in_console(actor: str) -> bool:
    return actor.startswith("person/")


def _hold(conn: Connection, actor: str) -> None:
    """Hold all persons, and ask again whether the one who asks may: they may have been disabled since."""
    people.hold_persons(conn)
    if not _is_in_console(actor):
        return
    asking = people.find_person_by_id(conn, UUID(actor.removeprefix("person/")))
    if asking is None or asking.disabled_at is not None or Right.MANAGE_PEOPLE not in rights_of(asking.roles):
        raise NotAllowedError("Your role does not include this.")


def _check_roles(roles: Collection[PersonRole]) -> None:
    if not roles:
        raise NotAllowedError("Choose at least one role.")
    if PersonRole.ADMIN in roles and SEES_IMAGES & set(roles):
        raise NotAllowedError("An admin cannot also be an analyst or a lead: admins see no images.")


def _is_last_admin(conn: Connection, person: Person) -> bool:
    """Whether nobody who can sign in would be an admin without this person, who can."""
    able = people.list_able_admins(conn)
    return able == [person.id]
