"""The demo: one command, real servers, and a table that follows from what was drawn."""

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes import list_processes_in
from triage.cli.practice.assessors import Assessors
from triage.cli.practice.catalogue import FORTY_FILES, ICONS
from triage.cli.practice.demo import WORLD_FILE
from triage.cli.practice.handing_in import (
    add_persons,
    find_token,
    import_late_list,
    import_lists,
    submit_reports,
    wait_until_captured,
)
from triage.cli.practice.running import run_practice
from triage.cli.practice.scenario import Outcome, PracticeReport, build_scenario
from triage.cli.practice.world import PracticeWorld
from triage.cli.session import find_deployment, open_connection
from triage.rules.states import Lane
from triage.rules.urls import defang, normalise_url
from triage.settings import load_settings
from triage.store.listing import list_items, read_totals

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

KEYS = {
    *("elapsed_s", "reports", "items", "images", "captured", "captures", "refused", "matches", "evidence"),
    *(
        "custody",
        "known_without_look",
        "assessed",
        "looks",
        "notices",
        "referrals",
        "handed_on",
        "closed_removed",
        "unclear",
        "waiting",
    ),
}
POLICE, PARTNER = "Policia e Shtetit (praktikë)", "Nowhere Hotline"
REMOVES, STAYS = "Rrjeti Shembull shpk", "Strehimi Praktikë shpk"
REFUSED = {
    "more than 8 redirects": 1,
    "the address is a link-local network": 1,
    "the address is a private network": 2,
    "the address is this machine": 2,
    "the file is larger than 67108864 bytes": 2,
    "the file unfolds to more than 100 times its size": 1,
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
        timeout=300,
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


def count_page_kinds(reports: list[PracticeReport]) -> dict[str, int]:
    return dict(Counter(report.expect.page_kind for report in reports if report.expect.page_kind))


def find_mails(root: Path) -> dict[str, str]:
    """Return Message-ID → SHA-256 of every file that left."""
    folder = root / "practice" / "outbox"
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_demo_tells_the_whole_story_and_a_second_run_sends_nothing_twice(tmp_path: Path) -> None:
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
    assert numbers["matches"] == {"exact": 4, "near": 8}
    assert numbers["captures"] == {
        "retried": 2,  # one was asked to wait, one had two errors before
        "gave_up": 0,
        "through_exit": 2,  # a page and its picture
        "icons": len(ICONS) + 1,
        "embedded": 1,
        "page_kinds": count_page_kinds(reports),
    }
    assert numbers["custody"]["verified"] is True
    assert numbers["custody"]["events"] > 8 * numbers["items"]
    assert 0 < numbers["elapsed_s"] < 120
    assert numbers["evidence"]["kept"] == 0
    assert numbers["evidence"]["destroyed"] > uploads

    # judged: what is known without a look, what is new by two, the rest by one
    assert numbers["known_without_look"] == 4
    assert numbers["looks"] < numbers["assessed"]
    rows = {report.title: find_rows(shown, report) for report in reports}
    for title in ("known picture", "new picture", "near match", "danger now", "first of two", "gallery"):
        assert all("closed: removed" in row for row in rows[title]), title
        assert all("police PR-" in row and "host NT-" in row for row in rows[title]), title
    for title in ("known video", "animation", "shut to our country"):
        assert all("partner HR-" in row and row.rstrip().endswith("notified") for row in rows[title]), title
    for title in ("known upload", "new video"):
        assert all("closed: referred" in row and "host" not in row for row in rows[title]), title
    for title in (
        "asked to wait",
        "right at the third try",
        "refresh to a page",
        "parked page",
        "login wall",
    ):
        assert all("closed: not_actionable" in row for row in rows[title]), title
    assert all(f"40 pictures, {FORTY_FILES} files" in row for row in rows["forty pictures"])
    assert all("10 pictures, 10 files" in row for row in rows["pictures in every way"])
    for title in ("picture on its side", "late in an animation"):
        assert all("1 near" in row for row in rows[title]), title
    assert all("1 near" in row for row in rows["new picture"])  # by a list that came when it was captured
    (stays,) = rows["redirect chain"]
    assert "reminder(s)" in stays
    assert stays.rstrip().endswith("notified")
    refused = [one for one in reports if one.expect.outcome is Outcome.REFUSED]
    assert all("closed: not_actionable" in row for one in refused for row in rows[one.title])
    assert sum("closed: handed_on" in row for row in shown.rows.values()) == numbers["handed_on"] == 1
    assert numbers["closed_removed"] == sum("closed: removed" in row for row in shown.rows.values())
    assert numbers["unclear"] == 0

    # told: one message each, as a file each
    first = [one for one in numbers["notices"] + numbers["referrals"] if one["part"] == "first"]
    assert {one["to"] for one in first} == {POLICE, PARTNER, REMOVES, STAYS}
    assert {one["state"] for one in first if one["to"] == REMOVES} == {"resolved"}
    assert {one["state"] for one in first if one["to"] == STAYS} == {"sent"}
    assert any(one["part"] == "reminder" and one["to"] == STAYS for one in numbers["notices"])
    mails = find_mails(root)
    assert {one["file"] for one in numbers["notices"] + numbers["referrals"]} <= set(mails)
    assert all(one["file"].endswith(".age") for one in numbers["referrals"] if one["to"] == PARTNER)

    assert "http://" not in "".join(shown.rows.values())
    assert_nothing_is_left(root)
    logs = "".join(path.read_text(errors="replace") for path in (root / "practice" / "logs").iterdir())
    assert "Traceback" not in logs
    assert not re.search(
        r"shembull|praktike\.example|nowhere\.example|prisni|lodhur|parkuar", logs
    )  # ids, never addresses
    assert [path.name for path in (root / "practice" / "intake").iterdir()] == []
    assert_queue_is_left(numbers["waiting"])
    kept = [path for path in (root / "practice" / "evidence").rglob("*") if path.is_file()]
    assert len(kept) == numbers["waiting"]["kept"], "nothing is kept but of what waits"

    again = run_demo(root)
    assert again.numbers["waiting"] == numbers["waiting"]
    told = {(one["ref"], one["part"]) for one in numbers["notices"] + numbers["referrals"]}
    more = [
        one
        for one in again.numbers["notices"] + again.numbers["referrals"]
        if (one["ref"], one["part"]) not in told
    ]
    assert [one for one in more if one["part"] != "reminder"] == []
    assert find_mails(root).items() >= mails.items()
    named = {one["file"] for one in again.numbers["notices"] + again.numbers["referrals"]}
    assert set(mails) <= named, "what left meanwhile is a reminder too"
    assert again.numbers["closed_removed"] == numbers["closed_removed"]
    assert again.numbers["custody"]["verified"] is True


def assert_queue_is_left(waiting: dict) -> None:
    """Something waits in every lane that a report over the API can reach."""
    reached = {lane: number for lane, number in waiting["lanes"].items() if number}
    assert reached == {"danger": 1, "look": 6, "no_look": 1, "second": 1, "lead": 1}
    assert waiting["kept"] > 0


def find_rows(shown: Shown, report: PracticeReport) -> list[str]:
    """Return the rows of a report's items."""
    lines = [
        line
        for number, line in enumerate(report.urls, start=1)
        if number not in report.expect.unreadable_lines
    ]
    shorts = [describe_short(line) for line in lines] or [name for name, _ in report.files] or ["a text"]
    return [row for row in shown.rows.values() if any(short in row for short in shorts)]


def describe_short(line: str) -> str:
    text = defang(normalise_url(line).url)
    return text if len(text) <= 46 else text[:45] + "…"


def test_another_picture_takes_another_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written down beforehand: pictures drawn anew are found by what they are, through the same servers."""
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "state"))
    settings = load_settings()
    deployment = find_deployment(settings, practice=True)
    drawn_anew = {"known-exact": 77, "near-served": 78}
    words = tuple(f"{name}={seed}" for name, seed in drawn_anew.items())
    with run_practice(settings, replace=words) as running:
        world = PracticeWorld(deployment.state.root / WORLD_FILE)
        with contextlib.closing(Assessors(running.staff, world)) as assessors:
            for name, link in add_persons(world).items():
                assessors.join(name, link)
            import_lists(1)
        submit_reports(running.base, find_token(world), build_scenario(1, drawn_anew))
        wait_until_captured(deployment)
        import_late_list(deployment, 1)
        with open_connection(deployment, "staff") as conn:
            totals = read_totals(conn)
            items = {item.url: item for item in list_items(conn) if item.url}
    assert (totals.exact, totals.near) == (3, 6)
    (known_no_more,) = (item for url, item in items.items() if "known-exac" in url)
    assert known_no_more.lane is Lane.LOOK
    assert_nothing_is_left(deployment.state.root)


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
