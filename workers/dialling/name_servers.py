"""Which name servers are asked: the one that DNS_SERVER names, else those of this machine.

Shared by the DNS client of the worker and by the fetcher's resolver. What the operator names must be fit by
`policy.check_ours`; what the machine's own resolv.conf names is taken as it is, since clouds put their name service at
link-local addresses.
"""

import ipaddress
from dataclasses import dataclass

import dns.exception
import dns.resolver

from triage.errors import SettingsError
from workers.dialling.policy import check_ours

DNS_PORT = 53
MAX_NAME_SERVERS = 3  # as the C library has it


@dataclass(frozen=True, slots=True)
class NameServers:
    """Where the DNS is asked: addresses in the order in which they are tried, and their port."""

    addresses: tuple[str, ...]
    port: int = DNS_PORT


def read_name_servers(server: str | None) -> NameServers:
    """Read DNS_SERVER, or this machine's configuration.

    Args:
        server: an address, with `:port` if it is not 53 (IPv6 in brackets then); None: the machine's.

    Raises:
        SettingsError: it cannot be read or is no place for a server of ours, or this machine names none.
    """
    if server is None:
        return _read_machine()
    address, port = server, DNS_PORT
    if server.count(":") == 1 or server.startswith("["):
        address, _, digits = (
            server.rpartition(":") if not server.endswith("]") else (server, "", str(DNS_PORT))
        )
        address = address.strip("[]")
        port = int(digits) if digits.isdecimal() else 0
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise SettingsError("DNS_SERVER is not an IP address.") from None
    if not 0 < port < 65536:
        raise SettingsError("DNS_SERVER names no port.")
    check_ours(address)
    return NameServers((address,), port)


def _read_machine() -> NameServers:
    try:
        found = dns.resolver.Resolver().nameservers
    except (dns.exception.DNSException, OSError):
        found = []
    # One with an interface (fe80::1%eth0) cannot be dialled without asking the C library, which reads files.
    addresses = tuple(str(one) for one in found if "%" not in str(one))[:MAX_NAME_SERVERS]
    if not addresses:
        raise SettingsError("This machine names no DNS resolver: set DNS_SERVER.")
    return NameServers(addresses)
