"""The client by itself: TLS and its faults, odd heads, slowness, cookies, several addresses, the body reader."""

import asyncio
import gzip
import hashlib
import random
import socket
import ssl
import threading
import zlib
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from tests.local_fetch import fetch, resolve_by, trust_only
from tests.local_sites import LocalSite, drip, run_site, send_bytes
from triage.errors import CaptureFailedError, CaptureRefusedError
from triage.rules.fetch_failures import FAILURES, FetchFailure
from workers.dialling.practice_names import PracticeNames
from workers.fetcher import client
from workers.fetcher.body import FREE_BYTES, MAX_RATIO, BodyReader
from workers.fetcher.client import Answer, Chain
from workers.fetcher.trust import Trust
from workers.fetcher.wire import FetchLimits, FetchOrder

LIMITS = FetchLimits(total_s=2.0, connect_s=0.5, max_bytes=100_000)


def get(site: LocalSite, url: str, trust: Trust | None = None, limits: FetchLimits = LIMITS) -> Answer:
    names = site.practice_names("photos.example", "other.example")
    return fetch(url, limits, practice=names, **({"trust": trust} if trust else {}))


def fail_of(site: LocalSite, url: str, limits: FetchLimits = LIMITS) -> str:
    with pytest.raises(CaptureFailedError) as caught:
        get(site, url, limits=limits)
    assert str(caught.value) == FAILURES[FetchFailure(caught.value.failure)].words
    return caught.value.failure


def make_tls(*hosts: str, **more: object) -> tuple[ssl.SSLContext, Trust, bytes]:
    """Return the server's context for `hosts`, a trust in its issuer, and its certificate (DER)."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = authority.issue_cert(*hosts, **more)
    issued.configure_cert(server)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    return server, trust_only(context), der


def test_a_verified_certificate_is_recorded_without_a_fault() -> None:
    server, trust, der = make_tls("photos.example")
    with run_site(server) as site:
        site.lay_answer("/", b"ok")
        hop = get(site, "https://photos.example/", trust).hops[0]
    assert (hop.tls, hop.certificate_fault, hop.status) == ("TLSv1.3", "", 200)
    assert hop.certificate == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize(
    ("url", "more", "is_known", "fault"),
    [
        ("https://other.example/", {}, True, "the certificate is for another name"),
        ("https://203.0.113.10/", {}, True, "the certificate is for another name"),
        ("https://photos.example/", {}, False, "the certificate comes from an unknown issuer"),
        ("https://photos.example/", {"not_after": -5}, True, "the certificate has expired"),
        ("https://photos.example/", {"not_before": 5}, True, "the certificate is not valid yet"),
    ],
)
def test_a_certificate_that_cannot_be_verified_is_taken_and_its_fault_said(
    url: str, more: dict[str, int], is_known: bool, fault: str
) -> None:
    now = datetime.now(UTC)
    dates = {name: now + timedelta(days=days) for name, days in more.items()}
    if "not_before" in dates:
        dates["not_after"] = now + timedelta(days=30)
    server, trust, der = make_tls("photos.example", **dates)
    with run_site(server) as site:
        site.lay_answer("/", b"ok")
        answer = get(site, url, trust if is_known else None)
    assert (answer.body, answer.hops[0].certificate_fault) == (b"ok", fault)
    assert answer.hops[0].certificate == hashlib.sha256(der).hexdigest()
    assert site.seen == ["/"]


def test_a_certificate_that_signed_itself_is_said_to_be_so() -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with authority.private_key_pem.tempfile() as key, authority.cert_pem.tempfile() as certificate:
        server.load_cert_chain(certificate, key)
    with run_site(server) as site:
        site.lay_answer("/", b"ok")
        assert (
            get(site, "https://photos.example/").hops[0].certificate_fault
            == "the certificate is signed by itself"
        )


def test_a_server_without_our_tls_or_without_any_is_named() -> None:
    server, _, _ = make_tls("photos.example")
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    server.set_ciphers("NULL-SHA256:@SECLEVEL=0")
    with run_site(server) as site:
        assert fail_of(site, "https://photos.example/") == "no_common_tls"
    with run_site() as plain:
        # It waits for the end of a request that never comes.
        assert fail_of(plain, "https://photos.example/") == "connect_timeout"


def test_a_server_that_greets_before_tls_has_none_in_common() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                peer.recv(4096)

        thread = threading.Thread(target=greet)
        thread.start()
        names = PracticeNames.from_rows(
            [("photos.example", "203.0.113.10", "127.0.0.1", server.getsockname()[1])]
        )
        with pytest.raises(CaptureFailedError) as caught:
            fetch("https://photos.example/", LIMITS, practice=names)
        thread.join()
    assert caught.value.failure == "no_common_tls"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Content-Type: IMAGE/JPEG; charset=x\r\n", "image/jpeg"),
        ("Content-Type: " + "a" * 500 + "\r\n", ""),
        ("Content-Type: ëë\r\n", ""),
        ("Content-Type: html\r\n", ""),
        ("Content-Type: image/x\r\nContent-Type: text/html\r\n", "text/html"),
        ("Content-Type: image/x, text/html;a=b\r\n", "text/html"),
        ('Content-Type: text/html; a=", image/x;"\r\n', "text/html"),
        ("Content-Type: text/html\r\nContent-Type: */*\r\n", "text/html"),
        ("", ""),
    ],
)
def test_media_types_are_tidied(header: str, expected: str) -> None:
    with run_site() as site:
        site.lay("/", send_bytes(f"HTTP/1.1 200 OK\r\n{header}Content-Length: 0\r\n\r\n".encode()))
        assert get(site, "http://photos.example/").hops[0].content_type == expected


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "not_http"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", "not_http"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello", "not_http"),
        (b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", "not_http"),
        (b"HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n", "not_http"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 21 + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "not_http"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n0\r\n\r\n", "not_http"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "cut_off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "cut_off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", "not_http"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "not_http"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", "not_http"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", "not_http"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "not_http"),
        (b"<html>no head at all", "not_http"),
        (b"", "broken_off"),
    ],
)  # fmt: skip
def test_what_is_no_proper_answer_is_named(raw: bytes, failure: str) -> None:
    with run_site() as site:
        site.lay("/", send_bytes(raw))
        assert fail_of(site, "http://photos.example/") == failure


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 200\r\n\r\nno reason", b"no reason"),
        (b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and another answer", b"hello"),
        (b"HTTP/1.1 302 No\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 304 No\r\n\r\n", b""),
    ],
)  # fmt: skip
def test_odd_but_proper_answers_are_taken(raw: bytes, body: bytes) -> None:
    with run_site() as site:
        site.lay("/", send_bytes(raw))
        assert get(site, "http://photos.example/").body == body


def test_an_answer_below_the_least_rate_is_too_slow_but_a_slow_start_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "RATE_GRACE_S", 0.3)
    head = b"HTTP/1.1 200 OK\r\n"
    with run_site() as site:
        site.lay("/slow", drip(head + b"\r\n", lambda _: b"a", 0.05, 30))
        site.lay("/slow-head", drip(head, lambda place: b"X-%d: a\r\n" % place, 0.05, 30))
        site.lay("/stops", drip(head + b"Content-Length: 9999\r\n\r\n", lambda _: b"a" * 1000, 0.01, 1))
        site.lay("/late", drip(b"", lambda _: head + b"Content-Length: 2\r\n\r\nok", 0.8, 1))
        site.lay("/steady", drip(head + b"Content-Length: 4000\r\n\r\n", lambda _: b"a" * 400, 0.05, 10))
        assert get(site, "http://photos.example/late").body == b"ok"
        assert len(get(site, "http://photos.example/steady").body) == 4000
        # Kept open by the server: what stops must not wait for the total.
        site.lay("/stops", lambda peer: (peer.sendall(head + b"Content-Length: 9\r\n\r\na"), peer.recv(1)))
        for path in ("slow", "slow-head", "stops"):
            assert fail_of(site, f"http://photos.example/{path}") == "too_slow"
        never = FetchLimits(total_s=0.8, least_rate=0)
        assert fail_of(site, "http://photos.example/slow", never) == "out_of_time"


def test_silence_ends_before_the_total(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENCE_S", 0.2)
    with run_site() as site:
        site.lay("/", lambda peer: peer.recv(1))
        assert fail_of(site, "http://photos.example/") == "silent"


def test_nothing_is_told_to_the_server_but_the_request() -> None:
    with run_site() as site:
        site.lay_redirect("/a", "http://other.example/b")
        site.lay_answer("/b", b"ok")
        get(site, "http://photos.example/a#!x")
    first, second = (request.decode().lower() for request in site.requests)
    assert first.startswith("get /a http/1.1\r\nhost: photos.example\r\n")
    assert second.startswith("get /b http/1.1\r\nhost: other.example\r\n")
    for request in (first, second):
        words = ("cookie:", "referer:", "authorization:", "hotline", "python", "h11")
        assert not any(word in request for word in words)
        assert "accept-encoding: identity" in request


def test_cookies_go_back_to_their_own_host_and_to_no_other() -> None:
    with run_site() as site:
        mine = "Set-Cookie: a=1; Domain=.example; Path=/\r\nSet-Cookie: s=2; Secure\r\nSet-Cookie: b=3\r\n"
        site.lay_answer("/1", b"", status=302, headers=f"{mine}Location: http://other.example/2\r\n")
        site.lay_answer("/2", b"", status=302, headers="Location: http://photos.example/3\r\n")
        gone = "Set-Cookie: a=; Max-Age=0\r\n"
        site.lay_answer("/3", b"", status=302, headers=f"{gone}Location: /4\r\n")
        site.lay_answer("/4", b"ok")
        answer = get(site, "http://photos.example/1")
        get(site, "http://photos.example/4")
    cookies = [
        [line for line in request.decode().split("\r\n") if line.startswith("Cookie")]
        for request in site.requests
    ]
    assert cookies == [[], [], ["Cookie: a=1; b=3"], ["Cookie: b=3"], []]
    assert "a=1" not in repr(answer.hops)


@pytest.mark.parametrize("age", ["--5", "\N{SUPERSCRIPT TWO}", "-" * 20, "9" * 50, "-1"])
def test_a_cookie_of_any_age_breaks_nothing(age: str) -> None:
    with run_site() as site:
        site.lay_answer("/", b"ok", headers=f"Set-Cookie: a=b; Max-Age={age}\r\n")
        assert get(site, "http://photos.example/").body == b"ok"


def test_a_flood_of_cookies_is_cut() -> None:
    with run_site() as site:
        many = "".join(f"Set-Cookie: c{place}={'x' * 20}\r\n" for place in range(100))
        site.lay_answer("/1", b"", status=302, headers=f"{many}Location: /2\r\n")
        long = "".join(f"Set-Cookie: d{place}={'x' * 3000}\r\n" for place in range(5))
        site.lay_answer("/2", b"", status=302, headers=f"{long}Location: /3\r\n")
        odd = "Set-Cookie: \r\nSet-Cookie: =x\r\nSet-Cookie: no\r\nSet-Cookie: e=\x01\r\nSet-Cookie: f=ë\r\n"
        site.lay_answer("/3", b"ok", headers=odd.replace("\x01", "a,b"))
        chain = Chain()
        fetch("http://photos.example/1", practice=site.practice_names(), chain=chain)
    sent = site.requests[2].decode().split("Cookie: ")[1].split("\r\n")[0]
    assert (len(sent.split("; ")), len(sent) < 4200) == (20, True)


def test_the_referer_is_cut_across_sites_and_from_https_to_http() -> None:
    page = "http://photos.example/album?x=1#!top"
    with run_site() as site:
        site.lay_redirect("/a", "http://other.example/b")
        site.lay_answer("/b", b"ok")
        fetch(FetchOrder("http://photos.example/a", referer=page),
              practice=site.practice_names("photos.example", "other.example"))  # fmt: skip
        fetch(FetchOrder("http://photos.example/b", referer=page.replace("http:", "https:")),
              practice=site.practice_names("photos.example"))  # fmt: skip
    found = [
        [line for line in request.decode().split("\r\n") if line.startswith("Referer")]
        for request in site.requests
    ]
    assert found == [["Referer: http://photos.example/album?x=1"], ["Referer: http://photos.example/"], []]


def test_an_unreachable_server_and_an_unknown_name_are_failures() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    names = PracticeNames.from_rows([("photos.example", "203.0.113.10", "127.0.0.1", port)])
    with pytest.raises(CaptureFailedError) as caught:
        fetch("http://photos.example/", LIMITS, practice=names)
    assert caught.value.failure == FetchFailure.UNREACHABLE
    with pytest.raises(CaptureFailedError) as caught:
        fetch("http://photos.net/", LIMITS, resolve=resolve_by({"photos.net": []}))
    assert caught.value.failure == FetchFailure.NO_ADDRESS


def test_the_next_checked_address_is_tried_when_the_first_is_dead() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = closed.getsockname()[1]
    with run_site() as site:
        site.lay_answer("/", b"ok")
        rows = [
            ("a.example", "203.0.113.1", "127.0.0.1", dead),
            ("b.example", "203.0.113.2", "127.0.0.1", site.port),
        ]
        resolve = resolve_by({"two.net": ["203.0.113.1", "203.0.113.2"]})
        answer = fetch("http://two.net/", LIMITS, practice=PracticeNames.from_rows(rows), resolve=resolve)
    assert answer.hops[0].address == "203.0.113.2"


def test_a_name_service_that_never_answers_is_cut_off_by_the_total() -> None:
    async def resolve_never(host: str) -> list[str]:
        await asyncio.sleep(60)
        return []

    with pytest.raises(CaptureFailedError) as caught:
        fetch("http://a.net/", FetchLimits(total_s=0.3), resolve=resolve_never)
    assert caught.value.failure == FetchFailure.NAME_SERVICE_SILENT


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "x-gzip", "GZIP", "deflate"])
def test_bodies_come_out_whole_however_they_are_cut(encoding: str) -> None:
    plain = random.Random(7).randbytes(5000) * 3
    sent = plain
    if "gzip" in encoding.lower():
        sent = gzip.compress(plain)
    elif encoding == "deflate":
        sent = zlib.compress(plain)
    for size in (1, 7, 1000, len(sent)):
        reader = BodyReader(len(sent) + len(plain), encoding, "")
        for start in range(0, len(sent), size):
            reader.take(sent[start : start + size])
        assert reader.finish() == plain


def test_the_limit_is_exact_before_and_after_decompression() -> None:
    reader = BodyReader(1000, "", "1000")
    reader.take(b"x" * 1000)
    assert len(reader.finish()) == 1000
    with pytest.raises(CaptureRefusedError):
        reader.take(b"x")
    with pytest.raises(CaptureRefusedError):
        BodyReader(1000, "", "1001")
    packed = gzip.compress(b"x" * 1001)
    with pytest.raises(CaptureRefusedError):
        BodyReader(1000, "gzip", "").take(packed)
    reader = BodyReader(1001, "gzip", "")
    reader.take(packed)
    assert len(reader.finish()) == 1001


def test_a_bomb_is_seen_by_how_far_it_unfolds_and_an_honest_file_is_not() -> None:
    bomb = gzip.compress(b"\0" * (8 << 20))
    assert len(bomb) * MAX_RATIO < 8 << 20
    for size in (1, 100, len(bomb)):
        reader = BodyReader(64 << 20, "gzip", "")
        with pytest.raises(CaptureRefusedError, match="unfolds"):
            for start in range(0, len(bomb), size):
                reader.take(bomb[start : start + size])
    reader = BodyReader(64 << 20, "gzip", "")
    reader.take(gzip.compress(b"\0" * FREE_BYTES))
    assert len(reader.finish()) == FREE_BYTES
    # Whole steps of output with no input left between them.
    exact = gzip.compress(random.Random(1).randbytes(3 << 20))
    reader = BodyReader(64 << 20, "gzip", "")
    reader.take(exact)
    assert len(reader.finish()) == 3 << 20


def test_what_follows_a_packed_stream_is_ignored_as_browsers_do() -> None:
    packed = gzip.compress(b"first") + gzip.compress(b"second") + b"rubbish"
    reader = BodyReader(1000, "gzip", "")
    for start in range(0, len(packed), 3):
        reader.take(packed[start : start + 3])
    assert reader.finish() == b"first"


@pytest.mark.parametrize(
    "encoding", ["br", "zstd", "compress", "gzip, gzip", "deflate,gzip", "gzip;q=1", "ë"]
)
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(CaptureRefusedError):
        BodyReader(1000, encoding, "")


@pytest.mark.parametrize("lines", [("gzip", "gzip"), ("", "br"), ("identity", "gzip", "deflate")])
def test_layers_on_lines_of_their_own_are_one_list(lines: tuple[str, ...]) -> None:
    with run_site() as site:
        site.lay_answer("/", b"x", headers="".join(f"Content-Encoding: {line}\r\n" for line in lines))
        with pytest.raises(CaptureRefusedError, match="compressed"):
            get(site, "http://photos.example/")


def test_a_choice_with_a_target_is_followed_and_a_redirect_without_one_is_an_answer() -> None:
    with run_site() as site:
        site.lay_redirect("/1", "/2", status=300)
        site.lay_answer("/2", b"shown", status=302, headers="Refresh: 0; url=/3\r\n")
        answer = get(site, "http://photos.example/1")
    assert ([hop.status for hop in answer.hops], answer.body) == ([300, 302], b"shown")
    assert answer.refresh == "0; url=/3"
