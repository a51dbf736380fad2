"""The client by itself: TLS, odd headers, unreachable servers, several addresses, the body reader."""

import asyncio
import gzip
import random
import socket
import ssl
import zlib

import httpcore2
import pytest
import trustme

from tests.local_sites import LocalSite, run_site, send_bytes
from triage.errors import CaptureFailedError, CaptureRefusedError
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.body import BodyReader
from workers.fetcher.client import Answer, CheckedBackend, fetch_url, resolve_host
from workers.fetcher.wire import FetchLimits

LIMITS = FetchLimits(total_s=2.0, connect_s=0.5, max_bytes=100_000)


def fetch(site: LocalSite, url: str, trust: ssl.SSLContext | None = None) -> Answer:
    trust = trust or ssl.create_default_context()
    names = site.practice_names("photos.example", "other.example")
    return asyncio.run(fetch_url(url, LIMITS, trust, practice=names))


def make_tls(host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the server's context for `host`, and a client's that trusts its issuer."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


def test_a_certificate_of_another_name_or_an_unknown_issuer_is_said_to_be_so() -> None:
    server, client = make_tls("photos.example")
    with run_site(server) as site:
        site.lay_answer("/", b"ok")
        with pytest.raises(CaptureFailedError, match="certificate"):
            fetch(site, "https://other.example/", client)
        with pytest.raises(CaptureFailedError, match="certificate"):
            fetch(site, "https://photos.example/")
        assert site.seen == []
        answer = fetch(site, "https://photos.example/", client)
        assert (answer.body, answer.hops[0].tls) == (b"ok", "TLSv1.3")


def test_a_plain_server_behind_https_fails_clearly() -> None:
    with run_site() as site, pytest.raises(CaptureFailedError):
        fetch(site, "https://photos.example/")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Content-Type: IMAGE/JPEG; charset=x\r\n", "image/jpeg"),
        ("Content-Type: " + "a" * 500 + "\r\n", ""),
        ("Content-Type: ëë\r\n", ""),
        ("", ""),
    ],
)
def test_media_types_are_tidied(header: str, expected: str) -> None:
    with run_site() as site:
        site.lay("/", send_bytes(f"HTTP/1.1 200 OK\r\n{header}Content-Length: 0\r\n\r\n".encode()))
        assert fetch(site, "http://photos.example/").hops[0].content_type == expected


def test_nothing_is_told_to_the_server_but_the_request() -> None:
    with run_site() as site:
        site.lay_redirect("/a", "http://other.example/b")
        site.lay_answer("/b", b"ok")
        fetch(site, "http://photos.example/a#!x")
    first, second = (request.decode().lower() for request in site.requests)
    assert first.startswith("get /a http/1.1\r\nhost: photos.example\r\n")
    assert second.startswith("get /b http/1.1\r\nhost: other.example\r\n")
    for request in (first, second):
        assert not any(
            word in request for word in ("cookie:", "referer:", "authorization:", "hotline", "python")
        )
        assert "accept-encoding: identity" in request


def test_an_unreachable_server_and_an_unknown_name_are_failures() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    names = PracticeNames.from_rows([("photos.example", "203.0.113.10", "127.0.0.1", port)])
    trust = ssl.create_default_context()
    with pytest.raises(CaptureFailedError, match="cannot be reached"):
        asyncio.run(fetch_url("http://photos.example/", LIMITS, trust, practice=names))

    async def resolve_nothing(host: str) -> list[str]:
        return []

    with pytest.raises(CaptureFailedError, match="no address"):
        asyncio.run(fetch_url("http://photos.net/", LIMITS, trust, resolve=resolve_nothing))


def test_the_next_checked_address_is_tried_when_the_first_is_dead() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = closed.getsockname()[1]

    async def resolve_two(host: str) -> list[str]:
        return ["203.0.113.1", "203.0.113.2"]

    with run_site() as site:
        site.lay_answer("/", b"ok")
        names = PracticeNames.from_rows(
            [
                ("a.example", "203.0.113.1", "127.0.0.1", dead),
                ("b.example", "203.0.113.2", "127.0.0.1", site.port),
            ]
        )
        trust = ssl.create_default_context()
        answer = asyncio.run(fetch_url("http://two.net/", LIMITS, trust, practice=names, resolve=resolve_two))
    assert answer.hops[0].address == "203.0.113.2"


def test_a_name_server_that_never_answers_is_cut_off_by_the_total() -> None:
    async def resolve_never(host: str) -> list[str]:
        await asyncio.sleep(60)
        return []

    limits = FetchLimits(total_s=0.3)
    with pytest.raises(CaptureFailedError, match="within"):
        asyncio.run(fetch_url("http://a.net/", limits, ssl.create_default_context(), resolve=resolve_never))


@pytest.mark.parametrize(
    ("number", "words"),
    [(socket.EAI_AGAIN, "does not answer"), (socket.EAI_NONAME, "no address")],
)
def test_what_the_resolver_says_becomes_words(
    monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def refuse(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(number, "x")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(CaptureFailedError, match=words):
        asyncio.run(resolve_host("photos.net"))


def test_the_backend_never_opens_a_unix_socket() -> None:
    backend = CheckedBackend(resolve_host, PracticeNames())
    with pytest.raises(CaptureRefusedError):
        asyncio.run(backend.connect_unix_socket("/run/x"))
    assert isinstance(backend, httpcore2.AsyncNetworkBackend)


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


@pytest.mark.parametrize(
    "encoding", ["br", "zstd", "compress", "gzip, gzip", "deflate,gzip", "gzip;q=1", "ë"]
)
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(CaptureRefusedError):
        BodyReader(1000, encoding, "")
