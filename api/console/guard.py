"""The guard before every route of the console. It refuses by default.

1. Find the route's template in the table; without an entry it is refused.
2. Read the session's cookie and the person behind it. No other credential counts here, least of all an API token.
3. Check the right.
4. Of a POST: check where it comes from and read its form. Its sender may take minutes over it, so do 2 and 3 once more;
   then check its token. A file in it is sealed as it comes in, once there is room for it, and deleted if the form is
   refused.
5. Where the table asks for it: require a fresh proof that it is still the same person.
"""

import hmac
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.bodies import discard_uploads, read_bytes, read_form
from api.console.deps import StaffTools, get_staff
from api.console.file_room import FileRoom
from api.console.render import choose_language
from api.console.routes import Route, find_route, is_open
from api.console.signed_in import Form, SignedIn
from api.console.step_up import PROOF_FIELDS, require_confirmation
from api.errors import NotSignedInError, UnsupportedBodyError
from api.security import LOCAL_HOSTS
from triage.clock import utcnow
from triage.errors import InvalidReportError, NotAllowedError, TooLargeError
from triage.model import Person
from triage.rules.exposure import ExposurePolicy, Standing
from triage.rules.rights import Right, rights_of
from triage.rules.sign_in import Session, csrf_of, find_session_end
from triage.steps.sign_in import enter_session
from triage.steps.watch_exposure import read_standing
from triage.store.people import digest_token
from triage.store.rows import Connection

SESSION_COOKIE = "__Host-sid"
MAX_FORM_BYTES = 64 * 1024
_MAX_PROOF_BYTES = 16 * 1024
_MAX_FIELDS = 1000
_JOIN = "/join/{token}"
_FORM_TYPE = "application/x-www-form-urlencoded"


async def guard(request: Request) -> None:
    """Let a request in, or refuse it; leaves `request.state.signed_in`, `.form`, `.proof`, `.uploads` and `.file_room`.

    Raises:
        NotSignedInError: there is no live session behind it.
        NotAllowedError: the right is missing, the form came from elsewhere or without its token.
        TooLargeError: the form is over MAX_FORM_BYTES.
        ConfirmationNeededError: the route needs a fresh proof of who it is.
    """
    request.state.signed_in = None
    request.state.form = request.state.proof = Form()
    request.state.uploads = []
    path = getattr(request.scope.get("route"), "path", "")
    route = find_route(request.method, path)
    if route is None and not is_open(request.method, path):
        raise NotAllowedError("This page is in no table of rights, so nobody may open it.")
    if route is not None:
        await run_in_threadpool(_admit, request, route)
    if request.method != "GET":
        _check_origin(request)
        if route is not None and route.takes_file:
            await _read_file_form(request, route)
        else:
            request.state.proof, request.state.form = await _read_form(request)
            if route is not None:
                await run_in_threadpool(_admit, request, route)
            _check_token(request, route)
    if path == _JOIN:
        await get_staff(request).throttle.slow_links()
    if route is not None and route.is_confirmed:
        await run_in_threadpool(require_confirmation, request)


def _admit(request: Request, route: Route) -> None:
    request.state.signed_in = signed_in = _find_signed_in(request, route)
    if signed_in is None:
        if request.method == "GET" and route.is_page:
            raise HTTPException(303, headers={"Location": "/sign-in"})
        _lead_out(route)
        raise NotSignedInError
    if route.right is not None and route.right not in signed_in.rights:
        raise NotAllowedError("Your role does not include this.")


def _find_signed_in(request: Request, route: Route) -> SignedIn | None:
    token = request.cookies.get(SESSION_COOKIE, "")
    if not token:
        return None
    tools: StaffTools = get_staff(request)
    now, limits = utcnow(), tools.session_limits
    digest = digest_token(token)

    def work(conn: Connection) -> tuple[Session, Person, Standing | None] | None:
        found = enter_session(conn, digest, now=now, limits=limits, is_use=route.is_use)
        if found is None:
            return None
        policy, standing = ExposurePolicy.from_settings(tools.settings), None
        if route.is_page and Right.LOOK in rights_of(found[1].roles):
            standing = read_standing(conn, found[1].id, now=now, policy=policy)
        return *found, standing

    found = tools.database.run(work)
    if found is None:
        return None
    session, person, standing = found
    return SignedIn(
        person=person,
        rights=rights_of(person.roles),
        csrf=csrf_of(token),
        language=choose_language(request),
        session=session,
        session_digest=digest,
        session_ends_at=find_session_end(session, limits),
        standing=standing,
    )


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


async def _read_form(request: Request) -> tuple[Form, Form]:
    """Return what proves who it is, and the form itself. A proof comes on top of what a form may hold."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise UnsupportedBodyError("A form of this console is expected.")
    body = await read_bytes(request, MAX_FORM_BYTES + _MAX_PROOF_BYTES)
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MAX_FIELDS + len(PROOF_FIELDS),
            errors="strict",
        )
    except ValueError:
        raise InvalidReportError("The form cannot be read.") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in value:
            raise InvalidReportError("The form cannot be read.")
        fields.setdefault(name, []).append(value)
    proof, form = Form(fields).split(PROOF_FIELDS)
    if len(body) > MAX_FORM_BYTES and not proof.fields:
        raise TooLargeError
    return proof, form


async def _read_file_form(request: Request, route: Route) -> None:
    """Read a form with a file, sealed as it comes in, then ask again who sent it; of a refused one nothing stays."""
    tools = get_staff(request)
    request.state.file_room = room = FileRoom(request)
    try:
        form = await read_form(
            request,
            tools.vault,
            tools.intake_recipient,
            max_file_bytes=tools.settings.upload_max_bytes,
            takes_files=True,
            max_text_bytes=MAX_FORM_BYTES,
            make_room=room.make,
            takes_one=True,
        )
    finally:
        await room.give_back()
    try:
        await run_in_threadpool(_admit, request, route)
        request.state.form = Form(form.fields)
        _check_token(request, route)
    except BaseException:
        await discard_uploads(tools.vault, form)
        raise
    request.state.uploads = form.uploads


def _lead_out(route: Route | None) -> None:
    """Lead a refused form to a page that names nothing, where the table has one for it; nothing of it is done."""
    if route is not None and route.refused_to:
        raise HTTPException(303, headers={"Location": route.refused_to})


def _check_token(request: Request, route: Route | None) -> None:
    signed_in: SignedIn | None = request.state.signed_in
    if signed_in is None:
        return  # sign-in and join: there is no session to steal
    if not hmac.compare_digest(request.state.form.get("csrf").encode(), signed_in.csrf.encode()):
        _lead_out(route)
        raise NotAllowedError("This form is too old: open the page again.")
