"""A person asks whether a file is listed: begin, ask, answer, tell.

1. Begin: before a byte of the file is sealed it is counted, room on the disk is held for it, and that somebody asked is
   an event.
2. Ask: the file is sealed to the intake key by now, and a row names it. No item and no report is made.
3. Answer: a worker takes the row, compares and says what it found: entries and distances, never a hash.
4. Tell: the first time that the answer is shown is an event, of counts.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.errors import StorageError, UnknownThingError
from triage.ids import new_id
from triage.model import Person
from triage.steps.look_up_hashes import Allowance, note_use, require_right
from triage.store import custody, file_questions, questions
from triage.store.custody import NewEvent, stream_of
from triage.store.file_questions import FileAnswer, FileHit
from triage.store.questions import ListedEntry
from triage.store.rows import Connection
from triage.store.upload_holds import take_hold

ALLOWANCE = Allowance(
    "file_asked",
    per_minute=10,
    per_day=500,
    spent_for_now="You asked about as many files as one person may for now: wait a minute.",
    spent_today="You asked about as many files as one person may in 24 hours: go on later.",
)
NO_ROOM = "There is no room for a file just now: look its hashes up instead, or try again later."
_NO_SHARE = 2**62
"""Bytes; the bound of what strangers send does not bind staff."""


@dataclass(frozen=True, slots=True)
class ListedFileHit:
    """A hit, and what its entry says today."""

    hit: FileHit
    entry: ListedEntry


@dataclass(frozen=True, slots=True)
class ToldAnswer:
    """How far a question is, and what it hit as far as the lists still say so."""

    answer: FileAnswer
    hits: list[ListedFileHit]


def begin_question(conn: Connection, *, size: int, free: int | None, person: Person, now: datetime) -> UUID:
    """Count a question whose file comes in now; return the id under which it may be asked, and its room is held.

    Args:
        size: bytes that the file may take on the disk, at least 1.
        free: bytes that the disk has left for all that is on its way; None where nobody can say.

    Raises:
        NotAllowedError: this person may not.
        QuotaSpentError: they asked as much as they may.
        StorageError: there is no room.
    """
    require_right(person)
    question_id = new_id()
    event = NewEvent(stream_of("person", person.id), ALLOWANCE.event, {"question": str(question_id)})
    note_use(conn, ALLOWANCE, event, person_id=person.id, now=now)
    if not take_hold(conn, question_id, size=size, most=_NO_SHARE, free=free):
        raise StorageError(NO_ROOM)
    return question_id


def ask_about_file(
    conn: Connection, question_id: UUID, *, object_name: str, size: int, person: Person, now: datetime
) -> None:
    """Store a question that was begun, about a file that is sealed.

    Args:
        size: bytes of the file in clear, at least 1.

    Raises:
        NotAllowedError: this person may not, by now.
    """
    require_right(person)
    file_questions.insert_question(conn, question_id, person.id, object_name=object_name, size=size, now=now)


def tell_answer(conn: Connection, question_id: UUID, *, person: Person, now: datetime) -> ToldAnswer:
    """Return how far a person's own question is; note that its answer was shown.

    Raises:
        NotAllowedError: this person may not.
        UnknownThingError: there is no such question of theirs any more.
    """
    require_right(person)
    answer = file_questions.find_answer(conn, question_id, person.id)
    if answer is None:
        raise UnknownThingError("This question is forgotten: nothing of it was kept. Ask again.")
    if answer.outcome is None:
        return ToldAnswer(answer, [])
    hits = file_questions.list_hits(conn, question_id)
    listed = questions.read_listed(conn, list({one.entry_id for one in hits}))
    told = [ListedFileHit(one, listed[one.entry_id]) for one in hits if one.entry_id in listed]
    if file_questions.mark_told(conn, question_id, now=now):
        body: custody.Body = {
            "question": str(question_id),
            "bytes": answer.bytes,
            "outcome": answer.outcome,
            "compared": answer.compared or 0,
            "hits": len(told),
            "sets": len({one.entry.set_name for one in told}),
        }
        event = NewEvent(stream_of("person", person.id), "file_answered", body)
        custody.append(conn, [event], actor=f"person/{person.id}", now=now)
    return ToldAnswer(answer, told)
