"""Search of items: one box that takes references, addresses, hosts and operators, and fields beside it."""

import re
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.deps import get_staff
from api.console.refusals import describe_refusal
from api.console.render import choose_language, render
from api.console.signed_in import get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.errors import InvalidReportError
from triage.rules.search_terms import FIELDS, MAX_TEXT, read_terms
from triage.rules.states import ItemState, Lane
from triage.steps.search_items import SearchPage, search_items
from triage.store.rows import Connection
from triage.store.search import FoundItem, SearchMark

router = APIRouter()

_MARK = re.compile(r"([0-9]{1,16})\.([0-9a-f-]{36})")
_START = datetime(1970, 1, 1, tzinfo=UTC)


@router.get("/search")
def show_search(request: Request) -> Response:
    """Show the form; with any term, or a page that was asked for, what is found."""
    query, person, now = request.query_params, get_signed_in(request).person, utcnow()
    typed = {name: query.get(name, "").strip()[:MAX_TEXT] for name in FIELDS}
    page, error, status = None, "", HTTPStatus.OK
    if any(typed.values()) or "before" in query:

        def work(conn: Connection) -> SearchPage:
            terms, before = read_terms(typed), _read_mark(query.get("before", ""))
            return search_items(conn, terms, before=before, person=person, now=now)

        try:
            page = get_staff(request).database.run(work)
        except InvalidReportError as refusal:
            status, error = describe_refusal(request, refusal)
    older = ""
    if page is not None and page.is_full:
        older = "?" + urlencode({**typed, "before": _write_mark(page.rows[-1])})
    return render(
        request,
        "search.html",
        status=status,
        typed=typed,
        states=tuple(ItemState),
        lanes=tuple(Lane),
        page=page,
        older=older,
        error=error,
        **words_for(choose_language(request), now),
    )


def _write_mark(row: FoundItem) -> str:
    # Whole microseconds, as the database keeps them: a float would lose the last digit.
    since = row.received_at - _START
    return f"{(since.days * 86400 + since.seconds) * 10**6 + since.microseconds}.{row.id}"


def _read_mark(text: str) -> SearchMark | None:
    if not text:
        return None
    found = _MARK.fullmatch(text)
    if found is None:
        raise InvalidReportError("The search cannot be read.")
    seconds, microseconds = divmod(int(found[1]), 10**6)
    try:
        at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
        return SearchMark(at, UUID(found[2]))
    except (ValueError, OverflowError, OSError):
        raise InvalidReportError("The search cannot be read.") from None
