"""Tokens of machines: what each is good for, by whom it was made, when it was used; made and revoked by an admin."""

from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.refusals import NOTHING_REFUSED, Refused, try_work
from api.console.render import render
from api.console.signed_in import Form, get_form, get_signed_in
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.model import ApiToken
from triage.steps.change_tokens import (
    DAYS_DEFAULT,
    DAYS_MAX,
    Scope,
    make_token,
    new_secret,
    take_token_back_by_id,
)
from triage.store.rows import Connection
from triage.store.tokens import list_tokens

router = APIRouter()


@dataclass(frozen=True, slots=True)
class _MadeToken:
    """A token that was just made; its secret is shown this once."""

    name: str
    secret: str = field(repr=False)


@router.get("/tokens")
def show_tokens(request: Request) -> Response:
    """List the tokens, with the form to make one."""
    return _show(request)


def _show(
    request: Request, refused: Refused = NOTHING_REFUSED, *, made: _MadeToken | None = None
) -> Response:
    tokens, now = get_staff(request).database.run(list_tokens), utcnow()
    return render(
        request,
        "tokens.html",
        status=refused.status,
        error=refused.error,
        tokens=[(one, _find_state(one, now)) for one in tokens],
        scopes=list(Scope),
        days_max=DAYS_MAX,
        typed=refused.fill(name="", scope="", days=str(DAYS_DEFAULT)),
        made=made,
    )


def _find_state(token: ApiToken, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "in_force" if token.expires_at > now else "expired"


@router.post("/tokens")
def make(request: Request) -> Response:
    """Make a token; the answer shows its secret."""
    form, actor, now = get_form(request), get_signed_in(request).actor, utcnow()
    name, secret = " ".join(form.get("name").split()), new_secret()

    def work(conn: Connection) -> None:
        scope, days = _read_scope(form), _read_days(form)
        make_token(conn, name, scope, days=days, secret=secret, actor=actor, now=now)

    typed = {field_name: form.get(field_name) for field_name in ("name", "scope", "days")}
    refused = try_work(request, work, typed=typed)
    return _show(request, refused) if refused else _show(request, made=_MadeToken(name, secret))


@router.post("/tokens/{token_id}/revoke")
def revoke(request: Request, token_id: UUID) -> Response:
    """Take a token back, at once."""
    actor, now = get_signed_in(request).actor, utcnow()

    def work(conn: Connection) -> None:
        take_token_back_by_id(conn, token_id, actor=actor, now=now)

    refused = try_work(request, work)
    return _show(request, refused) if refused else RedirectResponse("/tokens", HTTPStatus.SEE_OTHER)


def _read_scope(form: Form) -> Scope:
    try:
        return Scope(form.get("scope"))
    except ValueError:
        raise NotAllowedError("Choose a scope.") from None


def _read_days(form: Form) -> int:
    text = form.get("days").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise NotAllowedError(f"A token lives 1 to {DAYS_MAX} days.")
    return int(text)
