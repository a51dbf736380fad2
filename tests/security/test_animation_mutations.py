"""Damaged animations and files of several pictures: decoded or refused in words, and the zygote lives."""

import pytest

from tests.mutation_runs import MOVING, run_mutations


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", MOVING)
def test_damaged_files_are_decoded_or_refused_and_nothing_else(kind, capsys):
    run_mutations(kind, capsys)
