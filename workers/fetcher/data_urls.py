"""Pictures that a page carries inside its own text, as `data:` URLs (https://fetch.spec.whatwg.org/, read 2026-11)."""

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

MAX_EMBEDDED_BYTES = 16 << 20
MAX_ALL_EMBEDDED_BYTES = 32 << 20
MAX_ESCAPES = 500_000  # of all `data:` URLs of one page: each takes a while

_HEAD = re.compile(r"\s*data:([^,]{0,400}),", re.IGNORECASE)
# What the decoder refuses in any case: drawings made of text, and pages.
_PAGES = frozenset({"text/html", "application/xhtml+xml", "text/xml", "application/xml", "image/svg+xml"})
_NOT_PICTURES = ("image/svg", "text/html", "text/css", "text/javascript", "application/javascript", "font/")


def is_data_url(reference: str) -> bool:
    """Say whether a reference carries its file inside itself."""
    return reference[:64].lstrip("\0\t\n\x0b\x0c\r ")[:5].lower() == "data:"


def read_data_url(reference: str, *, is_shown: bool) -> bytes | None:
    """Return the file that a `data:` URL carries.

    Args:
        reference: as found in the page.
        is_shown: whether an element shows it as a picture: browsers then look at its bytes, not at its type.

    Returns:
        The bytes; None when it is no picture or video, or cannot be read. At most MAX_EMBEDDED_BYTES count as
        readable; see `is_too_long` for what is longer.
    """
    head = _HEAD.match(reference)
    if head is None or is_too_long(reference):
        return None
    parts = [part.strip().lower() for part in head[1].split(";")]
    if parts[0].startswith(_NOT_PICTURES):
        return None
    if not is_shown and not parts[0].startswith(("image/", "video/")):
        return None
    data = _read_bytes(reference[head.end() :], is_base64=parts[-1] == "base64")
    return data if data is not None and 0 < len(data) <= MAX_EMBEDDED_BYTES else None


def is_data_page(reference: str) -> bool:
    """Say whether a `data:` URL in a frame carries a page."""
    head = _HEAD.match(reference)
    return head is not None and head[1].partition(";")[0].strip().lower() in _PAGES


def read_data_page(reference: str) -> str:
    """Return the page that such a `data:` URL carries; empty when it cannot be read."""
    head, _, text = reference.partition(",")
    data = _read_bytes(text, is_base64=head.lower().rstrip().endswith("base64"))
    return (data or b"").decode("utf-8", "replace")


def _read_bytes(text: str, *, is_base64: bool) -> bytes | None:
    # A fragment would be cut off; no picture holds this sign unescaped.
    text = text.partition("#")[0]
    try:
        data = unquote_to_bytes(text) if "%" in text else text.encode("utf-8", "replace")
        if is_base64:
            data = data.translate(None, b"\t\n\x0c\r ").rstrip(b"=")
            data = base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data


def is_too_long(reference: str) -> bool:
    """Say whether a `data:` URL is too long to be read; an escape takes three characters a byte."""
    return len(reference) > 3 * MAX_EMBEDDED_BYTES + 512
