"""The address policy: what must never be dialled, by table, by trick, and against another implementation."""

import ipaddress
import ssl

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from ssrfguard import Policy

from tests.address_tricks import ANSWERS, WRITTEN, list_tricks
from tests.counts import scale
from tests.local_fetch import fetch, resolve_by
from tests.local_sites import PRACTICE_HOST, lay_out_tricks, run_site
from triage.errors import CaptureRefusedError, InvalidUrlError, SettingsError
from triage.rules.urls import normalise_url
from workers.dialling.policy import (
    ALLOWED_PORTS,
    NEVER_OURS,
    PORTS,
    REFUSED_ENDINGS,
    REFUSED_IPV4,
    REFUSED_IPV6,
    check_address,
    check_answer,
    check_host,
    check_ours,
    check_port,
)
from workers.dialling.practice_names import PracticeNames

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


def test_the_tricks_are_as_many_as_promised() -> None:
    assert len(list_tricks()) >= 62 + 60
    assert {f"http://{host}/ok" for host in ANSWERS} <= set(WRITTEN)


@pytest.mark.parametrize("text", WRITTEN)
def test_no_spelling_and_no_answer_reaches_this_machine(text: str) -> None:
    with run_site() as site:
        lay_out_tricks(site, 1000)
        # Loopback itself answers nothing here on port 80; the site stands in for whatever would.
        with pytest.raises((CaptureRefusedError, InvalidUrlError)):
            fetch(normalise_url(text).url, practice=site.practice_names(), resolve=resolve_by(ANSWERS))
        assert site.seen == []


@pytest.mark.parametrize(
    "text",
    ["http://photos.example/ok", "http://PHOTOS.example.:80/ok", "http://photos.example:8080/ok",
     "http://photos.example\\ok", "http://203.0.113.10/ok", "http://name:secret@photos.example/ok",
        "http://127.0.0.1%2f@photos.example/ok"],
)  # fmt: skip
def test_the_practice_site_itself_is_reached(text: str) -> None:
    with run_site() as site:
        site.lay_answer("/ok", b"ok")
        answer = fetch(normalise_url(text).url, practice=site.practice_names(), resolve=resolve_by(ANSWERS))
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
        with pytest.raises(CaptureRefusedError):
            fetch("http://moving.net/start", practice=site.practice_names(), resolve=rebind)
        assert (asked, site.seen) == (["moving.net", "moving.net"], ["/start"])


def test_every_connection_dials_the_address_that_was_checked_not_the_name() -> None:
    resolve_once = resolve_by({"moving.net": ["203.0.113.10"]})
    with run_site() as site:
        site.lay_answer("/ok", b"ok")
        answer = fetch(
            "http://moving.net/ok", practice=site.practice_names(PRACTICE_HOST), resolve=resolve_once
        )
        assert b"Host: moving.net\r\n" in site.requests[0]
        assert answer.hops[0].address == "203.0.113.10"


def test_a_name_is_resolved_once_even_where_tls_is_spoken_twice() -> None:
    asked: list[str] = []

    async def rebind(host: str) -> list[str]:
        asked.append(host)
        return ["203.0.113.10"] if len(asked) == 1 else ["127.0.0.1"]

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("elsewhere.net").configure_cert(server)
    with run_site(server) as site:
        site.lay_answer("/", b"ok")
        answer = fetch("https://moving.net/", practice=site.practice_names(), resolve=rebind)
    assert (answer.body, asked) == (b"ok", ["moving.net"])
    assert answer.hops[0].certificate_fault


@pytest.mark.parametrize(
    "text",
    ["169.254.169.254", "169.254.0.1", "168.63.129.16", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "0.0.0.0", "::",
     "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "2001:db8::1", "3fff::1", "::ffff:10.0.0.1",
     "100.100.100.200", "192.0.0.192", "127.1", "localhost", ""],
)  # fmt: skip
def test_no_server_of_ours_stands_at_a_clouds_inner_service_or_at_no_host(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_ours(text)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "::1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "fd12::1",
        "100.64.0.1",
        "8.8.8.8",
        "2a00::1",
    ],
)
def test_a_server_of_ours_may_stand_in_a_private_network(text: str) -> None:
    check_ours(text)


def test_every_port_range_and_ending_has_its_reason() -> None:
    tables = [
        [row[1:] for row in table]
        for table in (PORTS, REFUSED_IPV4, REFUSED_IPV6, REFUSED_ENDINGS, NEVER_OURS)
    ]
    assert all(all(words for words in row) for table in tables for row in table)
    assert {443, 80} <= ALLOWED_PORTS
