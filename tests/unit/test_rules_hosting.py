"""Who hosts an item: sources must agree, and an address that nobody of ours knows is never foreign."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from triage.errors import NotAllowedError
from triage.model import Hosting
from triage.rules.hosting import (
    BY_CAPTURE,
    BY_DNS,
    BY_URL,
    HostSource,
    check_decision,
    is_elsewhere,
    judge_hosting,
)
from triage.rules.states import Agreement

HERE = HostSource(BY_DNS, "192.0.2.10", 64496, "Rrjeti Shembull", "AL")
ALSO_HERE = replace(HERE, address="192.0.2.11")
THERE = HostSource(BY_DNS, "203.0.113.30", 64498, "Nowhere Hosting", "ZZ")
NOWHERE = HostSource(BY_DNS, "198.51.100.1")
BAD = HostSource(BY_DNS, "127.0.0.1", finding="the address is this machine")
AGREED, DISPUTED, UNKNOWN = Agreement.AGREED, Agreement.DISPUTED, Agreement.UNKNOWN


def captured(source):
    return replace(source, source=BY_CAPTURE)


@pytest.mark.parametrize(
    ("sources", "agreement", "reason"),
    [
        ([], UNKNOWN, "the host name has no address"),
        ([captured(HERE)], UNKNOWN, "the host name has no address"),
        (
            [HostSource(BY_DNS, finding="the host name does not exist")],
            UNKNOWN,
            "the host name does not exist",
        ),
        ([HERE, BAD], UNKNOWN, "the address is this machine"),
        ([BAD, HERE, THERE], UNKNOWN, "the address is this machine"),
        ([NOWHERE], UNKNOWN, "an address lies in no network that we know"),
        ([HERE, NOWHERE], UNKNOWN, "an address lies in no network that we know"),
        ([HERE, captured(NOWHERE)], UNKNOWN, "an address lies in no network that we know"),
        ([HERE, THERE], DISPUTED, "its addresses lie with several operators"),
        ([HERE, captured(THERE)], DISPUTED, "its capture came from another operator"),
        (
            [HERE, replace(ALSO_HERE, country="XK")],
            DISPUTED,
            "its operator's networks lie in several countries",
        ),
        ([HERE], AGREED, None),
        ([replace(HERE, source=BY_URL)], AGREED, None),
        ([HERE, ALSO_HERE, captured(HERE)], AGREED, None),
        ([THERE, captured(THERE)], AGREED, None),
    ],
)
def test_sources_agree_or_a_person_decides(sources, agreement, reason):
    judged = judge_hosting(sources, frozenset())
    assert (judged.agreement, judged.reason) == (agreement, reason)
    is_named = judged.asn is not None or judged.country is not None or judged.operator is not None
    assert is_named is (agreement is AGREED)


def test_the_address_that_was_captured_is_the_one_that_is_named():
    assert judge_hosting([HERE, ALSO_HERE, captured(ALSO_HERE)], frozenset()).address == ALSO_HERE.address
    assert judge_hosting([HERE, ALSO_HERE], frozenset()).address == HERE.address


def test_an_operator_who_said_not_ours_is_not_told_again():
    judged = judge_hosting([HERE, captured(HERE)], frozenset({64496}))
    assert (judged.agreement, judged.asn) == (DISPUTED, None)
    assert judge_hosting([HERE], frozenset({64498})).agreement is AGREED


FOUND = Hosting(
    id=UUID(int=1),
    item_id=UUID(int=2),
    address="192.0.2.10",
    asn=64496,
    operator="Rrjeti Shembull",
    country="AL",
    sources=[HERE.as_mapping(), captured(THERE).as_mapping(), NOWHERE.as_mapping()],
    agreement=AGREED,
    reason=None,
    decided_by=None,
    located_at=datetime(2026, 11, 1, tzinfo=UTC),
)
DECIDED = replace(FOUND, decided_by=UUID(int=3))


@pytest.mark.parametrize(
    ("hosting", "address", "asn", "has_moved"),
    [
        (None, "203.0.113.30", 64498, False),
        (FOUND, "192.0.2.99", 64496, False),
        (FOUND, "203.0.113.30", 64498, True),
        (FOUND, "192.0.2.10", 64498, True),
        (FOUND, "198.51.100.9", None, True),
        (DECIDED, "192.0.2.99", 64496, False),
        (DECIDED, "203.0.113.31", 64498, False),
        (DECIDED, "198.51.100.1", None, False),
        (DECIDED, "198.51.100.9", None, True),
        (DECIDED, "198.51.100.9", 64497, True),
    ],
)
def test_it_has_moved_when_it_answers_from_where_nobody_expected_it(hosting, address, asn, has_moved):
    assert is_elsewhere(hosting, address=address, asn=asn) is has_moved


@pytest.mark.parametrize(
    "wrong",
    [
        {"operator": "  "},
        {"operator": "x" * 201},
        {"country": "al"},
        {"country": "ALB"},
        {"asn": 0},
        {"asn": 2**32},
        {"address": "192.0.2.300"},
    ],
)
def test_a_decision_that_cannot_be_meant_is_refused(wrong):
    right = {"asn": None, "operator": "Rrjeti", "country": "XK", "address": None}
    check_decision(**right)
    with pytest.raises(NotAllowedError):
        check_decision(**(right | wrong))
