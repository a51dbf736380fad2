"""A person's own passkeys: adding, renaming, removing. The page of the account lists them."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.account import get_own, lead_back, show_account
from api.console.deps import get_staff
from api.console.party import read_party, read_site
from api.console.render import render
from api.console.signed_in import get_form
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.rules.passkeys import Purpose
from triage.steps.account import add_passkey, remove_passkey, rename_passkey
from triage.steps.passkeys import Ceremony, PasskeyAnswer, begin_registration
from triage.store.rows import Connection

router = APIRouter()

NO_PASSKEYS_HERE = "Passkeys work only at the name of this console, not at its bare address."


@router.get("/account/passkey")
def show_new_passkey(request: Request) -> Response:
    """Show the form for another passkey, with a fresh challenge."""
    return _show_form(request)


@router.post("/account/passkeys")
def store_passkey(request: Request) -> Response:
    """Store another passkey, or say what is wrong."""
    party, form, own, now = read_party(request), get_form(request), get_own(request), utcnow()
    if party is None:
        raise NotAllowedError(NO_PASSKEYS_HERE)
    answer = PasskeyAnswer(form.get("ceremony"), form.get("credential"))
    name = form.get("passkey_name")

    def work(conn: Connection) -> str | None:
        return add_passkey(conn, own, answer, name, party=party, now=now)

    fault = get_staff(request).database.run(work)
    return _show_form(request, error=fault, typed_name=name) if fault else lead_back("passkey_added")


def _show_form(request: Request, *, error: str = "", typed_name: str = "") -> Response:
    site, own, now = read_site(request), get_own(request), utcnow()
    if site is None:
        raise NotAllowedError(NO_PASSKEYS_HERE)

    def begin(conn: Connection) -> Ceremony:
        return begin_registration(
            conn,
            Purpose.ADD,
            person_id=own.person.id,
            person_name=own.person.name,
            bound_to=own.session,
            site=site,
            now=now,
        )

    return render(
        request,
        "account_passkey.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        ceremony=get_staff(request).database.run(begin),
        error=error,
        typed_name=typed_name,
    )


@router.post("/account/passkeys/{passkey_id}/rename")
def store_name(request: Request, passkey_id: UUID) -> Response:
    """Give an own passkey another name."""
    own, name, now = get_own(request), get_form(request).get("passkey_name"), utcnow()

    def work(conn: Connection) -> str | None:
        return rename_passkey(conn, own, passkey_id, name, now=now)

    fault = get_staff(request).database.run(work)
    return show_account(request, error=fault) if fault else lead_back("passkey_renamed")


@router.post("/account/passkeys/{passkey_id}/remove")
def delete_passkey(request: Request, passkey_id: UUID) -> Response:
    """Remove an own passkey, but for the last way in."""
    own, now = get_own(request), utcnow()

    def work(conn: Connection) -> str | None:
        return remove_passkey(conn, own, passkey_id, now=now)

    fault = get_staff(request).database.run(work)
    return show_account(request, error=fault) if fault else lead_back("passkey_removed")
