"""Signing in with name, password and one-time code; signing out.

The cookie has the only copy of the session's token, and no script can read it.
"""

from http import HTTPStatus
from threading import BoundedSemaphore

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.guard import SESSION_COOKIE
from api.console.render import render
from api.console.signed_in import get_form
from triage.clock import utcnow
from triage.steps.sign_in import Attempt, sign_in, sign_out
from triage.store.people import digest_token
from triage.store.rows import Connection

router = APIRouter()

_HASHING = BoundedSemaphore(2)
"""Each hash takes 64 MiB and holds a connection: strangers may not take all of them."""

_PATIENCE_S = 5.0

MAX_NAME = 63


@router.get("/sign-in")
def show_sign_in(request: Request) -> Response:
    """Show the form; `?joined=1` comes from the page to join."""
    said = "joined" if request.query_params.get("joined") else ""
    return _show_form(request, said=said)


def _show_form(
    request: Request, *, status: int = HTTPStatus.OK, said: str = "", error: str = "", typed_name: str = ""
) -> Response:
    return render(
        request, "sign_in.html", status=status, said=said, error=error, typed_name=typed_name[:MAX_NAME]
    )


@router.post("/sign-in")
def begin_session(request: Request) -> Response:
    """Begin a session, or say in one sentence that it cannot be."""
    tools, form, now = get_staff(request), get_form(request), utcnow()
    attempt = Attempt(form.get("name"), form.get("password"), form.get("code"))

    def work(conn: Connection) -> bool:
        return sign_in(conn, attempt, identity=tools.vault_identity, now=now, hasher=tools.hasher)

    if not _HASHING.acquire(timeout=_PATIENCE_S):
        return _show_form(
            request, status=HTTPStatus.SERVICE_UNAVAILABLE, error="sign_in_busy", typed_name=attempt.name
        )
    try:
        is_in = tools.database.run(work)
    finally:
        _HASHING.release()
    if not is_in:
        return _show_form(
            request, status=HTTPStatus.FORBIDDEN, error="sign_in_refused", typed_name=attempt.name
        )
    answer = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
    answer.set_cookie(SESSION_COOKIE, attempt.token, secure=True, httponly=True, samesite="strict", path="/")
    return answer


@router.post("/sign-out")
def end_session(request: Request) -> Response:
    """End this session."""
    digest, now = digest_token(request.cookies.get(SESSION_COOKIE, "")), utcnow()

    def work(conn: Connection) -> None:
        sign_out(conn, digest, now=now)

    get_staff(request).database.run(work)
    answer = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
    answer.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="strict", path="/")
    return answer
