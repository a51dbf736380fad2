"""States: the tables are sound machines, and these are the moves that a capture may make."""

import pytest

from api.console.routes import ROUTES
from triage.rules.due import ITEM_JOBS, SENDING_JOBS
from triage.rules.states import (
    FINAL,
    IMAGE_MOVES,
    ITEM_MOVES,
    PAGES,
    SENDING_MOVES,
    WAITING_STATES,
    ImageState,
    ItemState,
    SendingState,
    Who,
    find_move,
)

MACHINES = {
    "items": (ITEM_MOVES, ItemState, ItemState.RECEIVED),
    "images": (IMAGE_MOVES, ImageState, ImageState.UNJUDGED),
    "sending": (SENDING_MOVES, SendingState, SendingState.WAITING_APPROVAL),
}
MACHINE = pytest.mark.parametrize("name", sorted(MACHINES))


def reach(moves, start):
    """Return every state that can be reached from one."""
    found, todo = {start}, [start]
    while todo:
        state = todo.pop()
        for move in moves:
            if move.before == state and move.after not in found:
                found.add(move.after)
                todo.append(move.after)
    return found


@MACHINE
def test_an_event_leads_from_a_state_to_one_state_only(name):
    moves = MACHINES[name][0]
    keys = [(move.before, move.event) for move in moves]
    assert len(set(keys)) == len(keys)


@MACHINE
def test_every_state_is_reached_and_leads_to_a_final_one(name):
    moves, states, start = MACHINES[name]
    assert reach(moves, start) == set(states)
    for state in states:
        assert reach(moves, state) & FINAL


@MACHINE
def test_every_state_that_is_not_final_has_a_job_or_a_page_where_a_person_finds_it(name):
    states = set(MACHINES[name][1])
    assert states <= FINAL | set(ITEM_JOBS) | set(SENDING_JOBS) | set(PAGES)
    assert not (FINAL & states) & (set(ITEM_JOBS) | set(SENDING_JOBS) | set(PAGES))


def test_every_page_of_a_state_is_a_route_of_the_console():
    pages = {route.path for route in ROUTES if route.method == "GET"}
    assert {path.partition("?")[0] for path in PAGES.values()} <= pages


@MACHINE
def test_a_move_that_is_not_in_the_table_is_refused(name):
    moves, states, _ = MACHINES[name]
    for state in states:
        with pytest.raises(KeyError):
            find_move(moves, state, "no_such_event")


def test_a_worker_moves_a_received_item_only_before_a_person():
    worker = [move for move in ITEM_MOVES if move.before is ItemState.RECEIVED and move.who is Who.WORKER]
    assert {move.event for move in worker} == {"capture_succeeded", "capture_refused", "capture_gave_up"}
    assert {move.after for move in worker} == {ItemState.AWAITING_ASSESSMENT}


def test_no_worker_settles_or_judges_anything():
    assert not [move for move in IMAGE_MOVES if move.who is Who.WORKER]
    settling = [move for move in ITEM_MOVES if move.event.startswith("settled_")]
    assert settling
    assert all(move.who in (Who.STEP, Who.LEAD) for move in settling)


def test_only_states_that_wait_have_a_lane():
    assert set(WAITING_STATES) == {
        ItemState.AWAITING_ASSESSMENT,
        ItemState.AWAITING_LEAD,
        ItemState.AWAITING_HAND_ON,
    }
