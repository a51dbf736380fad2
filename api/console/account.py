"""A person's own account: by what they get in, their sessions, a new password with a new code key."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.guard import SESSION_COOKIE
from api.console.party import read_party
from api.console.render import render
from api.console.signed_in import get_form, get_signed_in
from triage.clock import utcnow
from triage.errors import InvalidReportError
from triage.ids import read_id
from triage.rules.passkeys import PASSKEYS_MAX
from triage.rules.sign_in import Session, is_live
from triage.steps.account import FORM_TOO_OLD, Own, change_password, end_other_sessions
from triage.steps.change_preferences import change_preferences
from triage.steps.code_secrets import offer_again, offer_secret
from triage.steps.join import JoinForm
from triage.store.passkeys import Passkey, WaysIn, count_ways_in, list_passkeys
from triage.store.preferences import Preferences, RevealBy, read_preferences
from triage.store.rows import Connection
from triage.store.sign_in import list_sessions

router = APIRouter()

_SAID = (
    *("passkey_added", "passkey_renamed", "passkey_removed", "password_changed", "sessions_ended"),
    "preferences_stored",
)
"""What the page may be told to say; any other word in its address says nothing."""


def get_own(request: Request) -> Own:
    """Return who changes something of their own."""
    signed_in = get_signed_in(request)
    return Own(signed_in.person, signed_in.session_digest)


@router.get("/account")
def open_account(request: Request) -> Response:
    """Show the own account."""
    return show_account(request)


def show_account(request: Request, *, error: str = "") -> Response:
    """Return the page of the account, with the key of a text that says what was wrong, if anything was."""
    tools, own, now = get_staff(request), get_own(request), utcnow()

    def read(conn: Connection) -> tuple[list[Passkey], WaysIn, list[tuple[bytes, Session]], Preferences]:
        person_id = own.person.id
        return (
            list_passkeys(conn, person_id),
            count_ways_in(conn, person_id),
            list_sessions(conn, person_id),
            read_preferences(conn, person_id),
        )

    passkeys, ways, sessions, preferences = tools.database.run(read)
    party, said = read_party(request), request.query_params.get("said", "")
    return render(
        request,
        "account.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        passkeys=passkeys,
        ways=ways,
        preferences=preferences,
        may_add=party is not None and ways.passkeys < PASSKEYS_MAX,
        sessions=[
            (session, digest == own.session)
            for digest, session in sessions
            if is_live(session, tools.session_limits, now=now)
        ],
        said=said if said in _SAID else "",
        error=error,
    )


@router.post("/account/sessions")
def end_others(request: Request) -> Response:
    """End all own sessions but this one."""
    own, now = get_own(request), utcnow()

    def work(conn: Connection) -> int:
        return end_other_sessions(conn, own, now=now)

    get_staff(request).database.run(work)
    return lead_back("sessions_ended")


@router.post("/account/preferences")
def choose_preferences(request: Request) -> Response:
    """Store how this person works on the review page; lead back to the item that they were at, if they were."""
    form, person, now = get_form(request), get_signed_in(request).person, utcnow()
    try:
        chosen = Preferences(RevealBy(form.get("reveal")), has_keys=form.get("keys") == "yes")
    except ValueError:
        raise InvalidReportError("The form cannot be read.") from None

    def work(conn: Connection) -> bool:
        return change_preferences(conn, chosen, person=person, now=now)

    get_staff(request).database.run(work)
    item_id = read_id(form.get("item"))
    if item_id is None:
        return lead_back("preferences_stored")
    return RedirectResponse(f"/items/{item_id}", HTTPStatus.SEE_OTHER)


@router.get("/account/password")
def show_password(request: Request) -> Response:
    """Show the form for another password, with a fresh key for the code app."""
    return _show_password_form(request)


@router.post("/account/password")
def store_password(request: Request) -> Response:
    """Store password and code key in place of those before, or say what is wrong."""
    tools, own, form, now = get_staff(request), get_own(request), get_form(request), utcnow()
    typed = JoinForm(form.get("password"), form.get("repeated"), form.get("code"), form.get("sealed"))
    if not (
        typed.password or typed.repeated or typed.code
    ):  # dropped when it had to be confirmed, see step_up.py
        return _show_password_form(request, sealed=typed.sealed, error="password_type_again")

    def work(conn: Connection) -> str | None:
        return change_password(
            conn,
            own,
            typed,
            form_token=request.cookies[SESSION_COOKIE],
            identity=tools.vault_identity,
            now=now,
            hasher=tools.hasher,
        )

    fault = tools.database.run(work)
    return (
        _show_password_form(request, sealed=typed.sealed, error=fault)
        if fault
        else lead_back("password_changed")
    )


def _show_password_form(request: Request, *, sealed: str = "", error: str = "") -> Response:
    tools, name, token = get_staff(request), get_own(request).person.name, request.cookies[SESSION_COOKIE]
    issuer, identity = tools.settings.hotline_name, tools.vault_identity
    if sealed:
        offered = offer_again(
            sealed, token, name=name, issuer=issuer, identity=identity, refusal=FORM_TOO_OLD
        )
    else:
        offered = offer_secret(token, name=name, issuer=issuer, identity=identity)
    return render(
        request,
        "account_password.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        offered=offered,
        error=error,
    )


def lead_back(said: str) -> Response:
    """Lead to the page of the account, which says that something was done.

    Args:
        said: one of `_SAID`.
    """
    return RedirectResponse(f"/account?said={said}", status_code=HTTPStatus.SEE_OTHER)
