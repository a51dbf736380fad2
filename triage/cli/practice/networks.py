"""The fictional networks of a practice deployment: documentation ranges, `.example` hosts, made-up operators.

Addresses are from RFC 5737, names from RFC 2606; neither can exist on the internet.
"""

import ipaddress
from dataclasses import dataclass

from triage.errors import UnknownThingError
from triage.model import Network


@dataclass(frozen=True, slots=True)
class PracticeNetwork:
    """One fictional operator.

    Attributes:
        operator: a name that is clearly made up.
        prefix: a part of a documentation range, in CIDR form.
        asn: from the range kept for documentation (RFC 5398).
        country: AL, or ZZ for a country that does not exist.
        abuse_mailbox: an address under `.example`.
    """

    operator: str
    prefix: str
    asn: int
    country: str
    abuse_mailbox: str


PRACTICE_NETWORKS = (
    PracticeNetwork("Rrjeti Shembull shpk", "192.0.2.0/24", 64496, "AL", "abuzim@rrjeti-shembull.example"),
    PracticeNetwork(
        "Strehimi Praktikë shpk", "198.51.100.0/24", 64497, "AL", "abuse@strehimi-praktike.example"
    ),
    PracticeNetwork(
        "Nowhere Example Hosting", "203.0.113.0/24", 64498, "ZZ", "abuse@nowhere-hosting.example"
    ),
)

PRACTICE_HOSTS: dict[str, str] = {
    "foto.shembull.example": "192.0.2.10",
    "galeria.shembull.example": "192.0.2.11",
    "www.albumi.example": "192.0.2.12",
    "lajme.shembull.example": "192.0.2.13",
    "kornize.shembull.example": "192.0.2.14",
    "dyzet.shembull.example": "192.0.2.15",
    "formate.shembull.example": "192.0.2.16",
    "lidhje.shembull.example": "192.0.2.17",
    "www.prisni.example": "192.0.2.18",
    "www.lodhur.example": "192.0.2.19",
    "kalo.praktike.example": "198.51.100.20",
    "ndalesa.praktike.example": "198.51.100.21",
    "rende.praktike.example": "198.51.100.22",
    "zhdukur.praktike.example": "198.51.100.23",
    "humbur.praktike.example": "198.51.100.24",
    "kurth.nowhere.example": "203.0.113.30",
    "video.nowhere.example": "203.0.113.31",
    "ngadale.nowhere.example": "203.0.113.32",
    "depo.nowhere.example": "203.0.113.33",
    "www.parkuar.example": "203.0.113.34",
    "hyrje.nowhere.example": "203.0.113.35",
    "pelqim.nowhere.example": "203.0.113.36",
    "vendi.nowhere.example": "203.0.113.37",
    "radha.shembull.example": "192.0.2.40",
    "radha.praktike.example": "198.51.100.40",
    "radha.nowhere.example": "203.0.113.40",
}
"""Host name → the documentation address it stands on."""


def list_networks() -> list[Network]:
    """Return the practice networks as the table of networks has them."""
    return [
        Network(prefix=one.prefix, asn=one.asn, operator=one.operator, brand="", country=one.country)
        for one in PRACTICE_NETWORKS
    ]


def find_network(address: str) -> PracticeNetwork:
    """Return the fictional network of an address.

    Args:
        address: an IPv4 address in dotted form.

    Raises:
        UnknownThingError: no practice network holds it.
    """
    try:
        wanted = ipaddress.ip_address(address)
    except ValueError:
        raise UnknownThingError("this is not an IP address") from None
    for network in PRACTICE_NETWORKS:
        if wanted in ipaddress.ip_network(network.prefix):
            return network
    raise UnknownThingError("no practice network holds this address")
