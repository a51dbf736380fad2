"""The cookies of one fetch: kept for one chain of requests, told to nobody but the host that set them.

Some walls let a visitor in by a cookie. Nothing is kept beyond the fetch, and `Domain` widens nothing: a stranger's
page must not plant what a later request to another host would carry.
"""

import re

from triage.rules.urls import UrlParts

MAX_COOKIES = 20
"""Most cookies of one host."""
MAX_BYTES = 4096
"""Most bytes that one host's cookies take together."""
_IS_OVER = re.compile(r"-[0-9]+|0+")
_FORBIDDEN = frozenset(chr(code) for code in range(32)) | {"\x7f", ";", ","}


class CookieJar:
    """The cookies of one chain, by exact host name."""

    def __init__(self) -> None:
        self._hosts: dict[str, dict[str, tuple[str, bool]]] = {}

    def take(self, parts: UrlParts, header: str) -> None:
        """Read one Set-Cookie header; what is over the limits, or cannot be read, is left out.

        Args:
            parts: of the URL that answered.
            header: its value.
        """
        pair, *attributes = header.split(";")
        name, mark, value = (text.strip() for text in pair.partition("="))
        if not mark or not name or not (name + value).isascii() or _FORBIDDEN & set(name + value):
            return
        words = {one.partition("=")[0].strip().lower(): one.partition("=")[2].strip() for one in attributes}
        cookies = self._hosts.setdefault(parts.host, {})
        if _IS_OVER.fullmatch(words.get("max-age", "")):
            cookies.pop(name, None)
            return
        is_secure = "secure" in words
        if is_secure and parts.scheme != "https":
            return
        others = {key: one for key, one in cookies.items() if key != name}
        size = sum(len(key) + len(one) for key, (one, _) in others.items()) + len(name) + len(value)
        if len(others) < MAX_COOKIES and size <= MAX_BYTES:
            cookies[name] = (value, is_secure)

    def find(self, parts: UrlParts) -> str:
        """Return the Cookie header for a request; empty without one."""
        cookies = self._hosts.get(parts.host, {})
        return "; ".join(
            f"{name}={value}"
            for name, (value, is_secure) in cookies.items()
            if parts.scheme == "https" or not is_secure
        )
