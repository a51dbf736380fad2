"""Where this system may dial: one table of refused ranges, the allowed ports, the refused names.

Two purposes. **Strangers** are what was reported: only the public internet. The URL decides nothing there: every name
is resolved once, every address of the answer is checked, and a checked address is dialled. What the operator names as
networks of our own is refused before all else, practice included. **Ours** are addresses that the operator named (mail
relay, name server, exit): private networks are fine, a cloud's inner services and what is no host are not.

The tables follow the IANA special-purpose registries (https://www.iana.org/assignments/iana-ipv4-special-registry/ and
.../iana-ipv6-special-registry/, read 2026-11); `ipaddress.is_global` is asked too, but alone it lets several of these
ranges through.
"""

import ipaddress
from collections.abc import Iterable

from triage.errors import CaptureRefusedError, SettingsError
from workers.dialling.practice_names import NO_PRACTICE, Address, PracticeNames

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Port, why it is dialled. Everything else is some other service, which a request could be made to talk to.
PORTS: tuple[tuple[int, str], ...] = (
    (80, "http"),
    (443, "https"),
    (8000, "http of small and self-made sites"),
    (8080, "http behind a proxy"),
    (8443, "https behind a proxy"),
)
ALLOWED_PORTS = frozenset(port for port, _ in PORTS)

# Range, what it is, where it is written. The words are what a person reads beside a refused item.
REFUSED_IPV4: tuple[tuple[str, str, str], ...] = (
    ("0.0.0.0/8", "this host", "RFC 791"),
    ("10.0.0.0/8", "a private network", "RFC 1918"),
    ("100.64.0.0/10", "a provider's inner network", "RFC 6598"),
    ("127.0.0.0/8", "this machine", "RFC 1122"),
    ("168.63.129.16/32", "a cloud's inner service", "Azure platform address"),
    ("169.254.0.0/16", "a link-local network", "RFC 3927"),
    ("172.16.0.0/12", "a private network", "RFC 1918"),
    ("192.0.0.0/24", "a protocol assignment", "RFC 6890"),
    ("192.0.2.0/24", "documentation", "RFC 5737"),
    ("192.31.196.0/24", "an anycast service", "RFC 7535"),
    ("192.52.193.0/24", "an anycast service", "RFC 7450"),
    ("192.88.99.0/24", "a 6to4 relay", "RFC 7526"),
    ("192.168.0.0/16", "a private network", "RFC 1918"),
    ("192.175.48.0/24", "an anycast service", "RFC 7534"),
    ("198.18.0.0/15", "a benchmark network", "RFC 2544"),
    ("198.51.100.0/24", "documentation", "RFC 5737"),
    ("203.0.113.0/24", "documentation", "RFC 5737"),
    ("224.0.0.0/4", "multicast", "RFC 5771"),
    ("240.0.0.0/4", "reserved or broadcast", "RFC 1112"),
)

# Of IPv6 only 2000::/3 is in public use (RFC 4291); everything outside it is refused without a table.
PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
REFUSED_IPV6: tuple[tuple[str, str, str], ...] = (
    ("::/128", "no address at all", "RFC 4291"),
    ("::1/128", "this machine", "RFC 4291"),
    ("::/96", "an IPv4 address written as IPv6", "RFC 4291"),
    ("::ffff:0:0/96", "an IPv4 address written as IPv6", "RFC 4291"),
    ("::ffff:0:0:0/96", "an IPv4 address written as IPv6", "RFC 2765"),
    ("64:ff9b::/96", "an IPv4 address behind a translator", "RFC 6052"),
    ("64:ff9b:1::/48", "an IPv4 address behind a translator", "RFC 8215"),
    ("100::/64", "a network that leads nowhere", "RFC 6666"),
    ("100:0:0:1::/64", "a network that leads nowhere", "RFC 9780"),
    ("2001::/23", "a protocol assignment or a Teredo tunnel", "RFC 2928, RFC 4380"),
    ("2001:db8::/32", "documentation", "RFC 3849"),
    ("2002::/16", "a 6to4 tunnel", "RFC 3056"),
    ("2620:4f:8000::/48", "an anycast service", "RFC 7534"),
    ("3ffe::/16", "an address range that is no longer in use", "RFC 3701"),
    ("3fff::/20", "documentation", "RFC 9637"),
    ("5f00::/16", "a provider's inner network", "RFC 9602"),
    ("fc00::/7", "a private network", "RFC 4193"),
    ("fe80::/10", "a link-local network", "RFC 4291"),
    ("fec0::/10", "a private network", "RFC 3879"),
    ("ff00::/8", "multicast", "RFC 4291"),
)
# Bits 64-95 of an ISATAP address (RFC 5214): an IPv4 address hides in the last 32.
ISATAP_MARKS = frozenset({0x00005EFE, 0x02005EFE})

# Where no server of ours stands either: range, what it is, where it is written.
NEVER_OURS: tuple[tuple[str, str, str], ...] = (
    ("0.0.0.0/8", "no address at all", "RFC 791"),
    ("168.63.129.16/32", "a cloud's inner service", "Azure platform address"),
    ("169.254.0.0/16", "a link-local network", "RFC 3927; clouds keep their secrets at 169.254.169.254"),
    ("192.0.0.192/32", "a cloud's inner service", "Oracle platform address"),
    ("100.100.100.200/32", "a cloud's inner service", "Alibaba platform address"),
    ("192.0.2.0/24", "documentation", "RFC 5737"),
    ("198.51.100.0/24", "documentation", "RFC 5737"),
    ("203.0.113.0/24", "documentation", "RFC 5737"),
    ("224.0.0.0/4", "multicast", "RFC 5771"),
    ("240.0.0.0/4", "reserved or broadcast", "RFC 1112"),
    ("::/128", "no address at all", "RFC 4291"),
    ("::ffff:0:0/96", "an IPv4 address written as IPv6", "RFC 4291"),
    ("2001:db8::/32", "documentation", "RFC 3849"),
    ("3fff::/20", "documentation", "RFC 9637"),
    ("fd00:ec2::/32", "a cloud's inner service", "Amazon platform addresses, such as fd00:ec2::254"),
    ("fe80::/10", "a link-local network", "RFC 4291"),
    ("ff00::/8", "multicast", "RFC 4291"),
)

# Ending of a host name, why it is refused.
REFUSED_ENDINGS: tuple[tuple[str, str], ...] = (
    ("onion", "a Tor service"),  # see `may_be_onion`
    ("i2p", "an I2P service"),
    ("alt", "a name outside the DNS"),
    ("arpa", "a name of the network's own"),
    ("local", "a name of a local network"),
    ("localhost", "this machine"),
    ("localdomain", "a name of a local network"),
    ("internal", "a name of a private network"),
    ("intranet", "a name of a private network"),
    ("private", "a name of a private network"),
    ("corp", "a name of a private network"),
    ("home", "a name of a private network"),
    ("lan", "a name of a private network"),
    ("example", "a name for documentation"),
    ("test", "a name for tests"),
    ("invalid", "a name for tests"),
)

_IPV4_TABLE = tuple((ipaddress.IPv4Network(text), words) for text, words, _ in REFUSED_IPV4)
_NEVER_OURS_TABLE = tuple((ipaddress.ip_network(text), words) for text, words, _ in NEVER_OURS)
_IPV6_TABLE = tuple((ipaddress.IPv6Network(text), words) for text, words, _ in REFUSED_IPV6)


def check_port(port: int) -> None:
    """Let only the ports of ordinary web servers pass.

    Raises:
        CaptureRefusedError: it is another one.
    """
    if port not in ALLOWED_PORTS:
        raise CaptureRefusedError(f"port {port} is not one that the fetcher dials")


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read networks in CIDR form, as INSIDE_NETWORKS has them.

    Raises:
        SettingsError: one of them is no network.
    """
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError:
        raise SettingsError("the networks of our own cannot be read") from None


def check_host(
    host: str,
    *,
    practice: PracticeNames = NO_PRACTICE,
    inside: tuple[Network, ...] = (),
    may_be_onion: bool = False,
) -> None:
    """Refuse names that are not meant for the public internet; numeric hosts go to `check_address`.

    Args:
        host: lower-case A-labels, or an address in its normal spelling.
        practice: the only exemptions, by exact name.
        inside: networks of our own, for a numeric host.
        may_be_onion: whether a tor exit stands for .onion names.

    Raises:
        CaptureRefusedError: the name is refused; the words say why and do not repeat it.
    """
    if host in practice.addresses:
        return
    if is_numeric(host):
        check_address(host, practice=practice, inside=inside)
        return
    labels = host.rstrip(".").split(".")
    for ending, words in REFUSED_ENDINGS:
        if labels[-1] == ending and not (may_be_onion and ending == "onion"):
            raise CaptureRefusedError(f"the host is {words}")
    if len(labels) < 2:
        raise CaptureRefusedError("the host has no public name")
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        raise CaptureRefusedError("the host is a number in an unusual spelling")


def is_numeric(host: str) -> bool:
    """Say whether a host is an address in its normal spelling rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_address(
    text: str, *, practice: PracticeNames = NO_PRACTICE, inside: tuple[Network, ...] = ()
) -> None:
    """Refuse an address that is not plainly on the public internet, or that is our own.

    Args:
        text: one address of a DNS answer, or a numeric host; IPv6 without brackets.
        practice: the only exemptions, by exact address.
        inside: networks of our own; no practice exempts from them.

    Raises:
        CaptureRefusedError: the address is refused; the words say what it is and do not repeat it.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise CaptureRefusedError("the address cannot be read") from None
    check_inside(address, inside)
    if str(address) in practice.dials:
        return
    if isinstance(address, ipaddress.IPv4Address):
        _check_ipv4(address)
    else:
        _check_ipv6(address)
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        raise CaptureRefusedError("the address is not on the public internet")


def check_inside(address: Address, inside: tuple[Network, ...]) -> None:
    """Refuse an address of our own networks, an IPv4 one written as IPv6 too.

    Raises:
        CaptureRefusedError: it is one.
    """
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if any(address in network for network in inside):
        raise CaptureRefusedError("the address is an address of our own network")


def _check_ipv4(address: ipaddress.IPv4Address) -> None:
    for network, words in _IPV4_TABLE:
        if address in network:
            raise CaptureRefusedError(f"the address is {words}")


def _check_ipv6(address: ipaddress.IPv6Address) -> None:
    if address.scope_id is not None:
        raise CaptureRefusedError("the address names an interface of this machine")
    for network, words in _IPV6_TABLE:
        if address in network:
            raise CaptureRefusedError(f"the address is {words}")
    if address not in PUBLIC_IPV6:
        raise CaptureRefusedError("the address is outside the public range of IPv6")
    if (int(address) >> 32) & 0xFFFFFFFF in ISATAP_MARKS:
        raise CaptureRefusedError("the address is an ISATAP tunnel")


def check_answer(
    addresses: Iterable[str], *, practice: PracticeNames = NO_PRACTICE, inside: tuple[Network, ...] = ()
) -> list[str]:
    """Check a whole DNS answer: one bad address refuses the name.

    Args:
        addresses: as the resolver gave them, repetitions allowed.
        practice: the only exemptions, by exact address.
        inside: networks of our own.

    Returns:
        The distinct addresses in their order, all of them fit to dial.

    Raises:
        CaptureRefusedError: one of them is refused.
    """
    distinct = list(dict.fromkeys(addresses))
    for text in distinct:
        check_address(text, practice=practice, inside=inside)
    return distinct


def check_ours(text: str) -> None:
    """Refuse an address at which no server of ours can stand.

    Args:
        text: an address that the operator named, or one that a name of his resolved to.

    Raises:
        SettingsError: it is one; the words say what it is and do not repeat it.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise SettingsError("an address in the settings cannot be read") from None
    for network, words in _NEVER_OURS_TABLE:
        if address in network:
            raise SettingsError(f"an address in the settings is {words}: no server of ours stands there")
