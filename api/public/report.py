"""The public report form: GET / shows it, POST /report takes it, without a line of JavaScript."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from api.bodies import MAX_FORM_TEXT_BYTES, ReadForm, discard_uploads, read_form
from api.deps import PublicTools, get_tools
from api.public.pages import FormValues, UnreadableLine
from api.public.texts import DANGERS, NOTE_MAX_LENGTH, REMITS, Language, choose_language
from triage.errors import InvalidReportError, ServerUnavailableError
from triage.model import Channel
from triage.rules.states import Remit
from triage.rules.urls import split_lines
from triage.steps.receive_report import IncomingReport, read_lines

router = APIRouter()


class _RefusedForm(Exception):
    """The form is to be shown again, with what is wrong with it."""

    def __init__(self, page: HTMLResponse) -> None:
        super().__init__()
        self.page = page


def _language(request: Request, wanted: str | None) -> Language:
    return choose_language(wanted, request.headers.get("accept-language"))


@router.get("/", response_class=HTMLResponse)
def show_form(request: Request, tools: Annotated[PublicTools, Depends(get_tools)]) -> HTMLResponse:
    """Show the empty form."""
    language = _language(request, request.query_params.get("lang"))
    return HTMLResponse(tools.renderer.render_report(language))


def _read_values(form: ReadForm) -> FormValues:
    remit = form.text("remit")
    danger = form.text("danger")
    return FormValues(
        urls=_read_block(form, "urls"),
        remit=remit if remit in REMITS else Remit.CSAM.value,
        danger=danger if danger in DANGERS else "unknown",
        note=_read_block(form, "note"),
    )


def _read_block(form: ReadForm, name: str) -> str:
    return form.text(name).replace("\r\n", "\n")  # browsers send the line ends of the mail age


def _find_errors(form: ReadForm, values: FormValues, lines: list[str], max_urls: int) -> dict[str, str]:
    """Return field → key of the text that says what is wrong with it."""
    errors = {}
    filled = [line for line in lines if line.strip()]
    has_more = bool(form.uploads or values.note.strip())
    if len(filled) > max_urls:
        errors["urls"] = "field_urls_many"
    elif not filled and not has_more:
        errors["urls"] = "field_urls_missing"
    elif not has_more and not read_lines(filled)[0]:
        errors["urls"] = "field_urls_unreadable"
    if form.text("remit") not in {"", *REMITS}:
        errors["remit"] = "field_remit_unknown"
    if form.text("danger") not in {"", *DANGERS}:
        errors["danger"] = "field_danger_unknown"
    if len(values.note) > NOTE_MAX_LENGTH:
        errors["note"] = "field_note_long"
    return errors


def _show_again(
    tools: PublicTools, language: Language, values: FormValues, lines: list[str], errors: dict[str, str]
) -> HTMLResponse:
    _, unreadable = read_lines(lines[: tools.settings.report_max_urls])
    page = tools.renderer.render_report(
        language, values, errors, [UnreadableLine(line.line, line.reason) for line in unreadable]
    )
    return HTMLResponse(page, status_code=HTTPStatus.UNPROCESSABLE_ENTITY)


@router.post("/report", response_class=HTMLResponse)
async def post_form(request: Request, tools: Annotated[PublicTools, Depends(get_tools)]) -> HTMLResponse:
    """Take a report; errors show the form again with what was written."""
    form = await read_form(
        request,
        tools.vault,
        tools.intake_recipient,
        max_file_bytes=tools.settings.upload_max_bytes,
        takes_files=tools.settings.public_uploads,
        max_text_bytes=MAX_FORM_TEXT_BYTES,
    )
    try:
        return await run_in_threadpool(_take_form, request, tools, form)
    except _RefusedForm as refusal:
        await discard_uploads(tools.vault, form)
        return refusal.page
    except ServerUnavailableError:
        raise  # the commit may have taken place: the sweep of orphans takes files that no row names
    except BaseException:
        await discard_uploads(tools.vault, form)
        raise


def _take_form(request: Request, tools: PublicTools, form: ReadForm) -> HTMLResponse:
    language = _language(request, form.text("lang"))
    request.state.language = language  # for the page of an error
    values = _read_values(form)
    lines = split_lines(values.urls, tools.settings.report_max_urls)
    errors = _find_errors(form, values, lines, tools.settings.report_max_urls)
    if errors:
        raise _RefusedForm(_show_again(tools, language, values, lines, errors))
    report = IncomingReport(
        channel=Channel.PUBLIC,
        actor="public",
        remit=Remit(values.remit),
        lines=lines,
        uploads=tuple(form.uploads),
        note=values.note,
        danger=values.danger == "yes",
    )
    try:
        answer = tools.receive(report)
    except InvalidReportError:
        raise _RefusedForm(_show_again(tools, language, values, lines, {"urls": "error_400"})) from None
    page = tools.renderer.render_receipt(
        language,
        answer.receipt,
        danger=values.danger == "yes",
        unreadable=[UnreadableLine(line.line, line.reason) for line in answer.unreadable],
    )
    return HTMLResponse(page, status_code=HTTPStatus.CREATED)
