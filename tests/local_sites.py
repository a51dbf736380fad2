"""Small hostile and friendly web sites on loopback, for tests of the fetcher and of all that uses it.

`LocalSite` answers on 127.0.0.1 with what was laid under a path; `lay_out_tricks` lays every server trick
that the fetcher must survive. A site counts the requests it saw, so that a test can say that nothing was
asked.
"""

import contextlib
import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType

from workers.dialling.practice_names import PracticeNames

Writer = Callable[[socket.socket], None]

PRACTICE_ADDRESS = "203.0.113.10"
PRACTICE_HOST = "photos.example"


@dataclass
class LocalSite:
    """A site of one thread per connection; use it as a context manager."""

    tls: ssl.SSLContext | None = None
    pages: dict[str, Writer] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> "LocalSite":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._peers: list[socket.socket] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the acceptor
        self._acceptor.join()
        self._listener.close()
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def lay(self, path: str, writer: Writer) -> None:
        """Let `writer` answer requests for `path` (query included)."""
        self.pages[path] = writer

    def lay_answer(
        self, path: str, body: bytes, content_type: str = "text/plain", status: int = 200, headers: str = ""
    ) -> None:
        """Lay an ordinary answer; `headers` are whole lines, each ended by CR LF."""
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        head += headers + "\r\n"
        self.lay(path, lambda peer: peer.sendall(head.encode("latin-1") + body))

    def lay_redirect(self, path: str, target: str, status: int = 302) -> None:
        """Lay a redirect to `target`, written as given."""
        self.lay_answer(path, b"", status=status, headers=f"Location: {target}\r\n")

    def practice_names(self, *hosts: str) -> PracticeNames:
        """Return practice names (photos.example by default) that lead to this site."""
        return PracticeNames.from_rows(
            (host, f"203.0.113.{10 + place}", "127.0.0.1", self.port)
            for place, host in enumerate(hosts or (PRACTICE_HOST,))
        )

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            self._threads.append(thread)
            self._peers.append(peer)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        peer.settimeout(5)
        # A fetcher that has seen enough closes in the middle: that is its good right.
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(peer)
            if self.tls is not None:
                peer = stack.enter_context(self.tls.wrap_socket(peer, server_side=True))
            request = b""
            while b"\r\n\r\n" not in request:
                part = peer.recv(4096)
                if not part:
                    return
                request += part
            path = request.split(b" ")[1].decode()
            self.seen.append(path)
            self.requests.append(request)
            writer = self.pages.get(path)
            if writer is None:
                peer.sendall(b"HTTP/1.1 404 X\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ngone")
            else:
                writer(peer)


def drip(first: bytes, piece: Callable[[int], bytes], pause: float, count: int) -> Writer:
    """Return a writer that sends `first` at once and then `count` pieces, `pause` seconds apart."""

    def write(peer: socket.socket) -> None:
        peer.sendall(first)
        for place in range(count):
            time.sleep(pause)
            peer.sendall(piece(place))

    return write


def send_bytes(data: bytes) -> Writer:
    """Return a writer that sends `data` as it is, status line and all."""
    return lambda peer: peer.sendall(data)


def lay_out_tricks(site: LocalSite, bomb_bytes: int) -> None:
    """Lay every trick; `bomb_bytes` is the size to which the bombs unfold."""
    head = b"HTTP/1.1 200 OK\r\n"
    bomb = gzip.compress(b"\0" * bomb_bytes)
    site.lay_answer("/ok", b"ok")
    site.lay_answer("/gone", b"no", status=410)
    site.lay_answer("/broken", b"no", status=500)
    site.lay_answer("/gzip", gzip.compress(b"hello " * 100), headers="Content-Encoding: gzip\r\n")
    site.lay_answer("/deflate", zlib.compress(b"hello " * 100), headers="Content-Encoding: deflate\r\n")
    bare = zlib.compressobj(9, zlib.DEFLATED, -15)
    site.lay_answer(
        "/bare", bare.compress(b"hello " * 100) + bare.flush(), headers="Content-Encoding: deflate\r\n"
    )
    site.lay_answer("/half-gzip", gzip.compress(b"x" * 50_000)[:-10], headers="Content-Encoding: gzip\r\n")
    site.lay_answer("/not-gzip", b"plain", headers="Content-Encoding: gzip\r\n")
    site.lay_answer("/bomb", bomb, headers="Content-Encoding: gzip\r\n")
    site.lay_answer("/gzip-gzip", gzip.compress(bomb), headers="Content-Encoding: gzip, gzip\r\n")
    site.lay_answer("/brotli", b"xx", headers="Content-Encoding: br\r\n")
    site.lay("/big", send_bytes(head + b"Content-Length: 99999999999\r\n\r\n" + b"x" * 1000))
    site.lay("/endless", drip(head + b"\r\n", lambda _: b"x" * 65536, 0, 10_000))
    site.lay("/short", send_bytes(head + b"Content-Length: 100\r\n\r\nonly this"))
    site.lay("/slow-head", drip(head, lambda place: b"X-%d: a\r\n" % place, 0.1, 60))
    site.lay("/slow-body", drip(head + b"\r\n", lambda _: b"a", 0.1, 60))
    site.lay("/silent", drip(b"", lambda _: b"", 0.1, 60))
    site.lay(
        "/big-head", send_bytes(head + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(5000)))
    )
    site.lay("/many-hundred", drip(b"", lambda _: b"HTTP/1.1 100 Continue\r\n\r\n" * 50, 0.02, 400))
    site.lay("/not-http", send_bytes(b"SSH-2.0-Test\r\n"))
    site.lay("/closed", send_bytes(b""))
    site.lay_redirect("/hop", "/ok")
    site.lay_redirect("/odd", "/ok", status=399)
    for place in range(30):
        site.lay_redirect(f"/loop{place}", f"/loop{place + 1}")
    site.lay_redirect("/self", "/self")
    for name, target in REDIRECT_TRICKS.items():
        site.lay_redirect(f"/to-{name}", target.replace("PORT", str(site.port)))


REDIRECT_TRICKS = {
    "loopback": "http://127.0.0.1:PORT/ok",
    "loopback80": "http://127.0.0.1/ok",
    "ipv6": "//[::1]/ok",
    "file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:6379/_x",
    "data": "data:text/html,x",
    "script": "javascript:alert(1)",
    "number": "http://2130706433/ok",
    "octal": "http://0177.0.0.1/ok",
    "userinfo": "http://photos.example@127.0.0.1/ok",
    "backslash": "http:\\\\127.0.0.1\\ok",
    "metadata": "http://169.254.169.254/latest/meta-data",
    "mapped": "http://[::ffff:127.0.0.1]/ok",
    "port": "http://photos.example:22/ok",
    "onion": "http://abcdefgh.onion/",
    "local": "http://printer.local/",
    "empty-host": "http:///ok",
    "blank": "http://photos.example /ok",
    "upper": "HTTP://LOCALHOST/ok",
    "short": "http://127.1/ok",
    "hex": "http://0x7f.1/ok",
    "relative-number": "//2130706433/ok",
    "slashes": "////127.0.0.1/ok",
    "one-slash": "https:/127.0.0.1/ok",
    "no-slash": "https:127.0.0.1/ok",
    "encoded": "http://127%2e0%2e0%2e1/ok",
    "nat64": "http://[64:ff9b::7f00:1]/ok",
    "6to4": "http://[2002:7f00:1::]/ok",
    "scoped": "http://[fe80::1%25lo]/ok",
    "unspecified": "http://[::]/ok",
    "azure": "http://168.63.129.16/ok",
    "private": "http://10.0.0.1/ok",
    "port-wrapped": "http://photos.example:65616/ok",
    "user-port": "//photos.example:80@127.0.0.1/ok",
    "ftp": "ftp://photos.example/ok",
    "socket": "ws://127.0.0.1:PORT/ok",
    "about": "about:blank",
    "internal": "http://metadata.google.internal/ok",
    "no-dot": "http://postgres/ok",
}


@contextlib.contextmanager
def run_site(tls: ssl.SSLContext | None = None) -> Iterator[LocalSite]:
    """Run one empty site."""
    with LocalSite(tls) as site:
        yield site
