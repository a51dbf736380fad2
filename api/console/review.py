"""Review: one item with its pictures, text first, and all that a person says of it.

Each form is a plain post. It leads back to the item while something on it waits for this person, else to the queue
of the lane one came from. A refusal is one sentence on the page it belongs to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.judgement_form import read_judgement, read_number, read_reason
from api.console.queue import find_lane, queue_of
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.review_view import GROUPS, ReviewView, build_view
from api.console.signed_in import Form, get_form, get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.model import Person
from triage.rules.exits import DIRECT, can_be_direct, read_exit_rules, read_exits
from triage.rules.states import Lane
from triage.settings import Settings
from triage.steps import assess, clear_item, reopen_item
from triage.steps.settle_item import AssessPolicy
from triage.store.rows import Connection

router = APIRouter()


# The page


@router.get("/items/{item_id}")
def show_item(request: Request, item_id: UUID) -> Response:
    """Show an item."""
    return show_review(request, item_id, find_lane(request.query_params.get("lane", "")))


def show_review(
    request: Request, item_id: UUID, lane: Lane | None, *, status: int = HTTPStatus.OK, error: str = ""
) -> Response:
    """Return the review page of an item.

    Args:
        lane: the queue that this person came from.
        error: why what was asked was not done, one sentence.
    """
    tools, now = get_staff(request), utcnow()
    view = _read_view(request, item_id)
    return render(
        request,
        "review.html",
        status=status,
        view=view,
        groups=GROUPS,
        lane=lane or view.item.lane,
        error=error,
        look_max_s=tools.settings.look_max_s,
        exits=_list_exits(tools.settings),
        **words_for(choose_language(request), now),
    )


def _list_exits(settings: Settings) -> list[str]:
    """Return the ways out that a person may choose from; none where there is only the direct one."""
    exits = read_exits(settings.fetch_exits)
    is_direct = can_be_direct(read_exit_rules(settings.fetch_exit_rules, exits))
    return [*([DIRECT] if is_direct else []), *(one.name for one in exits)] if exits else []


def _read_view(request: Request, item_id: UUID) -> ReviewView:
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()

    def work(conn: Connection) -> ReviewView:
        return build_view(conn, item_id, signed_in, now=now, undo_s=tools.settings.undo_s)

    return tools.database.run(work)


# What every form does


@dataclass(frozen=True, slots=True)
class Sent:
    """A form as it arrived: who sent it, when, and by which policy it is judged."""

    person: Person
    now: datetime
    policy: AssessPolicy
    form: Form


def _read_sent(request: Request) -> Sent:
    policy = AssessPolicy.from_settings(get_staff(request).settings)
    return Sent(get_signed_in(request).person, utcnow(), policy, get_form(request))


def _do(
    request: Request,
    item_id: UUID,
    work: Callable[[Connection], object],
    *,
    stays: bool = False,
    leaves: bool = False,
) -> Response:
    """Do what a form asks and lead on; a refusal is said on the item's page.

    Args:
        stays: lead back to the item in any case.
        leaves: lead to the queue in any case.
    """
    lane = find_lane(get_form(request).get("lane"))
    try:
        get_staff(request).database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return show_review(request, item_id, lane, status=status, error=sentence)
    if stays or (not leaves and _read_view(request, item_id).has_work):
        return lead_back(item_id, lane)
    return RedirectResponse(f"{queue_of(lane)}{'&' if lane else '?'}done={item_id}", HTTPStatus.SEE_OTHER)


def lead_back(item_id: UUID, lane: Lane | None) -> Response:
    """Lead to an item's page."""
    path = f"/items/{item_id}" + (f"?lane={lane.value}" if lane else "")
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


# Judging


@router.post("/items/{item_id}/confirm")
def confirm(request: Request, item_id: UUID) -> Response:
    """Confirm without a look."""
    sent = _read_sent(request)

    def work(conn: Connection) -> None:
        assess.confirm_item(
            conn,
            item_id,
            person=sent.person,
            round_=read_number(sent.form, "round"),
            now=sent.now,
            policy=sent.policy,
            danger=bool(sent.form.get("danger")),
            police_hold=bool(sent.form.get("police_hold")),
        )

    return _do(request, item_id, work)


@router.post("/items/{item_id}/confirm-known")
def confirm_known(request: Request, item_id: UUID) -> Response:
    """Confirm the known pictures of a page without a look, and leave the others."""
    sent = _read_sent(request)

    def work(conn: Connection) -> None:
        assess.confirm_known_pictures(
            conn,
            item_id,
            person=sent.person,
            round_=read_number(sent.form, "round"),
            now=sent.now,
            policy=sent.policy,
        )

    return _do(request, item_id, work)


@router.post("/items/{item_id}/assess")
def assess_item(request: Request, item_id: UUID) -> Response:
    """Judge an item itself."""
    return _judge_item(request, item_id, is_lead_word=False)


@router.post("/items/{item_id}/decide")
def decide_item(request: Request, item_id: UUID) -> Response:
    """Decide as a lead on an item itself."""
    return _judge_item(request, item_id, is_lead_word=True)


@router.post("/items/{item_id}/images/{image_id}/assess")
def assess_image(request: Request, item_id: UUID, image_id: UUID) -> Response:
    """Judge a picture; a look at it that is still open ends."""
    return _judge_image(request, item_id, image_id, is_lead_word=False)


@router.post("/items/{item_id}/images/{image_id}/decide")
def decide_image(request: Request, item_id: UUID, image_id: UUID) -> Response:
    """Decide as a lead on a disputed picture."""
    return _judge_image(request, item_id, image_id, is_lead_word=True)


def _judge_item(request: Request, item_id: UUID, *, is_lead_word: bool) -> Response:
    sent = _read_sent(request)

    def work(conn: Connection) -> None:
        assess.assess_item(
            conn,
            item_id,
            read_judgement(sent.form),
            person=sent.person,
            round_=read_number(sent.form, "round"),
            now=sent.now,
            policy=sent.policy,
            is_lead_word=is_lead_word,
        )

    return _do(request, item_id, work)


def _judge_image(request: Request, item_id: UUID, image_id: UUID, *, is_lead_word: bool) -> Response:
    sent = _read_sent(request)

    def work(conn: Connection) -> None:
        assess.assess_image(
            conn,
            item_id,
            image_id,
            read_judgement(sent.form),
            person=sent.person,
            round_=read_number(sent.form, "round"),
            now=sent.now,
            policy=sent.policy,
            is_lead_word=is_lead_word,
        )

    return _do(request, item_id, work)


# Beside judging


@router.post("/items/{item_id}/skip")
def skip_item(request: Request, item_id: UUID) -> Response:
    """Pass over an item, without a reason."""
    return _skip(request, item_id, None)


@router.post("/items/{item_id}/images/{image_id}/skip")
def skip_image(request: Request, item_id: UUID, image_id: UUID) -> Response:
    """Pass over a picture, without a reason."""
    return _skip(request, item_id, image_id)


def _skip(request: Request, item_id: UUID, image_id: UUID | None) -> Response:
    sent = _read_sent(request)

    def work(conn: Connection) -> None:
        assess.skip(
            conn,
            item_id,
            person=sent.person,
            round_=read_number(sent.form, "round"),
            now=sent.now,
            policy=sent.policy,
            image_id=image_id,
        )

    return _do(
        request, item_id, work, leaves=image_id is None or not _has_more_work(request, item_id, image_id)
    )


def _has_more_work(request: Request, item_id: UUID, image_id: UUID) -> bool:
    """Whether another picture of the item waits for this person: who passes over the only one has done with it."""
    view = _read_view(request, item_id)
    return any(
        one.form and one.group != "known" and one.picture.image_id != image_id for one in view.pictures
    )


@router.post("/items/{item_id}/rest")
def drop_rest(request: Request, item_id: UUID) -> Response:
    """Say that the open pictures of a page are not needed."""
    sent = _read_sent(request)

    def work(conn: Connection) -> None:
        clear_item.say_rest_not_needed(conn, item_id, person=sent.person, now=sent.now, policy=sent.policy)

    return _do(request, item_id, work)


@router.post("/items/{item_id}/recapture")
def recapture(request: Request, item_id: UUID) -> Response:
    """Have an item captured again, by a way out if one is named."""
    sent = _read_sent(request)
    exits = _list_exits(get_staff(request).settings)

    def work(conn: Connection) -> None:
        clear_item.request_recapture(
            conn,
            item_id,
            person=sent.person,
            now=sent.now,
            exit_name=sent.form.get("exit") or None,
            exits=exits,
        )

    return _do(request, item_id, work)


@router.post("/items/{item_id}/reopen")
def reopen(request: Request, item_id: UUID) -> Response:
    """Reopen an item, with a reason."""
    sent = _read_sent(request)

    def work(conn: Connection) -> None:
        reason = read_reason(sent.form)
        reopen_item.reopen_item(
            conn, item_id, person=sent.person, reason=reason, now=sent.now, sending=sent.policy.sending
        )

    return _do(request, item_id, work, stays=True)


@router.post("/items/{item_id}/undo")
def undo(request: Request, item_id: UUID) -> Response:
    """Undo one's own last word, while nothing has left."""
    sent = _read_sent(request)

    def work(conn: Connection) -> None:
        reopen_item.undo(
            conn,
            item_id,
            person=sent.person,
            now=sent.now,
            undo_s=sent.policy.undo_s,
            sending=sent.policy.sending,
        )

    return _do(request, item_id, work, stays=True)
