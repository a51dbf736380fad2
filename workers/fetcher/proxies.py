"""What is said to an exit before it lets us through: CONNECT (RFC 9110, 2022) and SOCKS5 (RFC 1928, RFC 1929).

An exit is a server that the operator chose, and may lie all the same: every reply is read byte for byte, to its exact
end and never beyond, so that nothing it sends early is taken for the answer of the site behind it.
"""

import asyncio
import base64
import ipaddress
import socket

from triage.rules.exits import Exit, ExitKind
from triage.rules.fetch_failures import FetchFailure
from workers.fetcher.failures import fail

MAX_HEAD_BYTES = 8192
_SOCKS_VERSION = 5
_NO_SIGN_IN, _BY_PASSWORD = 0, 2
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
# What a SOCKS5 exit says of the site and not of itself (RFC 1928, section 6).
_OF_SITE = {3: FetchFailure.UNREACHABLE, 4: FetchFailure.UNREACHABLE, 5: FetchFailure.UNREACHABLE,
            6: FetchFailure.CONNECT_TIMEOUT}  # fmt: skip
# What a proxy answers CONNECT with when it is the site that fails.
_STATUS_OF_SITE = {
    502: FetchFailure.UNREACHABLE,
    503: FetchFailure.UNREACHABLE,
    504: FetchFailure.CONNECT_TIMEOUT,
}


class _LyingExitError(Exception):
    """The exit's reply is none."""


async def pass_exit(
    sock: socket.socket, way: Exit, target: str, port: int, credentials: tuple[str, str] | None
) -> None:
    """Have an exit connect us through.

    Args:
        sock: non-blocking, connected to the exit.
        way: what the exit speaks.
        target: a checked address; for a tor exit the name of the host, or a checked address.
        port: TCP port at the target.
        credentials: user and password; for a tor exit what keeps this report apart from others.

    Raises:
        CaptureFailedError: EXIT_FAILED, or what the exit says of the site.
    """
    try:
        if way.kind is ExitKind.HTTP:
            await _pass_http(sock, target, port, credentials)
        else:
            await _pass_socks(sock, target, port, credentials)
    except (OSError, EOFError, _LyingExitError):
        raise fail(FetchFailure.EXIT_FAILED) from None


async def _pass_http(
    sock: socket.socket, target: str, port: int, credentials: tuple[str, str] | None
) -> None:
    place = f"[{target}]:{port}" if ":" in target else f"{target}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if credentials is not None:
        token = base64.b64encode(":".join(credentials).encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {token}")
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, ("\r\n".join(lines) + "\r\n\r\n").encode())
    head = b""
    # One byte at a time: what follows the empty line belongs to the site.
    while not head.endswith(b"\r\n\r\n"):
        if len(head) >= MAX_HEAD_BYTES:
            raise _LyingExitError
        head += await _receive(sock, 1)
    version, _, rest = head.split(b"\r\n", 1)[0].partition(b" ")
    digits = rest[:3]
    if not version.startswith(b"HTTP/1.") or not digits.isdigit() or rest[3:4] not in {b"", b" "}:
        raise _LyingExitError
    status = int(digits)
    if not 200 <= status < 300:
        raise fail(_STATUS_OF_SITE.get(status, FetchFailure.EXIT_FAILED))


async def _pass_socks(
    sock: socket.socket, target: str, port: int, credentials: tuple[str, str] | None
) -> None:
    loop = asyncio.get_running_loop()
    way_in = _NO_SIGN_IN if credentials is None else _BY_PASSWORD
    await loop.sock_sendall(sock, bytes([_SOCKS_VERSION, 1, way_in]))
    if await _receive(sock, 2) != bytes([_SOCKS_VERSION, way_in]):
        raise _LyingExitError
    if credentials is not None:
        user, password = (part.encode() for part in credentials)
        await loop.sock_sendall(sock, b"\x01" + bytes([len(user)]) + user + bytes([len(password)]) + password)
        if (await _receive(sock, 2))[1] != 0:
            raise _LyingExitError
    await loop.sock_sendall(
        sock, bytes([_SOCKS_VERSION, _CONNECT, 0]) + _write_target(target) + port.to_bytes(2, "big")
    )
    version, reply, _, kind = await _receive(sock, 4)
    if version != _SOCKS_VERSION or kind not in {_IPV4, _NAME, _IPV6}:
        raise _LyingExitError
    if reply != 0:
        raise fail(_OF_SITE.get(reply, FetchFailure.EXIT_FAILED))
    # Where the exit says that it bound is read to its end and means nothing.
    length = (await _receive(sock, 1))[0] if kind == _NAME else {_IPV4: 4, _IPV6: 16}[kind]
    await _receive(sock, length + 2)


def _write_target(target: str) -> bytes:
    try:
        address = ipaddress.ip_address(target)
    except ValueError:
        name = target.encode("ascii")
        return bytes([_NAME, len(name)]) + name
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed


async def _receive(sock: socket.socket, length: int) -> bytes:
    """Receive exactly `length` bytes.

    Raises:
        EOFError: the exit closed first.
    """
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < length:
        part = await loop.sock_recv(sock, length - len(data))
        if not part:
            raise EOFError
        data += part
    return data
