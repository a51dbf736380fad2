"""Joining by a one-time link: a password and the key of a code app. Only the form's sending uses the link up."""

from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.render import render
from api.console.signed_in import get_form
from triage.clock import utcnow
from triage.steps.sign_in import JoinForm, join, offer_again, offer_secret, read_link
from triage.store.rows import Connection
from triage.store.sign_in import JoinLink

router = APIRouter()


@router.get("/join/{token}")
def show_join(request: Request, token: str) -> Response:
    """Show the form with a fresh key; the link stays good."""
    return _show_form(request, token, now=utcnow())


@router.post("/join/{token}")
def set_credentials(request: Request, token: str) -> Response:
    """Store password and key, and lead to the sign-in page; or say what is wrong."""
    tools, form, now = get_staff(request), get_form(request), utcnow()
    typed = JoinForm(form.get("password"), form.get("repeated"), form.get("code"), form.get("sealed"))

    def work(conn: Connection) -> str | None:
        return join(conn, token, typed, identity=tools.vault_identity, now=now, hasher=tools.hasher)

    fault = tools.database.run(work)
    if fault:
        return _show_form(request, token, now=now, sealed=typed.sealed, error=fault)
    return RedirectResponse("/sign-in?joined=1", status_code=HTTPStatus.SEE_OTHER)


def _show_form(request: Request, token: str, *, now: datetime, sealed: str = "", error: str = "") -> Response:
    tools = get_staff(request)

    def work(conn: Connection) -> JoinLink:
        return read_link(conn, token, now=now)

    link = tools.database.run(work)
    issuer, identity = tools.settings.hotline_name, tools.vault_identity
    if sealed:
        offered = offer_again(sealed, token, name=link.name, issuer=issuer, identity=identity)
    else:
        offered = offer_secret(token, name=link.name, issuer=issuer, identity=identity)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    return render(request, "join.html", status=status, name=link.name, offered=offered, error=error)
