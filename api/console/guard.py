"""The guard before every route of the console. It refuses by default.

1. Find the route's template in the table; without an entry it is refused.
2. Read the session's cookie and the person behind it. No other credential counts here, least of all an API token.
3. Check the right.
4. Of a POST: check where it comes from, read its form, check its token.
"""

import hmac
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.bodies import read_bytes
from api.console.deps import StaffTools, get_staff
from api.console.render import choose_language
from api.console.routes import find_route, is_open
from api.console.signed_in import Form, SignedIn
from api.errors import NotSignedInError, UnsupportedBodyError
from api.security import LOCAL_HOSTS
from triage.clock import utcnow
from triage.errors import InvalidReportError, NotAllowedError
from triage.model import Person
from triage.rules.rights import rights_of
from triage.rules.sign_in import SessionLimits, csrf_of
from triage.steps.sign_in import enter_session
from triage.store.people import digest_token
from triage.store.rows import Connection

SESSION_COOKIE = "__Host-sid"
MAX_FORM_BYTES = 64 * 1024
_MAX_FIELDS = 1000
_FORM_TYPE = "application/x-www-form-urlencoded"


async def guard(request: Request) -> None:
    """Let a request in, or refuse it; leaves `request.state.signed_in` and `request.state.form`.

    Raises:
        NotSignedInError: there is no live session behind it.
        NotAllowedError: the right is missing, the form came from elsewhere or without its token.
        TooLargeError: the form is over MAX_FORM_BYTES.
    """
    request.state.signed_in = None
    request.state.form = Form()
    path = getattr(request.scope.get("route"), "path", "")
    route = find_route(request.method, path)
    if route is None and not is_open(request.method, path):
        raise NotAllowedError("This page is in no table of rights, so nobody may open it.")
    if route is not None:
        signed_in = await run_in_threadpool(_find_signed_in, request)
        if signed_in is None:
            if request.method == "GET" and route.is_page:
                raise HTTPException(303, headers={"Location": "/sign-in"})
            raise NotSignedInError
        request.state.signed_in = signed_in
        if route.right is not None and route.right not in signed_in.rights:
            raise NotAllowedError("Your role does not include this.")
    if request.method != "GET":
        _check_origin(request)
        request.state.form = await _read_form(request)
        _check_token(request)


def _find_signed_in(request: Request) -> SignedIn | None:
    token = request.cookies.get(SESSION_COOKIE, "")
    if not token:
        return None
    tools: StaffTools = get_staff(request)
    now = utcnow()
    limits = SessionLimits(tools.settings.session_idle_s, tools.settings.session_max_s)

    def work(conn: Connection) -> Person | None:
        return enter_session(conn, digest_token(token), now=now, limits=limits)

    person = tools.database.run(work)
    if person is None:
        return None
    return SignedIn(person, rights_of(person.roles), csrf_of(token), choose_language(request))


def _check_origin(request: Request) -> None:
    """Refuse a form that another site sent.

    Our Referrer-Policy makes browsers say `Origin: null` even of our own forms; Sec-Fetch-Site must then speak
    for them.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    is_ours = site in {None, "same-origin", "none"}
    if origin == "null":
        is_ours = is_ours and site is not None
    elif origin is not None:
        is_ours = is_ours and _is_own_origin(origin, request.headers.get("host", ""))
    if not is_ours:
        raise NotAllowedError("This form was sent from another site.")


def _is_own_origin(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    schemes = {"http", "https"} if name in {one.strip("[]") for one in LOCAL_HOSTS} else {"https"}
    return parts.scheme in schemes and parts.netloc.lower() == host.lower()


async def _read_form(request: Request) -> Form:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise UnsupportedBodyError("A form of this console is expected.")
    body = await read_bytes(request, MAX_FORM_BYTES)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"
        )
    except ValueError:
        raise InvalidReportError("The form cannot be read.") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in value:
            raise InvalidReportError("The form cannot be read.")
        fields.setdefault(name, []).append(value)
    return Form(fields)


def _check_token(request: Request) -> None:
    signed_in: SignedIn | None = request.state.signed_in
    if signed_in is None:
        return  # sign-in and join: there is no session to steal
    if not hmac.compare_digest(request.state.form.get("csrf").encode(), signed_in.csrf.encode()):
        raise NotAllowedError("This form is too old: open the page again.")
