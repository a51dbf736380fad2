"""Letting a person in again who lost all ways in: who asked, who approved, and for 30 days everybody sees it.

The link is in the answer to the approval and nowhere else: it is stored as a digest, and no page shows it twice.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.party import write_join_address
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import render
from api.console.signed_in import get_form, get_signed_in
from triage.clock import utcnow
from triage.errors import HotlineError, UnknownThingError
from triage.ids import new_id
from triage.rules.recovery import SHOWN_FOR, RecoveryState
from triage.rules.rights import Right
from triage.steps.recover_person import approve_recovery, ask_recovery, refuse_recovery
from triage.steps.sign_in import new_token
from triage.store.people import list_persons
from triage.store.recoveries import Recovery, list_recoveries
from triage.store.rows import Connection

router = APIRouter()

SHOWN_AT_MOST = 200
_REFUSALS_OF_ASKING: tuple[type[HotlineError], ...] = (*REFUSALS, UnknownThingError)


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that is shown once."""

    name: str
    address: str = field(repr=False)
    expires_at: datetime


@router.get("/recovery")
def show_recovery(request: Request) -> Response:
    """Show what waits and what was done."""
    return _show(request)


def _show(
    request: Request, *, status: int = HTTPStatus.OK, error: str = "", link: NewLink | None = None
) -> Response:
    signed_in, now = get_signed_in(request), utcnow()

    def work(conn: Connection) -> tuple[list[Recovery], list[str]]:
        names = [
            one.name
            for one in list_persons(conn)
            if one.disabled_at is None and one.id != signed_in.person.id
        ]
        return list_recoveries(conn, since=now - SHOWN_FOR, limit=SHOWN_AT_MOST), names

    found, names = get_staff(request).database.run(work)
    waiting = [one for one in found if one.state is RecoveryState.ASKED and one.expires_at > now]
    return render(
        request,
        "recovery.html",
        status=status,
        error=error,
        link=link,
        recoveries=[one for one in found if one not in waiting],
        waiting=waiting,
        names=names if signed_in.may(Right.RECOVER_PERSON) else [],
        typed=get_form(request),
    )


@router.post("/recovery")
def ask(request: Request) -> Response:
    """Ask for the recovery of a person."""
    person, form, now, recovery_id = get_signed_in(request).person, get_form(request), utcnow(), new_id()

    def work(conn: Connection) -> None:
        ask_recovery(conn, recovery_id, form.get("person"), by=person, reason=form.get("reason"), now=now)

    try:
        get_staff(request).database.run(work)
    except _REFUSALS_OF_ASKING as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, status=status, error=sentence)
    return RedirectResponse("/recovery", HTTPStatus.SEE_OTHER)


@router.post("/recovery/{recovery_id}/approve")
def approve(request: Request, recovery_id: UUID) -> Response:
    """Approve what another one asked for, and show the link once."""
    tools, person, form, now = get_staff(request), get_signed_in(request).person, get_form(request), utcnow()
    token, life_s = new_token(), tools.settings.join_link_s

    def work(conn: Connection) -> Recovery:
        return approve_recovery(
            conn, recovery_id, by=person, reason=form.get("reason"), token=token, life_s=life_s, now=now
        )

    try:
        recovery = tools.database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, status=status, error=sentence)
    address = write_join_address(request, token)
    return _show(request, link=NewLink(recovery.name, address, now + timedelta(seconds=life_s)))


@router.post("/recovery/{recovery_id}/refuse")
def refuse(request: Request, recovery_id: UUID) -> Response:
    """Refuse a recovery."""
    person, form, now = get_signed_in(request).person, get_form(request), utcnow()

    def work(conn: Connection) -> None:
        refuse_recovery(conn, recovery_id, by=person, reason=form.get("reason"), now=now)

    try:
        get_staff(request).database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, status=status, error=sentence)
    return RedirectResponse("/recovery", HTTPStatus.SEE_OTHER)
