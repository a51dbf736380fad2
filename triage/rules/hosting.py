"""Who hosts an item: several sources must say the same, or a person decides.

An address that no known network holds is *unknown*, never foreign: our table is not the whole internet.
"""

import ipaddress
import re
from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass

from triage.errors import NotAllowedError
from triage.model import Hosting
from triage.rules.states import Agreement

BY_DNS = "dns"
BY_URL = "url"
BY_CAPTURE = "capture"
_COUNTRY = re.compile(r"[A-Z]{2}")
_MAX_OPERATOR = 200


@dataclass(frozen=True, slots=True)
class HostSource:
    """What one source says.

    Attributes:
        source: dns, capture, or url for an address that the URL itself names.
        address: None when the source has none.
        asn, operator, country: of the network that holds the address; None when none does.
        finding: why the source says nothing of use, in words: no address, or one that policy refuses.
    """

    source: str
    address: str | None = None
    asn: int | None = None
    operator: str | None = None
    country: str | None = None
    finding: str | None = None

    def as_mapping(self) -> dict[str, str | int | None]:
        """Return it as it is stored."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the sources say together; all but agreement and reason are set only when they agree."""

    agreement: Agreement
    address: str | None = None
    asn: int | None = None
    operator: str | None = None
    country: str | None = None
    reason: str | None = None


def judge_hosting(sources: Sequence[HostSource], refused_asns: Set[int]) -> Judged:
    """Judge who hosts an item.

    Args:
        sources: one per address that the host has now, and the address that the last capture dialled.
        refused_asns: whose operators said of this item that it is not theirs.
    """
    finding = next((one.finding for one in sources if one.finding), None)
    if finding is not None:
        return Judged(Agreement.UNKNOWN, reason=finding)
    named = [one for one in sources if one.source != BY_CAPTURE and one.address is not None]
    if not named:
        return Judged(Agreement.UNKNOWN, reason="the host name has no address")
    if any(one.asn is None for one in sources):
        return Judged(Agreement.UNKNOWN, reason="an address lies in no network that we know")
    if len({one.asn for one in named}) > 1:
        return Judged(Agreement.DISPUTED, reason="its addresses lie with several operators")
    first = named[0]
    if any(one.asn != first.asn for one in sources):
        return Judged(Agreement.DISPUTED, reason="its capture came from another operator")
    if len({one.country for one in sources}) > 1:
        return Judged(Agreement.DISPUTED, reason="its operator's networks lie in several countries")
    if first.asn in refused_asns:
        return Judged(Agreement.DISPUTED, reason="this operator answered that it does not host it")
    dialled = {one.address for one in sources if one.source == BY_CAPTURE}
    chosen = next((one for one in named if one.address in dialled), first)
    return Judged(Agreement.AGREED, chosen.address, chosen.asn, chosen.operator, chosen.country)


def is_elsewhere(hosting: Hosting | None, *, address: str, asn: int | None) -> bool:
    """Whether what answered now stands with another operator than the one that was agreed.

    What a person decided in view of sources that disagreed is not taken for a move when one of those answers.

    Args:
        hosting: the newest agreed one; without one nothing has moved.
        address: the address that answered.
        asn: of its network; None when it lies in none that we know.
    """
    if hosting is None or (asn is not None and asn == hosting.asn):
        return False
    if hosting.decided_by is None:
        return True
    seen = {(source.get("address"), source.get("asn")) for source in hosting.sources}
    places = {place for place, _ in seen} | {hosting.address}
    return address not in places and (asn is None or asn not in {number for _, number in seen})


def check_decision(*, asn: int | None, operator: str, country: str, address: str | None) -> None:
    """Refuse what a person cannot have meant as somebody who hosts an item.

    Raises:
        NotAllowedError: one line says which part.
    """
    if not operator.strip() or len(operator.strip()) > _MAX_OPERATOR or not operator.isprintable():
        raise NotAllowedError(f"The operator needs a name of 1 to {_MAX_OPERATOR} characters.")
    if not _COUNTRY.fullmatch(country):
        raise NotAllowedError("The country is two capital letters, such as AL or XK.")
    if asn is not None and not 1 <= asn <= 4294967295:
        raise NotAllowedError("An ASN is a number from 1 to 4294967295.")
    if address is not None:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise NotAllowedError("This is not an IP address.") from None
