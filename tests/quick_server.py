"""An application served on loopback, in a thread of this process, that begins and ends at once.

uvicorn looks ten times a second whether it should end, and then waits as long again for what may still come. Some
hundred tests have a server of their own; none of them needs either.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from api.patience import SERVER_OPTIONS

_ENDS_WITHIN_S = 2.0
_LOOKS_EVERY_S = 0.005


def listen() -> socket.socket:
    """Return a listener on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    # As asyncio does for what it opens itself: else each answer of two parts waits 40 ms for the first to be seen.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextmanager
def serve(app: Any, listener: socket.socket) -> Iterator[None]:
    """Serve an application until the block ends; the listener is closed then."""
    server = _QuickServer(uvicorn.Config(app, lifespan="off", **SERVER_OPTIONS))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(_LOOKS_EVERY_S)
        yield
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


class _QuickServer(uvicorn.Server):
    async def main_loop(self) -> None:
        await self.on_tick(0)  # lays the headers that every answer has
        while not self.should_exit:
            await asyncio.sleep(_LOOKS_EVERY_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        deadline = time.monotonic() + _ENDS_WITHIN_S
        while self.server_state.connections or self.server_state.tasks:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(_LOOKS_EVERY_S)
