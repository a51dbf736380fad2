"""Answer a task of the training set; the last answer of a round may pass it.

Of a person's way through it custody says one thing: that they passed, and in which round.
"""

from datetime import datetime

from triage.errors import StaleStateError, UnknownThingError
from triage.model import Person
from triage.rules.training import Task, draw_round, is_round_passed
from triage.store import custody, training
from triage.store.custody import NewEvent, stream_of
from triage.store.exposure import lock_person
from triage.store.rows import Connection


def find_task(person: Person, *, round_: int, number: int) -> Task:
    """Return a task of a person's round.

    Raises:
        UnknownThingError: a round has no task of that number.
    """
    for task in draw_round(person.id, round_):
        if task.number == number:
            return task
    raise UnknownThingError("The training set has no such task.")


def answer_task(
    conn: Connection, *, person: Person, round_: int, number: int, answer: str, now: datetime
) -> bool:
    """Store what a person says of a task, and that they passed if this was the answer that was wanting.

    Args:
        round_: that the person saw.
        answer: a label, `skip`, or the numbers of the alike pictures.

    Returns:
        Whether it is right.

    Raises:
        UnknownThingError: there is no such task.
        StaleStateError: it was answered before, or its round is over.
    """
    task = find_task(person, round_=round_, number=number)
    lock_person(conn, person.id)  # two windows at the last task of a round
    before = training.read_progress(conn, person.id)
    is_right = answer == task.answer
    if before.round != round_ or not training.insert_answer(
        conn, person.id, round_=round_, task=number, answer=answer, is_right=is_right
    ):
        raise StaleStateError
    right, answered = sum(before.answers.values()) + is_right, len(before.answers) + 1
    if is_round_passed(right, answered) and not before.is_passed:
        training.insert_training(conn, person.id, round_=round_, now=now)
        stream = stream_of("person", person.id)
        custody.append(conn, [NewEvent(stream, "training_passed", {"round": round_})], actor=stream, now=now)
    return is_right
