"""Admission: what a report does to an item that stands already."""

from datetime import UTC, datetime, timedelta

import pytest

from triage.rules.admission import Admission, admit_again
from triage.rules.states import ITEM_MOVES, ClosedAs, ItemState, Remit, find_move

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
DAY_S = 86400.0
OLD = NOW - timedelta(seconds=DAY_S)
FRESH = OLD + timedelta(seconds=1)


def admit(state, remit=Remit.CSAM, captured_at=OLD, *, closed_as=None, danger=False, **more):
    values = {"danger": danger, "now": NOW, "recapture_after_s": DAY_S} | more
    return admit_again(state, remit, captured_at, closed_as, **values)


@pytest.mark.parametrize("remit", [Remit.HATE_SPEECH, Remit.OTHER])
@pytest.mark.parametrize("state", list(ItemState))
def test_another_remit_moves_nothing(state, remit):
    assert admit(state, remit) is Admission.ADDED
    assert admit(state, remit, danger=True) is Admission.ADDED


@pytest.mark.parametrize("captured_at", [None, OLD, FRESH])
def test_a_report_of_ours_outranks_any_other_remit(captured_at):
    for remit in (Remit.CSAM, Remit.CSEM):
        assert admit(ItemState.AWAITING_HAND_ON, remit, captured_at) is Admission.REPORTED_IN_REMIT


@pytest.mark.parametrize(
    ("captured_at", "expected"),
    [(None, Admission.REPORTED_AGAIN), (OLD, Admission.REPORTED_AGAIN), (FRESH, Admission.ADDED)],
)
def test_a_closed_item_is_captured_again_unless_its_capture_is_fresh(captured_at, expected):
    assert admit(ItemState.CLOSED, captured_at=captured_at) is expected
    assert admit(ItemState.CLOSED, captured_at=captured_at, danger=True) is Admission.REPORTED_AGAIN


@pytest.mark.parametrize("closed_as", list(ClosedAs))
def test_what_was_never_judged_comes_back_at_once(closed_as):
    at_once = closed_as in (ClosedAs.NOT_JUDGED, ClosedAs.TOO_SMALL)
    admission = admit(ItemState.CLOSED, captured_at=FRESH, closed_as=closed_as)
    assert admission is (Admission.REPORTED_AGAIN if at_once else Admission.ADDED)
    by_page = admit(ItemState.CLOSED, captured_at=FRESH, closed_as=closed_as, by_page=True)
    again = closed_as is ClosedAs.NOT_JUDGED  # nobody asked for what was too small to be anything
    assert by_page is (Admission.REPORTED_AGAIN if again else Admission.ADDED)


@pytest.mark.parametrize(
    "state", sorted(set(ItemState) - {ItemState.CLOSED, ItemState.AWAITING_HAND_ON}, key=str)
)
def test_an_item_under_way_only_gets_the_report_added(state):
    assert admit(state) is Admission.ADDED
    assert admit(state, danger=True) is Admission.ADDED


def test_every_admission_that_moves_is_a_move_of_the_table():
    assert find_move(ITEM_MOVES, ItemState.CLOSED, Admission.REPORTED_AGAIN).after is ItemState.RECEIVED
    move = find_move(ITEM_MOVES, ItemState.AWAITING_HAND_ON, Admission.REPORTED_IN_REMIT)
    assert move.after is ItemState.RECEIVED
