"""The queue that the demo leaves: items that wait in every lane that anything of it can reach, stable over runs.

1. Hand in reports of hosts that stand for nothing else; wait until they are captured.
2. Scripted persons begin some: one waits for a second assessor, one for a lead, one was left with a note, one is open.
3. One has waited for longer than it should: its report is dated back, which only a practice database allows.

Drawings only. A second run hands in the same reports again, which changes nothing, and begins nothing twice.
"""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from triage.cli.practice.assessors import Assessors
from triage.cli.practice.handing_in import submit_reports, wait_until_captured
from triage.cli.practice.scenario import PracticeReport
from triage.cli.practice.verdicts import Plan
from triage.cli.practice.waiting_pages import (
    ALBUM_ADDRESS,
    HALF_ADDRESS,
    WAITING_HOSTS,
    find_address,
)
from triage.cli.session import Deployment, open_connection
from triage.clock import utcnow
from triage.errors import ServerUnavailableError
from triage.rules.states import Lane
from triage.store.home import count_lanes
from triage.store.listing import ListedItem, list_items, read_totals
from triage.store.outcomes import count_outcomes
from triage.store.practice import date_back

LATE = timedelta(hours=30)
_GONE_WITHIN_S = 30.0


def is_left_waiting(item: ListedItem) -> bool:
    """Whether an item belongs to the queue that the demo leaves, and not to its story."""
    return item.url is not None and urlsplit(item.url).hostname in WAITING_HOSTS


def list_waiting_reports() -> list[PracticeReport]:
    """Return the reports, in the order in which they are sent."""
    often = "Praktikë: e pashë edhe unë këtë faqe."
    reports = [
        ("late", "Praktikë: ky raportim ka pritur gjatë."),
        ("second", ""),
        ("lead", ""),
        ("held", ""),
        ("often", "Praktikë: një faqe që e raportojnë shumë vetë."),
        ("often", often),
        ("often", often),
        ("often", often),
        ("near", "Praktikë: e ngjashme me një pamje të listuar."),
        ("known", ""),
        ("danger", "Praktikë: raportuesi thotë se një fëmijë është në rrezik tani."),
    ]
    lines = [(find_address(name), note, name == "danger") for name, note in reports]
    lines += [
        (ALBUM_ADDRESS, "Praktikë: dymbëdhjetë pamje në një faqe.", False),
        (HALF_ADDRESS, "", False),
    ]
    return [
        PracticeReport(
            f"waits {number}", (url,), note=note, danger=danger, idempotency_key=f"practice-queue-{number:02}"
        )
        for number, (url, note, danger) in enumerate(lines, start=1)
    ]


def leave_queue(deployment: Deployment, assessors: Assessors, *, base: str, token: str) -> dict[str, Any]:
    """Hand in what waits, begin some of it, and return how much waits by lane and what is kept of it.

    Args:
        base: address of the public surface.
        token: of the practice reporter.

    Raises:
        HotlineError: something did not go as it should.
    """
    submit_reports(base, token, list_waiting_reports())
    wait_until_captured(deployment)
    found = _find_items(deployment)
    _begin(assessors, found)
    with open_connection(deployment, "owner") as conn:
        date_back(conn, found[find_address("late")].id, LATE, now=utcnow())
        conn.commit()
    return _count_when_quiet(deployment)


def _begin(assessors: Assessors, found: Mapping[str, ListedItem]) -> None:
    """Let the scripted persons do what they did not do in a run before."""

    def waits_in_look(url: str) -> UUID | None:
        return found[url].id if found[url].lane is Lane.LOOK else None

    if item_id := waits_in_look(find_address("second")):
        assessors.judge_first(item_id, Plan((1, 1)))
    if item_id := waits_in_look(find_address("lead")):
        assessors.judge_first(item_id, Plan((6,)))
    assessors.leave_begun(found[HALF_ADDRESS].id)
    assessors.hold(found[find_address("held")].id)


def _find_items(deployment: Deployment) -> dict[str, ListedItem]:
    with open_connection(deployment, "staff") as conn:
        return {item.url: item for item in list_items(conn) if item.url and is_left_waiting(item)}


def _count_when_quiet(deployment: Deployment) -> dict[str, Any]:
    """Return what waits once nothing is kept of what was settled on the way."""
    deadline = time.monotonic() + _GONE_WITHIN_S
    while True:
        with open_connection(deployment, "staff") as conn:
            lanes, kept = count_lanes(conn), read_totals(conn).kept
            if count_outcomes(conn).kept_of_settled == 0:
                return {"lanes": {lane.value: number for lane, number in lanes.items()}, "kept": kept}
        if time.monotonic() > deadline:
            raise ServerUnavailableError("Views of what was settled in the practice queue are still kept.")
        time.sleep(0.2)
