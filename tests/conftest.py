"""Fixtures: real PostgreSQL copied from a template per test, real Valkey, a network namespace with only loopback.

The whole run enters its own network namespace first, so that no test, no child of a test and no library
beneath Python can reach anything but loopback. Where the machine forbids that, the run says so and
tests/security is refused.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


@contextmanager
def copy_template(servers: Servers, *, is_checked: bool = True) -> Iterator[FreshDatabase]:
    """Make a fresh copy of the migrated template; its invariants are checked at the end unless told not to."""
    name = f"t_{os.urandom(6).hex()}"
    with psycopg.connect(servers.postgres.superuser_dsn(), autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE hotline OWNER hotline_owner").format(sql.Identifier(name))
        )
    dsns = {role: make_conninfo(dsn, dbname=name) for role, dsn in servers.dsns.items()}
    with psycopg.connect(dsns[migrate.OWNER]) as conn:
        migrate.grant_database(conn)
    fresh = FreshDatabase(name, dsns)
    try:
        yield fresh
        if is_checked:
            with fresh.connect() as conn:
                assert checks.find_violations(conn) == []
    finally:
        with psycopg.connect(servers.postgres.superuser_dsn(), autocommit=True) as admin:
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
