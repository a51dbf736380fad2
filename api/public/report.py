"""The public report form: GET / shows it, POST /report takes it, without a line of JavaScript."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from api.bodies import ReadForm, discard_uploads, read_form
from api.deps import PublicTools, get_tools
from api.errors import choose_sentence, choose_status
from api.public.pages import FormValues, UnreadableLine
from api.public.texts import Language, choose_language
from triage.errors import HotlineError, InvalidReportError
from triage.model import Channel
from triage.rules.states import Remit
from triage.rules.urls import split_lines
from triage.steps.receive_report import IncomingReport, read_lines

router = APIRouter()


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
        urls=form.text("urls"),
        remit=remit if remit in {one.value for one in Remit} else Remit.CSAM.value,
        danger=danger if danger in {"yes", "no"} else "unknown",
        note=form.text("note"),
    )


def _show_again(
    tools: PublicTools, language: Language, values: FormValues, field: str, error: HotlineError
) -> HTMLResponse:
    _, unreadable = read_lines(split_lines(values.urls))
    page = tools.renderer.render_report(
        language,
        values,
        {field: choose_sentence(error)},
        [UnreadableLine(line.line, line.reason) for line in unreadable],
    )
    return HTMLResponse(page, status_code=choose_status(error))


@router.post("/report", response_class=HTMLResponse)
async def post_form(request: Request, tools: Annotated[PublicTools, Depends(get_tools)]) -> HTMLResponse:
    """Take a report; errors show the form again with what was written."""
    form = await read_form(
        request,
        tools.vault,
        tools.intake_recipient,
        max_file_bytes=tools.settings.upload_max_bytes,
        takes_files=tools.settings.public_uploads,
    )
    language = _language(request, form.text("lang"))
    values = _read_values(form)
    report = IncomingReport(
        channel=Channel.PUBLIC,
        actor="public",
        remit=Remit(values.remit),
        lines=split_lines(values.urls),
        uploads=tuple(form.uploads),
        note=values.note,
        danger=values.danger == "yes",
    )
    try:
        answer = await run_in_threadpool(tools.receive, report)
    except InvalidReportError as error:
        await discard_uploads(tools.vault, form)
        return await run_in_threadpool(_show_again, tools, language, values, "urls", error)
    except BaseException:
        await discard_uploads(tools.vault, form)
        raise
    page = tools.renderer.render_receipt(
        language,
        answer.receipt,
        danger=values.danger == "yes",
        unreadable=[UnreadableLine(line.line, line.reason) for line in answer.unreadable],
    )
    return HTMLResponse(page, status_code=HTTPStatus.CREATED)
