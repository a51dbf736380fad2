"""How long the web server waits for a sender: a silent or dripping one must not hold a connection for ever.

uvicorn itself only closes idle connections between two requests; it waits without end for the first byte, for
the rest of a head, and for a body.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 15.0
"""Seconds for a whole head, from the first byte or from the connection."""

CHUNK_S = 30.0
"""Seconds between two chunks of a body."""

WRITE_S = 30.0
"""Seconds for a receiver to go on reading its answer."""

BODY_S = 1800.0
"""Seconds for a whole body: the largest upload at half a megabit a second."""


def abort_transport(transport: Any) -> None:
    """End a connection at once: `close` would wait for bytes that nobody reads."""
    transport.abort()


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with a deadline for the head of each request."""

    _head_deadline: asyncio.TimerHandle | None = None
    _write_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._head_deadline = self.loop.call_later(HEAD_S, self._close_silent)

    def data_received(self, data: bytes) -> None:
        """Take bytes; the wait ends where a request begins, and begins where its head is not whole."""
        super().data_received(data)
        is_waiting = self.cycle is None or self.cycle.response_complete
        if is_waiting and self._head_deadline is None:
            self._head_deadline = self.loop.call_later(HEAD_S, self._close_silent)
        elif not is_waiting:
            self._drop_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._drop_deadline()
        self._drop_write_deadline()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait for a receiver that does not read its answer."""
        super().pause_writing()
        if self._write_deadline is None:
            self._write_deadline = self.loop.call_later(WRITE_S, self._abort_unread)

    def resume_writing(self) -> None:
        """Stop waiting: it reads again."""
        self._drop_write_deadline()
        super().resume_writing()

    def _drop_write_deadline(self) -> None:
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

    def _abort_unread(self) -> None:
        self._write_deadline = None
        abort_transport(self.transport)

    def _drop_deadline(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _close_silent(self) -> None:
        self._head_deadline = None
        if self.cycle is None or self.cycle.response_complete:
            abort_transport(self.transport)


SERVER_OPTIONS: dict[str, Any] = {
    "http": PatientProtocol,
    "proxy_headers": False,  # who asks is said by the connection, or by proxies of ours (public/client_address.py)
    "access_log": False,  # it would hold addresses of reporters; ours is in security.py
    "server_header": False,
    "log_config": None,
    "limit_concurrency": 1000,
    "h11_max_incomplete_event_size": 64 * 1024,
}
"""Options of uvicorn for both surfaces."""


async def read_patiently(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pass on the chunks of a body.

    Raises:
        TimeoutError: no chunk came for CHUNK_S, or the whole took longer than BODY_S.
    """
    ends_at = time.monotonic() + BODY_S
    while True:
        patience = min(CHUNK_S, ends_at - time.monotonic())
        try:
            chunk = await asyncio.wait_for(anext(chunks), max(patience, 0.0))
        except StopAsyncIteration:
            return
        yield chunk
