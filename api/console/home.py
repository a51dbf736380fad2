"""The first page: what became of your items, what you saw today, what waits, and the next step as one button."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.console.deps import get_staff
from api.console.queue import sees_lead_lane
from api.console.render import render
from api.console.signed_in import SignedIn, get_form, get_signed_in
from triage.clock import utcnow
from triage.rules.exposure import ExposurePolicy
from triage.rules.recovery import SHOWN_FOR
from triage.rules.rights import Right
from triage.rules.states import Lane
from triage.rules.welfare import DayFigures
from triage.steps.read_welfare import read_own_figures
from triage.store.home import count_lanes
from triage.store.recoveries import RecoveryNews, read_news
from triage.store.rows import Connection
from triage.store.welfare import Outcome, Said, change_outcome, hides_outcome, list_said, read_outcome

router = APIRouter()

WEEK = timedelta(days=7)
_SAID_AT_MOST = 5
_NEXT_LANES = (Lane.DANGER, Lane.LOOK, Lane.SECOND, Lane.PARTNER, Lane.NO_LOOK)
"""Which lane the button takes the next item of, the first that has one; the lead's own lane stands before these."""


@dataclass(frozen=True, slots=True)
class _Own:
    """What a person who looks at pictures reads about themself.

    Attributes:
        outcome: None where the person hid it.
    """

    outcome: Outcome | None
    figures: list[DayFigures]
    said: list[Said]


@router.get("/")
def show_home(request: Request) -> HTMLResponse:
    """Show the first page."""
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()
    policy = ExposurePolicy.from_settings(tools.settings)

    def read(conn: Connection) -> tuple[Mapping[Lane, int], RecoveryNews, _Own | None]:
        person_id = signed_in.person.id
        found = count_lanes(conn, person_id) if signed_in.may(Right.SEE_QUEUE) else {}
        lanes = {one: found[one] for one in found if one is not Lane.LEAD or sees_lead_lane(signed_in)}
        news = read_news(conn, person_id, since=now - SHOWN_FOR, now=now)
        if not signed_in.may(Right.LOOK):
            return lanes, news, None
        is_hidden = hides_outcome(conn, person_id)
        own = _Own(
            outcome=None if is_hidden else read_outcome(conn, person_id, since=now - WEEK),
            figures=read_own_figures(conn, person_id, now=now, policy=policy),
            said=list_said(conn, person_id, limit=_SAID_AT_MOST),
        )
        return lanes, news, own

    lanes, news, own = tools.database.run(read)
    return render(
        request,
        "home.html",
        rights=[right for right in Right if signed_in.may(right)],
        lanes=lanes,
        next_lane=_choose_next(signed_in, lanes),
        own=own,
        recoveries=news.count if signed_in.may(Right.RECOVER_PERSON) else 0,
        is_recovery_asked=news.is_own_open,
    )


def _choose_next(signed_in: SignedIn, lanes: Mapping[Lane, int]) -> Lane | None:
    """Return the lane of the next step: without pictures where no look is offered; None where nothing waits."""
    if not signed_in.may(Right.ASSESS):
        return None
    is_offered = signed_in.standing is not None and signed_in.standing.is_offered
    wanted: tuple[Lane, ...] = _NEXT_LANES if is_offered else (Lane.NO_LOOK,)
    if is_offered and signed_in.may(Right.DECIDE):
        wanted = (Lane.DANGER, Lane.LEAD, *_NEXT_LANES[1:])
    return next((lane for lane in wanted if lanes.get(lane)), None)


@router.post("/outcome")
def hide_outcome(request: Request) -> Response:
    """Hide what became of a person's items from their first page, or show it again."""
    person_id, is_hidden = get_signed_in(request).person.id, get_form(request).get("to") == "hide"

    def work(conn: Connection) -> None:
        change_outcome(conn, person_id, is_hidden=is_hidden)

    get_staff(request).database.run(work)
    return RedirectResponse("/", HTTPStatus.SEE_OTHER)
