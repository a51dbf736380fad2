"""Locating: agreed sources issue a notice, all else waits for a person, our own trouble says nothing."""

import socket

import dns.rcode
import psycopg
import pytest

from tests.acting import (
    NOWHERE,
    RRJETI,
    STREHIMI,
    act_on,
    events_of,
    hostings_of,
    lay_networks,
    read_all,
    sendings_of,
)
from tests.builders import Clock, make_person, open_desk
from tests.captures import FIRST, WAITS, capture, url
from tests.drawn_images import make_jpeg
from tests.local_dns import LocalDns
from triage.errors import NotAllowedError, StaleStateError
from triage.model import PersonRole
from triage.steps.decide_hosting import decide_hosting
from triage.store.people import find_person
from triage.store.practice import replace_practice_names
from workers import locate_host as job
from workers.clients import dns as dns_client
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.door import Fetcher
from workers.fetcher.wire import FetchLimits
from workers.locate_host import locate_host

HOST, CROWD = "foto.shembull.example", "www.albumi.example"
PLACES = {
    HOST: ["192.0.2.10"],
    CROWD: ["192.0.2.12", "203.0.113.40"],
    "deep.praktike.example": ["198.51.100.20"],
}
ASKED = "pictures.of-a-test.net"


@pytest.fixture(scope="module")
def names(site):
    return [(host, address, "127.0.0.1", site.port) for host, all_ in PLACES.items() for address in all_]


@pytest.fixture(scope="module")
def fetcher(names):
    with Fetcher(FetchLimits(total_s=3.0, connect_s=1.0), PracticeNames.from_rows(names)) as running:
        yield running


@pytest.fixture(scope="module")
def resolver():
    with LocalDns() as running:
        yield running


@pytest.fixture
def desk(database, servers, tmp_path, site, names, fetcher, decoder, resolver, monkeypatch):
    monkeypatch.setattr(dns_client, "LIFETIME_S", 1.0)
    site.pages.clear()
    site.lay_answer("/first.jpg", FIRST, "image/jpeg")
    site.lay_answer("/second.jpg", make_jpeg(7), "image/jpeg")
    resolver.records.clear()
    resolver.codes.clear()
    resolver.asked.clear()
    with open_desk(
        database,
        servers.redis_url,
        tmp_path,
        fetcher=fetcher,
        decoder=decoder,
        names=names,
        retry_waits_s=WAITS,
        dns_server=resolver.server,
    ) as opened:
        replace_practice_names(opened.conn, PLACES, dial_host="127.0.0.1", dial_port=site.port)
        lay_networks(opened, RRJETI, STREHIMI, NOWHERE)
        yield opened


@pytest.fixture
def clock(monkeypatch):
    patched = Clock()
    monkeypatch.setattr(job, "utcnow", patched)
    return patched


def captured_item(desk, address, state="actionable", **more):
    (item_id,) = desk.report(address)
    capture(desk, item_id)
    act_on(desk, item_id, state, **more)
    return item_id


def asked_item(desk):
    """An item whose host only the DNS knows; it was never captured."""
    (item_id,) = desk.report(url("/first.jpg", ASKED))
    act_on(desk, item_id)
    return item_id


def decide(desk, item_id, **more):
    make_person(desk.conn, "Ana", PersonRole.ANALYST)
    values = {"asn": 64497, "operator": "Strehimi", "country": "AL", "address": None, "now": Clock()()}
    values["person"] = find_person(desk.conn, "Ana")
    decide_hosting(desk.conn, item_id, **(values | more))
    desk.conn.commit()


# Our own trouble


def test_a_resolver_that_is_away_says_nothing_of_the_host(desk, resolver, monkeypatch):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{probe.getsockname()[1]}"
    object.__setattr__(desk.tools.settings, "dns_server", dead)
    monkeypatch.setattr(dns_client, "LIFETIME_S", 0.4)
    item_id = asked_item(desk)
    for _ in range(len(WAITS) + 2):
        desk.conn.execute("UPDATE items SET next_try_at = now() WHERE id = %s", (item_id,))
        desk.conn.commit()
        locate_host(desk.tools, item_id)
    place = desk.place(item_id)
    assert (place.state, place.tries, hostings_of(desk, item_id)) == ("actionable", 0, [])
    assert place.next_try_at is not None
    object.__setattr__(desk.tools.settings, "dns_server", resolver.server)
    resolver.records[ASKED] = ["192.0.2.10"]
    act_on(desk, item_id)
    locate_host(desk.tools, item_id)
    assert desk.place(item_id).state == "notified"


def test_name_servers_that_fail_are_asked_again_and_then_a_person_is(desk, resolver, clock):
    resolver.codes[ASKED] = dns.rcode.SERVFAIL
    item_id = asked_item(desk)
    for tries, wait in enumerate(WAITS, start=1):
        locate_host(desk.tools, item_id)
        place = desk.place(item_id)
        assert (place.state, place.tries) == ("actionable", tries)
        locate_host(desk.tools, item_id)  # too soon: nothing happens
        assert desk.place(item_id).tries == tries
        clock.move_on(wait + 1)
    locate_host(desk.tools, item_id)
    assert desk.place(item_id).state == "awaiting_hosting"
    assert hostings_of(desk, item_id) == [("unknown", None, "the name servers of the host do not answer")]


def test_a_database_that_fails_while_recording_leaves_nothing(desk, monkeypatch):
    item_id = captured_item(desk, url("/first.jpg", HOST))
    monkeypatch.setattr(job, "find_network", lambda *_: (_ for _ in ()).throw(psycopg.errors.QueryCanceled()))
    with pytest.raises(Exception):  # noqa: B017 - whatever it is, the queue notes it and the sweep comes again
        locate_host(desk.tools, item_id)
    assert (desk.place(item_id).state, hostings_of(desk, item_id)) == ("actionable", [])


def test_a_crash_before_the_commit_leaves_nothing_and_the_next_try_does_it_once(desk, monkeypatch):
    item_id = captured_item(desk, url("/first.jpg", HOST))

    def die(point):
        if point == "before_commit":
            raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr(job, "crash_point", die)
        with pytest.raises(KeyboardInterrupt):
            locate_host(desk.tools, item_id)
    assert (hostings_of(desk, item_id), sendings_of(desk, item_id)) == ([], [])
    locate_host(desk.tools, item_id)
    locate_host(desk.tools, item_id)
    assert len(hostings_of(desk, item_id)) == len(sendings_of(desk, item_id)) == 1


# What a person must decide


def test_addresses_with_two_operators_are_disputed(desk):
    item_id = captured_item(desk, url("/first.jpg", CROWD))
    locate_host(desk.tools, item_id)
    assert desk.place(item_id).state == "awaiting_hosting"
    assert hostings_of(desk, item_id) == [("disputed", None, "its addresses lie with several operators")]
    (sources,) = read_all(desk, "SELECT sources FROM hostings WHERE item_id = %s", item_id)[0]
    assert [(one["source"], one["address"], one["asn"]) for one in sources] == [
        ("dns", "192.0.2.12", 64496),
        ("dns", "203.0.113.40", 64498),
        ("capture", "192.0.2.12", 64496),
    ]
    assert sendings_of(desk, item_id) == []


def test_an_address_in_no_known_network_is_unknown_and_not_foreign(desk):
    lay_networks(desk, STREHIMI)
    item_id = captured_item(desk, url("/first.jpg", HOST))
    locate_host(desk.tools, item_id)
    assert desk.place(item_id).state == "awaiting_hosting"
    assert hostings_of(desk, item_id) == [("unknown", None, "an address lies in no network that we know")]
    assert sendings_of(desk, item_id) == []


def test_one_bad_address_makes_the_whole_answer_unknown(desk, resolver):
    item_id = asked_item(desk)
    for answer in (
        ["192.0.2.10", "127.0.0.1"],
        ["192.0.2.10", "::ffff:192.0.2.10"],
        ["192.0.2.77"],
        [],
        None,
    ):
        resolver.records = {} if answer is None else {ASKED: answer}
        locate_host(desk.tools, item_id)
        assert desk.place(item_id).state == "awaiting_hosting"
        act_on(desk, item_id)
    assert hostings_of(desk, item_id) == [
        ("unknown", None, "the address is this machine"),
        ("unknown", None, "the address is an IPv4 address written as IPv6"),
        ("unknown", None, "the address is documentation"),
        ("unknown", None, "the host name has no address"),
        ("unknown", None, "the host name does not exist"),
    ]


def test_a_network_of_our_own_is_never_somebody_who_hosts(desk):
    object.__setattr__(desk.tools.settings, "inside_networks", ("192.0.2.0/28",))
    item_id = captured_item(desk, url("/first.jpg", HOST))
    locate_host(desk.tools, item_id)
    assert hostings_of(desk, item_id) == [("unknown", None, "the address is an address of our own network")]


def test_a_name_that_no_resolver_shall_learn_of_is_not_asked_for(desk, resolver):
    (item_id,) = desk.report("http://abcdefghijklmnop.onion/a.jpg")
    act_on(desk, item_id)
    locate_host(desk.tools, item_id)
    assert desk.place(item_id).state == "awaiting_hosting"
    assert resolver.asked == []


def test_a_capture_from_elsewhere_contradicts_the_names(desk, resolver):
    item_id = captured_item(desk, url("/first.jpg", HOST))
    replace_practice_names(desk.conn, PLACES | {HOST: "198.51.100.20"}, dial_host="127.0.0.1", dial_port=8080)
    desk.conn.commit()
    locate_host(desk.tools, item_id)
    assert hostings_of(desk, item_id) == [("disputed", None, "its capture came from another operator")]


# Agreed


def test_sources_that_agree_issue_one_notice(desk):
    item_id = captured_item(desk, url("/first.jpg", HOST))
    locate_host(desk.tools, item_id)
    place = desk.place(item_id)
    assert place.state == "notified"
    assert hostings_of(desk, item_id) == [("agreed", 64496, None)]
    assert [(kind, part, asn) for kind, part, _, asn in sendings_of(desk, item_id)] == [
        ("notice", "first", 64496)
    ]
    assert "notices_issued" in events_of(desk, item_id)
    locate_host(desk.tools, item_id)
    assert len(sendings_of(desk, item_id)) == 1


def test_the_dns_is_asked_for_every_other_host(desk, resolver):
    resolver.records[ASKED] = ["192.0.2.10", "192.0.2.12"]
    item_id = asked_item(desk)
    locate_host(desk.tools, item_id)
    assert sorted(resolver.asked) == [f"{ASKED} A", f"{ASKED} AAAA"]
    assert hostings_of(desk, item_id) == [("agreed", 64496, None)]


def test_an_address_in_the_url_is_its_own_source(desk, resolver):
    (item_id,) = desk.report("http://198.51.100.20/a.jpg")
    act_on(desk, item_id)
    locate_host(desk.tools, item_id)
    assert (hostings_of(desk, item_id), resolver.asked) == ([("agreed", 64497, None)], [])


def test_two_workers_at_once_issue_once(desk, monkeypatch):
    item_id = captured_item(desk, url("/first.jpg", HOST))
    real, is_first = job._find_addresses, [True]

    def find(*args):
        if is_first:
            is_first.clear()
            locate_host(desk.tools, item_id)  # the other one, faster
        return real(*args)

    monkeypatch.setattr(job, "_find_addresses", find)
    locate_host(desk.tools, item_id)
    assert len(hostings_of(desk, item_id)) == len(sendings_of(desk, item_id)) == 1
    assert desk.place(item_id).state == "notified"


def test_what_has_no_address_has_nothing_to_remove(desk):
    item_id, _ = desk.upload(FIRST)
    capture(desk, item_id)
    act_on(desk, item_id)
    locate_host(desk.tools, item_id)
    place = desk.place(item_id)
    assert (place.state, place.closed_as) == ("closed", "referred")
    assert events_of(desk, item_id)[-1] == "nothing_to_remove"


@pytest.mark.parametrize("state", ["held_for_police", "awaiting_hosting"])
def test_only_what_is_actionable_is_located(desk, state):
    item_id = captured_item(desk, url("/first.jpg", HOST), state)
    locate_host(desk.tools, item_id)
    assert (desk.place(item_id).state, hostings_of(desk, item_id)) == (state, [])


def test_what_is_not_due_yet_waits(desk):
    item_id = captured_item(desk, url("/first.jpg", HOST), is_due=False)
    locate_host(desk.tools, item_id)
    assert desk.place(item_id).state == "actionable"


# A person's decision


def test_a_decision_stands_and_nobody_is_asked_again(desk, monkeypatch):
    item_id = captured_item(desk, url("/first.jpg", CROWD))
    locate_host(desk.tools, item_id)
    decide(desk, item_id)
    assert desk.place(item_id).state == "actionable"
    monkeypatch.setattr(job, "_find_addresses", None)
    locate_host(desk.tools, item_id)
    assert desk.place(item_id).state == "notified"
    assert [row[3] for row in sendings_of(desk, item_id)] == [64497]
    found = hostings_of(desk, item_id)
    assert [row[0] for row in found] == ["disputed", "agreed"]
    actors = read_all(desk, "SELECT actor FROM custody_events WHERE event = 'hosting_decided'")
    assert actors[0][0].startswith("person/")


def test_who_said_not_ours_is_not_told_again_and_the_old_decision_is_over(desk):
    item_id = captured_item(desk, url("/first.jpg", HOST), "awaiting_hosting")
    decide(desk, item_id, asn=64496, operator="Rrjeti")
    locate_host(desk.tools, item_id)
    desk.conn.execute(
        "UPDATE sendings SET answer = 'not_ours', answered_at = now() WHERE id IN"
        " (SELECT sending_id FROM sending_items WHERE item_id = %s)",
        (item_id,),
    )
    desk.conn.execute(
        "UPDATE items SET state = 'actionable', moved_at = now() + interval '1 second', next_try_at = now()"
        " WHERE id = %s",
        (item_id,),
    )
    desk.conn.commit()
    locate_host(desk.tools, item_id)
    assert desk.place(item_id).state == "awaiting_hosting"
    assert hostings_of(desk, item_id)[-1] == (
        "disputed",
        None,
        "this operator answered that it does not host it",
    )


def test_a_decision_is_refused_where_none_is_asked_for(desk):
    item_id = captured_item(desk, url("/first.jpg", HOST))
    with pytest.raises(StaleStateError):
        decide(desk, item_id)
    desk.conn.rollback()
    with pytest.raises(NotAllowedError):
        decide(desk, item_id, operator=" ")


def test_only_those_who_assess_decide_who_hosts(desk):
    item_id = captured_item(desk, url("/first.jpg", HOST), "awaiting_hosting")
    make_person(desk.conn, "Clerk", PersonRole.CLERK)
    with pytest.raises(NotAllowedError):
        decide(desk, item_id, person=find_person(desk.conn, "Clerk"))
    assert hostings_of(desk, item_id) == []
