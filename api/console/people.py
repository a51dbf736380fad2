"""Who works here, with which roles. They are added and disabled by `hotline user`, on the machine."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.console.deps import get_staff
from api.console.render import render
from triage.store.people import list_persons

router = APIRouter()


@router.get("/people")
def show_people(request: Request) -> HTMLResponse:
    """List the persons."""
    return render(request, "people.html", persons=get_staff(request).database.run(list_persons))
