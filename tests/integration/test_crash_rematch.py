"""A worker killed in the middle of the retro-match: its batch is behind still, and comes again; nothing is doubled."""

import signal
import threading
import time

import pytest

from tests.builders import count_rows, import_entries, list_entry, prepare_practice, read_place, report
from tests.deployments import find_spec, make_deployment, read_log, run_spec
from tests.drawn_images import make_jpeg
from tests.local_sites import LocalSite
from triage.clock import utcnow
from triage.queue import QueueDoor
from triage.settings import load_settings
from triage.store import custody
from triage.store.checks import find_violations
from triage.store.pool import Database
from workers.sweep_due import sweep_once

HOST = "photos.example"
BEHIND = (
    "SELECT count(*) FROM fingerprints WHERE matched_generation < (SELECT generation FROM hash_generation)"
)
SETTINGS = {"RENUDGE_AFTER": "1", "REMATCH_BATCH": "1"}
NUMBER = 3


@pytest.fixture
def deployment(database, servers, tmp_path):
    with LocalSite() as site:
        for number in range(NUMBER):
            site.lay_answer(f"/{number}.jpg", make_jpeg(20 + number), "image/jpeg")
        prepare_practice(database, [(HOST, "203.0.113.10", "127.0.0.1", site.port)])
        yield make_deployment(tmp_path / "state", database.dsns, servers.redis_url)


@pytest.fixture
def sweep_until(database, servers, deployment, door):
    def sweep(is_true, limit_s=60.0):
        deadline = time.monotonic() + limit_s
        settings = load_settings(SETTINGS)
        queue = QueueDoor(servers.redis_url, timeout_s=60)
        with Database(database.dsns["hotline_worker"], size=1) as pool:
            while not is_true():
                assert time.monotonic() < deadline, read_log(deployment, "worker-1")[-3000:]
                sweep_once(pool, queue, settings, now=utcnow())
                time.sleep(0.05)

    return sweep


def work(deployment, **more):
    return run_spec(deployment, find_spec(deployment, "worker-1", **SETTINGS, **more))


def test_a_worker_killed_at_any_point_loses_and_doubles_nothing(deployment, conn, sweep_until):
    items = report(conn, *[f"http://{HOST}/{number}.jpg" for number in range(NUMBER)])
    with work(deployment):
        sweep_until(lambda: count_rows(conn, "SELECT count(*) FROM items WHERE state = 'received'") == 0)
    import_entries(conn, "later", *[list_entry(f"e{one}", data=make_jpeg(20 + one)) for one in range(NUMBER)])
    left = count_rows(conn, BEHIND)
    assert left > 0
    for point, is_kept in (("before_commit", False), ("after_commit", True)):
        with work(deployment, HOTLINE_CRASH_AT=point) as process:
            sweep_until(lambda process=process: process.poll() is not None)
        assert process.returncode == -signal.SIGKILL
        now_left = count_rows(conn, BEHIND)
        assert (now_left < left) is is_kept, point
        left = now_left
    with work(deployment):
        sweep_until(lambda: count_rows(conn, BEHIND) == 0)
    assert count_rows(conn, "SELECT count(*) FROM matches") == NUMBER
    for item in items:
        assert read_place(conn, item).reason.startswith("a list that came later knows it; exact digest")
    matched = "SELECT count(*) FROM custody_events WHERE event = 'matched'"
    assert count_rows(conn, matched) == 2 * NUMBER
    assert custody.verify(conn).broken == ()
    assert find_violations(conn) == []


def test_lists_that_come_while_it_works_are_all_seen_at_last(deployment, conn, database, sweep_until):
    report(conn, *[f"http://{HOST}/{number}.jpg" for number in range(NUMBER)])
    with work(deployment):
        sweep_until(lambda: count_rows(conn, "SELECT count(*) FROM items WHERE state = 'received'") == 0)

        def keep_importing():
            with database.connect() as other:
                for one in range(3 * NUMBER):
                    data = make_jpeg(20 + one % NUMBER)
                    import_entries(other, f"list-{one}", list_entry("e", data=data))

        thread = threading.Thread(target=keep_importing)
        thread.start()
        sweep_until(lambda: not thread.is_alive() and count_rows(conn, BEHIND) == 0)
        thread.join()
    assert count_rows(conn, "SELECT count(*) FROM matches") == 3 * NUMBER
    assert find_violations(conn) == []
