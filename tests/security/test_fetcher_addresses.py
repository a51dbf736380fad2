"""The address policy: what must never be dialled, by table, by trick, and against another implementation."""

import asyncio
import ipaddress
import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ssrfguard import Policy

from tests.counts import scale
from tests.local_sites import PRACTICE_HOST, lay_out_tricks, run_site
from triage.errors import CaptureFailedError, CaptureRefusedError, InvalidUrlError, SettingsError
from triage.rules.urls import normalise_url
from workers.dialling.policy import (
    ALLOWED_PORTS,
    REFUSED_IPV4,
    REFUSED_IPV6,
    check_address,
    check_answer,
    check_host,
    check_port,
)
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.client import fetch_url
from workers.fetcher.wire import FetchLimits

PUBLIC = ["93.184.215.14", "8.8.8.8", "1.1.1.1", "2606:2800:21f:cb07::1", "2a00:1450::1", "2620:4f::1"]

REFUSED = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.5", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "100.64.1.1", "100.127.255.255", "192.0.0.8", "192.0.0.170"),
    *("192.0.2.1", "198.51.100.1", "203.0.113.10", "198.18.0.1", "198.19.255.255", "192.88.99.1"),
    *("168.63.129.16", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.31.196.1"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8", "::ffff:0:7f00:1"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::7f00:1", "100::1", "2001::7f00:1"),
    *("2001:0:7f00:1::",),
    *("2001:2::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3ffe::1", "3fff::1"),
    *("5f00::1", "fc00::1", "fd00::1", "fe80::1", "fe80::1%eth0", "2606:2800::1%eth0", "fec0::1", "ff02::1"),
    *("ff0e::1", "4000::1", "2606:2800::5efe:7f00:1", "2606:2800::200:5efe:a00:1", "2620:4f:8000::1"),
    *("", "localhost", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "1.2.3.4 ", "[::1]", "1.2.3.4/32"),
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_no_inner_or_odd_address_passes(text: str) -> None:
    with pytest.raises(CaptureRefusedError) as caught:
        check_address(text)
    assert not text or text not in str(caught.value)
    for good in PUBLIC:
        with pytest.raises(CaptureRefusedError):
            check_answer([good, text])


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_pass(text: str) -> None:
    check_address(text)
    assert check_answer([text, text]) == [text]


@pytest.mark.parametrize(("network", "words"), [(row[0], row[1]) for row in REFUSED_IPV4 + REFUSED_IPV6])
def test_every_row_of_the_tables_refuses_its_first_and_last_address(network: str, words: str) -> None:
    parsed = ipaddress.ip_network(network)
    for address in (parsed[0], parsed[-1]):
        with pytest.raises(CaptureRefusedError):
            check_address(str(address))
    with pytest.raises(CaptureRefusedError, match=words):
        check_address(str(parsed[-1]))


@settings(max_examples=scale(400), deadline=None, database=None)
@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6), st.ip_addresses(v=6, network="2000::/3")))
def test_nothing_passes_that_another_implementation_refuses(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    try:
        check_address(str(address))
    except CaptureRefusedError:
        return
    Policy().check_address(address)  # raises when it refuses


@pytest.mark.parametrize(
    "host",
    [
        *(
            "localhost",
            "a.localhost",
            "printer.local",
            "db.internal",
            "metadata.google.internal",
            "abc.onion",
        ),
        *(
            "abc.i2p",
            "router.home.arpa",
            "1.0.0.127.in-addr.arpa",
            "nas.lan",
            "x.corp",
            "x.test",
            "x.example",
        ),
        *("x.invalid", "intranet", "x.alt", "postgres", "127.1", "0x7f.1", "127.0.0.1", "::1", "a.local."),
    ],
)
def test_inner_names_are_refused(host: str) -> None:
    with pytest.raises(CaptureRefusedError):
        check_host(host)


def test_public_names_and_ports_pass_and_no_others() -> None:
    check_host("photos.net")
    check_host("xn--bcher-kva.de")
    for port in ALLOWED_PORTS:
        check_port(port)
    for port in (0, 1, 21, 22, 25, 53, 5432, 6379, 8700, 8701, 9200, 65535, 65616):
        with pytest.raises(CaptureRefusedError):
            check_port(port)


@pytest.mark.parametrize(
    "row",
    [
        ("x.example", "8.8.8.8", "127.0.0.1", 9000),
        ("x.example", "127.0.0.1", "127.0.0.1", 9000),
        ("x.example", "10.0.0.1", "127.0.0.1", 9000),
        ("x.example", "203.0.113.1", "10.0.0.1", 9000),
        ("x.example", "203.0.113.1", "8.8.8.8", 9000),
        ("x.example", "203.0.113.1", "127.0.0.1", 0),
        ("x.example", "203.0.113.1", "localhost", 9000),
        ("x.example", "rubbish", "127.0.0.1", 9000),
    ],
)
def test_practice_names_lead_from_documentation_to_loopback_only(row: tuple[str, str, str, int]) -> None:
    with pytest.raises(SettingsError):
        PracticeNames.from_rows([row])


def test_practice_exempts_exactly_its_own_names_and_addresses() -> None:
    practice = PracticeNames.from_rows([("x.example", "203.0.113.1", "127.0.0.1", 9000)])
    check_host("x.example", practice=practice)
    check_address("203.0.113.1", practice=practice)
    assert PracticeNames.from_rows(practice.to_rows()) == practice
    for host in ("y.example", "a.x.example", "localhost"):
        with pytest.raises(CaptureRefusedError):
            check_host(host, practice=practice)
    for address in ("127.0.0.1", "203.0.113.2", "::ffff:203.0.113.1", "192.0.2.1"):
        with pytest.raises(CaptureRefusedError):
            check_address(address, practice=practice)
    with pytest.raises(CaptureRefusedError):
        check_address("203.0.113.1")


# What a name server controlled by a stranger may answer. "public" is the practice site's address.
ANSWERS = {
    "private.net": ["10.0.0.5"],
    "mixed.net": ["203.0.113.10", "127.0.0.1"],
    "mixed-last.net": ["203.0.113.10", "203.0.113.10", "::1"],
    "mapped.net": ["::ffff:127.0.0.1"],
    "nat64.net": ["64:ff9b::7f00:1"],
    "link.net": ["169.254.169.254"],
    "zero.net": ["0.0.0.0"],
    "ula.net": ["fd00::1"],
    "carrier.net": ["100.64.1.1"],
    "6to4.net": ["2002:7f00:1::"],
    "teredo.net": ["2001:0:7f00:1::"],
    "compatible.net": ["::127.0.0.1"],
    "broadcast.net": ["255.255.255.255"],
    "multicast.net": ["224.0.0.1"],
    "scoped.net": ["fe80::1%eth0"],
    "documentation.net": ["2001:db8::1"],
    "cloud.net": ["168.63.129.16"],
    "rubbish.net": ["not an address"],
}

WRITTEN = [
    *("http://127.0.0.1/ok", "http://localhost/ok", "http://2130706433/ok", "http://0x7f000001/ok"),
    *("http://0177.0.0.1/ok", "http://127.1/ok", "http://0/ok", "http://0.0.0.0/ok", "http://[::1]/ok"),
    *("http://[::ffff:127.0.0.1]/ok", "http://[::ffff:7f00:1]/ok", "http://[64:ff9b::7f00:1]/ok"),
    *("http://[::]/ok", "http://169.254.169.254/latest/meta-data", "http://[fe80::1%25eth0]/"),
    *("http://①②⑦.0.0.1/ok", "http://127。0。0。1/ok", "http://photos.example@127.0.0.1/ok"),
    *("http://127.0.0.1#@photos.example/ok", "http://127.0.0.1?@photos.example/ok", "file:///etc/passwd"),
    *("http://127.0.0.1\\@photos.example/ok", "http://photos.example:22/ok", "http://abc.onion/ok"),
    *("gopher://x/1", "http:///ok", "http://metadata.google.internal/", "http://127.0.0.1.:80/ok"),
    *("http://photos.example:6379/ok", "http://photos.example:5432/ok", "http://203.0.113.11/ok"),
    *(f"http://{host}/ok" for host in ANSWERS),
]  # fmt: skip


async def resolve_strangely(host: str) -> list[str]:
    if host in ANSWERS:
        return ANSWERS[host]
    raise CaptureFailedError("the host name has no address")


@pytest.mark.parametrize("text", WRITTEN)
def test_no_spelling_and_no_answer_reaches_this_machine(text: str) -> None:
    with run_site() as site:
        lay_out_tricks(site, 1000)
        # Loopback itself answers nothing here on port 80; the site stands in for whatever would.
        with pytest.raises((CaptureRefusedError, InvalidUrlError)):
            asyncio.run(
                fetch_url(
                    normalise_url(text).url,
                    FetchLimits(total_s=3),
                    ssl.create_default_context(),
                    practice=site.practice_names(),
                    resolve=resolve_strangely,
                )
            )
        assert site.seen == []


@pytest.mark.parametrize(
    "text",
    ["http://photos.example/ok", "http://PHOTOS.example.:80/ok", "http://photos.example:8080/ok",
     "http://photos.example\\ok", "http://203.0.113.10/ok", "http://name:secret@photos.example/ok"],
)  # fmt: skip
def test_the_practice_site_itself_is_reached(text: str) -> None:
    with run_site() as site:
        site.lay_answer("/ok", b"ok")
        answer = asyncio.run(
            fetch_url(
                normalise_url(text).url,
                FetchLimits(total_s=3),
                ssl.create_default_context(),
                practice=site.practice_names(),
                resolve=resolve_strangely,
            )
        )
        assert answer.body == b"ok"
        assert answer.hops[0].address == "203.0.113.10"
        assert b"secret" not in site.requests[0]
        assert b"uthorization" not in site.requests[0]


def test_a_name_that_moves_after_the_check_is_checked_again() -> None:
    asked: list[str] = []

    async def rebind(host: str) -> list[str]:
        asked.append(host)
        return ["203.0.113.10"] if len(asked) == 1 else ["127.0.0.1"]

    with run_site() as site:
        site.lay_redirect("/start", "http://moving.net/inner")
        site.lay_answer("/inner", b"secret")
        limits, trust = FetchLimits(total_s=3), ssl.create_default_context()
        with pytest.raises(CaptureRefusedError):
            asyncio.run(
                fetch_url(
                    "http://moving.net/start", limits, trust, practice=site.practice_names(), resolve=rebind
                )
            )
        assert (asked, site.seen) == (["moving.net", "moving.net"], ["/start"])


def test_every_connection_dials_the_address_that_was_checked_not_the_name() -> None:
    async def resolve_once(host: str) -> list[str]:
        return ["203.0.113.10"]

    with run_site() as site:
        site.lay_answer("/ok", b"ok")
        answer = asyncio.run(
            fetch_url(
                "http://moving.net/ok",
                FetchLimits(total_s=3),
                ssl.create_default_context(),
                practice=site.practice_names(PRACTICE_HOST),
                resolve=resolve_once,
            )
        )
        assert b"Host: moving.net\r\n" in site.requests[0]
        assert answer.hops[0].address == "203.0.113.10"
