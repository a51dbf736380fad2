"""The training set's rule: what a round shows, what is right, when it is passed."""

from collections import Counter
from functools import cache
from itertools import combinations_with_replacement
from math import comb, factorial, prod
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.rules.clusters import ALIKE_BITS
from triage.rules.training import (
    DRAWN_FREELY,
    JUDGED,
    NEEDED,
    NEIGHBOURS,
    RIGHT_ANSWERS,
    ROUND_TASKS,
    Drawing,
    Progress,
    draw_round,
    is_round_passed,
    write_numbers,
)

persons = st.uuids()
rounds = st.integers(1, 500)


@given(person=persons, round_=rounds)
def test_every_round_shows_each_drawing_and_some_more_in_an_order_of_its_own(
    person: UUID, round_: int
) -> None:
    tasks = draw_round(person, round_)
    assert tasks == draw_round(person, round_)
    shown = Counter(one.drawing for one in tasks)
    assert shown.pop(Drawing.ALIKE) == ROUND_TASKS - len(JUDGED) - DRAWN_FREELY
    assert set(shown) == set(JUDGED) == set(Drawing) - {Drawing.ALIKE}
    assert [one.number for one in tasks] == list(range(1, ROUND_TASKS + 1))


def test_another_round_is_drawn_anew() -> None:
    person = uuid4()
    rounds_ = [tuple(one.drawing for one in draw_round(person, round_)) for round_ in range(1, 9)]
    assert len(set(rounds_)) == len(rounds_)
    assert len({tuple(sorted(drawings)) for drawings in rounds_}) > 1


# Guessing

DRAWINGS = len(JUDGED) + DRAWN_FREELY
ALIKE_TASKS = ROUND_TASKS - DRAWINGS


def at_least(right: int, tasks: int, odds: float) -> float:
    """The odds of so many right answers by chance alone."""
    return sum(comb(tasks, n) * odds**n * (1 - odds) ** (tasks - n) for n in range(max(0, right), tasks + 1))


def test_answers_at_random_pass_in_fewer_than_one_of_a_million_rounds() -> None:
    one = 1 / len(JUDGED)
    odds = sum(
        comb(DRAWINGS, n)
        * one**n
        * (1 - one) ** (DRAWINGS - n)
        * at_least(NEEDED - n, ALIKE_TASKS, 1 / 2**NEIGHBOURS)
        for n in range(DRAWINGS + 1)
    )
    assert odds < 1e-6
    assert at_least(NEEDED - ALIKE_TASKS, DRAWINGS, one) < 1e-4  # the alike ones read, not guessed


def test_who_counts_what_was_shown_passes_without_looking_in_fewer_than_one_of_a_thousand_rounds() -> None:
    """The best that anybody can do who never looks, is told each answer, and knows how a round is drawn."""
    kinds, total = len(JUDGED), DRAWINGS
    decks = []
    for extra in combinations_with_replacement(range(kinds), DRAWN_FREELY):
        more = Counter(extra)
        ways = factorial(DRAWN_FREELY) // prod(map(factorial, more.values()))
        decks.append((tuple(1 + more[kind] for kind in range(kinds)), ways))

    @cache
    def weigh(seen: tuple[int, ...]) -> float:
        return sum(
            ways * prod(comb(have, gone) * factorial(gone) for have, gone in zip(deck, seen, strict=True))
            for deck, ways in decks
        ) / prod(range(total - sum(seen) + 1, total + 1))

    @cache
    def pass_at_best(seen: tuple[int, ...], slips: int) -> float:
        if slips < 0 or sum(seen) == total:
            return float(slips >= 0)
        ahead = [tuple(sorted((*seen[:kind], seen[kind] + 1, *seen[kind + 1 :]))) for kind in range(kinds)]
        odds = [weigh(one) / weigh(seen) for one in ahead]
        return max(
            sum(
                chance * pass_at_best(one, slips - (kind != guess))
                for kind, (one, chance) in enumerate(zip(ahead, odds, strict=True))
                if chance
            )
            for guess in range(kinds)
        )

    slips = ROUND_TASKS - NEEDED
    odds = pass_at_best((0,) * kinds, slips)
    assert at_least(total - slips, total, 1 / kinds) < odds < 1e-4


@given(person=persons, round_=rounds)
def test_of_alike_pictures_neither_none_nor_all_are_right(person: UUID, round_: int) -> None:
    for task in draw_round(person, round_):
        if task.drawing is not Drawing.ALIKE:
            assert task.answer == RIGHT_ANSWERS[task.drawing]
            continue
        alike = [n for n, bits in enumerate(task.distances, start=1) if bits <= ALIKE_BITS]
        assert 0 < len(alike) < len(task.distances)
        assert task.answer == write_numbers(alike)
        assert all(bits >= 0 for bits in task.distances)


def test_two_persons_cannot_copy_from_each_other() -> None:
    rounds_ = [tuple(task.answer for task in draw_round(uuid4(), 1)) for _ in range(8)]
    assert len(set(rounds_)) > 1


@pytest.mark.parametrize(
    ("right", "answered", "is_passed"),
    [
        (ROUND_TASKS, ROUND_TASKS, True),
        (NEEDED, ROUND_TASKS, True),
        (NEEDED - 1, ROUND_TASKS, False),
        (NEEDED, ROUND_TASKS - 1, False),
        (0, 0, False),
    ],
)
def test_a_round_is_passed_when_it_is_whole_and_enough_of_it_is_right(right, answered, is_passed) -> None:
    assert is_round_passed(right, answered) is is_passed


def test_the_next_task_is_the_first_that_is_open() -> None:
    assert Progress(1, {}, None, is_passed=False).next_task == 1
    assert Progress(1, {1: True, 3: False}, None, is_passed=False).next_task == 2
