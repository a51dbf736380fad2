"""The first page: who you are, what you may do, what waits."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.console.deps import get_staff
from api.console.recovery import SHOWN_AT_MOST
from api.console.render import render
from api.console.signed_in import get_signed_in
from triage.clock import utcnow
from triage.rules.recovery import SHOWN_FOR, RecoveryState
from triage.rules.rights import Right
from triage.store.home import count_lanes
from triage.store.recoveries import Recovery, list_recoveries
from triage.store.rows import Connection

router = APIRouter()


@router.get("/")
def show_home(request: Request) -> HTMLResponse:
    """Show the first page."""
    signed_in = get_signed_in(request)
    lanes = get_staff(request).database.run(count_lanes) if signed_in.may(Right.SEE_QUEUE) else {}
    rights = [right for right in Right if signed_in.may(right)]
    since = utcnow() - SHOWN_FOR

    def read_recoveries(conn: Connection) -> list[Recovery]:
        return list_recoveries(conn, since=since, limit=SHOWN_AT_MOST)

    recoveries = get_staff(request).database.run(read_recoveries)
    return render(
        request,
        "home.html",
        rights=rights,
        lanes=lanes,
        recoveries=len(recoveries) if signed_in.may(Right.RECOVER_PERSON) else 0,
        is_recovery_asked=any(
            one.person_id == signed_in.person.id and one.state is RecoveryState.ASKED for one in recoveries
        ),
    )
