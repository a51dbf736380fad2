"""Hash sets: whose lists we match against, how fresh they are, who trusts them, and what about them waits for a person.

No hash is on this page. Lists are taken in on the machine, by `hotline hashset`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.signed_in import get_form, get_signed_in
from api.console.words import words_for
from hashsets.errors import HashsetsError
from hashsets.model import ALERTING, EntryClass, HashSetSummary
from hashsets.store import list_hash_sets, read_generation
from triage.clock import utcnow
from triage.errors import NotAllowedError, UnknownThingError
from triage.model import Person
from triage.steps.change_hash_sets import go_through_recall, say_trust
from triage.store import hash_imports, hash_recalls, hash_set_page
from triage.store.hash_imports import HashImport
from triage.store.hash_recalls import Recall
from triage.store.hash_set_page import DisputeSaid, TrustGiven, TrustStep
from triage.store.rows import Connection

router = APIRouter()

STALE = timedelta(days=7)
"""A list whose provider was not heard for longer is warned of."""

SHOWN_RECALLS = 50
SHOWN_DISPUTES = 20


@dataclass(frozen=True, slots=True)
class TrustLine:
    """One class of a set that could be trusted.

    Attributes:
        steps: proposed, then confirmed, as far as it went.
        is_own: this person proposed it, and cannot confirm it.
    """

    entry_class: EntryClass
    steps: tuple[TrustGiven, ...]
    is_own: bool


@dataclass(frozen=True, slots=True)
class SetView:
    """One set on the page."""

    summary: HashSetSummary
    is_stale: bool
    waiting: HashImport | None
    trusts: tuple[TrustLine, ...]


@dataclass(frozen=True, slots=True)
class _Page:
    sets: list[SetView]
    recalls: list[Recall]
    recalls_total: int
    disputes: list[DisputeSaid]
    generation: int


@router.get("/hash-sets")
def show_hash_sets(request: Request) -> Response:
    """Show all hash sets."""
    return _show(request)


def _show(request: Request, *, status: int = HTTPStatus.OK, error: str = "") -> Response:
    person, now = get_signed_in(request).person, utcnow()

    def work(conn: Connection) -> _Page:
        return _read_page(conn, person, now=now)

    page = get_staff(request).database.run(work)
    return render(
        request,
        "hash_sets.html",
        status=status,
        page=page,
        error=error,
        **words_for(choose_language(request), now),
    )


def _read_page(conn: Connection, person: Person, *, now: datetime) -> _Page:
    waiting = {one.set_id: one for one in hash_imports.list_waiting(conn)}
    given = hash_set_page.list_trusts(conn)
    sets = [
        SetView(
            summary=one,
            is_stale=one.hash_set.synced_at is None or now - one.hash_set.synced_at > STALE,
            waiting=waiting.get(one.hash_set.id),
            trusts=_list_trust_lines(one, given, person),
        )
        for one in list_hash_sets(conn)
    ]
    recalls = hash_recalls.list_recalls(conn, limit=SHOWN_RECALLS)
    disputes = hash_set_page.list_disputes(conn, limit=SHOWN_DISPUTES)
    return _Page(sets, recalls, hash_recalls.count_recalls(conn), disputes, read_generation(conn))


def _list_trust_lines(one: HashSetSummary, given: list[TrustGiven], person: Person) -> tuple[TrustLine, ...]:
    """Return the classes that could be trusted: those with entries, and those that somebody spoke on."""
    lines = []
    for entry_class in sorted(ALERTING):
        steps = tuple(
            step for step in given if (step.set_id, step.entry_class) == (one.hash_set.id, entry_class)
        )
        if steps or one.counts.get(entry_class):
            is_own = any(step.person_id == person.id for step in steps)
            lines.append(TrustLine(entry_class, steps, is_own))
    return tuple(lines)


@router.post("/hash-sets/{set_id}/propose-trust")
def propose_trust(request: Request, set_id: UUID) -> Response:
    """Propose that a class of a set is trusted."""
    return _say_trust(request, set_id, TrustStep.PROPOSED)


@router.post("/hash-sets/{set_id}/confirm-trust")
def confirm_trust(request: Request, set_id: UUID) -> Response:
    """Confirm another person's proposal."""
    return _say_trust(request, set_id, TrustStep.CONFIRMED)


def _say_trust(request: Request, set_id: UUID, step: TrustStep) -> Response:
    person, form, now = get_signed_in(request).person, get_form(request), utcnow()

    def work(conn: Connection) -> None:
        name = hash_set_page.find_set_name(conn, set_id)
        if name is None:
            raise UnknownThingError("There is no such hash set.")
        try:
            entry_class = EntryClass(form.get("class"))
        except ValueError:
            raise NotAllowedError("Choose a class.") from None
        try:
            say_trust(
                conn, name, entry_class, by=person.name, reason=form.get("reason"), now=now, only=step.value
            )
        except HashsetsError as error:
            raise NotAllowedError(str(error)) from None

    return _do(request, work)


@router.post("/hash-sets/recalls/{recall_id}/done")
def end_recall(request: Request, recall_id: UUID) -> Response:
    """Say that one went through a past decision that leaned on an entry which is gone."""
    person, now = get_signed_in(request).person, utcnow()

    def work(conn: Connection) -> None:
        go_through_recall(conn, recall_id, person=person, now=now)

    return _do(request, work)


def _do(request: Request, work: Callable[[Connection], None]) -> Response:
    try:
        get_staff(request).database.run(work)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, status=status, error=sentence)
    return RedirectResponse("/hash-sets", HTTPStatus.SEE_OTHER)
