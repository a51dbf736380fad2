"""Connections: one small pool a process, each with its own deadline for statements.

A server that was restarted leaves dead connections in the pool. They are found once, by an error, and the
whole pool is checked then (checking each checkout sleeps between dead ones and can take half a minute).
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg import conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from triage.errors import ServerUnavailableError, SettingsError
from triage.store.migrate import check_schema
from triage.store.rows import Connection

T = TypeVar("T")
_log = logging.getLogger(__name__)
STATEMENT_TIMEOUT_MS = 30_000
MEETING_WAITS_S = (0.02, 0.1, 0.3)
"""When two transactions meet, the server ends one and the other goes on: how long the first waits before it reruns."""


def _configure(conn: Connection) -> None:
    conn.execute(
        "SELECT set_config('statement_timeout', %(timeout)s, false)", {"timeout": str(STATEMENT_TIMEOUT_MS)}
    )
    conn.execute("SET idle_in_transaction_session_timeout = 60000")
    conn.execute("SET TIME ZONE 'UTC'")
    conn.commit()


def connect(dsn: str, *, autocommit: bool = False) -> Connection:
    """Open one connection.

    Raises:
        ServerUnavailableError: PostgreSQL does not answer or does not let us in.
        SettingsError: the address is not a PostgreSQL address.
    """
    try:
        conn = psycopg.connect(dsn, connect_timeout=10, autocommit=autocommit)
    except psycopg.ProgrammingError:
        raise SettingsError("DATABASE_URL is not a PostgreSQL address") from None
    except psycopg.OperationalError as error:
        raise ServerUnavailableError(f"PostgreSQL does not answer: {_first_line(error)}") from None
    if not autocommit:
        _configure(conn)
    return conn


def _first_line(error: psycopg.Error) -> str:
    text = str(error).strip().splitlines()
    return text[0].strip()[:200] if text else type(error).__name__


class Database:
    """A pool of connections with one role.

    Args:
        dsn: address of PostgreSQL with role and password.
        role: the database role that this process must have; None does not ask.
        size: most connections at a time.
    """

    def __init__(self, dsn: str, *, role: str | None = None, size: int = 4) -> None:
        self._role = role
        self._closing = threading.Event()
        try:
            conninfo.conninfo_to_dict(dsn)
        except psycopg.ProgrammingError:
            raise SettingsError("DATABASE_URL is not a PostgreSQL address") from None
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            dsn, min_size=1, max_size=size, open=False, configure=_configure, timeout=10, check=None
        )

    def open(self) -> None:
        """Connect and check that the schema is that of this version.

        Raises:
            ServerUnavailableError: PostgreSQL does not answer.
            SchemaBehindError: migrations are missing.
        """
        try:
            self._pool.open(wait=True, timeout=15)
        except PoolTimeout:
            self._pool.close()
            raise ServerUnavailableError("PostgreSQL does not answer") from None
        self.run(self._require_role)
        self.run(check_schema)

    def _require_role(self, conn: Connection) -> None:
        row = conn.execute(
            "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        if self._role is not None and (row is None or row[0] != self._role or row[1]):
            raise SettingsError(
                f"The database address of this process must be that of the role {self._role}."
            )

    def close(self) -> None:
        """Close all connections, and end what is repeated."""
        self._closing.set()
        self._pool.close()

    def repeat(self, work: Callable[[], object], *, every_s: float) -> None:
        """Do something every so many seconds, in a thread of its own, until these connections are closed.

        Args:
            work: catches whatever may pass; an error that it lets through ends the repeating.
        """

        def go_on() -> None:
            while not self._closing.wait(every_s):
                work()

        threading.Thread(target=go_on, name="repeat", daemon=True).start()

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction and commit it; again after a deadlock, once more after a dead connection.

        `work` must be safe to run twice: a connection lost at the commit leaves open whether it took place.

        Raises:
            ServerUnavailableError: PostgreSQL does not answer, or always ends this one of two that meet.
        """
        return self._run_again(self._run_once, work)

    def _run_again(
        self, run_once: Callable[[Callable[[Connection], T]], T], work: Callable[[Connection], T]
    ) -> T:
        for waits_s in MEETING_WAITS_S:
            try:
                return run_once(work)
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
                _log.info("two transactions met; one of them runs again")
                time.sleep(waits_s)
            except psycopg.OperationalError:
                _log.warning("a database connection was lost; checking the pool")
                self._pool.check()
                break
        try:
            return run_once(work)
        except psycopg.OperationalError as error:
            raise ServerUnavailableError(f"PostgreSQL does not answer: {type(error).__name__}") from None

    def run_unbound(self, work: Callable[[Connection], T]) -> T:
        """Run `work` without a transaction around it: each statement commits for itself, and costs one round trip.

        For steps whose one statement that writes asks again whatever was read before. `work` must be safe to run
        twice, as in `run`.

        Raises:
            ServerUnavailableError: PostgreSQL does not answer, twice.
        """
        return self._run_again(self._run_unbound_once, work)

    def _run_unbound_once(self, work: Callable[[Connection], T]) -> T:
        with self._pool.connection() as conn:
            conn.autocommit = True
            try:
                return work(conn)
            finally:
                if not conn.closed:
                    conn.autocommit = False

    def _run_once(self, work: Callable[[Connection], T]) -> T:
        with self._pool.connection() as conn, conn.transaction():
            return work(conn)

    def __enter__(self) -> "Database":
        self.open()
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
