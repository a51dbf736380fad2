"""What a request says, and what of an answer's head is recorded: two tables.

The browser profile has the headers of a Firefox 140 in its order, since many servers show others something else; the
plain profile says who asks. Compression is not asked for: a picture has its own, and bombs come packed.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

from triage.rules.sites import find_site
from triage.rules.urls import UrlParts, split_url
from workers.dialling.exits import is_onion

MAX_VALUE_CHARACTERS = 300
DEFAULT_PORTS = {"http": 80, "https": 443}
_USERINFO = re.compile(r"//[^/?#@]*@")


class Destination(StrEnum):
    """What a request is for, as a browser would have it."""

    DOCUMENT = "document"
    FRAME = "iframe"
    IMAGE = "image"


# Profile → the headers in their order. {} is filled in for each request; a header whose value is empty is left out.
PROFILES: dict[str, tuple[tuple[str, str], ...]] = {
    "browser": (
        ("Host", "{host}"),
        ("User-Agent", "{agent}"),
        ("Accept", "{accept}"),
        ("Accept-Language", "{language}"),
        ("Accept-Encoding", "identity"),
        ("Referer", "{referer}"),
        ("Connection", "keep-alive"),
        ("Cookie", "{cookie}"),
        ("Upgrade-Insecure-Requests", "{upgrade}"),
        ("Sec-Fetch-Dest", "{destination}"),
        ("Sec-Fetch-Mode", "{mode}"),
        ("Sec-Fetch-Site", "{site}"),
        ("Sec-Fetch-User", "{user}"),
        ("Priority", "{priority}"),
    ),
    "plain": (
        ("Host", "{host}"),
        ("User-Agent", "{agent}"),
        ("Accept", "*/*"),
        ("Accept-Language", "{language}"),
        ("Accept-Encoding", "identity"),
        ("Referer", "{referer}"),
        ("Connection", "close"),
        ("Cookie", "{cookie}"),
    ),
}
_PAGE_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
# Destination → Accept, mode and priority as Firefox sends them.
_BY_DESTINATION: dict[Destination, tuple[str, str, str]] = {
    Destination.DOCUMENT: (_PAGE_ACCEPT, "navigate", "u=0, i"),
    Destination.FRAME: (_PAGE_ACCEPT, "navigate", "u=4"),
    Destination.IMAGE: (
        "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
        "no-cors",
        "u=5, i",
    ),
}

# Header of an answer that is recorded, what it tells. None of them is a credential.
RECORDED: tuple[tuple[str, str], ...] = (
    ("server", "which program answered: whom a host has to ask"),
    ("date", "the server's clock, beside ours"),
    ("last-modified", "since when the file is there"),
    ("etag", "whether it is the same file as before"),
    ("location", "where it leads"),
    ("refresh", "where it leads after a while"),
    ("retry-after", "when it wants to be asked again"),
    ("content-length", "what was promised, beside what came"),
    ("content-language", "whom it addresses"),
    ("content-disposition", "the file's name on the server"),
    ("content-encoding", "how it was packed"),
    ("expires", "how long it is meant to stay"),
    ("x-powered-by", "which program made it"),
    ("x-generator", "which program made it"),
    ("via", "who stands between"),
    ("x-cache", "whether somebody between answered"),
    ("x-served-by", "which machine between answered"),
    ("cf-ray", "that Cloudflare stands before it, and where"),
    ("x-amz-cf-pop", "that Amazon CloudFront stands before it, and where"),
    ("x-amz-cf-id", "what Amazon asks for when it is to find the request"),
    ("x-amz-request-id", "what Amazon asks for when it is to find the request"),
    ("x-github-request-id", "what GitHub asks for when it is to find the request"),
    ("x-vercel-id", "that Vercel stands before it, and where"),
    ("x-akamai-request-id", "what Akamai asks for when it is to find the request"),
    ("fly-request-id", "what Fly asks for when it is to find the request"),
    ("onion-location", "the same site as a Tor service"),
    ("alt-svc", "where else the same is served"),
    ("link", "the address under which the page wants to be known"),
    ("x-robots-tag", "whether it hides from search engines"),
)
_RECORDED_NAMES = frozenset(name for name, _ in RECORDED)


def find_destination(led_by: str, referer: str) -> Destination:
    """Return what a request is for: a frame of a page, a picture of a page, or what was reported."""
    if led_by == "frame":
        return Destination.FRAME
    return Destination.IMAGE if referer and led_by == "start" else Destination.DOCUMENT


def make_headers(
    parts: UrlParts,
    *,
    profile: str,
    agent: str,
    language: str,
    referer: str,
    cookie: str,
    destination: Destination,
) -> list[tuple[bytes, bytes]]:
    """Make the headers of one request.

    Args:
        parts: of the URL that is asked.
        profile: a key of PROFILES.
        agent, language: from the limits.
        referer: normal URL of the page that shows this; empty without one.
        cookie: the Cookie header's value.
        destination: what it is for.
    """
    accept, mode, priority = _BY_DESTINATION[destination]
    is_secure = parts.scheme == "https"  # browsers say the rest only there
    values = {
        "host": _write_origin(parts).partition("://")[2],
        "agent": agent,
        "accept": accept,
        "language": language,
        "referer": cut_referer(referer, parts),
        "cookie": cookie,
        "upgrade": "" if destination is Destination.IMAGE else "1",
        "destination": destination.value if is_secure else "",
        "mode": mode if is_secure else "",
        "site": _compare_sites(referer, parts) if is_secure else "",
        "user": "?1" if is_secure and destination is Destination.DOCUMENT and not referer else "",
        "priority": priority,
    }
    filled = ((name, _keep_plain(pattern.format_map(values))) for name, pattern in PROFILES[profile])
    return [(name.encode(), value) for name, value in filled if value]


def cut_referer(referer: str, parts: UrlParts) -> str:
    """Return what a request tells of the page that led to it (https://www.w3.org/TR/referrer-policy/).

    The whole URL to the same site, its origin to others, nothing from https to http. No Tor service is named to
    anybody else, as Tor Browser has it.
    """
    if not referer:
        return ""
    page = split_url(referer)
    is_same = find_site(page.host) == find_site(parts.host)
    if (page.scheme == "https" and parts.scheme == "http") or (is_onion(page.host) and not is_same):
        return ""
    origin = _write_origin(page)
    return origin + page.target if is_same else origin + "/"


def record_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    """Return the headers of an answer that are kept, each once, in their order; printable, at most 300 characters."""
    kept: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        if name in _RECORDED_NAMES and name not in kept:
            kept[name] = _USERINFO.sub("//", make_printable(decode_header(raw_value)))[:MAX_VALUE_CHARACTERS]
    return tuple(kept.items())


def decode_header(value: bytes) -> str:
    """Read a header's value: UTF-8 where it is, else Latin-1."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def make_printable(text: str) -> str:
    """Put a mark in the place of everything that a terminal or a page might act on."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def _write_origin(parts: UrlParts) -> str:
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    port = "" if parts.port == DEFAULT_PORTS[parts.scheme] else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _compare_sites(referer: str, parts: UrlParts) -> str:
    if not referer:
        return "none"
    page = split_url(referer)
    if _write_origin(page) == _write_origin(parts):
        return "same-origin"
    is_same = find_site(page.host) == find_site(parts.host) and page.scheme == parts.scheme
    return "same-site" if is_same else "cross-site"


def _keep_plain(value: str) -> bytes:
    """Write a value so that it can be sent: settings and cookies must not break the request's lines."""
    return "".join(one for one in value if one.isascii() and one.isprintable()).strip().encode()
