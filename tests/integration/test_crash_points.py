"""A real worker process killed at every point, its children killed, its queue wiped: nothing lost or doubled."""

import contextlib
import os
import shutil
import signal
import time
from base64 import b64encode
from contextlib import contextmanager
from datetime import timedelta

import pytest
import redis

from tests.builders import (
    count_rows,
    import_entries,
    list_entry,
    prepare_practice,
    read_place,
    report,
    trust,
    upload,
)
from tests.counts import IS_SOAK
from tests.deployments import find_spec, list_below, make_deployment, read_command, read_log, run_spec
from tests.drawn_images import make_jpeg, make_png
from tests.local_sites import LocalSite
from triage.cli.embedded import EmbeddedValkey
from triage.cli.state_dir import StateDir
from triage.clock import utcnow
from triage.crash_points import POINTS
from triage.queue import QueueDoor
from triage.settings import load_settings
from triage.store import custody
from triage.store.pool import Database
from triage.vault import EVIDENCE, INTAKE, ObjectVault
from workers.purge_expired import purge_expired, purge_orphans
from workers.sweep_due import sweep_once

pytestmark = pytest.mark.long

HOST = "photos.example"
OVER_DEADLINE = 70
"""How a worker ends whose job takes longer than the queue allows: `triage.queue.LastDeadline`."""
OUTBOUND_POINTS = {"after_smtp_data"}
"""Points of the outbound process; see test_outbound_process.py."""
SHORT = {
    "FETCH_TOTAL": "1.5",
    "FETCH_CONNECT": "1",
    "DECODE_WALL": "1.2",
    "JOB_TIMEOUT": "3",
    "CAPTURE_LEASE": "3.5",
    "RETRY_WAITS": "0.2,0.2,0.2,0.2,0.2,0.2",
    "RENUDGE_AFTER": "1",
}


@pytest.fixture
def site():
    with LocalSite() as running:
        yield running


class Run:
    """A practice deployment of one test: its key folders, its sweep in this process, its workers outside."""

    def __init__(self, database, redis_url, root, site):
        prepare_practice(database, [(HOST, "203.0.113.10", "127.0.0.1", site.port)])
        self.database = database
        self.site = site
        self.deployment = make_deployment(root, database.dsns, redis_url)
        self.state = self.deployment.state
        self.settings = load_settings(SHORT)
        self.vault = ObjectVault(f"file://{self.state.root}")
        self.queue = QueueDoor(redis_url, timeout_s=self.settings.job_timeout_s)
        self.redis = redis.Redis.from_url(redis_url)
        self.redis.flushall()
        self.is_slow = False

    @contextmanager
    def worker(self, **more):
        """Run one worker process, `run.process`."""
        spec = find_spec(self.deployment, "worker-1", **SHORT, **more)
        with contextlib.ExitStack() as stack:
            self.start = lambda: stack.enter_context(run_spec(self.deployment, spec))
            self.process = self.start()
            yield

    def fill(self, conn):
        """Report a page of two pictures, one of them listed and trusted, two addresses of one file, an upload."""
        known, new = make_jpeg(11), make_jpeg(12)
        self.site.lay_answer("/known.jpg", known, "image/jpeg")
        self.site.lay_answer("/new.jpg", new, "image/jpeg")
        self.site.lay_answer("/same.jpg", new, "image/jpeg")
        self.site.lay_answer("/page", b"<img src=/known.jpg><img src=/new.jpg>", "text/html")
        import_entries(conn, "practice", list_entry("a", data=known), index_dir=self.deployment.index_dir)
        trust(conn, "practice")
        recipient = (self.state.keys("public") / "intake-recipient").read_text().strip()
        items = report(conn, f"http://{HOST}/page", f"http://{HOST}/same.jpg", f"http://{HOST}/gone.jpg")
        item, _ = upload(conn, self.vault, recipient, make_png(13))
        return [*items, item]

    def sweep_until(self, is_true, limit_s=90.0):
        """Sweep as the sweep does until something is true.

        A machine that is busy with other things may hold a job beyond the queue's deadline, which is short here:
        then the worker ends, and another is started as the supervisor would.
        """
        deadline = time.monotonic() + limit_s
        with Database(self.database.dsns["hotline_worker"], size=1) as pool:
            while not is_true():
                assert time.monotonic() < deadline, read_log(self.deployment, "worker-1")[-3000:]
                if self.process.poll() == OVER_DEADLINE:
                    self.process, self.is_slow = self.start(), True
                sweep_once(pool, self.queue, self.settings, now=utcnow())
                time.sleep(0.05)

    def has_ended(self):
        return self.process.poll() not in {None, OVER_DEADLINE}

    def is_done(self, conn):
        return lambda: count_rows(conn, "SELECT count(*) FROM items WHERE state = 'received'") == 0

    def assert_whole(self, conn, images):
        """Nothing lost, nothing doubled: one capture that counts each, one image each, four objects each."""
        doubled = (
            "SELECT count(*) FROM (SELECT item_id FROM captures WHERE outcome = 'captured'"
            " GROUP BY 1 HAVING count(*) > 1) AS d"
        )
        assert count_rows(conn, doubled) == 0
        assert count_rows(conn, "SELECT count(*) FROM captures WHERE ended_at IS NULL") == 0
        assert count_rows(conn, "SELECT count(*) FROM images") == images
        not_whole = "SELECT count(*) FROM (SELECT image_id FROM evidence_objects GROUP BY 1 HAVING count(*) <> 4) AS d"
        assert count_rows(conn, not_whole) == 0
        with Database(self.database.dsns["hotline_worker"], size=1) as pool:
            purge_expired(pool, self.vault, self.settings, now=utcnow())
            named = {row[0] for row in conn.execute("SELECT name FROM evidence_objects")}
            conn.rollback()
            stored = {entry.name for entry in self.vault.list_objects(EVIDENCE)}
            assert named <= stored
            # An upload inside a page is written before its row: a kill between the two leaves it to this sweep.
            ownerless = {entry.name for entry in self.vault.list_objects(INTAKE)}
            assert not ownerless & {row[0] for row in conn.execute("SELECT name FROM intake_objects")}
            conn.rollback()
            later = utcnow() + timedelta(seconds=self.settings.orphan_after_s + 60)
            purged = purge_orphans(pool, self.vault, self.settings, now=later)
            assert purged.orphans == len(stored - named) + len(ownerless)
        assert {entry.name for entry in self.vault.list_objects(EVIDENCE)} == named
        assert list(self.vault.list_objects(INTAKE)) == []
        assert custody.verify(conn).broken == ()
        conn.rollback()
        return len(stored - named)


@pytest.fixture
def run(database, servers, tmp_path, site):
    return Run(database, servers.redis_url, tmp_path / "state", site)


@pytest.mark.parametrize("point", sorted(set(POINTS) - OUTBOUND_POINTS))
def test_a_worker_killed_at_any_point_loses_and_doubles_nothing(run, conn, point):
    items = run.fill(conn)
    with run.worker(HOTLINE_CRASH_AT=point):
        run.sweep_until(run.has_ended)
    assert run.process.returncode == -signal.SIGKILL
    with run.worker():
        run.sweep_until(run.is_done(conn))
    lanes = dict(
        conn.execute("SELECT id, base_lane::text FROM items WHERE id = ANY(%s)", (items,)).fetchall()
    )
    conn.rollback()
    assert set(lanes.values()) == {"look"}
    assert count_rows(conn, "SELECT count(*) FROM items") == 6
    assert count_rows(conn, "SELECT count(*) FROM items WHERE base_lane = 'no_look'") == 1
    assert count_rows(conn, "SELECT count(*) FROM matches WHERE kind = 'exact'") == 1
    assert count_rows(conn, "SELECT count(*) FROM evidence_objects") == 8
    orphans = run.assert_whole(conn, images=3)
    if not run.is_slow:  # what the deadline ended was given up as well
        abandoned = count_rows(conn, "SELECT count(*) FROM captures WHERE outcome = 'abandoned'")
        assert abandoned == (0 if point == "after_commit" else 1)
        assert orphans in {"after_seal": {4}, "before_commit": {0, 4}}.get(point, {0})


@pytest.mark.parametrize(("point", "orphans"), [("before_commit", 4), ("after_commit", 0)])
def test_a_worker_killed_beside_the_commit_of_an_upload_keeps_or_deletes_it(run, conn, point, orphans):
    recipient = (run.state.keys("public") / "intake-recipient").read_text().strip()
    item, name = upload(conn, run.vault, recipient, make_png(13))
    with run.worker(HOTLINE_CRASH_AT=point):
        run.sweep_until(run.has_ended)
    assert [entry.name for entry in run.vault.list_objects(INTAKE)] == [name]
    with run.worker():
        run.sweep_until(run.is_done(conn))
    assert read_place(conn, item).reason == "new picture"
    assert run.assert_whole(conn, images=1) == orphans or run.is_slow


@pytest.mark.parametrize("point", sorted(set(POINTS) - OUTBOUND_POINTS) if IS_SOAK else ["before_commit"])
def test_a_worker_killed_at_a_page_that_carries_a_file_loses_and_doubles_nothing(run, conn, point):
    inside = b64encode(make_jpeg(21)).decode()
    run.site.lay_answer("/outside.png", make_png(22), "image/png")
    html = f"<img src='data:image/jpeg;base64,{inside}'><img src=/outside.png>"
    run.site.lay_answer("/carries", html.encode(), "text/html")
    (page,) = report(conn, f"http://{HOST}/carries")
    with run.worker(HOTLINE_CRASH_AT=point):
        run.sweep_until(run.has_ended)
    assert run.process.returncode == -signal.SIGKILL
    assert len(list(run.vault.list_objects(INTAKE))) == (0 if point == "after_fetch" else 1)
    with run.worker():
        run.sweep_until(run.is_done(conn))
    assert read_place(conn, page).state == "awaiting_assessment"
    assert count_rows(conn, "SELECT count(*) FROM items") == 3
    assert count_rows(conn, "SELECT count(*) FROM items WHERE base_lane = 'look'") == 3
    assert count_rows(conn, "SELECT count(*) FROM embedded_files") == 1
    assert count_rows(conn, "SELECT count(*) FROM intake_objects") == 1
    run.assert_whole(conn, images=2)
    assert count_rows(conn, "SELECT count(*) FROM intake_objects WHERE deleted_at IS NULL") == 0


def lay_many(run, conn, number, pause_s=0.03):
    """Report many pictures of a slow site, all different."""

    def slow(data):
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {len(data)}\r\n\r\n".encode()

        def write(peer):
            time.sleep(pause_s)
            peer.sendall(head + data)

        return write

    for place in range(number):
        run.site.lay(f"/{place}.png", slow(make_png(100 + place, size=(64, 64))))
    return report(conn, *(f"http://{HOST}/{place}.png" for place in range(number)))


def count_done(conn):
    return count_rows(conn, "SELECT count(*) FROM items WHERE state <> 'received'")


def test_thirty_items_arrive_though_the_queue_is_wiped_and_killed_in_mid_run(database, conn, tmp_path, site):
    state = StateDir(tmp_path / "queue")
    state.prepare()
    valkey = EmbeddedValkey(state, fast=True)
    valkey.start()
    try:
        run = Run(database, valkey.url, tmp_path / "state", site)
        lay_many(run, conn, 30)
        with run.worker():
            run.sweep_until(lambda: count_done(conn) >= 5)
            run.redis.flushall()
            run.sweep_until(lambda: count_done(conn) >= 12)
            valkey.process.kill()
            valkey.process.wait()
            shutil.rmtree(state.valkey)
            state.valkey.mkdir(mode=0o700)
            valkey.start()
            run.sweep_until(run.is_done(conn))
        assert count_rows(conn, "SELECT count(*) FROM items WHERE base_lane = 'look'") == 30
        run.assert_whole(conn, images=30)
    finally:
        valkey.stop()


def find_tools(pid):
    """Return the processes below a worker that fetch and decode for it."""
    children = {child: read_command(child) for child in list_below(pid)}
    return [child for child, name in children.items() if "workers.fetcher" in name or "zygote" in name]


def test_killing_fetcher_and_decoder_in_mid_run_loses_nothing(run, conn):
    lay_many(run, conn, 16)
    with run.worker():
        for least in (2, 5, 8):
            run.sweep_until(lambda least=least: count_done(conn) >= least)
            run.sweep_until(lambda: len(find_tools(run.process.pid)) >= 2)
            for pid in find_tools(run.process.pid):
                with contextlib.suppress(
                    ProcessLookupError
                ):  # a picture's own child may have ended by itself
                    os.kill(pid, signal.SIGKILL)
        run.sweep_until(run.is_done(conn))
        assert run.process.poll() is None
    assert count_rows(conn, "SELECT count(*) FROM items WHERE base_lane = 'look'") == 16
    assert count_rows(conn, "SELECT count(*) FROM images WHERE can_be_shown") == 16
    run.assert_whole(conn, images=16)
