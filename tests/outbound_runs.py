"""Real outbound processes around a desk of sending: the desk lays what is due, the processes outside send it."""

import time
from contextlib import contextmanager

import redis

from tests.deployments import find_spec, make_deployment, read_log, run_spec
from triage.clock import utcnow
from triage.queue import QueueDoor
from triage.settings import load_settings
from triage.store.pool import Database
from triage.store.sendings import SENDING_LEASE_S
from workers.sweep_due import sweep_once

SETTINGS = load_settings({}, renudge_after_s=1.0)


class OutboundRun:
    """A practice deployment of one test: the desk lays what is due, the process outside sends it."""

    def __init__(self, database, redis_url, root, desk):
        self.desk = desk
        self.deployment = make_deployment(root, database.dsns, redis_url)
        self.database = database
        self.queue = QueueDoor(redis_url, timeout_s=30)
        self.redis = redis.Redis.from_url(redis_url)
        self.redis.flushall()

    def find_spec(self, **more):
        return find_spec(self.deployment, "outbound", HOTLINE_MAIL="notices@hotline.example", **more)

    @contextmanager
    def process(self, **more):
        with run_spec(self.deployment, self.find_spec(**more)) as running:
            yield running

    @contextmanager
    def sweeping(self):
        """Yield what sweeps once, as the sweep does."""
        with Database(self.database.dsns["hotline_worker"], size=1) as pool:
            yield lambda: sweep_once(pool, self.queue, SETTINGS, now=utcnow())

    def sweep_until(self, is_true, limit_s=20.0):
        deadline = time.monotonic() + limit_s
        with self.sweeping() as sweep:
            while not is_true():
                assert time.monotonic() < deadline, read_log(self.deployment, "outbound")[-3000:]
                sweep()
                time.sleep(0.05)

    def let_lease_run_out(self):
        self.desk.conn.execute(
            "UPDATE sendings SET started_at = started_at - %s * interval '1 second' WHERE state = 'sending'",
            (SENDING_LEASE_S,),
        )
        self.desk.conn.commit()
