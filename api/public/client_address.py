"""Who asks: the address of the connection, or what a proxy of ours says of it. Used for counting, stored nowhere.

1. A connection from elsewhere is the client itself, whatever its headers say.
2. Behind proxies of ours (TRUSTED_PROXIES) the right-most address of X-Forwarded-For that is not ours is the client:
   each proxy adds the one it saw at the right end; all to the left of it could be the client's own invention.
3. Where a proxy of ours says nothing that is an address, the proxy itself counts as the client.
"""

import ipaddress
from collections.abc import Iterable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_V4_PREFIX, _V6_PREFIX = 24, 48


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return networks from their CIDR texts, which the settings have checked."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def find_client(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> Address | None:
    """Return the address of the client; None when the connection has none.

    Args:
        peer: address of the connection.
        forwarded: values of the header X-Forwarded-For, in the order of the lines.
        trusted: networks of our own proxies.
    """
    client = _read(peer or "")
    for text in reversed(",".join(forwarded).split(",")):
        if client is None or not _is_ours(client, trusted):
            return client
        said = _read(text)
        if said is None:
            return client
        client = said
    return client


def subnet_of(address: Address | None) -> bytes:
    """Return the subnet that counts as one sender: the first 24 bits of IPv4, 48 of IPv6; empty for none."""
    if address is None:
        return b""
    if address.version == 4:
        return b"4" + address.packed[: _V4_PREFIX // 8]
    return b"6" + address.packed[: _V6_PREFIX // 8]


def _is_ours(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _read(text: str) -> Address | None:
    """Read an address as proxies write it: with a port, in brackets, IPv4 as IPv6; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
