"""What a person says of an item that they have open: each form is a plain post.

1. Each act needs the lease in its transaction.
2. To who could still be the second assessor whatever the page does not offer is refused by one sentence: what the item
   came to by the first word is told by no refusal.
3. Undoing and reopening bring back what is settled, which nobody has open.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.deps import get_staff
from api.console.item_view import GIVE_FIRST, require_heard
from api.console.judgement_form import read_judgement, read_number, read_reason
from api.console.queue import find_lane
from api.console.refusals import REFUSALS, describe_refusal
from api.console.review import lead_back, lead_on, list_exits, show_review, try_to_open
from api.console.review_view import ReviewView, build_view
from api.console.signed_in import Form, get_form, get_signed_in
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.model import Person
from triage.steps import assess, clear_item, reopen_item
from triage.steps.lease_item import require_lease
from triage.steps.settle_item import AssessPolicy
from triage.store.rows import Connection

router = APIRouter()


# What every form does


@dataclass(frozen=True, slots=True)
class Sent:
    """A form as it arrived: who sent it, when, and by which policy it is judged."""

    person: Person
    now: datetime
    policy: AssessPolicy
    form: Form

    @property
    def round_(self) -> int:
        """The round that the page showed; asked within the transaction, where a refusal is said on the page."""
        return read_number(self.form, "round")


def _read_sent(request: Request) -> Sent:
    policy = AssessPolicy.from_settings(get_staff(request).settings)
    return Sent(get_signed_in(request).person, utcnow(), policy, get_form(request))


def _do(
    request: Request,
    item_id: UUID,
    work: Callable[[Connection], object],
    *,
    skipped: UUID | None = None,
    is_offered: Callable[[ReviewView], bool] | None = None,
) -> Response:
    """Do what a form asks of an item that is open, and lead on; a refusal is said on the item's page.

    Args:
        skipped: as for `lead_on`.
        is_offered: whether the review page offers this form; of a picture's own forms that is not asked.
    """
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()
    lane = find_lane(get_form(request).get("lane"))

    def act(conn: Connection) -> None:
        require_lease(conn, item_id, person=signed_in.person, now=now, life_s=tools.settings.lease_s)
        if is_offered is not None:
            view = build_view(conn, item_id, signed_in)
            if view.is_blind and not is_offered(view):
                raise NotAllowedError(GIVE_FIRST)
        work(conn)

    return lead_on(request, item_id, lane, act, skipped=skipped)


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
            round_=sent.round_,
            now=sent.now,
            policy=sent.policy,
            danger=bool(sent.form.get("danger")),
            police_hold=bool(sent.form.get("police_hold")),
        )

    return _do(request, item_id, work, is_offered=lambda view: view.may_confirm)


@router.post("/items/{item_id}/confirm-known")
def confirm_known(request: Request, item_id: UUID) -> Response:
    """Confirm the known pictures of a page without a look, and leave the others."""
    sent = _read_sent(request)

    def work(conn: Connection) -> None:
        assess.confirm_known_pictures(
            conn,
            item_id,
            person=sent.person,
            round_=sent.round_,
            now=sent.now,
            policy=sent.policy,
        )

    return _do(request, item_id, work, is_offered=lambda view: view.may_confirm_known)


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
            round_=sent.round_,
            now=sent.now,
            policy=sent.policy,
            is_lead_word=is_lead_word,
        )

    form = "decide" if is_lead_word else "assess"
    return _do(request, item_id, work, is_offered=lambda view: view.form == form)


def _judge_image(request: Request, item_id: UUID, image_id: UUID, *, is_lead_word: bool) -> Response:
    sent = _read_sent(request)

    def work(conn: Connection) -> None:
        assess.assess_image(
            conn,
            item_id,
            image_id,
            read_judgement(sent.form),
            person=sent.person,
            round_=sent.round_,
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
            round_=sent.round_,
            now=sent.now,
            policy=sent.policy,
            image_id=image_id,
        )

    is_offered = None if image_id else _offers_skip
    return _do(request, item_id, work, skipped=image_id or item_id, is_offered=is_offered)


def _offers_skip(view: ReviewView) -> bool:
    return view.may_skip


@router.post("/items/{item_id}/rest")
def drop_rest(request: Request, item_id: UUID) -> Response:
    """Say that the open pictures of a page are not needed."""
    sent = _read_sent(request)

    def work(conn: Connection) -> None:
        clear_item.say_rest_not_needed(conn, item_id, person=sent.person, now=sent.now, policy=sent.policy)

    return _do(request, item_id, work, is_offered=lambda view: view.may_drop_rest)


@router.post("/items/{item_id}/recapture")
def recapture(request: Request, item_id: UUID) -> Response:
    """Have an item captured again, by a way out if one is named."""
    sent = _read_sent(request)
    exits = list_exits(get_staff(request).settings)

    def work(conn: Connection) -> None:
        clear_item.request_recapture(
            conn,
            item_id,
            person=sent.person,
            now=sent.now,
            exit_name=sent.form.get("exit") or None,
            exits=exits,
        )

    return _do(request, item_id, work, is_offered=lambda view: view.may_recapture)


# What is settled


@router.post("/items/{item_id}/reopen")
def reopen(request: Request, item_id: UUID) -> Response:
    """Reopen an item, with a reason."""
    sent, signed_in = _read_sent(request), get_signed_in(request)

    def work(conn: Connection) -> None:
        require_heard(conn, item_id, signed_in)
        reason = read_reason(sent.form)
        reopen_item.reopen_item(
            conn,
            item_id,
            person=sent.person,
            round_=sent.round_,
            reason=reason,
            now=sent.now,
            sending=sent.policy.sending,
        )

    return _bring_back(request, item_id, work, opens=False)


@router.post("/items/{item_id}/undo")
def undo(request: Request, item_id: UUID) -> Response:
    """Undo one's own last word, while nothing has left."""
    sent, signed_in = _read_sent(request), get_signed_in(request)

    def work(conn: Connection) -> None:
        require_heard(conn, item_id, signed_in)
        reopen_item.undo(
            conn,
            item_id,
            person=sent.person,
            round_=sent.round_,
            now=sent.now,
            undo_s=sent.policy.undo_s,
            sending=sent.policy.sending,
        )

    return _bring_back(request, item_id, work, opens=True)


def _bring_back(
    request: Request, item_id: UUID, work: Callable[[Connection], object], *, opens: bool
) -> Response:
    """Do what brings a settled item back, and lead to its page.

    Args:
        opens: whether the person goes on with it at once, if they may have it.
    """
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()
    lane = find_lane(get_form(request).get("lane"))

    def act(conn: Connection) -> None:
        work(conn)
        if opens:
            try_to_open(conn, item_id, tools, signed_in, now)

    try:
        tools.database.run(act)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return show_review(request, item_id, lane, status=status, error=sentence)
    return lead_back(item_id, lane)
