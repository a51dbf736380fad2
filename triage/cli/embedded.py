"""The embedded servers of one state folder, together: for `hotline up`, for passing commands and for tests.

`start_servers` holds the folder's lock while PostgreSQL and Valkey run as our children. `connect_or_start` is
for commands: it uses the servers of a running `hotline up`, or starts PostgreSQL alone and stops it after.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg.conninfo import conninfo_to_dict

from triage.cli.database_roles import LOGIN_ROLES, ensure_roles_and_database
from triage.cli.postgres_server import ROLE_OF_HOLDER, EmbeddedPostgres, find_postgres_bin
from triage.cli.state_dir import Purpose, StateDir, read_text_secret, tell
from triage.cli.valkey_server import EmbeddedValkey, find_valkey_program
from triage.errors import AlreadyRunningError, KeyMissingError, ServerUnavailableError, SettingsError
from triage.settings import Settings

__all__ = (
    "LOGIN_ROLES",
    "ROLE_OF_HOLDER",
    "EmbeddedPostgres",
    "EmbeddedValkey",
    "Servers",
    "connect_or_start",
    "ensure_roles_and_database",
    "find_postgres_bin",
    "find_valkey_program",
    "start_servers",
)

COMMAND_WAIT_S = 30.0
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Servers:
    """What runs: PostgreSQL, perhaps Valkey, and how each role reaches them."""

    state: StateDir
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey | None
    dsns: dict[str, str] = field(repr=False)  # they hold passwords

    @property
    def redis_url(self) -> str | None:
        """Valkey's URL with its password, or None when it was not started."""
        return None if self.valkey is None else self.valkey.url

    def is_alive(self) -> bool:
        """Return whether all that was started still runs."""
        return self.postgres.is_alive() and (self.valkey is None or self.valkey.is_alive())


def read_dsns(state: StateDir) -> dict[str, str]:
    """Return role → database URL from the key files.

    Raises:
        KeyMissingError: one of them is missing: the servers never ran here.
    """
    return {
        role: read_text_secret(state.keys(holder) / "database-url") for holder, role in ROLE_OF_HOLDER.items()
    }


@contextmanager
def start_servers(
    state: StateDir,
    *,
    valkey: bool = True,
    fast: bool = False,
    purpose: Purpose = "up",
    wait_s: float = COMMAND_WAIT_S,
) -> Iterator[Servers]:
    """Run the servers under the folder's lock; stop them and free it at the end.

    Args:
        state: the folder; its lock is taken unless this very object holds it already.
        valkey: whether Valkey runs too.
        fast: for tests: no fsync; a power cut would damage the data.
        purpose: what the lock says to other commands.
        wait_s: seconds to wait for a passing command that holds the lock.

    Raises:
        AlreadyRunningError: another process holds the folder.
        ServerUnavailableError: a server does not start.
        SettingsError: the folder cannot be used.
    """
    with ExitStack() as stack:
        if not state.is_held:
            stack.enter_context(state.hold(purpose, wait_s))
        postgres = EmbeddedPostgres(state, fast=fast)
        stack.callback(postgres.stop)
        postgres.start()
        queue = None
        if valkey:
            queue = EmbeddedValkey(state, fast=fast)
            stack.callback(queue.stop)
            queue.start()
        yield Servers(state=state, postgres=postgres, valkey=queue, dsns=read_dsns(state))


@contextmanager
def connect_or_start(
    state: StateDir, settings: Settings, *, role: str | None = None, fast: bool = False
) -> Iterator[dict[str, str]]:
    """Give a command its database URLs, by role.

    1. DATABASE_URL is set: that one, under `role` (by default the user it names), and nothing else.
    2. A `hotline up` runs in this folder: its servers.
    3. Otherwise PostgreSQL is started alone, under the lock, and stopped afterwards. While another command
       does just that we wait, saying so in one line.

    Args:
        state: the folder.
        settings: only `database_url` is looked at.
        role: the role of this command, such as "hotline_staff".
        fast: for tests, as start_servers.

    Raises:
        AlreadyRunningError: another command was still busy after 30 s.
        ServerUnavailableError: the database of `hotline up` did not answer for 30 s, or ours did not start.
        SettingsError: DATABASE_URL cannot be read, or the folder cannot be used.
    """
    if settings.database_url:
        yield {role or _read_user(settings.database_url): settings.database_url}
        return
    state.prepare()
    with ExitStack() as stack:
        deadline = time.monotonic() + COMMAND_WAIT_S
        told = False
        while True:
            if state.try_lock("command"):
                stack.callback(state.unlock)
                dsns = stack.enter_context(start_servers(state, valkey=False, fast=fast)).dsns
                break
            holder = state.read_holder()
            if holder == "up" and (answering := _find_answering(state)) is not None:
                dsns = answering
                break
            if time.monotonic() >= deadline:
                if holder == "up":
                    raise ServerUnavailableError("Hotline runs here, but its database does not answer.")
                raise AlreadyRunningError("Another hotline command is still busy; try again later.")
            if not told:
                told = True
                whom = "the database of the running hotline" if holder == "up" else "another hotline command"
                tell(f"Waiting up to {COMMAND_WAIT_S:.0f} s for {whom}.")
            time.sleep(_POLL_S)
        yield dsns


def _find_answering(state: StateDir) -> dict[str, str] | None:
    try:
        dsns = read_dsns(state)
        psycopg.connect(dsns[ROLE_OF_HOLDER["staff"]], connect_timeout=5).close()
    except (KeyMissingError, psycopg.OperationalError):
        return None
    return dsns


def _read_user(database_url: str) -> str:
    try:
        user = conninfo_to_dict(database_url).get("user")
    except psycopg.ProgrammingError:
        user = None  # libpq's own message would quote the URL
    if not user:
        raise SettingsError("DATABASE_URL cannot be read, or names no user.")
    return str(user)
