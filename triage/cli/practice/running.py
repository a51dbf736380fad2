"""Run the practice site and the practice deployment as children, and stop both at the end."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

import httpx2

from triage.cli.practice import serve
from triage.cli.practice.verdicts import ABROAD
from triage.errors import ServerUnavailableError
from triage.settings import Settings

READY_WITHIN_S = 60.0
PRACTICE_TIMES = {
    "RETRY_WAITS": "0.5,1",
    "UNDO": "1",
    "ONLINE_CHECK_EVERY": "1",
    "REMOVED_CHECK_EVERY": "0.5",
    "SEND_WAITS": "0.5,1,2",
    "REMINDER_AFTER": "2,5",
    "POLICE_WAIT_MAX": "30",
    "SECOND_LOOK_SHARE": "0",
    "HOST_PACE": "0.01",
    "HOST_BURST": "50",
}
"""What takes hours in a live deployment takes seconds here; only a practice database allows it."""


def find_ports(number: int) -> list[int]:
    """Return free TCP ports of 127.0.0.1, all different.

    They lie below those that the system gives to whoever asks for any, so that no program beside this one is given
    them before the server that they are for is up.
    """
    first_given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("utf-8").split()[0])
    dice = SystemRandom()  # tests seed the other one alike in all their processes
    ports: set[int] = set()
    while len(ports) < number:
        port = dice.randrange(10_000, max(first_given, 20_000))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            ports.add(port)
    return list(ports)


def read_line(process: subprocess.Popen[str], what: str) -> str:
    """Return the next line that a child prints.

    Raises:
        ServerUnavailableError: it ended instead.
    """
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        code = process.wait(timeout=30)
        raise ServerUnavailableError(f"{what} did not start (exit code {code}).")
    return line.strip()


@contextlib.contextmanager
def run_child(what: str, argv: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a Python module as a child, and stop it at the end.

    Args:
        what: its name, for people.
        argv: the module and its arguments.
        env: its whole environment.
    """
    process = subprocess.Popen(
        [sys.executable, "-B", "-m", *argv],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=env,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            print(f"hotline: {what} had to be killed", file=sys.stderr)
        if process.stdout is not None:
            process.stdout.close()


def wait_for_web(base: str) -> None:
    """Wait until a web surface answers.

    Raises:
        ServerUnavailableError: it does not in time.
    """
    deadline = time.monotonic() + READY_WITHIN_S
    # One client for all tries: each new one would read all certificate authorities of this machine.
    with httpx2.Client(timeout=2, trust_env=False) as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx2.TransportError):
                if client.get(f"{base}/healthz").status_code == 200:
                    return
            time.sleep(0.05)
    raise ServerUnavailableError("The public surface did not answer in time; see its log.")


@dataclass(frozen=True, slots=True)
class Running:
    """A practice deployment that runs: where its two surfaces and the practice site answer, and its process."""

    base: str
    staff: str
    site: str
    process: subprocess.Popen[str]


@contextlib.contextmanager
def run_practice(
    settings: Settings, *, seed: int = 1, replace: tuple[str, ...] = (), any_port: bool = True
) -> Iterator[Running]:
    """Run the practice site and the practice deployment, and stop both at the end.

    Args:
        seed: seed of the practice world.
        replace: NAME=SEED of pictures to draw anew.
        any_port: take free ports instead of PUBLIC_PORT and STAFF_PORT.

    Raises:
        ServerUnavailableError: one of them does not start.
    """
    ports = find_ports(2) if any_port else (settings.public_port, settings.staff_port)
    env = {
        **os.environ,
        "PUBLIC_PORT": str(ports[0]),
        "STAFF_PORT": str(ports[1]),
        **PRACTICE_TIMES,
    }
    site_words = ["triage.cli.practice.site", "--seed", str(seed)]
    site_words += [word for name in replace for word in ("--replace", name)]
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(run_child("the practice site", site_words, dict(os.environ)))
        ports_of_site = json.loads(read_line(site, "The practice site"))
        site_port = ports_of_site["port"]
        env["FETCH_EXITS"] = f"{ABROAD}=socks5://127.0.0.1:{ports_of_site['exit_port']}"
        serve_words = [
            "triage.cli.practice.serve",
            "--site-port",
            str(site_port),
            "--parent",
            str(os.getpid()),
        ]
        served = stack.enter_context(run_child("the practice deployment", serve_words, env))
        while read_line(served, "The practice deployment") != serve.READY:
            pass
        base = f"http://localhost:{ports[0]}"
        wait_for_web(base)
        staff = f"http://localhost:{ports[1]}"
        wait_for_web(staff)
        yield Running(base, staff, f"http://127.0.0.1:{site_port}", served)
