"""Tables that come with the program, and the strict reader of what an administrator gives in their place."""

import ipaddress
import json
import re
from collections.abc import Iterable
from importlib import resources
from typing import Any

from triage.errors import NotAllowedError
from triage.model import Network

NETWORKS_FILE = "albanian_networks.json"
MAX_NETWORKS = 200_000
MAX_BYTES = 32 * 2**20
_FIELDS = frozenset({"prefix", "asn", "operator", "brand", "country"})
_COUNTRY = re.compile(r"[A-Z]{2}")
_MAX_WORDS = 200

AnyNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# Nothing that a notice could be about stands on these. The documentation ranges of IPv4 are not among them:
# the database lets them into practice, and only there.
_NOT_PUBLIC: tuple[AnyNetwork, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20"),
    )
)
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")


def load_shipped_networks() -> list[Network]:
    """Return the networks that come with the program; what it ships says where they are from."""
    return parse_networks(resources.files(__name__).joinpath(NETWORKS_FILE).read_text("utf-8"))


def parse_networks(text: str) -> list[Network]:
    """Read a table of networks: `{"networks": [{prefix, asn, operator, brand, country}, …]}`.

    Args:
        text: JSON; further keys beside `networks` are remarks. Rows are counted from 1.

    Returns:
        The networks in their order, at least one.

    Raises:
        NotAllowedError: it cannot be read; one line says why, and in which row.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise NotAllowedError(f"The table is larger than {MAX_BYTES // 2**20} MB.")
    rows = _read_rows(text)
    seen: set[str] = set()
    found = []
    for number, row in enumerate(rows, start=1):
        try:
            network = _parse_row(row)
            if network.prefix in seen:
                raise ValueError("the prefix stands in the table twice")
        except ValueError as error:
            raise NotAllowedError(f"Row {number} of the table: {error}.") from None
        seen.add(network.prefix)
        found.append(network)
    return found


def _read_rows(text: str) -> list[Any]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        raise NotAllowedError("The table is not JSON.") from None
    rows = table.get("networks") if isinstance(table, dict) else None
    if not isinstance(rows, list):
        raise NotAllowedError('The table has no list "networks".')
    if not rows:
        raise NotAllowedError("The table is empty.")
    if len(rows) > MAX_NETWORKS:
        raise NotAllowedError(f"The table has more than {MAX_NETWORKS} rows.")
    return rows


def _parse_row(row: object) -> Network:
    if not isinstance(row, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - the table is wrong, not our code
    strange = set(row) - _FIELDS
    missing = _FIELDS - {"brand"} - set(row)
    if strange or missing:
        raise ValueError(f"it must have {_list_words(_FIELDS)}, and nothing else")
    asn = row["asn"]
    if type(asn) is not int or not 1 <= asn <= 4294967295:
        raise ValueError("the ASN is not a number from 1 to 4294967295")
    country = row["country"]
    if not isinstance(country, str) or not _COUNTRY.fullmatch(country):
        raise ValueError("the country is not two capital letters")
    return Network(
        prefix=_parse_prefix(row["prefix"]),
        asn=asn,
        operator=_parse_words(row["operator"], "operator", least=1),
        brand=_parse_words(row.get("brand", ""), "brand", least=0),
        country=country,
    )


def _parse_prefix(text: object) -> str:
    if not isinstance(text, str) or "/" not in text or not text.rpartition("/")[2].isdecimal():
        raise ValueError("the prefix is not in CIDR form")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("the prefix is not in CIDR form") from None
    if ipaddress.ip_interface(text).ip != network.network_address:
        raise ValueError("the prefix has bits beyond its length")
    if isinstance(network, ipaddress.IPv6Network) and not network.subnet_of(_PUBLIC_IPV6):
        raise ValueError("the prefix is outside the public range of IPv6")
    if any(network.version == other.version and network.overlaps(other) for other in _NOT_PUBLIC):
        raise ValueError("the prefix is private or reserved")
    return str(network)


def _parse_words(text: object, name: str, *, least: int) -> str:
    words = text.strip() if isinstance(text, str) else None
    if words is None or not least <= len(words) <= _MAX_WORDS or not (words.isprintable() or not words):
        raise ValueError(f"the {name} is not a text of {least} to {_MAX_WORDS} characters")
    return words


def _list_words(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
