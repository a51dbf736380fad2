"""The sweep: nudges what is due and nothing else, never as a flood, wakes at once, and outlives its servers."""

import logging
import threading
import time
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from tests.builders import NO_PACE, count_rows, make_person, report
from tests.conftest import FreshDatabase
from tests.processes import wait_until
from triage.cli.embedded import start_servers
from triage.cli.state_dir import StateDir
from triage.clock import utcnow
from triage.ids import new_id
from triage.queue import QueueDoor
from triage.rules.due import QueueName
from triage.rules.states import Remit
from triage.settings import load_settings
from triage.steps.take_capture import take_capture
from triage.store import custody, file_questions, migrate
from triage.store.pool import Database
from triage.vault import ObjectVault
from workers import sweep_due
from workers.sweep_due import FILES_BEYOND, Sweep, sweep_once

NOW = utcnow()
SETTINGS = load_settings({}, renudge_after_s=20.0, sweep_batch=50, retry_waits_s=(10.0, 20.0))


@pytest.fixture
def pool(database):
    with Database(database.dsns["hotline_worker"], size=2) as opened:
        yield opened


def urls(number):
    return [f"http://photos.example/{place}.jpg" for place in range(number)]


def at(seconds):
    return NOW + timedelta(seconds=seconds)


# One round


def count_hints(door):
    return [door.count_waiting(one) for one in (QueueName.CAPTURE, QueueName.CAPTURE_LATE)]


def test_a_thousand_due_rows_are_no_flood_and_only_the_first_of_them_stand_in_front(conn, pool, door):
    report(conn, *urls(1000), now=NOW)
    swept = [sweep_once(pool, door, SETTINGS, now=at(second)) for second in range(1, 4)]
    assert [one.nudged for one in swept] == [75, 0, 0]
    assert count_hints(door) == [25, 50]
    # The queue is lost, again and again: what was nudged waits its turn, the rest comes a batch at a time.
    nudged = 75
    for place in range(19):
        door._redis.flushall()
        nudged += sweep_once(pool, door, SETTINGS, now=at(4 + place / 10)).nudged
        assert max(count_hints(door)) <= 50
    assert nudged == 1000
    door._redis.flushall()
    assert sweep_once(pool, door, SETTINGS, now=at(6)).nudged == 0
    assert sweep_once(pool, door, SETTINGS, now=at(21.5)).nudged == 75


def test_a_half_full_queue_is_only_filled_up(conn, pool, door):
    report(conn, *urls(100), now=NOW)
    sweep_once(pool, door, SETTINGS, now=at(1))
    for _ in range(20):
        door._redis.lpop("rq:queue:capture_late")
    assert sweep_once(pool, door, SETTINGS, now=at(2)).nudged == 20
    assert count_hints(door) == [25, 50]


def test_a_short_report_never_waits_behind_a_long_one_and_danger_waits_behind_nobody(conn, pool):
    long = report(conn, *urls(60), now=NOW)
    (short,) = report(conn, "http://other.example/one.jpg", now=at(0.5))
    endangered = report(conn, *[f"http://third.example/{place}" for place in range(30)], danger=True, now=NOW)
    noted = []

    class Noting:
        def nudge(self, job, identity, *, first=False):
            noted.append((job.queue, identity, first))
            return True

        def count_waiting(self, queue):
            return 0

    sweep_once(pool, Noting(), load_settings({}, sweep_batch=200), now=at(1))
    front = [identity for queue, identity, _ in noted if queue is QueueName.CAPTURE]
    late = [identity for queue, identity, _ in noted if queue is QueueName.CAPTURE_LATE]
    assert set(front) == {*long[:25], short, *endangered}
    assert set(late) == set(long[25:])
    assert {identity for _, identity, first in noted if first} == set(endangered)
    assert front[: len(endangered)] == [one for one in front if one in set(endangered)]


def test_only_rows_that_are_due_are_nudged_and_danger_comes_first(conn, pool, door):
    waiting, later, taken = report(conn, *urls(3), now=NOW)
    report(conn, "http://photos.example/other", remit=Remit.HATE_SPEECH, now=NOW)
    report(conn, note="a text alone", now=NOW)
    (danger,) = report(conn, "http://photos.example/danger.jpg", danger=True, now=at(0.5))
    conn.execute("UPDATE items SET next_try_at = %s WHERE id = %s", (at(100), later))
    conn.commit()
    pool.run(
        lambda opened: take_capture(
            opened, taken, worker="w", now=at(1), lease_s=300.0, waits_s=(10.0,), pace=NO_PACE
        )
    )
    assert sweep_once(pool, door, SETTINGS, now=at(2)).nudged == 2
    nudged = {row[0] for row in conn.execute("SELECT id FROM items WHERE nudged_at IS NOT NULL")}
    conn.rollback()
    assert nudged == {waiting, danger}
    assert sweep_once(pool, door, SETTINGS, now=at(101)).nudged == 3
    one = load_settings({}, sweep_batch=1)
    door._redis.flushall()
    assert sweep_once(pool, door, one, now=at(200)).nudged == 1
    row = conn.execute("SELECT id FROM items WHERE nudged_at = %s", (at(200),)).fetchone()
    conn.rollback()
    assert row[0] == danger


def test_what_nobody_took_is_nudged_again_after_a_while(conn, pool, door):
    report(conn, *urls(1), now=NOW)
    nudged = [sweep_once(pool, door, SETTINGS, now=at(second)).nudged for second in (1, 2, 20, 22, 23)]
    assert nudged == [1, 0, 0, 1, 0]


def test_nothing_is_marked_as_nudged_while_redis_is_away(conn, pool, tmp_path):
    report(conn, *urls(3), now=NOW)
    away = QueueDoor(f"unix://{tmp_path}/nowhere.sock", timeout_s=30)
    assert sweep_once(pool, away, SETTINGS, now=at(1)).nudged == 0
    assert count_rows(conn, "SELECT count(*) FROM items WHERE nudged_at IS NOT NULL") == 0


def ask_about_files(conn, number):
    person = make_person(conn, "Ana")
    for place in range(number):
        file_questions.insert_question(
            conn, new_id(), person, object_name=f"{place:040x}", size=1, now=at(place / 100)
        )
    conn.commit()


def test_no_question_about_a_file_is_marked_as_nudged_while_redis_is_away(conn, pool, tmp_path):
    ask_about_files(conn, 3)
    away = QueueDoor(f"unix://{tmp_path}/nowhere.sock", timeout_s=30)
    assert sweep_once(pool, away, SETTINGS, now=at(1)).nudged == 0
    assert count_rows(conn, "SELECT count(*) FROM file_questions WHERE nudged_at IS NOT NULL") == 0


def test_questions_about_files_find_a_place_before_a_full_queue_but_are_no_flood_themselves(conn, pool, door):
    report(conn, *urls(25), now=NOW)
    full = load_settings({}, sweep_batch=25)
    assert sweep_once(pool, door, full, now=at(1)).nudged == 25
    ask_about_files(conn, 60)
    assert sweep_once(pool, door, full, now=at(2)).nudged == FILES_BEYOND + 25 + FILES_BEYOND
    assert door.count_waiting(QueueName.CAPTURE) == door.count_waiting(QueueName.LOOKUP) == 25 + FILES_BEYOND
    assert sweep_once(pool, door, full, now=at(20)).nudged == 0
    nudged = "SELECT count(*) FROM file_questions WHERE nudged_at IS NOT NULL"
    assert count_rows(conn, nudged) == 25 + FILES_BEYOND


def test_leases_that_ran_out_are_ended_and_at_last_a_person_decides(conn, pool, door):
    (item,) = report(conn, *urls(1), now=NOW)
    for round_number in range(3):
        now = at(round_number * 100 + 1)
        pool.run(
            lambda opened, now=now: take_capture(
                opened, item, worker="w", now=now, lease_s=50.0, waits_s=SETTINGS.retry_waits_s, pace=NO_PACE
            )
        )
        assert sweep_once(pool, door, SETTINGS, now=now + timedelta(seconds=49)).ended == 0
        assert sweep_once(pool, door, SETTINGS, now=now + timedelta(seconds=51)).ended == 1
    row = conn.execute("SELECT state::text, base_lane::text FROM items WHERE id = %s", (item,)).fetchone()
    assert row == ("awaiting_assessment", "look")
    events = [event.event for event in custody.read_stream(conn, f"item/{item}")]
    conn.rollback()
    assert events.count("capture_abandoned") == 3
    assert events[-1] == "capture_gave_up"
    assert sweep_once(pool, door, SETTINGS, now=at(1000)).nudged == 0


# The loop


@contextmanager
def run_sweep(dsn, redis_url, folder, **settings):
    """Run the loop in a thread; what it raises fails the test."""
    failures = []
    values = load_settings({}, **settings)
    with Database(dsn, size=2) as pool:
        door = QueueDoor(redis_url, timeout_s=values.job_timeout_s)
        sweep = Sweep(dsn, pool, door, ObjectVault(f"file://{folder}"), values)

        def run():
            try:
                sweep.run()
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield sweep
            assert thread.is_alive(), failures
        finally:
            sweep.stop()
            with psycopg.connect(dsn, autocommit=True) as conn:
                conn.execute("NOTIFY hotline_due")
            thread.join(20)
        assert not thread.is_alive()
        assert failures == []


def make_store(folder):
    for area in ("intake", "evidence"):
        (folder / area).mkdir(parents=True)
    return folder


def test_a_report_of_the_public_role_wakes_it_within_a_second(
    database, conn, as_role, servers, client, door, tmp_path
):
    folder, took = make_store(tmp_path / "store"), []
    with run_sweep(database.dsns["hotline_worker"], servers.redis_url, folder, sweep_every_s=60.0) as sweep:
        wait_until(lambda: sweep._listener is not None)
        time.sleep(0.3)
        assert door.count_waiting(QueueName.CAPTURE) == 0
        for number in range(1, 4):  # once is enough, but the machine may be busy with something else
            since = time.monotonic()
            report(conn, f"http://photos.example/woken-{number}.jpg")
            wait_until(lambda wanted=number: door.count_waiting(QueueName.CAPTURE) == wanted)
            took.append(time.monotonic() - since)
    assert min(took) < 1.0, took


def test_it_outlives_restarts_of_both_servers(tmp_path, caplog):
    caplog.set_level(logging.CRITICAL, logger="psycopg.pool")
    folder = make_store(tmp_path / "store")
    with start_servers(StateDir(tmp_path / "state"), fast=True) as servers:
        with psycopg.connect(servers.dsns[migrate.OWNER], autocommit=True) as owner:
            migrate.migrate(owner)
        database = FreshDatabase("hotline", servers.dsns)
        door = QueueDoor(servers.redis_url, timeout_s=30)
        dsn = servers.dsns["hotline_worker"]
        with run_sweep(dsn, servers.redis_url, folder, sweep_every_s=0.1, renudge_after_s=0.5):
            servers.postgres.stop()
            time.sleep(0.3)
            servers.postgres.start()
            with database.connect() as conn:
                report(conn, *urls(2))
                wait_until(lambda: door.count_waiting(QueueName.CAPTURE) == 2, 20)
                servers.valkey.process.kill()
                servers.valkey.process.wait()
                report(conn, "http://photos.example/more.jpg")
                time.sleep(0.3)
                for path in servers.state.valkey.rglob("*aof*"):
                    if path.is_file():
                        path.unlink()
                servers.valkey.start()
                wait_until(lambda: door.count_waiting(QueueName.CAPTURE) >= 3, 20)


def test_retention_runs_in_the_loop_and_a_broken_store_does_not_end_it(
    database, conn, servers, client, door, tmp_path, monkeypatch
):
    folder = make_store(tmp_path / "store")
    orphan = ObjectVault(f"file://{folder}").put("evidence", b"nobody names this")
    monkeypatch.setattr(sweep_due, "PURGE_EVERY_S", 0.05)
    calls = []
    purge = sweep_due.purge_expired

    def fail_first(*values, **more):
        calls.append(1)
        if len(calls) == 1:
            raise sweep_due.StorageError
        return purge(*values, **more)

    monkeypatch.setattr(sweep_due, "purge_expired", fail_first)
    dsn = database.dsns["hotline_worker"]
    with run_sweep(dsn, servers.redis_url, folder, sweep_every_s=0.05, orphan_after_s=0.0):
        report(conn, *urls(1))
        wait_until(lambda: len(calls) >= 3, 10)
        wait_until(lambda: not (folder / "evidence" / orphan).exists(), 10)
        wait_until(lambda: door.count_waiting(QueueName.CAPTURE) == 1, 5)
