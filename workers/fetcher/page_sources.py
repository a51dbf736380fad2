"""What the tags of a page refer to: pictures, videos, frames; each with the area that the page promises for it.

One function an element, listed in `_READERS`. Areas are in square pixels; where a page says nothing, `_AREAS` says
what such an element usually shows. They only decide which pictures are taken first.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workers.fetcher.data_urls import is_data_page, is_data_url, read_data_page
from workers.fetcher.page_data import find_addresses, find_css_urls, find_linked_data
from workers.fetcher.page_tags import PageTags, Tag
from workers.fetcher.picture_endings import (
    OTHER_ENDINGS,
    PICTURE_ENDINGS,
    VIDEO_ENDINGS,
    ends_with,
    is_picture_address,
)
from workers.fetcher.refresh import Refresh, read_refresh
from workers.fetcher.srcset import find_largest

UNKNOWN_AREA = 300.0 * 225  # a usual thumb
SMALL_AREA = 48.0 * 48  # drawings, decoration, stand-ins for what is loaded later
PREVIEW_AREA = 1200.0 * 630  # what a page offers to those who link to it
FULL_AREA = 1600.0 * 1200  # a link to a picture leads to the whole of it
VIDEO_AREA = 1920.0 * 1080

MAX_SOURCES = 100_000  # with repetitions
MAX_REFERENCE_CHARACTERS = 8192
MAX_READ_CHARACTERS = 2 << 20  # of srcsets, styles and data- attributes, all together

_PICTURE_METAS = frozenset({"og:image", "og:image:url", "og:image:secure_url", "og:video", "og:video:url",
                            "og:video:secure_url", "twitter:image", "twitter:image:src", "twitter:player:stream",
                            "thumbnail", "image", "contenturl", "thumbnailurl"})  # fmt: skip
_PICTURE_ITEMS = frozenset({"image", "contenturl", "thumbnailurl", "thumbnail"})
_PICTURE_RELATIONS = frozenset({"image_src", "preload", "prefetch"})
# Attributes in which scripts find the true address; their values may end in anything.
_LAZY = frozenset({"data-src", "data-original", "data-lazy-src", "data-lazy", "data-full", "data-large", "data-image",
                   "data-img", "data-bg", "data-background", "data-background-image", "data-poster", "data-thumb",
                   "data-hires", "data-url", "data-original-src", "data-src-large", "data-large-src", "data-full-src",
                   "data-zoom-image", "data-echo"})  # fmt: skip
_MAY_SHOW = re.compile(r"url|image-set", re.IGNORECASE)
_NUMBER = re.compile(r"\s*([0-9]{1,5})(?:\.[0-9]*)?\s*(?:px)?\s*")


@dataclass(slots=True)
class Source:
    """One reference to a picture or video.

    Attributes:
        reference: as found, character references resolved.
        area: square pixels that it promises.
        is_shown: whether an element shows it; False for a link to it.
    """

    reference: str
    area: float = UNKNOWN_AREA
    is_shown: bool = True


@dataclass(slots=True)
class PageSources:
    """Everything that a page refers to, in its order.

    Attributes:
        sources: pictures and videos, with repetitions.
        frames: references of frames.
        inner_pages: texts of frames that the page carries itself (`srcdoc`, `data:`).
        base: what references are relative to; None: the page's own address.
        refresh: of the first `<meta http-equiv=refresh>` that is one.
        is_complete: False when a cap left something out.
    """

    sources: list[Source] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    inner_pages: list[str] = field(default_factory=list)
    base: str | None = None
    refresh: Refresh | None = None
    is_complete: bool = True
    characters_left: int = MAX_READ_CHARACTERS

    def add(self, reference: str | None, area: float = UNKNOWN_AREA, *, is_shown: bool = True) -> None:
        """Add one reference unless it is empty or no picture by its ending."""
        if not reference or reference.isspace() or ends_with(reference, OTHER_ENDINGS):
            return
        if len(reference) > MAX_REFERENCE_CHARACTERS and not is_data_url(reference):
            self.is_complete = False
            return
        if len(self.sources) >= MAX_SOURCES:
            self.is_complete = False
            return
        if ends_with(reference, (".svg", ".ico")):
            area = min(area, SMALL_AREA)
        self.sources.append(Source(reference, area, is_shown))

    def spend(self, text: str) -> bool:
        """Say whether a long value may still be looked through; note that the page is not read whole if not."""
        self.characters_left -= len(text)
        if self.characters_left < 0:
            self.is_complete = False
        return self.characters_left >= 0


def collect_sources(page: PageTags) -> PageSources:
    """List what a page refers to.

    Args:
        page: its tags and texts.
    """
    found = PageSources(is_complete=page.is_complete)
    link: Source | None = None
    for tag in page.tags:
        before = len(found.sources)
        if tag.name == "/a":
            link = None
            continue
        reader = _READERS.get(tag.name)
        if reader is not None:
            reader(found, tag)
        _read_any(found, tag)
        if tag.name == "a":
            link = next((one for one in found.sources[before:] if not one.is_shown), None)
        elif link is not None:
            # What a thumb links to is larger than the thumb.
            largest = max((one.area for one in found.sources[before:]), default=0.0)
            link.area = max(link.area, largest + 1)
    for text in page.styles:
        if found.spend(text):
            for url in find_css_urls(text):
                found.add(url, SMALL_AREA)
    for text in page.data:
        for url in find_linked_data(text):
            found.add(url, PREVIEW_AREA, is_shown=False)
    return found


def _read_img(found: PageSources, tag: Tag) -> None:
    attributes = tag.attributes
    src, srcset = attributes.get("src"), attributes.get("srcset")
    area = _read_area(attributes)
    is_lazy = any(name in _LAZY or name.endswith("srcset") for name in attributes if name.startswith("data-"))
    if srcset and found.spend(srcset) and (largest := find_largest(srcset, src)) is not None:
        found.add(largest.url, largest.measure(area or UNKNOWN_AREA, is_sized=area is not None))
        src = None if largest.replaces_src else src
    # Both are taken, the true one first: a browser without scripts shows the stand-in, and it may be more than that.
    found.add(src, area or (SMALL_AREA if is_lazy else UNKNOWN_AREA))


def _read_source(found: PageSources, tag: Tag) -> None:
    kind = (tag.attributes.get("type") or "").lower()
    if kind.startswith("audio/"):
        return
    src = tag.attributes.get("src")
    if src and (kind.startswith("video/") or ends_with(src, VIDEO_ENDINGS)):
        found.add(src, VIDEO_AREA)
    else:
        _read_img(found, tag)


def _read_video(found: PageSources, tag: Tag) -> None:
    found.add(tag.attributes.get("src"), VIDEO_AREA)
    found.add(tag.attributes.get("poster"))


def _read_input(found: PageSources, tag: Tag) -> None:
    if (tag.attributes.get("type") or "").strip().lower() == "image":
        _read_img(found, tag)


def _read_svg_image(found: PageSources, tag: Tag) -> None:
    _read_img(found, tag)
    for name in ("href", "xlink:href"):
        found.add(tag.attributes.get(name), _read_area(tag.attributes) or UNKNOWN_AREA)


def _read_link(found: PageSources, tag: Tag) -> None:
    """Read `link`: never icons, which no relation of the table names."""
    attributes = tag.attributes
    relations = set((attributes.get("rel") or "").lower().split())
    kind = (attributes.get("as") or "").lower()
    items = set((attributes.get("itemprop") or "").lower().split())
    is_picture = "image_src" in relations or (relations & _PICTURE_RELATIONS and kind in {"image", "video"})
    if is_picture or items & _PICTURE_ITEMS:
        found.add(attributes.get("href"), PREVIEW_AREA if "image_src" in relations else UNKNOWN_AREA)
    many = attributes.get("imagesrcset")
    if is_picture and many and found.spend(many) and (largest := find_largest(many, None)) is not None:
        found.add(largest.url, largest.measure(UNKNOWN_AREA, is_sized=False))


def _read_meta(found: PageSources, tag: Tag) -> None:
    attributes = tag.attributes
    content = attributes.get("content")
    if (attributes.get("http-equiv") or "").strip().lower() == "refresh" and found.refresh is None:
        found.refresh = read_refresh(content or "")
    for naming in ("property", "name", "itemprop"):
        if (attributes.get(naming) or "").strip().lower() in _PICTURE_METAS:
            found.add(content, PREVIEW_AREA)
            return


def _read_anchor(found: PageSources, tag: Tag) -> None:
    href = tag.attributes.get("href") or ""
    items = set((tag.attributes.get("itemprop") or "").lower().split())
    if ends_with(href, VIDEO_ENDINGS):
        found.add(href, VIDEO_AREA, is_shown=False)
    elif is_data_url(href) or ends_with(href, PICTURE_ENDINGS) or items & _PICTURE_ITEMS:
        found.add(href, FULL_AREA, is_shown=False)


def _read_frame(found: PageSources, tag: Tag) -> None:
    attributes = tag.attributes
    if inner := attributes.get("srcdoc"):
        found.inner_pages.append(inner)
        return
    for name in ("src", "data-src", "data-lazy-src"):
        _add_frame(found, attributes.get(name))


def _read_plugin(found: PageSources, tag: Tag) -> None:
    reference = tag.attributes.get("data" if tag.name == "object" else "src")
    kind = (tag.attributes.get("type") or "").strip().lower()
    if kind.startswith(("image/", "video/")):
        found.add(reference, VIDEO_AREA if kind.startswith("video/") else UNKNOWN_AREA)
    elif kind in {"", "text/html", "application/xhtml+xml"}:
        _add_frame(found, reference)


def _add_frame(found: PageSources, reference: str | None) -> None:
    if not reference or reference.isspace():
        return
    if is_data_page(reference):
        if found.spend(reference):
            found.inner_pages.append(read_data_page(reference))
    elif is_data_url(reference) or is_picture_address(reference):
        found.add(reference)
    elif len(reference) > MAX_REFERENCE_CHARACTERS:
        found.is_complete = False
    elif not ends_with(reference, OTHER_ENDINGS):
        found.frames.append(reference)


def _read_base(found: PageSources, tag: Tag) -> None:
    if found.base is None:
        found.base = tag.attributes.get("href")


_READERS: dict[str, Callable[[PageSources, Tag], None]] = {
    "a": _read_anchor,
    "amp-anim": _read_img,
    "amp-img": _read_img,
    "amp-video": _read_video,
    "area": _read_anchor,
    "base": _read_base,
    "embed": _read_plugin,
    "feimage": _read_svg_image,
    "frame": _read_frame,
    "iframe": _read_frame,
    "image": _read_svg_image,
    "img": _read_img,
    "input": _read_input,
    "link": _read_link,
    "meta": _read_meta,
    "object": _read_plugin,
    "source": _read_source,
    "video": _read_video,
}


def _read_any(found: PageSources, tag: Tag) -> None:
    """Read what every element may carry: a style, a background, and addresses meant for scripts."""
    area: float | None = None
    for name, value in tag.attributes.items():
        if not value:
            continue
        if name == "background":
            found.add(value)
        elif name == "style" and _MAY_SHOW.search(value) and found.spend(value):
            for url in find_css_urls(value):
                found.add(url)
        elif name.startswith("data-") and tag.name not in {"iframe", "frame"}:
            if area is None:
                area = _read_area(tag.attributes) or UNKNOWN_AREA
            _read_data_attribute(found, tag, name, value, area + 1)


def _read_data_attribute(found: PageSources, tag: Tag, name: str, value: str, area: float) -> None:
    if is_data_url(value):
        found.add(value, area, is_shown=False)
    elif not found.spend(value):
        return
    elif name.endswith(("srcset", "bgset", "-sources")):
        largest = find_largest(value, None)
        if largest is not None:
            found.add(largest.url, largest.measure(area, is_sized="width" in tag.attributes))
    elif "url(" in value:
        for url in find_css_urls(value):
            found.add(url, area)
    elif is_picture_address(value) and not re.search(r"""["{,]""", value):
        found.add(value.strip(), area)
    elif (
        name in _LAZY
        and tag.name in _READERS
        and tag.name not in {"a", "meta"}
        and re.fullmatch(r"\S+", value)
    ):
        found.add(value, area)
    else:
        for address in find_addresses(value):
            if is_picture_address(address):
                found.add(address, area)


def _read_area(attributes: Mapping[str, str | None]) -> float | None:
    """Return width × height in square pixels, a missing one guessed; None when neither is a number."""
    width, height = (_read_pixels(attributes.get(name)) for name in ("width", "height"))
    if width is not None and height is not None:
        return width * height
    side = width if width is not None else height
    return None if side is None else side * side * 0.75


def _read_pixels(value: str | None) -> float | None:
    match = _NUMBER.fullmatch(value[:32]) if value else None
    return float(match.group(1)) if match else None
