"""The fictional names of a practice deployment: the only way in which an address of a report leads to this machine."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from triage.errors import SettingsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_DOCUMENTATION = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
)


@dataclass(frozen=True, slots=True)
class PracticeNames:
    """The fictional names of a practice deployment; empty everywhere else.

    Attributes:
        addresses: host name → documentation address that is dialled, such as photos.example → 203.0.113.10.
        dials: documentation address → loopback address and TCP port that really answer.
        others: host name → the further addresses it stands on, in their order.
    """

    addresses: Mapping[str, str] = field(default_factory=dict)
    dials: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        further = {address for others in self.others.values() for address in others}
        for address in {*self.addresses.values(), *self.dials, *further}:
            parsed = ipaddress.ip_address(address)
            if not any(parsed in network for network in _DOCUMENTATION):
                raise SettingsError("a practice name must have an address meant for documentation")
        for address in {*self.addresses.values(), *further}:
            if address not in self.dials:
                raise SettingsError("a practice name has an address that nothing answers for")
        for host, port in self.dials.values():
            if not ipaddress.ip_address(host).is_loopback or not 1 <= port <= 65535:
                raise SettingsError("a practice name must lead to a port of this machine")

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[str, str, str, int]]) -> "PracticeNames":
        """Make the names from rows of (host, address, dial_host, dial_port), several of them for one host at will.

        Raises:
            SettingsError: an address is not for documentation, or a dial host is not loopback.
        """
        places: dict[str, set[Address]] = {}
        dials: dict[str, tuple[str, int]] = {}
        try:
            for host, address, dial_host, dial_port in rows:
                parsed = ipaddress.ip_address(str(address).partition("/")[0])
                places.setdefault(host.lower(), set()).add(parsed)
                dials[str(parsed)] = (str(ipaddress.ip_address(str(dial_host))), int(dial_port))
            ordered = {
                host: [str(one) for one in sorted(found, key=lambda one: (one.version, int(one)))]
                for host, found in places.items()
            }
            return cls(
                addresses={host: found[0] for host, found in ordered.items()},
                dials=dials,
                others={host: tuple(found[1:]) for host, found in ordered.items() if found[1:]},
            )
        except ValueError:
            raise SettingsError("the practice names cannot be read") from None

    def to_rows(self) -> list[tuple[str, str, str, int]]:
        """Return rows that `from_rows` reads."""
        return [
            (host, address, *self.dials[address])
            for host in self.addresses
            for address in self.find_addresses(host)
        ]

    def find_addresses(self, host: str) -> tuple[str, ...]:
        """Return all addresses that a practice name stands on, the one that is dialled first."""
        return (self.addresses[host], *self.others.get(host, ()))

    def dial_ports(self) -> frozenset[int]:
        """Return the loopback ports that practice needs."""
        return frozenset(port for _, port in self.dials.values())


NO_PRACTICE = PracticeNames()
