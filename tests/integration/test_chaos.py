"""Chaos: anything is killed with -9 while reports come in, and still nothing is lost or doubled.

A few kills in `make test`, many in `make soak`.
"""

import os
import random
import signal
import time
from pathlib import Path

import httpx2
import pytest

from tests.counts import IS_SOAK
from triage.cli.practice import demo
from triage.cli.practice.scenario import build_scenario
from triage.cli.session import find_deployment, open_connection
from triage.settings import load_settings
from triage.store import checks, custody
from triage.store.listing import list_items, read_totals

KILLS = 40 if IS_SOAK else 4
SHORT = {
    "FETCH_TOTAL": "5",
    "FETCH_CONNECT": "2",
    "DECODE_WALL": "5",
    "JOB_TIMEOUT": "12",
    "CAPTURE_LEASE": "15",
    "RENUDGE_AFTER": "2",
}


def find_descendants(pid):
    """Return the processes below one, whatever their depth."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(after_name[1]), []).append(int(folder.name))
    found, left = [], [pid]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return sorted(found)


def submit_until_taken(client, report, key):
    """Send a report as a patient machine does: again with the same key until it is taken."""
    form = {"urls": "\n".join(report.urls), "remit": report.remit, "note": report.note}
    files = [("file", (name, data, "application/octet-stream")) for name, data in report.files]
    files = files or [("file", ("", b"", "application/octet-stream"))]
    for _ in range(400):
        try:
            answer = client.post("/api/v1/reports", data=form, files=files, headers={"Idempotency-Key": key})
            if answer.status_code == 201:
                return answer.json()["receipt"]
            assert answer.status_code >= 500, answer.text
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the report was never taken")


@pytest.mark.timeout(1800)
def test_kills_at_random_lose_nothing_and_double_nothing(tmp_path, monkeypatch):
    for name, value in SHORT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "state"))
    seed = int(os.environ.get("HOTLINE_CHAOS_SEED", "7"))
    dice = random.Random(seed)
    settings = load_settings()
    reports = build_scenario()
    deployment = find_deployment(settings, practice=True)
    with demo.run_practice(settings) as running:
        token = demo.set_up(1)
        headers = {"Authorization": f"Bearer {token}"}
        receipts = set()
        with httpx2.Client(base_url=running.base, headers=headers, timeout=30, trust_env=False) as client:
            kill_before = sorted(dice.choices(range(len(reports)), k=KILLS))
            for number, report in enumerate(reports):
                for _ in range(kill_before.count(number)):
                    victims = find_descendants(running.process.pid)
                    if victims:
                        os.kill(dice.choice(victims), signal.SIGKILL)
                    time.sleep(dice.random() * 0.5)
                receipts.add(submit_until_taken(client, report, f"chaos-{number}"))
        demo.wait_until_settled(deployment, within_s=150 + 10 * KILLS)
        with open_connection(deployment, "staff") as conn:
            totals = read_totals(conn)
            listed = list_items(conn, top_level_only=False)
            assert checks.find_violations(conn) == []
            assert custody.verify(conn).broken == ()
    assert totals.reports == len(reports) == len(receipts)
    assert all(item.lane is not None for item in listed)
    addresses = [item.url for item in listed if item.url]
    assert len(addresses) == len(set(addresses))
