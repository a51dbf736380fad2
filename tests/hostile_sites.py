"""Servers that break every rule of HTTP on purpose, on loopback, for tests of the real fetcher.

1. `HostileSite` listens on several ports: one that reads the request and then plays the trick of its path, and one
   for each trick that begins before any request is read.
2. The tables of tricks lie in `hostile_answers.py` and `hostile_pages.py`; each says how a fetch of it may end.
3. `end_of` runs one fetch and names its end: answer, refused, or the name of the failure.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

from triage.errors import CaptureFailedError, CaptureRefusedError
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.door import FetchedFile, Fetcher
from workers.fetcher.wire import FetchOrder

Writer = Callable[[socket.socket], None]

HOST = "hostile.example"
ANSWER, REFUSED = "answer", "refused"
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Trick:
    """One thing that a server does.

    Attributes:
        write: plays it on a connection.
        ends: how a fetch of it may end: answer, refused, or names of FetchFailure.
        body: what the answer holds, where there is one and it is known.
        shows: path of a picture that the page shows: it is found, or the page is said not to be read wholly.
    """

    write: Writer
    ends: frozenset[str]
    body: bytes | None = None
    shows: str = ""


class HostileSite:
    """A site of one thread per connection; use it as a context manager.

    Args:
        tricks: path → what is played once the request was read.
        greetings: host name → what is played as soon as somebody connects.
    """

    def __init__(self, tricks: Mapping[str, Trick], greetings: Mapping[str, Trick] | None = None) -> None:
        self.tricks = dict(tricks)
        self.greetings = dict(greetings or {})
        self.seen: list[str] = []
        self._peers: list[socket.socket] = []
        self._listeners: dict[str, socket.socket] = {}
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "HostileSite":
        for host in (HOST, *self.greetings):
            self._listeners[host] = socket.create_server(("127.0.0.1", 0), backlog=256)
            self._start(self._accept, host)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in self._listeners.values():
            listener.shutdown(socket.SHUT_RDWR)  # wakes its acceptor
            listener.close()
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def practice_names(self) -> PracticeNames:
        """Return names for all ports of this site."""
        rows = enumerate(self._listeners.items(), start=10)
        return PracticeNames.from_rows(
            (host, f"203.0.113.{number}", "127.0.0.1", listener.getsockname()[1])
            for number, (host, listener) in rows
        )

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self, host: str) -> None:
        listener = self._listeners[host]
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            self._peers = [one for one in self._peers if one.fileno() != -1]
            self._peers.append(peer)
            self._start(self._serve, host, peer)

    def _serve(self, host: str, peer: socket.socket) -> None:
        peer.settimeout(PATIENCE_S)
        # A fetcher that has seen enough closes in the middle: that is its good right.
        with contextlib.suppress(OSError), peer:
            if host in self.greetings:
                self.greetings[host].write(peer)
                return
            request = b""
            while b"\r\n\r\n" not in request:
                part = peer.recv(4096)
                if not part:
                    return
                request += part
            path = request.split(b" ")[1].decode("ascii", "replace")
            self.seen.append(path)
            trick = self.tricks.get(path) or self.tricks.get(path.partition("?")[0])
            if trick is None:
                peer.sendall(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")
            else:
                trick.write(peer)


def end_of(fetcher: Fetcher, url: str, job_id: str = "hostile-1") -> tuple[str, FetchedFile | None]:
    """Fetch one URL and name the end of it.

    Args:
        fetcher: the door to ask.
        url: http or https, in normal form.
        job_id: of the fetch.
    """
    try:
        found = fetcher.fetch(job_id, FetchOrder(url=url))
    except CaptureRefusedError as error:
        words, end = str(error), REFUSED
    except CaptureFailedError as error:
        words, end = str(error), str(error.failure)
    else:
        assert found.hops[0].url == url
        return ANSWER, found
    assert words, "an end without words"
    assert "example" not in words, "the words name the host"
    assert end != "None", f"a failure without a name: {words}"
    return end, None


# Ways to write


def send(data: bytes) -> Writer:
    """Send bytes as they are, then close."""
    return lambda peer: peer.sendall(data)


def send_slowly(first: bytes, piece: bytes, pause_s: float) -> Writer:
    """Send `first` at once and then one piece after the other until the other side has enough."""

    def write(peer: socket.socket) -> None:
        peer.sendall(first)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if pause_s:
                time.sleep(pause_s)
            peer.sendall(piece)

    return write


def send_endlessly(first: bytes, piece: bytes) -> Writer:
    """Send `first` and then one piece after the other as fast as they are taken."""
    return send_slowly(first, piece, 0)


def send_late(data: bytes, wait_s: float) -> Writer:
    """Say nothing for a while, then send bytes."""

    def write(peer: socket.socket) -> None:
        time.sleep(wait_s)
        peer.sendall(data)

    return write


def send_and_wait(data: bytes) -> Writer:
    """Send bytes and keep the connection until the other side leaves."""

    def write(peer: socket.socket) -> None:
        peer.sendall(data)
        while peer.recv(4096):
            pass

    return write


def send_and_reset(data: bytes) -> Writer:
    """Send bytes and break the connection with a TCP reset."""

    def write(peer: socket.socket) -> None:
        peer.sendall(data)
        if data:
            time.sleep(0.02)  # a reset overtakes what the other side has not read yet
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return write


def send_in_bits(data: bytes, size: int, pause_s: float) -> Writer:
    """Send bytes in parts of one size, with a pause before each."""

    def write(peer: socket.socket) -> None:
        for start in range(0, len(data), size):
            time.sleep(pause_s)
            peer.sendall(data[start : start + size])

    return write


def never_read(peer: socket.socket) -> None:
    """Keep the connection and read nothing from it until the other side has left."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        state = struct.unpack("B", peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1))[0]
        if state not in {1, 2, 3}:  # established and opening: all else means that the other side left
            return
        time.sleep(0.05)
