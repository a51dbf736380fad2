"""The DNS client: facts about a host, and silence of our own resolver that says nothing of it."""

import socket

import dns.rcode
import pytest

from tests.local_dns import LocalDns
from triage.errors import ServerUnavailableError, SettingsError
from workers.clients.dns import MAX_ADDRESSES, DnsAnswer, find_addresses


@pytest.fixture(scope="module")
def names():
    with LocalDns() as running:
        yield running


def ask(names, host):
    return find_addresses(host, server=names.server, lifetime_s=1.0)


def test_all_addresses_of_both_kinds_are_found(names):
    names.records["two.example"] = ["192.0.2.1", "2001:db8::1", "192.0.2.2"]
    answer = ask(names, "two.example")
    assert (set(answer.addresses), answer.finding) == ({"192.0.2.1", "192.0.2.2", "2001:db8::1"}, None)


def test_the_name_is_asked_for_as_it_is_and_for_nothing_else(names):
    names.asked.clear()
    ask(names, "printer.absent")
    assert names.asked == ["printer.absent A"]


@pytest.mark.parametrize(
    ("host", "words", "may_pass"),
    [
        ("absent.example", "the host name does not exist", False),
        ("empty.example", "the host name has no address", False),
        ("crowd.example", f"the host name has more than {MAX_ADDRESSES} addresses", False),
        ("fails.example", "the name servers of the host do not answer", True),
        ("silent.example", "the name servers of the host do not answer", True),
    ],
)
def test_why_there_is_no_address_is_said_in_words(names, host, words, may_pass):
    names.records["empty.example"] = []
    names.records["crowd.example"] = [f"192.0.2.{n}" for n in range(1, MAX_ADDRESSES + 2)]
    names.codes["fails.example"] = dns.rcode.SERVFAIL
    names.silent.add("silent.example")
    assert ask(names, host) == DnsAnswer(finding=words, may_pass=may_pass)


def test_a_resolver_that_is_away_says_nothing_of_the_host(names):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(ServerUnavailableError):
        find_addresses("two.example", server=dead, lifetime_s=0.4)


def test_a_resolver_that_refuses_us_says_nothing_of_the_host():
    with LocalDns(codes={"two.example": dns.rcode.REFUSED, ".": dns.rcode.REFUSED}) as refusing:
        with pytest.raises(ServerUnavailableError):
            ask(refusing, "two.example")


@pytest.mark.parametrize("server", ["resolver.example", "127.0.0.1:0", "127.0.0.1:x", "[::1]:99999", ""])
def test_a_resolver_that_cannot_be_read_is_a_setting_to_mend(server):
    with pytest.raises(SettingsError):
        find_addresses("two.example", server=server)
