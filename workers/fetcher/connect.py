"""The one way from a URL to a connection: everything is checked here, and nothing else in the fetcher dials.

1. The port, then the name, are checked (`dialling/policy.py`); the way out is chosen as far as the name decides it.
2. The name is resolved once and **every** address is checked, unless a tor exit is to resolve it.
3. A checked address is dialled, or handed to an exit; the next ones are tried when it does not answer.
4. TLS is spoken by the name of the URL; a certificate that cannot be verified is taken, and its fault kept.
"""

import asyncio
import hashlib
import ipaddress
import secrets
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from triage.errors import CaptureFailedError, CaptureRefusedError, SettingsError
from triage.rules.exits import DIRECT, Exit, ExitKind
from triage.rules.fetch_failures import FetchFailure
from triage.rules.urls import UrlParts
from workers.dialling.exits import Exits, is_onion
from workers.dialling.policy import (
    Network,
    check_answer,
    check_host,
    check_inside,
    check_ours,
    check_port,
    is_numeric,
)
from workers.dialling.practice_names import NO_PRACTICE, PracticeNames
from workers.fetcher.failures import fail
from workers.fetcher.proxies import pass_exit
from workers.fetcher.trust import Trust, describe_fault

Resolve = Callable[[str], Awaitable[list[str]]]

MAX_ADDRESSES_TRIED = 3
EXIT_PATIENCE = 3.0  # an exit dials for us, and a Tor circuit is long
BUFFER_BYTES = 128 << 10


@dataclass(slots=True)
class Progress:
    """How far a fetch has come: `if_over` is what it is called when its time is over now."""

    if_over: FetchFailure = FetchFailure.OUT_OF_TIME


@dataclass(slots=True)
class Connection:
    """An open connection to a server, and what is known of it.

    Attributes:
        address: what was dialled, or what an exit was told to dial; empty where the exit resolved the name.
        tls, certificate, certificate_fault: as in `wire.Hop`.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    address: str
    exit_name: str
    tls: str = ""
    certificate: str = ""
    certificate_fault: str = ""

    def close(self) -> None:
        """Drop the connection at once; no farewell is waited for."""
        self.writer.transport.abort()


@dataclass(frozen=True, slots=True)
class Connector:
    """Dials for the client.

    Attributes:
        resolve: gives the addresses of a name, unchecked.
        trust: how certificates are verified.
        exits: the ways out and their rules.
        practice: exemptions of a practice deployment.
        inside: networks of our own, which are never dialled.
        connect_s: seconds to connect to one address.
    """

    resolve: Resolve
    trust: Trust
    exits: Exits
    practice: PracticeNames = NO_PRACTICE
    inside: tuple[Network, ...] = ()
    connect_s: float = 10.0

    async def connect(
        self, parts: UrlParts, progress: Progress, *, wish: str = "", isolation: str = ""
    ) -> Connection:
        """Open a connection for one request.

        Args:
            parts: of a normal URL.
            progress: kept up to date.
            wish: the exit that a person asked for; empty: as the rules say.
            isolation: what a tor exit keeps apart; empty: this connection from all others.

        Raises:
            CaptureRefusedError: port, name, an address or the exit is refused.
            CaptureFailedError: nobody can be reached, or there is no common TLS.
        """
        progress.if_over = FetchFailure.NAME_SERVICE_SILENT
        way, targets = await self._find_targets(parts.host, parts.port, wish)
        progress.if_over = FetchFailure.CONNECT_TIMEOUT if way == DIRECT else FetchFailure.EXIT_FAILED
        failure: CaptureFailedError | None = None
        for target in targets[:MAX_ADDRESSES_TRIED]:
            try:
                return await self._open(parts, way, target, isolation)
            except CaptureFailedError as error:
                failure = error
        raise failure or fail(FetchFailure.NO_ADDRESS)

    async def _find_targets(self, host: str, port: int, wish: str) -> tuple[Exit | str, list[str]]:
        """Check and resolve; return the way out and what is dialled there, best first."""
        check_port(port)
        way = self.exits.choose_by_name(host, wish)
        check_host(host, practice=self.practice, inside=self.inside, may_be_onion=is_onion(host))
        if isinstance(way, Exit) and way.kind is ExitKind.TOR:
            return way, [host]
        addresses = check_answer(await self._find_addresses(host), practice=self.practice, inside=self.inside)
        if not addresses:
            raise fail(FetchFailure.NO_ADDRESS)
        if way is None:
            way = self.exits.choose_by_addresses(host, addresses)
        if isinstance(way, Exit) and way.kind is ExitKind.TOR:
            return way, [host]
        return way, addresses

    async def _find_addresses(self, host: str) -> list[str]:
        if host in self.practice.addresses:
            return [self.practice.addresses[host]]
        if is_numeric(host):
            return [host]
        return await self.resolve(host)

    async def _open(self, parts: UrlParts, way: Exit | str, target: str, isolation: str) -> Connection:
        if parts.scheme == "http":
            return await self._open_once(parts, way, target, isolation, None)
        try:
            return await self._open_once(parts, way, target, isolation, self.trust.verifying)
        except ssl.SSLCertVerificationError as error:
            connection = await self._open_once(parts, way, target, isolation, self.trust.believing)
            connection.certificate_fault = describe_fault(error)
            return connection

    async def _open_once(
        self, parts: UrlParts, way: Exit | str, target: str, isolation: str, context: ssl.SSLContext | None
    ) -> Connection:
        """Dial and speak TLS.

        Raises:
            CaptureFailedError: it cannot be reached, or there is no common TLS.
            ssl.SSLCertVerificationError: the certificate cannot be verified.
        """
        if isinstance(way, Exit):
            sock = await self._dial_exit(way, target, parts.port, isolation)
        else:
            sock = await self._dial_direct(target, parts.port)
        name = parts.host if context is not None else None
        try:
            async with asyncio.timeout(self.connect_s):
                # Closes the socket when it fails.
                reader, writer = await asyncio.open_connection(
                    sock=sock, limit=BUFFER_BYTES, ssl=context, server_hostname=name
                )
        except ssl.SSLCertVerificationError:
            raise
        except TimeoutError:
            raise fail(FetchFailure.CONNECT_TIMEOUT) from None
        except ssl.SSLEOFError:
            raise fail(FetchFailure.BROKEN_OFF) from None
        except (ssl.SSLError, ValueError):  # ValueError: a name that cannot be said in TLS
            raise fail(FetchFailure.NO_COMMON_TLS) from None
        except OSError:
            raise fail(FetchFailure.BROKEN_OFF) from None
        address = target if is_numeric(target) else ""
        connection = Connection(reader, writer, address, way.name if isinstance(way, Exit) else DIRECT)
        secured = writer.get_extra_info("ssl_object")
        if secured is not None:
            connection.tls = str(secured.version() or "")
            connection.certificate = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
        return connection

    async def _dial_direct(self, address: str, port: int) -> socket.socket:
        target, target_port = self.practice.dials.get(address, (address, port))
        check_inside(ipaddress.ip_address(target), self.inside)  # where practice leads to counts too
        return await self._dial(target, target_port)

    async def _dial_exit(self, way: Exit, target: str, port: int, isolation: str) -> socket.socket:
        """Dial an exit and have it connect us through; its own faults are never taken for the site's."""
        credentials = self.exits.credentials.get(way.name)
        if way.kind is ExitKind.TOR:
            key = isolation or secrets.token_hex(16)
            credentials = (key, key)
        try:
            sock = await self._dial(await self._find_exit(way), way.port)
        except CaptureFailedError:
            raise fail(FetchFailure.EXIT_FAILED) from None
        try:
            async with asyncio.timeout(self.connect_s * EXIT_PATIENCE):
                await pass_exit(sock, way, target, port, credentials)
        except TimeoutError:
            sock.close()
            raise fail(FetchFailure.EXIT_FAILED) from None
        except BaseException:
            sock.close()
            raise
        return sock

    async def _find_exit(self, way: Exit) -> str:
        """Return the checked address of an exit."""
        if way.host == "localhost":
            return "127.0.0.1"
        addresses = [way.host] if is_numeric(way.host) else await self.resolve(way.host)
        try:
            for address in addresses:
                check_ours(address)
        except SettingsError:
            raise fail(FetchFailure.EXIT_FAILED) from None
        if not addresses:
            raise fail(FetchFailure.EXIT_FAILED)
        return addresses[0]

    async def _dial(self, address: str, port: int) -> socket.socket:
        """Connect to one address, and to nothing else.

        Raises:
            CaptureRefusedError: the connection led elsewhere.
            CaptureFailedError: it does not answer, or refuses.
        """
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(self.connect_s):
                await asyncio.get_running_loop().sock_connect(sock, (address, port))
            if ipaddress.ip_address(sock.getpeername()[0]) != ipaddress.ip_address(address):
                raise CaptureRefusedError("the connection led to another address")
        except TimeoutError:
            sock.close()
            raise fail(FetchFailure.CONNECT_TIMEOUT) from None
        except OSError:
            sock.close()
            raise fail(FetchFailure.UNREACHABLE) from None
        except BaseException:
            sock.close()
            raise
        return sock
