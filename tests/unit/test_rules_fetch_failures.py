"""Failures by name: the table is complete, and no status is both an answer and none."""

import re
from datetime import UTC, datetime

import pytest

from triage.rules.fetch_failures import FAILURES, FetchFailure, find_by_status, read_retry_after


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("soon", None),
        ("-5", None),
        ("\N{ARABIC-INDIC DIGIT THREE}", None),
        ("120", 120.0),
        ("9" * 300, 999_999_999.0),
        ("Sun, 01 Nov 2026 00:01:00 GMT", 60.0),
        ("Sun, 01 Nov 2026 00:01:00", 60.0),
        ("Sat, 31 Oct 2026 00:00:00 GMT", 0.0),
        ("Mon, 01 Jan 99999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999999999", None),
        ("Mon, 01 Jan 2024 00:00:99999999999999999999999 GMT", None),
    ],
)
def test_a_wish_to_wait_is_read_whatever_a_server_writes(text: str, expected: float | None):
    now = datetime(2026, 11, 1, tzinfo=UTC)
    assert read_retry_after({"retry-after": text}, now) == expected
