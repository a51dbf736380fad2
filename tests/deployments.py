"""Whole deployments for tests: key folders around a fresh database, single processes of it, and `hotline up`."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.processes import wait_until
from triage.cli.children import spawn_child
from triage.cli.deployment import ROLE_OF_PROCESS, make_specs
from triage.cli.make_keys import make_keys
from triage.cli.practice.running import find_ports
from triage.cli.session import Deployment, find_deployment
from triage.cli.state_dir import StateDir, write_secret
from triage.cli.supervise import ChildSpec
from triage.settings import load_settings

QUEUE_USERS = ("worker", "outbound", "sweep")
NOT_SECRET = frozenset({"intake-recipient", "vault-recipient", "reply-recipient", "evidence-url"})
"""Key files that are public halves or plain addresses."""


def make_deployment(root: Path, dsns: dict[str, str], redis_url: str) -> Deployment:
    """Make a live deployment's folders and key files around a database that runs already.

    Args:
        root: its STATE_DIR.
        dsns: role → address, as the fixture `database` has them.
        redis_url: the queue; give each test a database number of its own (`?db=`).
    """
    deployment = find_deployment(load_settings({}, state_dir=root, workers=1), practice=False)
    state = deployment.state
    state.prepare()
    make_keys(state, evidence_url=None)
    for process, role in ROLE_OF_PROCESS.items():
        write_secret(state.keys(process) / "database-url", dsns[f"hotline_{role}"])
    for process in QUEUE_USERS:
        write_secret(state.keys(process) / "redis-url", redis_url)
    return deployment


def find_spec(deployment: Deployment, name: str, **more: str) -> ChildSpec:
    """Return one process of a deployment as `hotline up` would start it."""
    return next(spec for spec in make_specs(deployment, **more) if spec.name == name)


@contextmanager
def run_spec(
    deployment: Deployment, spec: ChildSpec, *, program: list[str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process as the supervisor would, with another program if one is given; end it after.

    Args:
        program: what Python runs instead of the spec's module, in the same environment.
    """
    argv = [sys.executable, "-B", *program] if program else list(spec.argv)
    process = spawn_child(
        argv, env=spec.env, log_path=deployment.state.logs / f"{spec.name}.log", death_signal=signal.SIGKILL
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def read_log(deployment: Deployment, name: str) -> str:
    """Return the log of one process."""
    path = deployment.state.logs / f"{name}.log"
    return path.read_text() if path.exists() else ""


@dataclass(frozen=True, slots=True)
class RunningUp:
    """A `hotline up` that answers."""

    process: subprocess.Popen[str]
    deployment: Deployment
    environment: dict[str, str]
    public_port: int
    staff_port: int

    @property
    def state(self) -> StateDir:
        return self.deployment.state

    def find_pids(self) -> dict[int, str]:
        """Return process id → command line of the supervisor and all below it."""
        return {pid: read_command(pid) for pid in [self.process.pid, *list_below(self.process.pid)]}

    def find_pid(self, words: str) -> int:
        """Return the process whose command line holds some words."""
        return next(pid for pid, command in self.find_pids().items() if words in command)


def read_command(pid: int) -> str:
    """Return the command line of a process, empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def list_below(pid: int) -> list[int]:
    """Return the ids of all children of a process, and theirs."""
    found = []
    with contextlib.suppress(OSError):  # a process may end while it is asked
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in task.read_text().split():
                found += [int(child), *list_below(int(child))]
    return found


def is_answering(port: int) -> bool:
    """Return whether somebody accepts connections on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def run_up(root: Path, **more: str) -> Iterator[RunningUp]:
    """Run `hotline up` in a state directory until the block is left; both surfaces answer by then.

    Args:
        root: its STATE_DIR.
        more: further environment variables.
    """
    public_port, staff_port = find_ports(2)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "STATE_DIR": str(root),
        "PUBLIC_PORT": str(public_port),
        "STAFF_PORT": str(staff_port),
        "WORKERS": "1",
        **more,
    }
    command = [sys.executable, "-B", "-m", "triage.cli", "up"]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        said = []
        while not (said and said[-1].startswith("Logs:")):
            said.append(process.stdout.readline())
            assert said[-1], "".join(said)
        wait_until(lambda: is_answering(public_port) and is_answering(staff_port), 30)
        deployment = find_deployment(load_settings(environment), practice=False)
        yield RunningUp(process, deployment, environment, public_port, staff_port)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def read_secrets(state: StateDir) -> set[str]:
    """Return every secret that lies in the key files: their texts, and the passwords within addresses."""
    found = set()
    for path in (state.root / "keys").rglob("*"):
        if path.is_file() and path.name not in NOT_SECRET:
            text = path.read_text().strip()
            password = urlsplit(text).password if "://" in text else None
            found |= {text} | ({password, unquote(password)} if password else set())
    return found
