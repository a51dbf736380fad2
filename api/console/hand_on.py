"""What is to be handed on to somebody else: the reporters' own words, and to whom it went."""

from collections.abc import Sequence
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from api.console.deps import get_staff
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.renderer import utc_time
from api.console.signed_in import get_form, get_signed_in
from api.console.words import say_address, words_for
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.steps.clear_item import hand_on
from triage.steps.export_hand_on import export_hand_on
from triage.store import waiting_pages
from triage.store.rows import Connection
from triage.store.waiting_pages import HandOnItem, HandOnReport, OtherRecipient

router = APIRouter()


@router.get("/hand-on")
def show_hand_on(request: Request) -> Response:
    """Show what waits to be handed on."""
    return _show(request)


def _show(request: Request, *, status: int = HTTPStatus.OK, error: str = "") -> Response:
    def work(conn: Connection) -> tuple[list[HandOnItem], list[HandOnReport], list[OtherRecipient]]:
        waiting = waiting_pages.list_hand_on(conn)
        reports = waiting_pages.read_hand_on_reports(conn, [item.id for item in waiting])
        return waiting, reports, waiting_pages.list_other_recipients(conn)

    waiting, reports, recipients = get_staff(request).database.run(work)
    return render(
        request,
        "hand_on.html",
        status=status,
        waiting=waiting,
        reports=reports,
        recipients=recipients,
        error=error,
        **words_for(choose_language(request), utcnow()),
    )


@router.post("/items/{item_id}/hand-on")
def say_handed_on(request: Request, item_id: UUID) -> Response:
    """Say to whom an item was handed on: an approved recipient, or a name in words."""
    person, form, now = get_signed_in(request).person, get_form(request), utcnow()

    def work(conn: Connection) -> None:
        to_whom, recipient_id = form.get("to_whom"), None
        if form.get("recipient"):
            known = {str(one.id): one for one in waiting_pages.list_other_recipients(conn)}
            chosen = known.get(form.get("recipient"))
            if chosen is None:
                raise NotAllowedError("There is no such recipient of what is handed on.")
            to_whom, recipient_id = chosen.name, chosen.id
        hand_on(conn, item_id, person=person, to_whom=to_whom, recipient_id=recipient_id, now=now)

    try:
        get_staff(request).database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, status=status, error=sentence)
    return RedirectResponse("/hand-on", HTTPStatus.SEE_OTHER)


@router.get("/hand-on/export")
def send_export(request: Request) -> Response:
    """Send all that waits as one text file; each item's chain of custody says so."""
    person, now = get_signed_in(request).person, utcnow()

    def work(conn: Connection) -> tuple[list[HandOnItem], list[HandOnReport]]:
        return export_hand_on(conn, person=person, now=now)

    waiting, reports = get_staff(request).database.run(work)
    name = f"hand-on-{now:%Y%m%d-%H%M%S}.txt"
    return PlainTextResponse(
        write_export(waiting, reports), headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def write_export(waiting: Sequence[HandOnItem], reports: Sequence[HandOnReport]) -> str:
    """Return the text of an export: each item with its defanged address and the exact words of its reports."""
    parts = []
    for item in waiting:
        lines = [f"== {item.reference} =="]
        if item.url:
            lines.append(f"Address: {say_address(item.url)}")
        if item.file_name:
            lines.append(f"File: {item.file_name}")
        lines += [f"Remit: {item.remit.value}", f"Received: {utc_time(item.received_at)}"]
        if item.danger:
            lines.append("A child may be at risk now.")
        for report in reports:
            if report.item_id != item.id:
                continue
            head = f"{report.reference}, {report.channel.value}, {report.remit.value}"
            lines += ["", f"-- Report {head}, {utc_time(report.received_at)} --", report.note or "(no note)"]
        parts.append("\n".join(lines))
    return "\n\n\n".join(parts) + "\n"
