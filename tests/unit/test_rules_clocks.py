"""Clocks: what is promised, what is left of it, and from when on it is said to be little."""

from datetime import UTC, datetime, timedelta

import pytest

from triage.rules.clocks import Clock, Haste, choose_clock, read_clock

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # half an hour after the clocks of Tiranë went forward


@pytest.mark.parametrize(
    ("is_danger", "is_partner", "is_albanian", "clock", "hours"),
    [
        (True, True, True, Clock.DANGER, 1),
        (False, True, True, Clock.PARTNER, 24),
        (False, False, True, Clock.ALBANIAN, 4),
        (False, False, False, Clock.OTHER, 24),
    ],
)
def test_the_shortest_promise_that_fits_counts(is_danger, is_partner, is_albanian, clock, hours):
    chosen = choose_clock(is_danger=is_danger, is_partner=is_partner, is_albanian=is_albanian)
    assert chosen is clock
    assert read_clock(chosen, NOW, NOW).span == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("gone", "haste", "span"),
    [
        (timedelta(0), Haste.CALM, timedelta(hours=4)),
        (timedelta(hours=2, minutes=59), Haste.CALM, timedelta(hours=1, minutes=1)),
        (timedelta(hours=3), Haste.SOON, timedelta(hours=1)),
        (timedelta(hours=4), Haste.LATE, timedelta(0)),
        (timedelta(hours=7), Haste.LATE, timedelta(hours=3)),
        (timedelta(hours=-9), Haste.CALM, timedelta(hours=4)),
    ],
)
def test_the_last_quarter_is_soon_and_what_is_over_is_late(gone, haste, span):
    left = read_clock(Clock.ALBANIAN, NOW - gone, NOW)
    assert (left.haste, left.span) == (haste, span)
