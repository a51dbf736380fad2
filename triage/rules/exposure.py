"""How much a person may look: caps of a day, breaks, the end of a shift, the first weeks.

It reduces exposure; it measures no one's speed.

1. A day is the calendar day in Tiranë. Time in the look lane is what a person spent with items opened there, and the
   looks themselves; overlaps count once, and never less than the seconds that were seen.
2. Hard cap: no look until tomorrow. Soft cap: no look until the person says "go on", which lasts GO_ON_S more.
3. A break is due after `break_after_s` in the look lane without a pause of `break_s`. Its pause is a break.
4. The last `wind_down_s` of a shift, and what comes after it, is without looks.
5. For the first days with a role that looks, the cap is `ramp_s`. Before the training set is passed there is no look.

A clock that is set back opens nothing: what counts is the latest moment that is known of a person.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from triage.rules.look_time import (
    Span,
    find_day,
    find_day_span,
    find_shift,
    find_stretch,
    merge_spans,
    sum_within,
)

GO_ON_S = 1800.0
GO_ON_LOOKS = 50
"""How far one "go on" reaches beyond the soft cap."""

CEILING_S = 18_000.0
CEILING_LOOKS = 600
"""What neither a setting nor a lead goes above: five hours of a day, as the longest limit in use elsewhere (IWF)."""

RAMP_CEILING_S = 7200.0
"""What a lead does not go above in somebody's first weeks."""

LEFT_AT_ONCE = "left_at_once"
"""The custody event of the panic key; only the person and an auditor find it."""

_SEEN_BACK, _ENTERED_BACK = timedelta(hours=12), timedelta(hours=48)
"""How far back what happened before today can still matter: the stretch since the last break, and the shift."""


class ExposureState(StrEnum):
    """Why there is no look for somebody now, the weightiest first; free: there is."""

    UNTRAINED = "untrained"
    HARD = "hard"
    WINDING_DOWN = "winding_down"
    ON_BREAK = "on_break"
    BREAK_DUE = "break_due"
    SOFT = "soft"
    FREE = "free"


SENTENCES: dict[ExposureState, str] = {
    ExposureState.UNTRAINED: "Pass the training set first; until then no picture is shown.",
    ExposureState.HARD: "You have seen enough for today: no picture is shown until tomorrow.",
    ExposureState.WINDING_DOWN: "Your shift is ending: no picture is shown until your next one.",
    ExposureState.ON_BREAK: "You are on a break: no picture is shown until it is over.",
    ExposureState.BREAK_DUE: "A break is due: no picture is shown until you have taken it.",
    ExposureState.SOFT: "You have seen much today: say that you go on, or work without pictures.",
}
"""What a person is told when a look is refused."""


class ExposureSettings(Protocol):
    """The settings that a policy is made of."""

    @property
    def look_max_s(self) -> float: ...
    @property
    def look_soft_s(self) -> float: ...
    @property
    def look_hard_s(self) -> float: ...
    @property
    def looks_soft(self) -> int: ...
    @property
    def looks_hard(self) -> int: ...
    @property
    def break_after_s(self) -> float: ...
    @property
    def break_s(self) -> float: ...
    @property
    def shift_s(self) -> float: ...
    @property
    def wind_down_s(self) -> float: ...
    @property
    def ramp_s(self) -> float: ...
    @property
    def ramp_days(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ExposurePolicy:
    """How much may be looked; seconds are of the look lane.

    Attributes:
        soft_s, hard_s: of a day.
        soft_looks, hard_looks: number of looks of a day.
        break_after_s: after how much a break is due.
        break_s: how long it is.
        shift_s: from the first sign-in.
        wind_down_s: end of a shift without looks.
        ramp_s: of a day in the first `ramp_days` days.
        look_max_s: longest look; one that nobody ended counts so long.
    """

    soft_s: float = 10_800.0
    hard_s: float = 14_400.0
    soft_looks: int = 300
    hard_looks: int = 400
    break_after_s: float = 3600.0
    break_s: float = 600.0
    shift_s: float = 28_800.0
    wind_down_s: float = 2700.0
    ramp_s: float = 3600.0
    ramp_days: int = 14
    look_max_s: float = 10.0

    @classmethod
    def from_settings(cls, settings: ExposureSettings) -> "ExposurePolicy":
        """Return the policy that the settings say."""
        return cls(
            soft_s=settings.look_soft_s,
            hard_s=settings.look_hard_s,
            soft_looks=settings.looks_soft,
            hard_looks=settings.looks_hard,
            break_after_s=settings.break_after_s,
            break_s=settings.break_s,
            shift_s=settings.shift_s,
            wind_down_s=settings.wind_down_s,
            ramp_s=settings.ramp_s,
            ramp_days=settings.ramp_days,
            look_max_s=settings.look_max_s,
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """Looks: how many, and how many seconds in all."""

    looks: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class GoOn:
    """Somebody went on beyond the soft cap, after so much of a day."""

    day: date
    seconds: float
    looks: int


@dataclass(frozen=True, slots=True)
class Override:
    """What a lead allowed a person for one day in place of the hard caps."""

    seconds: float
    looks: int


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is known of a person today, and as far back as it matters.

    Attributes:
        spans: time in the look lane, in any order; they may overlap, and end in the future.
        tallies: local day → looks that began on it.
        breaks: that the person began.
        overrides: local day → the last one for it.
        sign_ins: when sessions began, in any order.
        looks_since: when the person first had a role that looks; None: never.
        known_at: the latest moment at which something is known to have happened.
    """

    spans: Sequence[Span] = ()
    tallies: Mapping[date, Tally] = field(default_factory=dict)
    go_ons: Sequence[GoOn] = ()
    breaks: Sequence[Span] = ()
    overrides: Mapping[date, Override] = field(default_factory=dict)
    sign_ins: Sequence[datetime] = ()
    looks_since: datetime | None = None
    is_trained: bool = True
    known_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Caps:
    """The caps of a day: seconds in the look lane, and looks."""

    soft_s: float
    hard_s: float
    soft_looks: int
    hard_looks: int

    def is_soft(self, lane_s: float, looks: int) -> bool:
        """Whether the soft cap is reached."""
        return lane_s >= self.soft_s or looks >= self.soft_looks

    def is_hard(self, lane_s: float, looks: int) -> bool:
        """Whether the hard cap is reached."""
        return lane_s >= self.hard_s or looks >= self.hard_looks


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands.

    Attributes:
        seconds_today: that they saw pictures, today.
        lane_s_today: in the look lane.
        caps: of today; the soft ones as far as the person went on.
        is_offered: whether items that may need a look are still offered as the next one.
        next_break_at: when a break is due if the person goes on without a pause; None while they do not look.
        break_ends_at: when the break that they are on is over.
    """

    state: ExposureState
    day: date
    seconds_today: int
    lane_s_today: int
    looks_today: int
    caps: Caps
    is_offered: bool
    next_break_at: datetime | None
    break_ends_at: datetime | None

    @property
    def is_look_open(self) -> bool:
        """Whether a look is allowed now."""
        return self.state is ExposureState.FREE

    @property
    def sentence(self) -> str:
        """The English sentence that says why there is no look; empty when there is one."""
        return SENTENCES.get(self.state, "")


@dataclass(frozen=True, slots=True)
class Since:
    """Since when what is known of a person is read: what they saw, and when they signed in."""

    seen: datetime
    entered: datetime


def find_since(now: datetime) -> Since:
    """Return since when something matters for where a person stands."""
    today = find_day_span(find_day(now)).begins_at
    return Since(min(today, now - _SEEN_BACK), now - _ENTERED_BACK)


def judge_exposure(exposure: Exposure, policy: ExposurePolicy, *, now: datetime) -> Standing:
    """Say where a person stands.

    Args:
        now: as the clock says; an earlier one than what is known counts as that.
    """
    at = max(now, exposure.known_at or now)
    day = find_day(at)
    merged = merge_spans(exposure.spans, until=at)
    tally = exposure.tallies.get(day, Tally())
    lane_s = measure_lane(exposure, merged, day)
    caps = find_caps(exposure, policy, day)
    so_far = _go_on(caps, exposure.go_ons, day)
    worked_s = find_stretch(merged, policy.break_s, at)
    break_ends_at = max(
        (one.ends_at for one in exposure.breaks if one.begins_at <= at < one.ends_at), default=None
    )
    # The weightiest first, as in ExposureState.
    if not exposure.is_trained:
        state = ExposureState.UNTRAINED
    elif caps.is_hard(lane_s, tally.looks):
        state = ExposureState.HARD
    elif _winds_down(exposure, policy, at):
        state = ExposureState.WINDING_DOWN
    elif break_ends_at is not None:
        state = ExposureState.ON_BREAK
    elif worked_s >= policy.break_after_s:
        state = ExposureState.BREAK_DUE
    elif so_far.is_soft(lane_s, tally.looks):
        state = ExposureState.SOFT
    else:
        state = ExposureState.FREE
    left = timedelta(seconds=max(0.0, policy.break_after_s - worked_s))
    return Standing(
        state=state,
        day=day,
        seconds_today=int(tally.seconds),
        lane_s_today=int(lane_s),
        looks_today=tally.looks,
        caps=so_far,
        is_offered=state is ExposureState.FREE and not caps.is_soft(lane_s, tally.looks),
        next_break_at=at + left if worked_s else None,
        break_ends_at=break_ends_at,
    )


def _winds_down(exposure: Exposure, policy: ExposurePolicy, at: datetime) -> bool:
    begins_at = find_shift(exposure.sign_ins, policy.shift_s, until=at)
    return begins_at is not None and at >= begins_at + timedelta(seconds=policy.shift_s - policy.wind_down_s)


def measure_lane(exposure: Exposure, merged: Iterable[Span], day: date) -> float:
    """Return the seconds of a day in the look lane: never less than what was seen.

    Args:
        merged: the spans of `exposure`, merged.
    """
    return max(sum_within(merged, find_day_span(day)), exposure.tallies.get(day, Tally()).seconds)


def find_caps(exposure: Exposure, policy: ExposurePolicy, day: date) -> Caps:
    """Return the caps of a day, before anybody went on."""
    ceiling_s, hard_s, hard_looks = CEILING_S, policy.hard_s, policy.hard_looks
    if is_ramping(exposure.looks_since, policy, day):
        ceiling_s, hard_s = RAMP_CEILING_S, min(hard_s, policy.ramp_s)
    override = exposure.overrides.get(day)
    if override is not None:
        hard_s, hard_looks = override.seconds, override.looks
    hard_s, hard_looks = min(hard_s, ceiling_s), min(hard_looks, CEILING_LOOKS)
    return Caps(min(policy.soft_s, hard_s), hard_s, min(policy.soft_looks, hard_looks), hard_looks)


def _go_on(caps: Caps, go_ons: Iterable[GoOn], day: date) -> Caps:
    """Return the caps of a day as far as the person went on."""
    for step in go_ons:
        if step.day == day:
            soft_s = min(caps.hard_s, max(caps.soft_s, step.seconds + GO_ON_S))
            soft_looks = min(caps.hard_looks, max(caps.soft_looks, step.looks + GO_ON_LOOKS))
            caps = replace(caps, soft_s=soft_s, soft_looks=soft_looks)
    return caps


def is_ramping(looks_since: datetime | None, policy: ExposurePolicy, day: date) -> bool:
    """Whether a day is one of somebody's first with a role that looks."""
    return looks_since is None or (day - find_day(looks_since)).days < policy.ramp_days
