"""The DNS, asked for all addresses of one host name.

1. Ask for A and AAAA, as an absolute name, within one lifetime for both.
2. An answer, also that there is none, is a fact about the world. A server of the host's that fails is one that
   may pass.
3. Silence or a failure may be ours: then the resolver is asked for the root servers, which it always knows. If
   that is not answered either, our resolver is away and nothing is said of the host.

The resolver's own address may be private (`dialling/name_servers.py`); what it answers is judged by whoever asks.
"""

import time
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from triage.errors import ServerUnavailableError
from workers.dialling.name_servers import read_name_servers

LIFETIME_S = 10.0
PROBE_S = 2.0
MAX_ADDRESSES = 64
_TYPES = (dns.rdatatype.A, dns.rdatatype.AAAA)


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """What the DNS says of a host.

    Attributes:
        addresses: all of them, IPv4 first, without repetitions; empty with a finding.
        finding: why there are none, in words that do not repeat the name.
        may_pass: whether asking again later may help.
    """

    addresses: tuple[str, ...] = ()
    finding: str | None = None
    may_pass: bool = False


def find_addresses(host: str, *, server: str | None, lifetime_s: float | None = None) -> DnsAnswer:
    """Ask for the addresses of a host.

    Args:
        host: lower-case A-labels.
        server: address of the resolver, with `:port` if it is not 53; None: the one of this machine.
        lifetime_s: seconds for all questions together; LIFETIME_S by default.

    Raises:
        ServerUnavailableError: our resolver does not answer, or does not serve us.
        SettingsError: the resolver's address cannot be read, or this machine names none.
    """
    resolver = _make_resolver(server)
    life_s = LIFETIME_S if lifetime_s is None else lifetime_s
    deadline = time.monotonic() + life_s
    probe_s = min(PROBE_S, life_s / 4)
    try:
        name = dns.name.from_text(host.rstrip(".") + ".")
    except dns.exception.DNSException:
        return DnsAnswer(finding="the host name cannot be asked for")
    found: list[str] = []
    for place, kind in enumerate(_TYPES):
        left = (deadline - probe_s - time.monotonic()) / (len(_TYPES) - place)
        try:
            answer = resolver.resolve(
                name, kind, raise_on_no_answer=False, search=False, lifetime=max(left, 0.05)
            )
        except dns.resolver.NXDOMAIN:
            return DnsAnswer(finding="the host name does not exist")
        except dns.resolver.YXDOMAIN:
            return DnsAnswer(finding="the host name cannot be asked for")
        except (dns.resolver.NoNameservers, dns.exception.Timeout):
            _require_awake(resolver, probe_s)
            return DnsAnswer(finding="the name servers of the host do not answer", may_pass=True)
        except (dns.exception.DNSException, OSError) as error:
            raise ServerUnavailableError(f"The name service failed: {type(error).__name__}.") from None
        found += [str(record) for record in answer.rrset or ()]
    addresses = tuple(dict.fromkeys(found))
    if not addresses:
        return DnsAnswer(finding="the host name has no address")
    if len(addresses) > MAX_ADDRESSES:
        return DnsAnswer(finding=f"the host name has more than {MAX_ADDRESSES} addresses")
    return DnsAnswer(addresses)


def _make_resolver(server: str | None) -> dns.resolver.Resolver:
    servers = read_name_servers(server)
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = list(servers.addresses)
    resolver.port = servers.port
    return resolver


def _require_awake(resolver: dns.resolver.Resolver, lifetime_s: float) -> None:
    """Raise ServerUnavailableError unless our resolver answers what every resolver knows."""
    try:
        resolver.resolve(
            dns.name.root, dns.rdatatype.NS, raise_on_no_answer=False, search=False, lifetime=lifetime_s
        )
    except (dns.exception.DNSException, OSError):
        raise ServerUnavailableError("The name service does not answer.") from None
