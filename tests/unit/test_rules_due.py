"""Due: waits that grow and end, and jobs that are strings."""

import pytest

from triage.rules.due import ITEM_JOBS, SENDING_JOBS, next_wait
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


def test_jobs_are_names_and_never_import_paths():
    assert set(ITEM_JOBS) <= set(ItemState)
    assert set(SENDING_JOBS) <= set(SendingState)
    for job in (*ITEM_JOBS.values(), *SENDING_JOBS.values()):
        assert job.name.isidentifier()
        assert type(job.name) is str
