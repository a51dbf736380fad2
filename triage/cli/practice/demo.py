"""`hotline demo`: real reports through real servers into the review queue, with drawn pictures only.

1. Start the practice site and the practice deployment as children.
2. Set it up by the public commands: persons, a token, two hash lists, trust in one of them.
3. Submit the practice reports over the HTTP API.
4. Wait until every item waits for a person (or is closed), then print what came in and why it waits.

Without `--once` everything stays up and the addresses are printed.
"""

import argparse
import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import httpx2

from triage.cli.__main__ import main as run_command
from triage.cli.item import describe_item
from triage.cli.practice import serve
from triage.cli.practice.hash_lists import write_hash_lists
from triage.cli.practice.scenario import PracticeReport, build_scenario
from triage.cli.session import Deployment, find_deployment, open_connection, print_table
from triage.errors import ServerUnavailableError, SettingsError
from triage.settings import Settings
from triage.store.custody import verify
from triage.store.listing import count_refusals, list_items, read_totals

READY_WITHIN_S = 60.0
SETTLED_WITHIN_S = 180.0
PRACTICE_WAITS = "0.5,1"
PERSONS = (("Praktikë Lead", "lead"), ("Praktikë Analyst", "analyst"))


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("demo", help="practice: real servers, drawn pictures")
    parser.add_argument("--once", action="store_true", help="stop when every item waits for a person")
    parser.add_argument("--json", metavar="OUT", type=Path, help="write the numbers to this file")
    parser.add_argument("--seed", type=int, default=1, help="seed of the practice world")
    parser.add_argument(
        "--replace", action="append", default=[], metavar="NAME=SEED", help="draw one picture of it anew"
    )
    parser.set_defaults(run=run)


@dataclass(frozen=True, slots=True)
class Submitted:
    """How many reports were taken, and the receipts."""

    reports: int
    unreadable: int


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _read_line(process: subprocess.Popen[str], what: str) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        code = process.wait(timeout=30)
        raise ServerUnavailableError(f"{what} did not start (exit code {code}).")
    return line.strip()


@contextlib.contextmanager
def _child(what: str, argv: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
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


def _command(*words: str) -> dict[str, Any]:
    """Run one public command with `--json` and return what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = run_command([*words, "--practice", "--json"])
    if code != 0:
        raise SettingsError(f"`hotline {' '.join(words[:2])}` failed; the reason stands above.")
    found: dict[str, Any] = json.loads(printed.getvalue().splitlines()[-1])
    return found


def set_up(seed: int) -> str:
    """Make persons, hash sets, trust and a token by the public commands; return the token."""
    for name, role in PERSONS:
        with contextlib.suppress(SettingsError), contextlib.redirect_stderr(io.StringIO()):
            _command("user", "add", name, "--role", role)  # there already when the demo ran before
    with tempfile.TemporaryDirectory(prefix="hotline-practice-") as folder:
        for listed in write_hash_lists(Path(folder), seed):
            _command(
                "hashset", "import", listed.name, str(listed.path), "--format", "csv",
                "--provider", listed.provider, "--licence", listed.licence, "--region", listed.region,
            )  # fmt: skip
            for entry_class in listed.trusted_classes:
                for name, _ in PERSONS:
                    with contextlib.suppress(SettingsError), contextlib.redirect_stderr(io.StringIO()):
                        _command(
                            "hashset", "trust", listed.name, entry_class.value,
                            "--by", name, "--reason", "practice: drawn pictures only",
                        )  # fmt: skip
    token = _command("token", "add", f"practice {os.getpid()} {time.time_ns()}", "--scope", "intake")["token"]
    return str(token)


def submit_reports(base: str, token: str, reports: list[PracticeReport]) -> Submitted:
    """Send the reports over the HTTP API."""
    unreadable = 0
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as client:
        for report in reports:
            key = {"Idempotency-Key": report.idempotency_key} if report.idempotency_key else {}
            if report.files:
                answer = client.post(
                    "/api/v1/reports",
                    headers=key,
                    data={
                        "urls": "\n".join(report.urls),
                        "remit": report.remit,
                        "note": report.note,
                        "danger": "yes" if report.danger else "no",
                    },
                    files=[("file", (name, data, "application/octet-stream")) for name, data in report.files],
                )
            else:
                answer = client.post(
                    "/api/v1/reports",
                    headers=key,
                    json={
                        "urls": list(report.urls),
                        "remit": report.remit,
                        "note": report.note,
                        "danger": report.danger,
                    },
                )
            if answer.status_code != 201:
                raise ServerUnavailableError(
                    f"The API refused the practice report {report.title!r}: {answer.json().get('error')}"
                )
            unreadable += len(answer.json()["unreadable"])
    return Submitted(len(reports), unreadable)


def _wait_for_web(base: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{base}/healthz", timeout=2, trust_env=False).status_code == 200:
                return
        time.sleep(0.05)
    raise ServerUnavailableError("The public surface did not answer in time; see its log.")


def wait_until_settled(deployment: Deployment, within_s: float = SETTLED_WITHIN_S) -> None:
    """Wait until no item is waiting for a machine.

    Raises:
        ServerUnavailableError: some still are after that time.
    """
    deadline = time.monotonic() + within_s
    with open_connection(deployment, "staff") as conn:
        while (waiting := read_totals(conn).waiting) > 0:
            conn.rollback()
            if time.monotonic() > deadline:
                raise ServerUnavailableError(
                    f"{waiting} items are still not captured; see the workers' logs."
                )
            time.sleep(0.1)


def print_queue(deployment: Deployment) -> None:
    """Print what came in, what was found and why it waits."""
    with open_connection(deployment, "staff") as conn:
        described = [describe_item(item) for item in list_items(conn)]
    print_table(
        ("item", "what came in", "found", "waits in", "why"),
        [
            (
                item["item"],
                _shorten(item["what"], 46),
                _describe_found(item),
                item["lane"] or item["state"],
                item["reason"],
            )
            for item in described
        ],
    )


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _describe_found(item: dict[str, Any]) -> str:
    parts = []
    if item["children"]:
        parts.append(_count(item["children"], "picture"))
    if item["images"]:
        parts.append(_count(item["images"], "file"))
    parts += [f"{count} {kind}" for kind, count in item["matches"].items() if count]
    return ", ".join(parts) or "-"


def collect_numbers(deployment: Deployment, elapsed_s: float) -> dict[str, Any]:
    """Return the numbers of the demo."""
    with open_connection(deployment, "staff") as conn:
        totals = read_totals(conn)
        custody = verify(conn)
        refused = count_refusals(conn)
    return {
        "elapsed_s": round(elapsed_s, 2),
        "reports": totals.reports,
        "items": totals.items,
        "images": totals.images,
        "captured": totals.captured,
        "refused": refused,
        "matches": {"exact": totals.exact, "near": totals.near},
        "evidence": {"kept": totals.kept, "destroyed": totals.destroyed},
        "custody": {"events": custody.events, "verified": not custody.broken},
    }


@dataclass(frozen=True, slots=True)
class Running:
    """A practice deployment that runs: where its public surface answers, and its process."""

    base: str
    staff_port: int
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
    ports = (_find_port(), _find_port()) if any_port else (settings.public_port, settings.staff_port)
    env = {
        **os.environ,
        "PUBLIC_PORT": str(ports[0]),
        "STAFF_PORT": str(ports[1]),
        "RETRY_WAITS": PRACTICE_WAITS,
    }
    site_words = ["triage.cli.practice.site", "--seed", str(seed)]
    site_words += [word for name in replace for word in ("--replace", name)]
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(_child("the practice site", site_words, dict(os.environ)))
        site_port = json.loads(_read_line(site, "The practice site"))["port"]
        serve_words = [
            "triage.cli.practice.serve",
            "--site-port",
            str(site_port),
            "--parent",
            str(os.getpid()),
        ]
        served = stack.enter_context(_child("the practice deployment", serve_words, env))
        while _read_line(served, "The practice deployment") != serve.READY:
            pass
        base = f"http://localhost:{ports[0]}"
        _wait_for_web(base)
        yield Running(base, ports[1], served)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run the demo; 1 when the chain of custody does not hold.

    Raises:
        HotlineError: it cannot start or did not end in time.
    """
    started = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    reports = build_scenario(args.seed, _read_replacements(args.replace))
    deployment = find_deployment(settings, practice=True)
    practice = run_practice(settings, seed=args.seed, replace=tuple(args.replace), any_port=bool(args.once))
    with practice as running:
        submit_reports(running.base, set_up(args.seed), reports)
        wait_until_settled(deployment)
        elapsed_s = time.monotonic() - started
        print_queue(deployment)
        numbers = collect_numbers(deployment, elapsed_s)
        print()
        print(json.dumps(numbers, ensure_ascii=False))
        if args.json:
            args.json.write_text(json.dumps(numbers, ensure_ascii=False) + "\n", "utf-8")
        if not args.once:
            print(f"\nPublic form:   {running.base}/")
            print(f"Staff console: http://localhost:{running.staff_port}/healthz")
            print("Press Ctrl+C to stop.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                running.process.wait()
    return 0 if numbers["custody"]["verified"] else 1


def _read_replacements(words: list[str]) -> dict[str, int]:
    replaced = {}
    for word in words:
        name, _, seed = word.partition("=")
        if not seed.lstrip("-").isdigit():
            raise SettingsError("--replace takes NAME=SEED, such as known-exact=77.")
        replaced[name] = int(seed)
    return replaced
