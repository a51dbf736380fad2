"""A database goes with its keys: a start with others is refused before anything is sealed to them."""

import pytest

from triage.cli.deployment import digest_keys
from triage.cli.make_keys import make_keys
from triage.cli.state_dir import StateDir
from triage.errors import KeyMissingError
from triage.keys import RECEIPT_KEY
from triage.store.key_digests import bind_keys


def prepare(root):
    state = StateDir(root)
    state.prepare()
    make_keys(state, evidence_url=None)
    return state


def test_the_same_keys_are_taken_again_and_others_are_refused(conn, tmp_path):
    ours = prepare(tmp_path / "ours")
    bind_keys(conn, digest_keys(ours))
    bind_keys(conn, digest_keys(ours))
    with pytest.raises(KeyMissingError, match="not the one that this database was started with"):
        bind_keys(conn, digest_keys(prepare(tmp_path / "others")))


def test_a_lost_receipt_key_is_not_silently_replaced(conn, tmp_path):
    ours = prepare(tmp_path / "ours")
    bind_keys(conn, digest_keys(ours))
    (ours.keys("public") / RECEIPT_KEY).unlink()
    make_keys(ours, evidence_url=None)
    with pytest.raises(KeyMissingError, match=RECEIPT_KEY):
        bind_keys(conn, digest_keys(ours))
