"""How much a person may look: no way above the hard cap, no way around a break, and no clock that opens anything."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.rules.exposure import (
    CEILING_LOOKS,
    CEILING_S,
    GO_ON_S,
    RAMP_CEILING_S,
    SENTENCES,
    Exposure,
    ExposurePolicy,
    ExposureState,
    GoOn,
    Override,
    Tally,
    judge_exposure,
)
from triage.rules.look_time import Span, find_day, find_day_span, find_shift, merge_spans, sum_within
from triage.rules.welfare import add_up, figure_days

TIRANE = ZoneInfo("Europe/Tirane")
NOON = datetime(2025, 11, 22, 12, 0, tzinfo=TIRANE)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
POLICY = ExposurePolicy()
SHIFTLESS = ExposurePolicy(shift_s=36_000.0, wind_down_s=900.0)


def span(begins: float, length: float) -> Span:
    """A span that begins so many minutes after noon and lasts so many."""
    begins_at = NOON + timedelta(minutes=begins)
    return Span(begins_at, begins_at + timedelta(minutes=length))


def known(*spans: Span, **more) -> Exposure:
    return Exposure(spans=spans, **({"looks_since": LONG_AGO} | more))


def stand(exposure: Exposure, minutes: float = 0, policy: ExposurePolicy = POLICY):
    return judge_exposure(exposure, policy, now=NOON + timedelta(minutes=minutes))


def today(looks: int = 0, seconds: float = 0.0) -> dict[date, Tally]:
    return {find_day(NOON): Tally(looks, seconds)}


# One by one


def test_who_has_seen_nothing_may_look_and_no_break_is_near() -> None:
    standing = stand(known())
    assert (standing.state, standing.is_offered, standing.next_break_at) == (ExposureState.FREE, True, None)
    assert standing.sentence == ""


def test_every_state_without_a_look_says_why() -> None:
    assert set(SENTENCES) == set(ExposureState) - {ExposureState.FREE}


def test_a_break_is_due_after_an_hour_and_a_short_pause_is_none() -> None:
    worked = [span(0, 30), span(39, 29)]
    standing = stand(known(*worked), 68)
    assert standing.state is ExposureState.FREE
    assert standing.next_break_at == NOON + timedelta(minutes=69)
    assert stand(known(*worked, span(68, 1)), 69).state is ExposureState.BREAK_DUE
    assert stand(known(*worked, span(68, 1)), 78.9).state is ExposureState.BREAK_DUE
    assert stand(known(*worked, span(68, 1)), 79).state is ExposureState.FREE


def test_a_begun_break_holds_for_its_whole_length_even_where_none_was_due() -> None:
    exposure = known(span(0, 5), breaks=[span(5, 10)])
    assert [stand(exposure, at).state.value for at in (4.9, 5, 14.9, 15)] == [
        "free",
        "on_break",
        "on_break",
        "free",
    ]
    assert stand(exposure, 6).break_ends_at == NOON + timedelta(minutes=15)


def test_who_works_on_with_pictures_during_a_break_has_not_taken_it() -> None:
    exposure = known(span(0, 60), span(63, 4), breaks=[span(60, 10)])
    assert stand(exposure, 71).state is ExposureState.BREAK_DUE
    assert stand(exposure, 77).state is ExposureState.FREE


def test_the_soft_cap_waits_for_a_word_and_the_word_lasts_half_an_hour() -> None:
    worked = [span(-300 + 70 * n, 60) for n in range(3)]  # 180 minutes, over at −100
    assert stand(known(*worked)).state is ExposureState.SOFT
    went_on = [GoOn(find_day(NOON), 10_800.0, 0)]
    standing = stand(known(*worked, go_ons=went_on))
    assert (standing.state, standing.is_offered) == (ExposureState.FREE, False)
    assert stand(known(*worked, span(0, 30), go_ons=went_on), 30).state is ExposureState.SOFT
    of_yesterday = [GoOn(find_day(NOON) - timedelta(days=1), 10_800.0, 0)]
    assert stand(known(*worked, go_ons=of_yesterday)).state is ExposureState.SOFT


def test_looks_are_counted_too() -> None:
    for looks, state in ((299, "free"), (300, "soft"), (399, "soft"), (400, "hard"), (4000, "hard")):
        assert stand(known(tallies=today(looks))).state.value == state
    went_on = [GoOn(find_day(NOON), 0.0, 300)]
    assert stand(known(tallies=today(349), go_ons=went_on)).state is ExposureState.FREE
    assert stand(known(tallies=today(350), go_ons=went_on)).state is ExposureState.SOFT


def test_seconds_that_were_seen_count_even_where_spans_say_less() -> None:
    assert stand(known(span(-30, 1), tallies=today(1, 14_400.0))).state is ExposureState.HARD


def test_the_last_part_of_a_shift_is_without_looks_and_so_is_what_follows() -> None:
    exposure = known(sign_ins=[NOON - timedelta(hours=7), NOON - timedelta(hours=1)])
    assert stand(exposure, 14.9).state is ExposureState.FREE
    for minutes in (15, 60, 600):
        assert stand(exposure, minutes).state is ExposureState.WINDING_DOWN


def test_a_shift_goes_on_over_midnight_and_a_new_one_begins_on_a_new_day() -> None:
    late = datetime(2025, 11, 22, 22, 0, tzinfo=TIRANE)
    again = late + timedelta(hours=4)
    next_one = late + timedelta(hours=16)
    sign_ins = [late, again, next_one]
    assert find_shift(sign_ins, 28_800.0, until=again) == late
    assert find_shift(sign_ins, 28_800.0, until=next_one) == next_one
    same_day = [NOON - timedelta(hours=10), NOON]
    assert find_shift(same_day, 28_800.0, until=NOON) == same_day[0]
    assert find_shift([], 28_800.0, until=NOON) is None


def test_a_newcomer_has_an_hour_a_day_and_nobody_untrained_any() -> None:
    begun = NOON - timedelta(days=13)
    worked = [span(-120, 40), span(-60, 20)]
    assert stand(known(*worked, looks_since=begun)).state is ExposureState.HARD
    assert stand(known(*worked, looks_since=begun - timedelta(days=1))).state is ExposureState.FREE
    assert stand(known(*worked, looks_since=None)).state is ExposureState.HARD
    assert stand(known(is_trained=False)).state is ExposureState.UNTRAINED


def test_a_lead_raises_or_lowers_the_cap_of_one_day_only_and_no_break_goes_away() -> None:
    day = find_day(NOON)
    worked = [span(-360 + 70 * n, 60) for n in range(4)]  # 240 minutes, over at −90
    assert stand(known(*worked)).state is ExposureState.HARD
    more = {day: Override(16_000.0, 500)}
    assert stand(known(*worked, overrides=more)).state is ExposureState.SOFT
    assert (
        stand(known(*worked, overrides={day - timedelta(days=1): Override(16_000.0, 500)})).state.value
        == "hard"
    )
    assert (
        stand(known(tallies=today(10), overrides={day: Override(16_000.0, 10)})).state is ExposureState.HARD
    )
    due = known(span(-60, 60), overrides={day: Override(18_000.0, 600)})
    assert stand(due).state is ExposureState.BREAK_DUE


# Days


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2025, 11, 22), 24)]
)
def test_a_day_is_as_long_as_its_clock_says(day, hours) -> None:
    whole = find_day_span(day)
    assert whole.ends_at - whole.begins_at == timedelta(hours=hours)
    assert sum_within([whole], whole) == hours * 3600
    assert find_day(whole.begins_at) == day
    assert find_day(whole.begins_at - timedelta(microseconds=1)) == day - timedelta(days=1)
    assert find_day(whole.ends_at) == day + timedelta(days=1)


@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2025, 10, 26), date(2025, 11, 22)])
def test_the_caps_begin_anew_at_local_midnight(day) -> None:
    midnight = find_day_span(day).ends_at
    hours = [
        Span(midnight - timedelta(minutes=310 - 70 * n), midnight - timedelta(minutes=250 - 70 * n))
        for n in range(4)
    ]
    exposure = known(*hours)
    assert judge_exposure(exposure, POLICY, now=midnight - timedelta(seconds=1)).state is ExposureState.HARD
    after = judge_exposure(exposure, POLICY, now=midnight)
    assert (after.state, after.day) == (ExposureState.FREE, day + timedelta(days=1))


def test_a_stretch_goes_on_over_midnight() -> None:
    midnight = find_day_span(date(2025, 11, 22)).ends_at
    exposure = known(Span(midnight - timedelta(minutes=40), midnight + timedelta(minutes=20)))
    standing = judge_exposure(exposure, POLICY, now=midnight + timedelta(minutes=20))
    assert (standing.state, standing.lane_s_today) == (ExposureState.BREAK_DUE, 1200)


# Whatever happened

MINUTES = st.integers(-2880, 60)
SPANS = st.lists(st.builds(span, MINUTES, st.integers(0, 90)), max_size=30)
DAYS = st.sampled_from([find_day(NOON) - timedelta(days=ago) for ago in range(3)])
TALLIES = st.dictionaries(DAYS, st.builds(Tally, st.integers(0, 700), st.floats(0, 20_000)), max_size=3)
GO_ONS = st.lists(st.builds(GoOn, DAYS, st.floats(0, 50_000), st.integers(0, 1000)), max_size=6)
OVERRIDES = st.dictionaries(DAYS, st.builds(Override, st.floats(0, 90_000), st.integers(0, 5000)), max_size=3)
SIGN_INS = st.lists(MINUTES.map(lambda at: NOON + timedelta(minutes=at)), max_size=6)
EXPOSURES = st.builds(
    Exposure,
    spans=SPANS,
    tallies=TALLIES,
    go_ons=GO_ONS,
    breaks=st.lists(st.builds(span, MINUTES, st.just(10)), max_size=4),
    overrides=OVERRIDES,
    sign_ins=SIGN_INS,
    looks_since=st.sampled_from([None, LONG_AGO, NOON - timedelta(days=2)]),
    is_trained=st.booleans(),
)
POLICIES = st.builds(
    ExposurePolicy,
    soft_s=st.floats(900, 14_400),
    hard_s=st.floats(1800, 18_000),
    soft_looks=st.integers(10, 400),
    hard_looks=st.integers(20, 600),
    break_after_s=st.floats(900, 3600),
    break_s=st.floats(300, 3600),
    ramp_s=st.floats(900, 7200),
)


@given(EXPOSURES, POLICIES)
def test_a_look_is_never_open_above_a_cap_or_untrained(exposure, policy) -> None:
    standing = judge_exposure(exposure, policy, now=NOON)
    override = exposure.overrides.get(standing.day)
    most_s = min(CEILING_S, override.seconds if override else policy.hard_s)
    most_looks = min(CEILING_LOOKS, override.looks if override else policy.hard_looks)
    if exposure.looks_since != LONG_AGO:
        most_s = min(most_s, RAMP_CEILING_S if override else policy.ramp_s)
    assert standing.caps.hard_s <= most_s
    assert standing.caps.hard_looks <= most_looks
    assert standing.caps.soft_s <= standing.caps.hard_s
    assert standing.caps.soft_looks <= standing.caps.hard_looks
    if standing.is_look_open:
        assert exposure.is_trained
        whole, merged = find_day_span(standing.day), merge_spans(exposure.spans, until=NOON)
        assert sum_within(merged, whole) < most_s
        assert exposure.tallies.get(standing.day, Tally()).seconds < most_s
        assert exposure.tallies.get(standing.day, Tally()).looks < most_looks
    else:
        assert standing.sentence
        assert not standing.is_offered


@given(EXPOSURES, POLICIES)
def test_no_look_is_open_between_a_break_that_is_due_and_one_that_was_taken(exposure, policy) -> None:
    if not judge_exposure(exposure, policy, now=NOON).is_look_open:
        return
    worked, last = 0.0, NOON
    for one in reversed(merge_spans(exposure.spans, until=NOON)):
        if (last - one.ends_at).total_seconds() >= policy.break_s:
            break
        worked, last = worked + (one.ends_at - one.begins_at).total_seconds(), one.begins_at
    assert worked < policy.break_after_s


@given(EXPOSURES, POLICIES, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_a_clock_that_steps_back_opens_nothing(exposure, policy, step) -> None:
    noted = Exposure(
        **{name: getattr(exposure, name) for name in exposure.__dataclass_fields__ if name != "known_at"},
        known_at=NOON,
    )
    before = judge_exposure(noted, policy, now=NOON)
    after = judge_exposure(noted, policy, now=NOON - step)
    assert before == after


@given(EXPOSURES, POLICIES, st.floats(0, 20_000))
def test_more_was_seen_never_opens_more(exposure, policy, seconds) -> None:
    day = find_day(NOON)
    tally = exposure.tallies.get(day, Tally())
    more = dict(exposure.tallies) | {day: Tally(tally.looks + 1, tally.seconds + seconds)}
    values = {name: getattr(exposure, name) for name in exposure.__dataclass_fields__}
    seen_more = Exposure(**(values | {"tallies": more}))
    if judge_exposure(seen_more, policy, now=NOON).is_look_open:
        assert judge_exposure(exposure, policy, now=NOON).is_look_open


@given(SPANS)
def test_merged_spans_are_apart_and_cover_the_same(spans) -> None:
    merged = merge_spans(spans)
    assert all(one.ends_at < other.begins_at for one, other in pairwise(merged))
    for one in spans:
        middle = one.begins_at + (one.ends_at - one.begins_at) / 2
        inside = any(other.begins_at <= middle < other.ends_at for other in merged)
        assert inside or one.begins_at == one.ends_at


# Welfare


def test_a_day_is_shown_once_two_looked_besides_who_reads_it() -> None:
    reader, one, other = uuid4(), uuid4(), uuid4()
    busy = figure_days(known(span(-200, 70), tallies=today(20, 80.0)), POLICY, now=NOON)
    idle = figure_days(known(), POLICY, now=NOON)

    def sums(figures, avoided=0):
        return add_up(figures, {find_day(NOON): avoided}, reader_id=reader)

    alone, *_ = sums({one: busy, other: idle}, 3)
    assert (alone.others, alone.is_shown, alone.avoided) == (1, False, 3)
    # The reader could take away their own share, and the rest would be one person's.
    beside, *_ = sums({one: busy, reader: busy})
    assert (beside.others, beside.is_shown) == (1, False)
    all_three, *before = sums({one: busy, other: busy, reader: busy})
    assert (all_three.others, all_three.is_shown) == (2, True)
    assert (all_three.looks, all_three.seconds) == (60, 240)
    assert (all_three.skipped_breaks, all_three.soft, all_three.hard) == (3, 0, 0)
    assert [day.others for day in before] == [0] * 6
    assert GO_ON_S == 1800.0
