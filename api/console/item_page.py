"""One item with all that became of it: what came in, what was found, said and told, and its chain of custody.

Whoever has the item open works on the review page; this one is for everybody else. No picture is on it, so it prints
as it stands.
"""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.deps import get_staff
from api.console.item_view import ItemView, build_item_view, is_blind_to, list_streams
from api.console.queue import find_lane
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.signed_in import get_form, get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.errors import NotAllowedError, UnknownThingError
from triage.rules.states import Lane
from triage.steps.export_custody import export_custody
from triage.store import item_history, review
from triage.store.custody import CustodyEvent
from triage.store.item_page import SHOWN
from triage.store.rows import Connection
from triage.store.second_opinions import find_blind_images

router = APIRouter()


@router.get("/items/{item_id}/history")
def show_history(request: Request, item_id: UUID) -> Response:
    """Show an item; `?chain=1` has a long chain of custody checked too."""
    return show_item_page(request, item_id, find_lane(request.query_params.get("lane", "")))


def show_item_page(
    request: Request, item_id: UUID, lane: Lane | None, *, status: int = HTTPStatus.OK, error: str = ""
) -> Response:
    """Return the page of an item.

    Args:
        lane: the queue that this person came from.
        error: why what was asked was not done, one sentence.

    Raises:
        UnknownThingError: there is no such item.
    """
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()
    wants_chain = request.query_params.get("chain") == "1"

    def work(conn: Connection) -> ItemView:
        return build_item_view(
            conn, item_id, signed_in, now=now, undo_s=tools.settings.undo_s, wants_chain=wants_chain
        )

    view = tools.database.run(work)
    return render(
        request,
        "item.html",
        status=status,
        view=view,
        item=view.item,
        most=SHOWN,
        lane=lane,
        error=error,
        **words_for(choose_language(request), now),
    )


@router.post("/items/{item_id}/custody")
def send_custody(request: Request, item_id: UUID) -> Response:
    """Send the events of an item and its files as JSON lines: the hash, and the record it is the hash of."""
    signed_in, now = get_signed_in(request), utcnow()
    lane = find_lane(get_form(request).get("lane"))

    def work(conn: Connection) -> tuple[str, list[CustodyEvent]]:
        item = review.read_item(conn, item_id)
        if item is None:
            raise UnknownThingError("There is no such item.")
        if is_blind_to(conn, item_id, signed_in):
            raise NotAllowedError(
                "A second opinion on this item may be asked of you: its events come after it."
            )
        images = item_history.list_images(conn, item_id).rows
        if signed_in.blind:  # a file of former times may be judged on another page
            hidden = find_blind_images(conn, [one.id for one in images], signed_in.blind)
            images = [one for one in images if one.id not in hidden]
        streams = list_streams(item_id, images)
        return item.reference, export_custody(conn, item_id, streams, person=signed_in.person, now=now)

    try:
        reference, events = get_staff(request).database.run(work)
    except REFUSALS as refusal:
        status, sentence = describe_refusal(request, refusal)
        return show_item_page(request, item_id, lane, status=status, error=sentence)
    # The record goes out as it stands: its bytes are what the hash is of (RFC 8785).
    lines = (f'{{"hash":"{bytes(one.hash).hex()}","record":{one.record}}}\n' for one in events)
    headers = {"Content-Disposition": f'attachment; filename="custody-{reference}.jsonl"'}
    return Response("".join(lines), media_type="application/jsonl", headers=headers)
