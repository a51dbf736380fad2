"""The queue: one lane at a time, top-level items only, no thumbnails.

Where scripts run its rows are asked for every 15 seconds; that is no use of the session.
"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.console.deps import get_staff
from api.console.render import choose_language, render
from api.console.signed_in import SignedIn, get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.rules.rights import Right
from triage.rules.states import Lane
from triage.store import queue_page
from triage.store.home import count_lanes
from triage.store.queue_page import PAGE_SIZE, QueueRow
from triage.store.rows import Connection

router = APIRouter()

LANES = (Lane.DANGER, Lane.LOOK, Lane.NO_LOOK, Lane.SECOND, Lane.LEAD, Lane.PARTNER)
"""The tabs, in their order; what is to be handed on has a page of its own."""


def find_lane(text: str) -> Lane | None:
    """Return the lane of a tab; None for anything else."""
    return next((lane for lane in LANES if lane.value == text), None)


def queue_of(lane: Lane | None) -> str:
    """Return the address of a lane's queue."""
    return f"/queue?lane={lane.value}" if lane else "/queue"


@router.get("/queue")
def show_queue(request: Request) -> HTMLResponse:
    """Show one lane; without a name the first one that holds anything. `?still=1` keeps its rows still."""
    return render(
        request,
        "queue.html",
        done_id=_read_id(request.query_params.get("done", "")),
        is_still=request.query_params.get("still") == "1",
        **_read_rows(request),
    )


@router.get("/queue/rows")
def show_rows(request: Request) -> HTMLResponse:
    """Show the lanes and the rows of one of them, as a part of the page."""
    is_still = request.query_params.get("still") == "1"
    return render(request, "_queue_rows.html", is_still=is_still, **_read_rows(request))


def _read_rows(request: Request) -> dict[str, Any]:
    signed_in = get_signed_in(request)
    after = _read_id(request.query_params.get("after", ""))
    wanted = find_lane(request.query_params.get("lane", ""))

    def work(conn: Connection) -> tuple[dict[Lane, int], Lane, list[QueueRow]]:
        counts = _count(conn, signed_in)
        lane = wanted if wanted in counts else next((one for one in counts if counts[one]), Lane.LOOK)
        if lane is Lane.SECOND:
            return counts, lane, queue_page.list_second(conn, signed_in.person.id, after=after)
        return counts, lane, queue_page.list_lane(conn, lane, after=after)

    counts, lane, rows = get_staff(request).database.run(work)
    return {
        "counts": counts,
        "lane": lane,
        "rows": rows,
        "after": after,
        "next_after": rows[-1].id if len(rows) == PAGE_SIZE else None,
        **words_for(choose_language(request), utcnow()),
    }


def _count(conn: Connection, signed_in: SignedIn) -> dict[Lane, int]:
    found = count_lanes(conn)
    found[Lane.SECOND] = len(queue_page.find_second(conn, signed_in.person.id))
    return {lane: found[lane] for lane in LANES if lane is not Lane.LEAD or _sees_lead_lane(signed_in)}


def _sees_lead_lane(signed_in: SignedIn) -> bool:
    """Whether disputes are listed to a person: to who decides them, and to who only reads."""
    return signed_in.may(Right.DECIDE) or not signed_in.may(Right.ASSESS)


def _read_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
