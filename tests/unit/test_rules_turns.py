"""Turns at a site: whatever comes, from however many workers, the site gets its pace and nobody waits for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.counts import scale
from triage.rules.turns import (
    LATE_S,
    LONGEST_TURN_S,
    LONGEST_WAIT_S,
    SitePace,
    give_turn,
    note_failure,
    start_turns,
)

START = datetime(2026, 11, 22, tzinfo=UTC)
PACE = SitePace(pace_s=0.2, burst=10, at_once=32)


def at(seconds):
    return START + timedelta(seconds=seconds)


def ask_all(number, pace=PACE, now=START):
    """Let many requests come at once; return the times at which they may begin."""
    turns, begins = start_turns(now), []
    for _ in range(number):
        turn = give_turn(turns, now, pace)
        turns = turn.turns
        begins.append(turn.comes_at or now)
    return begins, turns


def test_a_burst_begins_at_once_and_the_rest_get_turns_one_pace_apart():
    begins, _ = ask_all(500)
    assert begins[:10] == [START] * 10
    waits = [(one - START).total_seconds() for one in begins[10:]]
    assert waits == pytest.approx([0.2 * place for place in range(1, 491)])


def test_whoever_comes_on_its_turn_begins():
    begins, turns = ask_all(40)
    for comes_at in begins[10:]:
        turn = give_turn(turns, comes_at, PACE, has_turn=True)
        assert turn.comes_at is None
        turns = turn.turns


def test_turns_that_passed_while_nobody_worked_are_not_all_used_at_once():
    begins, turns = ask_all(300)
    late, began, again = at(3600), 0, []
    for _ in begins[10:]:
        turn = give_turn(turns, late, PACE, has_turn=True)
        turns = turn.turns
        if turn.comes_at is None:
            began += 1
        else:
            again.append(turn.comes_at)
    assert began == PACE.burst + LATE_S / PACE.pace_s
    assert len(set(again)) == len(again)
    assert all(late < one <= late + timedelta(seconds=60) for one in again)


def test_danger_waits_behind_nobody():
    _, turns = ask_all(300)
    turn = give_turn(turns, at(0.1), PACE, is_urgent=True)
    assert turn.comes_at is None
    for _ in range(50):  # but a flood of it is paced too
        turn = give_turn(turn.turns, at(0.1), PACE, is_urgent=True)
    assert turn.comes_at is not None


def test_no_pace_never_waits():
    begins, turns = ask_all(1000, SitePace(0.0, 1, 1))
    assert set(begins) == {START}
    assert give_turn(turns, at(-0.5), SitePace(0.0, 1, 1)).comes_at is None  # another worker's clock


def test_a_line_does_not_grow_beyond_all_measure():
    begins, turns = ask_all(10_000)
    assert max(begins) == at(LONGEST_TURN_S)
    assert turns.free_at <= at(LONGEST_TURN_S + 3)


@pytest.mark.parametrize("back_s", [61, 3600, 86400 * 400])
def test_a_clock_that_is_set_back_holds_nobody_up(back_s):
    _, turns = ask_all(500)
    shut = note_failure(turns, START, blames_site=True, retry_after_s=3000.0)
    for left in (turns, shut):
        assert give_turn(left, at(-back_s), PACE).comes_at is None


def test_a_site_in_trouble_gets_nothing_for_a_growing_while_and_one_good_answer_ends_it():
    turns, waits = start_turns(START), []
    for _ in range(14):
        turns = note_failure(turns, START, blames_site=True)
        waits.append((turns.shut_until - START).total_seconds())
    assert waits == [0, 0, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600, 600, 600]
    for how in ({}, {"has_turn": True}, {"is_urgent": True}):
        assert give_turn(turns, START, PACE, **how).comes_at == at(LONGEST_TURN_S)
    assert give_turn(turns, at(LONGEST_TURN_S), PACE).comes_at is None


def test_what_is_turned_away_from_a_shut_site_comes_one_pace_apart():
    turns = note_failure(start_turns(START), START, blames_site=False, retry_after_s=30.0)
    begins = []
    for _ in range(20):
        turn = give_turn(turns, at(1), PACE)
        turns = turn.turns
        begins.append((turn.comes_at - START).total_seconds())
    assert begins == pytest.approx([30 + 0.2 * place for place in range(20)])


@pytest.mark.parametrize(
    ("asked_s", "waits_s"), [(None, 0), (-5.0, 0), (0.0, 0), (30.0, 30), (1e9, LONGEST_WAIT_S)]
)
def test_a_site_may_ask_us_to_wait_but_not_for_ever(asked_s, waits_s):
    turns = note_failure(start_turns(START), START, blames_site=False, retry_after_s=asked_s)
    assert (turns.shut_until - START).total_seconds() == waits_s
    assert turns.failures == 0


@given(
    pace_s=st.sampled_from([0.05, 0.2, 1.0]),
    burst=st.integers(1, 12),
    arrivals=st.lists(
        st.tuples(st.floats(0, 40), st.floats(0, 30)), min_size=1, max_size=min(scale(60), 400)
    ),
)
def test_no_window_of_time_ever_holds_more_than_the_burst_and_the_pace_allow(pace_s, burst, arrivals):
    """Each request comes, waits for its turn, and is late by as much as a busy worker makes it."""
    pace = SitePace(pace_s, burst, 1)
    turns = start_turns(START)
    waiting = [(comes, late, False) for comes, late in arrivals]
    begins, asked = [], 0
    while waiting:
        waiting.sort()
        comes, late, has_turn = waiting.pop(0)
        now = comes + (late if has_turn else 0.0)
        if has_turn and waiting and waiting[0][0] < now:
            waiting.append((now, 0.0, True))
            continue
        turn = give_turn(turns, at(now), pace, has_turn=has_turn)
        turns = turn.turns
        asked += 1
        assert turns.free_at >= turns.begun_until
        if turn.comes_at is None:
            begins.append(now)
        else:
            assert turn.comes_at > at(now)
            waiting.append(((turn.comes_at - START).total_seconds(), late, True))
        assert asked < 60 * len(arrivals)
    assert len(begins) == len(arrivals)
    begins.sort()
    for first, start in enumerate(begins):
        for last in range(first, len(begins)):
            window = begins[last] - start
            assert last - first + 1 <= burst + (window + LATE_S) / pace_s + 1.001
