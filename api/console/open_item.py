"""Opening an item: one person works on it at a time, for as long as they are there.

1. Open one, or the next free one of a lane: the lease is taken, and the review page follows.
2. The page's script says every minute that somebody is still there; that is no use of the session.
3. Leave it: it is free again, with a note for who goes on where work was begun.
"""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.judgement_form import read_words
from api.console.queue import find_lane, queue_of
from api.console.refusals import REFUSALS, describe_refusal
from api.console.review import lead_back, show_review
from api.console.review_view import build_view
from api.console.signed_in import get_form, get_signed_in
from triage.clock import utcnow
from triage.rules.states import Lane
from triage.steps.hand_over import leave_item
from triage.steps.lease_item import keep_lease, take_lease, take_next
from triage.steps.watch_exposure import ExposurePolicy, require_offer
from triage.store.hand_over_notes import MAX_WORDS, NoteWords
from triage.store.rows import Connection

router = APIRouter()


@router.post("/items/{item_id}/open")
def open_item(request: Request, item_id: UUID) -> Response:
    """Open an item to work on it."""
    tools, person, now = get_staff(request), get_signed_in(request).person, utcnow()
    lane = find_lane(get_form(request).get("lane"))

    def work(conn: Connection) -> None:
        take_lease(conn, item_id, person=person, now=now, life_s=tools.settings.lease_s)

    try:
        tools.database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return show_review(request, item_id, lane, status=status, error=sentence)
    return lead_back(item_id, lane)


@router.post("/queue/next")
def open_next(request: Request) -> Response:
    """Open the next free item of a lane; the queue where there is none."""
    tools, person, now = get_staff(request), get_signed_in(request).person, utcnow()
    lane = find_lane(get_form(request).get("lane")) or Lane.LOOK

    def work(conn: Connection) -> UUID | None:
        if lane is not Lane.NO_LOOK:
            policy = ExposurePolicy.from_settings(tools.settings)
            require_offer(conn, person, now=now, policy=policy)
        return take_next(conn, lane, person=person, now=now, life_s=tools.settings.lease_s)

    item_id = tools.database.run(work)
    if item_id is None:
        return RedirectResponse(queue_of(lane), HTTPStatus.SEE_OTHER)
    return lead_back(item_id, lane)


@router.post("/items/{item_id}/heartbeat")
def keep_open(request: Request, item_id: UUID) -> Response:
    """Say that somebody is still there; 403 where the item is not open for them any more."""
    tools, person, now = get_staff(request), get_signed_in(request).person, utcnow()

    def work(conn: Connection) -> bool:
        return keep_lease(conn, item_id, person=person, now=now, life_s=tools.settings.lease_s)

    is_kept = tools.database.run(work)
    return Response(status_code=HTTPStatus.NO_CONTENT if is_kept else HTTPStatus.FORBIDDEN)


@router.post("/items/{item_id}/leave")
def leave(request: Request, item_id: UUID) -> Response:
    """Leave an item to others, and go back to the queue."""
    tools, signed_in, form, now = get_staff(request), get_signed_in(request), get_form(request), utcnow()
    lane = find_lane(form.get("lane"))

    def work(conn: Connection) -> None:
        words = NoteWords(*(read_words(form, name, MAX_WORDS) for name in ("done", "next", "watch_out")))
        view = build_view(conn, item_id, signed_in)
        leave_item(conn, item_id, words, person=signed_in.person, has_work=view.has_work, now=now)

    try:
        tools.database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return show_review(request, item_id, lane, status=status, error=sentence, is_leaving=True)
    return RedirectResponse(queue_of(lane), HTTPStatus.SEE_OTHER)
