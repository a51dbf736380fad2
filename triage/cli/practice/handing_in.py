"""Set the practice deployment up by its public commands, and hand in the practice reports over its API."""

import contextlib
import io
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from triage.cli.__main__ import main as run_command
from triage.cli.practice.hash_lists import HashListFile, write_hash_lists, write_late_list
from triage.cli.practice.scenario import PracticeReport
from triage.cli.practice.world import PERSONS, PracticeWorld
from triage.cli.session import Deployment, open_connection
from triage.errors import ServerUnavailableError, SettingsError
from triage.store.listing import read_totals
from triage.store.rematches import has_behind

CAPTURED_WITHIN_S = 180.0


@dataclass(frozen=True, slots=True)
class Submitted:
    """How many reports were taken, and the receipts."""

    reports: int
    unreadable: int


def _command(*words: str) -> dict[str, Any]:
    """Run one public command with `--json` and return what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = run_command([*words, "--practice", "--json"])
    if code != 0:
        raise SettingsError(f"`hotline {' '.join(words[:2])}` failed; the reason stands above.")
    found: dict[str, Any] = json.loads(printed.getvalue().splitlines()[-1])
    return found


def add_persons(world: PracticeWorld) -> dict[str, str]:
    """Add the persons by the public command; return the one-time link of each who has not joined yet."""
    links = {}
    for person in world.persons.values():
        if person.secret:
            continue
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                answer = _command("user", "add", person.name, "--role", person.role)
        except SettingsError:  # added by a run that was stopped before they joined
            answer = _command("user", "link", person.name)
        links[person.name] = str(answer["link"])
    return links


def import_lists(seed: int) -> None:
    """Import the practice hash lists, and say by two persons what of them is trusted."""
    with tempfile.TemporaryDirectory(prefix="hotline-practice-") as folder:
        for listed in write_hash_lists(Path(folder), seed):
            _import(listed)
            for entry_class in listed.trusted_classes:
                for name, _ in PERSONS[:2]:
                    with contextlib.suppress(SettingsError), contextlib.redirect_stderr(io.StringIO()):
                        _command(
                            "hashset", "trust", listed.name, entry_class.value,
                            "--by", name, "--reason", "practice: drawn pictures only",
                        )  # fmt: skip


def import_late_list(deployment: Deployment, seed: int, within_s: float = CAPTURED_WITHIN_S) -> None:
    """Import a list that names a picture of before, and wait until all are matched against it.

    Raises:
        ServerUnavailableError: some are not after that time.
    """
    with tempfile.TemporaryDirectory(prefix="hotline-practice-") as folder:
        _import(write_late_list(Path(folder), seed))
    deadline = time.monotonic() + within_s
    with open_connection(deployment, "staff") as conn:
        while has_behind(conn):
            conn.rollback()
            if time.monotonic() > deadline:
                raise ServerUnavailableError("Some pictures are still not matched against the late list.")
            time.sleep(0.1)


def _import(listed: HashListFile) -> None:
    _command(
        "hashset", "import", listed.name, str(listed.path), "--format", "csv",
        "--provider", listed.provider, "--licence", listed.licence, "--region", listed.region,
    )  # fmt: skip


def find_token(world: PracticeWorld) -> str:
    """Return the practice reporter's token; made once, so that a report that is sent again is known as such."""
    if not world.token:
        name = f"practice {os.getpid()} {time.time_ns()}"
        world.token = str(_command("token", "add", name, "--scope", "intake")["token"])
        world.keep()
    return world.token


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


def wait_until_captured(deployment: Deployment, within_s: float = CAPTURED_WITHIN_S) -> None:
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
