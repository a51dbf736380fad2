"""Joining by a one-time link: a passkey, or a password and the key of a code app. Only a good form uses the link up."""

from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.party import read_party, read_site
from api.console.render import render
from api.console.signed_in import Form, get_form
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.rules.passkeys import Purpose
from triage.steps.code_secrets import offer_again, offer_secret
from triage.steps.join import JoinForm, join, join_by_passkey
from triage.steps.passkeys import Ceremony, PasskeyAnswer, begin_registration
from triage.steps.sign_in import LINK_REFUSED, read_link
from triage.store.people import digest_token
from triage.store.rows import Connection
from triage.store.sign_in import JoinLink

router = APIRouter()


@router.get("/join/{token}")
def show_join(request: Request, token: str) -> Response:
    """Show the forms with a fresh key and a fresh challenge; the link stays good."""
    return _show_forms(request, token, now=utcnow())


@router.post("/join/{token}")
def set_up(request: Request, token: str) -> Response:
    """Store what the person signs in with from now on, and lead to the sign-in page; or say what is wrong."""
    form, now = get_form(request), utcnow()
    if form.fields.keys() & {"ceremony", "credential"}:
        fault = _take_passkey(request, token, form, now=now)
        return _show_forms(request, token, now=now, passkey_error=fault) if fault else _lead_on("passkey")
    tools = get_staff(request)
    typed = JoinForm(form.get("password"), form.get("repeated"), form.get("code"), form.get("sealed"))

    def work(conn: Connection) -> str | None:
        return join(conn, token, typed, identity=tools.vault_identity, now=now, hasher=tools.hasher)

    fault = tools.database.run(work)
    return _show_forms(request, token, now=now, sealed=typed.sealed, error=fault) if fault else _lead_on("1")


def _take_passkey(request: Request, token: str, form: Form, *, now: datetime) -> str | None:
    party = read_party(request)
    if party is None:
        raise NotAllowedError(LINK_REFUSED)
    answer = PasskeyAnswer(form.get("ceremony"), form.get("credential"))

    def work(conn: Connection) -> str | None:
        return join_by_passkey(conn, token, answer, form.get("passkey_name"), party=party, now=now)

    return get_staff(request).database.run(work)


def _lead_on(way: str) -> Response:
    return RedirectResponse(f"/sign-in?joined={way}", status_code=HTTPStatus.SEE_OTHER)


def _show_forms(
    request: Request, token: str, *, now: datetime, sealed: str = "", error: str = "", passkey_error: str = ""
) -> Response:
    tools, site = get_staff(request), read_site(request)

    def work(conn: Connection) -> tuple[JoinLink, Ceremony | None]:
        link = read_link(conn, token, now=now)
        if site is None:
            return link, None
        ceremony = begin_registration(
            conn,
            Purpose.JOIN,
            person_id=link.person_id,
            person_name=link.name,
            bound_to=digest_token(token),
            site=site,
            now=now,
        )
        return link, ceremony

    link, ceremony = tools.database.run(work)
    issuer, identity = tools.settings.hotline_name, tools.vault_identity
    if sealed:
        offered = offer_again(
            sealed, token, name=link.name, issuer=issuer, identity=identity, refusal=LINK_REFUSED
        )
    else:
        offered = offer_secret(token, name=link.name, issuer=issuer, identity=identity)
    return render(
        request,
        "join.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error or passkey_error else HTTPStatus.OK,
        name=link.name,
        offered=offered,
        ceremony=ceremony,
        error=error,
        passkey_error=passkey_error,
    )
