"""Stopping: the panic key, the break, going on beyond the soft cap. Each is a plain form; a script only is quicker.

The neutral page names nothing of what is done here, and needs no session: whoever is out in the meantime still gets it,
also by the button, whose form then leads there and does nothing else (`refused_to` in the table of routes).
"""

import re
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.render import render
from api.console.signed_in import get_form, get_signed_in
from triage.clock import utcnow
from triage.rules.exposure import ExposurePolicy
from triage.steps.stop_looking import begin_break, leave_at_once
from triage.steps.watch_exposure import go_on
from triage.store.rows import Connection

router = APIRouter()
_ITEM = re.compile(r"/items/[0-9a-f-]{36}")


@router.post("/panic")
def leave(request: Request) -> Response:
    """End all that the person has open, and show a neutral page."""
    tools, person, now = get_staff(request), get_signed_in(request).person, utcnow()

    def work(conn: Connection) -> None:
        leave_at_once(conn, person, now=now, look_max_s=tools.settings.look_max_s)

    tools.database.run(work)
    return RedirectResponse("/notes", HTTPStatus.SEE_OTHER)


@router.get("/notes")
def show_notes(request: Request) -> Response:
    """Show a page that could be anybody's."""
    return render(request, "notes.html")


@router.post("/break")
def take_break(request: Request) -> Response:
    """Begin a break."""
    tools, person, now = get_staff(request), get_signed_in(request).person, utcnow()
    policy = ExposurePolicy.from_settings(tools.settings)

    def work(conn: Connection) -> None:
        begin_break(conn, person, now=now, policy=policy)

    tools.database.run(work)
    return RedirectResponse("/break", HTTPStatus.SEE_OTHER)


@router.get("/break")
def show_break(request: Request) -> Response:
    """Show until when the break lasts, and nothing else."""
    return render(request, "break.html")


@router.post("/go-on")
def say_go_on(request: Request) -> Response:
    """Note that the person goes on, and lead back to the item they came from."""
    tools, person, now = get_staff(request), get_signed_in(request).person, utcnow()
    policy, item = ExposurePolicy.from_settings(tools.settings), _ITEM.match(get_form(request).get("back"))

    def work(conn: Connection) -> None:
        go_on(conn, person, now=now, policy=policy)

    tools.database.run(work)
    return RedirectResponse(item[0] if item else "/", HTTPStatus.SEE_OTHER)
