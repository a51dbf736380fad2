"""The names of strangers' hosts, asked of the DNS without a thread and without a file.

1. Before the locks: where name servers are is read, and all that the library would import later is imported.
2. A and AAAA are asked at once, as an absolute name; long answers come by TCP; aliases are followed by the server.
3. When one of the two has brought addresses, the other gets a little time more and is then given up: only addresses
   that came are ever dialled, and all of those are checked.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import dns.asyncbackend
import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
import dns.resolver

from triage.errors import CaptureRefusedError
from triage.rules.fetch_failures import FetchFailure
from workers.dialling.name_servers import NameServers
from workers.fetcher.failures import fail

MAX_ADDRESSES = 64
LIFETIME_S = 8.0
"""Time for one name, in seconds."""
ONE_TRY_S = 2.5
"""Time for one question to one name server, in seconds."""
OTHER_KIND_S = 1.0
"""Time that the second of A and AAAA gets when the first has brought addresses, in seconds."""
_KINDS = (dns.rdatatype.A, dns.rdatatype.AAAA)


class DnsResolver:
    """Asks the name servers for the addresses of one host at a time.

    Args:
        servers: which are asked, in their order.
    """

    def __init__(self, servers: NameServers) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        self._resolver.nameservers = list(servers.addresses)
        self._resolver.port = servers.port
        self._resolver.timeout = ONE_TRY_S
        self._resolver.use_edns(
            0, 0, 1232
        )  # as dnsflagday.net/2020 has it: longer answers are split on the way
        self._backend: Any = None

    async def warm_up(self) -> None:
        """Import what the library would import on use; a stranger's answer must not make us open a file."""
        self._backend = dns.asyncbackend.get_default_backend()
        dns.rdata.load_all_types()  # type: ignore[no-untyped-call]

    async def find_addresses(self, host: str) -> list[str]:
        """Return all addresses of a host, IPv4 first; they are not checked here.

        Args:
            host: lower-case A-labels.

        Raises:
            CaptureFailedError: NO_SUCH_NAME, NO_ADDRESS or NAME_SERVICE_SILENT.
            CaptureRefusedError: there are more addresses than are checked.
        """
        try:
            name = dns.name.from_text(host.rstrip(".") + ".")
        except dns.exception.DNSException:
            raise fail(FetchFailure.NO_SUCH_NAME) from None
        questions = [asyncio.ensure_future(self._ask(name, kind)) for kind in _KINDS]
        try:
            outcomes = await _await_both(questions)
        finally:
            for question in questions:
                question.cancel()
        found = [one for outcome in outcomes if isinstance(outcome, list) for one in outcome]
        if found:
            distinct = list(dict.fromkeys(found))
            if len(distinct) > MAX_ADDRESSES:
                raise CaptureRefusedError(f"the host name has more than {MAX_ADDRESSES} addresses")
            return distinct
        failures = {outcome for outcome in outcomes if isinstance(outcome, FetchFailure)}
        for failure in (FetchFailure.NO_SUCH_NAME, FetchFailure.NAME_SERVICE_SILENT):
            if failure in failures:
                raise fail(failure)
        raise fail(FetchFailure.NO_ADDRESS)

    async def _ask(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> list[str] | FetchFailure:
        try:
            answer = await self._resolver.resolve(
                name, kind, raise_on_no_answer=False, search=False, lifetime=LIFETIME_S, backend=self._backend
            )
        except dns.resolver.NXDOMAIN:
            return FetchFailure.NO_SUCH_NAME
        except dns.resolver.YXDOMAIN:
            return FetchFailure.NO_SUCH_NAME
        except (dns.exception.DNSException, OSError, EOFError):
            return FetchFailure.NAME_SERVICE_SILENT
        return [str(record.address) for record in answer.rrset or ()]


async def _await_both(
    questions: Sequence["asyncio.Future[list[str] | FetchFailure]"],
) -> list[list[str] | FetchFailure]:
    """Wait for both answers, or for one with addresses and a little longer; in the order of the questions."""
    done, waiting = await asyncio.wait(questions, return_when=asyncio.FIRST_COMPLETED)
    if waiting and any(isinstance(one.result(), list) and one.result() for one in done):
        await asyncio.wait(waiting, timeout=OTHER_KIND_S)
    elif waiting:
        await asyncio.wait(waiting)
    return [one.result() for one in questions if one.done()]
