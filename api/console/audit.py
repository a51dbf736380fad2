"""Audit: search the chain of custody, see whether it holds at what is shown, and take a copy along."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.deps import get_staff
from api.console.render import choose_language, render
from api.console.renderer import say
from api.console.signed_in import SignedIn, get_form, get_signed_in
from triage.clock import utcnow
from triage.errors import InvalidReportError
from triage.rules.rights import Right
from triage.steps.search_audit import MAX_EXPORT, AuditPage, export_audit, search_audit
from triage.store.audit import KINDS, AuditMark, AuditTerms
from triage.store.custody import SYSTEM, CustodyEvent
from triage.store.people import find_person
from triage.store.rows import Connection

router = APIRouter()

FIELDS = ("kind", "id", "actor", "event", "since", "until")
MAX_FIELD = 120
_TIRANE = ZoneInfo("Europe/Tirane")
_EVENT = re.compile(r"[a-z_]{1,63}")
_ACTOR = re.compile(r"worker|sweep|outbound|public|staff|cli|(?:person|token)/[0-9a-f-]{36}")
_MOMENT = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.(20[0-9]{2})(?: ([0-9]{1,2}):([0-9]{2}))?")
_MARK = re.compile(r"([0-9]{1,16})\.([a-z]{4,9}(?:/[0-9a-f-]{36})?)\.([0-9]{1,15})")
_UNREADABLE = "The search cannot be read."


@dataclass(frozen=True, slots=True)
class _Shown:
    """One event as the page shows it; a fault is empty where the chain holds."""

    event: CustodyEvent
    kind: str
    id: str
    who: str
    about: str
    body: dict[str, Any]
    fault: str


@router.get("/audit")
def show_audit(request: Request) -> Response:
    """Show the form; with any term, or a page that was asked for, what is found."""
    query = request.query_params
    typed = {name: query.get(name, "").strip() for name in FIELDS}
    is_search = any(name in query for name in (*FIELDS, "before"))
    if not is_search:
        return _show(request, typed)
    signed_in = get_signed_in(request)
    now = utcnow()

    def work(conn: Connection) -> AuditPage:
        terms = _read_terms(conn, signed_in, typed)
        mark = _read_mark(query.get("before", ""))
        return search_audit(conn, terms, before=mark, person=signed_in.person, now=now)

    try:
        page = get_staff(request).database.run(work)
    except InvalidReportError:
        return _refuse(request, typed, "audit_unreadable")
    return _show(request, typed, page=page)


@router.post("/audit/download")
def download(request: Request) -> Response:
    """Send what is found as JSON lines: the hash, and the record it is the hash of."""
    form, signed_in, now = get_form(request), get_signed_in(request), utcnow()
    typed = {name: form.get(name).strip() for name in FIELDS}

    def work(conn: Connection) -> list[CustodyEvent] | None:
        terms = _read_terms(conn, signed_in, typed)
        return export_audit(conn, terms, person=signed_in.person, now=now)

    try:
        events = get_staff(request).database.run(work)
    except InvalidReportError:
        return _refuse(request, typed, "audit_unreadable")
    if events is None:
        return _refuse(request, typed, "audit_too_many", most=MAX_EXPORT)
    # The record goes out as it stands: its bytes are what the hash is of (RFC 8785).
    lines = (f'{{"hash":"{bytes(one.hash).hex()}","record":{one.record}}}\n' for one in events)
    name = f"custody-{now.astimezone(UTC):%Y%m%d-%H%M%S}.jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response("".join(lines), media_type="application/jsonl", headers=headers)


def _refuse(request: Request, typed: dict[str, str], key: str, **values: object) -> Response:
    error = say(choose_language(request), key, **values)
    return _show(request, typed, status=HTTPStatus.UNPROCESSABLE_ENTITY, error=error)


def _show(
    request: Request,
    typed: dict[str, str],
    *,
    page: AuditPage | None = None,
    status: int = HTTPStatus.OK,
    error: str = "",
) -> Response:
    kept = {name: value[:MAX_FIELD] for name, value in typed.items()}
    older = ""
    if page is not None and page.is_full:
        older = "?" + urlencode({**kept, "before": _write_mark(page.events[-1])})
    return render(
        request,
        "audit.html",
        status=status,
        typed=kept,
        kinds=KINDS,
        shown=[_describe(one, page) for one in page.events] if page else None,
        faults=len(page.faults) if page else 0,
        older=older,
        error=error,
    )


def _describe(event: CustodyEvent, page: AuditPage) -> _Shown:
    kind, _, identity = event.stream.partition("/")
    try:
        body = json.loads(event.record)["body"]
    except (ValueError, KeyError, TypeError):
        body = {}
    return _Shown(
        event=event,
        kind=kind,
        id=identity,
        who=page.names.get(event.actor, event.actor),
        about=page.names.get(event.stream, event.stream),
        body=body if isinstance(body, dict) else {},
        fault=page.faults.get((event.stream, event.seq), ""),
    )


# What was typed


def _read_terms(conn: Connection, signed_in: SignedIn, typed: dict[str, str]) -> AuditTerms:
    kind = typed["kind"] or None
    if kind is not None and kind not in KINDS:
        raise InvalidReportError(_UNREADABLE)
    event = typed["event"] or None
    if event is not None and not _EVENT.fullmatch(event):
        raise InvalidReportError(_UNREADABLE)
    streams = None
    if typed["id"]:
        identity = _read_id(typed["id"])
        kinds = [kind] if kind else [one for one in KINDS if one != SYSTEM]
        streams = tuple(one if one == SYSTEM else f"{one}/{identity}" for one in kinds)
    return AuditTerms(
        kind=kind,
        streams=streams,
        actor=_read_actor(conn, signed_in, typed["actor"]),
        event=event,
        since=_read_moment(typed["since"]),
        until=_read_moment(typed["until"]),
    )


def _read_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidReportError(_UNREADABLE) from None


def _read_actor(conn: Connection, signed_in: SignedIn, text: str) -> str | None:
    """Return an actor as events name it; a person's name counts only for whoever may see people."""
    if not text:
        return None
    if _ACTOR.fullmatch(text):
        return text
    is_name = len(text) <= MAX_FIELD and text.isprintable() and signed_in.may(Right.SEE_PEOPLE)
    person = find_person(conn, text) if is_name else None
    if person is None:
        raise InvalidReportError(_UNREADABLE)
    return f"person/{person.id}"


def _read_moment(text: str) -> datetime | None:
    """Return a time as it is shown, `22.11.2025 14:05` by a clock of Tiranë or a day alone, which is its midnight.

    Of an hour that comes twice it is the first.
    """
    if not text:
        return None
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise InvalidReportError(_UNREADABLE)
    day, month, year, hour, minute = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=_TIRANE).astimezone(UTC)
    except ValueError:
        raise InvalidReportError(_UNREADABLE) from None


def _write_mark(event: CustodyEvent) -> str:
    # Whole microseconds, as the database keeps them: a float would lose the last digit.
    since_start = event.at - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (since_start.days * 86400 + since_start.seconds) * 10**6 + since_start.microseconds
    return f"{microseconds}.{event.stream}.{event.seq}"


def _read_mark(text: str) -> AuditMark | None:
    if not text:
        return None
    found = _MARK.fullmatch(text)
    if found is None:
        raise InvalidReportError(_UNREADABLE)
    seconds, microseconds = divmod(int(found[1]), 10**6)
    try:
        at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
    except (ValueError, OverflowError, OSError):
        raise InvalidReportError(_UNREADABLE) from None
    return AuditMark(at, found[2], int(found[3]))
