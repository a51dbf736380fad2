"""How long the session still lasts, and making it last: a page in use is not lost to the clock without a warning."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from api.console.deps import get_staff
from api.console.render import render
from api.console.signed_in import SignedIn, get_signed_in
from triage.clock import utcnow
from triage.rules.sign_in import find_session_end
from triage.store.rows import Connection
from triage.store.sign_in import find_session, note_use

router = APIRouter()


@router.get("/session")
def say_seconds_left(request: Request) -> Response:
    """Say how many seconds are left, as a number; asking is no use of the session."""
    return PlainTextResponse(str(get_signed_in(request).count_seconds_left(utcnow())))


@router.post("/session/extend")
def extend_session(request: Request) -> HTMLResponse:
    """Count this as use, and say when the session ends now; never later than its longest life allows."""
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()
    digest = signed_in.session_digest

    def work(conn: Connection) -> SignedIn:
        note_use(conn, digest, now=now)
        found = find_session(conn, digest)
        ends_at = find_session_end(found[0], tools.session_limits) if found else now
        return signed_in.ending(ends_at)

    request.state.signed_in = tools.database.run(work)
    return render(request, "session.html")


@router.get("/signed-out")
def show_signed_out(request: Request) -> HTMLResponse:
    """Say that the time was up; the page's script leads here."""
    return render(request, "signed_out.html")
