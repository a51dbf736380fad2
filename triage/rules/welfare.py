"""What a person saw, day by day, and what all saw together: for their welfare, never as a measure of speed.

No figure here ranks anybody, and a day on which one person looked says nothing of its own in the sums of all; whoever
reads the sums and looked too could take away their own share, so they do not count among who hides whom.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from triage.rules.exposure import Exposure, ExposurePolicy, Tally, find_caps, measure_lane
from triage.rules.look_time import find_day, measure, merge_spans, split_stretches

DAYS = 7
"""How many local days are shown, today among them."""

LEAST_PEOPLE = 2
"""Days on which fewer people looked, besides who reads the sums, are not shown: they would be one person's figures."""


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One local day of one person.

    Attributes:
        seconds: that pictures were shown.
        lane_s: in the look lane.
        skipped_breaks: how often the person stayed there for a break's length after one was due.
        is_soft, is_hard: whether they reached a cap.
    """

    day: date
    looks: int
    seconds: int
    lane_s: int
    skipped_breaks: int
    is_soft: bool
    is_hard: bool


@dataclass(frozen=True, slots=True)
class DayTotals:
    """One local day of everybody.

    Attributes:
        others: how many looked, without who reads the sums.
        looks, seconds, skipped_breaks: of everybody.
        soft, hard: how many of everybody reached a cap.
        avoided: known pictures that were confirmed without a look.
    """

    day: date
    others: int
    looks: int
    seconds: int
    skipped_breaks: int
    soft: int
    hard: int
    avoided: int

    @property
    def is_shown(self) -> bool:
        """Whether enough others looked for the sums to be nobody's own."""
        return self.others >= LEAST_PEOPLE


def list_days(now: datetime) -> list[date]:
    """Return the local days that are shown, newest first."""
    today = find_day(now)
    return [today - timedelta(days=ago) for ago in range(DAYS)]


def figure_days(exposure: Exposure, policy: ExposurePolicy, *, now: datetime) -> list[DayFigures]:
    """Return the days of one person, newest first.

    Args:
        exposure: what is known of them since the first of these days.
    """
    merged = merge_spans(exposure.spans, until=now)
    longest = policy.break_after_s + policy.break_s
    skipped = [
        find_day(stretch[0].begins_at)
        for stretch in split_stretches(merged, policy.break_s)
        if measure(stretch) >= longest
    ]
    days = []
    for day in list_days(now):
        tally = exposure.tallies.get(day, Tally())
        lane_s, caps = measure_lane(exposure, merged, day), find_caps(exposure, policy, day)
        days.append(
            DayFigures(
                day=day,
                looks=tally.looks,
                seconds=int(tally.seconds),
                lane_s=int(lane_s),
                skipped_breaks=skipped.count(day),
                is_soft=caps.is_soft(lane_s, tally.looks),
                is_hard=caps.is_hard(lane_s, tally.looks),
            )
        )
    return days


def add_up(
    people: Mapping[UUID, Sequence[DayFigures]], avoided: Mapping[date, int], *, reader_id: UUID
) -> list[DayTotals]:
    """Return the days of everybody, newest first.

    Args:
        people: what `figure_days` says of each.
        reader_id: who reads the sums; their figures are added up too, but hide nobody's.
        avoided: local day → known pictures that were confirmed without a look.
    """
    totals = []
    for figures in zip(*people.values(), strict=True):
        by_person = zip(people, figures, strict=True)
        seen = {person_id: one for person_id, one in by_person if one.looks or one.lane_s}
        totals.append(
            DayTotals(
                day=figures[0].day,
                others=len(seen.keys() - {reader_id}),
                looks=sum(one.looks for one in seen.values()),
                seconds=sum(one.seconds for one in seen.values()),
                skipped_breaks=sum(one.skipped_breaks for one in seen.values()),
                soft=sum(one.is_soft for one in seen.values()),
                hard=sum(one.is_hard for one in seen.values()),
                avoided=avoided.get(figures[0].day, 0),
            )
        )
    return totals
