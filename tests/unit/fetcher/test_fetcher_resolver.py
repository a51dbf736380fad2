"""The resolver of the fetcher: all addresses, named failures, forged answers, and none of it in a thread or a file."""

import asyncio
import sys
import threading
import time

import dns.rcode
import pytest

from tests.local_dns import LocalDns
from triage.errors import CaptureFailedError, CaptureRefusedError, SettingsError
from triage.rules.fetch_failures import FetchFailure
from workers.dialling.name_servers import NameServers, read_name_servers
from workers.fetcher import resolver
from workers.fetcher.resolver import MAX_ADDRESSES, DnsResolver


@pytest.fixture(scope="module")
def names():
    with LocalDns() as running:
        yield running


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(resolver, "LIFETIME_S", 0.6)
    monkeypatch.setattr(resolver, "ONE_TRY_S", 0.3)
    monkeypatch.setattr(resolver, "OTHER_KIND_S", 0.2)


def ask(names: LocalDns, host: str) -> list[str]:
    return ask_servers(NameServers(("127.0.0.1",), names.port), host)


def ask_servers(servers: NameServers, host: str) -> list[str]:
    async def find() -> list[str]:
        asked = DnsResolver(servers)
        await asked.warm_up()
        return await asked.find_addresses(host)

    return asyncio.run(find())


@pytest.mark.parametrize(
    ("host", "failure"),
    [
        ("absent.net", FetchFailure.NO_SUCH_NAME),
        ("empty.net", FetchFailure.NO_ADDRESS),
        ("dangling.net", FetchFailure.NO_ADDRESS),
        ("fails.net", FetchFailure.NAME_SERVICE_SILENT),
        ("refused.net", FetchFailure.NAME_SERVICE_SILENT),
        ("silent.net", FetchFailure.NAME_SERVICE_SILENT),
        ("rubbish.net", FetchFailure.NAME_SERVICE_SILENT),
        ("a..b", FetchFailure.NO_SUCH_NAME),
        ("x" * 64 + ".net", FetchFailure.NO_SUCH_NAME),
    ],
)
def test_why_there_is_no_address_has_a_name(names: LocalDns, host: str, failure: FetchFailure) -> None:
    names.records["empty.net"] = []
    names.aliases["dangling.net"] = "nowhere.net"
    names.records["nowhere.net"] = []
    names.codes |= {"fails.net": dns.rcode.SERVFAIL, "refused.net": dns.rcode.REFUSED}
    names.silent.add("silent.net")
    names.raw["rubbish.net"] = b"\x81\x80\xff\xff\xff"
    started = time.monotonic()
    with pytest.raises(CaptureFailedError) as caught:
        ask(names, host)
    assert caught.value.failure == failure
    assert host not in str(caught.value)
    assert time.monotonic() - started < 2


def test_a_machine_without_name_servers_has_none_to_answer() -> None:
    with pytest.raises(CaptureFailedError) as caught:
        ask_servers(NameServers(()), "photos.net")
    assert caught.value.failure == FetchFailure.NAME_SERVICE_SILENT


def test_both_kinds_are_asked_for_and_all_of_both_come_back(names: LocalDns) -> None:
    names.records["two.net"] = ["192.0.2.1", "2001:db8::1", "192.0.2.2"]
    names.asked.clear()
    found = ask(names, "two.net")
    assert (set(found), found[-1]) == ({"192.0.2.1", "192.0.2.2", "2001:db8::1"}, "2001:db8::1")
    assert sorted(names.asked) == ["two.net A", "two.net AAAA"]


def test_the_name_is_asked_for_as_it_is_and_without_the_domains_of_this_machine(names: LocalDns) -> None:
    names.asked.clear()
    with pytest.raises(CaptureFailedError):
        ask(names, "printer.absent")
    assert {one.split(" ")[0] for one in names.asked} == {"printer.absent"}


def test_an_alias_brings_the_addresses_of_what_it_stands_for(names: LocalDns) -> None:
    names.aliases["www.alias.net"] = "inner.corp"
    names.records["inner.corp"] = ["10.0.0.5"]
    assert ask(names, "www.alias.net") == ["10.0.0.5"]  # which the policy refuses


def test_a_long_answer_comes_by_tcp_whole(names: LocalDns) -> None:
    names.records["long.net"] = [f"192.0.2.{n}" for n in range(1, 41)]
    names.long.add("long.net")
    assert len(ask(names, "long.net")) == 40


def test_more_addresses_than_are_checked_are_a_refusal(names: LocalDns) -> None:
    names.records["crowd.net"] = [f"192.0.2.{n}" for n in range(1, MAX_ADDRESSES + 2)]
    with pytest.raises(CaptureRefusedError, match=f"more than {MAX_ADDRESSES}"):
        ask(names, "crowd.net")


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_one_kind_that_is_never_answered_does_not_hold_up_the_other(names: LocalDns, kind: str) -> None:
    host = f"half-{kind.lower()}.net"
    names.records[host] = ["192.0.2.1", "2001:db8::1"]
    names.silent.add(f"{host} {kind}")
    started = time.monotonic()
    assert ask(names, host) == ["2001:db8::1" if kind == "A" else "192.0.2.1"]
    assert time.monotonic() - started < 0.5


def test_an_answer_that_was_not_asked_for_is_not_believed(names: LocalDns) -> None:
    names.records["true.net"] = ["192.0.2.1"]
    names.forged["true.net"] = ["127.0.0.1"]
    assert ask(names, "true.net") == ["192.0.2.1"]


def test_the_next_name_server_is_asked_when_one_is_silent(names: LocalDns) -> None:
    names.records["second.net"] = ["192.0.2.1"]
    assert ask_servers(NameServers(("127.0.0.9", "127.0.0.1"), names.port), "second.net") == ["192.0.2.1"]


def test_after_the_warm_up_no_thread_starts_and_nothing_is_imported_or_opened(names: LocalDns) -> None:
    names.records["warm.net"] = ["192.0.2.1", "2001:db8::1"]
    names.long.add("warm-long.net")
    names.records["warm-long.net"] = ["192.0.2.1"]
    events: list[str] = []

    async def run() -> None:
        asked = DnsResolver(NameServers(("127.0.0.1",), names.port))
        await asked.warm_up()
        watched.append(True)
        for host in ("warm.net", "warm-long.net", "absent.net", "a..b"):
            try:
                await asked.find_addresses(host)
            except CaptureFailedError:
                continue
        watched.clear()

    watched: list[bool] = []

    def listen(event: str, arguments: tuple[object, ...]) -> None:
        is_here = threading.current_thread() is threading.main_thread()
        if watched and is_here and event in {"open", "import", "os.listdir", "socket.getaddrinfo"}:
            events.append(f"{event} {arguments[0]}")

    sys.addaudithook(listen)  # cannot be taken away again; it is silent once `watched` is empty
    before = threading.active_count()
    asyncio.run(run())
    assert (events, threading.active_count()) == ([], before)


@pytest.mark.parametrize(
    "server",
    [
        *("resolver.example", "127.0.0.1:0", "127.0.0.1:x", "[::1]:99999", ""),
        *("169.254.169.254", "168.63.129.16:53", "[fe80::1]:53", "224.0.0.251", "fd00:ec2::253"),
    ],
)
def test_a_name_server_that_cannot_be_or_must_not_be_is_a_setting_to_mend(server: str) -> None:
    with pytest.raises(SettingsError):
        read_name_servers(server)


@pytest.mark.parametrize(
    ("server", "expected"),
    [("192.168.1.1", NameServers(("192.168.1.1",))), ("127.0.0.1:5353", NameServers(("127.0.0.1",), 5353)),
     ("[::1]:54", NameServers(("::1",), 54)), ("[::1]", NameServers(("::1",))), ("::1", NameServers(("::1",)))],
)  # fmt: skip
def test_a_name_server_of_a_private_network_is_fine(server: str, expected: NameServers) -> None:
    assert read_name_servers(server) == expected
