"""What passes between the worker and the fetcher process: the shapes and the frames.

A frame is four bytes of length, big-endian, then that many bytes of JSON (UTF-8). Bodies follow their frame as plain
bytes whose numbers the frame gives. Orders and answers carry the job's id. What passes, in this order:

    worker → fetcher  parent, limits, practice, networks, credentials
    fetcher → worker  layers, or error
    worker → fetcher  job, order
    fetcher → worker  job, hops, bytes, elapsed_ms, page + the body; or job, refused; or job, failed
    fetcher → worker  where `page` is true and the order wants pages: job, bytes (null, or hops and elapsed_ms with them
                      when the page led to another answer), frames (hops of its frames),
                      holds (null, or pictures, found, complete, facts, embedded)
                      + that answer's body + the embedded files; or refused or failed as above
"""

import json
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from triage.settings import Settings

MAX_FRAME_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """The limits of every fetch; they are sent to the process once, when it starts.

    Attributes:
        total_s: seconds for one fetch over all its redirects.
        connect_s: seconds to connect to one address.
        max_bytes: largest body in bytes, before and after decompression.
        max_redirects: most redirects that are followed.
        max_pictures: most pictures that are taken from one page.
        max_frames: most frames of one page that are read.
        least_rate: bytes a second below which an answer is too slow, after ten seconds; 0: never.
        profile: browser or plain, see `headers.py`.
        user_agent: User-Agent header; of the plain profile the hotline's name.
        language: Accept-Language header.
        exits: the ways out as FETCH_EXITS has them.
        exit_rules: which one is taken, as FETCH_EXIT_RULES has them.
        dns_server: the resolver that is asked; None: the one of this machine.
        strict: whether to refuse to run without seccomp.
        inside_networks: networks of our own servers in CIDR form, which are never dialled.
    """

    total_s: float = 60.0
    connect_s: float = 10.0
    max_bytes: int = 64 * 2**20
    max_redirects: int = 8
    max_pictures: int = 500
    max_frames: int = 10
    least_rate: int = 512
    profile: str = "browser"
    user_agent: str = "Mozilla/5.0"
    language: str = "sq,en;q=0.7"
    exits: Sequence[str] = ()
    exit_rules: Sequence[str] = ()
    dns_server: str | None = None
    strict: bool = True
    inside_networks: Sequence[str] = ()

    @classmethod
    def from_settings(cls, settings: Settings) -> "FetchLimits":
        """Take the limits from the settings of this process."""
        is_browser = settings.fetch_profile == "browser"
        return cls(
            total_s=settings.fetch_total_s,
            connect_s=settings.fetch_connect_s,
            max_bytes=settings.fetch_max_bytes,
            max_redirects=settings.fetch_max_redirects,
            max_pictures=settings.page_max_children,
            max_frames=settings.page_max_frames,
            least_rate=settings.fetch_least_rate,
            profile=settings.fetch_profile,
            user_agent=settings.fetch_user_agent if is_browser else settings.hotline_name,
            language=settings.fetch_language,
            exits=settings.fetch_exits,
            exit_rules=settings.fetch_exit_rules,
            dns_server=settings.dns_server,
            strict=settings.sandbox == "strict",
            inside_networks=settings.inside_networks,
        )


@dataclass(frozen=True, slots=True)
class FetchOrder:
    """One fetch that a worker orders.

    Attributes:
        url: http or https, in normal form.
        exit_name: the way out that a person asked for; empty: as the rules say.
        isolation: 32 hex digits, the same for a reported address and the pictures of its page; an exit that can
            keeps others apart.
        referer: normal URL of the page that shows this picture; empty without one.
        wants_page: whether the pictures of a page are looked for.
    """

    url: str
    exit_name: str = ""
    isolation: str = ""
    referer: str = ""
    wants_page: bool = True


@dataclass(frozen=True, slots=True)
class Hop:
    """One answer on the way to the last one.

    Attributes:
        url: the normal URL that was asked.
        status: HTTP status, 100-599.
        address: the address that was dialled (in practice the documentation address); empty where an exit resolved
            the name.
        content_type: media type without parameters, lower case; empty when there was none.
        tls: protocol version such as TLSv1.3; empty for http.
        exit_name: the way out that was taken, direct or a name of FETCH_EXITS.
        certificate: SHA-256 of the server's certificate (DER), 64 hex digits; empty for http.
        certificate_fault: why it could not be verified, in words; empty when it was.
        headers: allow-listed headers of the answer, names lower case, in their order.
        elapsed_ms: milliseconds from dialling to the end of the head.
        led_by: what led here: start, redirect or refresh; frame, for every answer of a page's frames.
    """

    url: str
    status: int
    address: str
    content_type: str = ""
    tls: str = ""
    exit_name: str = "direct"
    certificate: str = ""
    certificate_fault: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    elapsed_ms: int = 0
    led_by: str = "start"


class FrameError(Exception):
    """The other side sent something that is no frame."""


def send_frame(channel: socket.socket, message: dict[str, Any], body: bytes = b"") -> None:
    """Send one frame, and the body that belongs to it."""
    data = json.dumps(message, separators=(",", ":")).encode()
    if len(data) > MAX_FRAME_BYTES:
        raise FrameError("the frame is too long")
    channel.sendall(struct.pack("!I", len(data)) + data)
    if body:
        channel.sendall(body)


def receive_frame(channel: socket.socket, deadline: float | None = None) -> dict[str, Any] | None:
    """Receive one frame.

    Args:
        channel: a stream socket.
        deadline: `time.monotonic()` at which to give up; None waits for ever.

    Returns:
        The message, or None when the other side has closed between two frames.

    Raises:
        FrameError: it is no frame, or it was cut off.
        TimeoutError: the deadline passed.
    """
    head = receive_exactly(channel, 4, deadline)
    if head == b"":
        return None
    if len(head) < 4:
        raise FrameError("the frame was cut off")
    (length,) = struct.unpack("!I", head)
    if not 2 <= length <= MAX_FRAME_BYTES:
        raise FrameError("the frame is too long")
    data = receive_exactly(channel, length, deadline)
    if len(data) < length:
        raise FrameError("the frame was cut off")
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        raise FrameError("the frame cannot be read") from None
    if not isinstance(message, dict):
        raise FrameError("the frame cannot be read")
    return message


def receive_exactly(channel: socket.socket, length: int, deadline: float | None = None) -> bytes:
    """Receive `length` bytes, or fewer when the other side closes first.

    Raises:
        TimeoutError: the deadline passed.
    """
    received = bytearray()
    while len(received) < length:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            channel.settimeout(left)
        part = channel.recv(min(length - len(received), 1 << 20))
        if not part:
            break
        received += part
    return bytes(received)
