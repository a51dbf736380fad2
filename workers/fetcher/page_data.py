"""Addresses in the parts of a page that are no markup: styles, JSON-LD, and what scripts keep in `data-` attributes."""

import json
import re
from collections.abc import Iterator
from typing import Any

_CSS_URL = re.compile(
    r"""\burl\([ \t\r\n\f]*+(?:"([^"\n]{0,8192}+)"|'([^'\n]{0,8192}+)'"""
    r"""|((?:[^\s"'()\\]|\\[0-9a-f]{1,6}\s?|\\[^\n]){0,8192}+))[ \t\r\n\f]*+\)""",
    re.IGNORECASE,
)
_IMAGE_SET = re.compile(r"image-set\(((?:[^()]|\([^()]{0,8192}+\)){0,8192}+)", re.IGNORECASE)
_SET_STRING = re.compile(r"""\([^()]*+\)|"([^"\n]*+)"|'([^'\n]*+)'""")
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})[ \t\r\n\f]?|(.))")
_PARTS = re.compile(r"""[\s"'<>(){}\[\],;]+""")
_PICTURE_KEYS = frozenset(
    {"image", "contentUrl", "thumbnailUrl", "thumbnail", "photo", "video", "associatedMedia"}
)
_ADDRESS_KEYS = frozenset({"url", "contentUrl", "thumbnailUrl", "@id"})


def find_css_urls(text: str) -> Iterator[str]:
    """Yield the `url(…)`, and the bare strings of `image-set(…)`, of a style sheet or attribute; escapes resolved."""
    for match in _CSS_URL.finditer(text):
        url = match[1] or match[2] or match[3]
        if url:
            yield _CSS_ESCAPE.sub(_resolve_escape, url) if "\\" in url else url
    for one in _IMAGE_SET.finditer(text):
        for bare in _SET_STRING.finditer(one[1]):
            if url := bare[1] or bare[2]:
                yield _CSS_ESCAPE.sub(_resolve_escape, url)


def _resolve_escape(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[2]
    value = int(match[1], 16)
    return chr(value) if 0 < value < 0xD800 or 0xDFFF < value < 0x110000 else "\ufffd"


def find_addresses(text: str) -> Iterator[str]:
    """Yield the pieces of a text that hold a dot, cut at quotes, brackets and blanks; JSON's `\\/` is a slash."""
    for part in _PARTS.split(text.replace("\\/", "/")):
        if "." in part:
            yield part


def find_linked_data(text: str) -> Iterator[str]:
    """Yield what JSON-LD (https://schema.org) names as image, thumbnail or file of a page's subject."""
    try:
        waiting: list[tuple[Any, bool]] = [(json.loads(text), False)]
    except (ValueError, RecursionError):
        return
    while waiting:
        value, is_picture = waiting.pop()
        if isinstance(value, str):
            if is_picture:
                yield value
        elif isinstance(value, list):
            waiting.extend((one, is_picture) for one in reversed(value))
        elif isinstance(value, dict):
            for key, inner in reversed(value.items()):
                if isinstance(inner, str):
                    waiting.append((inner, key in _PICTURE_KEYS or (is_picture and key in _ADDRESS_KEYS)))
                else:
                    waiting.append((inner, key in _PICTURE_KEYS))
