"""Keep the processes of `hotline up` running: start, watch, restart with growing waits, stop in order.

1. Children start in the order given, in the main thread, each with just the environment its spec names.
2. The loop sleeps in select(2) until a signal arrives or a restart is due. No threads.
3. What dies is told in one line and started again after 0.5 s, doubling to 30 s; a life of 60 s forgives.
   What a dead child left in its process group is killed first.
4. PostgreSQL and Valkey are watched in the same way; whoever started them stops them.
5. SIGTERM, SIGINT or SIGHUP stops the children in reverse order: their stop signal, 10 s, SIGKILL. A second
   one hurries.

If the supervisor itself is killed, the kernel sends every child its death signal. A child that starts others
must do the same for them (spawn_child does); the kernel asks nothing of grandchildren.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from types import FrameType
from typing import Protocol

from triage.cli.children import describe_exit, spawn_child
from triage.cli.state_dir import tell
from triage.errors import ServerUnavailableError, SettingsError
from triage.settings import SECRET_FIELDS, Settings
from triage.settings_checks import environment_name

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
FORGIVEN_AFTER_S = 60.0
STOP_WAIT_S = 10.0
_PLAIN_NAMES = ("PATH", "LANG", "LC_ALL", "TZ")
_SECRET_NAMES = tuple(environment_name(name) for name in sorted(SECRET_FIELDS))


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One process to keep running.

    `pdeathsig` is what the kernel sends it when the supervisor dies. It is SIGKILL by default: every process
    here may be killed at any point without harm, and a busy one might take its time over SIGTERM.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    pdeathsig: int = signal.SIGKILL
    stop_signal: int = signal.SIGTERM


class WatchedServer(Protocol):
    """A server that somebody started and stops, and that we start again when it dies."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """Its process, if it was started."""

    def launch(self) -> subprocess.Popen[bytes]:
        """Start it again and return at once."""


def make_child_environment(environment: Mapping[str, str], **more: str) -> dict[str, str]:
    """Return a minimal environment: PATH, LANG, LC_ALL, TZ and the settings that are not secret.

    Args:
        environment: where to take them from, usually os.environ.
        more: further variables, stronger than those.
    """
    settings = [environment_name(spec.name) for spec in fields(Settings) if spec.name not in SECRET_FIELDS]
    kept = {name: environment[name] for name in (*_PLAIN_NAMES, *settings) if name in environment}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept, **more}


def next_wait(last_wait_s: float, lived_s: float) -> float:
    """Return the seconds to wait before a restart.

    Args:
        last_wait_s: the wait before its last start; 0 for the first.
        lived_s: how long it lived, in seconds.
    """
    if last_wait_s == 0 or lived_s >= FORGIVEN_AFTER_S:
        return FIRST_WAIT_S
    return min(last_wait_s * 2, LONGEST_WAIT_S)


@dataclass(slots=True)
class _Watch:
    """What the supervisor knows of one process: running, or due to start again."""

    name: str
    spawn: Callable[[], subprocess.Popen[bytes]]
    is_ours: bool
    stop_signal: int
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    wait_s: float = 0.0
    due_at: float = 0.0


class Supervisor:
    """Runs children until it is told to stop."""

    def __init__(
        self, specs: Sequence[ChildSpec], log_dir: Path, *, servers: Sequence[WatchedServer] = ()
    ) -> None:
        """Args: specs in starting order; log_dir takes <name>.log of each; servers that run already.

        Raises:
            SettingsError: two have one name, or an environment holds a secret setting.
        """
        names = [*(spec.name for spec in specs), *(server.name for server in servers)]
        if len(set(names)) != len(names):
            raise SettingsError("Two processes would have the same name.")
        for spec in specs:
            if any(name.startswith(_SECRET_NAMES) for name in spec.env):
                raise SettingsError(f"A secret setting would reach {spec.name} by its environment.")
        self._log_dir = log_dir
        self._watches = [
            _Watch(server.name, server.launch, False, signal.SIGTERM, server.process, time.monotonic())
            for server in servers
        ]
        self._watches += [_Watch(spec.name, self._make_spawn(spec), True, spec.stop_signal) for spec in specs]
        self._stop_count = 0

    def processes(self) -> dict[str, int]:
        """Return name → process id of all that run now."""
        return {
            watch.name: watch.process.pid
            for watch in self._watches
            if watch.process is not None and watch.process.returncode is None
        }

    def run(self) -> None:
        """Start all children, keep them running until SIGTERM, SIGINT or SIGHUP, then stop them."""
        with self._signals_wake() as wake:
            try:
                while not self._stop_count:
                    pause_s = self.tick()
                    if select.select([wake], [], [], pause_s)[0]:
                        os.read(wake, 4096)
            finally:
                self.stop()

    def tick(self) -> float:
        """Look at every process once and start what is due.

        Returns:
            Seconds until the next look is needed, at most 1.
        """
        pause_s = 1.0
        for watch in self._watches:
            if self._stop_count:
                break
            if watch.process is not None and _has_ended(watch.process):
                code = _reap_group(watch.process) if watch.is_ours else watch.process.wait()
                self._plan_restart(watch, describe_exit(code))
                watch.process = None
            if watch.process is None:
                if watch.due_at <= time.monotonic():
                    self._start(watch)
                if watch.process is None:
                    pause_s = min(pause_s, max(0.0, watch.due_at - time.monotonic()))
        return pause_s

    def stop(self) -> None:
        """Stop our children in reverse order and wait for each; servers are left to their owner."""
        for watch in reversed(self._watches):
            process = watch.process
            if not watch.is_ours or process is None:
                continue
            if not _has_ended(process):
                os.kill(process.pid, watch.stop_signal)
            deadline = time.monotonic() + STOP_WAIT_S
            while not _has_ended(process) and time.monotonic() < deadline and self._stop_count < 2:
                time.sleep(0.02)
            _reap_group(process)
            watch.process = None

    def _make_spawn(self, spec: ChildSpec) -> Callable[[], subprocess.Popen[bytes]]:
        def spawn() -> subprocess.Popen[bytes]:
            return spawn_child(
                spec.argv,
                env=spec.env,
                log_path=self._log_dir / f"{spec.name}.log",
                death_signal=spec.pdeathsig,
            )

        return spawn

    def _start(self, watch: _Watch) -> None:
        watch.started_at = time.monotonic()
        try:
            watch.process = watch.spawn()
        except OSError as error:
            self._plan_restart(watch, f"cannot be started: {error.strerror}")
        except (subprocess.SubprocessError, ServerUnavailableError):
            self._plan_restart(watch, "cannot be started")

    def _plan_restart(self, watch: _Watch, reason: str) -> None:
        lived_s = time.monotonic() - watch.started_at
        watch.wait_s = next_wait(watch.wait_s, lived_s)
        watch.due_at = time.monotonic() + watch.wait_s
        tell(
            f"{watch.name} ended after {lived_s:.1f} s ({reason}); starting it again in {watch.wait_s:g} s;"
            f" see {self._log_dir / watch.name}.log."
        )

    @contextmanager
    def _signals_wake(self) -> Iterator[int]:
        """Make signals wake the select: yields the end of a pipe to read from."""

        def ask_stop(_number: int, _frame: FrameType | None) -> None:
            self._stop_count += 1

        def note_child(_number: int, _frame: FrameType | None) -> None:
            """A child ended: waking is all."""

        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        former_wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        handlers = dict.fromkeys((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), ask_stop)
        handlers[signal.SIGCHLD] = note_child
        former = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield reading
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(former_wakeup)
            os.close(reading)
            os.close(writing)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process has ended, without reaping it."""
    if process.returncode is not None:
        return True
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # its owner has reaped it
        return True


def _reap_group(process: subprocess.Popen[bytes]) -> int:
    """Kill a child and what is left of its process group, then reap it; return its exit code."""
    if process.returncode is None:  # not reaped: its number belongs to nobody else yet
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait()
