"""Pictures that are alike: who looked at one of them and judged it says the same of the others, or goes through them.

1. Not illegal, out of remit, unsure: the others as grey thumbs beside the first one, with distances; those that stay
   ticked get the same label without a look. Each is a transaction of its own; what fails is named, and nothing is lost.
2. Illegal: nobody says that without an own look. The page leads through the others with the label standing ready.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.alike_view import list_open
from api.console.deps import get_staff
from api.console.queue import find_lane
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import render
from api.console.review import lead_on, show_review
from api.console.review_view import PictureView, ReviewView, build_view
from api.console.signed_in import Form, get_form, get_signed_in
from api.console.step_up import require_confirmation
from triage.clock import utcnow
from triage.errors import HotlineError, InvalidReportError, NotLeasedError, UnknownThingError
from triage.rules.assessing import ILLEGAL_LABELS, Label
from triage.rules.clusters import measure_alike
from triage.rules.states import Lane
from triage.steps.confirm_same import confirm_same, read_own_label
from triage.steps.lease_item import require_lease
from triage.steps.settle_item import AssessPolicy
from triage.store.clusters import read_prints
from triage.store.leases import find_lease
from triage.store.rows import Connection

router = APIRouter()

FREELY = 50
"""How many may be confirmed at once without a fresh proof of who it is."""

_REFUSED: tuple[type[HotlineError], ...] = (*REFUSALS, UnknownThingError)
_MOST = 500
"""How many are shown, and taken with one form."""


@dataclass(frozen=True, slots=True)
class Member:
    """An open picture that is alike to the one that was judged.

    Attributes:
        is_ticked: nothing speaks against it: it is near no listed picture, and no list or reporter raised a flag.
    """

    view: PictureView
    distance: int

    @property
    def is_ticked(self) -> bool:
        return self.view.picture.nearest is None and not self.view.flags


@dataclass(frozen=True, slots=True)
class Chosen:
    """A picture that stayed ticked, in the round that the person saw."""

    image_id: UUID
    round: int


@dataclass(frozen=True, slots=True)
class _Page:
    view: ReviewView
    like: PictureView
    label: Label
    members: list[Member]


@router.get("/items/{item_id}/images/{image_id}/alike")
def show_alike(request: Request, item_id: UUID, image_id: UUID) -> Response:
    """Show the open pictures that are alike to one that this person judged."""
    return _show(request, item_id, image_id, find_lane(request.query_params.get("lane", "")))


def _show(
    request: Request,
    item_id: UUID,
    image_id: UUID,
    lane: Lane | None,
    *,
    status: int = HTTPStatus.OK,
    failed: Mapping[UUID, str] | None = None,
) -> Response:
    """Return the page.

    Args:
        failed: picture that could not be confirmed → why.
    """
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()

    def work(conn: Connection) -> _Page:
        lease = find_lease(conn, item_id, now)
        if lease is None or lease.person_id != signed_in.person.id:
            raise NotLeasedError
        view = build_view(conn, item_id, signed_in)
        like = next((one for one in view.pictures if one.picture.image_id == image_id), None)
        if like is None:
            raise UnknownThingError("This item does not show such a picture.")
        label = read_own_label(conn, image_id, person=signed_in.person)
        waiting = {one.picture.image_id: one for one in list_open(view)}
        bits = measure_alike(image_id, read_prints(conn, [image_id, *waiting]))
        members = [Member(one, bits[id_]) for id_, one in waiting.items() if id_ in bits]
        return _Page(view, like, label, sorted(members, key=lambda one: (one.distance, one.view.number)))

    try:
        page = tools.database.run(work)
    except REFUSALS as error:
        refused, sentence = describe_refusal(request, error)
        return show_review(request, item_id, lane, status=refused, error=sentence)
    numbers = {one.picture.image_id: one.number for one in page.view.pictures}
    return render(
        request,
        "alike.html",
        status=status,
        item=page.view.item,
        like=page.like,
        label=page.label,
        is_illegal=page.label in ILLEGAL_LABELS,
        members=page.members[:_MOST],
        more=len(page.members[_MOST:]),
        freely=FREELY,
        lane=lane,
        failed=sorted((numbers.get(one, 0), sentence) for one, sentence in (failed or {}).items()),
    )


@router.post("/items/{item_id}/images/{image_id}/alike")
def say_same(request: Request, item_id: UUID, image_id: UUID) -> Response:
    """Say the same of all that stayed ticked, one after the other."""
    form = get_form(request)
    lane = find_lane(form.get("lane"))
    try:
        chosen = read_chosen(form)
    except InvalidReportError as error:
        status, sentence = describe_refusal(request, error)
        return show_review(request, item_id, lane, status=status, error=sentence)
    if len(chosen) > FREELY:
        require_confirmation(request)
    failed: dict[UUID, str] = {}
    for one in chosen:
        try:
            _say_one(request, item_id, image_id, one)
        except _REFUSED as error:
            failed[one.image_id] = describe_refusal(request, error)[1]
    if not failed:
        return lead_on(request, item_id, lane)
    return _show(request, item_id, image_id, lane, status=HTTPStatus.CONFLICT, failed=failed)


def _say_one(request: Request, item_id: UUID, like_id: UUID, one: Chosen) -> None:
    """Say the same of one picture, in a transaction of its own."""
    tools, person, now = get_staff(request), get_signed_in(request).person, utcnow()
    policy = AssessPolicy.from_settings(tools.settings)

    def work(conn: Connection) -> None:
        require_lease(conn, item_id, person=person, now=now, life_s=tools.settings.lease_s)
        confirm_same(
            conn,
            item_id,
            one.image_id,
            like_id=like_id,
            person=person,
            round_=one.round,
            now=now,
            policy=policy,
        )

    tools.database.run(work)


def read_chosen(form: Form) -> list[Chosen]:
    """Return the pictures that stayed ticked; each as `id:round`.

    Raises:
        InvalidReportError: none, too many, or what is there names no picture.
    """
    texts = dict.fromkeys(form.list("same"))
    if not texts:
        raise InvalidReportError("Tick at least one picture.")
    if len(texts) > _MOST:
        raise InvalidReportError("The form cannot be read.")
    chosen = []
    for text in texts:
        image_id, _, round_ = text.partition(":")
        if not (round_.isascii() and round_.isdigit() and len(round_) <= 9):
            raise InvalidReportError("The form cannot be read.")
        try:
            chosen.append(Chosen(UUID(image_id), int(round_)))
        except ValueError:
            raise InvalidReportError("The form cannot be read.") from None
    return chosen
