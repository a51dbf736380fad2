"""Turns at sites in the database: all workers together keep the pace, and one slow site stalls nobody."""

import threading
from datetime import timedelta

import psycopg
import pytest

from tests.bare_captures import BareWorker
from tests.builders import report, upload
from tests.intake import hand_in, read_item_ids
from triage.clock import utcnow
from triage.ids import new_id
from triage.rules.due import SitePace
from triage.rules.fetch_failures import FetchFailure
from triage.rules.states import ItemState
from triage.settings import load_settings
from triage.steps.take_capture import CROWDED_WAIT_S, take_capture
from triage.store import captures, host_turns, items
from triage.store.pool import Database
from triage.vault import ObjectVault, new_identity
from workers.purge_expired import TURNS_KEPT_S, purge_expired

NOW = utcnow()
PACE = SitePace(pace_s=1.0, burst=3, at_once=100)


def urls(number, host="photos.example"):
    return [f"http://{host}/{place}.jpg" for place in range(number)]


def read_item(conn, item_id):
    row = conn.execute(
        "SELECT has_turn, extract(epoch FROM next_try_at - %s)::float8, tries FROM items WHERE id = %s",
        (NOW, item_id),
    ).fetchone()
    conn.rollback()
    return row


@pytest.fixture
def worker(as_role):
    return BareWorker(as_role("hotline_worker"), NOW, PACE)


def test_what_may_not_begin_is_told_when_without_a_try_or_a_lease(conn, worker):
    found = report(conn, *urls(6), now=NOW)
    assert [worker.take(item) is not None for item in found] == [True, True, True, False, False, False]
    assert [read_item(conn, item) for item in found[3:]] == [(True, 1.0, 0), (True, 2.0, 0), (True, 3.0, 0)]
    assert worker.take(found[3], after_s=0.5) is None  # a hint that comes too early asks for no other turn
    assert read_item(conn, found[3]) == (True, 1.0, 0)
    assert worker.take(found[3], after_s=1) is not None
    assert read_item(conn, found[3])[0] is False
    count = conn.execute("SELECT count(*) FROM captures").fetchone()[0]
    assert count == 4


def test_names_under_one_domain_are_one_site_and_other_sites_wait_for_nobody(conn, worker):
    found = report(conn, *[f"http://h{number}.photos.example/" for number in range(5)], now=NOW)
    (other,) = report(conn, "http://other.example/", now=NOW)
    assert sum(worker.take(item) is not None for item in found) == 3
    assert worker.take(other) is not None
    sites = [row[0] for row in conn.execute("SELECT site FROM host_turns ORDER BY site")]
    assert sites == ["other.example", "photos.example"]


def test_danger_that_was_reported_waits_behind_nobody(conn, worker):
    found = report(conn, *urls(10), now=NOW)
    (danger,) = report(conn, "http://photos.example/danger.jpg", danger=True, now=NOW)
    for item in found:
        worker.take(item)
    assert worker.take(danger) is not None


def test_an_upload_takes_no_turn(conn, worker, tmp_path):
    for area in ("intake", "evidence"):
        (tmp_path / area).mkdir()
    item, _ = upload(conn, ObjectVault(f"file://{tmp_path}"), new_identity()[1], b"bytes", now=NOW)
    worker.pace = SitePace(1000.0, 1, 1)
    (url,) = report(conn, "http://photos.example/a", now=NOW)
    assert worker.take(url) is not None
    assert worker.take(item) is not None
    assert conn.execute("SELECT count(*) FROM host_turns").fetchone()[0] == 1


def test_many_workers_at_once_begin_just_what_one_site_may_get(conn, database):
    found = report(conn, *urls(24), now=NOW)
    begun, failures, start = [], [], threading.Barrier(6)

    def work(mine):
        try:
            with database.connect("hotline_worker") as own:
                start.wait(10)
                for item in mine:
                    taken = take_capture(own, item, worker="w", now=NOW, lease_s=60.0, waits_s=(), pace=PACE)
                    own.commit()
                    if taken is not None:
                        begun.append(item)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(found[place::6],)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(begun) == PACE.burst
    rows = conn.execute(
        "SELECT extract(epoch FROM next_try_at - %s)::float8 FROM items WHERE has_turn ORDER BY next_try_at",
        (NOW,),
    ).fetchall()
    assert [row[0] for row in rows] == [float(second) for second in range(1, 22)]


def test_no_more_addresses_are_under_way_than_allowed_however_many_workers_there_are(conn, database):
    pace = SitePace(0.0, 1, 5)
    found = report(conn, *[f"http://s{place}.example/" for place in range(30)], now=NOW)
    begun, failures, start = [], [], threading.Barrier(5)

    def work(mine):
        try:
            with database.connect("hotline_worker") as own:
                start.wait(10)
                for item in mine:
                    taken = take_capture(own, item, worker="w", now=NOW, lease_s=60.0, waits_s=(), pace=pace)
                    own.commit()
                    if taken is not None:
                        begun.append(item)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(found[place::5],)) for place in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(begun) == 5
    late = next(item for item in found if item not in begun)
    assert read_item(conn, late) == (False, CROWDED_WAIT_S, 0)


def test_a_site_in_trouble_is_left_alone_and_others_go_on(conn, worker):
    worker.pace = SitePace(0.1, 10, 100)
    found = report(conn, *urls(6), now=NOW)
    for item in found[:3]:
        worker.fail(item, FetchFailure.CONNECT_TIMEOUT)
    assert worker.take(found[3], after_s=1) is None
    assert read_item(conn, found[3])[1:] == (10.0, 0)
    (other,) = report(conn, "http://other.example/", now=NOW)
    assert worker.take(other, after_s=1) is not None
    worker.find_page(found[3], after_s=10)
    failures = conn.execute("SELECT failures FROM host_turns WHERE site = 'photos.example'").fetchone()[0]
    assert failures == 0
    assert worker.take(found[4], after_s=10.2) is not None


def test_what_is_not_the_sites_fault_leaves_it_alone(conn, worker):
    worker.pace = SitePace(0.1, 10, 100)
    found = report(conn, *urls(6), now=NOW)
    for item in found[:5]:
        worker.fail(item, FetchFailure.EXIT_FAILED)
    assert worker.take(found[5]) is not None


def test_a_site_that_asks_us_to_wait_gets_nothing_till_then(conn, worker):
    worker.pace = SitePace(0.1, 10, 100)
    first, second = report(conn, *urls(2), now=NOW)
    worker.fail(first, FetchFailure.ASKED_TO_WAIT, status=429, retry_after_s=120.0)
    assert read_item(conn, first) == (False, 120.0, 1)
    assert worker.take(second, after_s=1) is None
    assert read_item(conn, second) == (True, 120.0, 0)
    assert worker.take(second, after_s=120) is not None


def test_the_same_bytes_are_claimed_by_one_worker_at_a_time(conn, database, worker):
    worker.pace = SitePace(0.0, 1, 100)
    one, two = (worker.take(item) for item in report(conn, *urls(2), now=NOW))
    sha256 = b"s" * 32
    with database.connect("hotline_worker") as first, database.connect("hotline_worker") as second:
        assert captures.claim_bytes(first, one.capture_id, sha256)
        answers = []

        def race() -> None:
            try:
                answers.append(captures.claim_bytes(second, two.capture_id, sha256))
            except psycopg.errors.UniqueViolation:
                answers.append("refused")

        racer = threading.Thread(target=race)
        racer.start()  # it waits for the first to commit, and is refused by the index
        first.commit()
        racer.join(10)
        assert answers in ([False], ["refused"])
        second.rollback()
        assert captures.claim_bytes(first, one.capture_id, sha256)
        assert not captures.claim_bytes(second, two.capture_id, sha256)
        first.rollback()
        second.rollback()
    worker.fail(report(conn, "http://x.example/", now=NOW)[0])
    captures.end_capture(worker.conn, one.capture_id, captures.CaptureOutcome.FAILED, now=NOW, reason="x")
    worker.conn.commit()
    assert captures.claim_bytes(worker.conn, two.capture_id, sha256)
    assert not captures.claim_bytes(worker.conn, new_id(), b"t" * 32)
    worker.conn.rollback()


def test_sites_that_nobody_asks_are_forgotten(conn, worker, database, tmp_path):
    for area in ("intake", "evidence"):
        (tmp_path / area).mkdir()
    (item,) = report(conn, "http://photos.example/a", now=NOW)
    worker.take(item)
    with Database(database.dsns["hotline_worker"], size=1) as pool:
        vault = ObjectVault(f"file://{tmp_path}")
        for seconds, kept in ((TURNS_KEPT_S - 1, 1), (TURNS_KEPT_S + 1, 0)):
            purged = purge_expired(pool, vault, load_settings({}), now=NOW + timedelta(seconds=seconds))
            assert purged.sites == 1 - kept


def test_questions_of_machines_are_forgotten_after_more_than_a_year(conn, database, tmp_path):
    for area in ("intake", "evidence"):
        (tmp_path / area).mkdir()
    now = utcnow()
    token = new_id()
    conn.execute(
        "INSERT INTO api_tokens (id, name, token_digest, scope, created_at, expires_at)"
        " VALUES (%(id)s, 'desk', sha256('t'), 'match', %(now)s, %(end)s)",
        {"id": token, "now": now, "end": now + timedelta(days=1)},
    )
    for days in (399, 401):
        conn.execute(
            "INSERT INTO match_questions (id, token_id, asked_at, hashes, hits)"
            " VALUES (%(id)s, %(token)s, %(at)s, 1, 0)",
            {"id": new_id(), "token": token, "at": now - timedelta(days=days)},
        )
    conn.commit()
    with Database(database.dsns["hotline_worker"], size=1) as pool:
        vault = ObjectVault(f"file://{tmp_path}")
        assert [purge_expired(pool, vault, load_settings({}), now=now).questions for _ in range(2)] == [1, 0]


def test_the_database_keeps_a_turn_only_for_what_waits_to_be_captured(conn, worker):
    found = report(conn, *urls(4), now=NOW)
    for item in found:
        worker.take(item)
    assert read_item(conn, found[3])[0] is True
    with pytest.raises(Exception, match="items_turn_is_waited_for"):
        conn.execute(
            "UPDATE items SET state = 'awaiting_assessment', base_lane = 'look', reason = 'x', next_try_at = NULL"
            " WHERE id = %s",
            (found[3],),
        )
    conn.rollback()
    turns = host_turns.lock_turns(worker.conn, "photos.example", now=NOW)
    worker.conn.rollback()
    assert turns.free_at > turns.begun_until


def test_far_down_in_a_report_or_page_and_after_a_failure_others_go_first(conn, worker):
    worker.pace = SitePace(0.0, 1, 100)
    found = report(conn, *urls(27), now=NOW)

    def patient(*ids):
        rows = conn.execute("SELECT id FROM items WHERE is_patient AND id = ANY(%s)", (list(ids),)).fetchall()
        conn.rollback()
        return {row[0] for row in rows}

    assert patient(*found) == set(found[25:])
    worker.fail(found[0])
    assert patient(found[0]) == {found[0]}
    recorded = worker.find_page(found[1], *urls(30, "pictures.example"))
    children = worker.children(found[1])
    assert patient(*children) == set(children[25:])
    assert set(recorded.due) == set(children[:25])
    worker.find_picture(children[29], b"a picture")
    assert patient(children[29]) == set()


def test_pictures_of_a_page_in_danger_are_all_nudged_at_once(conn, worker):
    worker.pace = SitePace(0.0, 1, 100)
    (page,) = report(conn, "http://photos.example/page", danger=True, now=NOW)
    recorded = worker.find_page(page, *urls(30, "pictures.example"))
    assert len(recorded.due) == 30
    assert len(items.take_due(worker.conn, [ItemState.RECEIVED], now=NOW, nudged_before=NOW, limit=50)) == 30
    worker.conn.rollback()


def test_pictures_of_a_low_page_are_low_and_wait_with_it(conn, worker):
    worker.pace = SitePace(0.0, 1, 100)
    hand_in(conn, "http://photos.example/page", is_low=True, now=NOW)
    (page,) = read_item_ids(conn)
    recorded = worker.find_page(page, *urls(3, "pictures.example"))
    assert recorded.due == ()
    assert conn.execute("SELECT is_low FROM items WHERE NOT is_top_level").fetchall() == [(True,)] * 3
    conn.rollback()
    assert (
        len(items.take_due(worker.conn, [ItemState.RECEIVED], now=NOW, nudged_before=NOW, limit=9, late=True))
        == 3
    )
    worker.conn.rollback()
