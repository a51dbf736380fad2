"""Who works here: their roles and ways in; admins add people, give them other roles, and keep them out.

A one-time link is shown on the answer to the form that made it, and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.party import write_join_address
from api.console.refusals import NOTHING_REFUSED, Refused, try_work
from api.console.render import render
from api.console.signed_in import Form, get_form, get_signed_in
from triage.clock import utcnow
from triage.errors import NotAllowedError, UnknownThingError
from triage.model import PersonRole
from triage.steps import change_persons
from triage.steps.sign_in import new_token
from triage.store.people import find_person_by_id, list_summaries
from triage.store.rows import Connection

router = APIRouter()


@dataclass(frozen=True, slots=True)
class _ShownLink:
    """A link that was just made.

    Attributes:
        address: shown this once.
        is_new: whether the person was added with it.
    """

    name: str
    address: str = field(repr=False)
    until: datetime
    is_new: bool


@router.get("/people")
def show_people(request: Request) -> Response:
    """List the people, with the form to add one."""
    return _show_people(request)


def _show_people(
    request: Request,
    refused: Refused = NOTHING_REFUSED,
    *,
    chosen: tuple[str, ...] = (),
    link: _ShownLink | None = None,
) -> Response:
    return render(
        request,
        "people.html",
        status=refused.status,
        error=refused.error,
        persons=get_staff(request).database.run(list_summaries),
        roles=list(PersonRole),
        typed=refused.fill(name=""),
        chosen=chosen,
        link=link,
    )


@router.get("/people/{person_id}")
def show_person(request: Request, person_id: UUID) -> Response:
    """Show one person, with what may be changed of them."""
    return _show_person(request, person_id)


def _show_person(
    request: Request,
    person_id: UUID,
    refused: Refused = NOTHING_REFUSED,
    *,
    link: _ShownLink | None = None,
) -> Response:
    found = get_staff(request).database.run(lambda conn: list_summaries(conn, person_id))
    if not found:
        raise UnknownThingError("There is no person of that name.")
    return render(
        request,
        "person.html",
        status=refused.status,
        error=refused.error,
        person=found[0],
        is_self=person_id == get_signed_in(request).person.id,
        roles=list(PersonRole),
        link=link,
    )


@router.post("/people")
def add(request: Request) -> Response:
    """Add a person; the answer shows the one-time link."""
    form, now, token = get_form(request), utcnow(), new_token()
    name = " ".join(form.get("name").split())
    life_s = get_staff(request).settings.join_link_s

    def work(conn: Connection) -> UUID:
        return change_persons.add_person(
            conn,
            name,
            _read_roles(form),
            token=token,
            life_s=life_s,
            actor=get_signed_in(request).actor,
            now=now,
        )

    added = try_work(request, work, typed={"name": name})
    if isinstance(added, Refused):
        return _show_people(request, added, chosen=tuple(form.list("role")))
    return _show_people(request, link=_show_link(request, name, token, now, life_s, is_new=True))


@router.post("/people/{person_id}/link")
def renew_link(request: Request, person_id: UUID) -> Response:
    """Make a new one-time link for somebody who never joined; the answer shows it."""
    now, token = utcnow(), new_token()
    life_s = get_staff(request).settings.join_link_s

    def work(conn: Connection) -> str:
        name = _find_name(conn, person_id)
        actor = get_signed_in(request).actor
        return change_persons.renew_link(conn, name, token=token, life_s=life_s, actor=actor, now=now).name

    name = try_work(request, work)
    if isinstance(name, Refused):
        return _show_person(request, person_id, name)
    link = _show_link(request, name, token, now, life_s, is_new=False)
    return _show_person(request, person_id, link=link)


@router.post("/people/{person_id}/disable")
def disable(request: Request, person_id: UUID) -> Response:
    """Keep a person out, and end their sessions."""
    actor, now = get_signed_in(request).actor, utcnow()

    def work(conn: Connection) -> None:
        change_persons.disable_person(conn, _find_name(conn, person_id), actor=actor, now=now)

    return _do(request, person_id, work)


@router.post("/people/{person_id}/enable")
def enable(request: Request, person_id: UUID) -> Response:
    """Let a disabled person in again."""
    actor, now = get_signed_in(request).actor, utcnow()

    def work(conn: Connection) -> None:
        change_persons.enable_person(conn, _find_name(conn, person_id), actor=actor, now=now)

    return _do(request, person_id, work)


@router.post("/people/{person_id}/roles")
def change_roles(request: Request, person_id: UUID) -> Response:
    """Give a person these roles and no others; their sessions end."""
    form, actor, now = get_form(request), get_signed_in(request).actor, utcnow()

    def work(conn: Connection) -> None:
        name = _find_name(conn, person_id)
        change_persons.change_roles(conn, name, _read_roles(form), actor=actor, now=now)

    return _do(request, person_id, work)


def _do(request: Request, person_id: UUID, work: Callable[[Connection], None]) -> Response:
    refused = try_work(request, work)
    if refused:
        return _show_person(request, person_id, refused)
    return RedirectResponse(f"/people/{person_id}", HTTPStatus.SEE_OTHER)


def _find_name(conn: Connection, person_id: UUID) -> str:
    person = find_person_by_id(conn, person_id)
    if person is None:
        raise UnknownThingError("There is no person of that name.")
    return person.name


def _read_roles(form: Form) -> set[PersonRole]:
    try:
        return {PersonRole(text) for text in form.list("role")}
    except ValueError:
        raise NotAllowedError("Choose at least one role.") from None


def _show_link(
    request: Request, name: str, token: str, now: datetime, life_s: float, *, is_new: bool
) -> _ShownLink:
    address = write_join_address(request, token)
    return _ShownLink(name, address, now + timedelta(seconds=life_s), is_new)
