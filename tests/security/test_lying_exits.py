"""Exits may lie, and may be asked for what lies inside: nothing comes of it, and nothing goes out directly instead."""

import socket
import ssl
import time

import pytest
import trustme

from tests.address_tricks import ANSWERS, CONNECT_LIES, SOCKS_LIES
from tests.local_dns import LocalDns
from tests.local_exits import LocalExit
from tests.local_fetch import fetch, resolve_by, trust_only
from tests.local_sites import run_site
from triage.errors import CaptureFailedError, CaptureRefusedError, InvalidUrlError
from triage.rules.fetch_failures import FetchFailure
from triage.rules.urls import normalise_url
from workers.dialling.exits import Exits
from workers.dialling.name_servers import NameServers
from workers.dialling.policy import ALLOWED_PORTS
from workers.fetcher.__main__ import list_ports
from workers.fetcher.door import Fetcher
from workers.fetcher.wire import FetchLimits, FetchOrder

KINDS = ("http", "socks5", "tor")
INSIDE = [
    *(
        "http://127.0.0.1/ok",
        "http://[::1]/ok",
        "http://localhost/ok",
        "http://2130706433/ok",
        "http://10.0.0.1/ok",
    ),
    *("http://169.254.169.254/ok", "http://[::ffff:127.0.0.1]/ok", "http://[64:ff9b::7f00:1]/ok"),
    *(
        "http://printer.local/ok",
        "http://db.internal/ok",
        "http://photos.net:22/ok",
        "http://photos.net:6379/ok",
    ),
    *("http://8.8.8.8/ok", "http://x.test/ok", "http://nas.lan/ok"),
]


def limits_of(way: LocalExit, kind: str | None = None, *rules: str) -> FetchLimits:
    return FetchLimits(
        total_s=1.5,
        connect_s=0.2,
        exits=(way.write_setting("abroad", kind),),
        exit_rules=rules or ("*=abroad",),
        inside_networks=("8.8.8.0/24",),
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", INSIDE)
def test_no_exit_is_asked_for_what_lies_inside(kind: str, text: str) -> None:
    with LocalExit("http" if kind == "http" else "socks5") as way:
        with pytest.raises((CaptureRefusedError, InvalidUrlError)):
            fetch(normalise_url(text).url, limits_of(way, kind), resolve=resolve_by({}))
        assert way.asked == []


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_no_exit_gets_an_address_that_was_refused(kind: str) -> None:
    with LocalExit(kind) as way:
        for host in ANSWERS:
            with pytest.raises(CaptureRefusedError):
                fetch(f"http://{host}/", limits_of(way), resolve=resolve_by(ANSWERS))
        assert way.asked == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "target", ["http://127.0.0.1/ok", "//[::1]/ok", "http://abc.internal/", "http://8.8.8.8/"]
)
def test_a_redirect_behind_an_exit_leads_no_further_inside(kind: str, target: str) -> None:
    place = "203.0.113.10:80" if kind != "tor" else "photos.net:80"
    with run_site() as site:
        site.lay_redirect("/", target)
        with LocalExit("http" if kind == "http" else "socks5", leads={place: site.port}) as way:
            with pytest.raises(CaptureRefusedError):
                fetch("http://photos.net/", limits_of(way, kind), practice=site.practice_names(),
                      resolve=resolve_by({"photos.net": ["203.0.113.10"]}))  # fmt: skip
        assert (way.asked, site.seen) == ([place], ["/"])


@pytest.mark.parametrize(
    ("kind", "name"),
    [*(("http", name) for name in CONNECT_LIES), *(("socks5", name) for name in SOCKS_LIES)],
)
def test_an_exit_that_lies_is_a_named_failure_in_time(kind: str, name: str) -> None:
    lie = (CONNECT_LIES if kind == "http" else SOCKS_LIES)[name]
    with run_site() as site, LocalExit(kind, lie=lie) as way:
        site.lay_answer("/", b"ok")
        started = time.monotonic()
        with pytest.raises(CaptureFailedError) as caught:
            fetch("http://photos.example/", limits_of(way), practice=site.practice_names())
        assert time.monotonic() - started < 2.2
        assert site.seen == []
    assert caught.value.failure == FetchFailure.EXIT_FAILED


def test_what_an_exit_says_of_the_site_blames_the_site() -> None:
    replies = {
        b"\x03": "unreachable",
        b"\x04": "unreachable",
        b"\x05": "unreachable",
        b"\x06": "connect_timeout",
    }
    for reply, failure in replies.items():

        def refuse(peer: socket.socket, reply: bytes = reply) -> None:
            peer.recv(9)
            peer.sendall(b"\x05\x00")
            peer.recv(99)
            peer.sendall(b"\x05" + reply + b"\x00\x01" + bytes(6))

        with run_site() as site, LocalExit("socks5", lie=refuse) as way:
            with pytest.raises(CaptureFailedError) as caught:
                fetch("http://photos.example/", limits_of(way), practice=site.practice_names())
        assert caught.value.failure == failure


def test_an_exit_that_leads_elsewhere_is_seen_by_the_certificate() -> None:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("other.net").configure_cert(server)
    authority.configure_trust(client)
    with run_site(server) as other, LocalExit("http", leads={"203.0.113.10:443": other.port}) as way:
        other.lay_answer("/", b"not what was asked for")
        hop = fetch(
            "https://photos.example/",
            limits_of(way),
            practice=other.practice_names(),
            trust=trust_only(client),
        ).hops[0]
    assert hop.certificate_fault == "the certificate is for another name"


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_what_an_exit_sends_too_early_is_not_taken_for_its_own_words(kind: str) -> None:
    early = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly"

    def lie(peer: socket.socket) -> None:
        if kind == "socks5":
            peer.recv(99)
            peer.sendall(b"\x05\x00")
        peer.recv(999)
        peer.sendall(
            (b"HTTP/1.1 200 OK\r\n\r\n" if kind == "http" else b"\x05\x00\x00\x01" + bytes(6)) + early
        )
        peer.recv(999)

    with run_site() as site, LocalExit(kind, lie=lie) as way:
        # Without TLS an exit may say what it likes; the hop names it, so that a person knows whose word this is.
        answer = fetch("http://photos.example/", limits_of(way), practice=site.practice_names())
        assert (answer.body, answer.hops[0].exit_name) == (b"early", "abroad")
        with pytest.raises(CaptureFailedError) as caught:
            fetch("https://photos.example/", limits_of(way), practice=site.practice_names())
        assert caught.value.failure == FetchFailure.NO_COMMON_TLS


def test_nothing_goes_out_directly_when_the_exit_is_away_or_unknown() -> None:
    with LocalExit("http") as gone:
        limits = limits_of(gone)
    with run_site() as site:
        site.lay_answer("/", b"ok")
        with pytest.raises(CaptureFailedError):
            fetch("http://photos.example/", limits, practice=site.practice_names())
        for wish in ("home", "direct"):
            with pytest.raises(CaptureRefusedError):
                fetch(FetchOrder("http://photos.example/", wish), limits, practice=site.practice_names())
        assert site.seen == []


def test_an_onion_name_is_never_asked_of_our_name_service() -> None:
    asked: list[str] = []

    async def resolve(host: str) -> list[str]:
        asked.append(host)
        return ["203.0.113.10"]

    with LocalExit("socks5") as way:
        for kind in ("tor", "socks5"):
            with pytest.raises((CaptureRefusedError, CaptureFailedError)):
                fetch("http://abc.onion/", limits_of(way, kind), resolve=resolve)
    assert (asked, way.asked) == ([], ["abc.onion:80"])


def test_the_locked_process_goes_through_its_exits_and_asks_the_dns_itself() -> None:
    with (
        run_site() as site,
        LocalDns(records={"photos.net": ["203.0.113.10"], "inside.net": ["127.0.0.1"]}) as names,
        LocalExit("socks5", leads={"203.0.113.10:80": site.port, "abc.onion:80": site.port}) as way,
    ):
        site.lay_answer("/", b"ok")
        names.long.add("photos.net")  # so that TCP is needed
        limits = FetchLimits(
            total_s=5,
            exits=(way.write_setting("abroad"), way.write_setting("onions", "tor")),
            exit_rules=(".onion=onions", "*=abroad"),
            dns_server=names.server,
        )
        with Fetcher(limits, site.practice_names(), credentials={"abroad": ("me", "secret")}) as fetcher:
            pid = fetcher.pid
            found = fetcher.fetch("job-1", FetchOrder("http://photos.net/"))
            assert (found.body, found.exit_name, found.addresses) == (b"ok", "abroad", ("203.0.113.10",))
            hidden = fetcher.fetch("job-2", FetchOrder("http://abc.onion/", isolation="ab" * 16))
            assert (hidden.body, hidden.exit_name, hidden.addresses) == (b"ok", "onions", ())
            with pytest.raises(CaptureRefusedError):
                fetcher.fetch("job-3", FetchOrder("http://inside.net/"))
            with pytest.raises(CaptureFailedError) as caught:
                fetcher.fetch("job-4", FetchOrder("http://absent.net/"))
            assert caught.value.failure == FetchFailure.NO_SUCH_NAME
            with pytest.raises(CaptureRefusedError, match="nothing may go out directly"):
                fetcher.fetch("job-5", FetchOrder("http://photos.net/", "direct"))
            assert fetcher.pid == pid
    assert way.asked == ["203.0.113.10:80", "abc.onion:80"]
    assert way.signed_in == ["me:secret", "ab" * 16 + ":" + "ab" * 16]


def test_a_process_whose_rules_lead_only_to_exits_cannot_dial_anything_else() -> None:
    with run_site() as site:
        practice = site.practice_names()
        servers = NameServers(("127.0.0.1",), 5353)
        shut = Exits.from_settings(["abroad=socks5://10.0.0.9:1080"], ["*=abroad"])
        assert list_ports(shut, practice, servers) == {1080, 5353}
        assert list_ports(Exits(), practice, servers) == ALLOWED_PORTS | {5353, site.port}
        assert list_ports(shut, practice, NameServers(())) == {1080}
