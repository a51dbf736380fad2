"""Answers that break the rules of HTTP: one table of path → trick, and one of those that need no request."""

import gzip
import random
import zlib
from dataclasses import replace

from tests.hostile_sites import (
    ANSWER,
    REFUSED,
    Trick,
    Writer,
    never_read,
    send,
    send_and_reset,
    send_and_wait,
    send_endlessly,
    send_in_bits,
    send_late,
    send_slowly,
)
from triage.rules.fetch_failures import FetchFailure as F

OK = b"HTTP/1.1 200 OK\r\n"
TYPED = OK + b"Content-Type: image/png\r\n"
_NOT_HTTP = {F.NOT_HTTP, F.BROKEN_OFF, F.CUT_OFF}
_CUT = {F.NOT_HTTP, F.CUT_OFF, F.BROKEN_OFF}
_TIME = {F.SILENT, F.TOO_SLOW, F.OUT_OF_TIME}


def _trick(write: Writer, *ends: str, body: bytes | None = None) -> Trick:
    return Trick(write, frozenset(str(end) for end in ends), body)


def _answer(data: bytes, body: bytes | None = None) -> Trick:
    return _trick(send(data), ANSWER, body=body)


def _either(data: bytes, *ends: str) -> Trick:
    """What may be answered or not: both are right, as long as it is one of them."""
    return _trick(send(data), ANSWER, *ends)


def _all_say(tricks: dict[str, Trick], body: bytes) -> dict[str, Trick]:
    """Hold all tricks that may be answered, and do not say otherwise, to one body."""
    return {
        path: replace(trick, body=body) if trick.body is None and ANSWER in trick.ends else trick
        for path, trick in tricks.items()
    }


def _sized(body: bytes, headers: bytes = b"", status: bytes = OK) -> bytes:
    return status + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _chunked(body: bytes, headers: bytes = b"") -> bytes:
    return OK + headers + b"Transfer-Encoding: chunked\r\n\r\n" + body


def list_slow(late_s: float) -> dict[str, Trick]:
    """Return servers that take their time; each holds a fetch up to its deadline.

    Args:
        late_s: seconds after which the late one answers all the same.
    """
    return {
        "/slow-status": _trick(send_slowly(b"", b"H", 0.1), *_TIME, *_NOT_HTTP),
        "/slow-head": _trick(send_slowly(OK, b"X-A: a\r\n", 0.1), *_TIME),
        "/slow-body": _trick(send_slowly(TYPED + b"\r\n", b"a", 0.1), *_TIME),
        "/slow-chunks": _trick(send_slowly(_chunked(b""), b"1\r\na\r\n", 0.1), *_TIME),
        "/slow-chunk-head": _trick(send_slowly(_chunked(b"5;"), b"a", 0.1), *_TIME),
        "/slow-interim": _trick(send_slowly(b"", b"HTTP/1.1 103 Hints\r\n\r\n", 0.1), *_TIME, *_NOT_HTTP),
        "/silent": _trick(send_and_wait(b""), *_TIME),
        "/silent-after-status": _trick(send_and_wait(OK), *_TIME),
        "/silent-after-head": _trick(send_and_wait(_sized(b"")[:-4] + b"\r\n\r\n"), *_TIME, ANSWER),
        "/silent-in-body": _trick(send_and_wait(OK + b"Content-Length: 9\r\n\r\nabc"), *_TIME),
        "/silent-between-chunks": _trick(send_and_wait(_chunked(b"3\r\nabc\r\n")), *_TIME),
        "/silent-before-last-line": _trick(send_and_wait(_chunked(b"3\r\nabc\r\n0\r\n")), *_TIME, ANSWER),
        "/slow-gzip": _trick(
            send_slowly(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], b"\0\0", 0.1),
            *_TIME,
            F.BAD_COMPRESSION,
        ),
        "/late": _trick(send_late(_sized(b"late"), late_s), ANSWER, body=b"late"),
    }


def list_endless() -> dict[str, Trick]:
    """Return servers that never stop, as fast as they can."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * 100
    return {
        "/endless-body": _trick(send_endlessly(TYPED + b"\r\n", bytes(65536)), REFUSED),
        "/endless-chunks": _trick(
            send_endlessly(_chunked(b""), b"ffff\r\n" + bytes(65535) + b"\r\n"), REFUSED
        ),
        "/endless-small-chunks": _trick(
            send_endlessly(_chunked(b""), b"1\r\na\r\n" * 1000), REFUSED, *_TIME, *_NOT_HTTP
        ),
        "/endless-chunk-extension": _trick(
            send_endlessly(_chunked(b"5;"), b"a" * 65536), *_NOT_HTTP, *_TIME, REFUSED
        ),
        "/endless-trailers": _trick(
            send_endlessly(_chunked(b"0\r\n"), b"X-A: b\r\n" * 1000), *_NOT_HTTP, *_TIME, REFUSED, ANSWER
        ),
        "/endless-headers": _trick(
            send_endlessly(OK, b"X-A: %s\r\n" % (b"a" * 1000) * 50), *_NOT_HTTP, REFUSED
        ),
        "/endless-header-line": _trick(send_endlessly(OK + b"X-A: ", b"a" * 65536), *_NOT_HTTP, REFUSED),
        "/endless-status-line": _trick(send_endlessly(b"HTTP/1.1 200 ", b"a" * 65536), *_NOT_HTTP, REFUSED),
        "/endless-blank-lines": _trick(send_endlessly(b"", b"\r\n" * 1000), *_NOT_HTTP, *_TIME, REFUSED),
        "/endless-interim": _trick(send_endlessly(b"", interim), *_NOT_HTTP, *_TIME, REFUSED),
        "/endless-gzip": _trick(
            send_endlessly(
                OK + b"Content-Encoding: gzip\r\n\r\n" + _start_of_endless_gzip(), _piece_of_endless_gzip()
            ),
            REFUSED,
        ),
        "/endless-empty-members": _trick(
            send_endlessly(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"", mtime=0) * 500),
            REFUSED,
            ANSWER,
            *_NOT_HTTP,
            F.BAD_COMPRESSION,
        ),
        "/endless-after-redirect": _trick(
            send_endlessly(b"HTTP/1.1 302 X\r\nLocation: /ok\r\n\r\n", bytes(65536)), ANSWER, body=b"ok"
        ),
    }


def _start_of_endless_gzip() -> bytes:
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"


def _piece_of_endless_gzip() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)


def list_lengths() -> dict[str, Trick]:
    """Return lengths that are not the truth."""

    def said(length: bytes, body: bytes = b"hello") -> bytes:
        return OK + b"Content-Length: " + length + b"\r\n\r\n" + body

    tricks = {
        "/length-shorter": _answer(said(b"5", b"hello and more"), b"hello"),
        "/length-longer": _trick(send(said(b"100")), *_CUT),
        "/length-zero-and-body": _answer(said(b"0"), b""),
        "/length-negative": _trick(send(said(b"-5")), *_NOT_HTTP, REFUSED),
        "/length-huge": _trick(send(said(b"9" * 18)), REFUSED, *_NOT_HTTP),
        "/length-beyond-numbers": _trick(send(said(b"9" * 5000)), REFUSED, *_NOT_HTTP),
        "/length-two": _trick(
            send(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), *_NOT_HTTP, REFUSED
        ),
        "/length-two-the-same": _either(
            OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", *_NOT_HTTP
        ),
        "/length-listed": _either(said(b"5, 5"), *_NOT_HTTP),
        "/length-listed-different": _trick(send(said(b"5, 6")), *_NOT_HTTP, REFUSED),
        "/length-plus": _either(said(b"+5"), *_NOT_HTTP),
        "/length-hex": _trick(send(said(b"0x5")), *_NOT_HTTP, REFUSED),
        "/length-words": _trick(send(said(b"five")), *_NOT_HTTP, REFUSED),
        "/length-empty": _either(said(b""), *_NOT_HTTP),
        "/length-arabic": _trick(send(said("٥".encode())), *_NOT_HTTP, REFUSED),
        "/length-fraction": _trick(send(said(b"5.0")), *_NOT_HTTP, REFUSED),
        "/length-underscore": _trick(send(said(b"1_0", b"0123456789")), *_NOT_HTTP, REFUSED),
        "/length-and-chunks": _either(
            OK + b"Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", *_CUT
        ),
        "/length-with-space": _trick(
            send(OK + b"Content-Length : 5\r\n\r\nhello"), ANSWER, *_NOT_HTTP, REFUSED
        ),
    }
    return _all_say(tricks, b"hello")


def list_chunks() -> dict[str, Trick]:
    """Return chunks that are none."""
    tricks = {
        "/chunks-fine": _answer(_chunked(b"5\r\nhello\r\n0\r\n\r\n"), b"hello"),
        "/chunks-no-end": _trick(send(_chunked(b"5\r\nhello\r\n")), *_CUT),
        "/chunks-cut": _trick(send(_chunked(b"5\r\nhe")), *_CUT),
        "/chunks-negative": _trick(send(_chunked(b"-5\r\nhello\r\n0\r\n\r\n")), *_NOT_HTTP),
        "/chunks-hex-mark": _trick(send(_chunked(b"0x5\r\nhello\r\n0\r\n\r\n")), *_NOT_HTTP),
        "/chunks-huge": _trick(send(_chunked(b"f" * 16 + b"\r\nhello\r\n")), *_CUT, REFUSED),
        "/chunks-beyond-numbers": _trick(send(_chunked(b"f" * 4000 + b"\r\nhello\r\n")), *_CUT, REFUSED),
        "/chunks-underscore": _trick(send(_chunked(b"1_0\r\nhellohellohello!\r\n0\r\n\r\n")), *_NOT_HTTP),
        "/chunks-no-line-end": _trick(send(_chunked(b"5\r\nhelloX0\r\n\r\n")), *_NOT_HTTP),
        "/chunks-bare-feed": _either(_chunked(b"5\nhello\n0\n\n"), *_NOT_HTTP),
        "/chunks-no-size": _trick(send(_chunked(b"\r\nhello\r\n0\r\n\r\n")), *_NOT_HTTP),
        "/chunks-words": _trick(send(_chunked(b"hello\r\n")), *_NOT_HTTP),
        "/chunks-extension": _answer(_chunked(b'5;a="b;c"\r\nhello\r\n0\r\n\r\n'), b"hello"),
        "/chunks-trailer": _answer(_chunked(b"5\r\nhello\r\n0\r\nContent-Length: 1\r\n\r\n"), b"hello"),
        "/chunks-twice": _trick(
            send(OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            *_NOT_HTTP, REFUSED,
        ),
        "/chunks-gzip": _trick(
            send(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), *_NOT_HTTP, REFUSED
        ),
        "/chunks-unknown": _trick(
            send(OK + b"Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), *_NOT_HTTP, REFUSED
        ),
    }  # fmt: skip
    return _all_say(tricks, b"hello")


def list_compressed(limit: int) -> dict[str, Trick]:
    """Return bodies that unfold.

    Args:
        limit: largest body that the fetcher takes, in bytes.
    """

    def packed(body: bytes, how: bytes = b"gzip") -> bytes:
        return _sized(body, b"Content-Encoding: " + how + b"\r\n")

    bomb = gzip.compress(bytes(40 * limit), mtime=0)
    bare = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = bare.compress(b"hello") + bare.flush()
    keyed = zlib.compressobj(zdict=b"hello hello")
    with_key = keyed.compress(b"hello") + keyed.flush()
    plain = gzip.compress(b"hello", mtime=0)
    wrong_sum = plain[:-8] + bytes(8)
    long_name = plain[:3] + b"\x08" + plain[4:10] + b"n" * 300_000 + b"\0" + plain[10:]
    extra = plain[:3] + b"\x04" + plain[4:10] + b"\xff\xff" + b"e" * 65535 + plain[10:]
    return {
        "/gzip-fine": _answer(packed(plain), b"hello"),
        "/gzip-bomb": _trick(send(packed(bomb)), REFUSED),
        "/gzip-bomb-in-bits": _trick(send_in_bits(packed(bomb), 4096, 0), REFUSED),
        # Within the limit, but far more than any picture packs to.
        "/gzip-ratio": _trick(send(packed(gzip.compress(bytes(limit - 1), mtime=0))), REFUSED, ANSWER),
        "/gzip-nested": _trick(send(packed(gzip.compress(bomb, mtime=0), b"gzip, gzip")), REFUSED),
        "/gzip-within-gzip": _either(packed(gzip.compress(bomb, mtime=0)), REFUSED),
        "/gzip-members": _either(packed(plain + plain), REFUSED, F.BAD_COMPRESSION),
        "/gzip-member-bomb": _trick(
            send(packed(gzip.compress(bytes(limit // 2), mtime=0) * 90)), REFUSED, ANSWER, F.BAD_COMPRESSION
        ),
        "/gzip-cut": _trick(send(packed(gzip.compress(bytes(range(256)) * 99, mtime=0)[:-12])), *_CUT,
                            F.BAD_COMPRESSION),
        "/gzip-then-rubbish": _either(packed(plain + b"rubbish"), F.BAD_COMPRESSION, *_CUT),
        "/gzip-wrong-sum": _either(packed(wrong_sum), F.BAD_COMPRESSION, *_CUT),
        "/gzip-long-name": _either(packed(long_name), F.BAD_COMPRESSION, *_CUT, REFUSED),
        "/gzip-extra": _either(packed(extra), F.BAD_COMPRESSION, *_CUT),
        "/gzip-none": _trick(send(packed(b"not packed")), F.BAD_COMPRESSION, ANSWER),
        "/gzip-empty": _either(packed(b""), F.BAD_COMPRESSION, *_CUT),
        "/gzip-shouted": _answer(packed(plain, b"GZIP"), b"hello"),
        "/gzip-many-words": _trick(send(packed(plain, b"gzip, " * 1000 + b"gzip")), REFUSED),
        "/deflate-zlib": _answer(packed(zlib.compress(b"hello"), b"deflate"), b"hello"),
        "/deflate-bare": _answer(packed(raw, b"deflate"), b"hello"),
        "/deflate-keyed": _trick(send(packed(with_key, b"deflate")), F.BAD_COMPRESSION, *_CUT),
        "/deflate-rubbish": _trick(send(packed(b"\x78\x9c" + bytes(99), b"deflate")), F.BAD_COMPRESSION, *_CUT),
        "/deflate-bomb": _trick(send(packed(zlib.compress(bytes(40 * limit)), b"deflate")), REFUSED),
        "/brotli": _trick(send(packed(b"\x0b\x02\x80hello\x03", b"br")), REFUSED),
        "/zstd": _trick(send(packed(b"\x28\xb5\x2f\xfd\0\x58\0\0", b"zstd")), REFUSED),
        "/compress": _trick(send(packed(b"\x1f\x9d\x90", b"compress")), REFUSED),
    }  # fmt: skip


def list_heads() -> dict[str, Trick]:
    """Return status lines and headers of another kind, or of none."""

    def begun(status_line: bytes, body: bytes = b"hello") -> bytes:
        return status_line + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    def headed(header: bytes) -> bytes:
        return _sized(b"hello", header)

    tricks = {
        "/version-0.9": _trick(send(b"<html>old"), *_NOT_HTTP),
        "/version-1.0": _answer(b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello"),
        "/version-2": _either(begun(b"HTTP/2 200 OK"), *_NOT_HTTP),
        "/version-7": _either(begun(b"HTTP/7.3 200 OK"), *_NOT_HTTP),
        "/version-small": _either(begun(b"http/1.1 200 OK"), *_NOT_HTTP),
        "/version-icy": _trick(send(begun(b"ICY 200 OK")), *_NOT_HTTP, ANSWER),
        "/status-99": _trick(send(begun(b"HTTP/1.1 099 X")), *_NOT_HTTP, *_TIME),
        "/status-000": _trick(send(begun(b"HTTP/1.1 000 X")), *_NOT_HTTP, *_TIME),
        "/status-600": _either(begun(b"HTTP/1.1 600 X"), *_NOT_HTTP),
        "/status-1000": _trick(send(begun(b"HTTP/1.1 1000 X")), *_NOT_HTTP),
        "/status-negative": _trick(send(begun(b"HTTP/1.1 -200 X")), *_NOT_HTTP),
        "/status-words": _trick(send(begun(b"HTTP/1.1 OK OK")), *_NOT_HTTP),
        "/status-alone": _either(begun(b"HTTP/1.1 200"), *_NOT_HTTP),
        "/status-101": _trick(
            send(b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nPRI *"), ANSWER, *_NOT_HTTP
        ),
        "/status-204-and-body": _answer(begun(b"HTTP/1.1 204 X"), b""),
        "/status-304-and-body": _answer(begun(b"HTTP/1.1 304 X"), b""),
        "/interim-then-answer": _answer(b"HTTP/1.1 103 X\r\n\r\n" * 5 + begun(b"HTTP/1.1 200 X"), b"hello"),
        "/two-answers": _answer(_sized(b"hello") + _sized(b"WRONG"), b"hello"),
        "/cookies": _either(headed(b"Set-Cookie: a=b\r\n" * 10_000), *_NOT_HTTP, REFUSED),
        "/cookies-many-names": _either(
            headed(b"".join(b"Set-Cookie: n%d=%s\r\n" % (n, b"v" * 60) for n in range(900))), *_NOT_HTTP, REFUSED
        ),
        "/cookie-large": _either(headed(b"Set-Cookie: a=" + b"b" * 60_000 + b"\r\n"), *_NOT_HTTP, REFUSED),
        "/header-no-colon": _either(headed(b"rubbish\r\n"), *_NOT_HTTP),
        "/header-no-name": _either(headed(b": value\r\n"), *_NOT_HTTP),
        "/header-folded": _either(headed(b"X-A: a\r\n b\r\n\tc\r\n"), *_NOT_HTTP),
        "/header-null": _either(headed(b"X-A: a\0b\r\n"), *_NOT_HTTP),
        "/header-bare-return": _either(headed(b"X-A: a\rX-B: b\r\n"), *_NOT_HTTP),
        "/header-bare-feeds": _either(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", *_NOT_HTTP),
        "/header-eight-bit": _either(headed(b"Server: \xff\xfe\x80\r\n"), *_NOT_HTTP),
        "/header-escapes": _either(headed(b"Server: \x1b[2J\x1b]0;owned\x07\r\n"), *_NOT_HTTP),
        "/header-right-to-left": _either(headed("Server: \u202egnp.exe\r\n".encode()), *_NOT_HTTP),
        "/header-first-folded": _either(OK + b" X-A: a\r\nContent-Length: 5\r\n\r\nhello", *_NOT_HTTP),
        "/header-name-spaced": _either(headed(b"X A: b\r\n"), *_NOT_HTTP),
        "/type-long": _either(headed(b"Content-Type: image/" + b"p" * 20_000 + b"\r\n"), *_NOT_HTTP, REFUSED),
        "/type-broken": _answer(headed("Content-Type: \u2028<script>\r\n".encode()), b"hello"),
        "/type-two": _answer(headed(b"Content-Type: text/html\r\nContent-Type: image/png\r\n"), b"hello"),
        "/retry-after-words": _trick(
            send(_sized(b"x", b"Retry-After: never ever\r\n", b"HTTP/1.1 429 X\r\n")), ANSWER, body=b"x"
        ),
        "/retry-after-huge": _trick(
            send(_sized(b"x", b"Retry-After: " + b"9" * 400 + b"\r\n", b"HTTP/1.1 503 X\r\n")),
            ANSWER, body=b"x",
        ),
        "/retry-after-negative": _trick(
            send(_sized(b"x", b"Retry-After: -5\r\n", b"HTTP/1.1 429 X\r\n")), ANSWER, body=b"x"
        ),
        "/retry-after-date": _trick(
            send(_sized(b"x", b"Retry-After: Fri, 31 Feb 99999 25:61:61 GMT\r\n", b"HTTP/1.1 429 X\r\n")),
            ANSWER, body=b"x",
        ),
    }  # fmt: skip
    return _all_say(tricks, b"hello")


def list_breaks(seed: int) -> dict[str, Trick]:
    """Return connections that break at every stage, and some at seeded places."""
    whole = _sized(b"hello " * 200, b"Content-Type: image/png\r\n")
    rng = random.Random(seed)
    stages = {
        "/reset-at-once": b"",
        "/reset-in-status": b"HTTP/1.",
        "/reset-after-status": OK,
        "/reset-in-head": OK + b"Content-Ty",
        "/reset-after-head": OK + b"Content-Length: 9\r\n\r\n",
        "/reset-in-body": OK + b"Content-Length: 9\r\n\r\nabc",
        "/reset-in-chunk": _chunked(b"9\r\nabc"),
        "/reset-after-chunk": _chunked(b"3\r\nabc\r\n"),
        "/reset-in-interim": b"HTTP/1.1 100 Cont",
    }
    stages |= {f"/reset-{place}": whole[: rng.randrange(len(whole))] for place in range(5)}
    tricks = {path: _trick(send_and_reset(data), *_CUT) for path, data in stages.items()}
    tricks["/close-at-once"] = _trick(send(b""), *_CUT)
    tricks["/close-in-head"] = _trick(send(OK + b"Content-Ty"), *_CUT)
    tricks["/close-after-head"] = _answer(OK + b"\r\n", b"")
    tricks["/reset-after-all"] = _trick(send_and_reset(whole), ANSWER, *_CUT)
    return tricks


def list_redirects() -> dict[str, Trick]:
    """Return redirects that lead nowhere, or try to."""

    def moved(target: bytes, status: int = 302, more: bytes = b"") -> Trick:
        head = b"HTTP/1.1 %d X\r\nLocation: %s\r\n" % (status, target)
        return _trick(send(head + more + b"Content-Length: 0\r\n\r\n"), REFUSED)

    def moved_to_ok(target: bytes, *ends: str) -> Trick:
        return Trick(moved(target).write, frozenset({ANSWER, *ends}), None if ends else b"ok")

    tricks = {
        "/to-itself": moved(b"/to-itself"),
        "/there": moved(b"/back"),
        "/back": moved(b"/there"),
        "/fragment": moved(b"/fragment#next"),
        "/query": moved(b"/query?x&", 307),
        "/slash/": moved(b"/slash/"),
        "/to-empty-host": moved(b"http:///ok"),
        "/to-control": moved_to_ok(b"/ok\x01", REFUSED, *_NOT_HTTP),
        "/to-null": moved_to_ok(b"/ok\0", REFUSED, *_NOT_HTTP),
        "/to-encoded-lines": moved_to_ok(b"/ok%0d%0aX-Injected:%201", REFUSED),
        "/to-bare-return": moved_to_ok(b"/ok\rX-Injected: 1", REFUSED, *_NOT_HTTP),
        "/to-folded": moved_to_ok(b"/ok\r\n X-Injected: 1", REFUSED, *_NOT_HTTP),
        "/to-megabyte": Trick(
            send(b"HTTP/1.1 302 X\r\nLocation: /" + b"a" * 1_000_000 + b"\r\n\r\n"),
            frozenset({REFUSED, *map(str, _NOT_HTTP)}),
        ),
        "/to-long": moved(b"/" + b"a" * 20_000),
        "/to-eight-bit": moved_to_ok(b"/\xff\xfe\x80", REFUSED),
        "/to-nothing": _either(_sized(b"", b"Location: \r\n", b"HTTP/1.1 302 X\r\n"), REFUSED),
        "/to-nowhere": _answer(_sized(b"stay", status=b"HTTP/1.1 302 X\r\n"), b"stay"),
        "/to-two": moved_to_ok(b"/ok\r\nLocation: http://127.0.0.1/", REFUSED, *_NOT_HTTP),
        "/to-two-turned": moved_to_ok(b"http://127.0.0.1/\r\nLocation: /ok", REFUSED, *_NOT_HTTP),
        "/to-header-refresh": _trick(
            send(_sized(b"stay", b"Refresh: 0; url=/to-header-refresh\r\n")), ANSWER, REFUSED
        ),
        "/to-file": moved(b"file:///etc/passwd"),
        "/to-loopback": moved(b"http://127.0.0.1/ok"),
        "/to-port": moved(b"http://hostile.example:22/ok"),
        "/to-user": moved_to_ok(b"http://a:b@hostile.example/ok", REFUSED),
        "/to-ok": moved_to_ok(b"/ok"),
    }
    tricks |= {f"/chain{place}": moved(b"/chain%d" % (place + 1), 308) for place in range(40)}
    return tricks


def list_greetings() -> dict[str, Trick]:
    """Return what servers do before anything was asked, by host name."""
    alert = b"\x15\x03\x01\x00\x02\x02\x28"
    return {
        "never-reads.example": _trick(never_read, *_TIME),
        "hangs-up.example": _trick(send(b""), *_CUT),
        "resets.example": _trick(send_and_reset(b""), *_CUT, F.UNREACHABLE),
        "speaks-first.example": _trick(send(b"220 mail.example ESMTP\r\n"), *_CUT),
        "speaks-ssh.example": _trick(send_and_wait(b"SSH-2.0-Practice\r\n"), *_CUT, *_TIME),
        "speaks-http2.example": _trick(send_and_wait(b"\0\0\0\x04\0\0\0\0\0"), *_CUT, *_TIME),
        "speaks-tls.example": _trick(send(alert), *_CUT),
        "answers-unasked.example": _trick(send(_sized(b"early")), ANSWER, *_CUT),
        "floods.example": _trick(send_endlessly(b"", b"\0" * 65536), *_CUT, REFUSED),
    }


def list_tls_greetings() -> dict[str, Trick]:
    """Return what servers do where TLS was expected, by host name."""
    hello = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(32)
    ends = (F.NO_COMMON_TLS, *_CUT)
    return {
        "plain-on-tls.example": _trick(send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), *ends),
        "tls-silent.example": _trick(never_read, *_TIME, F.CONNECT_TIMEOUT),
        "tls-alert.example": _trick(send(b"\x15\x03\x03\x00\x02\x02\x28"), *ends),
        "tls-half.example": _trick(send_and_wait(hello), *ends, *_TIME, F.CONNECT_TIMEOUT),
        "tls-half-closed.example": _trick(send(hello), *ends),
        "tls-rubbish.example": _trick(send(random.Random(4).randbytes(3000)), *ends),
        "tls-long-record.example": _trick(
            send_and_wait(b"\x16\x03\x03\xff\xff" + bytes(65535)), *ends, *_TIME
        ),
        "tls-slow.example": _trick(send_slowly(hello, b"\0", 0.1), *ends, *_TIME, F.CONNECT_TIMEOUT),
        "tls-resets.example": _trick(send_and_reset(hello), *ends),
    }
