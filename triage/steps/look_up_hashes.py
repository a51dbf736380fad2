"""A person asks whether hashes are listed: who, when and how many is an event, never which.

1. The index must not be behind the lists: an old answer would say "not listed" of what is.
2. Search, and tell of each hit what its entry says today.
3. The event is appended last. It holds the person's stream, so that of questions at the same time each is counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hashsets import store as hash_sets
from hashsets.model import Fingerprint
from hashsets.search import Index
from triage.errors import NotAllowedError, QuotaSpentError
from triage.model import Person
from triage.rules.rights import Right, rights_of
from triage.steps.answer_question import Answered, IndexWantedError, find_hits
from triage.store import audit, custody
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection

MAX_LINES = 100
"""Hashes of one question."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How often a person may do something, by the events that it leaves; and what they are told when that is spent."""

    event: str
    per_minute: int
    per_day: int
    spent_for_now: str
    spent_today: str


ALLOWANCE = Allowance(
    "hashes_asked",
    per_minute=20,
    per_day=1000,
    spent_for_now="You asked about hashes as often as one person may for now: wait a minute.",
    spent_today="You asked about hashes as often as one person may in 24 hours: go on later.",
)


def require_right(person: Person) -> None:
    """Refuse whoever may not look hashes up.

    Raises:
        NotAllowedError: this person may not.
    """
    if Right.LOOK_UP_HASHES not in rights_of(person.roles):
        raise NotAllowedError("Your role does not include this.")


def note_use(
    conn: Connection, allowance: Allowance, event: NewEvent, *, person_id: UUID, now: datetime
) -> None:
    """Append the event of one use.

    Raises:
        QuotaSpentError: that is more than the person may; the caller rolls back.
    """
    actor = f"person/{person_id}"
    custody.append(conn, [event], actor=actor, now=now)
    for most, span, sentence in (
        (allowance.per_day, timedelta(days=1), allowance.spent_today),
        (allowance.per_minute, timedelta(minutes=1), allowance.spent_for_now),
    ):
        if audit.count_events(conn, actor, allowance.event, since=now - span, most=most + 1) > most:
            raise QuotaSpentError(sentence)


def look_up_hashes(
    conn: Connection,
    queries: Sequence[Fingerprint],
    find_index: Callable[[int], Index | None],
    *,
    lines: int,
    person: Person,
    now: datetime,
) -> Answered:
    """Answer a person; hits stand in the order of the queries.

    Args:
        find_index: returns the opened index if its generation is at least this one.
        lines: how many hashes were asked about; one of them may make two queries.

    Raises:
        NotAllowedError: this person may not.
        QuotaSpentError: they asked as much as they may.
        IndexWantedError: open an index of that generation and ask again; nothing was noted.
    """
    require_right(person)
    generation = hash_sets.read_generation(conn)
    index = find_index(generation)
    if index is None:
        raise IndexWantedError(generation)
    hits = find_hits(conn, index, queries)
    body: custody.Body = {"hashes": lines, "hits": sum(len(one) for one in hits)}
    event = NewEvent(stream_of("person", person.id), ALLOWANCE.event, body)
    note_use(conn, ALLOWANCE, event, person_id=person.id, now=now)
    return Answered(index.generation, hits)
