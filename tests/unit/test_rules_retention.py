"""Retention: views always go, bytes stay only for the police and only of what is illegal."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from triage.model import VIEWS, EvidenceKind
from triage.rules.retention import RETENTION, choose_expired, settled_before

ALL = list(EvidenceKind)
VERDICTS = ("illegal", "not_illegal", "out_of_scope", "doubtful")


@pytest.mark.parametrize("verdict", VERDICTS)
def test_everything_goes_when_nothing_is_kept_for_the_police(verdict):
    assert choose_expired(ALL, verdict=verdict, evidence_for_police=False) == ALL


def test_views_go_whatever_the_verdict_and_the_setting():
    for verdict, setting in product(VERDICTS, (True, False)):
        expired = choose_expired(ALL, verdict=verdict, evidence_for_police=setting)
        assert set(VIEWS) <= set(expired)
        assert (EvidenceKind.BYTES in expired) is not (setting and verdict == "illegal")


def test_only_what_is_present_is_named():
    assert choose_expired([], verdict="illegal", evidence_for_police=True) == []
    assert choose_expired([EvidenceKind.BYTES], verdict="illegal", evidence_for_police=True) == []


def test_the_undo_window_ends_so_many_seconds_after_the_verdict():
    now = datetime(2026, 3, 4, tzinfo=UTC)
    assert settled_before(now, 60.0) == now - timedelta(seconds=60)


def test_every_rule_has_an_end_and_a_ground():
    assert len({rule.what for rule in RETENTION}) == len(RETENTION)
    assert all(rule.kept_until and rule.ground for rule in RETENTION)
