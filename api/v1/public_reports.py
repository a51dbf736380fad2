"""The public form as JSON, for the hotline's own pages and its phone app: the form's limits, its checks, its way in.

1. GET /api/v1/public/form gives a form token, the choices of each field and the telephone numbers.
2. POST /api/v1/public/reports takes a report; POST /api/v1/public/status tells the coarse word of a receipt.
3. There is no token of a machine, no cookie and no file. Pages of PUBLIC_ORIGINS may read the answers (CORS, the
   Fetch standard of the WHATWG); no other page may, and none sends credentials.
4. What is wrong is said per field, with a code that stays and a sentence in each language.
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

from api.bodies import MAX_FORM_TEXT_BYTES, Body, parse_body, read_bytes
from api.catalogues.languages import LANGUAGES, Language
from api.deps import PublicTools, get_tools
from api.errors import UnsupportedBodyError, choose_status
from api.lingering import LingeringResponse
from api.public.intake import CHOICES, find_errors, find_subnet, give_token, pass_in, take_report
from api.public.pages import FormValues
from api.public.status import MAX_TEXT_BYTES, look_up
from api.public.texts import TEXTS, choose_language, find_reason
from triage.errors import HotlineError, InvalidReportError
from triage.rules.states import Remit
from triage.steps.receive_report import Answer

METHODS = "GET, POST"
HEADERS = "Content-Type"
PREFLIGHT_S = 600
WHOLE = ""
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
    """Give a form token, the choices and the numbers."""
    return JSONResponse(
        {
            "form": give_token(tools),
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
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise UnsupportedBodyError
    data = await read_bytes(request, limit)
    try:
        return await run_in_threadpool(parse_body, data, kind)
    except ValidationError as error:
        names = {str(fault["loc"][0]) if fault["loc"] else "" for fault in error.errors()}
        return {name if name in kind.model_fields else WHOLE: "body_unreadable" for name in sorted(names)}
    except (ValueError, RecursionError):
        return {WHOLE: "body_unreadable"}


@router.post("/reports")
async def post_report(request: Request, tools: Annotated[PublicTools, Depends(get_tools)]) -> Response:
    """Take a report."""
    body = await _read(request, PublicBody, MAX_FORM_TEXT_BYTES)
    if isinstance(body, dict):
        return _refuse(body, HTTPStatus.UNPROCESSABLE_ENTITY)
    subnet = find_subnet(request, tools)
    async with pass_in(tools, len(body.urls)):
        return await run_in_threadpool(_take, tools, body, subnet)


def _take(tools: PublicTools, body: PublicBody, subnet: bytes) -> Response:
    language: Language = choose_language(body.language)
    said = body.model_dump()
    values = FormValues(**{name: said[name] for name in FormValues().by_name() if name != "urls"})
    values = FormValues(**(values.by_name() | {"urls": "\n".join(body.urls), "email": body.email.strip()}))
    errors = find_errors(values, body.urls, has_files=False, max_urls=tools.settings.report_max_urls)
    if errors:
        return _refuse(errors, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        content = hashlib.sha256(rfc8785.dumps(said)).digest()
    except rfc8785.CanonicalizationError:
        return _refuse({WHOLE: "body_unreadable"}, HTTPStatus.UNPROCESSABLE_ENTITY)
    answer = take_report(
        tools, values, body.urls, language=language, token=body.form, content=content, subnet=subnet
    )
    return _answer(tools, answer, is_danger=values.danger == "yes")


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
