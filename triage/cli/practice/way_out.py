"""A way out in practice: a SOCKS5 proxy on loopback through which the practice site is seen from abroad (RFC 1928).

1. It takes CONNECT to one of the documentation addresses of the practice site, without a password.
2. Whatever the port, the connection leads to the site's second port; to nothing else, ever.
3. Names, IPv6, other addresses and other commands are refused with the reply that the specification has for it.
"""

import contextlib
import ipaddress
import select
import socket
import struct
import threading
from collections.abc import Iterable

_VERSION = 5
_NO_PASSWORD, _NO_METHOD_FITS = 0, 0xFF
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_ADDRESS_BYTES = {_IPV4: 4, _IPV6: 16}
_PORT_BYTES = 2
_DONE, _NOT_ALLOWED, _NO_HOST, _NO_SUCH_COMMAND, _NO_SUCH_KIND = 0, 2, 4, 7, 8
_PATIENCE_S = 30.0
_PIECE_BYTES = 65536


class WayOut:
    """A running way out; close it, or use it as a context manager.

    Attributes:
        port: TCP port on 127.0.0.1.
        used: how many connections it let through.
    """

    def __init__(self, addresses: Iterable[str], site_port: int) -> None:
        """Start it.

        Args:
            addresses: the IPv4 addresses that it lets through.
            site_port: port on 127.0.0.1 to which they all lead.
        """
        self._addresses = frozenset(ipaddress.IPv4Address(address) for address in addresses)
        self._site_port = site_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.used = 0
        self._thread = threading.Thread(target=self._accept, name="practice-way-out", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections; those that are under way end with the site."""
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._thread.join(timeout=5)
        self._listener.close()

    def __enter__(self) -> "WayOut":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        caller.settimeout(_PATIENCE_S)
        with contextlib.suppress(OSError), caller:
            if not _agree_on_method(caller):
                return
            refusal = self._read_request(caller)
            if refusal is not None:
                _reply(caller, refusal)
                return
            try:
                site = socket.create_connection(("127.0.0.1", self._site_port), timeout=_PATIENCE_S)
            except OSError:
                _reply(caller, _NO_HOST)
                return
            with site:
                self.used += 1
                _reply(caller, _DONE)
                _pass_on(caller, site)

    def _read_request(self, caller: socket.socket) -> int | None:
        """Read where the caller wants to go; None when it may, else the reply that says why not."""
        version, command, _, kind = _receive(caller, 4)
        length = _receive(caller, 1)[0] if kind == _NAME else _ADDRESS_BYTES.get(kind, 0)
        place = _receive(caller, length + _PORT_BYTES)
        if version != _VERSION or command != _CONNECT:
            return _NO_SUCH_COMMAND
        if kind != _IPV4:
            return _NO_SUCH_KIND
        return None if ipaddress.IPv4Address(place[:4]) in self._addresses else _NOT_ALLOWED


def _agree_on_method(caller: socket.socket) -> bool:
    version, count = _receive(caller, 2)
    methods = _receive(caller, count)
    fits = version == _VERSION and _NO_PASSWORD in methods
    caller.sendall(bytes((_VERSION, _NO_PASSWORD if fits else _NO_METHOD_FITS)))
    return fits


def _reply(caller: socket.socket, code: int) -> None:
    caller.sendall(struct.pack("!BBBB4sH", _VERSION, code, 0, _IPV4, bytes(4), 0))


def _receive(caller: socket.socket, length: int) -> bytes:
    """Receive exactly so many bytes.

    Raises:
        ConnectionError: the caller left before.
    """
    received = b""
    while len(received) < length:
        part = caller.recv(length - len(received))
        if not part:
            raise ConnectionError
        received += part
    return received


def _pass_on(caller: socket.socket, site: socket.socket) -> None:
    """Carry bytes both ways until one side has said all."""
    other = {caller: site, site: caller}
    while True:
        ready, _, _ = select.select(list(other), [], [], _PATIENCE_S)
        if not ready:
            return
        for side in ready:
            data = side.recv(_PIECE_BYTES)
            if not data:
                return
            other[side].sendall(data)
