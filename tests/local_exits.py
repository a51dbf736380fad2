"""Exits on loopback for tests: a CONNECT proxy and a SOCKS5 server, honest or lying.

An honest one connects to where `leads` says, whatever it was asked for, and keeps what it was asked in `asked`.
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

Liar = Callable[[socket.socket], None]


@dataclass
class LocalExit:
    """An exit of one thread per connection; use it as a context manager.

    Attributes:
        kind: http or socks5 (tor speaks it too).
        leads: what was asked for (such as 203.0.113.10:80) → the loopback port that stands there.
        lie: speaks in the exit's place, when a test wants it to lie.
        asked: what it was asked to connect to, in order.
        signed_in: users and passwords that it was given.
    """

    kind: str
    leads: dict[str, int] = field(default_factory=dict)
    lie: Liar | None = None
    asked: list[str] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> "LocalExit":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for peer in self._open:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def write_setting(self, name: str, kind: str | None = None) -> str:
        """Return the entry of FETCH_EXITS that names this exit."""
        return f"{name}={kind or self.kind}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(peer)
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        peer.settimeout(5)
        with contextlib.suppress(OSError, EOFError), peer:
            if self.lie is not None:
                self.lie(peer)
            elif self.kind == "http":
                self._serve_connect(peer)
            else:
                self._serve_socks(peer)

    def _serve_connect(self, peer: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += take(peer, 1)
        lines = head.decode().split("\r\n")
        target = lines[0].split(" ")[1]
        self.asked.append(target)
        self.signed_in += [
            line.split(" ")[-1] for line in lines if line.lower().startswith("proxy-authorization")
        ]
        if target not in self.leads:
            peer.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self.leads[target]), 5) as site:
            peer.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 exit\r\n\r\n")
            join_both(peer, site)

    def _serve_socks(self, peer: socket.socket) -> None:
        _, count = take(peer, 2)
        way_in = take(peer, count)[0]
        peer.sendall(bytes([5, way_in]))
        if way_in == 2:
            take(peer, 1)
            user = take(peer, take(peer, 1)[0]).decode()
            password = take(peer, take(peer, 1)[0]).decode()
            self.signed_in.append(f"{user}:{password}")
            peer.sendall(b"\x01\x00")
        kind = take(peer, 4)[3]
        if kind == 3:
            host = take(peer, take(peer, 1)[0]).decode()
        else:
            family = socket.AF_INET if kind == 1 else socket.AF_INET6
            host = socket.inet_ntop(family, take(peer, 4 if kind == 1 else 16))
        target = f"{host}:{int.from_bytes(take(peer, 2), 'big')}"
        self.asked.append(target)
        if target not in self.leads:
            peer.sendall(b"\x05\x04\x00\x01" + bytes(6))
            return
        with socket.create_connection(("127.0.0.1", self.leads[target]), 5) as site:
            # A bound name: rare, and to be read to its end.
            peer.sendall(b"\x05\x00\x00\x03\x04here" + bytes(2))
            join_both(peer, site)


def take(peer: socket.socket, length: int) -> bytes:
    """Receive exactly `length` bytes."""
    data = b""
    while len(data) < length:
        part = peer.recv(length - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def join_both(left: socket.socket, right: socket.socket) -> None:
    """Carry bytes both ways until both have ended."""

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(65536):
                sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=carry, args=(right, left), daemon=True)
    back.start()
    carry(left, right)
    back.join(5)
