"""Signing in, with a passkey or with name, password and one-time code; signing out.

The cookie has the only copy of the session's token, and no script can read it.
"""

import time
from http import HTTPStatus
from threading import BoundedSemaphore

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.guard import SESSION_COOKIE
from api.console.party import read_party
from api.console.render import render
from api.console.signed_in import get_form
from triage.clock import utcnow
from triage.rules.passkeys import Purpose
from triage.steps.passkeys import Ceremony, PasskeyAnswer, begin_assertion
from triage.steps.sign_in import Attempt, can_sign_in, new_token, sign_in, sign_in_by_passkey, sign_out
from triage.store.people import digest_token
from triage.store.rows import Connection

router = APIRouter()

_HASHING = BoundedSemaphore(2)
"""Each hash takes 64 MiB and holds a connection: strangers may not take all of them."""

_PATIENCE_S = 5.0

MAX_NAME = 63

_JOINED = {"1": "joined", "passkey": "joined_passkey"}


@router.get("/sign-in")
def show_sign_in(request: Request) -> Response:
    """Show the form; `?joined=1` comes from the page to join."""
    return _show_form(request, said=_JOINED.get(request.query_params.get("joined", ""), ""))


def _show_form(
    request: Request, *, status: int = HTTPStatus.OK, said: str = "", error: str = "", typed_name: str = ""
) -> Response:
    party, now = read_party(request), utcnow()

    def begin(conn: Connection) -> Ceremony | None:
        return begin_assertion(conn, Purpose.SIGN_IN, party=party, now=now) if party is not None else None

    return render(
        request,
        "sign_in.html",
        status=status,
        said=said,
        error=error,
        typed_name=typed_name[:MAX_NAME],
        ceremony=get_staff(request).database.run(begin) if party is not None else None,
    )


def _read_previous(request: Request) -> bytes | None:
    """Return the digest of the session that this browser has, whoever's it is: a new one takes its place."""
    token = request.cookies.get(SESSION_COOKIE, "")
    return digest_token(token) if token else None


def _let_in(token: str) -> Response:
    answer = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
    answer.set_cookie(SESSION_COOKIE, token, secure=True, httponly=True, samesite="strict", path="/")
    return answer


@router.post("/sign-in")
def begin_session(request: Request) -> Response:
    """Begin a session, or say in one sentence that it cannot be."""
    form = get_form(request)
    attempt = Attempt(form.get("name"), form.get("password"), form.get("code"))
    with get_staff(request).throttle.alone(attempt.name.strip()) as is_alone:
        return _try(request, attempt) if is_alone else _say_busy(request, attempt)


def _say_busy(request: Request, attempt: Attempt) -> Response:
    return _show_form(
        request, status=HTTPStatus.SERVICE_UNAVAILABLE, error="sign_in_busy", typed_name=attempt.name
    )


def _try(request: Request, attempt: Attempt) -> Response:
    tools, now = get_staff(request), utcnow()
    previous, started = _read_previous(request), time.monotonic()

    def work(conn: Connection) -> bool:
        return sign_in(
            conn, attempt, identity=tools.vault_identity, now=now, hasher=tools.hasher, previous=previous
        )

    def find_hope(conn: Connection) -> bool:
        return can_sign_in(conn, attempt.name, now=now)

    def refuse() -> Response:
        tools.throttle.wait_out(started, tools.hasher)
        return _show_form(
            request, status=HTTPStatus.FORBIDDEN, error="sign_in_refused", typed_name=attempt.name
        )

    if not tools.database.run(find_hope) and not tools.throttle.hopeless.take():
        return refuse()  # without a hash, after the same time
    if not _HASHING.acquire(timeout=_PATIENCE_S):
        return _say_busy(request, attempt)
    try:
        is_in = tools.database.run(work)
    finally:
        _HASHING.release()
    return _let_in(attempt.token) if is_in else refuse()


@router.post("/sign-in/passkey")
def begin_session_by_passkey(request: Request) -> Response:
    """Begin a session by a passkey, or say in one sentence that it cannot be."""
    party, form, now = read_party(request), get_form(request), utcnow()
    answer, token = PasskeyAnswer(form.get("ceremony"), form.get("credential")), new_token()
    previous = _read_previous(request)

    def work(conn: Connection) -> bool:
        return party is not None and sign_in_by_passkey(
            conn, answer, token=token, party=party, previous=previous, now=now
        )

    if not get_staff(request).database.run(work):
        return _show_form(request, status=HTTPStatus.FORBIDDEN, error="passkey_refused")
    return _let_in(token)


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
