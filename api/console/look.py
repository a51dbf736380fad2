"""Looks: a picture is revealed to one person, once, for a few seconds.

1. Ask: the answer is a page with the picture's one-use address. It leaves by itself (header Refresh), so that the
   picture hides without a script. The token stands in that page only.
2. Fetch: the look is logged and committed before a byte of the picture is opened.
3. End: the hidden page, the button "hide", or an assessment. The look page cannot be had again: its form is spent.
"""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.deps import StaffTools, get_staff
from api.console.judgement_form import read_number
from api.console.queue import find_lane
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.review import lead_back, show_review
from api.console.review_view import PictureView, build_view
from api.console.signed_in import get_form, get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.errors import InvalidReportError, NotAllowedError, UnknownThingError
from triage.model import EvidenceKind
from triage.steps.assess import lock_shown_image
from triage.steps.reveal_image import Reveal, SealedView, ask_to_look, begin_look, end_looks, find_thumb
from triage.store import looks, review
from triage.store.rows import Connection
from triage.vault import EVIDENCE, unseal

router = APIRouter()

JPEG = "image/jpeg"


@router.post("/items/{item_id}/images/{image_id}/reveal")
def reveal(request: Request, item_id: UUID, image_id: UUID) -> Response:
    """Answer with the page that shows a picture once."""
    tools, signed_in, form, now = get_staff(request), get_signed_in(request), get_form(request), utcnow()
    lane = find_lane(form.get("lane"))
    longest_s = tools.settings.look_max_s

    def work(conn: Connection) -> tuple[Reveal, PictureView]:
        rendering = _read_rendering(form.get("rendering"))
        asked = read_number(form, "asked")
        lock_shown_image(conn, item_id, image_id)
        if review.count_looks(conn, image_id, signed_in.person.id) != asked:
            raise NotAllowedError("This form was used: ask for another look on the item's page.")
        view = build_view(conn, item_id, signed_in, now=now, undo_s=tools.settings.undo_s)
        picture = next(one for one in view.pictures if one.picture.image_id == image_id)
        asked_for = ask_to_look(
            conn,
            item_id,
            image_id,
            person=signed_in.person,
            rendering=rendering,
            now=now,
            look_max_s=longest_s,
        )
        if not picture.may_look:
            raise NotAllowedError("This picture does not wait for you.")
        return asked_for, picture

    try:
        asked_for, picture = tools.database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return show_review(request, item_id, lane, status=status, error=sentence)
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
    tools, person, now = get_staff(request), get_signed_in(request).person, utcnow()

    def work(conn: Connection) -> SealedView:
        return begin_look(conn, token, person=person, now=now)

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
    """End a look and lead back to the item."""
    return _end(request, look_id, get_form(request).get("lane"))


def _end(request: Request, look_id: UUID, lane: str) -> Response:
    tools, person, now = get_staff(request), get_signed_in(request).person, utcnow()

    def work(conn: Connection) -> UUID:
        look = looks.find_look(conn, look_id, person.id)
        if look is None:
            raise UnknownThingError("There is no such look of yours.")
        end_looks(conn, person, now=now, look_max_s=tools.settings.look_max_s, look_id=look_id)
        return look.item_id

    return lead_back(tools.database.run(work), find_lane(lane))
