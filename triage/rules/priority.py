"""The score of an item: 0 to 100, the sum of its parts, which are shown as words beside it.

| part | points |
|---|---|
| danger: a child may be at risk now | 40, and never less than 90 in all |
| new: a picture that no list has, neither exactly nor nearly, and that nobody settled | 25 |
| flag: a list says contact abuse, an infant, violence or its gravest class | 10 |
| words: the note of a report speaks of violence, an infant or a live broadcast | 5 |
| reports: of the same address | 5 · log2(number), at most 15 |
| albania: hosted or registered in Albania | 10 |
| age: against its clock | 1 for each tenth that is over, at most 10 |

Anybody can write a note: its words count once, less than the word of any list, and never bring an item to where
danger stands. Who may be the second assessor sees a score without what the first one said: see `Score.blind_total`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from triage.rules.clocks import PROMISED, choose_clock
from triage.rules.flags import Flag

HIGHEST = 100
DANGER_FLOOR = 90
STEPS = 10
"""Steps in which an item ages."""
_MOST_FOR_REPORTS = 15


class Part(StrEnum):
    """Why an item stands where it stands; danger_said: an assessor said so, and no report."""

    DANGER = "danger"
    DANGER_SAID = "danger_said"
    NEW = "new"
    FLAG = "flag"
    WORDS = "words"
    REPORTS = "reports"
    ALBANIA = "albania"
    AGE = "age"


POINTS: dict[Part, int] = {
    Part.DANGER: 40,
    Part.DANGER_SAID: 40,
    Part.NEW: 25,
    Part.FLAG: 10,
    Part.WORDS: 5,
    Part.ALBANIA: 10,
}
"""Part → points, of those that are there or not."""

COUNTED_OF_LISTS = frozenset({Flag.CONTACT, Flag.INFANT, Flag.VIOLENCE, Flag.GRAVEST})
"""What a list may say that brings an item forward."""

COUNTED_OF_NOTES = frozenset({Flag.INFANT, Flag.VIOLENCE, Flag.LIVE})
"""What a report's note may speak of that brings an item forward."""


@dataclass(frozen=True, slots=True)
class ScoreFacts:
    """What of an item counts.

    Attributes:
        is_danger: a child may be at risk, whoever said so.
        is_danger_reported: a report says so.
        is_new: it shows a picture that no list has and nobody settled.
        is_flagged: a list says one of COUNTED_OF_LISTS of a picture of it.
        is_written_of: the note of a report that is not low speaks of one of COUNTED_OF_NOTES.
        reports: how many, at least 0.
        is_albanian: hosted in Albania, or its name is registered there.
        is_partner: a partner hotline sent it.
        since: when its clock began.
    """

    is_danger: bool
    is_danger_reported: bool
    is_new: bool
    is_flagged: bool
    is_written_of: bool
    reports: int
    is_albanian: bool
    is_partner: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its parts.

    Attributes:
        parts: only those that count; points of each.
        total: 0–100.
        blind_total: 0–100, without all that follows from what an assessor said.
        next_at: when it grows by age alone; None: it does not any more.
    """

    parts: Mapping[Part, int]
    total: int
    blind_total: int
    next_at: datetime | None


def score_item(facts: ScoreFacts, *, now: datetime) -> Score:
    """Return the score of an item."""
    parts = _find_parts(facts, is_danger=facts.is_danger, now=now)
    blind = _find_parts(facts, is_danger=facts.is_danger_reported, now=now)
    steps = [
        _find_next_step(facts, is_danger=is_danger, now=now)
        for is_danger in {facts.is_danger, facts.is_danger_reported}
    ]
    return Score(
        parts, _add_up(parts), _add_up(blind), min((step for step in steps if step is not None), default=None)
    )


def is_registered_in_albania(host: str | None) -> bool:
    """Whether the name of a host lies below the country's own domain."""
    return host is not None and host.endswith(".al")


def _find_parts(facts: ScoreFacts, *, is_danger: bool, now: datetime) -> dict[Part, int]:
    is_there = {
        Part.DANGER: is_danger and facts.is_danger_reported,
        Part.DANGER_SAID: is_danger and not facts.is_danger_reported,
        Part.NEW: facts.is_new,
        Part.FLAG: facts.is_flagged,
        Part.WORDS: facts.is_written_of,
        Part.ALBANIA: facts.is_albanian,
    }
    parts = {part: POINTS[part] for part, is_one in is_there.items() if is_one}
    if facts.reports > 1:
        parts[Part.REPORTS] = min(_MOST_FOR_REPORTS, math.floor(5 * math.log2(facts.reports)))
    if age := _count_steps(facts, is_danger=is_danger, now=now):
        parts[Part.AGE] = age
    return parts


def _add_up(parts: Mapping[Part, int]) -> int:
    total = sum(parts.values())
    is_danger = Part.DANGER in parts or Part.DANGER_SAID in parts
    return min(HIGHEST, max(total, DANGER_FLOOR) if is_danger else total)


def _find_step(facts: ScoreFacts, *, is_danger: bool) -> timedelta:
    clock = choose_clock(is_danger=is_danger, is_partner=facts.is_partner, is_albanian=facts.is_albanian)
    return PROMISED[clock] / STEPS


def _count_steps(facts: ScoreFacts, *, is_danger: bool, now: datetime) -> int:
    return max(0, min(STEPS, (now - facts.since) // _find_step(facts, is_danger=is_danger)))


def _find_next_step(facts: ScoreFacts, *, is_danger: bool, now: datetime) -> datetime | None:
    done = _count_steps(facts, is_danger=is_danger, now=now)
    return facts.since + _find_step(facts, is_danger=is_danger) * (done + 1) if done < STEPS else None
