"""The HTTP client of the fetcher: every connection is checked, every redirect is a new request.

1. The URL, already in normal form, is cut by our own parser; the protocol library never reads one.
2. `connect.Connector` checks, resolves, chooses the way out and dials.
3. One request is sent, one head is read (RFC 9112 by h11): at most 64 KiB, at most 20 interim answers.
4. A redirect is joined, made normal and starts again at 1, on a new connection; cookies go with it to their own host.
5. The body is read in chunks through `body.BodyReader`, never more slowly than the least rate.
6. One deadline covers all of it, whatever the server does to stay busy.
"""

import asyncio
import re
import time
from dataclasses import dataclass, field

import h11

from triage.errors import CaptureFailedError, CaptureRefusedError, InvalidUrlError
from triage.rules.fetch_failures import FetchFailure
from triage.rules.urls import resolve_link, split_url
from workers.fetcher.body import BodyReader
from workers.fetcher.connect import Connection, Connector, Progress
from workers.fetcher.cookies import CookieJar
from workers.fetcher.failures import fail
from workers.fetcher.headers import (
    decode_header,
    find_destination,
    make_headers,
    make_printable,
    record_headers,
)
from workers.fetcher.wire import FetchLimits, FetchOrder, Hop

REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})  # as Firefox has them
MAX_HEAD_BYTES = 64 << 10
MAX_INTERIM_ANSWERS = 20
SILENCE_S = 30.0
"""Longest time without a byte, in seconds."""
RATE_GRACE_S = 10.0
"""Time from the first byte on in which an answer may be as slow as it likes, in seconds."""
READ_BYTES = 256 << 10
MAX_TYPE_CHARACTERS = 300
_COMMA_PARTS = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*+"?)++')
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_MEDIA_TYPE = re.compile(rf"\s*(?!\*/\*){_WORD}/{_WORD}\s*(?:;|$)")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one fetch brought.

    Attributes:
        hops: every answer in order, the last one included.
        body: decompressed bytes of the last one.
        elapsed_ms: milliseconds of the whole fetch.
        content_type: the last one's Content-Type with its parameters, printable; empty when there was none.
        refresh: the last one's Refresh header, as browsers follow it; empty when there was none.
    """

    hops: tuple[Hop, ...]
    body: bytes
    elapsed_ms: int
    content_type: str = ""
    refresh: str = ""


@dataclass(slots=True)
class Chain:
    """What the requests of one job carry along: cookies, and the tor exit once one was taken.

    A site behind Tor must not make us show our own address by leading to one of its servers elsewhere.
    """

    cookies: CookieJar = field(default_factory=CookieJar)
    tor_exit: str = ""


async def fetch_url(
    order: FetchOrder,
    limits: FetchLimits,
    *,
    connector: Connector,
    deadline: float,
    chain: Chain | None = None,
    led_by: str = "start",
) -> Answer:
    """Fetch one URL with all its redirects.

    Args:
        order: URL in normal form, exit, isolation and referer.
        limits: sizes, rates and the request profile.
        connector: dials.
        deadline: `time.monotonic()` at which it must be over.
        chain: what the requests before this one left behind.
        led_by: start, refresh or frame.

    Raises:
        CaptureRefusedError: policy refuses an address or an answer.
        CaptureFailedError: it did not work this time; `failure` names why.
        Both carry the hops that answered before.
    """
    started = time.monotonic()
    progress = Progress()
    hops: list[Hop] = []
    try:
        # The loop's clock is the monotonic one.
        async with asyncio.timeout_at(deadline):
            head, body = await _follow(order, limits, connector, chain or Chain(), led_by, progress, hops)
    except TimeoutError:
        error = fail(progress.if_over)
        error.hops = tuple(hops)
        raise error from None
    except (CaptureRefusedError, CaptureFailedError) as error:
        error.hops = tuple(hops)
        raise
    elapsed_ms = round((time.monotonic() - started) * 1000)
    content_type = make_printable(head.find_type())[:MAX_TYPE_CHARACTERS]
    return Answer(tuple(hops), body, elapsed_ms, content_type, head.find(b"refresh"))


async def _follow(
    order: FetchOrder,
    limits: FetchLimits,
    connector: Connector,
    chain: Chain,
    led_by: str,
    progress: Progress,
    hops: list[Hop],
) -> tuple["_Head", bytes]:
    """Ask and follow redirects; `hops` takes each answer as it comes."""
    url = order.url
    destination = find_destination(led_by, order.referer)
    while True:
        parts = split_url(url)
        headers = make_headers(
            parts,
            profile=limits.profile,
            agent=limits.user_agent,
            language=limits.language,
            referer=order.referer,
            cookie=chain.cookies.find(parts),
            destination=destination,
        )
        started = time.monotonic()
        wish = order.exit_name or chain.tor_exit
        connection = await connector.connect(parts, progress, wish=wish, isolation=order.isolation)
        if connector.exits.is_tor(connection.exit_name):
            chain.tor_exit = connection.exit_name
        try:
            exchange = _Exchange(connection, limits, progress)
            head = await exchange.ask(parts.target, headers)
            found = _Head(head)
            for header in found.list_all(b"set-cookie"):
                chain.cookies.take(parts, header)
            hops.append(
                Hop(
                    url=url,
                    status=head.status_code,
                    address=connection.address,
                    content_type=_read_media_type(found.find_type()),
                    tls=connection.tls,
                    exit_name=connection.exit_name,
                    certificate=connection.certificate,
                    certificate_fault=connection.certificate_fault,
                    headers=record_headers(found.headers),
                    elapsed_ms=round((time.monotonic() - started) * 1000),
                    led_by=led_by,
                )
            )
            location = found.find(b"location") if head.status_code in REDIRECTS else ""
            if not location:
                # Several lines of layers are one list: a second one must not go unseen.
                encodings = ",".join(found.list_all(b"content-encoding"))
                reader = BodyReader(limits.max_bytes, encodings, found.find(b"content-length"))
                await exchange.read_body(reader)
                return found, reader.finish()
        finally:
            connection.close()
        if len(hops) > limits.max_redirects:
            raise CaptureRefusedError(f"more than {limits.max_redirects} redirects")
        try:
            url = resolve_link(url, location).url
        except InvalidUrlError as error:
            raise CaptureRefusedError(f"a redirect leads nowhere: {error}") from None
        led_by = "redirect"


class _Exchange:
    """One request and its answer on one connection."""

    def __init__(self, connection: Connection, limits: FetchLimits, progress: Progress) -> None:
        self._reader = connection.reader
        self._writer = connection.writer
        self._least_rate = limits.least_rate
        self._progress = progress
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._is_head = True
        self._received = 0
        self._first_at: float | None = None

    async def ask(self, target: str, headers: list[tuple[bytes, bytes]]) -> h11.Response:
        """Send the request and read the head of the final answer.

        Raises:
            CaptureFailedError: SILENT, TOO_SLOW, BROKEN_OFF or NOT_HTTP.
        """
        self._progress.if_over = FetchFailure.SILENT
        try:
            request = h11.Request(method="GET", target=target, headers=headers)
            data = (self._state.send(request) or b"") + (self._state.send(h11.EndOfMessage()) or b"")
            self._writer.write(data)
            for _ in range(MAX_INTERIM_ANSWERS):
                event = await self._next_event()
                if isinstance(event, h11.Response):
                    if event.status_code > 599:
                        raise fail(FetchFailure.NOT_HTTP)
                    self._is_head = False
                    return event
                if not isinstance(event, h11.InformationalResponse) or event.status_code == 101:
                    break
        except h11.ProtocolError:
            failure = FetchFailure.NOT_HTTP if self._received else FetchFailure.BROKEN_OFF
            raise fail(failure) from None
        raise fail(FetchFailure.NOT_HTTP)

    async def read_body(self, reader: BodyReader) -> None:
        """Read the body to its end.

        Raises:
            CaptureRefusedError, CaptureFailedError: it is too large, too slow, cut off or no proper HTTP.
        """
        while True:
            try:
                event = await self._next_event()
            except h11.ProtocolError:
                failure = FetchFailure.CUT_OFF if self._reader.at_eof() else FetchFailure.NOT_HTTP
                raise fail(failure) from None
            if isinstance(event, h11.Data):
                reader.take(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise fail(FetchFailure.NOT_HTTP)

    async def _next_event(self) -> object:
        while (event := self._state.next_event()) is h11.NEED_DATA:
            self._state.receive_data(await self._receive())
        return event

    async def _receive(self) -> bytes:
        """Receive what there is; empty at the end of the connection."""
        # The library's own limit lets a head pass that comes at once; interim answers count here too.
        most = MAX_HEAD_BYTES - self._received if self._is_head else READ_BYTES
        if most <= 0:
            raise fail(FetchFailure.NOT_HTTP)
        patience = SILENCE_S
        is_by_rate = False
        if self._first_at is not None and self._least_rate > 0:
            # From here on the whole answer so far would be slower than the least rate.
            too_slow_at = self._first_at + max(RATE_GRACE_S, self._received / self._least_rate)
            left = max(too_slow_at - time.monotonic(), 0.0)
            is_by_rate = left < patience
            patience = min(left, patience)
        try:
            async with asyncio.timeout(patience):
                data = await self._reader.read(most)
        except TimeoutError:
            raise fail(FetchFailure.TOO_SLOW if is_by_rate else FetchFailure.SILENT) from None
        except OSError:  # a broken TLS record is one too
            raise fail(FetchFailure.BROKEN_OFF) from None
        if self._first_at is None and data:
            self._first_at = time.monotonic()
            self._progress.if_over = FetchFailure.OUT_OF_TIME
        self._received += len(data)
        return data


class _Head:
    """The headers of one answer, names lower case."""

    def __init__(self, response: h11.Response) -> None:
        self.headers: list[tuple[bytes, bytes]] = [
            (bytes(name), bytes(value)) for name, value in response.headers
        ]

    def find(self, name: bytes) -> str:
        """Return a header's first value; empty without one."""
        return next(iter(self.list_all(name)), "")

    def find_type(self) -> str:
        """Return the Content-Type: of several the last one that is one, as browsers read them; empty without one."""
        parts = [part for value in self.list_all(b"content-type") for part in _COMMA_PARTS.findall(value)]
        return next((part.strip() for part in reversed(parts) if _MEDIA_TYPE.match(part)), "")

    def list_all(self, name: bytes) -> list[str]:
        """Return all values of a header."""
        return [decode_header(value) for key, value in self.headers if key == name]


def _read_media_type(header: str) -> str:
    media = header.partition(";")[0].strip().lower()
    return media if media.isascii() and media.isprintable() and len(media) <= 127 else ""
