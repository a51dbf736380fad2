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
from api.console.refusals import NOTHING_REFUSED, REFUSALS, Refused, try_work
from api.console.render import render
from api.console.signed_in import get_form, get_signed_in
from triage.clock import utcnow
from triage.errors import HotlineError, UnknownThingError
from triage.ids import new_id
from triage.model import Person
from triage.rules.recovery import SHOWN_FOR, RecoveryState, VoiceTerm
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
    """A link that is shown once, of a recovery that was just approved."""

    recovery: Recovery
    address: str = field(repr=False)
    expires_at: datetime


@router.get("/recovery")
def show_recovery(request: Request) -> Response:
    """Show what waits and what was done."""
    return _show(request)


def _read_term(request: Request) -> VoiceTerm:
    live = get_staff(request).live
    return VoiceTerm(live.current.recovery_voice_days, live.start.recovery_voice_days)


def _show(request: Request, refused: Refused = NOTHING_REFUSED, *, link: NewLink | None = None) -> Response:
    signed_in, now = get_signed_in(request), utcnow()

    def work(conn: Connection) -> tuple[list[Recovery], list[Person]]:
        found = list_recoveries(conn, since=now - SHOWN_FOR, now=now, limit=SHOWN_AT_MOST)
        return found, [one for one in list_persons(conn) if one.id != signed_in.person.id]

    found, persons = get_staff(request).database.run(work)
    waiting = [one for one in found if one.state is RecoveryState.ASKED and one.expires_at > now]
    return render(
        request,
        "recovery.html",
        status=refused.status,
        error=refused.error,
        link=link,
        recoveries=sorted(
            (one for one in found if one not in waiting), key=lambda one: one.asked_at, reverse=True
        ),
        waiting=waiting,
        persons=persons if signed_in.may(Right.RECOVER_PERSON) else [],
        voice_days=_read_term(request).days,
        typed=refused.fill(person="", reason=""),
    )


@router.post("/recovery")
def ask(request: Request) -> Response:
    """Ask for the recovery of a person."""
    person, form, now, recovery_id = get_signed_in(request).person, get_form(request), utcnow(), new_id()
    name, reason, term = form.get("person"), form.get("reason"), _read_term(request)

    def work(conn: Connection) -> None:
        ask_recovery(conn, recovery_id, name, by=person, reason=reason, term=term, now=now)

    typed = {"person": name, "reason": reason}
    refused = try_work(request, work, typed=typed, refusals=_REFUSALS_OF_ASKING)
    return _show(request, refused) if refused else RedirectResponse("/recovery", HTTPStatus.SEE_OTHER)


@router.post("/recovery/{recovery_id}/approve")
def approve(request: Request, recovery_id: UUID) -> Response:
    """Approve what another one asked for, and show the link once."""
    tools, person, form, now = get_staff(request), get_signed_in(request).person, get_form(request), utcnow()
    token, life_s, term = new_token(), tools.settings.join_link_s, _read_term(request)

    def work(conn: Connection) -> Recovery:
        return approve_recovery(
            conn,
            recovery_id,
            by=person,
            reason=form.get("reason"),
            token=token,
            life_s=life_s,
            term=term,
            now=now,
        )

    recovery = try_work(request, work)
    if isinstance(recovery, Refused):
        return _show(request, recovery)
    address = write_join_address(request, token)
    return _show(request, link=NewLink(recovery, address, now + timedelta(seconds=life_s)))


@router.post("/recovery/{recovery_id}/refuse")
def refuse(request: Request, recovery_id: UUID) -> Response:
    """Refuse a recovery."""
    person, form, now = get_signed_in(request).person, get_form(request), utcnow()

    def work(conn: Connection) -> None:
        refuse_recovery(conn, recovery_id, by=person, reason=form.get("reason"), now=now)

    refused = try_work(request, work)
    return _show(request, refused) if refused else RedirectResponse("/recovery", HTTPStatus.SEE_OTHER)
