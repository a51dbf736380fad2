"""The public form as JSON, for the hotline's own pages and its phone app: the form's limits, its checks, its way in.

1. GET /api/v1/public/form gives a form token, the choices of each field and the telephone numbers.
2. POST /api/v1/public/reports takes a report; POST /api/v1/public/status tells the coarse word of a receipt.
3. With PUBLIC_UPLOADS the same report may come as multipart/form-data: one part `report`, which is the JSON, and
   files, under the form's own bounds.
4. There is no token of a machine and no cookie. Pages of PUBLIC_ORIGINS may read the answers (CORS, the
   Fetch standard of the WHATWG); no other page may, and none sends credentials. A browser lets any page send
   multipart: what the page of another site sends waits behind others.
5. What is wrong is said per field, with a code that stays and a sentence in each language.
"""

import hashlib
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Annotated, Any

import rfc8785
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from api.bodies import MAX_FILES, MAX_FORM_TEXT_BYTES, Body, ReadForm, parse_body, read_bytes
from api.catalogues.languages import LANGUAGES, Language
from api.deps import PublicTools, get_tools
from api.errors import UnsupportedBodyError, choose_status
from api.lingering import LingeringResponse
from api.public.intake import (
    CHOICES,
    find_errors,
    find_subnet,
    give_token,
    is_foreign,
    pass_in,
    take_report,
)
from api.public.pages import FormValues
from api.public.status import MAX_TEXT_BYTES, look_up
from api.public.texts import TEXTS, choose_language, find_reason
from api.public.uploads import TakenForm, take_form
from triage.errors import HotlineError, InvalidReportError
from triage.rules.states import Remit
from triage.steps.receive_report import Answer

METHODS = "GET, POST"
HEADERS = "Content-Type"
PREFLIGHT_S = 600
WHOLE = ""
REPORT_PART = "report"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _OpenRoute(APIRoute):
    """Answers errors per field, and lets pages of the named origins read every answer."""

    def get_route_handler(self) -> Handler:
        """Return the handler around the route's own."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                said = await handle(request)
            except HotlineError as error:
                said = _say_error(error)
            return _open_to_origin(request, said)

        return answer


router = APIRouter(route_class=_OpenRoute, prefix="/api/v1/public")


class PublicBody(BaseModel):
    """The JSON body of a public report; all fields are those of the form."""

    model_config = ConfigDict(extra="forbid", strict=True)

    form: str = ""
    language: str = ""
    urls: Annotated[list[str], FailFast()] = Field(default_factory=list)
    remit: str = Remit.CSAM.value
    danger: str = "unknown"
    note: str = ""
    email: str = Field(default="", repr=False)
    age_band: str = ""
    sex: str = ""
    city: str = ""
    platform: str = ""
    platform_other: str = ""


class _RefusedReport(Exception):
    """The report is answered with what is wrong with it."""

    def __init__(self, said: Response) -> None:
        super().__init__()
        self.said = said


class ReceiptBody(BaseModel):
    """The JSON body of a look-up."""

    model_config = ConfigDict(extra="forbid", strict=True)

    receipt: str


def _say(key: str) -> dict[str, str]:
    return {language: TEXTS[language][key] for language in LANGUAGES}


def _refuse(errors: Mapping[str, str], status: HTTPStatus) -> Response:
    """Answer with errors: field → code; WHOLE is the request as such."""
    said = [{"field": name or None, "code": code, **_say(_text_of(code))} for name, code in errors.items()]
    return JSONResponse({"errors": said}, status_code=status)


def _text_of(code: str) -> str:
    return f"field_{code}" if f"field_{code}" in TEXTS["en"] else f"error_{code}"


def _say_error(error: HotlineError) -> Response:
    status = choose_status(error)
    if isinstance(error, InvalidReportError | UnsupportedBodyError):
        return _refuse({WHOLE: "body_unreadable"}, status)
    code = str(status.value) if f"error_{status.value}" in TEXTS["en"] else "500"
    said = _refuse({WHOLE: code}, status)
    return LingeringResponse(said) if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE else said


def _open_to_origin(request: Request, said: Response) -> Response:
    tools = get_tools(request)
    origin = request.headers.get("origin", "")
    said.headers["Vary"] = "Origin"
    if origin in tools.settings.public_origins:
        said.headers["Access-Control-Allow-Origin"] = origin
    return said


@router.options("/form")
@router.options("/reports")
@router.options("/status")
def answer_preflight(request: Request) -> Response:
    """Say what pages of the named origins may send; the origin itself is said by `_open_to_origin`."""
    said = Response(status_code=HTTPStatus.NO_CONTENT)
    if request.headers.get("origin", "") in get_tools(request).settings.public_origins:
        said.headers["Access-Control-Allow-Methods"] = METHODS
        said.headers["Access-Control-Allow-Headers"] = HEADERS
        said.headers["Access-Control-Max-Age"] = str(PREFLIGHT_S)
    return said


@router.get("/form")
def show_form(tools: Annotated[PublicTools, Depends(get_tools)]) -> JSONResponse:
    """Give a form token, the choices, what files may come, and the numbers."""
    settings = tools.settings
    files = {"most": MAX_FILES, "bytes": settings.upload_max_bytes} if settings.public_uploads else None
    return JSONResponse(
        {
            "form": give_token(tools),
            "files": files,
            "choices": {name: sorted(values) for name, values in CHOICES.items()},
            "phones": _list_phones(tools),
        }
    )


def _list_phones(tools: PublicTools) -> list[dict[str, str]]:
    settings = tools.settings
    numbers = {"police": settings.police_phone, "helpline": settings.helpline_phone}
    return [{"name": name, "number": number, **_say(name)} for name, number in numbers.items()]


async def _read(request: Request, kind: type[Body], limit: int) -> Body | dict[str, str]:
    """Read a JSON body; return it, or what is wrong with it: field → code."""
    if _find_content_type(request) != "application/json":
        raise UnsupportedBodyError
    return await _parse(await read_bytes(request, limit), kind)


def _find_content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _parse(data: bytes, kind: type[Body]) -> Body | dict[str, str]:
    try:
        return await run_in_threadpool(parse_body, data, kind)
    except ValidationError as error:
        names = {str(fault["loc"][0]) if fault["loc"] else "" for fault in error.errors()}
        return {name if name in kind.model_fields else WHOLE: "body_unreadable" for name in sorted(names)}
    except (ValueError, RecursionError):
        return {WHOLE: "body_unreadable"}


@router.post("/reports")
async def post_report(request: Request, tools: Annotated[PublicTools, Depends(get_tools)]) -> Response:
    """Take a report, with files where they are taken."""
    subnet = find_subnet(request, tools)
    try:
        if _find_content_type(request) == "multipart/form-data":
            return await _take_with_files(request, tools, subnet)
        body = _require(await _read(request, PublicBody, MAX_FORM_TEXT_BYTES))
        async with pass_in(tools, len(body.urls)):
            said, _ = await run_in_threadpool(_take, request, tools, body, subnet)
        return said
    except _RefusedReport as refusal:
        return refusal.said


async def _take_with_files(request: Request, tools: PublicTools, subnet: bytes) -> Response:
    if not tools.settings.public_uploads:
        # Said before any of it is read, so that no file comes for nothing.
        return LingeringResponse(_refuse({"file": "files_off"}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE))
    async with take_form(request, tools, subnet, text_parts=frozenset({REPORT_PART})) as taken:
        parts = taken.form.fields
        if set(parts) != {REPORT_PART} or len(parts[REPORT_PART]) != 1:
            raise InvalidReportError
        body = _require(await _parse(taken.form.text(REPORT_PART).encode(), PublicBody))
        async with pass_in(tools, len(body.urls)):
            said, is_repeat = await run_in_threadpool(_take, request, tools, body, subnet, taken)
        taken.is_kept = not is_repeat
    return said


def _require(body: Body | dict[str, str]) -> Body:
    if isinstance(body, dict):
        raise _RefusedReport(_refuse(body, HTTPStatus.UNPROCESSABLE_ENTITY))
    return body


def _take(
    request: Request, tools: PublicTools, body: PublicBody, subnet: bytes, taken: TakenForm | None = None
) -> tuple[Response, bool]:
    """Store what came; return the answer to it, and whether the same was stored before."""
    language: Language = choose_language(body.language)
    said = body.model_dump()
    values = FormValues(**{name: said[name] for name in FormValues().by_name() if name != "urls"})
    values = FormValues(**(values.by_name() | {"urls": "\n".join(body.urls), "email": body.email.strip()}))
    files = taken.form if taken else None
    errors = find_errors(values, body.urls, files=files, max_urls=tools.settings.report_max_urls)
    if errors:
        raise _RefusedReport(_refuse(errors, HTTPStatus.UNPROCESSABLE_ENTITY))
    answer = take_report(
        tools,
        values,
        body.urls,
        language=language,
        token=body.form,
        content=_name_content(said, files),
        subnet=subnet,
        is_foreign=is_foreign(request, tools.settings.public_origins),
        uploads=taken.form.uploads if taken else (),
        hold_id=taken.hold_id if taken else None,
    )
    return _answer(tools, answer, is_danger=values.danger == "yes"), answer.is_repeat


def _name_content(said: dict[str, Any], files: ReadForm | None) -> bytes:
    """Return 32 bytes that name all that came."""
    try:
        own = hashlib.sha256(rfc8785.dumps(said)).digest()
    except rfc8785.CanonicalizationError:
        raise InvalidReportError from None
    if files is None or not files.uploads:
        return own
    return hashlib.sha256(own + ReadForm({}, files.uploads, files.file_digests).digest()).digest()


def _answer(tools: PublicTools, answer: Answer, *, is_danger: bool) -> Response:
    unreadable = []
    for line in answer.unreadable:
        key = find_reason(line.reason)
        unreadable.append({"line": line.line, "code": key.removeprefix("reason_"), **_say(key)})
    said: dict[str, Any] = {"receipt": answer.receipt, "unreadable": unreadable}
    if is_danger:
        said["phones"] = _list_phones(tools)
    return JSONResponse(said, status_code=HTTPStatus.CREATED)


@router.post("/status")
async def post_status(request: Request, tools: Annotated[PublicTools, Depends(get_tools)]) -> Response:
    """Look a receipt up."""
    body = await _read(request, ReceiptBody, MAX_TEXT_BYTES)
    if isinstance(body, dict):
        return _refuse(body, HTTPStatus.UNPROCESSABLE_ENTITY)
    status = await look_up(request, tools, body.receipt.strip())
    if status is None:
        return _refuse({"receipt": "receipt_unknown"}, HTTPStatus.NOT_FOUND)
    return JSONResponse({"status": status.value, **_say(f"status_{status.value}")})
