"""The training set: a newcomer learns looks, keys and labels on drawn pictures, before any other is shown to them.

1. The list of tasks; each is a page like the review page, with the same keys, and a drawing that this code makes.
2. A look is asked for, shown and hidden as on the review page; none is stored, and nothing counts the time.
3. An answer is right or not, says why, and leads to the next task.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from api.console.deps import get_staff
from api.console.judgement_form import read_number
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import render
from api.console.signed_in import get_form, get_signed_in
from api.console.training_pictures import SVG, TrainingView, draw_thumb, draw_view
from triage.clock import utcnow
from triage.errors import HotlineError, InvalidReportError, NotAllowedError, UnknownThingError
from triage.rules.assessing import Label
from triage.rules.clusters import ALIKE_BITS
from triage.rules.training import (
    NEEDED,
    NEIGHBOURS,
    RIGHT_ANSWERS,
    ROUND_TASKS,
    SKIP,
    Drawing,
    Progress,
    Task,
    write_numbers,
)
from triage.steps.train import answer_task, find_task
from triage.store.preferences import Preferences, read_preferences
from triage.store.rows import Connection
from triage.store.training import read_answer, read_progress

router = APIRouter()

LABELS = (Label.BASELINE, Label.NATIONAL, Label.NOT_ILLEGAL, Label.OUT_OF_REMIT, Label.UNSURE)
_SHOWN_S = 10
"""Seconds after which a page with a picture leaves by itself."""

_SAID = re.compile(r"([0-9]{1,6})-([0-9]{1,2})")
_LOOK = re.compile(r"([0-9]{1,6})-([0-9]{1,2})-([a-z_]{1,20})")


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of the answer that was just given."""

    task: Task
    is_right: bool


@dataclass(frozen=True, slots=True)
class _Desk:
    """What a page of the training set needs of its person."""

    progress: Progress
    preferences: Preferences
    feedback: Feedback | None


@router.get("/training")
def show_training(request: Request) -> Response:
    """Show what is agreed, the tasks, and how far the person is."""
    desk = _read_desk(request)
    return render(
        request,
        "training.html",
        progress=desk.progress,
        feedback=desk.feedback,
        rules=RIGHT_ANSWERS,
        skip=SKIP,
        tasks=ROUND_TASKS,
        needed=NEEDED,
        alike_bits=ALIKE_BITS,
    )


@router.get("/training/{number}")
def show_task(request: Request, number: int) -> Response:
    """Show a task of the round that the person is in."""
    return _show_task(request, number)


def _show_task(request: Request, number: int, *, status: int = HTTPStatus.OK, error: str = "") -> Response:
    desk, tools = _read_desk(request), get_staff(request)
    task = find_task(get_signed_in(request).person, round_=desk.progress.round, number=number)
    return render(
        request,
        "training_task.html",
        status=status,
        error=error,
        task=task,
        is_answered=number in desk.progress.answers,
        progress=desk.progress,
        feedback=desk.feedback,
        preferences=desk.preferences,
        labels=LABELS,
        rules=RIGHT_ANSWERS,
        skip=SKIP,
        tasks=ROUND_TASKS,
        alike_bits=ALIKE_BITS,
        look_max_s=min(_SHOWN_S, tools.settings.look_max_s),
        item_id=None,
    )


def _read_desk(request: Request) -> _Desk:
    person = get_signed_in(request).person
    said = _SAID.fullmatch(request.query_params.get("said", ""))

    def work(conn: Connection) -> _Desk:
        feedback = None
        if said:
            round_, number = int(said[1]), int(said[2])
            is_right = read_answer(conn, person.id, round_=round_, task=number)
            if is_right is not None:
                feedback = Feedback(find_task(person, round_=round_, number=number), is_right)
        return _Desk(read_progress(conn, person.id), read_preferences(conn, person.id), feedback)

    return get_staff(request).database.run(work)


# Answering


@router.post("/training/{number}")
def answer(request: Request, number: int) -> Response:
    """Answer with a label, or with the numbers of the alike pictures."""
    form = get_form(request)
    if form.get("kind") == "alike":
        places = [place for place in range(1, NEIGHBOURS + 1) if str(place) in form.list("same")]
        return _answer(request, number, write_numbers(places))
    try:
        label = Label(read_number(form, "label"))
    except (ValueError, InvalidReportError):
        return _refuse(request, number, InvalidReportError("Choose one of the labels."))
    return _answer(request, number, str(label.value))


@router.post("/training/{number}/skip")
def skip(request: Request, number: int) -> Response:
    """Pass a picture over."""
    return _answer(request, number, SKIP)


def _answer(request: Request, number: int, text: str) -> Response:
    tools, person, form, now = get_staff(request), get_signed_in(request).person, get_form(request), utcnow()

    def work(conn: Connection) -> tuple[int, int]:
        round_ = read_number(form, "round")
        answer_task(conn, person=person, round_=round_, number=number, answer=text, now=now)
        return round_, read_progress(conn, person.id).round

    try:
        round_, now_in = tools.database.run(work)
        progress = tools.database.run(lambda conn: read_progress(conn, person.id))
    except REFUSALS as error:
        return _refuse(request, number, error)
    ahead = "/training" if now_in != round_ else f"/training/{progress.next_task}"
    return RedirectResponse(f"{ahead}?said={round_}-{number}", HTTPStatus.SEE_OTHER)


def _refuse(request: Request, number: int, error: HotlineError) -> Response:
    status, sentence = describe_refusal(request, error)
    return _show_task(request, number, status=status, error=sentence)


# Looking


@router.post("/training/{number}/reveal")
def reveal(request: Request, number: int) -> Response:
    """Answer with the picture's address to a script, else with the page that shows it for some seconds."""
    form = get_form(request)
    person = get_signed_in(request).person
    progress = get_staff(request).database.run(lambda conn: read_progress(conn, person.id))
    task, view = find_task(person, round_=progress.round, number=number), _read_view(form.get("rendering"))
    token = f"{progress.round}-{number}-{view.value}"
    if request.headers.get("accept", "") == "application/json":
        return JSONResponse({"look": str(number), "token": token})
    page = render(
        request,
        "training_look.html",
        task=task,
        token=token,
        progress=progress,
        labels=LABELS,
        longest_s=_SHOWN_S,
    )
    page.headers["Refresh"] = f"{_SHOWN_S}; url=/training/{number}"
    return page


@router.get("/training/looks/{token}")
def send_picture(request: Request, token: str) -> Response:
    """Send a picture of a task in which one picture is judged."""
    found = _LOOK.fullmatch(token)
    if found is None:
        raise UnknownThingError("The training set has no such task.")
    task = find_task(get_signed_in(request).person, round_=int(found[1]), number=int(found[2]))
    if task.drawing is Drawing.ALIKE:
        raise NotAllowedError("There is no such view.")
    return Response(draw_view(task, _read_view(found[3])), media_type=SVG)


@router.get("/training/{number}/thumbs/{place}")
def send_thumb(request: Request, number: int, place: int) -> Response:
    """Send a grey thumb of a task of the round that the person is in."""
    person = get_signed_in(request).person
    progress = get_staff(request).database.run(lambda conn: read_progress(conn, person.id))
    task = find_task(person, round_=progress.round, number=number)
    if place not in range(len(task.distances) + 1):
        raise UnknownThingError("This picture has no thumb.")
    return Response(draw_thumb(task, place), media_type=SVG)


@router.post("/training/looks/{number}/end")
def hide(request: Request, number: int) -> Response:
    """End a look; nothing is counted."""
    if request.headers.get("accept", "") == "application/json":
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return RedirectResponse(f"/training/{number}", HTTPStatus.SEE_OTHER)


def _read_view(text: str) -> TrainingView:
    try:
        return TrainingView(text)
    except ValueError:
        raise InvalidReportError("The form cannot be read.") from None
