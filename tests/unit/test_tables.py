"""The table of networks: what ships can be read, and what cannot be right is refused with its row."""

import ipaddress
import json

import pytest

from triage import tables
from triage.errors import NotAllowedError
from triage.tables import load_shipped_networks, parse_networks

ROW = {"prefix": "192.0.2.0/24", "asn": 64496, "operator": "Rrjeti Shembull", "brand": "", "country": "AL"}


def table(*rows):
    return json.dumps({"about": "a test", "networks": rows})


def test_what_ships_is_public_albanian_or_of_kosovo_and_holds_no_mailbox():
    networks = load_shipped_networks()
    assert len(networks) > 30
    assert {network.country for network in networks} == {"AL", "XK"}
    assert {network.operator for network in networks if network.country == "XK"} == {
        "Albanian Hosting SH.P.K."
    }
    assert all(ipaddress.ip_network(network.prefix).is_global for network in networks)
    assert "@" not in json.dumps([network.operator + network.brand for network in networks])
    assert not len(networks) > tables.MAX_NETWORKS


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prefix": "192.0.2.0"}, "CIDR"),
        ({"prefix": "192.0.2.0/33"}, "CIDR"),
        ({"prefix": "192.0.2.0/255.255.255.0"}, "CIDR"),
        ({"prefix": 3221225984}, "CIDR"),
        ({"prefix": "rrjeti.example/24"}, "CIDR"),
        ({"prefix": "192.0.2.1/24"}, "bits beyond its length"),
        ({"prefix": "10.1.0.0/16"}, "private or reserved"),
        ({"prefix": "0.0.0.0/0"}, "private or reserved"),
        ({"prefix": "172.0.0.0/8"}, "private or reserved"),
        ({"prefix": "224.0.0.0/8"}, "private or reserved"),
        ({"prefix": "2001:db8::/32"}, "private or reserved"),
        ({"prefix": "fc00::/7"}, "outside the public range of IPv6"),
        ({"prefix": "::ffff:192.0.2.0/120"}, "outside the public range of IPv6"),
        ({"asn": 0}, "ASN"),
        ({"asn": 2**32}, "ASN"),
        ({"asn": "64496"}, "ASN"),
        ({"asn": True}, "ASN"),
        ({"country": "al"}, "country"),
        ({"country": "ALB"}, "country"),
        ({"country": None}, "country"),
        ({"operator": " "}, "operator"),
        ({"operator": "a\nb"}, "operator"),
        ({"operator": "x" * 201}, "operator"),
        ({"brand": None}, "brand"),
        ({"abuse": "abuse@rrjeti.example"}, "nothing else"),
    ],
)
def test_a_row_that_cannot_be_right_is_refused_with_its_number(change, words):
    good = ROW | {"prefix": "198.51.100.0/24"}
    with pytest.raises(NotAllowedError, match=r"^Row 2 of the table: .*\.$") as refused:
        parse_networks(table(good, ROW | change))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_prefix_stands_once():
    with pytest.raises(NotAllowedError, match=r"Row 2 .* twice"):
        parse_networks(table(ROW, ROW | {"asn": 64497}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "nothing",
        '{"networks": {}}',
        '{"networks": []}',
        "[" * 100_000,
        '{"networks": [1' + "0" * 5000,
    ],
)
def test_what_is_no_table_is_refused(text):
    with pytest.raises(NotAllowedError, match="table"):
        parse_networks(text)


def test_a_table_may_not_be_endless(monkeypatch):
    monkeypatch.setattr(tables, "MAX_NETWORKS", 1)
    with pytest.raises(NotAllowedError, match="more than 1 rows"):
        parse_networks(table(ROW, ROW))
    monkeypatch.setattr(tables, "MAX_BYTES", 10)
    with pytest.raises(NotAllowedError, match="larger"):
        parse_networks(table(ROW))


def test_what_is_right_is_read_as_it_stands():
    (network,) = parse_networks(table(ROW))
    assert (network.prefix, network.asn, network.country) == ("192.0.2.0/24", 64496, "AL")
