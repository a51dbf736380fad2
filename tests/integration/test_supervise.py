"""The supervisor: what it refuses, how it restarts and stops, and that nothing outlives it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.processes import REPOSITORY, is_running, list_processes_in, wait_until
from triage.cli import supervise
from triage.cli.state_dir import StateDir
from triage.cli.supervise import ChildSpec, Supervisor, make_child_environment, next_wait
from triage.errors import SettingsError

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}
# A child with a child of its own.
PARENT = "cd {root} && (sleep 300 & echo $! > {root}/grandchild; wait)"
CHILD = """
import os, signal, sys
root, name = sys.argv[1:]
os.chdir(root)
def stop(*_):
    with open("stopped", "a") as file:
        file.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
open("ready-" + name, "w").close()
while True:
    signal.pause()
"""
UP = f"""
import sys
from pathlib import Path
from triage.cli.embedded import start_servers
from triage.cli.state_dir import StateDir
from triage.cli.supervise import ChildSpec, Supervisor

CHILD = {CHILD!r}
state = StateDir(Path(sys.argv[1]))
with start_servers(state) as servers:
    specs = [
        ChildSpec(name, [sys.executable, "-I", "-S", "-c", CHILD, str(state.root), name], {{"PATH": "/bin"}})
        for name in ("first", "second")
    ]
    supervisor = Supervisor(specs, state.logs, servers=(servers.postgres, servers.valkey))
    supervisor.run()
print("stopped", flush=True)
"""


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path / "live")


@pytest.fixture
def log_dir(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def running(state: StateDir, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start the script UP and wait until its children are there; killed at the end of the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        ready = [state.root / "ready-first", state.root / "ready-second"]
        for path in ready:
            path.unlink(missing_ok=True)
        with (tmp_path / "messages").open("ab") as messages:
            process = subprocess.Popen(
                [sys.executable, "-c", UP, str(state.root)], cwd=REPOSITORY, stdout=messages, stderr=messages
            )
        started.append(process)
        wait_until(lambda: all(path.exists() for path in ready), 20)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
    wait_until(lambda: not list_processes_in(state.root))


# Refusals
@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_URL_OWNER", "REDIS_URL", "EVIDENCE_URL"])
def test_secret_setting_in_an_environment_is_refused(log_dir: Path, name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Supervisor([ChildSpec("web", ["/bin/true"], {name: "hidden"})], log_dir)
    assert "hidden" not in str(caught.value)


def test_two_of_one_name_are_refused(log_dir: Path) -> None:
    spec = ChildSpec("web", ["/bin/true"], ENVIRONMENT)
    with pytest.raises(SettingsError, match="same name"):
        Supervisor([spec, spec], log_dir)


def test_child_environment_holds_plain_settings_only() -> None:
    given = {
        "PATH": "/bin",
        "TZ": "UTC",
        "PUBLIC_PORT": "1",
        "UNDO": "2",
        "DATABASE_URL": "a",
        "DATABASE_URL_OWNER": "b",
        "REDIS_URL": "c",
        "EVIDENCE_URL": "d",
        "HOME": "e",
        "LD_PRELOAD": "f",
        "AWS_SECRET_ACCESS_KEY": "g",
    }
    assert make_child_environment(given, STATE_DIR="/x") == {
        "PATH": "/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PUBLIC_PORT": "1",
        "UNDO": "2",
        "STATE_DIR": "/x",
    }


# Restarts
def test_waits_grow_and_a_long_life_forgives() -> None:
    waits = [0.0]
    for _ in range(9):
        waits.append(next_wait(waits[-1], 59.9))
    assert waits == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert next_wait(30.0, 60.0) == 0.5


def run_ticks(supervisor: Supervisor, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(min(supervisor.tick(), 0.02))


def test_dying_child_is_started_again_with_growing_waits(
    log_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = f"date +%s.%N >> {log_dir}/starts; echo said; exit 3"
    supervisor = Supervisor([ChildSpec("frail", ["/bin/sh", "-c", script], ENVIRONMENT)], log_dir)
    lines: list[str] = []
    deadline = time.monotonic() + 30
    while len(lines) < 3 and time.monotonic() < deadline:
        run_ticks(supervisor, 0.1)
        lines += capsys.readouterr().err.splitlines()
    supervisor.stop()
    starts = [float(line) for line in (log_dir / "starts").read_text().split()]
    assert len(starts) == 3
    assert starts[1] - starts[0] > 0.4
    assert starts[2] - starts[1] > 0.9
    assert [line.rpartition(" (")[2] for line in lines] == [
        f"exit code 3); starting it again in {wait} s; see {log_dir}/frail.log." for wait in ("0.5", "1", "2")
    ]
    assert (log_dir / "frail.log").read_text() == "said\n" * 3
    assert (log_dir / "frail.log").stat().st_mode & 0o777 == 0o600


def test_missing_program_is_tried_again_and_harms_no_other(
    log_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    specs = [
        ChildSpec("absent", ["/no/such/program"], ENVIRONMENT),
        ChildSpec("present", ["/bin/sleep", "300"], ENVIRONMENT),
    ]
    supervisor = Supervisor(specs, log_dir)
    supervisor.tick()
    try:
        assert list(supervisor.processes()) == ["present"]
        assert "cannot be started: No such file or directory" in capsys.readouterr().err
    finally:
        supervisor.stop()


def test_killed_child_takes_its_own_children_along(log_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = ChildSpec("parent", ["/bin/sh", "-c", PARENT.format(root=log_dir)], ENVIRONMENT)
    supervisor = Supervisor([spec], log_dir)
    supervisor.tick()
    wait_until(lambda: (log_dir / "grandchild").exists() and (log_dir / "grandchild").read_text().strip())
    grandchild = int((log_dir / "grandchild").read_text())
    assert is_running(grandchild)
    os.kill(supervisor.processes()["parent"], signal.SIGKILL)
    wait_until(lambda: supervisor.tick() < 1.0, 3)
    try:
        wait_until(lambda: not is_running(grandchild), 3)
        assert "killed by SIGKILL" in capsys.readouterr().err
    finally:
        supervisor.stop()


# Stopping
def test_child_that_ignores_its_signal_is_killed(log_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "STOP_WAIT_S", 0.3)
    script = f"trap '' TERM; touch {log_dir}/ready; sleep 300 & wait; sleep 300"
    supervisor = Supervisor([ChildSpec("deaf", ["/bin/sh", "-c", script], ENVIRONMENT)], log_dir)
    supervisor.tick()
    wait_until((log_dir / "ready").exists)
    pid = supervisor.processes()["deaf"]
    begun = time.monotonic()
    supervisor.stop()
    assert 0.3 <= time.monotonic() - begun < 2
    assert not is_running(pid)
    assert supervisor.processes() == {}


def test_run_stops_on_a_signal_and_gives_the_handlers_back(log_dir: Path) -> None:
    former = signal.getsignal(signal.SIGTERM)
    script = f"kill -TERM {os.getpid()}; exec sleep 300"
    supervisor = Supervisor([ChildSpec("caller", ["/bin/sh", "-c", script], ENVIRONMENT)], log_dir)
    begun = time.monotonic()
    supervisor.run()
    assert time.monotonic() - begun < 5
    assert supervisor.processes() == {}
    assert signal.getsignal(signal.SIGTERM) is former


def test_stop_comes_in_reverse_order_and_ends_the_servers(
    state: StateDir, running: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = running()
    wait_until(lambda: len(list_processes_in(state.root)) > 9)
    process.terminate()
    assert process.wait(15) == 0
    assert (state.root / "stopped").read_text().split() == ["second", "first"]
    assert (tmp_path / "messages").read_text() == "stopped\n"
    assert not list_processes_in(state.root)


# Kills
def test_killed_supervisor_leaves_nothing_and_the_next_start_is_clean(
    state: StateDir, running: Callable[[], subprocess.Popen[bytes]]
) -> None:
    process = running()
    assert len(list_processes_in(state.root)) > 7
    process.kill()
    process.wait()
    wait_until(lambda: not list_processes_in(state.root), 3)
    running().terminate()


def test_killed_servers_are_started_again_with_their_data(
    state: StateDir, running: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    running()
    dsn = (state.keys("owner") / "database-url").read_text()
    redis_url = (state.keys("worker") / "redis-url").read_text()
    with psycopg.connect(dsn) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 7 AS n")
    with redis.from_url(redis_url) as client:
        client.set("kept", "7")
        valkey_pid = int(client.info("server")["process_id"])
    postmaster_pid = int((state.postgres / "postmaster.pid").read_text().split()[0])
    os.kill(valkey_pid, signal.SIGKILL)
    os.kill(postmaster_pid, signal.SIGKILL)

    def read_back() -> bool:
        try:
            with psycopg.connect(dsn) as conn, redis.from_url(redis_url) as client:
                return conn.execute("SELECT n FROM kept").fetchone() == (7,) and client.get("kept") == b"7"
        except (psycopg.OperationalError, redis.ConnectionError):
            return False

    wait_until(read_back, 15)
    messages = (tmp_path / "messages").read_text()
    for name in ("postgres", "valkey"):
        assert any(
            line.startswith(f"{name} ended after") and "killed by SIGKILL" in line
            for line in messages.splitlines()
        )


def test_children_see_only_what_their_spec_names(log_dir: Path) -> None:
    script = "import json, os, sys; json.dump([dict(os.environ), os.getsid(0) == os.getpid()], sys.stdout)"
    spec = ChildSpec(
        "shown", [sys.executable, "-c", script], {**ENVIRONMENT, "LC_CTYPE": "C.UTF-8", "UNDO": "5"}
    )
    supervisor = Supervisor([spec], log_dir)
    supervisor.tick()
    wait_until(lambda: (log_dir / "shown.log").read_text())
    supervisor.stop()
    environment, leads_session = json.loads((log_dir / "shown.log").read_text())
    assert environment == {**ENVIRONMENT, "LC_CTYPE": "C.UTF-8", "UNDO": "5"}
    assert leads_session
