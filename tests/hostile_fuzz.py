"""Raw answers made by a seeded grammar that is bent at every joint, for a fuzz of the real fetcher."""

import gzip
import random
import socket
import time
import zlib

from tests.hostile_sites import Trick, Writer

_STATUS = (
    b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 302 X", b"HTTP/1.1 206 X",
    b"HTTP/1.1 404 X", b"HTTP/1.1 503 X", b"HTTP/1.1 100 X", b"HTTP/1.1", b"HTTP/9 200", b"", b"\0", b"GET / HTTP/1.1",
)  # fmt: skip
_FINE_STATUS = (b"HTTP/1.1 200 OK",) * 6 + (
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1 302 X",
    b"HTTP/1.1 404 X",
    b"HTTP/1.1 503 X",
)
_FINE = (
    b"Content-Type: text/html", b"Content-Type: image/png", b"Content-Encoding: gzip", b"Content-Encoding: deflate",
    b"Location: /ok", b"Location: //127.0.0.1/", b"Location: http://hostile.example:22/", b"Set-Cookie: a=b; Path=/",
    b"Refresh: 0; url=/ok", b"Retry-After: 1", b"Server: \x1b[2J", b"Connection: keep-alive", b"Upgrade: h2c",
    b"Trailer: X", b"Content-Encoding: br", b"X-A: " + b"a" * 3000, b"X-A: a\r\n b", b"Content-Length: 5",
)  # fmt: skip
_NAMES = (
    b"Content-Type", b"Content-Length", b"Transfer-Encoding", b"Content-Encoding", b"Location", b"Set-Cookie",
    b"Refresh", b"Retry-After", b"Server", b"Connection", b"Keep-Alive", b"Upgrade", b"Trailer", b"X-\xff", b"", b" ",
)  # fmt: skip
_VALUES = (
    b"", b"0", b"5", b"-1", b"99999999999999999999", b"chunked", b"gzip", b"deflate", b"br", b"text/html", b"image/png",
    b"/ok", b"//127.0.0.1/", b"http://hostile.example:22/", b"file:///etc/passwd", b"a=b; Path=/", b"\x1b[2J",
    b"\xff\xfe", b"identity, chunked", b"close", b"h2c", b"a" * 3000, b"\xe2\x80\xae", b"\0", b"0; url=/ok",
)  # fmt: skip
_ENDS = (b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n ", b"\0\r\n")


def make_answer(rng: random.Random, mark: bytes) -> bytes:
    """Make one raw answer.

    Args:
        rng: the same state gives the same answer.
        mark: bytes that every body holds, so that no body is taken for another one's.
    """
    body = _make_body(rng, mark)
    lines = [rng.choice(_FINE_STATUS if rng.random() < 0.9 else _STATUS)]
    for _ in range(rng.choice((0, 1, 2, 2, 3, 3, 4, 8))):
        odd = rng.choice(_NAMES) + rng.choice((b": ", b":", b" : ", b"")) + rng.choice(_VALUES)
        lines.append(rng.choice(_FINE) if rng.random() < 0.95 else odd)
    if rng.random() < 0.6:
        lines.append(b"Content-Length: %d" % max(0, len(body) + rng.choice((0, 0, 0, 0, 0, 0, 1, -1, 100))))
    elif rng.random() < 0.5:
        lines.append(b"Transfer-Encoding: chunked")
        body = _cut_into_chunks(rng, body)
    end = b"\r\n" if rng.random() < 0.93 else rng.choice(_ENDS)
    data = end.join(lines) + end + end + body
    return _bend(rng, data) if rng.random() < 0.2 else data


def make_trick(seed: int, number: int) -> tuple[bytes, Trick]:
    """Return the mark and the trick of one answer; some come in bits, some end in silence.

    Args:
        seed: of the whole run.
        number: of this answer.
    """
    rng = random.Random(f"{seed}-{number}")
    mark = b"mark-%d-" % number
    data = make_answer(rng, mark)
    bits = rng.choice((0, 0, 0, 1, 7, 100))
    waits = rng.random() < 0.1
    return mark, Trick(_send_like(data, bits, is_left_open=waits), frozenset())


def _send_like(data: bytes, bits: int, *, is_left_open: bool) -> Writer:
    def write(peer: socket.socket) -> None:
        for start in range(0, len(data), bits or max(1, len(data))):
            peer.sendall(data[start : start + (bits or len(data))])
            if bits and start < 20 * bits:
                time.sleep(0.001)
        while is_left_open and peer.recv(4096):
            pass

    return write


def _make_body(rng: random.Random, mark: bytes) -> bytes:
    kind = rng.randrange(7)
    if kind == 0:
        return mark + rng.randbytes(rng.randrange(2000))
    if kind == 1:
        return b"<html><img src=/%s.jpg><iframe src=/ok></iframe>" % mark + rng.randbytes(200)
    if kind == 2:
        return gzip.compress(mark * 50, mtime=0)
    if kind == 3:
        return zlib.compress(mark * 50)
    if kind == 4:
        return gzip.compress(mark * 50, mtime=0)[: rng.randrange(30)]
    if kind == 5:
        return mark + b"<meta http-equiv=refresh content='0; url=/ok'><p>"
    return mark


def _cut_into_chunks(rng: random.Random, body: bytes) -> bytes:
    parts = []
    while body:
        size = rng.randrange(1, 400)
        part, body = body[:size], body[size:]
        said = len(part) + rng.choice((0,) * 30 + (1, -1))
        parts.append(b"%x%s\r\n%s\r\n" % (max(0, said), rng.choice((b"", b"", b";a=b", b" ")), part))
    return b"".join(parts) + rng.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\n", b"", b"0\r\nX: y\r\n\r\n"))


def _bend(rng: random.Random, data: bytes) -> bytes:
    bent = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        if not bent:
            break
        place = rng.randrange(len(bent))
        what = rng.randrange(5)
        if what == 0:
            bent[place] = rng.randrange(256)
        elif what == 1:
            del bent[place : place + rng.randrange(1, 40)]
        elif what == 2:
            bent[place:place] = rng.randbytes(rng.randrange(1, 20))
        elif what == 3:
            bent[place:place] = bent[place : place + rng.randrange(1, 60)] * rng.randrange(1, 5)
        else:
            del bent[place:]
    return bytes(bent)
