"""What the police asked us to hold, and who at the police lifts it."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.item_view import require_heard
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.signed_in import get_form, get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.steps.clear_item import lift_hold
from triage.store.rows import Connection
from triage.store.waiting_pages import list_held

router = APIRouter()


@router.get("/held")
def show_held(request: Request) -> Response:
    """Show what is held."""
    return _show(request)


def _show(request: Request, *, status: int = HTTPStatus.OK, error: str = "") -> Response:
    blind = get_signed_in(request).blind
    return render(
        request,
        "held.html",
        status=status,
        held=get_staff(request).database.run(lambda conn: list_held(conn, blind=blind)),
        error=error,
        **words_for(choose_language(request), utcnow()),
    )


@router.post("/items/{item_id}/lift")
def lift(request: Request, item_id: UUID) -> Response:
    """Lift a hold, with who at the police said so."""
    signed_in, said_so, now = get_signed_in(request), get_form(request).get("said_so"), utcnow()

    def work(conn: Connection) -> None:
        require_heard(conn, item_id, signed_in)
        lift_hold(conn, item_id, person=signed_in.person, said_so=said_so, now=now)

    try:
        get_staff(request).database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, status=status, error=sentence)
    return RedirectResponse("/held", HTTPStatus.SEE_OTHER)
