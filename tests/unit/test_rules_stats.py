"""Counts that leave the house: no rare one can be worked out, whoever knows the sum and how it was hidden."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.v1.stats import CHANNELS, REMITS
from triage.model import Channel
from triage.rules.states import Remit
from triage.rules.stats import RARE_BELOW, hide_count, hide_rare, tell_median_hours


def hide(table):
    return tuple(hide_rare(dict(enumerate(table))).values())


def find_other(table, place):
    """Another table with the same sum and the same answer, which differs at this place by one."""
    said = hide(table)
    steps = [(1, -1), (-1, 1)]
    for other, (own_step, other_step) in product(range(len(table)), steps):
        if other == place:
            continue
        moved = list(table)
        moved[place] += own_step
        moved[other] += other_step
        if min(moved) >= 0 and hide(moved) == said:
            return moved
    return None


COUNTS = st.lists(
    st.one_of(st.integers(0, 6), st.sampled_from([0, 1, 4, 5]), st.integers(0, 200)), min_size=2, max_size=30
)


@given(COUNTS)
def test_for_every_rare_count_that_is_hidden_there_is_another_table_with_the_same_answer(table):
    for place, (number, told) in enumerate(zip(table, hide(table), strict=True)):
        if told is None and number < RARE_BELOW:
            other = find_other(table, place)
            assert other is not None, (table, place)
            assert (sum(other), other[place] != number) == (sum(table), True)


@pytest.mark.parametrize(("cells", "greatest_sum"), [(2, 30), (3, 22), (4, 18)])
def test_every_small_table_by_trying_all_of_them(cells, greatest_sum):
    # What somebody can know at most: the sum, the answer, and this code.
    possible = {}
    for table in product(range(greatest_sum + 1), repeat=cells):
        if sum(table) <= greatest_sum:
            possible.setdefault((sum(table), hide(table)), []).append(table)
    for (_, said), tables in possible.items():
        for place in (place for place, told in enumerate(said) if told is None):
            values = {table[place] for table in tables}
            assert len(values) > 1 or min(values) >= RARE_BELOW, tables


@given(COUNTS)
def test_no_rare_count_is_told_and_what_is_told_is_true(table):
    said = hide(table)
    assert all(told in (None, number) for told, number in zip(said, table, strict=True))
    assert not any(told in range(1, RARE_BELOW) for told in said)
    if not any(number in range(1, RARE_BELOW) for number in table):
        assert said == tuple(table)


def test_the_answer_hides_no_more_than_it_must():
    assert hide((0, 12, 0, 41)) == (0, 12, 0, 41)
    assert hide((3, 12, 7, 41)) == (None, None, None, 41)
    assert hide((1, 0, 3, 12, 41)) == (None, None, None, None, 41)
    assert hide((4, 4, 4, 4)) == (None,) * 4


def test_counts_that_stand_alone_are_hidden_from_one_to_four():
    assert [hide_count(number) for number in (0, 1, 4, 5)] == [0, None, None, 5]
    assert [tell_median_hours(7200.0, number) for number in (4, 5)] == [None, 2.0]
    assert tell_median_hours(None, 9) is None


def test_each_group_names_all_of_its_counts():
    assert (set(CHANNELS), set(REMITS)) == (set(Channel), set(Remit))
