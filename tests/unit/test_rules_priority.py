"""The score: what counts, what it comes to, when it grows, and what a second assessor never learns by it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.rules.priority import (
    DANGER_FLOOR,
    HIGHEST,
    Part,
    ScoreFacts,
    is_registered_in_albania,
    score_item,
)

NOW = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
PLAIN = ScoreFacts(
    is_danger=False,
    is_danger_reported=False,
    is_new=False,
    is_flagged=False,
    is_written_of=False,
    reports=1,
    is_albanian=False,
    is_partner=False,
    since=NOW,
)
FACTS = st.builds(
    ScoreFacts,
    is_danger=st.booleans(),
    is_danger_reported=st.booleans(),
    is_new=st.booleans(),
    is_flagged=st.booleans(),
    is_written_of=st.booleans(),
    reports=st.integers(0, 10**6),
    is_albanian=st.booleans(),
    is_partner=st.booleans(),
    since=st.datetimes(datetime(2026, 3, 1), datetime(2026, 3, 14)).map(lambda one: one.replace(tzinfo=UTC)),
).filter(lambda facts: facts.is_danger or not facts.is_danger_reported)


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        ({}, 0),
        ({"is_danger": True}, DANGER_FLOOR),
        ({"is_danger": True, "is_danger_reported": True, "is_new": True}, DANGER_FLOOR),
        ({"is_new": True}, 25),
        ({"is_new": True, "is_flagged": True, "is_albanian": True}, 45),
        ({"is_written_of": True}, 5),
        ({"is_new": True, "is_flagged": True, "is_written_of": True}, 40),
        ({"reports": 0}, 0),
        ({"reports": 2}, 5),
        ({"reports": 3}, 7),
        ({"reports": 8}, 15),
        ({"reports": 10**9}, 15),
        ({"since": NOW - timedelta(hours=2.4)}, 1),
        ({"since": NOW - timedelta(hours=24)}, 10),
        ({"since": NOW - timedelta(days=365)}, 10),
        ({"since": NOW + timedelta(days=1)}, 0),
        ({"is_albanian": True, "since": NOW - timedelta(hours=2)}, 15),
        (
            {
                "is_danger": True,
                "is_danger_reported": True,
                "is_new": True,
                "is_flagged": True,
                "reports": 99,
                "is_albanian": True,
                "since": NOW - timedelta(days=1),
            },
            HIGHEST,
        ),
    ],
)
def test_a_score_is_the_sum_of_its_parts_within_its_bounds(changes, total):
    assert score_item(replace(PLAIN, **changes), now=NOW).total == total


@given(FACTS)
def test_a_score_stays_within_its_bounds_and_grows_by_age_alone(facts):
    score = score_item(facts, now=NOW)
    assert 0 <= score.blind_total <= score.total <= HIGHEST
    assert score.total <= sum(score.parts.values()) or score.total == DANGER_FLOOR
    later = score_item(facts, now=NOW + timedelta(minutes=90))
    assert later.total >= score.total
    if score.next_at is None:
        assert later.total == score.total
    else:
        assert score.next_at > NOW
        before = score_item(facts, now=score.next_at - timedelta(microseconds=1))
        at_it = score_item(facts, now=score.next_at)
        assert before.parts == score.parts
        assert (at_it.parts, at_it.blind_total) != (score.parts, score.blind_total) or at_it.total == HIGHEST


@given(FACTS)
def test_the_words_of_a_stranger_count_less_than_those_of_a_list_and_never_as_danger(facts):
    written = score_item(replace(facts, is_written_of=True, is_flagged=False), now=NOW)
    listed = score_item(replace(facts, is_written_of=False, is_flagged=True), now=NOW)
    silent = score_item(replace(facts, is_written_of=False, is_flagged=False), now=NOW)
    assert silent.total <= written.total <= silent.total + 5
    assert written.total < listed.total or facts.is_danger
    assert written.total < DANGER_FLOOR or facts.is_danger
    assert written.next_at == silent.next_at


@given(FACTS)
def test_what_an_assessor_said_of_danger_changes_nothing_for_a_second_one(facts):
    said = score_item(replace(facts, is_danger=True), now=NOW)
    unsaid = score_item(replace(facts, is_danger=facts.is_danger_reported), now=NOW)
    assert said.blind_total == unsaid.blind_total
    assert said.parts.keys() - {Part.DANGER_SAID, Part.AGE} == unsaid.parts.keys() - {Part.AGE}


@pytest.mark.parametrize(
    ("host", "is_it"), [("a.al", True), ("al", False), ("a.al.example", False), ("xal", False), (None, False)]
)
def test_a_name_is_registered_in_albania_by_its_end(host, is_it):
    assert is_registered_in_albania(host) is is_it
