"""The one-time link by which the first admin comes in, while nobody can sign in as one."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from triage.model import Person, PersonRole
from triage.steps.change_persons import add_person
from triage.steps.sign_in import make_link
from triage.store.people import list_able_admins, list_persons
from triage.store.rows import Connection
from triage.store.sign_in import has_open_link

_ACTOR = "cli"


class Offer(StrEnum):
    """What there is to say to whoever starts the deployment.

    not_needed: an admin can sign in. made: here is a link. open: one was made before and is still good.
    name_taken: the name is that of somebody who is no admin, or is disabled.
    """

    NOT_NEEDED = "not_needed"
    MADE = "made"
    OPEN = "open"
    NAME_TAKEN = "name_taken"


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    """What came of an offer.

    Attributes:
        name: of the admin.
        token: of the link, where one was made.
    """

    offer: Offer
    name: str = ""
    token: str = field(default="", repr=False)


def offer_first_admin(conn: Connection, name: str, *, token: str, life_s: float, now: datetime) -> FirstAdmin:
    """Make the link of the first admin, unless an admin can sign in or has an open link.

    An admin who never joined gets the link; the person is made only where there is no admin at all.

    Args:
        name: of the person who is made.
        token: of the link, from `new_token`.
        life_s: seconds until it expires.

    Raises:
        NotAllowedError: the name is unfit.
    """
    if list_able_admins(conn):
        return FirstAdmin(Offer.NOT_NEEDED)
    persons = list_persons(conn)
    waiting = [one for one in persons if one.disabled_at is None and PersonRole.ADMIN in one.roles]
    for one in waiting:
        if has_open_link(conn, one.id, now=now):
            return FirstAdmin(Offer.OPEN, one.name)
    if waiting:
        chosen = _choose(waiting, name)
        make_link(conn, chosen.id, token=token, now=now, life_s=life_s, actor=_ACTOR)
        return FirstAdmin(Offer.MADE, chosen.name, token)
    if any(one.name.casefold() == name.casefold() for one in persons):
        return FirstAdmin(Offer.NAME_TAKEN, name)
    add_person(conn, name, [PersonRole.ADMIN], token=token, life_s=life_s, actor=_ACTOR, now=now)
    return FirstAdmin(Offer.MADE, name, token)


def _choose(persons: list[Person], name: str) -> Person:
    return next((one for one in persons if one.name == name), persons[0])
