"""Welfare, for a lead: the sums of all; one person's figures for a reason that they read; other caps for today.

Nobody is ranked here, and nothing says how fast anybody works.
"""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.judgement_form import read_number
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import render
from api.console.signed_in import get_form, get_signed_in
from triage.clock import utcnow
from triage.errors import InvalidReportError
from triage.model import Person
from triage.rules.exposure import CEILING_LOOKS, CEILING_S, ExposurePolicy
from triage.rules.welfare import DayFigures, DayTotals
from triage.steps.read_welfare import read_figures_of, read_totals
from triage.steps.watch_exposure import MAX_REASON, allow_for_today
from triage.store.rows import Connection
from triage.store.training import find_passed
from triage.store.welfare import Looker, list_lookers

router = APIRouter()


@router.get("/welfare")
def show_welfare(request: Request) -> Response:
    """Show the sums of the last days, and the forms for one person."""
    return _show(request, said="welfare_allowed" if request.query_params.get("said") == "allowed" else "")


@router.post("/welfare/figures")
def show_figures(request: Request) -> Response:
    """Show one person's figures, on the answer to the form that gave the reason and nowhere else."""
    tools, lead, form, now = get_staff(request), get_signed_in(request).person, get_form(request), utcnow()
    policy = ExposurePolicy.from_settings(tools.settings)

    def work(conn: Connection) -> tuple[Person, list[DayFigures]]:
        person_id = _read_person(form.get("person"))
        return read_figures_of(conn, person_id, reason=form.get("reason"), lead=lead, now=now, policy=policy)

    try:
        person, figures = tools.database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, status=status, error=sentence)
    return _show(request, person=person, figures=figures)


@router.post("/welfare/allow")
def allow(request: Request) -> Response:
    """Allow one person another cap for today."""
    tools, lead, form, now = get_staff(request), get_signed_in(request).person, get_form(request), utcnow()

    def work(conn: Connection) -> None:
        allow_for_today(
            conn,
            _read_person(form.get("person")),
            minutes=read_number(form, "minutes"),
            looks=read_number(form, "looks"),
            reason=form.get("reason"),
            lead=lead,
            now=now,
        )

    try:
        tools.database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, status=status, error=sentence)
    return RedirectResponse("/welfare?said=allowed", HTTPStatus.SEE_OTHER)


def _read_person(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidReportError("The form cannot be read.") from None


def _show(
    request: Request,
    *,
    status: int = HTTPStatus.OK,
    error: str = "",
    said: str = "",
    person: Person | None = None,
    figures: list[DayFigures] | None = None,
) -> Response:
    tools, lead, now = get_staff(request), get_signed_in(request).person, utcnow()
    policy = ExposurePolicy.from_settings(tools.settings)

    def read(conn: Connection) -> tuple[list[DayTotals], list[Looker], frozenset[UUID]]:
        lookers = list_lookers(conn)
        passed = find_passed(conn, [one.id for one in lookers])
        return list(read_totals(conn, lead=lead, now=now, policy=policy)), lookers, passed

    totals, lookers, passed = tools.database.run(read)
    return render(
        request,
        "welfare.html",
        status=status,
        error=error,
        said=said,
        totals=totals,
        others=[one for one in lookers if one.is_here and one.id != lead.id],
        untrained=[one.name for one in lookers if one.is_here and one.id not in passed],
        person=person,
        figures=figures or [],
        policy=policy,
        max_reason=MAX_REASON,
        max_minutes=int(CEILING_S // 60),
        max_looks=CEILING_LOOKS,
    )
