"""Due: waits that grow and end, and jobs that are strings."""

import pytest

from triage.rules.due import ITEM_JOBS, LATE_JOBS, SENDING_JOBS, choose_wait, is_late, next_wait
from triage.rules.fetch_failures import FailureKind
from triage.rules.states import ItemState, SendingState


@pytest.mark.parametrize(
    ("tries", "wait"), [(1, 60.0), (2, 600.0), (3, 3600.0), (4, None), (5, None), (1000, None)]
)
def test_each_try_waits_longer_and_the_last_one_gives_up(tries, wait):
    assert next_wait((60.0, 600.0, 3600.0), tries) == wait


def test_without_waits_the_first_failure_is_the_last():
    assert next_wait((), 1) is None


def test_a_wait_of_nothing_is_not_giving_up():
    assert next_wait((0.0,), 1) == 0.0


@pytest.mark.parametrize(
    ("tries", "most", "asked_s", "wait"),
    [
        (1, 0, None, 60.0),
        (1, 2, None, 60.0),
        (2, 2, None, None),
        (1, 1, None, None),
        (3, 0, None, 3600.0),
        (4, 0, 5.0, None),
        (1, 0, 5.0, 60.0),
        (1, 0, 300.0, 300.0),
        (1, 0, 1e12, 3600.0),
        (2, 2, 300.0, None),
    ],
)
def test_a_failure_may_end_sooner_and_a_server_may_ask_for_longer(tries, most, asked_s, wait):
    assert choose_wait((60.0, 600.0, 3600.0), tries, FailureKind("why", tries=most), asked_s) == wait


def test_only_what_is_patient_waits_behind_all_others_and_danger_never():
    assert [
        is_late(danger=danger, is_patient=patient) for danger in (False, True) for patient in (False, True)
    ] == [
        False,
        True,
        False,
        False,
    ]
    assert set(LATE_JOBS) <= set(ITEM_JOBS.values())
    assert all(late.name == job.name for job, late in LATE_JOBS.items())


def test_jobs_are_names_and_never_import_paths():
    assert set(ITEM_JOBS) <= set(ItemState)
    assert set(SENDING_JOBS) <= set(SendingState)
    for job in (*ITEM_JOBS.values(), *SENDING_JOBS.values()):
        assert job.name.isidentifier()
        assert type(job.name) is str
