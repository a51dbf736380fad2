"""Every way that we know to lead a fetcher inside: written addresses, DNS answers, redirects, and lying exits.

Each is tried in `tests/security/test_fetcher_addresses.py`, `test_fetcher_process.py` or `test_lying_exits.py`.
"""

import socket
import time

from tests.local_exits import Liar, take
from tests.local_sites import REDIRECT_TRICKS

GOOD = "203.0.113.10"
"""The practice site's own address: what a bad answer is mixed with."""

# What a name server controlled by a stranger may answer.
ANSWERS: dict[str, list[str]] = {
    "private.net": ["10.0.0.5"],
    "mixed.net": [GOOD, "127.0.0.1"],
    "mixed-last.net": [GOOD, GOOD, "::1"],
    "mixed-mapped.net": [GOOD, f"::ffff:{GOOD}"],
    "mixed-many.net": [*[GOOD] * 62, "192.168.1.1"],
    "mapped.net": ["::ffff:127.0.0.1"],
    "mapped-public.net": ["::ffff:8.8.8.8"],
    "translated.net": ["::ffff:0:7f00:1"],
    "nat64.net": ["64:ff9b::7f00:1"],
    "nat64-local.net": ["64:ff9b:1::7f00:1"],
    "isatap.net": ["2606:2800::5efe:7f00:1"],
    "link.net": ["169.254.169.254"],
    "link6.net": ["fe80::1"],
    "scoped.net": ["fe80::1%eth0"],
    "scoped-public.net": ["2606:2800::1%eth0"],
    "zero.net": ["0.0.0.0"],
    "zero6.net": ["::"],
    "loopback6.net": ["::1"],
    "ula.net": ["fd00::1"],
    "amazon6.net": ["fd00:ec2::254"],
    "site-local.net": ["fec0::1"],
    "carrier.net": ["100.64.1.1"],
    "alibaba.net": ["100.100.100.200"],
    "oracle.net": ["192.0.0.192"],
    "azure.net": ["168.63.129.16"],
    "6to4.net": ["2002:7f00:1::"],
    "6to4-relay.net": ["192.88.99.1"],
    "teredo.net": ["2001:0:7f00:1::"],
    "compatible.net": ["::127.0.0.1"],
    "discard.net": ["100::1"],
    "segments.net": ["5f00::1"],
    "beyond.net": ["4000::1"],
    "broadcast.net": ["255.255.255.255"],
    "reserved.net": ["240.0.0.1"],
    "multicast.net": ["224.0.0.1"],
    "multicast6.net": ["ff0e::1"],
    "benchmark.net": ["198.18.0.1"],
    "anycast.net": ["192.52.193.1"],
    "documentation.net": ["2001:db8::1"],
    "other-documentation.net": ["203.0.113.99"],
    "rubbish.net": ["not an address"],
    "short.net": ["127.1"],
    "octal.net": ["0177.0.0.1"],
    "number.net": ["2130706433"],
    "bracketed.net": ["[::1]"],
    "network.net": ["127.0.0.1/32"],
    "127.0.0.1.nip.net": ["127.0.0.1"],
}

# What somebody may write, or a page may link to.
WRITTEN: tuple[str, ...] = (
    *("http://127.0.0.1/ok", "http://localhost/ok", "http://LOCALHOST./ok", "http://a.localhost/ok"),
    *("http://2130706433/ok", "http://0x7f000001/ok", "http://017700000001/ok", "http://0177.0.0.1/ok"),
    *("http://127.1/ok", "http://127.0.1/ok", "http://0x7f.1/ok", "http://0x7F.0x0.0x0.0x1/ok"),
    *("http://0/ok", "http://0.0.0.0/ok", "http://00000177.0.0.1/ok", "http://127.0.0.1.:80/ok"),
    *("http://256.1.1.1/ok", "http://1.2.3.4.5/ok", "http://4294967296/ok", "http://127.0.0.08/ok"),
    *("http://[::1]/ok", "http://[0:0:0:0:0:0:0:1]/ok", "http://[::]/ok", "http://[::127.0.0.1]/ok"),
    *("http://[::ffff:127.0.0.1]/ok", "http://[::ffff:7f00:1]/ok", "http://[::ffff:0:7f00:1]/ok"),
    *("http://[64:ff9b::7f00:1]/ok", "http://[64:ff9b:1::7f00:1]/ok", "http://[2002:7f00:1::]/ok"),
    *("http://[2001::7f00:1]/ok", "http://[2606:2800::5efe:7f00:1]/ok", "http://[fe80::1%25eth0]/"),
    *("http://[fe80::1]/ok", "http://[fd00:ec2::254]/latest", "http://[fec0::1]/ok", "http://[ff02::1]/ok"),
    *("http://[::1/ok", "http://::1/ok", "http://[127.0.0.1]/ok", "http://[::1]:22/ok", "http://[v1.::1]/ok"),
    *("http://169.254.169.254/latest/meta-data", "http://2852039166/", "http://0xA9FEA9FE/"),
    *(
        "http://[::ffff:a9fe:a9fe]/",
        "http://169.254.169.254./",
        "http://100.100.100.200/",
        "http://192.0.0.192/",
    ),
    *(
        "http://168.63.129.16/",
        "http://metadata.google.internal./",
        "http://10.0.0.1/",
        "http://192.168.0.1/",
    ),
    *("http://①②⑦.0.0.1/ok", "http://127。0。0。1/ok", "http://127｡0｡0｡1/ok", "http://１２７.0.0.1/ok"),
    *("http://ⓛocalhost/ok", "http://local\xadhost/ok", "http://abc．onion/ok", "http://abc.onⅰon/ok"),
    *("http://127%2e0%2e0%2e1/ok", "http://%31%32%37.0.0.1/ok", "http://127.0.0.1%00.photos.example/ok"),
    *("http://photos.example%40127.0.0.1/ok"),
    *(
        "http://photos.example@127.0.0.1/ok",
        "http://photos.example:80@127.0.0.1/ok",
        "http://a@b@127.0.0.1/ok",
    ),
    *("http://127.0.0.1#@photos.example/ok", "http://127.0.0.1?@photos.example/ok"),
    *("http://127.0.0.1\\@photos.example/ok", "http://127.0.0.1:80\\@photos.example/ok"),
    *("http:127.0.0.1/ok", "http:/127.0.0.1/ok", "http:////127.0.0.1/ok", "//127.0.0.1/ok", "127.0.0.1/ok"),
    *("hxxp://127[.]0[.]0[.]1/ok", "http://127.0.0.1:0080/ok", "http://127.0.0.1:80:80/ok"),
    *("http://photos.example:22/ok", "http://photos.example:0/ok", "http://photos.example:65616/ok"),
    *("http://photos.example:6379/ok", "http://photos.example:5432/ok", "http://photos.example:+80/ok"),
    *("http://photos.example:443:22/ok", "http://photos.example:８０/ok", "http://photos.example:1e3/ok"),
    *("file:///etc/passwd", "gopher://x/1", "ftp://127.0.0.1/ok", "dict://127.0.0.1:11211/stat"),
    *("view-source:http://127.0.0.1/ok", "jar:http://127.0.0.1!/ok", "blob:http://127.0.0.1/ok"),
    *("http+unix://%2Frun%2Fredis.sock/ok", "data:text/html,x", "javascript:alert(1)", "about:blank"),
    *("http:///ok", "http://", "http://./ok", "http://../ok", "http://postgres/ok", "http://abc.onion/ok"),
    *("http://printer.local/ok", "http://db.internal/ok", "http://nas.lan/ok", "http://x.corp/ok"),
    *("http://1.0.0.127.in-addr.arpa/ok", "http://localhost.localdomain/ok", "http://203.0.113.11/ok"),
    *(f"http://{host}/ok" for host in ANSWERS),
)


def _say(*parts: bytes, pause_s: float = 0.0) -> Liar:
    """Return an exit that says its parts whatever it is told, hearing something before each."""

    def lie(peer: socket.socket) -> None:
        for part in parts:
            peer.recv(4096)
            for place in range(len(part)) if pause_s else (slice(None),):
                peer.sendall(part[place : place + 1] if isinstance(place, int) else part[place])
                time.sleep(pause_s)
        peer.recv(4096)

    return lie


def _flood(first: bytes, more: bytes) -> Liar:
    def lie(peer: socket.socket) -> None:
        peer.recv(4096)
        peer.sendall(first)
        for _ in range(2000):
            peer.sendall(more)

    return lie


def _close_after_greeting(peer: socket.socket) -> None:
    take(peer, 3)


# What an exit may say that is no way through. Each must end as a named failure, and nothing goes out directly instead.
CONNECT_LIES: dict[str, Liar] = {
    "closes": _say(b""),
    "silent": lambda peer: time.sleep(2),
    "not http": _say(b"SSH-2.0-exit\r\n\r\n"),
    "old http": _say(b"HTTP/0.9 200 OK\r\n\r\n"),
    "no status": _say(b"HTTP/1.1 \r\n\r\n"),
    "odd status": _say(b"HTTP/1.1 20x OK\r\n\r\n"),
    "long status": _say(b"HTTP/1.1 2000 OK\r\n\r\n"),
    "interim": _say(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "redirect": _say(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n"),
    "sign in": _say(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
    "forbidden": _say(b"HTTP/1.1 403 Forbidden\r\n\r\n"),
    "endless head": _flood(b"HTTP/1.1 200 OK\r\n", b"X: " + b"a" * 1000 + b"\r\n"),
    "half a head": _say(b"HTTP/1.1 200 OK\r\nX: a"),
    "slow head": _say(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 20, pause_s=0.02),
}
_GREETING = b"\x05\x00"
SOCKS_LIES: dict[str, Liar] = {
    "closes": _close_after_greeting,
    "silent": lambda peer: time.sleep(2),
    "version 4": _say(b"\x04\x00"),
    "another sign-in": _say(b"\x05\x02"),
    "no way in": _say(b"\x05\xff"),
    "http": _say(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "half a greeting": _say(b"\x05"),
    "refuses": _say(_GREETING, b"\x05\x02\x00\x01" + bytes(6)),
    "general failure": _say(_GREETING, b"\x05\x01\x00\x01" + bytes(6)),
    "unknown reply": _say(_GREETING, b"\x05\xfe\x00\x01" + bytes(6)),
    "reply of version 4": _say(_GREETING, b"\x04\x00\x00\x01" + bytes(6)),
    "unknown kind of place": _say(_GREETING, b"\x05\x00\x00\x07" + bytes(6)),
    "half a place": _say(_GREETING, b"\x05\x00\x00\x04" + bytes(6)),
    "a longer name than it sends": _say(_GREETING, b"\x05\x00\x00\x03\xff" + bytes(6)),
    "slow place": _say(_GREETING, b"\x05\x00\x00\x03\xff" + bytes(40), pause_s=0.05),
}


def list_tricks() -> list[str]:
    """Return a name for every trick, each once."""
    named = [f"written {text}" for text in WRITTEN]  # the answers are among them, by their names
    named += [f"redirect {name}" for name in REDIRECT_TRICKS]
    named += [f"connect {name}" for name in CONNECT_LIES]
    named += [f"socks {name}" for name in SOCKS_LIES]
    return list(dict.fromkeys(named))
