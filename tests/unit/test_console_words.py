"""The console has a word for everything that it can meet, in both languages."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import triage
from api.console.catalogue import TEXTS
from api.console.words import disarm, say_address, say_age, say_reason, shorten
from hashsets.model import EntryClass, HitKind
from triage.model import Channel, ChannelOut, RecipientKind
from triage.rules import lanes, sending
from triage.rules.assessing import Label, NationalVerdict, Place
from triage.rules.fetch_failures import FAILURES
from triage.rules.lanes import describe_left
from triage.rules.media import CANNOT_BE_SHOWN
from triage.rules.online import GONE_KINDS
from triage.rules.page_kinds import PageFacts, PageKind, describe_kind
from triage.rules.states import (
    Agreement,
    Basis,
    CaptureOutcome,
    ClosedAs,
    ImageState,
    ItemKind,
    ItemState,
    Lane,
    Remit,
    SendingKind,
    SendingPart,
    SendingState,
)
from triage.sandbox.heic import NOT_INSTALLED
from triage.sandbox.wire import REASONS as DECODER_REASONS
from triage.steps.record_answer import ANSWERS
from workers.dialling.policy import NEVER_OURS, REFUSED_ENDINGS, REFUSED_IPV4, REFUSED_IPV6
from workers.fetcher.trust import ALL_FAULTS

ROOT = Path(triage.__file__).parents[1]
PREFIXES = {
    "state_": ItemState,
    "closed_": ClosedAs,
    "kind_": ItemKind,
    "remit_": Remit,
    "channel_": Channel,
    "lane_": Lane,
    "image_": ImageState,
    "verdict_": NationalVerdict,
    "basis_": Basis,
    "class_": EntryClass,
    "match_": HitKind,
    "capture_": CaptureOutcome,
    "agreement_": Agreement,
    "place_": Place,
    "label_": Label,
    "sending_": SendingState,
    "sending_kind_": SendingKind,
    "part_": SendingPart,
    "recipient_": RecipientKind,
    "channel_out_": ChannelOut,
}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_value_has_its_word(prefix):
    missing = [one.value for one in PREFIXES[prefix] if f"{prefix}{one.value}" not in TEXTS]
    assert missing == []


def test_every_answer_has_its_word():
    assert [one for one in ANSWERS if f"answer_{one}" not in TEXTS] == []


def test_a_reason_is_said_in_albanian_where_we_have_it():
    for module in (lanes, sending):
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, str) and " " in value:
                assert say_reason("sq", value) != value, name
    assert (
        say_reason("sq", "near a listed picture: 12 bits of 256")
        == "afër një imazhi të listuar: 12 bit nga 256"
    )
    assert (
        say_reason("sq", "refused: the host is a name for tests")
        == "u refuzua: hosti është një emër për prova"
    )
    assert say_reason("sq", "refused: something else") == "u refuzua: something else"
    assert say_reason("sq", "something new") == say_reason("en", "something new") == "something new"


def test_why_a_file_or_an_address_cannot_be_shown_is_said_in_albanian():
    said = [*CANNOT_BE_SHOWN.values(), *DECODER_REASONS.values()]
    said += [
        f"refused: the host is {words}" for words in ("this machine", "a private network", "a Tor service")
    ]
    untranslated = [one for one in said if say_reason("sq", one) == one]
    assert untranslated == []
    assert [one for one in said if one.rpartition(" is ")[2] in say_reason("sq", one)] == []


def find_literals(path, name):
    """Return the plain sentences with which a module of ours makes errors of this name."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return [
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == name
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]


def test_every_sentence_of_the_tables_of_capturing_is_said_in_albanian():
    refused = [words for table in (REFUSED_IPV4, REFUSED_IPV6, NEVER_OURS) for _, words, _ in table]
    refused += [words for _, words in REFUSED_ENDINGS]
    said = [kind.words for kind in FAILURES.values()]
    said += [describe_kind(kind, None) for kind in PageKind]
    said += [describe_kind(PageKind.LINK_LIST, PageFacts(links=40, other_sites=7)), describe_left(120)]
    said += [*ALL_FAULTS, *GONE_KINDS.values(), NOT_INSTALLED]
    said += [f"{describe_kind(kind, None)} stands before it" for kind in PageKind]
    said += [f"refused: the address is {words}" for words in refused]
    for path in (
        *("workers/dialling/policy.py", "workers/dialling/exits.py", "workers/get_bytes.py"),
        *("workers/fetcher/body.py", "workers/fetcher/client.py", "workers/fetcher/connect.py"),
    ):
        said += find_literals(path, "CaptureRefusedError")
    said += find_literals("triage/rules/urls.py", "InvalidUrlError")
    for name in ("HostilePictureError", "PictureOverLimitError", "PictureRefusedError"):
        said += find_literals("triage/sandbox/conversation.py", name)
        said += find_literals("triage/sandbox/decoder.py", name)
    said += [
        "could not be fetched: the server does not answer, 4 tries",
        "an animation: only its first 300 frames were read",
    ]
    assert [one for one in said if say_reason("sq", one) == one] == []
    assert [
        one for one in refused if one != "multicast" and one in say_reason("sq", f"the address is {one}")
    ] == []


def test_what_is_said_of_a_page_is_said_part_by_part():
    assert (
        say_reason("sq", "a login wall; a page: 3 pictures, 0 known")
        == "një mur hyrjeje; një faqe: 3 imazhe, të njohura: 0"
    )
    assert (
        say_reason("sq", "could not be fetched: the server asks us to wait, 4 tries")
        == "nuk u mor dot: serveri na kërkon të presim, 4 përpjekje"
    )


def test_addresses_in_a_strangers_words_are_no_links():
    assert disarm("see HTTPS://a.example/x.y, then http://b.example") == (
        "see hxxps://a[.]example/x.y, then hxxp://b[.]example"
    )
    assert disarm("nginx/1.2.3") == "nginx/1.2.3"


def test_ages_and_addresses():
    now = datetime(2026, 1, 10, 12, tzinfo=UTC)
    ages = {
        0: "just now",
        59: "just now",
        60: "1 min ago",
        7200: "2 h ago",
        86400 * 3 + 5: "3 d ago",
        -9: "just now",
    }
    for seconds, words in ages.items():
        assert say_age("en", now - timedelta(seconds=seconds), now) == words
    assert say_age("sq", None, now) == "–"
    assert say_address("http://a.example/x.y") == "hxxp://a[.]example/x.y"
    assert say_address(None) == ""
    assert shorten("a" * 100, 10) == "a" * 9 + "…"
