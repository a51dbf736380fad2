"""Mails to reporters who asked for them: the receipt's own words, each once, and no address afterwards."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest

from tests.intake import hand_in, read_item_ids
from tests.sending_desk import open_sending_desk
from triage.queue import QueueDoor
from triage.rules.receipts import find_next_telling
from triage.settings import load_settings
from triage.steps import tell_reporter as step
from triage.store.pool import Database
from triage.store.reporter_mails import TELLING_LEASE_S
from triage.vault import recipient_of, seal
from workers import tell_reporter as job
from workers.clients.smtp import Accepted, RefusedForGood, RefusedForNow, Unclear
from workers.sweep_due import sweep_once

ADDRESS = "ana@mail.example"


@dataclass
class FixedClock:
    """What a patched `utcnow` answers: the time that the test sets."""

    now: datetime = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def desk(database, tmp_path, monkeypatch):
    with open_sending_desk(database, tmp_path, FixedClock(), kind="practice") as opened:
        monkeypatch.setattr(job, "utcnow", opened.clock)
        yield opened


def report(desk, address=ADDRESS, language="en", *, days_old=1):
    """A report of the day before whose reporter wants mail; the id of the report."""
    came_at = desk.clock() - timedelta(days=days_old)
    sealed = seal(address.encode(), recipient_of(desk.tools.reply_identity))
    hand_in(desk.conn, "https://a.example/1", now=came_at, sealed_address=sealed, language=language)
    (row,) = desk.conn.execute("SELECT id FROM reports ORDER BY received_at DESC LIMIT 1").fetchall()
    return row[0]


def move(desk, state):
    closed_as, lane = {"closed": ("removed", None)}.get(state, (None, "look"))
    desk.conn.execute(
        "UPDATE items SET state = %(state)s, closed_as = %(closed_as)s, base_lane = %(lane)s, reason = %(reason)s,"
        " next_try_at = NULL, moved_at = %(now)s",
        {"state": state, "closed_as": closed_as, "lane": lane, "reason": lane, "now": desk.clock()},
    )
    desk.conn.commit()


def next_morning(desk):
    desk.clock.now = find_next_telling(desk.clock())


def tell(desk, report_id):
    """Run the job; return the mails that stand in the outbox."""
    job.tell_reporter(desk.tools, report_id)
    folder = desk.tools.outbox.root / "mail" / "new"
    found = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns) if folder.exists() else []
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in found]


def read_row(desk, report_id):
    row = desk.conn.execute(
        "SELECT told, ended_as, sealed_address IS NULL, next_try_at, tries FROM reporter_mails WHERE report_id = %s",
        (report_id,),
    ).fetchone()
    desk.conn.rollback()
    return row


def test_each_word_is_told_once_and_after_the_last_the_address_is_gone(desk):
    report_id = report(desk)
    assert tell(desk, report_id) == []
    next_morning(desk)
    assert tell(desk, report_id) == []
    move(desk, "awaiting_assessment")
    assert tell(desk, report_id) == []
    next_morning(desk)
    (first,) = tell(desk, report_id)
    assert len(tell(desk, report_id)) == 1
    assert (first["To"], first["Subject"]) == (ADDRESS, "PRAKTIKË / PRACTICE: An update")
    assert "Being checked" in first.get_content()
    move(desk, "closed")
    next_morning(desk)
    mails = tell(desk, report_id)
    assert len(mails) == 2
    assert "Closed" in mails[1].get_content()
    assert read_row(desk, report_id)[:4] == ("closed", "told", True, None)
    for mail in mails:
        assert "a.example" not in mail.as_string()
        assert "http" not in mail.get_content()


def test_nothing_of_today_is_told(desk):
    report_id = report(desk)
    next_morning(desk)
    move(desk, "closed")
    assert tell(desk, report_id) == []
    next_morning(desk)
    assert len(tell(desk, report_id)) == 1


def test_of_a_report_that_is_not_a_day_old_nothing_is_told(desk):
    report_id = report(desk, days_old=0)
    move(desk, "closed")
    desk.conn.execute("UPDATE items SET moved_at = moved_at - interval '9 days'")
    desk.conn.commit()
    next_morning(desk)
    assert tell(desk, report_id) == []
    next_morning(desk)
    assert len(tell(desk, report_id)) == 1


def test_a_word_that_a_crash_left_behind_is_not_told_again(desk):
    report_id = report(desk)
    move(desk, "awaiting_assessment")
    next_morning(desk)
    taken = desk.tools.database.run(
        lambda conn: step.take_telling(conn, report_id, most_a_day=9, now=desk.clock())
    )
    assert taken is not None
    assert tell(desk, report_id) == []
    desk.clock.now += timedelta(seconds=TELLING_LEASE_S)
    assert tell(desk, report_id) == []
    assert read_row(desk, report_id)[0] == "being_checked"
    next_morning(desk)
    assert tell(desk, report_id) == []


@pytest.mark.parametrize(
    ("outcome", "row"),
    [
        (Accepted(), ("being_checked", None, False)),
        (Unclear(), ("being_checked", None, False)),
        (RefusedForNow(450), ("received", None, False)),
        (RefusedForGood(550), ("received", "refused", True)),
    ],
)
def test_what_becomes_of_a_mail_is_recorded(desk, monkeypatch, outcome, row):
    report_id = report(desk)
    move(desk, "awaiting_assessment")
    next_morning(desk)
    monkeypatch.setattr(job, "_tell", lambda *_: outcome)
    job.tell_reporter(desk.tools, report_id)
    assert read_row(desk, report_id)[:3] == row


def test_a_refused_mail_waits_longer_each_time_and_comes_again_the_next_morning(desk, monkeypatch):
    report_id = report(desk)
    move(desk, "awaiting_assessment")
    next_morning(desk)
    monkeypatch.setattr(job, "_tell", lambda *_: RefusedForNow())
    waits = []
    for _ in range(3):
        job.tell_reporter(desk.tools, report_id)
        due = read_row(desk, report_id)[3]
        waits.append((due - desk.clock()).total_seconds())
        desk.clock.now = due
    assert waits[:2] == [60.0, 300.0]
    assert waits[2] > 80_000


def test_an_address_that_cannot_be_opened_or_used_is_forgotten(desk):
    for address in ("nobody", "a@b.example\r\nBcc: c@d.example"):
        report_id = report(desk, address)
        move(desk, "closed")
        next_morning(desk)
        assert tell(desk, report_id) == []
        assert read_row(desk, report_id)[1:3] == ("refused", True)


def test_after_half_a_year_the_address_is_forgotten(desk):
    report_id = report(desk)
    desk.clock.now += timedelta(days=181)
    assert tell(desk, report_id) == []
    assert read_row(desk, report_id)[1:3] == ("expired", True)


def test_the_sweep_puts_what_is_due_on_the_queue(desk, database, servers):
    report_id = report(desk, days_old=0)
    queue = QueueDoor(servers.redis_url, timeout_s=30)
    with Database(database.dsns["hotline_worker"], size=1) as pool:
        before = desk.clock()
        desk.conn.execute("UPDATE items SET nudged_at = %s", (find_next_telling(before),))
        desk.conn.commit()
        settings = load_settings({})
        assert sweep_once(pool, queue, settings, now=before).nudged == 0
        assert sweep_once(pool, queue, settings, now=find_next_telling(before)).nudged == 1
        assert sweep_once(pool, queue, settings, now=find_next_telling(before)).nudged == 0
    assert read_item_ids(desk.conn)
    assert report_id


# How many leave in a day


def lay_reports(desk, number):
    """So many reports of which a word is to be told today; their ids, the oldest first."""
    ids = []
    for one in range(number):
        desk.clock.now += timedelta(seconds=1)
        ids.append(report(desk, f"r{one}@mail.example"))
    move(desk, "awaiting_assessment")
    next_morning(desk)
    return ids


def limit(desk, monkeypatch, most):
    settings = replace(desk.tools.settings, reporter_mails_per_day=most)
    monkeypatch.setattr(desk.tools.live, "_current", settings)


def test_no_more_mails_leave_in_a_day_than_may_and_the_others_leave_the_next_each_once(desk, monkeypatch):
    ids = lay_reports(desk, 5)
    limit(desk, monkeypatch, 2)
    told = []
    for _ in range(4):
        for report_id in ids * 2:
            mails = tell(desk, report_id)
        told.append(len(mails))
        next_morning(desk)
    assert told == [2, 4, 5, 5]
    assert sorted(mail["To"] for mail in mails) == [f"r{number}@mail.example" for number in range(5)]
    assert [mail["To"] for mail in mails[:2]] == ["r0@mail.example", "r1@mail.example"]


def test_who_waits_for_the_next_day_keeps_their_address_and_learns_the_newest_word(desk, monkeypatch):
    (report_id,) = lay_reports(desk, 1)
    limit(desk, monkeypatch, 0)
    assert tell(desk, report_id) == []
    assert read_row(desk, report_id) == ("received", None, False, find_next_telling(desk.clock()), 0)
    move(desk, "closed")
    next_morning(desk)
    limit(desk, monkeypatch, 1)
    (mail,) = tell(desk, report_id)
    assert "Closed" in mail.get_content()
    assert read_row(desk, report_id)[1:3] == ("told", True)


def test_who_would_wait_longer_than_an_address_is_kept_is_forgotten(desk, monkeypatch):
    (report_id,) = lay_reports(desk, 1)
    limit(desk, monkeypatch, 0)
    desk.clock.now += timedelta(days=181)
    assert tell(desk, report_id) == []
    assert read_row(desk, report_id)[1:3] == ("expired", True)


def test_two_workers_at_once_send_no_more_than_may_leave(desk, monkeypatch):
    ids = lay_reports(desk, 12)
    limit(desk, monkeypatch, 5)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda report_id: job.tell_reporter(desk.tools, report_id), ids))
    assert len(tell(desk, ids[0])) == 5
    assert desk.conn.execute("SELECT mails FROM reporter_mail_days").fetchall() == [(5,)]


def test_a_mail_that_the_relay_did_not_take_leaves_its_place_to_another(desk, monkeypatch):
    first, second = lay_reports(desk, 2)
    limit(desk, monkeypatch, 1)
    with monkeypatch.context() as patch:
        patch.setattr(job, "_tell", lambda *_: RefusedForNow())
        job.tell_reporter(desk.tools, first)
    assert len(tell(desk, second)) == 1
    desk.clock.now = read_row(desk, first)[3]
    assert len(tell(desk, first)) == 1
    next_morning(desk)
    assert len(tell(desk, first)) == 2


def test_whether_it_left_nobody_knows_counts_as_left(desk, monkeypatch):
    first, second = lay_reports(desk, 2)
    limit(desk, monkeypatch, 1)
    with monkeypatch.context() as patch:
        patch.setattr(job, "_tell", lambda *_: Unclear())
        job.tell_reporter(desk.tools, first)
    assert tell(desk, second) == []
