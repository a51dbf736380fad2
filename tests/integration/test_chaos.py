"""Chaos: the whole story while everything is killed with -9, and nothing is lost, doubled or wrongly closed.

1. The practice hotline is set up in peace: persons, recipients, lists, a token.
2. Reports come in, assessors judge, messages leave, an operator removes, all by the real surfaces, while
   processes and servers die. Whoever gets no answer opens the page again and sees how it stands.
3. When it is quiet again the story must end as planned, and everything in the database must fit together.
4. Then the practice site stops: what is checked reads unreachable, and nothing closes.

Half a minute in `make test`, three minutes in `make soak`. HOTLINE_CHAOS_SEED lays other strokes.
"""

import contextlib
import email
import email.policy
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx2
import psycopg
import pytest

from tests.chaos import Chaos, lay_strokes, let_leases_run_out, list_files
from tests.counts import IS_SOAK
from tests.deployments import list_below, read_command
from tests.processes import wait_until
from triage.cli.practice import running as practice_running
from triage.cli.practice.assessors import FIRST, SECOND, Assessors
from triage.cli.practice.demo import WORLD_FILE
from triage.cli.practice.handing_in import add_persons, find_token, import_lists
from triage.cli.practice.networks import PRACTICE_NETWORKS
from triage.cli.practice.operators import PracticeOperator
from triage.cli.practice.running import run_practice
from triage.cli.practice.scenario import build_scenario
from triage.cli.practice.story import Storyteller, plan_items
from triage.cli.practice.verdicts import PLANS, STAYS
from triage.cli.practice.world import PracticeWorld
from triage.cli.session import find_deployment
from triage.clock import utcnow
from triage.errors import HotlineError
from triage.rules.urls import normalise_url
from triage.settings import load_settings
from triage.store import checks, custody
from triage.store.listing import list_items, read_totals
from triage.store.outcomes import count_outcomes
from triage.store.pool import Database
from triage.vault import EVIDENCE, INTAKE, ObjectVault
from workers.purge_expired import purge_orphans

pytestmark = pytest.mark.long

RAGES_S = 180.0 if IS_SOAK else 30.0
ENDS_WITHIN_S = 90.0
AT_A_TIME = 5
LOST = (HotlineError, httpx2.HTTPError, psycopg.Error)
SHORT = {
    "FETCH_TOTAL": "4",
    "FETCH_CONNECT": "2",
    "DECODE_WALL": "4",
    "JOB_TIMEOUT": "9",
    "CAPTURE_LEASE": "10.5",
    "RENUDGE_AFTER": "1",
}
LAST_REMINDER = len(practice_running.PRACTICE_TIMES["REMINDER_AFTER"].split(","))
TRIES = ",".join(["0.5"] * 12)
"""Waits for many tries: a kill in mid-capture is one, and no item may give up because of us."""


def submit_until_taken(client, report, key):
    """Send a report as a patient machine does: again with the same key until it is taken."""
    form = {
        "urls": "\n".join(report.urls),
        "remit": report.remit,
        "note": report.note,
        "danger": "yes" if report.danger else "no",
    }
    files = [("file", (name, data, "application/octet-stream")) for name, data in report.files]
    files = files or [("file", ("", b"", "application/octet-stream"))]
    for _ in range(400):
        try:
            answer = client.post("/api/v1/reports", data=form, files=files, headers={"Idempotency-Key": key})
            if answer.status_code == 201:
                return answer.json()["receipt"]
            assert answer.status_code >= 500, answer.text
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the report was never taken")


@dataclass
class Story:
    """Everybody of the practice hotline, patient: what gets no answer is looked at anew and done again if needed."""

    teller: Storyteller
    client: httpx2.Client
    reports: list
    owner_dsn: str
    staff_dsn: str
    handed_in: int = 0
    receipts: set = field(default_factory=set)
    errors: list = field(default_factory=list)

    def hand_in(self, number):
        for report in self.reports[self.handed_in : self.handed_in + number]:
            self.receipts.add(submit_until_taken(self.client, report, f"chaos-{self.handed_in}"))
            self.handed_in += 1

    def do(self, action):
        """Do one thing; whatever came in between is found again by the next round."""
        try:
            return action()
        except LOST as error:
            self.errors.append(f"{action.__name__}: {type(error).__name__}: {error}")
            return None

    def go_round(self):
        """One round of what persons do: judge once all is captured, clear; the clock runs on for what was left."""
        self.do(self._let_time_pass)
        self.do(self._judge)
        self.do(self.teller.clear)

    def is_over(self):
        return bool(self.do(self._is_over))

    def _let_time_pass(self):
        let_leases_run_out(self.owner_dsn, older_than_s=3.0)

    def _judge(self):
        with psycopg.connect(self.staff_dsn, connect_timeout=5) as conn:
            if read_totals(conn).waiting:
                return
        self._plan()
        if self.teller.capture_again() == 0:
            self.teller.judge()

    def _is_over(self):
        if self.handed_in < len(self.reports):
            return False
        self._plan()
        return not self.teller.list_unfinished() and self.teller.has_left() and self._has_reminded()

    def _has_reminded(self):
        """Whether whoever leaves things where they are got the last reminder: nothing more leaves after it."""
        staying = [item_id for item_id, plan in self.teller.plans.items() if plan.ends == STAYS]
        with psycopg.connect(self.staff_dsn, connect_timeout=5) as conn:
            (reminded,) = conn.execute(
                "SELECT count(DISTINCT item_id) FROM sending_items JOIN sendings ON sendings.id = sending_id"
                " WHERE item_id = ANY(%s) AND part = 'reminder' AND number = %s AND sent_at IS NOT NULL",
                (staying, LAST_REMINDER),
            ).fetchone()
        return reminded == len(staying) > 0

    def _plan(self):
        self.teller = replace(self.teller, plans=plan_items(self.teller.deployment, self.reports))


def read_all(conn, query):
    return conn.execute(query.encode()).fetchall()


def describe(dsn, references):
    """Return how items stand, for whoever reads a failure."""
    with psycopg.connect(dsn) as conn:
        return conn.execute(
            "SELECT reference, url, state::text, lane::text, reason, tries, next_try_at - now() FROM items"
            " WHERE reference = ANY(%s)",
            (list(references),),
        ).fetchall()


def count(conn, query):
    return conn.execute(query.encode()).fetchone()[0]


def assert_nothing_is_stuck(conn):
    assert count(conn, "SELECT count(*) FROM items WHERE state IN ('received', 'actionable')") == 0
    assert count(conn, "SELECT count(*) FROM captures WHERE ended_at IS NULL") == 0
    stuck = "SELECT count(*) FROM sendings WHERE state IN ('queued', 'sending', 'unclear', 'rejected', 'disputed')"
    assert count(conn, stuck) == 0


def assert_nothing_left_twice(conn, outbox):
    """One file per (reference, part, number), just those of the messages that left, each with its Message-ID."""
    rows = read_all(
        conn,
        "SELECT reference, part, number, message_id, file_name FROM sendings WHERE sent_at IS NOT NULL",
    )
    assert len({row[:3] for row in rows}) == len(rows)
    files = list_files(outbox)
    assert sorted(row[4] for row in rows) == files
    told = {}
    for name in files:
        if name.startswith("mail/"):
            mail = email.message_from_bytes((outbox / name).read_bytes(), policy=email.policy.default)
            told[str(mail["Message-ID"])] = name
    assert told == {row[3]: row[4] for row in rows if row[4].startswith("mail/")}


def assert_removed_was_seen_three_times(conn):
    """The last three checks of whatever was closed as removed say so, with time between them."""
    closed = read_all(conn, "SELECT id FROM items WHERE closed_as IN ('removed', 'removed_before_notice')")
    assert closed
    for (item_id,) in closed:
        rows = conn.execute(
            "SELECT result, checked_at FROM online_checks WHERE item_id = %s ORDER BY id DESC LIMIT 3",
            (item_id,),
        ).fetchall()
        assert [row[0] for row in rows] == ["removed"] * 3, item_id
        assert rows[0][1] - rows[2][1] >= timedelta(seconds=1), item_id


def assert_police_were_told(conn):
    """Whatever shows an illegal picture is in a police referral that left."""
    untold = read_all(
        conn,
        "SELECT DISTINCT items.id, items.state, items.closed_as FROM items"
        " JOIN shown_images ON shown_images.item_id = items.id JOIN images ON images.id = image_id"
        " WHERE images.verdict = 'illegal' AND NOT EXISTS ("
        "  SELECT FROM sending_items JOIN sendings ON sendings.id = sending_id WHERE kind = 'police'"
        "  AND sendings.sent_at IS NOT NULL AND sendings.state <> 'withdrawn' AND sending_items.item_id = items.id)",
    )
    assert untold == []


def assert_planned_ends(conn, reports):
    """What was planned illegal was judged so, whatever died meanwhile: it is told of, removed, held or referred."""
    items = {item.url: item for item in list_items(conn) if item.url}
    for report in reports:
        plan = PLANS.get(report.title)
        for line in report.urls if plan else ():
            item = items[normalise_url(line).url]
            end = item.closed_as.value if item.closed_as else item.state.value
            allowed = {"removed"} if plan.ends == ("closed",) else {"notified"}
            assert end in allowed | ({"referred"} if report.title == "new video" else set()), report.title


def assert_evidence_is_gone(conn, deployment):
    """No settled picture has anything left, and what kills left behind has no name and no key."""
    assert count_outcomes(conn).kept_of_settled == 0
    named = {row[0] for row in read_all(conn, "SELECT name FROM evidence_objects")}
    assert named == set()
    vault = ObjectVault(f"file://{deployment.state.root}")
    dsn = deployment.keys("worker").find_database_url()
    with Database(dsn, role="hotline_worker", size=1) as pool:
        later = utcnow() + timedelta(days=2)
        purge_orphans(pool, vault, deployment.settings, now=later)
    assert list(vault.list_objects(EVIDENCE)) == []
    assert list(vault.list_objects(INTAKE)) == []


def stop_site_and_wait(conn):
    """Kill the practice site; whatever is checked from then on is unreachable, and nothing closes."""
    (site,) = [pid for pid in list_below(os.getpid()) if "triage.cli.practice.site" in read_command(pid)]
    notified = [row[0] for row in read_all(conn, "SELECT id FROM items WHERE state = 'notified' ORDER BY id")]
    assert len(notified) >= 3
    os.kill(site, signal.SIGKILL)
    (since,) = conn.execute("SELECT clock_timestamp()").fetchone()
    conn.rollback()

    def read_results():
        rows = conn.execute(
            "SELECT item_id, result FROM online_checks WHERE item_id = ANY(%s) AND checked_at > %s"
            " + interval '2 seconds'",  # what was begun before may still end
            (notified, since),
        ).fetchall()
        conn.rollback()
        return rows

    wait_until(
        lambda: min(Counter(row[0] for row in read_results()).get(one, 0) for one in notified) >= 2, 30
    )
    assert {result for _, result in read_results()} == {"unreachable"}
    assert [
        row[0] for row in read_all(conn, "SELECT id FROM items WHERE state = 'notified' ORDER BY id")
    ] == notified


def read_deployment_dsn(deployment, holder):
    return (deployment.state.keys(holder) / "database-url").read_text().strip()


@pytest.mark.timeout(600)
def test_the_whole_story_holds_while_everything_is_killed(tmp_path, monkeypatch):
    for name, value in SHORT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(practice_running.PRACTICE_TIMES, "RETRY_WAITS", TRIES)
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "state"))
    seed = int(os.environ.get("HOTLINE_CHAOS_SEED", "7"))
    print(f"HOTLINE_CHAOS_SEED={seed}")
    dice = random.Random(seed)
    settings = load_settings()
    reports = build_scenario()
    deployment = find_deployment(settings, practice=True)
    state = deployment.state
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(run_practice(settings))
        world = PracticeWorld(state.root / WORLD_FILE)
        assessors = stack.enter_context(contextlib.closing(Assessors(running.staff, world)))
        for name, link in add_persons(world).items():
            assessors.join(name, link)
        import_lists(1)
        assessors.enter_recipients()
        for name in (FIRST, SECOND):
            assessors.browse(name)
        headers = {"Authorization": f"Bearer {find_token(world)}"}
        client = stack.enter_context(
            httpx2.Client(base_url=running.base, headers=headers, timeout=30, trust_env=False)
        )
        operator = PracticeOperator(PRACTICE_NETWORKS[0].abuse_mailbox, running.site, state.outbox / "mail")
        owner_dsn, staff_dsn = (read_deployment_dsn(deployment, holder) for holder in ("owner", "staff"))
        story = Story(Storyteller(deployment, assessors, operator, {}), client, reports, owner_dsn, staff_dsn)
        redis_url = (state.keys("sweep") / "redis-url").read_text().strip()
        chaos = Chaos(running.process.pid, redis_url, lay_strokes(dice, RAGES_S), dice)
        began = time.monotonic()
        try:
            with chaos:
                hand_in_every_s = 0.7 * RAGES_S / (len(reports) / AT_A_TIME)
                while chaos.is_raging:
                    if time.monotonic() - began >= story.handed_in / AT_A_TIME * hand_in_every_s:
                        story.hand_in(AT_A_TIME)
                    story.go_round()
                    time.sleep(0.1)
            story.hand_in(len(reports))
            deadline = time.monotonic() + ENDS_WITHIN_S
            while not story.is_over():
                assert time.monotonic() < deadline, "the story did not end"
                story.go_round()
                time.sleep(0.1)
        finally:
            print("\n".join([*chaos.told, *story.errors]))
            print(Counter(line[6:] for line in chaos.told), f"over after {time.monotonic() - began:.1f} s")
            unfinished = story.do(story.teller.list_unfinished) or []
            print("unfinished:", story.do(lambda: describe(staff_dsn, unfinished)))
        with psycopg.connect(staff_dsn) as conn:
            assert checks.find_violations(conn) == []
            assert custody.verify(conn).broken == ()
            assert read_totals(conn).reports == len(reports) == len(story.receipts)
            addresses = [item.url for item in list_items(conn, top_level_only=False) if item.url]
            assert len(addresses) == len(set(addresses))
            assert_nothing_is_stuck(conn)
            assert_planned_ends(conn, reports)
            assert_police_were_told(conn)
            assert_removed_was_seen_three_times(conn)
            assert_nothing_left_twice(conn, state.outbox)
            assert_evidence_is_gone(conn, deployment)
            stop_site_and_wait(conn)
    kills = Counter(line.split(": ")[1] for line in chaos.told)
    assert kills["killed"] >= 20, kills
