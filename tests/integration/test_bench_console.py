"""The measurement of the console: what it fills is a deployment like any other, and its people get all they ask for."""

import contextlib
import random

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.console import (
    PAGE_MUST_MS,
    REVEAL,
    REVEAL_MUST_MS,
    Worker,
    add_up,
    draw_views,
    judge,
    summarise,
)
from bench.console_data import write_reference
from bench.console_server import run_console
from triage.rules.search_terms import read_terms
from triage.rules.states import Lane
from triage.store import checks
from triage.store.home import count_lanes

pytestmark = pytest.mark.long

ITEMS = 2000


def test_what_is_filled_holds_every_invariant_and_its_people_are_refused_nothing():
    with run_console(ITEMS, 2, draw_views()) as console:
        with psycopg.connect(console.dsn) as conn:
            assert find_violations(conn) == []
            lanes = count_lanes(conn)
            assert all(lanes[lane] for lane in Lane if lane is not Lane.PARTNER)
            (row,) = conn.execute("SELECT count(*) FILTER (WHERE state = 'closed') FROM items").fetchall()
            assert row[0] >= 0.8 * ITEMS
            (row,) = conn.execute(
                "SELECT count(*), count(*) FILTER (WHERE reference ~ '^IS-[0-9A-F]{4}-[0-9A-F]{4}$')"
                " FROM items"
            ).fetchall()
            assert row[0] == row[1]
            (row,) = conn.execute(
                "SELECT id FROM items WHERE reference = %s", (write_reference(7),)
            ).fetchall()
            assert row[0].int & 0xFFFFFFFFFFFF == 7
        worker = Worker(console, console.visitors[0], random.Random(1), 0.0)
        with contextlib.closing(worker):
            for _ in range(2):
                worker.walk()
        assert {kind: number for kind, number in worker.refused.items() if number} == {}
        assert {
            "queue",
            "filtered queue",
            "open",
            "review",
            REVEAL,
            "assess",
            "search",
            "bare",
        } <= worker.took.keys()
        with psycopg.connect(console.dsn) as conn:
            assert find_violations(conn) == []


def find_violations(conn):
    """What does not hold, but for custody: the filling leaves it out."""
    return [one for one in checks.find_violations(conn) if "custody" not in one]


def test_a_page_over_its_limit_is_not_kept_and_a_peer_has_none():
    found = {
        "queue": {"p95_ms": PAGE_MUST_MS + 1, "refused": 0},
        "search": {"p95_ms": PAGE_MUST_MS, "refused": 0},
        REVEAL: {"p95_ms": REVEAL_MUST_MS, "refused": 0},
        "healthz": {"p95_ms": 9999.0, "refused": 0},
    }
    assert judge(found) == {"queue": False, "search": True, REVEAL: True}


def test_what_was_refused_is_not_kept_however_quick_and_neither_is_a_run_without_a_look():
    served = {"p95_ms": 1.0, "refused": 1}
    assert judge({"queue": served, REVEAL: served}) == {"queue": False, REVEAL: False}
    assert judge({"queue": {"p95_ms": 1.0, "refused": 0}}) == {"queue": True, REVEAL: False}


def test_a_kind_of_page_that_was_only_ever_refused_is_counted():
    found = add_up([({"queue": [10.0, 30.0]}, {"queue": 0, REVEAL: 2}), ({}, {REVEAL: 1})])
    assert found[REVEAL] == {"pages": 0, "refused": 3}
    assert (found["queue"]["p50_ms"], found["queue"]["pages"]) == (20.0, 2)
    summary = summarise([found, found])
    assert summary[REVEAL] == {"pages": 0, "refused": 6}
    assert judge(summary) == {"queue": True, REVEAL: False}


@given(st.integers(1, 10_000_000))
def test_a_reference_is_one_that_the_search_reads(number):
    reference = write_reference(number)
    assert read_terms({"q": reference}).reference == reference


def test_a_figure_is_the_median_of_its_rounds():
    rounds = [
        {"queue": {"p50_ms": ms, "p95_ms": 2 * ms, "pages": 3, "refused": 0}} for ms in (10.0, 90.0, 20.0)
    ]
    assert summarise(rounds) == {"queue": {"p50_ms": 20.0, "p95_ms": 40.0, "pages": 9, "refused": 0}}
