"""Chaos at the mail relay: two outbound processes race and are killed with -9 while mails leave.

1. Items are laid whose police referral and notice are due; the relay refuses, hangs up and falls silent.
2. Two processes send; every few mails one of them is killed, and now and then the queue is wiped.
3. A person looks at the relay for each message that is unclear, and says whether it is there.

In the end each mail is at the relay once. HOTLINE_CHAOS_SEED lays other kills.
"""

import contextlib
import os
import random
import signal
import time
from collections import Counter

import pytest

from tests.builders import Clock, count_rows
from tests.chaos import let_leases_run_out
from tests.counts import IS_SOAK
from tests.deployments import make_deployment, read_log
from tests.moody_relay import run_moody_relay
from tests.outbound_runs import OutboundRun
from tests.sending_desk import POLICE, POLICY, PROVIDER, open_sending_desk
from triage.cli.children import spawn_child
from triage.cli.state_dir import write_secret
from triage.clock import utcnow
from triage.steps.record_answer import say_found
from triage.store import custody

pytestmark = pytest.mark.long

ITEMS = 200 if IS_SOAK else 30
ENDS_WITHIN_S = 200.0 if IS_SOAK else 60.0
MAILS_BETWEEN_KILLS = (3, 8)
"""Least and most; counted in mails, so that a slow machine gets on too."""
TIMES = {"UNDO": "1", "SEND_WAITS": ",".join(["0.3"] * 40), "SEND_TIMEOUT": "5"}


@pytest.fixture
def run(database, servers, tmp_path):
    clock = Clock()
    clock.move_on(-3600)  # all that is laid is due long since
    root = tmp_path / "state"
    made = make_deployment(root, database.dsns, servers.redis_url)
    with open_sending_desk(database, made.state.root, clock, kind="practice") as desk:
        yield OutboundRun(database, servers.redis_url, root, desk)


class Pair:
    """Two outbound processes that are started again when they end."""

    def __init__(self, run):
        self._run, self._spec = run, run.find_spec(**TIMES)
        self._processes = []
        self.kills = 0

    def keep_running(self):
        self._processes = [one for one in self._processes if one.poll() is None]
        while len(self._processes) < 2:
            path = self._run.deployment.state.logs / "outbound.log"
            self._processes.append(
                spawn_child(
                    list(self._spec.argv), env=self._spec.env, log_path=path, death_signal=signal.SIGKILL
                )
            )

    def kill(self, dice):
        victim = dice.choice(self._processes)
        victim.kill()
        victim.wait()
        self.kills += 1

    def close(self):
        for process in self._processes:
            process.kill()
            process.wait()


def say_what_is_there(desk, relay):
    """As a person does: look for each unclear message at the relay, and say so; return their Message-IDs."""
    rows = desk.conn.execute(
        "SELECT id, message_id FROM sendings WHERE state = 'unclear' ORDER BY id"
    ).fetchall()
    desk.conn.rollback()
    for sending_id, message_id in rows:
        assert relay.taken[message_id] <= 1
        is_there = relay.taken[message_id] == 1
        say_found(desk.staff, sending_id, is_there, person=desk.clerk, now=utcnow(), policy=POLICY)
        desk.staff.commit()
    return [message_id for _, message_id in rows]


@pytest.mark.timeout(400)
def test_no_mail_leaves_twice_though_processes_race_and_die_in_the_middle_of_it(run):
    seed = int(os.environ.get("HOTLINE_CHAOS_SEED", "7"))
    print(f"HOTLINE_CHAOS_SEED={seed}")
    dice, desk, unclear = random.Random(seed), run.desk, Counter()
    desk.enter(POLICE)
    desk.enter(PROVIDER)
    for number in range(ITEMS):
        desk.lay_notified(f"http://h{number}.example/a.jpg")
    owner_dsn = run.database.dsns["hotline_owner"]
    left = "SELECT count(*) FROM sendings WHERE state IN ('queued', 'sending', 'unclear')"
    with contextlib.ExitStack() as stack:
        relay, url = stack.enter_context(run_moody_relay(seed))
        write_secret(run.deployment.state.keys("outbound") / "smtp-url", url)
        sweep = stack.enter_context(run.sweeping())
        pair = stack.enter_context(contextlib.closing(Pair(run)))
        began = time.monotonic()
        kill_at = dice.randint(*MAILS_BETWEEN_KILLS)
        while count_rows(desk.conn, left):
            assert time.monotonic() - began < ENDS_WITHIN_S, read_log(run.deployment, "outbound")[-3000:]
            pair.keep_running()
            sweep()
            let_leases_run_out(owner_dsn, older_than_s=1.5)
            unclear.update(say_what_is_there(desk, relay))
            if relay.mails >= kill_at:
                pair.kill(dice)
                kill_at = relay.mails + dice.randint(*MAILS_BETWEEN_KILLS)
                if dice.random() < 0.2:
                    run.redis.flushall()
            time.sleep(0.05)
    print(f"{pair.kills} kills, {sum(unclear.values())} unclear, {time.monotonic() - began:.1f} s")
    rows = desk.conn.execute("SELECT message_id, state::text FROM sendings").fetchall()
    assert len(rows) == 2 * ITEMS
    assert {state for _, state in rows} == {"sent"}
    assert relay.taken == Counter({message_id: 1 for message_id, _ in rows})
    assert relay.swallowed <= set(unclear), "taken without an answer: only a person can know"
    assert len(relay.swallowed) >= 2
    assert pair.kills >= 3
    assert custody.verify(desk.conn).broken == ()
    assert "h1.example" not in read_log(run.deployment, "outbound")
