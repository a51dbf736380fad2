"""Days, shifts and stretches: how moments and spans of time make up somebody's day.

A day is the calendar day in Tiranë, from midnight to midnight: 23, 24 or 25 hours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

TIRANE = ZoneInfo("Europe/Tirane")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of time; aware times, the end not taken."""

    begins_at: datetime
    ends_at: datetime


def find_day(moment: datetime) -> date:
    """Return the calendar day in Tiranë."""
    return moment.astimezone(TIRANE).date()


def find_day_span(day: date) -> Span:
    """Return a local day from midnight to midnight: 23, 24 or 25 hours."""
    # In UTC: between two times of one zone Python counts as a clock on the wall does, twice a year an hour too much.
    begins_at, ends_at = (
        datetime.combine(one, time(), tzinfo=TIRANE).astimezone(UTC) for one in (day, day + timedelta(days=1))
    )
    return Span(begins_at, ends_at)


def merge_spans(spans: Iterable[Span], *, until: datetime | None = None) -> list[Span]:
    """Return spans in order, with those that touch made one.

    Args:
        until: where what goes on is cut.
    """
    merged: list[Span] = []
    for span in sorted(spans):
        ends_at = span.ends_at if until is None else min(span.ends_at, until)
        if ends_at <= span.begins_at:
            continue
        if merged and span.begins_at <= merged[-1].ends_at:
            merged[-1] = Span(merged[-1].begins_at, max(merged[-1].ends_at, ends_at))
        else:
            merged.append(Span(span.begins_at, ends_at))
    return merged


def sum_within(merged: Iterable[Span], whole: Span) -> float:
    """Return how many seconds of merged spans lie within another one."""
    return sum(
        max(0.0, (min(one.ends_at, whole.ends_at) - max(one.begins_at, whole.begins_at)).total_seconds())
        for one in merged
    )


def split_stretches(merged: Iterable[Span], break_s: float) -> list[list[Span]]:
    """Return merged spans in stretches without a pause of a break's length."""
    stretches: list[list[Span]] = []
    for span in merged:
        if stretches and (span.begins_at - stretches[-1][-1].ends_at).total_seconds() < break_s:
            stretches[-1].append(span)
        else:
            stretches.append([span])
    return stretches


def measure(stretch: Iterable[Span]) -> float:
    """Return the seconds of merged spans."""
    return sum((one.ends_at - one.begins_at).total_seconds() for one in stretch)


def find_stretch(merged: Sequence[Span], break_s: float, at: datetime) -> float:
    """Return the seconds in the look lane since the last pause that was a break."""
    stretches = split_stretches(merged, break_s)
    if not stretches or (at - stretches[-1][-1].ends_at).total_seconds() >= break_s:
        return 0.0
    return measure(stretches[-1])


def find_shift(sign_ins: Iterable[datetime], shift_s: float, *, until: datetime) -> datetime | None:
    """Return when the shift of a moment began; None without a sign-in before it.

    It begins with the first sign-in of a day. Who signs in again within it, after midnight too, is still in it.
    """
    begins_at: datetime | None = None
    for moment in sorted(sign_ins):
        if moment > until:
            break
        is_next = begins_at is not None and (
            find_day(moment) > find_day(begins_at) and (moment - begins_at).total_seconds() >= shift_s
        )
        if begins_at is None or is_next:
            begins_at = moment
    return begins_at
