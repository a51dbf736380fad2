"""Failures by name: the table is complete, and no status is both an answer and none."""

import re

from triage.rules.fetch_failures import FAILURES, FetchFailure, find_by_status


def test_each_name_has_a_row_and_fits_its_column():
    assert set(FAILURES) == set(FetchFailure)
    assert all(re.fullmatch(r"[a-z_]{1,40}", name.value) for name in FetchFailure)
    assert all(kind.words and kind.tries >= 0 for kind in FAILURES.values())


def test_words_say_what_happened_without_any_address():
    for kind in FAILURES.values():
        assert not re.search(r"https?:|[0-9]{2,}|\.$", kind.words)


def test_an_answer_is_an_answer_whatever_it_says_unless_it_may_become_another():
    failing = {status for status in range(100, 600) if find_by_status(status)}
    assert failing == {408, 425, 429, 500, 502, 503, 504, *range(520, 528)}
    assert find_by_status(429) is FetchFailure.ASKED_TO_WAIT
    assert {find_by_status(status) for status in (200, 301, 403, 404, 410, 451)} == {None}
