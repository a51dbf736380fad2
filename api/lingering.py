"""An answer that is given before the body was read to its end: said first, then the rest is let in for a while.

Closing a connection while the sender still sends makes the kernel throw our answer away (RFC 9112 section 9.6
asks for a lingering close): the sender would see a broken connection instead of one clear line.
"""

import asyncio
import contextlib

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

LINGER_S = 2.0


class LingeringResponse(Response):
    """Says what another response would say, closes the connection, and discards what still comes."""

    def __init__(self, said: Response) -> None:
        super().__init__(said.body, said.status_code, dict(said.headers) | {"Connection": "close"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the whole answer, then discard the sender's bytes until there are no more or time is up."""
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while (await receive()).get("more_body"):
                    continue
        await send({"type": "http.response.body", "body": b"", "more_body": False})
