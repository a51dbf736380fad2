"""The filter's line: what it asks for, what it does not know, and that nothing typed into it can harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.rules.queue_filter import LONGEST, QueueFilter, read_filter
from triage.rules.states import ItemKind, Lane


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("", QueueFilter()),
        ("host:.al", QueueFilter(host=".al")),
        ("host:EXAMPLE.AL.", QueueFilter(host="example.al")),
        ("host:example[.]al", QueueFilter(host="example.al")),
        ("host:shqipëri.al", QueueFilter(host="xn--shqipri-vya.al")),
        ("host:[::1]", QueueFilter(host="[::1]")),
        ("host:2001:DB8:0::1", QueueFilter(host="[2001:db8::1]")),
        ("host:.shqipëri.al.", QueueFilter(host=".xn--shqipri-vya.al")),
        ("host:*.example(.)al", QueueFilter(host=".example.al")),
        ("host:al", QueueFilter(host="al")),
        ("host:192.0.2.07", QueueFilter(host="192.0.2.7")),
        ("new:yes known:no", QueueFilter(is_new=True, is_known=False)),
        ("new:po new:jo", QueueFilter(is_new=False)),
        ("KIND:Upload danger:yes", QueueFilter(kind=ItemKind.UPLOAD, is_danger=True)),
        ("lane:no-look", QueueFilter(lane=Lane.NO_LOOK)),
        ("Pic_1 50%", QueueFilter(texts=("pic_1", "50%"))),
        ("hxxps://a[.]example/x", QueueFilter(texts=("https://a.example/x",))),
    ],
)
def test_words_mean_what_they_say(line, wanted):
    assert read_filter(line) == wanted


@pytest.mark.parametrize(
    "word",
    [
        "new:maybe",
        "colour:red",
        "host:",
        "host:.",
        "host:a/b",
        "host:a%b",
        "host:'x",
        "host:::zz",
        "host:a@example.al",
        "host:example.al:8080",
        "host:1.2.3.4.5",
        "kind:film",
        "lane:",
        "x" * 9 + ":y",
    ],
)
def test_what_it_does_not_know_is_named_and_asks_for_nothing(word):
    found = read_filter(f"{word} new:yes")
    assert found == QueueFilter(is_new=True, unknown=(word,))


@given(st.text())
def test_no_line_is_an_error_and_none_holds_what_nobody_sees(line):
    found = read_filter(line)
    for text in (*found.texts, found.host or ""):
        assert "\0" not in text
        assert len(text) <= LONGEST * 3
    assert len(found.texts) + len(found.unknown) <= 12
