"""The detail panel as a form: with a judgement, and later on what is settled.

1. GET of an item: what of it is settled as illegal and was seen, each with its panel filled in as it stands.
2. POST: one of them is said anew; a partner referral that waited for it may leave.
3. GET of a picture that waits for a judgement: its form with the panel, for who has no script. The review page holds
   one panel, which a script copies; the form goes where those of that page go.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.queue import find_lane
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import render
from api.console.review_view import PictureView, build_view
from api.console.signed_in import Form, get_form, get_signed_in
from triage.clock import utcnow
from triage.errors import InvalidReportError, NotAllowedError, UnknownThingError
from triage.model import Item
from triage.rules.assessing import ReasonCode
from triage.rules.classification import FIELDS, PREFIX, Detail, read_detail
from triage.rules.rights import Right
from triage.rules.sending import SendingPolicy
from triage.steps.give_detail import give_detail
from triage.store import classifications, review
from triage.store.classifications import Describable
from triage.store.leases import find_lease
from triage.store.rows import Connection

router = APIRouter()


def read_detail_of(form: Form) -> Detail | None:
    """Return what a form says in its detail panel; None where nothing was chosen in it.

    Raises:
        InvalidReportError: a value is none of those that may be said.
    """
    return read_detail({PREFIX + name: ",".join(form.list(PREFIX + name)) for name in FIELDS})


def read_reason_code(form: Form) -> ReasonCode | None:
    """Return the reason that was chosen in one key, if any.

    Raises:
        InvalidReportError: there is no such reason.
    """
    text = form.get("reason_code")
    if not text:
        return None
    try:
        return ReasonCode(text)
    except ValueError:
        raise InvalidReportError("The form cannot be read.") from None


# What is settled


@dataclass(frozen=True, slots=True)
class DescribedView:
    """One picture of an item, or the item itself (then `one.image_id` is None).

    Attributes:
        number: its place on the page, from 1.
        detail: as it stands for this item; None while nobody said any.
        may_give: whether this person may say it.
    """

    number: int
    one: Describable
    detail: Detail | None
    may_give: bool


@router.get("/items/{item_id}/detail")
def show_details(request: Request, item_id: UUID) -> Response:
    """Show what of an item a detail can be said of, and how it stands."""
    return _show(request, item_id)


def _show(request: Request, item_id: UUID, *, status: int = HTTPStatus.OK, error: str = "") -> Response:
    signed_in = get_signed_in(request)

    def work(conn: Connection) -> tuple[Item, list[DescribedView]]:
        item = review.read_item(conn, item_id)
        if item is None:
            raise UnknownThingError("There is no such item.")
        found = classifications.list_describable(conn, item_id, signed_in.person.id)
        said = classifications.read_said_details(
            conn, image_ids=[one.image_id for one in found if one.image_id], item_ids=[item_id]
        )
        return item, [
            DescribedView(
                number,
                one,
                said[key].settle(item_id) if (key := one.image_id or item_id) in said else None,
                one.has_word or signed_in.may(Right.DECIDE),
            )
            for number, one in enumerate(found, start=1)
        ]

    item, views = get_staff(request).database.run(work)
    return render(request, "detail.html", status=status, item=item, views=views, error=error)


@router.post("/items/{item_id}/detail")
def give_of_item(request: Request, item_id: UUID) -> Response:
    """Say the detail of an item that was judged itself."""
    return _give(request, item_id, None)


@router.post("/items/{item_id}/images/{image_id}/detail")
def give_of_image(request: Request, item_id: UUID, image_id: UUID) -> Response:
    """Say the detail of a picture that is settled."""
    return _give(request, item_id, image_id)


def _give(request: Request, item_id: UUID, image_id: UUID | None) -> Response:
    person, form, now = get_signed_in(request).person, get_form(request), utcnow()
    policy = SendingPolicy.from_settings(get_staff(request).settings)

    def work(conn: Connection) -> None:
        detail = read_detail_of(form)
        if detail is None:
            raise NotAllowedError("Choose at least one answer; what cannot be told is an answer too.")
        give_detail(conn, item_id, image_id, detail, person=person, now=now, policy=policy)

    return _do(request, item_id, work)


def _do(request: Request, item_id: UUID, work: Callable[[Connection], None]) -> Response:
    try:
        get_staff(request).database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, item_id, status=status, error=sentence)
    return RedirectResponse(f"/items/{item_id}/detail", HTTPStatus.SEE_OTHER)


# What waits for a judgement


@router.get("/items/{item_id}/images/{image_id}/detail")
def show_waiting(request: Request, item_id: UUID, image_id: UUID) -> Response:
    """Show the form of a picture that waits for this person, with its panel; without one, the item's page."""
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()
    lane = find_lane(request.query_params.get("lane", ""))

    def work(conn: Connection) -> tuple[Item, PictureView] | None:
        lease = find_lease(conn, item_id, now)
        if lease is None or lease.person_id != signed_in.person.id:
            return None
        view = build_view(conn, item_id, signed_in)
        waiting = (one for one in view.pictures if one.waits)
        found = next((one for one in waiting if one.picture.image_id == image_id), None)
        return (view.item, found) if found else None

    found = tools.database.run(work)
    if found is None:
        return RedirectResponse(f"/items/{item_id}", HTTPStatus.SEE_OTHER)
    item, one = found
    return render(request, "judge.html", item=item, one=one, lane=lane)
