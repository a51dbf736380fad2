"""Notices and referrals: what waits, what left, what was answered, and the exact words of each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from math import ceil
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import StaffTools, get_staff
from api.console.exact_words import ExactWords, read_words
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.signed_in import SignedIn, get_form, get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.errors import InvalidReportError, MessageRefusedError, NotAllowedError, UnknownThingError
from triage.ids import read_id
from triage.rules.rights import Right
from triage.rules.sending import LEFT, SendingPolicy
from triage.rules.states import SendingKind, SendingPart, SendingState
from triage.steps import record_answer, record_bounce
from triage.store import sendings_page
from triage.store.classifications import find_awaiting_detail
from triage.store.rows import Connection
from triage.store.sendings_page import PAGE_SIZE, HostCount, SendingItem, SendingRow

router = APIRouter()

MAX_NOTE = 2000
COUNTED = 1000
"""Messages of one tab that are counted; beyond that it says "more than"."""
SHOWN_HOSTS = 20
MAX_HOST = 255


class Tab(StrEnum):
    """The tabs, in their order."""

    WAITING = "waiting"
    LEAVING = "leaving"
    UNCLEAR = "unclear"
    REJECTED = "rejected"
    SENT = "sent"
    ANSWERED = "answered"
    ENDED = "ended"


TAB_STATES: dict[Tab, tuple[SendingState, ...]] = {
    Tab.WAITING: (SendingState.WAITING_APPROVAL,),
    Tab.LEAVING: (SendingState.QUEUED, SendingState.SENDING),
    Tab.UNCLEAR: (SendingState.UNCLEAR,),
    Tab.REJECTED: (SendingState.REJECTED,),
    Tab.SENT: (SendingState.SENT,),
    Tab.ANSWERED: (SendingState.ACKNOWLEDGED, SendingState.DISPUTED),
    Tab.ENDED: (SendingState.RESOLVED, SendingState.WITHDRAWN),
}
"""Tab → the states whose messages stand in it."""
BOUNCED = "bounced"
"""What a person chooses among the answers when a mail came back."""


@dataclass(frozen=True, slots=True)
class _List:
    """One page of one tab; the second part of a row says whether it is withheld from this person."""

    counts: dict[Tab, int]
    tab: Tab
    rows: list[tuple[SendingRow, bool]]
    hosts: list[HostCount]
    has_police: bool


@dataclass(frozen=True, slots=True)
class SendingView:
    """One message with its items, its family and its words.

    Attributes:
        words: as they would leave now; None where they cannot be written.
        refusal: why not, in words.
        awaiting: its items of which something lacks the detail that partners are told.
    """

    row: SendingRow
    items: list[SendingItem]
    family: list[SendingRow]
    words: ExactWords | None
    refusal: str
    awaiting: list[UUID]


def find_tab(text: str) -> Tab | None:
    """Return the tab of a name, its own or that of a state in it; None for anything else."""
    by_state = {state.value: tab for tab, states in TAB_STATES.items() for state in states}
    return by_state.get(text) or next((tab for tab in Tab if tab.value == text), None)


@router.get("/sendings")
def show_sendings(request: Request) -> Response:
    """Show the messages of one tab, `?host=` only those about one host; without a name the first that holds any."""
    query, signed_in, now = request.query_params, get_signed_in(request), utcnow()
    after, wanted = read_id(query.get("after", "")), find_tab(query.get("state", ""))
    host = query.get("host", "")[:MAX_HOST].replace("\0", "") or None
    person_id, assesses = signed_in.person.id, signed_in.may(Right.ASSESS)

    def work(conn: Connection) -> _List:
        by_state = sendings_page.count_states(conn, most=COUNTED + 1)
        counts = {tab: sum(by_state[state] for state in states) for tab, states in TAB_STATES.items()}
        tab = wanted or next((one for one in Tab if counts[one]), Tab.LEAVING)
        states = TAB_STATES[tab]
        return _List(
            counts,
            tab,
            sendings_page.list_sendings(
                conn, states, person_id=person_id, assesses=assesses, host=host, after=after
            ),
            sendings_page.list_hosts(
                conn, states, person_id=person_id, assesses=assesses, most=COUNTED, limit=SHOWN_HOSTS
            ),
            sendings_page.has_police(conn),
        )

    found = get_staff(request).database.run(work)
    kept = {"state": found.tab.value} | ({"host": host} if host else {})
    is_full = len(found.rows) == PAGE_SIZE
    return render(
        request,
        "sendings.html",
        found=found,
        most=COUNTED,
        host=host,
        first="?" + urlencode(kept),
        next="?" + urlencode(kept | {"after": str(found.rows[-1][0].id)}) if is_full else "",
        is_later=after is not None,
        seconds_left=lambda at: count_seconds_left(at, now),
        **words_for(choose_language(request), now),
    )


def count_seconds_left(at: datetime | None, now: datetime) -> int:
    """Return the whole seconds until a time, at least 0; a started one counts."""
    return 0 if at is None else max(0, ceil((at - now).total_seconds()))


@router.get("/sendings/{sending_id}")
def show_sending(request: Request, sending_id: UUID) -> Response:
    """Show one message."""
    return _show(request, sending_id)


def _show(request: Request, sending_id: UUID, *, status: int = HTTPStatus.OK, error: str = "") -> Response:
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()

    def work(conn: Connection) -> SendingView:
        return _read_view(conn, tools, signed_in, sending_id)

    view = tools.database.run(work)
    row = view.row
    takes_answer = row.part is not SendingPart.RETRACTION and row.state in LEFT
    answers = record_answer.answers_of(row.kind) if takes_answer else ()
    if record_bounce.can_bounce(row.part, row.state, row.left_as):
        answers = (*answers, BOUNCED)
    return render(
        request,
        "sending.html",
        status=status,
        view=view,
        tab=find_tab(row.state.value),
        answers=answers,
        error=error,
        seconds_left=lambda at: count_seconds_left(at, now),
        **words_for(choose_language(request), now),
    )


def _require_open(conn: Connection, signed_in: SignedIn, sending_id: UUID) -> None:
    """Refuse a message that would tell this person what the first assessor of an item said."""
    if signed_in.may(Right.ASSESS) and sendings_page.is_withheld(conn, sending_id, signed_in.person.id):
        raise NotAllowedError(
            "A second opinion on an item of this message may be asked of you: it is shown after that."
        )


def _read_view(conn: Connection, tools: StaffTools, signed_in: SignedIn, sending_id: UUID) -> SendingView:
    row = sendings_page.find_sending(conn, sending_id)
    if row is None:
        raise UnknownThingError("There is no such message.")
    _require_open(conn, signed_in, sending_id)
    words, refusal = None, ""
    try:
        words = read_words(conn, tools, sending_id)
    except MessageRefusedError as error:
        refusal = str(error)
    items = sendings_page.list_items(conn, sending_id)
    family = [one for one in sendings_page.list_of_reference(conn, row.reference) if one.id != row.id]
    leaves = row.kind is SendingKind.HOTLINE and row.part is SendingPart.FIRST and row.sent_at is None
    awaiting = find_awaiting_detail(conn, [one.id for one in items]) if leaves else []
    return SendingView(row, items, family, words, refusal, awaiting)


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
    signed_in = get_signed_in(request)

    def work_if_open(conn: Connection) -> None:
        _require_open(conn, signed_in, sending_id)  # the page that says so refuses too
        work(conn)

    try:
        get_staff(request).database.run(work_if_open)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, sending_id, status=status, error=sentence)
    return RedirectResponse(f"/sendings/{sending_id}", HTTPStatus.SEE_OTHER)


def _read_note(text: str) -> str:
    note = text.strip()
    if len(note) > MAX_NOTE:
        raise NotAllowedError("A note may have at most 2000 characters.")
    return note
