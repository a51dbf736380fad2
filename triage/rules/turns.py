"""Whose turn it is at a site: a pace for all workers together, by the generic cell rate algorithm (ITU-T I.371).

1. A request begins at once while the site got fewer than `burst` lately.
2. Else it is given a turn of its own: a time at which it comes again, one pace after the turn before. So 500 pictures
   of a page spread by themselves, and nobody asks twice.
3. What comes on its turn begins. If many turns passed while no worker ran, only some do: what began is counted apart
   from what was given, and the others are given new turns.
4. A site that is in trouble, or asks us to wait, gets nothing for a while.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

LATE_S = 2.0
"""Seconds by which requests that come on their turns may bunch: the sweep wakes them once a second."""

LONGEST_TURN_S = 600.0
"""Seconds after which a turn is asked for anew, whatever a site is said to be waiting for."""

LONGEST_WAIT_S = 3600.0
"""Most seconds that a site can ask us to wait."""

CLOCK_SLACK_S = 60.0
"""Seconds by which the clocks of workers may differ; more is a clock that was set back."""

TROUBLE_FROM = 3
TROUBLE_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class SitePace:
    """How quickly one site may be asked, and how much may be under way in all.

    Attributes:
        pace_s: seconds between two requests to one site; 0 never waits.
        burst: requests that may come at once, at least 1.
        at_once: most captures of addresses under way at one time, all workers together.
    """

    pace_s: float
    burst: int
    at_once: int


@dataclass(frozen=True, slots=True)
class SiteTurns:
    """What is kept of one site.

    Attributes:
        begun_until: one pace further with each request that began.
        free_at: one pace further with each turn that was given, begun or not; never before `begun_until`.
        shut_until: nothing begins before.
        failures: in a row.
        changed_at: when any of it last changed.
    """

    begun_until: datetime
    free_at: datetime
    shut_until: datetime
    failures: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """What a request is told: begin now, or come at `comes_at`; and what is kept of the site from now on."""

    comes_at: datetime | None
    turns: SiteTurns


def start_turns(now: datetime) -> SiteTurns:
    """Return what is kept of a site that was never asked."""
    return SiteTurns(now, now, now - timedelta(seconds=CLOCK_SLACK_S), 0, now)


def give_turn(
    turns: SiteTurns, now: datetime, pace: SitePace, *, has_turn: bool = False, is_urgent: bool = False
) -> Turn:
    """Let a request begin, or give it a turn.

    Args:
        has_turn: it was given this moment before; it waits behind nobody.
        is_urgent: a child is in danger: it waits behind nobody either, and may come beside a full burst.
    """
    turns = _forget_future(turns, now)
    step = timedelta(seconds=pace.pace_s)
    burst = step * (pace.burst - 1)
    if is_urgent:
        allowed, ahead = burst + step * pace.burst, turns.begun_until
    elif has_turn:
        allowed, ahead = burst + timedelta(seconds=LATE_S), turns.begun_until
    else:
        allowed, ahead = burst, turns.free_at
    if turns.shut_until <= now and (not step or ahead - now <= allowed):
        begun_until = max(turns.begun_until, now) + step
        given = turns.free_at if has_turn else max(turns.free_at, now) + step
        return Turn(
            None, replace(turns, begun_until=begun_until, free_at=max(given, begun_until), changed_at=now)
        )
    comes_at = max(turns.free_at - burst, turns.shut_until, now + step)
    latest = now + timedelta(seconds=LONGEST_TURN_S)
    if comes_at > latest:  # it asks again then; the line does not grow beyond all measure meanwhile
        return Turn(latest, replace(turns, changed_at=now))
    return Turn(comes_at, replace(turns, free_at=comes_at + burst + step, changed_at=now))


def note_failure(
    turns: SiteTurns, now: datetime, *, blames_site: bool, retry_after_s: float | None = None
) -> SiteTurns:
    """Return what is kept of a site after a request failed.

    Args:
        blames_site: it counts against the site; from the third in a row on nothing begins there for a while.
        retry_after_s: seconds that the site asks us to wait.
    """
    turns = _forget_future(turns, now)
    failures = turns.failures + 1 if blames_site else turns.failures
    wait_s = min(max(retry_after_s or 0.0, 0.0), LONGEST_WAIT_S)
    if blames_site and failures >= TROUBLE_FROM:
        growing = TROUBLE_WAIT_S * 2.0 ** min(failures - 2, 10)
        wait_s = max(wait_s, min(growing, LONGEST_TURN_S))
    shut_until = max(turns.shut_until, now + timedelta(seconds=wait_s))
    return replace(turns, shut_until=shut_until, failures=failures, changed_at=now)


def _forget_future(turns: SiteTurns, now: datetime) -> SiteTurns:
    """Start anew after a clock was set back: what it said must not hold anybody up."""
    if turns.changed_at - now > timedelta(seconds=CLOCK_SLACK_S):
        return replace(start_turns(now), failures=turns.failures)
    return turns
