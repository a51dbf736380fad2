"""Damaged pictures: decoded or refused in words, while the zygote lives and no child outlives its time."""

import pytest

from tests.mutation_runs import STILL, run_mutations


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", STILL)
def test_damaged_files_are_decoded_or_refused_and_nothing_else(kind, capsys):
    run_mutations(kind, capsys)
