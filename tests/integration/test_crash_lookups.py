"""A real worker killed at every point of locating and of checking: one notice, no check lost or counted twice."""

import signal
import time

import pytest
import redis

from tests.acting import lay_networks
from tests.builders import Clock, count_rows, prepare_practice
from tests.deployments import find_spec, make_deployment, read_log, run_spec
from tests.local_sites import LocalSite
from tests.sending_desk import ASN, POLICE, PROVIDER, open_sending_desk
from triage.clock import utcnow
from triage.model import Network
from triage.queue import QueueDoor
from triage.settings import load_settings
from triage.store import checks, custody
from triage.store.pool import Database
from workers.sweep_due import sweep_once

pytestmark = pytest.mark.long

HOST = "photos.example"
URL = f"http://{HOST}/gone.jpg"
POINTS = ("after_fetch", "before_commit", "after_commit")
SHORT = {
    "FETCH_TOTAL": "2",
    "FETCH_CONNECT": "1",
    "RENUDGE_AFTER": "0.3",
    "ONLINE_CHECK_EVERY": "3600",
    "REMOVED_CHECK_EVERY": "0.2",
}


class Run:
    """A practice deployment of one test: its sweep in this process, its workers outside."""

    def __init__(self, database, redis_url, root, desk):
        self.desk, self.database = desk, database
        self.deployment = make_deployment(root, database.dsns, redis_url)
        self.settings = load_settings(SHORT)
        self.queue = QueueDoor(redis_url, timeout_s=30)
        self.redis = redis.Redis.from_url(redis_url)
        self.redis.flushall()

    def work_until(self, is_true, *, limit_s=90.0, **more):
        """Run one worker and sweep until something is true of it; return its process."""
        deadline = time.monotonic() + limit_s
        spec = find_spec(self.deployment, "worker-1", **SHORT, **more)
        with (
            run_spec(self.deployment, spec) as process,
            Database(self.database.dsns["hotline_worker"], size=1) as pool,
        ):
            while not is_true(process):
                assert time.monotonic() < deadline, read_log(self.deployment, "worker-1")[-3000:]
                sweep_once(pool, self.queue, self.settings, now=utcnow())
                time.sleep(0.05)
        return process

    def crash_at(self, point):
        """Let a worker die at a point; the queue forgets what it was about."""
        process = self.work_until(lambda one: one.poll() is not None, HOTLINE_CRASH_AT=point)
        assert process.returncode == -signal.SIGKILL
        with self.database.connect() as conn:
            assert checks.find_violations(conn) == []
        self.redis.flushall()

    def read(self, query, *values):
        self.desk.conn.rollback()
        rows = self.desk.conn.execute(query.encode(), values).fetchall()
        self.desk.conn.rollback()
        return rows

    def item_state(self, item_id):
        return self.read("SELECT state::text FROM items WHERE id = %s", item_id)[0][0]


@pytest.fixture
def run(database, servers, tmp_path):
    with LocalSite() as site:
        prepare_practice(database, [(HOST, "203.0.113.10", "127.0.0.1", site.port)])
        clock = Clock()
        clock.move_on(-60)  # all that is laid is due
        root = tmp_path / "state"
        made = make_deployment(root, database.dsns, servers.redis_url)
        with open_sending_desk(database, made.state.root, clock, kind="practice") as desk:
            lay_networks(desk, Network("203.0.113.0/24", ASN, "Provider", "", "AL"))
            desk.enter(POLICE)
            desk.enter(PROVIDER)
            yield Run(database, servers.redis_url, root, desk)


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_locating_issues_one_notice(run, point):
    item = run.desk.lay_item(URL)
    run.crash_at(point)
    issued = "SELECT count(*) FROM sendings WHERE kind = 'notice'"
    is_done = point == "after_commit"
    assert run.item_state(item) == ("notified" if is_done else "actionable")
    assert count_rows(run.desk.conn, issued) == int(is_done)
    if not is_done:
        run.work_until(lambda _: run.item_state(item) == "notified")
    assert count_rows(run.desk.conn, issued) == 1
    assert count_rows(run.desk.conn, "SELECT count(*) FROM hostings") == 1
    assert run.desk.events(item).count("notice_issued") == 1
    assert custody.verify(run.desk.conn).broken == ()


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_checking_counts_no_check_twice_and_closes_after_three(run, point):
    item = run.desk.lay_notified(URL)
    run.desk.conn.execute("UPDATE items SET next_try_at = now() - interval '1 second' WHERE id = %s", (item,))
    run.desk.conn.commit()
    run.crash_at(point)
    results = "SELECT result FROM online_checks WHERE item_id = %s ORDER BY id"
    assert run.read(results, item) == ([("removed",)] if point == "after_commit" else [])
    assert run.item_state(item) == "notified"
    run.work_until(lambda _: run.item_state(item) == "closed")
    assert run.read(results, item) == [("removed",)] * 3
    assert run.read("SELECT closed_as::text FROM items WHERE id = %s", item) == [("removed",)]
    assert run.desk.events(item).count("found_removed") == 1
    assert custody.verify(run.desk.conn).broken == ()
