"""Fixtures: real PostgreSQL copied from a template per test, real Valkey, a network namespace with only loopback.

The whole run enters its own network namespace first, so that no test, no child of a test and no library
beneath Python can reach anything but loopback. Where the machine forbids that, the run says so and
tests/security is refused.
"""

import gc
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.counts import IS_SOAK
from tests.network_guard import GuardReport, enter_own_network, start_anew
from tests.quick_folder import open_quick_folder

GUARD: GuardReport = enter_own_network()

import hypothesis  # noqa: E402
import psycopg  # noqa: E402 - after the guard: no library may open a socket before it
from psycopg import sql  # noqa: E402
from psycopg.conninfo import make_conninfo  # noqa: E402

from triage.cli.embedded import Servers, start_servers  # noqa: E402
from triage.cli.state_dir import StateDir  # noqa: E402
from triage.store import checks, migrate  # noqa: E402

Connection = psycopg.Connection[Any]

hypothesis.settings.register_profile("test", database=None, deadline=None)
hypothesis.settings.register_profile("soak", database=None, deadline=None, max_examples=2000)
hypothesis.settings.load_profile("soak" if IS_SOAK else "test")


def pytest_configure(config: pytest.Config) -> None:
    if GUARD.is_crowded:
        capture = config.pluginmanager.getplugin("capturemanager")
        if capture is not None:
            capture.stop_global_capturing()
        start_anew()


def pytest_report_header() -> str:
    return f"network: {GUARD.sentence}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if GUARD.is_alone:
        return
    if os.environ.get("CI"):
        raise pytest.UsageError(f"tests must run in their own network namespace: {GUARD.sentence}")
    for item in items:
        if "/tests/security/" in str(item.path):
            item.add_marker(pytest.mark.skip(reason=f"needs its own network namespace: {GUARD.sentence}"))


def pytest_collection_finish() -> None:
    """Thousands of tests stay for the whole run; who looks for garbage need not walk through them each time."""
    gc.collect()
    gc.freeze()


@dataclass(frozen=True, slots=True)
class FreshDatabase:
    """A migrated database of one test, and how each role reaches it."""

    name: str
    dsns: dict[str, str]

    def connect(self, role: str = "hotline_owner") -> Connection:
        return psycopg.connect(self.dsns[role])


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL and Valkey for the whole run, without fsync."""
    with (
        open_quick_folder(tmp_path_factory.mktemp("servers")) as root,
        start_servers(StateDir(root / "state"), fast=True) as running,
    ):
        with psycopg.connect(running.dsns[migrate.OWNER], autocommit=True) as conn:
            migrate.migrate(conn)
        yield running
        connect_admin(running.postgres.superuser_dsn()).close()


_OF_ONE_TABLE = re.compile(r"SELECT [\w.]+ FROM (\w+)\b(?!.*\b(?:UNION|RIGHT|FULL)\b)", re.DOTALL)


def find_violations(conn: Connection) -> list[str]:
    """Return what `checks.find_violations` would, without asking what begins at a table that has nothing in it.

    Those queries find nothing, and a fresh database plans each of them as if for the first time.
    """
    rows = conn.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND pg_relation_size(oid) = 0"
    )
    empty = {row[0] for row in rows}
    begin_at = {one: _OF_ONE_TABLE.match(one.query) for one in checks.INVARIANTS}
    asked = [one for one, begin in begin_at.items() if begin is None or begin[1] not in empty]
    return [one.sentence for one in asked if conn.execute(one.query.encode()).fetchone()]


@contextmanager
def copy_template(
    servers: Servers, *, is_checked: bool = True, template: str = "hotline"
) -> Iterator[FreshDatabase]:
    """Make a fresh copy of the migrated template; its invariants are checked at the end unless told not to.

    Args:
        template: a database to copy instead, to which nobody is connected.
    """
    name = f"t_{os.urandom(6).hex()}"
    dsns = {role: make_conninfo(dsn, dbname=name) for role, dsn in servers.dsns.items()}
    fresh, admin = FreshDatabase(name, dsns), connect_admin(servers.postgres.superuser_dsn())
    # Copying whole files takes half the time of copying their pages by way of the write-ahead log.
    make = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER hotline_owner STRATEGY FILE_COPY")
    admin.execute(make.format(sql.Identifier(name), sql.Identifier(template)))
    migrate.grant_database(admin, name)
    try:
        yield fresh
        if is_checked:
            with fresh.connect() as conn:
                assert find_violations(conn) == []
    finally:
        drop_database(admin, name)


@cache
def connect_admin(dsn: str) -> Connection:
    """Return the one connection of this run that makes and drops databases."""
    return psycopg.connect(dsn, autocommit=True)


def drop_database(admin: Connection, name: str) -> None:
    """Drop a database; the server looks only every 100 ms whether its last backend has gone, we look at once."""
    for _ in range(100):
        left = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
        if admin.execute(left, (name,)).fetchone() == (0,):
            break
        time.sleep(0.002)
    admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(servers: Servers, request: pytest.FixtureRequest) -> Iterator[FreshDatabase]:
    """A fresh database of one test."""
    is_checked = request.node.get_closest_marker("breaks_invariants") is None
    with copy_template(servers, is_checked=is_checked) as fresh:
        yield fresh


@pytest.fixture
def conn(database: FreshDatabase) -> Iterator[Connection]:
    """A connection as the owner; what the test leaves uncommitted is rolled back."""
    with database.connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def as_role(database: FreshDatabase) -> Iterator[Callable[[str], Connection]]:
    """Open connections with one role each."""
    opened: list[Connection] = []

    def connect(role: str) -> Connection:
        opened.append(database.connect(role))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def state_root(tmp_path: Path) -> Path:
    """A private folder for a state directory of this test."""
    root = tmp_path / "state"
    root.mkdir(mode=0o700)
    return root
