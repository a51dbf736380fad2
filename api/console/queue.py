"""The queue: one lane at a time, top-level items only, no thumbnails.

1. The lanes are tabs, counted only so far as anybody needs to know; "mine" is a filter beside them.
2. "Mine" is what one has open, may still take back, or was left by others to who goes on, with the first line of
   their note.
3. A row says in words why it stands where it stands, how much of its time is left, and who has it open.
4. One line narrows a lane; what it does not know is named, and never an error.

Where scripts run its rows are asked for every 15 seconds; that is no use of the session.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from api.catalogues.languages import Language
from api.console.deps import get_staff
from api.console.last_action import LastAction, read_last_action
from api.console.queue_words import queue_words_for
from api.console.render import choose_language, render
from api.console.signed_in import SignedIn, get_form, get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.ids import read_id
from triage.rules.queue_filter import LONGEST, QueueFilter, read_filter
from triage.rules.rights import Right
from triage.rules.states import Lane
from triage.steps.lease_item import free_item
from triage.store.home import count_lanes
from triage.store.preferences import Preferences, read_preferences
from triage.store.queue_page import QueuePage, Viewer, list_lane, list_mine
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address asks for.

    Attributes:
        line: of the filter, as it was typed.
        is_mine: what is this person's to go on with, whatever its lane.
        is_still: the rows do not renew themselves.
    """

    lane: Lane | None
    after: UUID | None
    line: str
    wanted: QueueFilter
    is_mine: bool
    is_still: bool


@router.get("/queue")
def show_queue(request: Request) -> HTMLResponse:
    """Show one lane; without a name the first one that holds anything. `?still=1` keeps its rows still."""
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()

    def work(conn: Connection) -> tuple[Preferences, LastAction | None]:
        done = request.query_params.get("done", "")
        last = read_last_action(conn, done, signed_in, now=now, undo_s=tools.settings.undo_s)
        return read_preferences(conn, signed_in.person.id), last

    preferences, done = tools.database.run(work)
    return render(
        request,
        "queue.html",
        done=done,
        preferences=preferences,
        longest=LONGEST,
        **_read_page(request),
    )


@router.get("/queue/rows")
def show_rows(request: Request) -> HTMLResponse:
    """Show the lanes and the rows of one of them, as a part of the page."""
    return render(request, "_queue_rows.html", **_read_page(request))


@router.post("/items/{item_id}/free")
def free(request: Request, item_id: UUID) -> RedirectResponse:
    """Free an item that somebody else has open and went away from."""
    tools, person, now = get_staff(request), get_signed_in(request).person, utcnow()
    lane = find_lane(get_form(request).get("lane"))

    def work(conn: Connection) -> None:
        free_item(conn, item_id, person=person, now=now)

    tools.database.run(work)
    return RedirectResponse(queue_of(lane), HTTPStatus.SEE_OTHER)


def _read_page(request: Request) -> dict[str, Any]:
    tools, signed_in, asked, now = get_staff(request), get_signed_in(request), _read_asked(request), utcnow()
    undo_since = now - timedelta(seconds=tools.settings.undo_s)

    def work(conn: Connection) -> tuple[dict[Lane, int], Lane, QueuePage]:
        found = count_lanes(conn, signed_in.person.id)
        counts = {one: found[one] for one in LANES if one is not Lane.LEAD or sees_lead_lane(signed_in)}
        lane = asked.wanted.lane or asked.lane
        if lane not in counts:
            lane = next((one for one in counts if counts[one]), Lane.LOOK)
        return counts, lane, _list_rows(conn, asked, lane, signed_in, now=now, undo_since=undo_since)

    counts, lane, page = tools.database.run(work)
    return _describe(asked, counts, lane, page, choose_language(request), now)


def _list_rows(
    conn: Connection, asked: _Asked, lane: Lane, signed_in: SignedIn, *, now: datetime, undo_since: datetime
) -> QueuePage:
    viewer = Viewer(
        signed_in.person.id, signed_in.may(Right.ASSESS), now, decides=signed_in.may(Right.DECIDE)
    )
    if asked.is_mine:
        return list_mine(conn, viewer, undo_since=undo_since)
    return list_lane(conn, lane, viewer, after=asked.after, wanted=asked.wanted)


def _describe(
    asked: _Asked, counts: dict[Lane, int], lane: Lane, page: QueuePage, language: Language, now: datetime
) -> dict[str, Any]:
    """Return what the templates need.

    The addresses of the page keep the line and whether it is still; a tab leaves the place in the lane behind.
    """
    kept = [("still", "1")] if asked.is_still else []
    line = [("q", asked.line)] if asked.line else []
    shown = [("mine", "1")] if asked.is_mine else [("lane", lane.value), *line]
    place = [*shown, *([("after", str(asked.after))] if asked.after else [])]
    return {
        "counts": counts,
        "lane": lane,
        "is_mine": asked.is_mine,
        "is_still": asked.is_still,
        "rows": page.rows,
        "handed": page.handed,
        "is_cut": page.is_cut,
        "line": asked.line,
        "unknown": asked.wanted.unknown,
        "is_narrow": asked.wanted.is_narrow,
        "tab": lambda one: "/queue?" + urlencode([("lane", one.value), *line, *kept]),
        "place": urlencode([*place, *kept]),
        "place_moving": urlencode(place),
        "first_page": "/queue?" + urlencode([*shown, *kept]) if asked.after else "",
        "next_page": (
            "/queue?" + urlencode([*shown, ("after", str(page.next_after)), *kept]) if page.next_after else ""
        ),
        **words_for(language, now),
        **queue_words_for(language, now),
    }


def _read_asked(request: Request) -> _Asked:
    fields = request.query_params
    line = fields.get("q", "")[:LONGEST].strip()
    return _Asked(
        lane=find_lane(fields.get("lane", "")),
        after=read_id(fields.get("after", "")),
        line=line,
        wanted=read_filter(line),
        is_mine=fields.get("mine") == "1",
        is_still=fields.get("still") == "1",
    )


def sees_lead_lane(signed_in: SignedIn) -> bool:
    """Whether disputes are listed to a person: to who decides them, and to who only reads."""
    return signed_in.may(Right.DECIDE) or not signed_in.may(Right.ASSESS)
