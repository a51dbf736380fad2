"""The pictures of an HTML page, as URLs. Runs inside the locked fetcher only: a page is a stranger's text."""

import codecs
import re

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from triage.errors import InvalidUrlError
from triage.rules.urls import resolve_link

MAX_PAGE_BYTES = 4 * 2**20
MAX_NODES = 20_000
MAX_SRCSET_CHARACTERS = 32_768

PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
PICTURE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".avif", ".heic", ".heif", ".bmp"),
    *(".tif", ".tiff", ".jxl"),
)
VIDEO_ENDINGS = (".mp4", ".webm", ".mov", ".m4v", ".avi", ".mkv", ".3gp", ".mpg", ".mpeg", ".wmv", ".flv")

_PICTURE_METAS = frozenset({"og:image", "og:image:url", "og:image:secure_url", "og:video", "og:video:url",
                            "og:video:secure_url", "twitter:image", "twitter:image:src"})  # fmt: skip
_LAZY_SOURCES = ("data-src", "data-original", "data-lazy-src", "data-full", "data-large", "data-image")
_LAZY_SETS = ("data-srcset", "data-lazy-srcset")
_NODES = "meta[content], link[href], img, source, video, a[href], input[src], image"
_CHARSET = re.compile(rb"charset\s{0,8}=\s{0,8}[\"']?([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)


def is_page(content_type: str, body: bytes) -> bool:
    """Say whether an answer is an HTML page: by its type, or by its first bytes when it names none."""
    if content_type:
        return content_type in PAGE_TYPES
    return (
        body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html", b"<head"))
    )


def find_pictures(html: bytes, base_url: str, limit: int) -> list[str]:
    """Find the URLs of a page's pictures and videos.

    Args:
        html: the page; only its first 4 MiB are read.
        base_url: normal URL of the page; a `base` element of the page is followed.
        limit: most URLs that are returned.

    Returns:
        Normal http or https URLs in the page's order, each once.
    """
    if limit <= 0:
        return []
    try:
        tree = LexborHTMLParser(_decode_page(html[:MAX_PAGE_BYTES]))
        nodes = tree.css(_NODES)
        bases = tree.css("base[href]")
    except SelectolaxError:
        return []
    base = base_url
    if bases:
        base = _resolve(base_url, bases[0].attributes.get("href") or "") or base_url
    found: dict[str, None] = {}
    for node in nodes[:MAX_NODES]:
        for reference in _read_references(node):
            url = _resolve(base, reference)
            if url is not None and url != base_url:
                found[url] = None
            if len(found) >= limit:
                return list(found)
    return list(found)


def _decode_page(html: bytes) -> str:
    if html.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return html.decode("utf-16", "replace")
    named = _CHARSET.search(html[:2048])
    name = named.group(1).decode("ascii") if named else "utf-8"
    try:
        return html.decode("cp1252" if name.lower() in {"iso-8859-1", "latin1"} else name, "replace")
    except (LookupError, UnicodeError, ValueError):
        return html.decode("utf-8", "replace")


def _read_references(node: LexborNode) -> list[str]:
    """Return what one element refers to, best first; nothing for elements that show no picture."""
    attributes = node.attributes
    if node.tag == "meta":
        name = (attributes.get("property") or attributes.get("name") or "").lower()
        return _present([attributes.get("content")]) if name in _PICTURE_METAS else []
    if node.tag == "link":
        relations = (attributes.get("rel") or "").lower().split()
        return _present([attributes.get("href")]) if "image_src" in relations else []
    if node.tag == "a":
        href = attributes.get("href") or ""
        path = re.split(r"[?#]", href, maxsplit=1)[0].lower().strip()
        return [href] if path.endswith(PICTURE_ENDINGS + VIDEO_ENDINGS) else []
    if node.tag == "video":
        return _present([attributes.get("src"), attributes.get("poster")])
    if node.tag == "image":
        return _present([attributes.get("href"), attributes.get("xlink:href")])
    sets = _present([attributes.get(name) for name in ("srcset", *_LAZY_SETS)])
    references = [largest for largest in map(_find_largest, sets) if largest]
    references += _present([attributes.get(name) for name in _LAZY_SOURCES])
    if not references:
        references = _present([attributes.get("src")])
    return references


def _present(values: list[str | None]) -> list[str]:
    return [value for value in values if value and value.strip()]


def _find_largest(srcset: str) -> str | None:
    """Return the candidate with the greatest width or density (https://html.spec.whatwg.org/, srcset)."""
    text = srcset[:MAX_SRCSET_CHARACTERS]
    best: tuple[float, str] | None = None
    place = 0
    while place < len(text):
        while place < len(text) and (text[place].isspace() or text[place] == ","):
            place += 1
        start = place
        while place < len(text) and not text[place].isspace():
            place += 1
        url = text[start:place]
        size = 1.0
        if url.endswith(","):
            url = url.rstrip(",")
        else:
            end = text.find(",", place)
            end = len(text) if end < 0 else end
            size = _read_size(text[place:end])
            place = end
        if url and (best is None or size > best[0]):
            best = (size, url)
    return best[1] if best else None


def _read_size(descriptor: str) -> float:
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)[wx]", (descriptor.split() or [""])[0])
    return float(match.group(1)) if match else 1.0


def _resolve(base: str, reference: str) -> str | None:
    try:
        return resolve_link(base, reference).url
    except InvalidUrlError:
        return None
