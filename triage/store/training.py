"""The training set: each person's answers, and who passed."""

from datetime import datetime
from uuid import UUID

from triage.rules.training import ROUND_TASKS, Progress
from triage.store.rows import Connection


def has_passed_training(conn: Connection, person_id: UUID) -> bool:
    """Whether a person passed the training set, or judged before there was one."""
    found = conn.execute("SELECT FROM trainings WHERE person_id = %(person)s", {"person": person_id})
    return found.fetchone() is not None


def find_passed(conn: Connection, person_ids: list[UUID]) -> frozenset[UUID]:
    """Return those of the persons who passed."""
    rows = conn.execute(
        "SELECT person_id FROM trainings WHERE person_id = ANY(%(ids)s) ORDER BY person_id",
        {"ids": person_ids},
    ).fetchall()
    return frozenset(row[0] for row in rows)


def read_progress(conn: Connection, person_id: UUID) -> Progress:
    """Return how far a person is; a round of which all is answered is over, and the next one begins."""
    rows = conn.execute(
        "SELECT round, task, is_right FROM training_answers WHERE person_id = %(person)s AND round >="
        " (SELECT max(round) - 1 FROM training_answers WHERE person_id = %(person)s) ORDER BY round, task",
        {"person": person_id},
    ).fetchall()
    rounds: dict[int, dict[int, bool]] = {}
    for round_, task, is_right in rows:
        rounds.setdefault(round_, {})[task] = is_right
    current = max(rounds, default=1)
    if len(rounds.get(current, {})) == ROUND_TASKS:
        current += 1
    before = rounds.get(current - 1)
    return Progress(
        current,
        rounds.get(current, {}),
        sum(before.values()) if before else None,
        has_passed_training(conn, person_id),
    )


def read_answer(conn: Connection, person_id: UUID, *, round_: int, task: int) -> bool | None:
    """Return whether a person answered a task of a round right; None: not at all."""
    row = conn.execute(
        "SELECT is_right FROM training_answers WHERE person_id = %(person)s AND round = %(round)s AND task = %(task)s",
        {"person": person_id, "round": round_, "task": task},
    ).fetchone()
    return None if row is None else bool(row[0])


def insert_answer(
    conn: Connection, person_id: UUID, *, round_: int, task: int, answer: str, is_right: bool
) -> bool:
    """Store an answer; False when this task was answered in this round."""
    return (
        conn.execute(
            "INSERT INTO training_answers (person_id, round, task, answer, is_right)"
            " VALUES (%(person)s, %(round)s, %(task)s, %(answer)s, %(is_right)s) ON CONFLICT DO NOTHING",
            {"person": person_id, "round": round_, "task": task, "answer": answer, "is_right": is_right},
        ).rowcount
        == 1
    )


def insert_training(conn: Connection, person_id: UUID, *, round_: int, now: datetime) -> None:
    """Store that a person passed; the database refuses it without the answers."""
    conn.execute(
        "INSERT INTO trainings (person_id, round, passed_at) VALUES (%(person)s, %(round)s, %(now)s)",
        {"person": person_id, "round": round_, "now": now},
    )
