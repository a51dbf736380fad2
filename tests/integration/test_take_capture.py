"""Leases in the database: one taker of many, none for what is not due, and clear words for each end."""

import threading
from datetime import timedelta

import psycopg
import pytest

from tests.builders import NO_PACE, report
from triage.clock import utcnow
from triage.errors import LeaseLostError
from triage.ids import new_id
from triage.rules.states import CaptureOutcome, Remit
from triage.steps.take_capture import end_expired, take_capture
from triage.store import captures, custody

NOW = utcnow()
WAITS = (10.0, 20.0)


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def take(conn, item, *, now, lease_s=100.0, worker="w"):
    taken = take_capture(conn, item, worker=worker, now=now, lease_s=lease_s, waits_s=WAITS, pace=NO_PACE)
    conn.commit()
    return taken


@pytest.fixture
def worker(as_role):
    return as_role("hotline_worker")


def test_what_is_not_to_be_captured_gets_no_lease(conn, worker):
    (other,) = report(conn, "http://photos.example/a", remit=Remit.OTHER, now=NOW)
    (text,) = report(conn, note="words alone", now=NOW)
    (later,) = report(conn, "http://photos.example/b", now=at(50))
    for item in (other, text, later, new_id()):
        assert take(worker, item, now=at(1)) is None
    assert take(worker, later, now=at(50)) is not None


def test_many_takers_at_once_get_one_lease(conn, database):
    (item,) = report(conn, "http://photos.example/a", now=NOW)
    found, failures = [], []
    start = threading.Barrier(6)

    def try_to_take(number):
        try:
            with database.connect("hotline_worker") as own:
                start.wait(10)
                taken = take(own, item, now=at(1), worker=f"w{number}")
            if taken is not None:
                found.append(taken.capture_id)
        except psycopg.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=try_to_take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), failures) == (1, [])


def test_the_database_itself_refuses_a_second_lease(conn, worker):
    (item,) = report(conn, "http://photos.example/a", now=NOW)
    take(worker, item, now=at(1))
    with pytest.raises(psycopg.errors.UniqueViolation):
        captures.insert_capture(worker, item, worker="x", now=at(2), lease_until=at(90))
    worker.rollback()


def test_a_lease_ends_once(conn, worker):
    (item,) = report(conn, "http://photos.example/a", now=NOW)
    taken = take(worker, item, now=at(1))
    for early in (at(1), at(50), at(100.9)):
        assert not end_expired(worker, item, actor="sweep", now=early, waits_s=WAITS)
    assert end_expired(worker, item, actor="sweep", now=at(101), waits_s=WAITS)
    assert not end_expired(worker, item, actor="sweep", now=at(101), waits_s=WAITS)
    worker.commit()
    with pytest.raises(LeaseLostError):
        captures.end_capture(worker, taken.capture_id, CaptureOutcome.FAILED, now=at(102), reason="late")
    worker.rollback()
    again = take(worker, item, now=at(101))
    assert again is not None
    assert again.item.tries == 1
    row = conn.execute("SELECT tries, state::text FROM items WHERE id = %s", (item,)).fetchone()
    assert row == (1, "received")


def test_a_clock_that_is_set_back_leaves_no_lease_for_ever_and_ends_none_early(conn, worker):
    (item,) = report(conn, "http://photos.example/a", now=NOW)
    taken = take(worker, item, now=at(1))
    for back_s in (0, 50, 98.9):
        assert captures.read_expired(worker, now=at(-back_s), limit=10) == []
        assert not end_expired(worker, item, actor="sweep", now=at(-back_s), waits_s=WAITS)
        assert take(worker, item, now=at(-back_s), worker="x") is None
    assert captures.read_expired(worker, now=at(-86400), limit=10) == [item]
    again = take(worker, item, now=at(-86400), worker="x")
    assert again is not None
    assert again.capture_id != taken.capture_id
    with pytest.raises(LeaseLostError):  # whoever held it comes back late
        captures.end_capture(worker, taken.capture_id, CaptureOutcome.FAILED, now=at(2), reason="late")
    worker.rollback()
    assert end_expired(worker, item, actor="sweep", now=at(86400), waits_s=WAITS)
    worker.commit()


def test_a_taker_ends_what_ran_out_and_says_so(conn, worker):
    (item,) = report(conn, "http://photos.example/a", now=NOW)
    for number in range(3):
        assert take(worker, item, now=at(number * 200 + 1)) is not None
    assert take(worker, item, now=at(601)) is None
    rows = conn.execute(
        "SELECT outcome::text, reason FROM captures WHERE item_id = %s ORDER BY started_at", (item,)
    ).fetchall()
    assert rows == [("abandoned", "the worker stopped in the middle")] * 3
    row = conn.execute("SELECT state::text, lane::text, reason FROM items WHERE id = %s", (item,)).fetchone()
    assert row == (
        "awaiting_assessment",
        "look",
        "could not be fetched: the worker stopped in the middle, 3 tries",
    )
    assert custody.verify(conn).broken == ()
