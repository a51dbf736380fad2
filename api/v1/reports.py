"""POST /api/v1/reports: reports from machines, with a token of the scope `intake`.

JSON (`urls`, `remit`, `note`, `danger`) or multipart/form-data (the same fields, `urls` one a line, and files).
The answer is the receipt and the unreadable lines, whatever is known about the addresses. With the header
`Idempotency-Key` a repeated request gets the same answer and stores nothing; another body under the same key
is refused with 409.
"""

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import rfc8785
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from api.bodies import MAX_TEXT_BYTES, ReadForm, discard_uploads, parse_body, read_bytes, read_form
from api.deps import PublicTools, get_tools
from api.errors import UnauthorisedError, UnsupportedBodyError
from triage.clock import utcnow
from triage.errors import InvalidReportError, ServerUnavailableError
from triage.model import Channel
from triage.rules.states import Remit
from triage.rules.urls import split_lines
from triage.steps.receive_report import Answer, IncomingReport
from triage.store.people import digest_token
from triage.store.tokens import find_token

router = APIRouter()
MAX_KEY = 200
FIELDS = frozenset({"urls", "remit", "note", "danger"})


class ReportBody(BaseModel):
    """The JSON body of a report."""

    model_config = ConfigDict(extra="forbid", strict=True)

    urls: Annotated[list[str], FailFast()] = Field(default_factory=list)
    remit: str = Remit.CSAM.value
    note: str = ""
    danger: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who asks, and under which idempotency key."""

    token_id: UUID
    key: str | None


def _authenticate(tools: PublicTools, request: Request) -> _Asked:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    digest = digest_token(token.strip())
    token_id = (
        tools.database.run(lambda conn: find_token(conn, digest, scope="intake", now=utcnow()))
        if kind.lower() == "bearer"
        else None
    )
    if token_id is None:
        raise UnauthorisedError
    key = request.headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= MAX_KEY and key.isprintable()):
        raise InvalidReportError(f"An Idempotency-Key has 1 to {MAX_KEY} printable characters.")
    return _Asked(token_id, key)


def _read_remit(text: str) -> Remit:
    try:
        return Remit(text)
    except ValueError:
        words = ", ".join(remit.value for remit in Remit)
        raise InvalidReportError(f"`remit` must be one of: {words}.") from None


def _read_danger(text: str) -> bool:
    if text not in {"", "yes", "no"}:
        raise InvalidReportError("`danger` must be yes or no.")
    return text == "yes"


def _read_json(body: bytes) -> ReportBody:
    try:
        return parse_body(body, ReportBody)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the body"
        raise InvalidReportError(f"`{place}` is not what it should be.") from None
    except (ValueError, RecursionError):
        raise InvalidReportError("The body is not JSON.") from None


def _make_report(asked: _Asked, values: dict[str, Any], digest: bytes) -> IncomingReport:
    return IncomingReport(
        channel=Channel.API,
        actor=f"token/{asked.token_id}",
        token_id=asked.token_id,
        idempotency_key=asked.key,
        body_digest=digest if asked.key is not None else None,
        **values,
    )


def _from_form(asked: _Asked, form: ReadForm, max_urls: int) -> IncomingReport:
    unknown = sorted({name for name, values in form.fields.items() if any(values)} - FIELDS)
    if unknown:
        raise InvalidReportError(f"A report has no field `{unknown[0][:40]}`.")
    values = {
        "remit": _read_remit(form.text("remit") or Remit.CSAM.value),
        "lines": [line for block in form.fields.get("urls", []) for line in split_lines(block, max_urls)],
        "uploads": tuple(form.uploads),
        "note": form.text("note"),
        "danger": _read_danger(form.text("danger")),
    }
    return _make_report(asked, values, form.digest())


def _from_json(asked: _Asked, data: bytes) -> IncomingReport:
    body = _read_json(data)
    values = {
        "remit": _read_remit(body.remit),
        "lines": tuple(body.urls),
        "note": body.note,
        "danger": body.danger,
    }
    try:
        canonical = rfc8785.dumps(body.model_dump())
    except rfc8785.CanonicalizationError:
        raise InvalidReportError("The body is not valid text.") from None
    return _make_report(asked, values, hashlib.sha256(canonical).digest())


def _answer(answer: Answer) -> JSONResponse:
    return JSONResponse(
        {
            "receipt": answer.receipt,
            "unreadable": [{"line": line.line, "reason": line.reason} for line in answer.unreadable],
        },
        status_code=HTTPStatus.CREATED,
    )


@router.post("/api/v1/reports")
async def post_report(request: Request, tools: Annotated[PublicTools, Depends(get_tools)]) -> JSONResponse:
    """Receive a report."""
    asked = await run_in_threadpool(_authenticate, tools, request)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json":
        data = await read_bytes(request, MAX_TEXT_BYTES)
        report = await run_in_threadpool(_from_json, asked, data)
        return _answer(await run_in_threadpool(tools.receive, report))
    if content_type != "multipart/form-data":
        raise UnsupportedBodyError
    form = await read_form(
        request,
        tools.vault,
        tools.intake_recipient,
        max_file_bytes=tools.settings.upload_max_bytes,
        takes_files=True,
    )
    try:
        answer = await run_in_threadpool(
            tools.receive, _from_form(asked, form, tools.settings.report_max_urls)
        )
    except ServerUnavailableError:
        raise  # the commit may have taken place: the sweep of orphans takes files that no row names
    except BaseException:
        await discard_uploads(tools.vault, form)
        raise
    if answer.is_repeat:
        await discard_uploads(tools.vault, form)
    return _answer(answer)
