"""Look-up of hashes: are these listed? By pasted hashes, or by a file, which a worker compares and deletes.

No hash is on the page again, and none is kept. A file is sealed as it comes in, if there is room for it and the person
may ask about one more (`file_room.py`); nothing here parses it. The page waits for its answer for two seconds at most,
then says that it is still being worked on.
"""

import time
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import StaffTools, get_staff
from api.console.file_room import get_file_room
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.signed_in import get_form, get_signed_in, get_uploads
from api.console.words import words_for
from hashsets.bands import name_band
from hashsets.errors import HashsetsError, InvalidHashError
from hashsets.model import DIGESTS, Algorithm, Fingerprint, normalise_hash
from hashsets.search import is_searched
from triage.clock import utcnow
from triage.errors import (
    HotlineError,
    InvalidReportError,
    QuotaSpentError,
    ServerUnavailableError,
    StorageError,
)
from triage.model import Person
from triage.steps.answer_file import ToldAnswer, ask_about_file, tell_answer
from triage.steps.answer_question import Answered, IndexWantedError, ListedHit
from triage.steps.look_up_hashes import MAX_LINES, look_up_hashes
from triage.store.rows import Connection
from triage.vault import INTAKE

router = APIRouter()

WAIT_S = 2.0
_LOOK_EVERY_S = 0.05
_TRIES = 3
_REFUSED: tuple[type[HotlineError], ...] = (*REFUSALS, QuotaSpentError, StorageError)
_REFUSED_OR_DOWN: tuple[type[HotlineError], ...] = (*_REFUSED, ServerUnavailableError)
_BY_LENGTH = {
    32: (Algorithm.MD5,),
    40: (Algorithm.SHA1,),
    64: (Algorithm.SHA256, Algorithm.PDQ),
}
"""What a hash without a name may be, by its digits."""
_NAMED = {one.value: one for one in (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256, Algorithm.PDQ)}


@dataclass(frozen=True, slots=True)
class AskedLine:
    """One pasted hash: its line, and what it may be."""

    number: int
    queries: tuple[Fingerprint, ...]


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """What is told of one line.

    Attributes:
        compared: as what it was; a hash that says nothing, of a blank picture, is compared as nothing.
    """

    number: int
    compared: tuple[Algorithm, ...]
    hits: list[ListedHit]


@router.get("/hash-sets/look-up")
def show_look_up(request: Request) -> Response:
    """Show the two forms."""
    return _show(request)


def _show(
    request: Request,
    *,
    status: int = HTTPStatus.OK,
    error: str = "",
    answers: list[LineAnswer] | None = None,
    told: ToldAnswer | None = None,
) -> Response:
    now = utcnow()
    return render(
        request,
        "hash_lookup.html",
        status=status,
        error=error,
        answers=answers,
        told=told,
        most=MAX_LINES,
        band_of=name_band,
        largest=get_staff(request).settings.upload_max_bytes // 2**20,
        **words_for(choose_language(request), now),
    )


# Pasted hashes


@router.post("/hash-sets/look-up")
def look_up(request: Request) -> Response:
    """Answer for pasted hashes, one a line."""
    tools, person = get_staff(request), get_signed_in(request).person
    try:
        asked = read_lines(get_form(request).get("hashes"))
        answered = _ask(tools, person, asked)
    except _REFUSED_OR_DOWN as refusal:
        status, sentence = describe_refusal(request, refusal)
        return _show(request, status=status, error=sentence)
    hits = iter(answered.hits)
    answers = [
        LineAnswer(
            one.number,
            tuple(query.algorithm for query in one.queries if is_searched(query)),
            [hit for _ in one.queries for hit in next(hits)],
        )
        for one in asked
    ]
    return _show(request, answers=answers)


def read_lines(text: str) -> list[AskedLine]:
    """Return what pasted lines ask for: hex digits, or `pdq:` and such before them; 64 digits may be two things.

    Raises:
        InvalidReportError: a line is no hash, there is none, or there are too many; no message repeats a line.
    """
    asked = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            asked.append(AskedLine(number, _read_line(number, line.strip())))
        if len(asked) > MAX_LINES:
            raise InvalidReportError(f"At most {MAX_LINES} hashes at a time.")
    if not asked:
        raise InvalidReportError("Paste at least one hash.")
    return asked


def _read_line(number: int, text: str) -> tuple[Fingerprint, ...]:
    name, mark, value = text.rpartition(":")
    named = _NAMED.get(name.strip().lower().replace("-", "")) if mark else None
    algorithms = (named,) if named else _BY_LENGTH.get(len(text), ())
    try:
        if (mark and named is None) or not algorithms:
            raise InvalidHashError("no hash")
        return tuple(
            Fingerprint(
                algorithm,
                normalise_hash(algorithm, value.strip() if mark else text),
                orientation="bytes" if algorithm in DIGESTS else "r0",
            )
            for algorithm in algorithms
        )
    except InvalidHashError:
        raise InvalidReportError(f"Line {number} is no MD5, SHA-1, SHA-256 or PDQ in hex digits.") from None


def _ask(tools: StaffTools, person: Person, asked: list[AskedLine]) -> Answered:
    queries = [query for one in asked for query in one.queries]
    work = partial(
        look_up_hashes,
        queries=queries,
        find_index=tools.index.find_current,
        lines=len(asked),
        person=person,
        now=utcnow(),
    )
    try:
        for _ in range(_TRIES):
            try:
                return tools.database.run(work)
            except IndexWantedError as error:
                tools.index.get(tools.database, at_least=error.generation)
        raise IndexWantedError(0)
    except HashsetsError:
        raise ServerUnavailableError("The lists cannot be searched just now: try again.") from None


# A file


@router.post("/hash-sets/look-up/file")
def look_up_by_file(request: Request) -> Response:
    """Take a file that is sealed already, ask a worker about it, and lead to its answer."""
    tools, person, uploads = get_staff(request), get_signed_in(request).person, get_uploads(request)
    room = get_file_room(request)

    def work(conn: Connection) -> UUID:
        if room.refusal is not None:
            raise room.refusal
        if room.question_id is None or not uploads or not uploads[0].bytes:
            raise InvalidReportError("Choose a file that is not empty.")
        (upload,) = uploads
        ask_about_file(
            conn,
            room.question_id,
            object_name=upload.name,
            size=upload.bytes,
            person=person,
            now=utcnow(),
        )
        return room.question_id

    try:
        question_id = tools.database.run(work)
    except ServerUnavailableError:
        raise  # the commit may have taken place: the sweep of orphans takes a file that no row names
    except _REFUSED as refusal:
        _discard(tools, [one.name for one in uploads])
        status, sentence = describe_refusal(request, refusal)
        return _show(request, status=status, error=sentence)
    except BaseException:
        _discard(tools, [one.name for one in uploads])
        raise
    return RedirectResponse(f"/hash-sets/look-up/{question_id}", HTTPStatus.SEE_OTHER)


def _discard(tools: StaffTools, names: list[str]) -> None:
    try:
        for name in names:
            tools.vault.delete(INTAKE, name)
    except StorageError:
        return  # the sweep of orphans takes it


@router.get("/hash-sets/look-up/{question_id}")
def show_answer(request: Request, question_id: UUID) -> Response:
    """Show the answer about a file; wait for it, but never long."""
    tools, person = get_staff(request), get_signed_in(request).person
    until = time.monotonic() + WAIT_S

    def work(conn: Connection) -> ToldAnswer:
        return tell_answer(conn, question_id, person=person, now=utcnow())

    told = tools.database.run(work)
    while told.answer.outcome is None and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)
        told = tools.database.run(work)
    return _show(request, told=told)
