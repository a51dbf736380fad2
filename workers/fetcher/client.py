"""The HTTP client of the fetcher: every connection is checked, every redirect is a new request.

1. The URL, already in normal form, is cut by our own parser; the client library never reads one.
2. `CheckedBackend` resolves the host once, checks all addresses by `policy.py`, and dials a checked one.
3. A redirect is joined, made normal and starts again at 1, on a new connection.
4. The body is read in chunks through `body.BodyReader`.
5. One deadline covers all of it, whatever the server does to stay busy.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

import httpcore2

from triage.errors import CaptureFailedError, CaptureRefusedError, InvalidUrlError
from triage.rules.urls import UrlParts, resolve_link, split_url
from workers.dialling.policy import (
    Network,
    check_answer,
    check_host,
    check_inside,
    check_port,
    is_numeric,
    read_networks,
)
from workers.dialling.practice_names import NO_PRACTICE, PracticeNames
from workers.fetcher.body import BodyReader
from workers.fetcher.wire import FetchLimits, Hop

Resolver = Callable[[str], Awaitable[list[str]]]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_ADDRESSES_TRIED = 3
ACCEPT = "text/html,application/xhtml+xml,image/*,video/*;q=0.9,*/*;q=0.8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one fetch brought: every hop, the last body, and the milliseconds it took."""

    hops: tuple[Hop, ...]
    body: bytes
    elapsed_ms: int


async def resolve_host(host: str) -> list[str]:
    """Ask the system's resolver.

    Returns:
        All addresses of the answer, IPv6 with its scope if it has one.

    Raises:
        CaptureFailedError: the name has no address, or nobody answers.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in {socket.EAI_AGAIN, socket.EAI_SYSTEM}:
            raise CaptureFailedError("the name service does not answer") from None
        raise CaptureFailedError("the host name has no address") from None
    except UnicodeError:
        raise CaptureFailedError("the host name cannot be asked for") from None
    return [str(entry[4][0]) for entry in found]


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Dials only addresses that the policy lets pass; `dialled` is the last one."""

    def __init__(self, resolve: Resolver, practice: PracticeNames, inside: tuple[Network, ...] = ()) -> None:
        """Take the resolver, the practice names and the networks of our own; nothing is dialled yet."""
        self._resolve = resolve
        self._practice = practice
        self._inside = inside
        self._network = httpcore2.AnyIOBackend()
        self.dialled = ""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Check, resolve, check every answer, dial.

        Raises:
            CaptureRefusedError: port, name or any address is refused.
            CaptureFailedError: no address can be reached.
        """
        check_port(port)
        check_host(host, practice=self._practice, inside=self._inside)
        addresses = check_answer(
            await self._find_addresses(host), practice=self._practice, inside=self._inside
        )
        if not addresses:
            raise CaptureFailedError("the host name has no address")
        failure: Exception | None = None
        for address in addresses[:MAX_ADDRESSES_TRIED]:
            target, target_port = self._practice.dials.get(address, (address, port))
            check_inside(ipaddress.ip_address(target), self._inside)  # where practice leads to counts too
            try:
                stream = await self._network.connect_tcp(target, target_port, timeout=timeout)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
                continue
            peer = stream.get_extra_info("server_addr")
            if not peer or ipaddress.ip_address(str(peer[0])) != ipaddress.ip_address(target):
                await stream.aclose()
                raise CaptureRefusedError("the connection led to another address")
            self.dialled = address
            return stream
        if isinstance(failure, httpcore2.ConnectTimeout):
            raise CaptureFailedError("the server does not answer")
        raise CaptureFailedError("the server refuses connections or cannot be reached")

    async def _find_addresses(self, host: str) -> list[str]:
        if host in self._practice.addresses:
            return [self._practice.addresses[host]]
        if is_numeric(host):
            return [host]
        return await self._resolve(host)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: nothing on the internet is a Unix socket."""
        raise CaptureRefusedError("Unix sockets are not dialled")

    async def sleep(self, seconds: float) -> None:
        """Wait, for the library."""
        await asyncio.sleep(seconds)


async def fetch_url(
    url: str,
    limits: FetchLimits,
    ssl_context: ssl.SSLContext,
    *,
    practice: PracticeNames = NO_PRACTICE,
    resolve: Resolver = resolve_host,
) -> Answer:
    """Fetch one URL with all its redirects.

    Args:
        url: in normal form.
        limits: deadlines, sizes, and the networks of our own.
        ssl_context: verifies certificates and host names.
        practice: exemptions of a practice deployment.
        resolve: gives the addresses of a name.

    Raises:
        CaptureRefusedError: policy refuses an address or an answer.
        CaptureFailedError: it did not work this time.
    """
    started = time.monotonic()
    backend = CheckedBackend(resolve, practice, read_networks(limits.inside_networks))
    try:
        async with asyncio.timeout(limits.total_s):
            hops, body = await _follow(url, limits, ssl_context, backend)
    except TimeoutError:
        raise CaptureFailedError(f"no complete answer within {limits.total_s:g} seconds") from None
    return Answer(tuple(hops), body, round((time.monotonic() - started) * 1000))


async def _follow(
    url: str, limits: FetchLimits, ssl_context: ssl.SSLContext, backend: CheckedBackend
) -> tuple[list[Hop], bytes]:
    hops: list[Hop] = []
    while True:
        hop, location, body = await _ask(url, limits, ssl_context, backend)
        hops.append(hop)
        if location is None:
            return hops, body
        if len(hops) > limits.max_redirects:
            raise CaptureRefusedError(f"more than {limits.max_redirects} redirects")
        try:
            url = resolve_link(url, location).url
        except InvalidUrlError as error:
            raise CaptureRefusedError(f"a redirect leads nowhere: {error}") from None


async def _ask(
    url: str, limits: FetchLimits, ssl_context: ssl.SSLContext, backend: CheckedBackend
) -> tuple[Hop, str | None, bytes]:
    """Make one request; the redirect's target is None when this is the last answer."""
    parts = split_url(url)
    target = httpcore2.URL(scheme=parts.scheme, host=parts.host, port=parts.port, target=parts.target)
    timeouts = {"connect": limits.connect_s, "read": limits.total_s, "write": limits.total_s, "pool": 1.0}
    pool = httpcore2.AsyncConnectionPool(
        ssl_context=ssl_context,
        network_backend=backend,
        max_connections=1,
        max_keepalive_connections=0,
        http2=False,
        retries=0,
    )
    try:
        async with (
            pool,
            pool.stream(
                "GET", target, headers=_make_headers(parts, limits), extensions={"timeout": timeouts}
            ) as response,
        ):
            hop = Hop(
                url=url,
                status=response.status,
                address=backend.dialled,
                content_type=_read_media_type(_find_header(response, b"content-type")),
                tls=_read_tls_version(response),
            )
            location = _find_header(response, b"location")
            if response.status in REDIRECTS and location:
                return hop, location, b""
            reader = BodyReader(
                limits.max_bytes,
                _find_header(response, b"content-encoding"),
                _find_header(response, b"content-length"),
            )
            async for chunk in response.aiter_stream():
                reader.take(chunk)
            return hop, None, reader.finish()
    except httpcore2.TimeoutException:
        raise CaptureFailedError("the server does not answer") from None
    except httpcore2.ProtocolError:
        raise CaptureFailedError("the server's answer is not proper HTTP, or was cut off") from None
    except (httpcore2.NetworkError, ssl.SSLError) as error:
        raise _explain_break(error) from None
    except ValueError:
        raise CaptureFailedError("the server's answer cannot be read") from None


def _make_headers(parts: UrlParts, limits: FetchLimits) -> list[tuple[bytes, bytes]]:
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    if parts.port != {"http": 80, "https": 443}[parts.scheme]:
        host += f":{parts.port}"
    headers = {
        "Host": host,
        "User-Agent": limits.user_agent,
        "Accept": ACCEPT,
        "Accept-Language": "sq,en;q=0.7",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    return [(name.encode(), value.encode("ascii", "ignore")) for name, value in headers.items()]


def _find_header(response: httpcore2.Response, name: bytes) -> str:
    for key, value in response.headers:
        if key.lower() == name:
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                return value.decode("latin-1")
    return ""


def _read_media_type(header: str) -> str:
    media = header.partition(";")[0].strip().lower()
    return media if media.isascii() and media.isprintable() and len(media) <= 127 else ""


def _read_tls_version(response: httpcore2.Response) -> str:
    stream = response.extensions.get("network_stream")
    secured = stream.get_extra_info("ssl_object") if stream is not None else None
    return str(secured.version() or "") if secured is not None else ""


def _explain_break(error: BaseException) -> CaptureFailedError:
    for cause in _causes_of(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CaptureFailedError("the certificate of the server cannot be verified")
        if isinstance(cause, ssl.SSLError):
            return CaptureFailedError("the server and we find no common TLS")
    return CaptureFailedError("the connection broke off")


def _causes_of(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
