"""Whose hosting is not agreed: every source as it was found, and a person decides."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.item_view import require_heard
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.signed_in import get_form, get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.steps.decide_hosting import decide_hosting
from triage.store.rows import Connection
from triage.store.waiting_pages import list_unlocated

router = APIRouter()

FIELDS = ("asn", "operator", "country", "address")
_MAX_DIGITS = 10


@router.get("/hosting")
def show_hosting(request: Request) -> Response:
    """Show what must be decided; `?item=…&source=…` fills a form with what one source said."""
    return _show(request)


def _show(
    request: Request,
    *,
    status: int = HTTPStatus.OK,
    error: str = "",
    typed: dict[str, dict[str, str]] | None = None,
) -> Response:
    blind = get_signed_in(request).blind
    waiting = get_staff(request).database.run(lambda conn: list_unlocated(conn, blind=blind))
    filled = dict(typed or {})
    chosen, number = (
        request.query_params.get("item", ""),
        request.query_params.get("source", "")[:_MAX_DIGITS],
    )
    for item in waiting:
        if str(item.id) == chosen and item.sources and number.isascii() and number.isdigit():
            source = item.sources[int(number)] if int(number) < len(item.sources) else {}
            filled.setdefault(chosen, {name: str(source.get(name) or "") for name in FIELDS})
    return render(
        request,
        "hosting.html",
        status=status,
        waiting=waiting,
        filled=filled,
        blank=dict.fromkeys(FIELDS, ""),
        error=error,
        **words_for(choose_language(request), utcnow()),
    )


@router.post("/items/{item_id}/hosting")
def decide(request: Request, item_id: UUID) -> Response:
    """Decide who hosts an item; it is acted on at once."""
    signed_in, form, now = get_signed_in(request), get_form(request), utcnow()
    typed = {name: form.get(name).strip() for name in FIELDS}

    def work(conn: Connection) -> None:
        require_heard(conn, item_id, signed_in)
        decide_hosting(
            conn,
            item_id,
            person=signed_in.person,
            asn=_read_asn(typed["asn"]),
            operator=typed["operator"],
            country=typed["country"].upper(),
            address=typed["address"] or None,
            now=now,
        )

    try:
        get_staff(request).database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, status=status, error=sentence, typed={str(item_id): typed})
    return RedirectResponse("/hosting", HTTPStatus.SEE_OTHER)


def _read_asn(text: str) -> int | None:
    digits = text.upper().removeprefix("AS")
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        raise NotAllowedError("An AS number is 1 to 4294967295.")
    return int(digits)
