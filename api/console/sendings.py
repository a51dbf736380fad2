"""Notices and referrals: what waits, what left, what was answered, and the exact words of each."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import StaffTools, get_staff
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.signed_in import get_form, get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.errors import InvalidReportError, MessageRefusedError, NotAllowedError, UnknownThingError
from triage.rules.compose import compose_message
from triage.rules.message_facts import ComposedMessage, HotlineFacts
from triage.rules.message_lint import check_message
from triage.rules.sending import SendingPolicy
from triage.rules.states import SendingPart, SendingState
from triage.steps import record_answer, record_bounce
from triage.store import sendings_page
from triage.store.message_facts import read_message_facts
from triage.store.rows import Connection
from triage.store.sendings_page import PAGE_SIZE, SendingItem, SendingRow

router = APIRouter()

MAX_NOTE = 2000
STATES = (
    SendingState.WAITING_APPROVAL,
    SendingState.QUEUED,
    SendingState.SENDING,
    SendingState.UNCLEAR,
    SendingState.REJECTED,
    SendingState.SENT,
    SendingState.ACKNOWLEDGED,
    SendingState.DISPUTED,
    SendingState.RESOLVED,
    SendingState.WITHDRAWN,
)
"""The tabs, in their order."""
BOUNCED = "bounced"
"""What a person chooses among the answers when a mail came back."""
_ANSWERABLE = (SendingState.SENT, SendingState.ACKNOWLEDGED, SendingState.DISPUTED)


@dataclass(frozen=True, slots=True)
class SendingView:
    """One message with its items, its family and its words.

    Attributes:
        composed: its words as they would leave now, or left; None where they cannot be written.
        refusal: why not, in words.
    """

    row: SendingRow
    items: list[SendingItem]
    family: list[SendingRow]
    composed: ComposedMessage | None
    refusal: str


@router.get("/sendings")
def show_sendings(request: Request) -> Response:
    """Show the messages in one state; without a name the first one that holds any."""
    after = _read_id(request.query_params.get("after", ""))
    text = request.query_params.get("state", "")

    def work(conn: Connection) -> tuple[dict[SendingState, int], SendingState, list[SendingRow], bool]:
        counts = sendings_page.count_states(conn)
        state = next(
            (one for one in STATES if one.value == text),
            next((one for one in STATES if counts[one]), SendingState.QUEUED),
        )
        rows = sendings_page.list_sendings(conn, state, after=after)
        return counts, state, rows, sendings_page.has_police(conn)

    counts, state, rows, has_police = get_staff(request).database.run(work)
    return render(
        request,
        "sendings.html",
        counts={one: counts[one] for one in STATES},
        state=state,
        rows=rows,
        has_police=has_police,
        next_after=rows[-1].id if len(rows) == PAGE_SIZE else None,
        is_later=after is not None,
        **words_for(choose_language(request), utcnow()),
    )


@router.get("/sendings/{sending_id}")
def show_sending(request: Request, sending_id: UUID) -> Response:
    """Show one message."""
    return _show(request, sending_id)


def _show(request: Request, sending_id: UUID, *, status: int = HTTPStatus.OK, error: str = "") -> Response:
    tools = get_staff(request)

    def work(conn: Connection) -> SendingView:
        return _read_view(conn, tools, sending_id)

    view = tools.database.run(work)
    row = view.row
    takes_answer = row.part is not SendingPart.RETRACTION and row.state in _ANSWERABLE
    answers = record_answer.answers_of(row.kind) if takes_answer else ()
    if record_bounce.can_bounce(row.part, row.state, row.left_as):
        answers = (*answers, BOUNCED)
    return render(
        request,
        "sending.html",
        status=status,
        view=view,
        answers=answers,
        error=error,
        **words_for(choose_language(request), utcnow()),
    )


def _read_view(conn: Connection, tools: StaffTools, sending_id: UUID) -> SendingView:
    row = sendings_page.find_sending(conn, sending_id)
    if row is None:
        raise UnknownThingError("There is no such message.")
    composed, refusal = None, ""
    settings = tools.settings
    hotline = HotlineFacts(
        settings.hotline_name, settings.hotline_org, settings.hotline_mail, settings.hotline_phone
    )
    if row.recipient is not None:
        try:
            facts = read_message_facts(
                conn,
                sending_id,
                hotline=hotline,
                asked_within_s=settings.removal_asked_within_s,
                is_practice=tools.is_practice,
                keeps_evidence=settings.evidence_for_police,
            )
            composed = compose_message(facts)
            check_message(composed)
        except MessageRefusedError as error:
            refusal = str(error)
    items = sendings_page.list_items(conn, sending_id)
    family = [one for one in sendings_page.list_of_reference(conn, row.reference) if one.id != row.id]
    return SendingView(row, items, family, composed, refusal)


# What a person says of a message


@router.post("/sendings/{sending_id}/answer")
def say_answer(request: Request, sending_id: UUID) -> Response:
    """Record what the recipient answered, or that the mail came back."""
    person, form, now = get_signed_in(request).person, get_form(request), utcnow()

    def work(conn: Connection) -> None:
        if not form.get("answer"):
            raise InvalidReportError("Choose what they answered.")
        answer, note = form.get("answer"), _read_note(form.get("note"))
        if answer == BOUNCED:
            record_bounce.record_bounce(conn, sending_id, person=person, note=note, now=now)
        else:
            record_answer.record_answer(conn, sending_id, answer, person=person, note=note, now=now)

    return _do(request, sending_id, work)


@router.post("/sendings/{sending_id}/found")
def say_found(request: Request, sending_id: UUID) -> Response:
    """Say whether an unclear message was sent."""
    person, form, now = get_signed_in(request).person, get_form(request), utcnow()
    policy = SendingPolicy.from_settings(get_staff(request).settings)

    def work(conn: Connection) -> None:
        was_sent = {"yes": True, "no": False}.get(form.get("sent"))
        if was_sent is None:
            raise InvalidReportError("The form cannot be read.")
        record_answer.say_found(conn, sending_id, was_sent, person=person, now=now, policy=policy)

    return _do(request, sending_id, work)


@router.post("/sendings/{sending_id}/again")
def send_again(request: Request, sending_id: UUID) -> Response:
    """Queue a rejected message again."""
    person, now = get_signed_in(request).person, utcnow()

    def work(conn: Connection) -> None:
        record_answer.send_again(conn, sending_id, person=person, now=now)

    return _do(request, sending_id, work)


@router.post("/sendings/{sending_id}/withdraw")
def withdraw(request: Request, sending_id: UUID) -> Response:
    """Give up a rejected or unclear message, with a reason."""
    person, form, now = get_signed_in(request).person, get_form(request), utcnow()

    def work(conn: Connection) -> None:
        reason = _read_note(form.get("reason"))
        record_answer.withdraw_sending(conn, sending_id, person=person, reason=reason, now=now)

    return _do(request, sending_id, work)


def _do(request: Request, sending_id: UUID, work: Callable[[Connection], object]) -> Response:
    try:
        get_staff(request).database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, sending_id, status=status, error=sentence)
    return RedirectResponse(f"/sendings/{sending_id}", HTTPStatus.SEE_OTHER)


def _read_note(text: str) -> str:
    note = text.strip()
    if len(note) > MAX_NOTE:
        raise NotAllowedError("A note may have at most 2000 characters.")
    return note


def _read_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
