"""The first page: who you are, what you may do, what waits."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.console.deps import get_staff
from api.console.render import render
from api.console.signed_in import get_signed_in
from triage.rules.rights import Right
from triage.store.home import count_lanes

router = APIRouter()


@router.get("/")
def show_home(request: Request) -> HTMLResponse:
    """Show the first page."""
    signed_in = get_signed_in(request)
    lanes = get_staff(request).database.run(count_lanes) if signed_in.may(Right.SEE_QUEUE) else {}
    rights = [right for right in Right if signed_in.may(right)]
    return render(request, "home.html", rights=rights, lanes=lanes)
