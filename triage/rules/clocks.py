"""By when an item should have been dealt with, and how much of that time is left.

A clock is for the hotline, never a target for a person: nothing is counted by who was how quick.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Clock(StrEnum):
    """What is promised: danger: to the police. albanian: to a notice. The others: to an answer."""

    DANGER = "danger"
    ALBANIAN = "albanian"
    PARTNER = "partner"
    OTHER = "other"


PROMISED: dict[Clock, timedelta] = {
    Clock.DANGER: timedelta(hours=1),
    Clock.ALBANIAN: timedelta(hours=4),
    Clock.PARTNER: timedelta(hours=24),
    Clock.OTHER: timedelta(hours=24),
}
"""Clock → the time from the report on."""

SOON_SHARE = 0.25
"""Share of the time from which little is left."""


class Haste(StrEnum):
    """How an item stands against its clock."""

    CALM = "calm"
    SOON = "soon"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """What a clock says now.

    Attributes:
        span: the time that is left, or by how much it is late; never negative.
    """

    clock: Clock
    haste: Haste
    span: timedelta


def choose_clock(*, is_danger: bool, is_partner: bool, is_albanian: bool) -> Clock:
    """Return the clock of an item."""
    if is_danger:
        return Clock.DANGER
    if is_partner:
        return Clock.PARTNER
    return Clock.ALBANIAN if is_albanian else Clock.OTHER


def read_clock(clock: Clock, since: datetime, now: datetime) -> TimeLeft:
    """Return how much of a clock is left.

    Args:
        since: when it began; a clock that was set back since leaves no more than its whole time.
    """
    promised = PROMISED[clock]
    left = min(promised, since + promised - now)
    if left <= timedelta(0):
        return TimeLeft(clock, Haste.LATE, -left)
    return TimeLeft(clock, Haste.SOON if left <= promised * SOON_SHARE else Haste.CALM, left)
