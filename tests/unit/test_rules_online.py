"""Online checks: only a plain "not there" is removed, and only three of them, well apart, count."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from hashsets.model import Algorithm, Fingerprint
from triage.rules.online import (
    GONE_KINDS,
    AnswerNow,
    CheckPolicy,
    PastCheck,
    ShownBefore,
    ShownChild,
    count_removed,
    judge_check,
)
from triage.rules.page_kinds import PageKind, describe_kind
from triage.rules.states import ClosedAs, OnlineResult

ONLINE, REMOVED, UNKNOWN = OnlineResult.ONLINE, OnlineResult.REMOVED, OnlineResult.UNKNOWN
VALUE = "5a" * 32


def pdq(value=VALUE, **more):
    return Fingerprint(Algorithm.PDQ, value, orientation="r0", **({"quality": 100} | more))


def turn(bits):
    return f"{int(VALUE, 16) ^ ((1 << bits) - 1):064x}"


PICTURE = ShownBefore(body=b"a" * 32, images=(b"a" * 32,), fingerprints=(pdq(),))
TEXT = ShownBefore(body=b"t" * 32)
SAME = AnswerNow(200, b"a" * 32)
OTHER = AnswerNow(200, b"b" * 32)
OURS, HARMLESS = "http://a.example/1.jpg", "http://a.example/2.jpg"
PAGE = ShownBefore(
    body=b"p" * 32, children=(ShownChild(OURS, None), ShownChild(HARMLESS, ClosedAs.NOT_ACTIONABLE))
)
SHOWS = AnswerNow(200, b"q" * 32, is_page=True, pictures=(OURS, HARMLESS))


@pytest.mark.parametrize("before", [PICTURE, TEXT, PAGE, ShownBefore()])
@pytest.mark.parametrize(
    "status", [201, 204, 206, 301, 304, 400, 401, 403, 404, 410, 418, 429, 451, 500, 503]
)
def test_of_all_other_statuses_only_two_say_that_it_is_gone(before, status):
    found = judge_check(before, replace(SHOWS, status=status, body=before.body or b"x" * 32))
    assert found.result is (REMOVED if status in (404, 410) else UNKNOWN)
    assert str(status) in found.reason


@pytest.mark.parametrize(
    ("before", "now", "result"),
    [
        (PICTURE, SAME, ONLINE),
        (PICTURE, OTHER, UNKNOWN),
        (PICTURE, replace(OTHER, fingerprints=(pdq(turn(31)),)), ONLINE),
        (PICTURE, replace(OTHER, fingerprints=(pdq(turn(32)),)), UNKNOWN),
        (PICTURE, replace(OTHER, fingerprints=(pdq(quality=49),)), UNKNOWN),
        (PICTURE, replace(OTHER, is_page=True), UNKNOWN),
        (
            replace(PICTURE, fingerprints=(pdq("0" * 64),)),
            replace(OTHER, fingerprints=(pdq("0" * 64),)),
            UNKNOWN,
        ),
        (TEXT, AnswerNow(200, b"t" * 32, is_page=True), ONLINE),
        (TEXT, AnswerNow(200, b"u" * 32, is_page=True), UNKNOWN),
        (ShownBefore(), OTHER, UNKNOWN),
        (PAGE, SHOWS, ONLINE),
        (PAGE, replace(SHOWS, is_page_read=False), ONLINE),
        (PAGE, replace(SHOWS, pictures=(HARMLESS,)), REMOVED),
        (PAGE, replace(SHOWS, pictures=()), REMOVED),
        (PAGE, replace(SHOWS, pictures=(), is_page_read=False), UNKNOWN),
        (PAGE, replace(SHOWS, pictures=("http://a.example/new.jpg",)), UNKNOWN),
        (PAGE, replace(SHOWS, is_page=False), UNKNOWN),
    ],
)
def test_what_answers_is_compared_with_what_was_there(before, now, result):
    assert judge_check(before, now).result is result


@pytest.mark.parametrize("closed_as", [None, *ClosedAs])
def test_a_page_shows_what_was_reported_while_a_picture_of_it_is_neither_harmless_nor_gone(closed_as):
    before = ShownBefore(body=b"p" * 32, children=(ShownChild(OURS, closed_as),))
    gone_or_harmless = {
        ClosedAs.NOT_ACTIONABLE,
        ClosedAs.SAME_AS_BEFORE,
        ClosedAs.HANDED_ON,
        ClosedAs.REMOVED,
        ClosedAs.REMOVED_BEFORE_NOTICE,
        ClosedAs.TOO_SMALL,
    }
    found = judge_check(before, replace(SHOWS, pictures=(OURS,)))
    assert found.result is (REMOVED if closed_as in gone_or_harmless else ONLINE)


WALLS = (PageKind.LOGIN_WALL, PageKind.CONSENT_WALL, PageKind.GEO_BLOCK)
CARRIED = ShownBefore(body=b"p" * 32, children=(ShownChild(None, ClosedAs.REFERRED, b"c" * 32),))


@pytest.mark.parametrize("kind", WALLS)
@pytest.mark.parametrize("before", [PICTURE, TEXT, PAGE, CARRIED, ShownBefore()])
@pytest.mark.parametrize("status", [200, 403, 451])
def test_a_wall_says_nothing_of_what_lies_behind_it(kind, before, status):
    found = judge_check(before, AnswerNow(status, b"w" * 32, is_page=True, kind=kind))
    assert (found.result, found.reason) == (UNKNOWN, f"{describe_kind(kind, None)} stands before it")


@pytest.mark.parametrize("kind", GONE_KINDS)
@pytest.mark.parametrize("before", [PICTURE, TEXT, PAGE, CARRIED])
def test_a_page_that_says_it_is_gone_is_believed_only_where_nothing_of_it_stands_any_more(kind, before):
    gone = AnswerNow(200, b"w" * 32, is_page=True, kind=kind, pictures=("http://a.example/logo.png",))
    found = judge_check(before, gone)
    assert (found.result, found.reason) == (REMOVED, GONE_KINDS[kind])
    assert judge_check(before, replace(gone, is_page_read=False)).result is UNKNOWN
    assert judge_check(before, replace(gone, status=500)).result is UNKNOWN
    assert judge_check(replace(before, kind=kind), gone).result is UNKNOWN
    assert judge_check(PAGE, replace(gone, pictures=(OURS,))).result is ONLINE
    assert judge_check(CARRIED, replace(gone, embedded=(b"c" * 32,))).result is ONLINE
    assert judge_check(TEXT, replace(gone, body=b"t" * 32)).result is ONLINE
    assert judge_check(ShownBefore(), gone).result is UNKNOWN


def test_a_list_of_links_is_judged_like_any_page():
    assert judge_check(PAGE, replace(SHOWS, kind=PageKind.LINK_LIST)).result is ONLINE
    assert judge_check(PAGE, replace(SHOWS, kind=PageKind.LINK_LIST, pictures=())).result is REMOVED


def test_a_picture_inside_the_page_counts_like_any_other():
    shows = AnswerNow(200, b"q" * 32, is_page=True, embedded=(b"c" * 32,))
    assert judge_check(CARRIED, shows).result is ONLINE
    assert judge_check(CARRIED, replace(shows, embedded=())).result is REMOVED
    assert judge_check(CARRIED, replace(shows, embedded=(b"d" * 32,))).result is UNKNOWN


START = datetime(2026, 11, 1, tzinfo=UTC)


def checks(*minutes, result=REMOVED):
    return [PastCheck(result, START + timedelta(minutes=minute)) for minute in minutes]


@pytest.mark.parametrize(
    ("past", "count"),
    [
        ([], 0),
        (checks(0), 1),
        (checks(0, 30, 60), 3),
        (checks(0, 10, 20, 29), 1),
        (checks(0, 10, 30, 40, 60), 3),
        (checks(0, -50, -10), 1),
        (checks(0, -50, -10, 30, 60), 3),
        (checks(0, 30) + checks(60, result=ONLINE) + checks(90), 1),
        (checks(0, 30) + checks(60, result=OnlineResult.UNREACHABLE) + checks(90, 120), 2),
        (checks(0, 30, 60) + checks(90, result=UNKNOWN), 0),
    ],
)
def test_removed_counts_in_a_row_and_well_apart_whatever_the_clock_does(past, count):
    assert count_removed(past, apart_s=1800.0) == count


def test_no_order_of_results_counts_more_than_its_end():
    for row in product((ONLINE, REMOVED), repeat=6):
        past = [PastCheck(one, START + timedelta(hours=place)) for place, one in enumerate(row)]
        tail = next((place for place, one in enumerate(reversed(row)) if one is not REMOVED), len(row))
        assert count_removed(past, apart_s=1800.0) == tail


def test_what_was_found_removed_is_looked_at_again_sooner():
    policy = CheckPolicy(online_check_every_s=3600.0, removed_check_every_s=1800.0)
    waits = {one: (policy.next_check_at(one, START) - START).total_seconds() for one in OnlineResult}
    assert waits.pop(REMOVED) == 1800.0
    assert set(waits.values()) == {3600.0}
