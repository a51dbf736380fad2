"""The public report form: GET / shows it, POST /report takes it, without a line of JavaScript."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from api.bodies import ReadForm
from api.catalogues.languages import Language
from api.deps import PublicTools, get_tools
from api.public.intake import (
    CHOICES,
    find_errors,
    find_subnet,
    give_token,
    is_foreign,
    judge_token,
    pass_in,
    take_report,
)
from api.public.pages import FormValues, UnreadableLine
from api.public.texts import choose_language
from api.public.uploads import TakenForm, take_form
from triage.errors import InvalidReportError
from triage.rules.form_token import FormAge
from triage.rules.urls import split_lines
from triage.steps.receive_report import read_lines

router = APIRouter()
TRAP = "website"
"""The field that people leave empty."""


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
    return HTMLResponse(tools.renderer.render_report(language, token=give_token(tools)))


def _read_values(form: ReadForm) -> FormValues:
    return FormValues(
        urls=_read_block(form, "urls"),
        remit=form.text("remit") or "csam",
        danger=form.text("danger") or "unknown",
        note=_read_block(form, "note"),
        email=form.text("email").strip(),
        age_band=form.text("age_band"),
        sex=form.text("sex"),
        city=form.text("city"),
        platform=form.text("platform"),
        platform_other=form.text("platform_other").strip(),
    )


def _read_block(form: ReadForm, name: str) -> str:
    """Return all blocks of a name, one below the other: what came twice is not lost."""
    blocks = [block for block in form.fields.get(name, []) if block]
    return "\n".join(blocks).replace("\r\n", "\n")  # browsers send the line ends of the mail age


def _show_again(
    tools: PublicTools,
    language: Language,
    form: ReadForm,
    values: FormValues,
    lines: list[str],
    errors: dict[str, str],
) -> HTMLResponse:
    """Return the form with what was written; a choice that there is not falls back to none."""
    _, unreadable = read_lines(lines[: tools.settings.report_max_urls])
    token = form.text("form")
    if judge_token(tools, token) in (FormAge.UNKNOWN, FormAge.TOO_OLD):
        token = give_token(tools)
    known = {name: value for name, value in values.by_name().items() if value in CHOICES.get(name, {value})}
    page = tools.renderer.render_report(
        language,
        FormValues(**known),
        {name: f"field_{code}" for name, code in errors.items()},
        [UnreadableLine(line.line, line.reason) for line in unreadable],
        token=token,
    )
    return HTMLResponse(page, status_code=HTTPStatus.UNPROCESSABLE_ENTITY)


@router.post("/report", response_class=HTMLResponse)
async def post_form(request: Request, tools: Annotated[PublicTools, Depends(get_tools)]) -> HTMLResponse:
    """Take a report; errors show the form again with what was written."""
    subnet = find_subnet(request, tools)
    try:
        async with take_form(request, tools, subnet) as taken:
            async with pass_in(tools, _read_block(taken.form, "urls").count("\n") + 1):
                page, is_repeat = await run_in_threadpool(_take_form, request, tools, taken, subnet)
            taken.is_kept = not is_repeat
    except _RefusedForm as refusal:
        return refusal.page
    return page


def _take_form(
    request: Request, tools: PublicTools, taken: TakenForm, subnet: bytes
) -> tuple[HTMLResponse, bool]:
    """Store what came; return the page for it, and whether the same form was stored before."""
    form = taken.form
    language = _language(request, form.text("lang"))
    request.state.language = language  # for the page of an error
    values = _read_values(form)
    max_urls = tools.settings.report_max_urls
    lines = split_lines(values.urls, max_urls)
    errors = find_errors(values, lines, files=form, max_urls=max_urls)
    if errors:
        raise _RefusedForm(_show_again(tools, language, form, values, lines, errors))
    try:
        answer = take_report(
            tools,
            values,
            lines,
            language=language,
            token=form.text("form"),
            content=form.digest(),
            subnet=subnet,
            is_trapped=any(form.fields.get(TRAP, ())),
            is_foreign=is_foreign(request),
            uploads=form.uploads,
            hold_id=taken.hold_id,
        )
    except InvalidReportError:
        raise _RefusedForm(
            _show_again(tools, language, form, values, lines, {"urls": "urls_unreadable"})
        ) from None
    page = tools.renderer.render_receipt(
        language,
        answer.receipt,
        danger=values.danger == "yes",
        unreadable=[UnreadableLine(line.line, line.reason) for line in answer.unreadable],
    )
    return HTMLResponse(page, status_code=HTTPStatus.CREATED), answer.is_repeat
