"""The practice site: a local HTTP server that plays all fictional hosts.

1. It binds 127.0.0.1 and two free ports, and nothing else: one shows the site as seen at home, one as from abroad.
2. It picks the reply by Host header and path from `pages.build_routes`.
3. As a program (`python -m triage.cli.practice.site`) it also runs the way out that leads to the second port
   (`way_out.py`), prints one JSON line with the ports, serves until it gets SIGTERM or SIGINT, and dies with the
   process that started it.
"""

import argparse
import ctypes
import http.server
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from triage.cli.practice.catalogue import Catalogue
from triage.cli.practice.networks import PRACTICE_HOSTS
from triage.cli.practice.pages import build_routes, build_routes_abroad
from triage.cli.practice.replies import Reply, Routes
from triage.cli.practice.way_out import WayOut
from triage.errors import UnknownThingError

_PR_SET_PDEATHSIG = 1
REMOVE_PATH = "/praktike/hiq"
"""Where the practice operators say what they took down."""


def _gone() -> Reply:
    return Reply(b"gone\n", 410, "text/plain")


class _Server(http.server.ThreadingHTTPServer):
    """A server that knows its routes and can wake its slow replies to stop."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, routes: Routes) -> None:
        self.routes = routes
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that hang up (a fetcher does, at its limits); all else is our fault."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers one request and closes the connection."""

    protocol_version = "HTTP/1.1"
    server_version = "practice"
    sys_version = ""
    timeout = 30
    server: _Server

    def do_GET(self) -> None:
        """Send the reply of this host and path."""
        self._answer(with_body=True)

    def do_POST(self) -> None:
        """Take down what a fictional operator names: `{"remove": [URL, …]}` to REMOVE_PATH, from this machine only."""
        length = int(self.headers.get("Content-Length") or 0)
        is_ours = self.path == REMOVE_PATH and 0 < length <= 2**20
        named = json.loads(self.rfile.read(length))["remove"] if is_ours else []
        for url in named:
            parts = urlsplit(url)
            self.server.routes.get(parts.hostname or "", {})[parts.path] = _gone
        self.close_connection = True
        self.send_response(204 if is_ours else 404)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def do_HEAD(self) -> None:
        """Send the head of that reply."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep no access log: it would hold URLs."""

    def _answer(self, *, with_body: bool) -> None:
        host = (self.headers.get("Host") or "").lower().split(":")[0].rstrip(".")
        make = self.server.routes.get(host, {}).get(self.path.split("?")[0].split("#")[0])
        reply = make() if make else Reply(b"not here\n", 404, "text/plain")
        self.close_connection = True
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Connection", "close")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes):
            if "Content-Length" not in reply.headers:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if with_body:
                self.wfile.write(reply.body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if with_body:
            self._send_pieces(reply.body, reply.wait_s)

    def _send_pieces(self, pieces: Iterator[bytes], wait_s: float) -> None:
        for piece in pieces:
            if self.server.stopping.wait(wait_s):
                return
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")


class Site:
    """A running practice site; close it, or use it as a context manager.

    Attributes:
        port: TCP port on 127.0.0.1, as seen at home.
        abroad_port: TCP port on 127.0.0.1, as seen from abroad.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        home = build_routes(catalogue)
        self._servers = (_Server(home), _Server(build_routes_abroad(catalogue, home)))
        self.port, self.abroad_port = (int(server.server_address[1]) for server in self._servers)
        self._threads = [
            threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="practice-site", daemon=True
            )
            for server in self._servers
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop serving and free the ports; slow replies are cut off."""
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.stopping.set()
            server.shutdown()
            server.server_close()
            thread.join(timeout=5)

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start_site(seed: int = 1, replaced: Mapping[str, int] | None = None) -> Site:
    """Start the practice site in this process.

    Args:
        seed: seed of the practice world.
        replaced: name of a file → another seed, to change single pictures.

    Raises:
        UnknownThingError: a replaced name is not in the catalogue.
    """
    return Site(Catalogue(seed, replaced))


def _die_with_parent(parent: int) -> bool:
    """Ask the kernel for SIGKILL when the parent ends; False if it has ended already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent


def _read_replacements(texts: Sequence[str]) -> dict[str, int]:
    replaced = {}
    for text in texts:
        name, _, seed = text.partition("=")
        if not seed.isdigit():
            raise UnknownThingError("a replacement is written NAME=SEED")
        replaced[name] = int(seed)
    return replaced


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; print `{"port": N, "exit_port": N}` once the site answers.

    Returns:
        0 when stopped, 1 with one line on stderr when it cannot start.
    """
    parent = os.getppid()
    parser = argparse.ArgumentParser(
        prog="python -m triage.cli.practice.site", description="The practice site."
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the practice world")
    parser.add_argument("--replace", action="append", default=[], metavar="NAME=SEED", help="redraw one file")
    options = parser.parse_args(arguments)
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        site = start_site(options.seed, _read_replacements(options.replace))
    except (UnknownThingError, OSError) as error:
        print(f"the practice site cannot start: {error}", file=sys.stderr)
        return 1
    with site, WayOut(PRACTICE_HOSTS.values(), site.abroad_port) as way_out:
        if not _die_with_parent(parent):
            return 1
        print(json.dumps({"port": site.port, "exit_port": way_out.port}), flush=True)
        stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
