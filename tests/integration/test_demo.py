"""The demo: one command, real servers, and a table that follows from what was drawn."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes import list_processes_in
from triage.cli.practice.scenario import Matched, Outcome, PracticeReport, build_scenario

KEYS = {"elapsed_s", "reports", "items", "images", "captured", "refused", "matches", "evidence", "custody"}
REFUSED = {
    "more than 8 redirects": 1,
    "the address is a link-local network": 1,
    "the address is a private network": 2,
    "the address is this machine": 2,
    "the file is larger than 67108864 bytes": 2,
    "the file is larger than 67108864 bytes when decompressed": 1,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a demo printed and wrote."""

    numbers: dict
    rows: dict[str, str]
    text: str

    def find_row(self, what: str) -> str:
        (row,) = (row for row in self.rows.values() if what in row)
        return row


def run_demo(root: Path, *words: str) -> Shown:
    """Run `hotline demo --once` in an empty state directory; nothing of it is left running."""
    out = root.with_name(f"{root.name}.json")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-B", "-m", "triage.cli", "demo", "--once", "--json", str(out), *words],
        env={**environment, "STATE_DIR": str(root), "TMPDIR": str(root.parent)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    numbers = json.loads(out.read_text())
    assert json.loads(lines[-1]) == numbers
    rows = {line.split()[0]: line for line in lines if line.startswith("IS-")}
    return Shown(numbers, rows, done.stdout)


def assert_nothing_is_left(root: Path) -> None:
    assert list_processes_in(root) == []
    marked = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if os.fsencode(root) in told:
                marked.append(entry.name)
    assert marked == []
    assert [path for path in root.parent.rglob("*") if path.is_socket()] == []
    clear = [path for path in root.parent.iterdir() if path.name.startswith("hotline-")]
    assert clear == []


def count_top_level(reports: list[PracticeReport]) -> int:
    return sum(report.expect.items for report in reports if report.expect.shared_with is None)


def test_the_demo_shows_what_its_scenario_says_and_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "state"
    reports = build_scenario(1)
    shown = run_demo(root)
    numbers = shown.numbers
    uploads = sum(len(report.files) for report in reports)
    assert set(numbers) == KEYS
    assert (len(reports) >= 12, uploads >= 2) == (True, True)
    assert numbers["reports"] == len(reports)
    assert len(shown.rows) == count_top_level(reports)
    assert numbers["items"] > len(shown.rows)  # pictures of pages are items too
    assert numbers["refused"] == REFUSED
    assert numbers["matches"]["exact"] == 4
    assert numbers["matches"]["near"] == 5
    assert numbers["evidence"]["destroyed"] == uploads
    assert numbers["evidence"]["kept"] % 4 == 0
    assert numbers["evidence"]["kept"] > 0
    assert numbers["custody"]["verified"] is True
    assert numbers["custody"]["events"] > 2 * numbers["items"]
    assert 0 < numbers["elapsed_s"] < 120
    expected = {
        "no_look": [
            one for one in reports if one.expect.matched is Matched.KNOWN and not one.expect.min_children
        ],
        "hand_on": [one for one in reports if one.expect.state == "awaiting_hand_on"],
        "danger": [one for one in reports if one.danger],
    }
    for lane, ones in expected.items():
        assert sum(f"  {lane}  " in row for row in shown.rows.values()) == len(ones), lane
    refused = [one for one in reports if one.expect.outcome is Outcome.REFUSED]
    assert sum("refused: " in row for row in shown.rows.values()) == len(refused)
    assert len([row for row in shown.rows.values() if " received " in row]) == 0
    assert "http://" not in "".join(shown.rows.values())
    assert_nothing_is_left(root)
    logs = "".join(path.read_text(errors="replace") for path in (root / "practice" / "logs").iterdir())
    assert "Traceback" not in logs
    assert not re.search(r"shembull|praktike\.example|nowhere\.example", logs)  # ids, never addresses
    assert [path.name for path in (root / "practice" / "intake").iterdir()] == []


def test_another_picture_gives_another_table(tmp_path: Path) -> None:
    root = tmp_path / "state"
    shown = run_demo(root, "--replace", "known-exact=77", "--replace", "near-served=78")
    assert shown.numbers["matches"]["exact"] == 3
    assert shown.numbers["matches"]["near"] < 5
    assert "new picture" in shown.find_row("known-exac")
    assert "new picture" in shown.find_row("near-serve")
    assert "no_look" not in shown.find_row("known-exac")
    assert shown.numbers["evidence"]["kept"] == 76 + 4
    assert_nothing_is_left(root)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--replace", "known-exact"], "--replace takes NAME=SEED"),
        (["--replace", "nobody=7"], "no practice file is called nobody"),
    ],
)
def test_a_wrong_replacement_is_one_line(tmp_path: Path, words: list[str], said: str) -> None:
    root = tmp_path / "state"
    done = subprocess.run(
        [sys.executable, "-B", "-m", "triage.cli", "demo", "--once", *words],
        env={"PATH": os.defpath, "STATE_DIR": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert list_processes_in(tmp_path) == []
