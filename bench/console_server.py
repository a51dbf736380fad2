"""The real staff surface on an embedded PostgreSQL that `console_data.py` filled, as a process of its own."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from bench.console_data import Visitor, add_visitors, fill, store_views
from triage.cli.deployment import write_first_rows
from triage.cli.embedded import start_servers
from triage.cli.make_keys import make_keys
from triage.cli.practice.running import find_ports
from triage.cli.state_dir import StateDir, read_text_secret
from triage.clock import utcnow
from triage.keys import VAULT_RECIPIENT
from triage.store.migrate import OWNER, migrate
from triage.vault import ObjectVault

READY_WITHIN_S = 60.0
FORMER = 10
"""People who judged before, and are not there now."""


@dataclass(frozen=True, slots=True)
class Console:
    """A running console.

    Attributes:
        items: at the top level.
        filled_s: how long the filling took.
    """

    port: int
    items: int
    visitors: list[Visitor]
    filled_s: float
    dsn: str


@contextlib.contextmanager
def run_console(items: int, users: int, views: dict[str, bytes]) -> Iterator[Console]:
    """Fill a database of its own with so many items, and serve it until the block ends."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        state = StateDir(Path(folder) / "state")
        state.prepare()
        make_keys(state, evidence_url=None)
        with start_servers(state, valkey=False) as servers:
            owner = servers.dsns[OWNER]
            with psycopg.connect(owner, autocommit=True) as conn:
                migrate(conn)
                with conn.transaction():
                    write_first_rows(conn, "live")
            began = time.monotonic()
            visitors = _fill(servers.postgres.superuser_dsn(), owner, state, items, users, views)
            filled_s = time.monotonic() - began
            with _serve(state) as port:
                yield Console(port, items, visitors, filled_s, owner)


def _fill(
    superuser: str, owner: str, state: StateDir, items: int, users: int, views: dict[str, bytes]
) -> list[Visitor]:
    now = utcnow()
    with psycopg.connect(owner) as conn:
        visitors = add_visitors(conn, users + FORMER, now=now)
    recipient = read_text_secret(state.keys("worker") / VAULT_RECIPIENT)
    name = psycopg.conninfo.conninfo_to_dict(owner)["dbname"]
    with psycopg.connect(make_conninfo(superuser, dbname=name)) as conn:
        former = [one.id for one in visitors[users:]]
        fill(conn, items, former=former, vault_recipient=recipient, now=now)
    with psycopg.connect(owner) as conn:
        store_views(conn, ObjectVault(f"file://{state.root}"), views)
    return visitors[:users]


@contextlib.contextmanager
def _serve(state: StateDir) -> Iterator[int]:
    """Run the staff surface, locked as ever, and give its port."""
    (port,) = find_ports(1)
    env = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "STATE_DIR": str(state.root),
        "KEYS_DIR": str(state.keys("staff")),
        "INDEX_DIR": str(state.root / "index"),
        "STAFF_PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }
    log = (state.root / "staff.log").open("wb")
    with (
        log,
        subprocess.Popen(
            [sys.executable, "-B", "-m", "api", "--surface", "staff"], env=env, stdout=log, stderr=log
        ) as process,
    ):
        try:
            _wait(port, process, state.root / "staff.log")
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the staff surface did not start: {log.read_text()[-2000:]}")
