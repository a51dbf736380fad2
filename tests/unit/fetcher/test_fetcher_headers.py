"""What a request says by profile and purpose, and what of an answer's head is kept."""

from dataclasses import asdict

import pytest

from tests.local_fetch import fetch
from tests.local_sites import run_site
from triage.rules.urls import split_url
from triage.settings import load_settings
from workers.dialling.exits import Exits
from workers.fetcher.answers import AnswerChecker, WrongAnswerError
from workers.fetcher.client import Chain
from workers.fetcher.headers import (
    MAX_VALUE_CHARACTERS,
    PROFILES,
    RECORDED,
    Destination,
    cut_referer,
    find_destination,
    make_headers,
    record_headers,
)
from workers.fetcher.wire import FetchLimits, FetchOrder

FORBIDDEN_WORDS = ("cookie", "authorization", "auth", "token", "session", "secret", "key", "csrf")


def head_of(url: str, destination: Destination, *, profile: str = "browser", **more: str) -> list[str]:
    values = {"agent": "Agent", "language": "sq", "referer": "", "cookie": "", **more}
    made = make_headers(split_url(url), profile=profile, destination=destination, **values)
    return [f"{name.decode()}: {value.decode()}" for name, value in made]


def test_a_reported_page_is_asked_for_as_a_browser_asks() -> None:
    assert head_of("https://photos.net:8443/a", Destination.DOCUMENT) == [
        "Host: photos.net:8443",
        "User-Agent: Agent",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language: sq",
        "Accept-Encoding: identity",
        "Connection: keep-alive",
        "Upgrade-Insecure-Requests: 1",
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Site: none",
        "Sec-Fetch-User: ?1",
        "Priority: u=0, i",
    ]


@pytest.mark.parametrize(
    ("referer", "site"),
    [
        ("https://photos.net/album", "same-origin"),
        ("https://www.photos.net/album", "same-site"),
        ("http://photos.net/album", "cross-site"),
        ("https://other.net/album", "cross-site"),
    ],
)
def test_a_picture_is_asked_for_as_a_page_asks_for_it(referer: str, site: str) -> None:
    head = head_of("https://photos.net/a.jpg", Destination.IMAGE, referer=referer)
    assert "Sec-Fetch-Dest: image" in head
    assert "Sec-Fetch-Mode: no-cors" in head
    assert f"Sec-Fetch-Site: {site}" in head
    assert any(line.startswith("Accept: image/avif,image/webp") for line in head)
    assert not any(line.startswith(("Upgrade", "Sec-Fetch-User")) for line in head)
    assert any(line.startswith("Referer: ") for line in head)


def test_without_tls_nothing_is_said_that_browsers_say_only_there() -> None:
    assert not any("Sec-Fetch" in line for line in head_of("http://photos.net/", Destination.DOCUMENT))


def test_the_plain_profile_says_who_asks_and_nothing_special() -> None:
    limits = FetchLimits.from_settings(
        load_settings({"FETCH_PROFILE": "plain", "HOTLINE_NAME": "Linja ë", "FETCH_LANGUAGE": "sq"})
    )
    with run_site() as site:
        site.lay_answer("/", b"ok")
        fetch("http://photos.example/", limits, practice=site.practice_names())
    assert site.requests[0].decode() == (
        "GET / HTTP/1.1\r\nHost: photos.example\r\nUser-Agent: Linja\r\nAccept: */*\r\nAccept-Language: sq\r\n"
        "Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
    browser = FetchLimits.from_settings(load_settings({}))
    assert browser.user_agent.startswith("Mozilla/5.0")


def test_what_leads_to_a_request_says_what_it_is_for() -> None:
    assert find_destination("start", "") is Destination.DOCUMENT
    assert find_destination("start", "https://a.net/") is Destination.IMAGE
    assert find_destination("frame", "https://a.net/") is Destination.FRAME
    assert find_destination("refresh", "https://a.net/") is Destination.DOCUMENT
    with run_site() as site:
        site.lay_answer("/", b"ok")
        fetch(FetchOrder("http://photos.example/", referer="http://photos.example/page"),
              practice=site.practice_names(), chain=Chain())  # fmt: skip
    assert b"Accept: image/avif" in site.requests[0]


@pytest.mark.parametrize(
    ("referer", "url", "expected"),
    [
        ("", "https://a.net/", ""),
        ("https://a.net/x?y=1#!z", "https://b.a.net/", "https://a.net/x?y=1"),
        ("https://a.net:8443/x", "https://a.net/", "https://a.net:8443/x"),
        ("https://a.net/secret", "https://b.net/", "https://a.net/"),
        ("https://a.net/secret", "http://a.net/", ""),
        ("http://a.net/x", "https://a.net/", "http://a.net/x"),
        ("http://[2a00::1]/x", "http://[2a00::1]/", "http://[2a00::1]/x"),
        ("http://a.co.uk/x", "http://b.co.uk/", "http://a.co.uk/"),
        ("http://abc.onion/x", "http://b.net/", ""),
        ("http://abc.onion/x", "http://abc.onion/y", "http://abc.onion/x"),
    ],
)
def test_a_referer_tells_other_sites_no_more_than_whence(referer: str, url: str, expected: str) -> None:
    assert cut_referer(referer, split_url(url)) == expected


def test_no_value_breaks_the_lines_of_a_request() -> None:
    head = head_of(
        "https://a.net/",
        Destination.DOCUMENT,
        agent="a\r\nX: b",
        language="ë\n\x00c",
        cookie="a=b\r\nHost: x",
    )
    assert not any(set(line) & set("\r\n\x00") for line in head)
    assert "User-Agent: aX: b" in head


def test_profiles_ask_for_no_compression_and_name_every_header_once() -> None:
    for rows in PROFILES.values():
        names = [name for name, _ in rows]
        assert len(set(names)) == len(names)
        assert dict(rows)["Accept-Encoding"] == "identity"
        assert names[0] == "Host"


def test_the_kept_headers_hold_no_credential_and_each_has_a_reason() -> None:
    for name, reason in RECORDED:
        assert name == name.lower()
        assert reason
        assert not any(word in name for word in FORBIDDEN_WORDS), name
    assert len(dict(RECORDED)) == len(RECORDED)


def test_kept_headers_are_cut_made_printable_and_free_of_passwords() -> None:
    kept = dict(
        record_headers(
            [
                (b"Server", b"nginx\x1b[31m\xe2\x80\xae"),
                (b"server", b"second"),
                (b"Set-Cookie", b"a=b"),
                (b"Authorization", b"x"),
                (b"ETag", b"x" * 1000),
                (b"Location", b"https://me:secret@photos.net/@a"),
                (b"Via", "ë".encode()),
                (b"X-Cache", b"\xff"),
            ]
        )
    )
    assert list(kept) == ["server", "etag", "location", "via", "x-cache"]
    assert kept["server"] == "nginx\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}"
    assert len(kept["etag"]) == MAX_VALUE_CHARACTERS
    assert kept["location"] == "https://photos.net/@a"
    assert (kept["via"], kept["x-cache"]) == ("ë", "ÿ")


def test_what_the_client_records_passes_the_door() -> None:
    with run_site() as site:
        many = "".join(
            f"{name}: {'v' * 400}\r\n" for name, _ in RECORDED if name not in {"content-length", "location"}
        )
        site.lay_answer("/", b"ok", headers=many.replace("content-encoding: " + "v" * 400 + "\r\n", ""))
        answer = fetch("http://photos.example/", practice=site.practice_names())
        checker = AnswerChecker(FetchLimits(), Exits(), site.practice_names(), ())
        frame = {"hops": [asdict(hop) for hop in answer.hops], "elapsed_ms": 1, "page": False}
        for hop in frame["hops"]:
            hop["headers"] = [list(pair) for pair in hop["headers"]]
        assert checker.read_answer(frame, FetchOrder("http://photos.example/"), b"ok").hops == answer.hops
        with pytest.raises(WrongAnswerError):
            checker.read_answer(frame, FetchOrder("http://photos.example/other"), b"ok")
