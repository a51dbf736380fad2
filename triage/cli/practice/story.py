"""The practice story: from reports in the queue to notices sent, material removed and items closed.

1. Have captured again, through another way out, what was shut to us.
2. Judge everything that waits: known without a look, new by one or two, disputes by a lead.
3. Until all is where its plan ends: lift holds, decide hosting, hand on; one operator removes what it is told of.
4. Print one row an item, and the numbers.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from triage.cli.item import describe_what
from triage.cli.practice.assessors import Assessors
from triage.cli.practice.operators import PracticeOperator
from triage.cli.practice.scenario import PracticeReport
from triage.cli.practice.verdicts import PLANS, STAYS, Plan
from triage.cli.practice.waiting import is_left_waiting
from triage.cli.session import Deployment, open_connection, print_table
from triage.errors import ServerUnavailableError
from triage.rules.states import ItemKind, ItemState, Lane, SendingKind, SendingPart, SendingState
from triage.rules.urls import normalise_url
from triage.store.capture_counts import count_captures, list_seen_through
from triage.store.custody import verify
from triage.store.listing import ListedItem, count_refusals, list_items, read_totals
from triage.store.outcomes import ListedSending, count_outcomes, list_messages

TOLD_WITHIN_S = 90.0
ROUNDS = 6
LEFT = (SendingState.SENT, SendingState.ACKNOWLEDGED, SendingState.RESOLVED)


@dataclass(frozen=True, slots=True)
class Storyteller:
    """Walks the story of one practice deployment.

    Args:
        plans: item → what is planned for it; the standing plan for all others.
    """

    deployment: Deployment
    assessors: Assessors
    operator: PracticeOperator
    plans: Mapping[UUID, Plan]

    def capture_again(self) -> int:
        """Have captured again what is planned to be seen through a way out and was not yet; return how many items."""
        planned = [(item, self.plans.get(item.id, Plan()).exit_name) for item in self._list()]
        with open_connection(self.deployment, "staff") as conn:
            seen = {name: list_seen_through(conn, name) for _, name in planned if name is not None}
        asked = [
            (item, name)
            for item, name in planned
            if name is not None and _waits_for_word(item) and item.id not in seen[name]
        ]
        for item, name in asked:
            self.assessors.capture_again(item.id, name)
        return len(asked)

    def judge(self) -> None:
        """Let the assessors judge until nothing waits for them.

        Raises:
            ServerUnavailableError: something still waits after as many rounds as it can take.
        """
        for _ in range(ROUNDS):
            waiting = [item for item in self._list() if _waits_for_word(item)]
            if not waiting:
                return
            for item in waiting:
                self._find_word(item)(item.id, self.plans.get(item.id, Plan()))
        raise ServerUnavailableError(f"{len(waiting)} practice items could not be judged.")

    def tell(self, within_s: float = TOLD_WITHIN_S) -> None:
        """Wait until every item is where its plan ends, and do meanwhile what persons and operators do.

        Raises:
            ServerUnavailableError: some item is not there after that time.
        """
        deadline = time.monotonic() + within_s
        while True:
            self.clear()
            left = self.list_unfinished()
            if not left and self.has_left():
                return
            if time.monotonic() > deadline:
                raise ServerUnavailableError(
                    f"The practice story did not end in time; {len(left)} items are not where they should be."
                )
            time.sleep(0.2)

    def clear(self) -> None:
        """Do once what persons and operators do after the judging: holds, hosting, handing on, removing."""
        with open_connection(self.deployment, "staff") as conn:
            states = {item.state for item in list_items(conn)}
        if ItemState.HELD_FOR_POLICE in states:
            self.assessors.lift_holds()
        if ItemState.AWAITING_HAND_ON in states:
            self.assessors.hand_on()
        if ItemState.AWAITING_HOSTING in states:
            self.assessors.decide_hosting()
        for reference in self.operator.remove_what_came():
            self.assessors.record_removal(reference)
            self.operator.note_answered(reference)

    def list_unfinished(self) -> list[str]:
        """Return the references of the items that are not where their plan ends."""
        return [item.reference for item in self._list() if not self._is_at_its_end(item)]

    def _list(self) -> list[ListedItem]:
        with open_connection(self.deployment, "staff") as conn:
            return [item for item in list_items(conn) if not is_left_waiting(item)]

    def _find_word(self, item: ListedItem) -> Callable[[UUID, Plan], None]:
        if item.state is ItemState.AWAITING_LEAD:
            return self.assessors.decide
        return self.assessors.judge_second if item.lane is Lane.SECOND else self.assessors.judge_first

    def _is_at_its_end(self, item: ListedItem) -> bool:
        plan = self.plans.get(item.id, Plan())
        return item.state.value in plan.ends

    def has_left(self) -> bool:
        """Whether every message has left, those who do nothing were reminded, and nothing is kept."""
        with open_connection(self.deployment, "staff") as conn:
            messages = list_messages(conn)
            counts = count_outcomes(conn)
        staying = {item_id for item_id, plan in self.plans.items() if plan.ends == STAYS}
        reminded = {
            item_id
            for one in messages
            if one.part is SendingPart.REMINDER and one.state in LEFT
            for item_id in one.items
        }
        is_waiting = any(one.state in (SendingState.QUEUED, SendingState.SENDING) for one in messages)
        return staying <= reminded and not is_waiting and counts.kept_of_settled == 0


def plan_items(deployment: Deployment, reports: list[PracticeReport]) -> dict[UUID, Plan]:
    """Return what is planned for each item, found by its address or file."""
    named: dict[str, Plan] = {}
    for report in reports:
        if report.title in PLANS:
            for line in report.urls:
                named[normalise_url(line).url] = PLANS[report.title]
    with open_connection(deployment, "staff") as conn:
        items = list_items(conn)
    return {item.id: named[item.url] for item in items if item.url in named}


def _waits_for_word(item: ListedItem) -> bool:
    return item.state in (ItemState.AWAITING_ASSESSMENT, ItemState.AWAITING_LEAD)


# What is printed


def print_story(deployment: Deployment) -> None:
    """Print one row an item: what came in, what was found, who was told, and how it ended."""
    with open_connection(deployment, "staff") as conn:
        items, messages = list_items(conn), list_messages(conn)
    print_table(
        ("item", "what came in", "found", "told", "ended"),
        [
            (
                item.reference,
                _shorten(describe_what(item), 46),
                _describe_found(item),
                _describe_told(item, messages),
                f"{item.state.value}: {item.closed_as.value}" if item.closed_as else item.state.value,
            )
            for item in items
        ],
    )


def _describe_told(item: ListedItem, messages: list[ListedSending]) -> str:
    words = {SendingKind.POLICE: "police", SendingKind.HOTLINE: "partner", SendingKind.NOTICE: "host"}
    told = []
    for kind, word in words.items():
        about = [one for one in messages if one.kind is kind and item.id in one.items and one.state in LEFT]
        if about:
            reminders = sum(one.part is SendingPart.REMINDER for one in about)
            told.append(f"{word} {about[0].reference}" + (f" +{reminders} reminder(s)" if reminders else ""))
    return ", ".join(told) or "-"


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _describe_found(item: ListedItem) -> str:
    parts = []
    if item.children:
        parts.append(_count(item.children, "picture"))
    if item.images:
        parts.append(_count(item.images, "file"))
    parts += [f"{count} {kind}" for kind, count in (("exact", item.exact), ("near", item.near)) if count]
    if not parts and item.kind is ItemKind.URL and item.capture_reason:
        parts.append(_shorten(item.capture_reason, 40))
    return ", ".join(parts) or "-"


def collect_numbers(deployment: Deployment, elapsed_s: float) -> dict[str, Any]:
    """Return the numbers of the demo."""
    with open_connection(deployment, "staff") as conn:
        totals, counts = read_totals(conn), count_outcomes(conn)
        custody, refused = verify(conn), count_refusals(conn)
        messages, captures = list_messages(conn), count_captures(conn)
    return {
        "elapsed_s": round(elapsed_s, 2),
        "reports": totals.reports,
        "items": totals.items,
        "images": totals.images,
        "captured": totals.captured,
        "refused": refused,
        "captures": asdict(captures),
        "matches": {"exact": totals.exact, "near": totals.near},
        "known_without_look": counts.known_without_look,
        "assessed": counts.assessed,
        "looks": counts.looks,
        "notices": [_describe_message(one) for one in messages if one.kind is SendingKind.NOTICE],
        "referrals": [_describe_message(one) for one in messages if one.kind is not SendingKind.NOTICE],
        "handed_on": counts.handed_on,
        "closed_removed": counts.closed_removed,
        "unclear": counts.unclear,
        "evidence": {"kept": totals.kept, "destroyed": totals.destroyed},
        "custody": {"events": custody.events, "verified": not custody.broken},
    }


def _describe_message(message: ListedSending) -> dict[str, str | None]:
    return {
        "ref": message.reference,
        "part": message.part.value,
        "to": message.to,
        "state": message.state.value,
        "file": message.file_name,
    }
