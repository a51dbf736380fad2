"""Questions about one file: who asked, the sealed object, and what a worker found. Rows live for minutes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hashsets.bands import Band
from hashsets.model import Algorithm
from triage.store.rows import Connection, row_of

LIFE_S = 180.0
"""Seconds after which a question is forgotten, answered or not."""
TOLD_S = 60.0
"""Seconds for which an answer that was shown can be shown again."""
MOST_TRIES = 2
STUCK = "a worker stopped over this file, twice"


@dataclass(frozen=True, slots=True)
class TakenQuestion:
    """A question that is ours to answer until `lease_until`."""

    id: UUID
    object_name: str
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class FileHit:
    """The file lies on an entry, or near to it, by one kind of hash; distance in bits, 0 where the bytes are equal."""

    entry_id: UUID
    algorithm: Algorithm
    distance: int
    band: Band


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """How far a question is.

    Attributes:
        bytes: of the file, in clear.
        outcome: compared, failed, or None while nobody answered.
        reason: why it failed; of a file that was compared, why it could not be read as a picture.
        compared: how many fingerprints were.
    """

    id: UUID
    bytes: int
    outcome: str | None
    reason: str | None
    generation: int | None
    compared: int | None


# Asking


def insert_question(
    conn: Connection, question_id: UUID, person_id: UUID, *, object_name: str, size: int, now: datetime
) -> None:
    """Store a question; the sweep hears of it at the commit."""
    conn.execute(
        "INSERT INTO file_questions (id, person_id, object_name, bytes, asked_at, expires_at)"
        " VALUES (%(id)s, %(person)s, %(name)s, %(bytes)s, %(now)s, %(until)s)",
        {
            "id": question_id,
            "person": person_id,
            "name": object_name,
            "bytes": size,
            "now": now,
            "until": now + timedelta(seconds=LIFE_S),
        },
    )


def find_answer(conn: Connection, question_id: UUID, person_id: UUID) -> FileAnswer | None:
    """Return how far a person's own question is; None once it is forgotten."""
    with conn.cursor(row_factory=row_of(FileAnswer)) as cursor:
        return cursor.execute(
            "SELECT id, bytes, outcome, reason, generation, compared FROM file_questions"
            " WHERE id = %(id)s AND person_id = %(person)s",
            {"id": question_id, "person": person_id},
        ).fetchone()


def list_hits(conn: Connection, question_id: UUID) -> list[FileHit]:
    """Return what a file lies on or near to, the nearest first."""
    with conn.cursor(row_factory=row_of(FileHit)) as cursor:
        return cursor.execute(
            "SELECT entry_id, algorithm, distance, band FROM file_question_hits WHERE question_id = %(id)s"
            " ORDER BY distance, algorithm, entry_id",
            {"id": question_id},
        ).fetchall()


def mark_told(conn: Connection, question_id: UUID, *, now: datetime) -> bool:
    """Say that an answer was shown; False when that was said already, or there is none."""
    cursor = conn.execute(
        "UPDATE file_questions SET told_at = GREATEST(%(now)s, answered_at)"
        " WHERE id = %(id)s AND answered_at IS NOT NULL AND told_at IS NULL",
        {"id": question_id, "now": now},
    )
    return cursor.rowcount == 1


# Answering


def take_due(conn: Connection, *, now: datetime, nudged_before: datetime, limit: int) -> list[UUID]:
    """Return questions that nobody answers just now, and mark them as nudged; oldest first."""
    rows = conn.execute(
        "UPDATE file_questions SET nudged_at = %(now)s WHERE id IN (SELECT id FROM file_questions"
        " WHERE answered_at IS NULL AND expires_at > %(now)s AND tries < %(most)s"
        " AND (lease_until IS NULL OR lease_until <= %(now)s)"
        " AND (nudged_at IS NULL OR nudged_at < %(nudged_before)s)"
        " ORDER BY asked_at, id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED) RETURNING id, asked_at",
        {"now": now, "nudged_before": nudged_before, "most": MOST_TRIES, "limit": limit},
    ).fetchall()
    return [row[0] for row in sorted(rows, key=lambda row: (row[1], row[0]))]


def take_question(
    conn: Connection, question_id: UUID, *, now: datetime, lease_s: float
) -> TakenQuestion | None:
    """Take a question to answer it; None when another worker has it, or nobody waits for it any more.

    Args:
        lease_s: seconds after which whoever began to compare has stopped.
    """
    with conn.cursor(row_factory=row_of(TakenQuestion)) as cursor:
        return cursor.execute(
            "UPDATE file_questions SET tries = tries + 1, lease_until = %(until)s WHERE id = %(id)s"
            " AND answered_at IS NULL AND expires_at > %(now)s AND tries < %(most)s"
            " AND (lease_until IS NULL OR lease_until <= %(now)s) RETURNING id, object_name, lease_until",
            {
                "id": question_id,
                "now": now,
                "until": now + timedelta(seconds=lease_s),
                "most": MOST_TRIES,
            },
        ).fetchone()


def answer_compared(
    conn: Connection,
    taken: TakenQuestion,
    hits: Sequence[FileHit],
    *,
    generation: int,
    compared: int,
    reason: str | None,
    now: datetime,
) -> bool:
    """Store what a file lies on or near to; False when it is not ours to say any more."""
    cursor = conn.execute(
        "UPDATE file_questions SET answered_at = %(now)s, outcome = 'compared', generation = %(generation)s,"
        " compared = %(compared)s, reason = %(reason)s"
        " WHERE id = %(id)s AND answered_at IS NULL AND lease_until = %(lease)s",
        {
            "id": taken.id,
            "lease": taken.lease_until,
            "generation": generation,
            "compared": compared,
            "reason": reason,
            "now": now,
        },
    )
    if cursor.rowcount != 1:
        return False
    conn.execute(
        "INSERT INTO file_question_hits (question_id, entry_id, algorithm, distance, band)"
        " SELECT %(id)s, entry_id, algorithm, distance, band FROM unnest(%(entries)s::uuid[],"
        " %(algorithms)s::text[], %(distances)s::smallint[], %(bands)s::text[])"
        " AS new (entry_id, algorithm, distance, band)",
        {
            "id": taken.id,
            "entries": [one.entry_id for one in hits],
            "algorithms": [one.algorithm.value for one in hits],
            "distances": [one.distance for one in hits],
            "bands": [one.band.value for one in hits],
        },
    )
    return True


def answer_failed(conn: Connection, taken: TakenQuestion, reason: str, *, now: datetime) -> bool:
    """Store why a file could not be compared; False when it is not ours to say any more."""
    cursor = conn.execute(
        "UPDATE file_questions SET answered_at = %(now)s, outcome = 'failed', reason = %(reason)s"
        " WHERE id = %(id)s AND answered_at IS NULL AND lease_until = %(lease)s",
        {"id": taken.id, "lease": taken.lease_until, "reason": reason, "now": now},
    )
    return cursor.rowcount == 1


# Forgetting


@dataclass(frozen=True, slots=True)
class OverQuestion:
    """A question that is over, and its object, which may be there still."""

    id: UUID
    object_name: str


def give_up_stuck(conn: Connection, *, now: datetime) -> int:
    """Say of files over which workers stopped as often as they may that they could not be compared."""
    return conn.execute(
        "UPDATE file_questions SET answered_at = %(now)s, outcome = 'failed', reason = %(reason)s"
        " WHERE answered_at IS NULL AND tries >= %(most)s AND lease_until <= %(now)s",
        {"now": now, "reason": STUCK, "most": MOST_TRIES},
    ).rowcount


def read_over(conn: Connection, *, now: datetime, limit: int) -> list[OverQuestion]:
    """Return questions whose answer was shown a while ago, or whose time is over; also by a clock that was set back."""
    with conn.cursor(row_factory=row_of(OverQuestion)) as cursor:
        return cursor.execute(
            "SELECT id, object_name FROM file_questions WHERE expires_at <= %(now)s OR told_at <= %(told)s"
            " OR asked_at > %(ahead)s ORDER BY expires_at, id LIMIT %(limit)s",
            {
                "now": now,
                "told": now - timedelta(seconds=TOLD_S),
                "ahead": now + timedelta(seconds=LIFE_S),
                "limit": limit,
            },
        ).fetchall()


def forget(conn: Connection, ids: Sequence[UUID]) -> None:
    """Delete questions with their answers; their objects are gone."""
    conn.execute("DELETE FROM file_questions WHERE id = ANY(%(ids)s)", {"ids": list(ids)})
