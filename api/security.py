"""Headers of every answer, the hosts that are served, and the log line of a request.

The web server's own access log is off: it would hold addresses of reporters. Ours has the route's template,
the status and the milliseconds.
"""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.static_files import LONG_LIVED

_log = logging.getLogger("api")
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})

HEADERS: dict[str, str] = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityMiddleware:
    """Refuse foreign hosts, add the headers, write the log line.

    Args:
        app: the application.
        hosts: further host names that are served (behind a proxy that speaks TLS).
        content_security_policy: the policy of this surface.
        long_lived: paths whose content never changes, which browsers may keep.
        say_surprise: makes the answer after a mistake of our own.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: tuple[str, ...],
        content_security_policy: str,
        long_lived: frozenset[str],
        say_surprise: Callable[[Request], Response],
    ) -> None:
        self.app = app
        self._say_surprise = say_surprise
        self._hosts = LOCAL_HOSTS | {host.lower() for host in hosts}
        headers = HEADERS | {"Content-Security-Policy": content_security_policy}
        self._headers = _encode(headers)
        self._kept_headers = _encode(headers | {"Cache-Control": LONG_LIVED})
        self._long_lived = long_lived
        self._names = frozenset(name for name, _ in self._headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.monotonic()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                said = [pair for pair in message["headers"] if pair[0] not in self._names]
                is_kept = status == HTTPStatus.OK and scope["path"] in self._long_lived
                message["headers"] = said + (self._kept_headers if is_kept else self._headers)
            await send(message)

        try:
            if _host_of(scope) not in self._hosts:
                await _refuse_host(send_with_headers)
            else:
                await self.app(scope, receive, send_with_headers)
        except Exception:
            # Here and not in an exception handler: those run outside, and their answers lack the headers.
            _log.exception("a request failed")
            if status:
                raise  # half an answer is out: the connection must break
            await self._say_surprise(Request(scope))(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", "-")
            _log.info("%s %s %d %.0f ms", scope["method"], route, status, (time.monotonic() - started) * 1e3)


def _encode(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _host_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            host = value.decode("latin-1").lower()
            if host.startswith("["):
                return str(host.partition("]")[0] + "]")
            name, _, port = host.partition(":")
            return str(name) if not port or port.isdecimal() else ""
    return ""


async def _refuse_host(send: Send) -> None:
    body = b"This host is not served here.\n"
    await send(
        {
            "type": "http.response.start",
            "status": 421,
            "headers": [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", b"%d" % len(body)),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
