"""Looks: a picture is revealed to one person, once, for a few seconds.

1. Ask: to a script the answer is the token, for within seconds, and nothing else; without one it is a page with the
   picture's one-use address, which leaves by itself (header Refresh), so that the picture hides.
2. Fetch: the look is logged and committed before a byte of the picture is opened.
3. End: the script says how long the picture was shown; else the hidden page, the button "hide", or an assessment. The
   look page cannot be had again: its form is spent.
"""

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.console.alike_view import read_alike
from api.console.deps import StaffTools, get_staff
from api.console.judgement_form import read_number
from api.console.queue import find_lane
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.review import lead_back, show_review
from api.console.review_view import PictureView, build_view
from api.console.signed_in import Form, get_form, get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.errors import InvalidReportError, NotAllowedError, UnknownThingError
from triage.ids import read_id
from triage.model import EvidenceKind
from triage.rules.assessing import Label
from triage.rules.states import Lane
from triage.steps.assess import lock_shown_image
from triage.steps.reveal_image import (
    LookPolicy,
    Reveal,
    SealedView,
    ask_to_look,
    begin_look,
    end_looks,
    find_thumb,
)
from triage.store import looks, review
from triage.store.rows import Connection
from triage.vault import EVIDENCE, unseal

router = APIRouter()

JPEG = "image/jpeg"


@router.post("/items/{item_id}/images/{image_id}/reveal")
def reveal(request: Request, item_id: UUID, image_id: UUID) -> Response:
    """Answer with a token to a script, else with the page that shows a picture once."""
    tools, signed_in, form, now = get_staff(request), get_signed_in(request), get_form(request), utcnow()
    lane, is_script = find_lane(form.get("lane")), _wants_json(request)
    like_id = read_id(form.get("ready"))

    def work(conn: Connection) -> tuple[Reveal, PictureView, Label | None]:
        rendering = _read_rendering(form.get("rendering"))
        lock_shown_image(conn, item_id, image_id)
        if not is_script:  # a script's question is not asked again by a reload
            _refuse_used_form(conn, image_id, signed_in.person.id, read_number(form, "asked"))
        view = build_view(conn, item_id, signed_in)
        picture = next((one for one in view.pictures if one.picture.image_id == image_id), None)
        if picture is None:  # left out of its page: too small to be anything
            raise UnknownThingError("This item does not show such a picture.")
        asked_for = ask_to_look(
            conn,
            item_id,
            image_id,
            person=signed_in.person,
            rendering=rendering,
            now=now,
            policy=LookPolicy.from_settings(tools.settings),
            session=signed_in.session_digest,
        )
        if not picture.may_look:
            raise NotAllowedError("This picture does not wait for you.")
        if is_script or like_id is None:
            return asked_for, picture, None
        alike = read_alike(conn, view, signed_in.person.id, like_id=like_id)
        return asked_for, picture, alike.ready.get(image_id)

    try:
        asked_for, picture, label = tools.database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        if is_script:
            return JSONResponse({"error": sentence}, status_code=status)
        return show_review(request, item_id, lane, status=status, error=sentence)
    if is_script:
        return JSONResponse({"look": str(asked_for.look_id), "token": asked_for.token})
    return _show_look(request, item_id, asked_for, picture, lane, now, ready=like_id, chosen=label)


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "") == "application/json"


def _refuse_used_form(conn: Connection, image_id: UUID, person_id: UUID, asked: int) -> None:
    if review.count_looks(conn, image_id, person_id) != asked:
        raise NotAllowedError("This form was used: ask for another look on the item's page.")


def _show_look(
    request: Request,
    item_id: UUID,
    asked_for: Reveal,
    picture: PictureView,
    lane: Lane | None,
    now: datetime,
    *,
    ready: UUID | None,
    chosen: Label | None,
) -> Response:
    longest_s = get_staff(request).settings.look_max_s
    hidden = f"/looks/{asked_for.look_id}/page" + (f"?lane={lane.value}" if lane else "")
    page = render(
        request,
        "look.html",
        item_id=item_id,
        one=picture,
        token=asked_for.token,
        look_id=asked_for.look_id,
        lane=lane,
        longest_s=longest_s,
        ready=ready,
        chosen=chosen,
        **words_for(choose_language(request), now),
    )
    page.headers["Refresh"] = f"{max(1, int(longest_s))}; url={hidden}"
    return page


def _read_rendering(text: str) -> EvidenceKind:
    try:
        return EvidenceKind(text)
    except ValueError:
        raise InvalidReportError("The form cannot be read.") from None


@router.get("/looks/{token}")
def send_picture(request: Request, token: str) -> Response:
    """Send the picture of a look, once; the look begins and is committed before anything is opened."""
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()

    def work(conn: Connection) -> SealedView:
        return begin_look(
            conn,
            token,
            person=signed_in.person,
            now=now,
            policy=LookPolicy.from_settings(tools.settings),
            session=signed_in.session_digest,
        )

    sealed = tools.database.run(work)
    return Response(_open(tools, sealed.object_name, sealed.sealed_identity), media_type=JPEG)


@router.get("/items/{item_id}/images/{image_id}/thumb")
def send_thumb(request: Request, item_id: UUID, image_id: UUID) -> Response:
    """Send the grey thumb of a picture: 24 pixels, nothing to be made out."""
    tools = get_staff(request)

    def work(conn: Connection) -> tuple[str, bytes] | None:
        return find_thumb(conn, item_id, image_id)

    found = tools.database.run(work)
    if found is None:
        raise UnknownThingError("This picture has no thumb.")
    return Response(_open(tools, *found), media_type=JPEG)


def _open(tools: StaffTools, object_name: str, sealed_identity: bytes) -> bytes:
    """Open an object: the vault's identity opens the image's own, that one opens the object."""
    identity = unseal(sealed_identity, tools.vault_identity).decode()
    return unseal(tools.vault.get(EVIDENCE, object_name), identity)


@router.get("/looks/{look_id}/page")
def show_hidden(request: Request, look_id: UUID) -> Response:
    """End a look whose time is over, and lead back to the item."""
    return _end(request, look_id, request.query_params.get("lane", ""))


@router.post("/looks/{look_id}/end")
def hide(request: Request, look_id: UUID) -> Response:
    """End a look, with the milliseconds that a script counted; lead back to the item."""
    form = get_form(request)
    return _end(request, look_id, form.get("lane"), reported_ms=_read_ms(form))


def _read_ms(form: Form) -> int | None:
    """Return what a browser counted; None where it counted nothing that can be."""
    try:
        return read_number(form, "ms")
    except InvalidReportError:
        return None


def _end(request: Request, look_id: UUID, lane: str, *, reported_ms: int | None = None) -> Response:
    tools, person, now = get_staff(request), get_signed_in(request).person, utcnow()

    def work(conn: Connection) -> UUID:
        look = looks.find_look(conn, look_id, person.id)
        if look is None:
            raise UnknownThingError("There is no such look of yours.")
        end_looks(
            conn,
            person,
            now=now,
            look_max_s=tools.settings.look_max_s,
            look_id=look_id,
            reported_ms=reported_ms,
        )
        return look.item_id

    item_id = tools.database.run(work)
    if _wants_json(request):
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return lead_back(item_id, find_lane(lane))
