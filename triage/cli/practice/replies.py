"""What one answer of the practice site is, and the plain ways to make one."""

import html
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from triage.cli.practice.catalogue import DRAWINGS, Catalogue

_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "HEIF": "image/heic",
}
_ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "HEIF": "heic"}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Attributes:
        body: the whole body, or pieces that are sent chunked.
        status: HTTP status.
        content_type: value of the header.
        headers: further headers; they may lie.
        wait_s: seconds before each piece.
    """

    body: bytes | Iterator[bytes]
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0


Maker = Callable[[], Reply]
Routes = dict[str, dict[str, Maker]]


def picture_path(name: str) -> str:
    """Return the path under which the site serves a picture file, such as `/p/new-single.jpg`."""
    return f"/p/{name}.{_ENDINGS[DRAWINGS[name].file_format]}"


def make_page(title: str, body: str, head: str = "", status: int = 200) -> Reply:
    """Make an HTML page."""
    text = (
        f'<!doctype html><html lang="sq"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"{head}</head><body>{body}</body></html>"
    )
    return Reply(text.encode(), status)


def make_picture(catalogue: Catalogue, name: str) -> Maker:
    """Return a maker of a picture file of the catalogue."""
    kind = _TYPES[DRAWINGS[name].file_format]
    return lambda: Reply(catalogue.read(name), content_type=kind)


def serve_pictures(catalogue: Catalogue, *names: str) -> dict[str, Maker]:
    """Return the routes of picture files under their own paths."""
    return {picture_path(name): make_picture(catalogue, name) for name in names}


def answer_at_try(number: int, before: Reply, after: Maker) -> Maker:
    """Return a maker that gives `before` until it is asked for the nth time, and then always `after`."""
    asked = itertools.count(1)
    return lambda: before if next(asked) < number else after()
