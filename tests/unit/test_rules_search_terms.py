"""What is typed into the search: each kind of term is told from the others, and hostile ones are one sentence."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.errors import InvalidReportError
from triage.rules.search_terms import FIELDS, SearchTerms, read_host, read_terms
from triage.rules.states import ItemState, Lane


def key(url):
    return hashlib.sha256(url.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("IS-7K2M-9QXT", SearchTerms(reference="IS-7K2M-9QXT")),
        (" r-7k2m-9qxt ", SearchTerms(reference="R-7K2M-9QXT")),
        ("example.al", SearchTerms(host="example.al")),
        ("Example[.]AL", SearchTerms(host="example.al")),
        (".al", SearchTerms(host="al")),
        ("*.example.al", SearchTerms(host="example.al")),
        ("192.0.2.7", SearchTerms(host="192.0.2.7")),
        ("[2001:db8::1]", SearchTerms(host="[2001:db8::1]")),
        ("shqipëria.al", SearchTerms(host="xn--shqipria-x1a.al")),
        ("AS64496", SearchTerms(asn=64496)),
        ("as 64496", SearchTerms(asn=64496)),
        ("Rrjeti Shembull", SearchTerms(operator="rrjeti shembull")),
        ("%", SearchTerms(operator="%")),
        ("", SearchTerms()),
    ],
)
def test_one_box_tells_its_terms_apart(text, terms):
    assert read_terms({"q": text}) == terms


@pytest.mark.parametrize(
    "text",
    [
        "http://example.al/a?b=1",
        "hxxp://example[.]al/a?b=1",
        "https://EXAMPLE.al:443/a?b=1#x",
        "example.al/a?b=1",
        "HXXPS://example(.)al/a?b=1",
    ],
)
def test_an_address_is_looked_for_exactly_by_both_schemes(text):
    found = read_terms({"q": text}).url_keys
    assert set(found) == {key("http://example.al/a?b=1"), key("https://example.al/a?b=1")}


def test_days_are_those_of_tirana_and_the_last_one_is_included():
    terms = read_terms({"since": "30.03.2025", "until": "30.03.2025"})  # the clock goes forward: 23 hours
    assert terms.since.isoformat() == "2025-03-30T00:00:00+01:00"
    assert terms.until.isoformat() == "2025-03-31T00:00:00+02:00"
    assert (terms.until.timestamp() - terms.since.timestamp()) == 23 * 3600


def test_fields_add_up_and_contradictions_are_said():
    terms = read_terms({"q": "AS64496", "host": ".al", "state": "notified", "lane": "look"})
    assert terms == SearchTerms(asn=64496, host="al", state=ItemState.NOTIFIED, lane=Lane.LOOK)
    assert (terms.name_main(), terms.count()) == ("host", 4)
    with pytest.raises(InvalidReportError, match="different"):
        read_terms({"q": "example.al", "host": "other.al"})


@pytest.mark.parametrize(
    "typed",
    [
        {"host": "http://x.al/"},
        {"host": "a b.al"},
        {"host": "a.al/x"},
        {"host": "x@a.al"},
        {"host": "."},
        {"host": "a.al:80:80"},
        {"q": "ftp://a.al/x"},
        {"q": "AS0"},
        {"operator": "AS9999999999"},
        {"since": "2025-11-22"},
        {"since": "31.02.2025"},
        {"until": "00.00.2025"},
        {"state": "gone"},
        {"lane": "'; DROP TABLE items"},
        {"q": "x" * 3000},
        {"host": "x" * 300},
        {"operator": "a\x00b"},
    ],
)
def test_what_cannot_be_read_is_one_sentence_that_repeats_nothing(typed):
    with pytest.raises(InvalidReportError) as caught:
        read_terms(typed)
    words = str(caught.value)
    assert "\n" not in words
    assert all(value not in words for value in typed.values() if len(value) > 3)


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=80)))
def test_whatever_is_typed_is_terms_or_a_sentence(typed):
    try:
        terms = read_terms(typed)
    except InvalidReportError:
        return
    assert terms.count() <= len(FIELDS)
    if terms.host:
        assert read_host(terms.host) == terms.host
