"""A practice deployment under load, for measurements: start it, give it pictures, read what its workers took.

Runs the real processes on the embedded servers; every picture comes over HTTP from `capture_site.py` on loopback.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from triage.cli.__main__ import main as run_command
from triage.cli.practice import serve
from triage.cli.practice.handing_in import find_token, wait_until_captured
from triage.cli.practice.networks import PRACTICE_HOSTS
from triage.cli.practice.running import find_ports, read_line, run_child, wait_for_web
from triage.cli.practice.world import PracticeWorld
from triage.cli.session import Deployment, find_deployment
from triage.settings import load_settings

HOST = next(iter(PRACTICE_HOSTS))
_TICKS = os.sysconf("SC_CLK_TCK")
ENVIRONMENT = {"HOST_PACE": "0", "FETCHES_AT_ONCE": "1000", "UNDO": "600", "RETRY_WAITS": "0.5,1"}


@contextlib.contextmanager
def run_site() -> Iterator[int]:
    """Run the picture server and give its port."""
    site = Path(__file__).with_name("capture_site.py")
    with subprocess.Popen(
        [sys.executable, str(site)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield int(process.stdout.readline())
        process.terminate()


@dataclass(frozen=True, slots=True)
class Load:
    """A running deployment that pictures are sent to."""

    deployment: Deployment
    base: str
    token: str
    staff_port: int
    pid: int

    def send(self, paths: list[str]) -> None:
        """Report these paths of the site, all in one report."""
        urls = [f"http://{HOST}{path}" for path in paths]
        with httpx2.Client(base_url=self.base, timeout=60, trust_env=False) as client:
            client.post(
                "/api/v1/reports",
                headers={"Authorization": f"Bearer {self.token}"},
                json={"urls": urls, "remit": "csam"},
            ).raise_for_status()

    def wait(self) -> None:
        """Wait until all is captured."""
        wait_until_captured(self.deployment, within_s=3600)


@contextlib.contextmanager
def run_load(site_port: int, *, workers: int) -> Iterator[Load]:
    """Run a practice deployment of its own with so many workers."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder, contextlib.ExitStack() as stack:
        os.environ.update(ENVIRONMENT, STATE_DIR=folder)
        ports = find_ports(2)
        env = {
            **os.environ,
            "PUBLIC_PORT": str(ports[0]),
            "STAFF_PORT": str(ports[1]),
            "WORKERS": str(workers),
        }
        words = ["triage.cli.practice.serve", "--site-port", str(site_port), "--parent", str(os.getpid())]
        served = stack.enter_context(run_child("the deployment", words, env))
        while read_line(served, "The deployment") != serve.READY:
            pass
        base = f"http://localhost:{ports[0]}"
        wait_for_web(base)
        deployment = find_deployment(load_settings(state_dir=Path(folder)), practice=True)
        token = find_token(PracticeWorld(deployment.state.root / "world.json"))
        yield Load(deployment, base, token, ports[1], served.pid)


def import_known(digests: list[str]) -> None:
    """Import a list of SHA-256 digests into the running deployment and trust it."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False) as file:
        file.write("id,sha256,category\n")
        file.writelines(f"K-{number},{digest},baseline\n" for number, digest in enumerate(digests))
    commands = [
        ["user", "add", "Lead", "--role", "lead"],
        ["user", "add", "Second", "--role", "analyst"],
        ["hashset", "import", "bench", file.name, "--format", "csv", "--provider", "bench", "--licence", "none",
         "--region", "none"],
        ["hashset", "trust", "bench", "baseline", "--by", "Lead", "--reason", "a measurement"],
        ["hashset", "trust", "bench", "baseline", "--by", "Second", "--reason", "a measurement"],
    ]  # fmt: skip
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for words in commands:
            if run_command([*words, "--practice", "--json"]) != 0:
                raise SystemExit(f"hotline {words[0]} {words[1]} failed")
    Path(file.name).unlink()


# What the workers took


@dataclass(frozen=True, slots=True)
class Taken:
    """Processor seconds and resident kibibytes of all workers with their children."""

    cpu_s: float
    rss_kib: int

    def __sub__(self, before: "Taken") -> "Taken":
        return Taken(self.cpu_s - before.cpu_s, self.rss_kib - before.rss_kib)


def find_workers(deployment: int) -> list[int]:
    """Return the process ids of the capture workers of a deployment, given the process that runs it."""
    return sorted(
        pid for pid, words in _read_commands(deployment) if b"workers" in words and b"outbound" not in words
    )


def find_web(deployment: int, surface: str) -> int:
    """Return the process id of one surface of a deployment, given the process that runs it."""
    return next(
        pid for pid, words in _read_commands(deployment) if b"api" in words and surface.encode() in words
    )


def _read_commands(deployment: int) -> Iterator[tuple[int, list[bytes]]]:
    """Yield every process of a deployment with the words of its command."""
    for pid in _find_tree([deployment]):
        with contextlib.suppress(OSError):
            yield pid, Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def _find_tree(pids: list[int]) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    tree, at = list(pids), 0
    while at < len(tree):
        tree += children.get(tree[at], [])
        at += 1
    return tree


def read_taken(pids: list[int]) -> Taken:
    """Return what these workers, their fetchers, zygotes and all ended children took so far."""
    cpu, rss = 0, 0
    for pid in _find_tree(pids):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            cpu += sum(int(fields[place]) for place in (11, 12, 13, 14))
            rss += int(fields[21]) * os.sysconf("SC_PAGESIZE") // 1024
    return Taken(cpu / _TICKS, rss)


@contextlib.contextmanager
def hold_workers(pids: list[int]) -> Iterator[None]:
    """Stop workers for a while, so that nobody else takes what is due."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def write_result(name: str, found: dict[str, object]) -> Path:
    """Keep a result as JSON under `bench/results/`."""
    path = Path(__file__).parent / "results" / f"{name}.json"
    path.write_text(json.dumps(found, indent=2) + "\n")
    return path


def measure_s(act) -> float:
    """Return how many seconds one call takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun
