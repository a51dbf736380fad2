"""What an HTML page holds. Runs inside the locked fetcher only: a page is a stranger's text.

1. `decode_page` makes text of its first 32 MiB, `scan_page` finds tags and texts, `collect_sources` what they name.
2. The pages that frames carry inside (`srcdoc`, `data:`) are read the same way, one level deep.
3. References become normal URLs, each once; `data:` URLs become bytes.
4. The page's own site comes first, then the largest by what the page promises, then the order of the page.

Nothing here is slow in any input (`tests/security/test_hostile_pages.py`), and nothing is imported or opened after
`warm_up`.
"""

import hashlib
import re
from dataclasses import dataclass, field

from triage.errors import InvalidUrlError
from triage.rules.page_kinds import PageFacts
from triage.rules.sites import find_site
from triage.rules.urls import MAX_URL_BYTES, resolve_link, split_url
from workers.fetcher import page_text
from workers.fetcher.data_urls import (
    MAX_ALL_EMBEDDED_BYTES,
    MAX_ESCAPES,
    is_data_url,
    is_too_long,
    read_data_url,
)
from workers.fetcher.page_facts import gather_facts
from workers.fetcher.page_sources import PageSources, Source, collect_sources
from workers.fetcher.page_tags import PageTags, scan_page
from workers.fetcher.refresh import Refresh

MAX_PAGE_BYTES = 32 << 20
MAX_FOUND = 20_000
MAX_RESOLVED_CHARACTERS = 2 << 20
MAX_INNER_PAGES = 50
MAX_FRAMES_FOUND = 200

_XML_TYPES = frozenset({"application/xhtml+xml", "application/xml", "text/xml"})
PAGE_TYPES = _XML_TYPES | {"text/html"}
_NO_TYPES = frozenset({"", "application/unknown", "unknown/unknown"})  # a browser then looks at the bytes
_BEGINS_WITH_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<[a-zA-Z!?]")
_OTHER_SCHEME = re.compile(r"\s*(?!https?:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PageFound:
    """What a page holds.

    Attributes:
        pictures: normal URLs of pictures and videos, best first; with `embedded` at most as many as were asked for.
        embedded: distinct files that the page carries itself, best first, at most 16 MiB each and 32 MiB in all.
        found: distinct pictures and videos, taken or not; at most 20,000 are counted.
        is_complete: False when a cap on size or number ended the reading, so that something may be missing.
        frames: normal URLs of frames, in the order of the page.
        refresh: the page that it asks a browser to go to, by its normal URL.
        facts: what tells its kind.
    """

    pictures: tuple[str, ...] = ()
    embedded: tuple[bytes, ...] = ()
    found: int = 0
    is_complete: bool = True
    frames: tuple[str, ...] = ()
    refresh: Refresh | None = None
    facts: PageFacts = field(default_factory=PageFacts)


@dataclass(slots=True)
class _Picture:
    """One distinct picture: a URL or bytes, and what decides its place."""

    place: int
    area: float
    url: str = ""
    data: bytes = b""
    is_elsewhere: bool = False


class _Resolver:
    """Makes normal URLs of a page's references, within a budget: a page can hold more text than it has addresses."""

    def __init__(self, url: str, base: str | None) -> None:
        self._known: dict[str, str | None] = {}
        self._base = url
        self._left = MAX_RESOLVED_CHARACTERS
        self._is_any_too_long = False
        if base is not None:
            self._base = self.resolve(base) or url
            self._known.clear()

    def resolve(self, reference: str) -> str | None:
        """Return the normal URL, None when it is none or the budget is spent."""
        if reference not in self._known:
            # The base counts too: it is joined to every relative reference.
            self._left -= len(reference) + len(self._base)
            if self._left < 0:
                return None
            try:
                self._known[reference] = resolve_link(self._base, reference).url
            except InvalidUrlError:
                self._known[reference] = None
                # Browsers open longer addresses than an item can have.
                is_long = len(reference) + len(self._base) > MAX_URL_BYTES
                self._is_any_too_long |= is_long and not _OTHER_SCHEME.match(reference)
        return self._known[reference]

    @property
    def is_whole(self) -> bool:
        """Whether everything was resolved that leads anywhere."""
        return self._left >= 0 and not self._is_any_too_long


def warm_up() -> None:
    """Do once all that would import or open something at its first use."""
    page_text.warm_up()
    sample = (
        "<title>ë &euml;</title><img src='//ë.example/é'><img src='data:image/gif;base64,AA==' srcset='a 2x'>"
    )
    read_page(sample.encode(), "http://www.photos.example/", content_type="text/html; charset=utf-8", most=9)


def is_page(content_type: str, body: bytes) -> bool:
    """Say whether an answer is an HTML page: by its type, or by its first bytes when it names none."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in _NO_TYPES:
        return media_type in PAGE_TYPES
    return _BEGINS_WITH_MARKUP.match(body[:512]) is not None


def read_page(html: bytes, url: str, *, content_type: str = "", most: int) -> PageFound:
    """Read what a page holds.

    Args:
        html: the page; its first 32 MiB are read.
        url: its normal URL; a `base` element is followed.
        content_type: the header with its parameters.
        most: most pictures that are taken, those inside the page included.
    """
    is_xml = content_type.partition(";")[0].strip().lower() in _XML_TYPES
    page = scan_page(page_text.decode_page(html[:MAX_PAGE_BYTES], content_type), is_xml=is_xml)
    named = collect_sources(page)
    resolver = _Resolver(url, named.base)
    is_complete = named.is_complete and len(html) <= MAX_PAGE_BYTES
    is_complete = _add_inner_pages(page, named) and is_complete
    pictures, is_whole = _list_distinct(named.sources, resolver, url)
    ordered = sorted(pictures, key=lambda one: (one.is_elsewhere, -one.area, one.place))
    taken = ordered[: max(0, most)]
    frames = dict.fromkeys(filter(None, (resolver.resolve(one) for one in named.frames[:MAX_FRAMES_FOUND])))
    refresh = named.refresh
    target = resolver.resolve(refresh.reference) if refresh is not None and refresh.reference else None
    return PageFound(
        pictures=tuple(one.url for one in taken if one.url),
        embedded=tuple(one.data for one in taken if one.data),
        found=len(pictures),
        is_complete=is_complete and is_whole and resolver.is_whole and len(named.frames) <= MAX_FRAMES_FOUND,
        frames=tuple(frames),
        refresh=Refresh(refresh.seconds, target) if refresh is not None and target else None,
        facts=gather_facts(page, split_url(url).host, len(pictures)),
    )


def _add_inner_pages(page: PageTags, named: PageSources) -> bool:
    """Join what the pages inside frames hold to the page's own; say whether all of it could be read."""
    is_complete = len(named.inner_pages) <= MAX_INNER_PAGES
    for text in named.inner_pages[:MAX_INNER_PAGES]:
        if not named.spend(text):
            break
        inner = scan_page(text)
        found = collect_sources(inner)
        named.sources += found.sources
        named.frames += found.frames
        # What lies deeper, or is relative to another address, is not looked for.
        is_complete &= found.is_complete and found.base is None and not (found.inner_pages or found.refresh)
        page.tags += inner.tags
        page.texts += inner.texts
        page.scripts += inner.scripts
    return is_complete and named.is_complete


def _list_distinct(sources: list[Source], resolver: _Resolver, own: str) -> tuple[list[_Picture], bool]:
    """Return each picture once, with the largest area promised for it; and whether all could be looked at."""
    site = find_site(split_url(own).host)
    found: dict[str, _Picture] = {}
    embedded_left = MAX_ALL_EMBEDDED_BYTES
    escapes_left = MAX_ESCAPES
    is_whole = True
    for place, source in enumerate(sources):
        if len(found) >= MAX_FOUND:
            return list(found.values()), False
        if is_data_url(source.reference):
            escapes_left -= source.reference.count("%")
            if escapes_left < 0:
                is_whole = False
                continue
            data = read_data_url(source.reference, is_shown=source.is_shown)
            if data is None:
                is_whole &= not is_too_long(source.reference)
                continue
            key = "data:" + hashlib.sha256(data).hexdigest()
            # Stand-ins of a few bytes must not crowd out pictures, whatever size they are stretched to.
            picture = _Picture(place, min(source.area, 8.0 * len(data)), data=data)
        else:
            url = resolver.resolve(source.reference)
            if url is None or url == own:
                continue
            key = url
            picture = _Picture(place, source.area, url=url)
        if key in found:
            found[key].area = max(found[key].area, picture.area)
            continue
        if len(picture.data) > embedded_left:
            is_whole = False
            continue
        embedded_left -= len(picture.data)
        picture.is_elsewhere = not picture.data and find_site(split_url(picture.url).host) != site
        found[key] = picture
    return list(found.values()), is_whole
