"""A client that costs next to nothing: the same few requests over a few open connections, as fast as answers come.

Requests are made before; of an answer only its length and status are read. So the server is what is measured.
"""

import json
import re
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

_CONNECTIONS = 4
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_OK = b"HTTP/1.1 200"


@dataclass(slots=True)
class _Talk:
    """One connection and what has come of the answer it waits for."""

    socket: socket.socket
    come: bytearray


def make_request(port: int, token: str, hexes: Sequence[str]) -> bytes:
    """Return one question for these PDQ hashes, as bytes of HTTP."""
    body = json.dumps({"hashes": [{"algorithm": "pdq", "value": text} for text in hexes]}).encode()
    head = (
        f"POST /api/v1/match HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def ask_once(port: int, request: bytes) -> dict[str, object]:
    """Return the answer to one request.

    Raises:
        SystemExit: it was refused.
    """
    with socket.create_connection(("localhost", port)) as one:
        one.sendall(request)
        come = bytearray()
        while (end := _find_end(come)) is None:
            come += _receive(one)
    answer: dict[str, object] = json.loads(come[come.index(b"\r\n\r\n") + 4 : end])
    return answer


def ask_for(port: int, requests: Sequence[bytes], seconds: float) -> tuple[int, float]:
    """Ask for so many seconds; return the answers and the seconds that they took.

    Raises:
        SystemExit: one was refused.
    """
    waiting = cycle(requests)
    answers = 0
    begun = time.perf_counter()
    with selectors.DefaultSelector() as ready:
        for _ in range(_CONNECTIONS):
            talk = _Talk(socket.create_connection(("localhost", port)), bytearray())
            talk.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.register(talk.socket, selectors.EVENT_READ, talk)
            talk.socket.sendall(next(waiting))
        while time.perf_counter() - begun < seconds:
            for key, _ in ready.select(1.0):
                talk = key.data
                talk.come += _receive(talk.socket)
                if _find_end(talk.come) is not None:
                    answers += 1
                    talk.come.clear()
                    talk.socket.sendall(next(waiting))
        taken_s = time.perf_counter() - begun
        for key in list(ready.get_map().values()):
            key.data.socket.close()
    return answers, taken_s


def _receive(one: socket.socket) -> bytes:
    data = one.recv(1 << 20)
    if not data:
        raise SystemExit("the server closed a connection in the middle of an answer")
    return data


def _find_end(come: bytearray) -> int | None:
    """Return where the answer ends, once all of it has come."""
    head = come.find(b"\r\n\r\n")
    if head < 0:
        return None
    if not come.startswith(_OK):
        raise SystemExit(f"the matching route answered {come[9:12].decode()}")
    found = _LENGTH.search(come, 0, head)
    if found is None:
        raise SystemExit("an answer without a length")
    end = head + 4 + int(found[1])
    return end if len(come) >= end else None
