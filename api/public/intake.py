"""A public report, whether it came by the form or as JSON: the same limits, the same checks, the same way in.

1. Each field is checked; what is wrong has a stable code per field, which the texts of both languages explain.
2. What a machine would do (a filled trap, an odd form age, too many at once) makes the report wait behind others;
   it is never refused and its answer is the same.
3. The mail address is sealed before it goes anywhere; nobody on this surface can read it again.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from starlette.requests import Request

from api.bodies import ReadForm
from api.catalogues.languages import Language
from api.deps import PublicTools
from api.public.client_address import find_client, read_networks, subnet_of
from api.public.evenly import answer_evenly
from api.public.pages import FormValues
from api.public.texts import DANGERS, NOTE_MAX_LENGTH, REMITS
from triage.clock import utcnow
from triage.model import Channel
from triage.rules.admission import is_low, is_odd
from triage.rules.form_token import FormAge, FormAges, judge_form_token, make_form_token
from triage.rules.reporter import (
    ABROAD,
    AGE_BANDS,
    CITIES,
    MAX_PLATFORM_OTHER,
    OTHER_PLATFORM,
    PLATFORMS,
    SEXES,
    WEBSITE,
    ReporterFacts,
    is_address,
)
from triage.rules.states import Remit
from triage.steps.receive_report import Answer, IncomingReport, SealedUpload, read_lines
from triage.vault import seal

CHOICES: dict[str, frozenset[str]] = {
    "remit": frozenset(REMITS),
    "danger": frozenset(DANGERS),
    "age_band": frozenset(AGE_BANDS),
    "sex": frozenset(SEXES),
    "city": frozenset({*CITIES, ABROAD}),
    "platform": frozenset({*PLATFORMS, WEBSITE, OTHER_PLATFORM}),
}
"""Fields with a choice, and what may be chosen; empty is always fine."""

FOREIGN = frozenset({"cross-site", "same-site"})
"""What browsers say of a form on the page of another site (Fetch Metadata, W3C); old ones say nothing."""

_UNFIT = re.compile("[\x00\ud800-\udfff]")  # what no stored text may hold


def find_subnet(request: Request, tools: PublicTools) -> bytes:
    """Return the part of the net that a request comes from."""
    peer = request.client.host if request.client else None
    trusted = read_networks(tools.settings.trusted_proxies)
    return subnet_of(find_client(peer, request.headers.getlist("x-forwarded-for"), trusted))


def is_foreign(request: Request, origins: Sequence[str] = ()) -> bool:
    """Whether a browser says that the page of another site sent a request.

    Args:
        origins: of pages that may.
    """
    return request.headers.get("sec-fetch-site") in FOREIGN and request.headers.get("origin") not in origins


def give_token(tools: PublicTools) -> str:
    """Return the token of a form that is given out now."""
    return make_form_token(secrets.token_bytes(16), tools.receipt_key, now=utcnow())


def judge_token(tools: PublicTools, token: str) -> FormAge:
    """Return how old a form is by its token."""
    ages = FormAges(tools.settings.form_age_min_s, tools.settings.form_age_max_s)
    return judge_form_token(token, tools.receipt_key, ages, now=utcnow())


@asynccontextmanager
async def pass_in(tools: PublicTools, lines: int) -> AsyncIterator[None]:
    """Take the turn of a report of so many lines, and answer it evenly.

    Raises:
        TooManyWaitingError: too many large reports are there already.
    """
    async with tools.report_turns.take(lines), answer_evenly(min(lines, tools.settings.report_max_urls)):
        yield


def find_errors(
    values: FormValues, lines: Sequence[str], *, files: ReadForm | None = None, max_urls: int
) -> dict[str, str]:
    """Return field → code of what is wrong with it; `field_` and the code name its text.

    Args:
        values: what was written.
        lines: the lines of `urls`.
        files: the form that its files came with.
        max_urls: most addresses of one report.
    """
    errors = {}
    filled = [line for line in lines if line.strip()]
    is_declined = files is not None and files.has_declined_files
    has_files = is_declined or (files is not None and bool(files.uploads))
    has_more = has_files or bool(values.note.strip())
    if _UNFIT.search(values.urls):
        errors["urls"] = "unfit"
    elif len(filled) > max_urls:
        errors["urls"] = "urls_many"
    elif not filled and not has_more:
        errors["urls"] = "urls_missing"
    elif not has_more and not read_lines(filled)[0]:
        errors["urls"] = "urls_unreadable"
    for name, choices in CHOICES.items():
        if getattr(values, name) not in {"", *choices}:
            errors[name] = "choice_unknown"
    if _UNFIT.search(values.note):
        errors["note"] = "unfit"
    elif len(values.note) > NOTE_MAX_LENGTH:
        errors["note"] = "note_long"
    if is_declined:
        errors["file"] = "file_full"
    if values.email and not is_address(values.email):
        errors["email"] = "email_unreadable"
    if _UNFIT.search(values.platform_other):
        errors["platform_other"] = "unfit"
    elif len(values.platform_other) > MAX_PLATFORM_OTHER:
        errors["platform_other"] = "platform_long"
    return errors


def take_report(
    tools: PublicTools,
    values: FormValues,
    lines: Sequence[str],
    *,
    language: Language,
    token: str,
    content: bytes,
    subnet: bytes,
    is_trapped: bool = False,
    is_foreign: bool = False,
    uploads: Sequence[SealedUpload] = (),
    hold_id: UUID | None = None,
) -> Answer:
    """Store a report whose fields were checked; return what its reporter learns.

    Args:
        token: of the form; the same form with the same content is one report.
        content: 32 bytes that name all that came.
        subnet: where it comes from.
        is_trapped: whether the field that people leave empty was filled.
        is_foreign: whether a browser says that the page of another site sent it.
        hold_id: what was held for its files.

    Raises:
        InvalidReportError: it cannot be a report after all.
        ServerUnavailableError: PostgreSQL does not answer.
    """
    age = judge_token(tools, token)
    is_danger = values.danger == "yes"
    waits_s = tools.report_throttle.take(subnet, today=utcnow().date(), now=time.monotonic())
    odd = is_odd(is_trapped=is_trapped, is_foreign=is_foreign, form_age=age, is_crowded=waits_s > 0)
    digest = hmac.new(tools.receipt_key, b"form " + content, hashlib.sha256).digest()
    report = IncomingReport(
        channel=Channel.PUBLIC,
        actor="public",
        remit=Remit(values.remit or Remit.CSAM),
        lines=lines,
        uploads=tuple(uploads),
        note=values.note,
        danger=is_danger,
        form_digest=digest if age is not FormAge.UNKNOWN else None,
        is_low=is_low(danger=is_danger, is_odd=odd),
        facts=_read_facts(values),
        # A machine could have us write to anybody, in danger or not: such a report gets no mail, its receipt tells
        # the same.
        sealed_address=seal(values.email.encode("ascii"), tools.reply_recipient)
        if values.email and not odd
        else None,
        language=language,
        hold_id=hold_id,
    )
    return tools.receive(report)


def _read_facts(values: FormValues) -> ReporterFacts:
    is_other = values.platform == OTHER_PLATFORM
    return ReporterFacts(
        age_band=values.age_band or None,
        sex=values.sex or None,
        city=values.city or None,
        platform=values.platform or None,
        platform_other=(values.platform_other.strip() or None) if is_other else None,
    )
