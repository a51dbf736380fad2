"""The console as a state machine, at a desk where two assessors gate every notice; see `tests/console_walks.py`."""

import pytest

from tests.console_walks import run_walks
from triage.rules.assessing import SecondAssessor


@pytest.mark.timeout(3600)
def test_whatever_people_do_at_the_console_its_promises_hold(servers):
    run_walks(servers, SecondAssessor.BEFORE_NOTICE)
