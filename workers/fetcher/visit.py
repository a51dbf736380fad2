"""One visit: an answer, and if it is a page, what it and its frames hold.

1. The page is read. Where it asks a browser to go on within five seconds (its `Refresh` header, or `meta refresh`),
   that page is fetched as one more hop and read too; the pictures of the page left behind are kept.
2. The frames of all these pages are fetched with their page as referer and read, one level deep, each address once.
3. All is joined: the last page's own first, then what was left behind, then the frames in their order.

What goes wrong on the way never loses what was found before; `is_complete` then says that a person must look.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from triage.errors import CaptureFailedError, CaptureRefusedError, InvalidUrlError
from triage.rules.fetch_failures import FetchFailure
from triage.rules.urls import resolve_link
from workers.fetcher.client import Answer
from workers.fetcher.data_urls import MAX_ALL_EMBEDDED_BYTES
from workers.fetcher.page import MAX_FOUND, PageFound, is_page, read_page
from workers.fetcher.refresh import Refresh, read_refresh
from workers.fetcher.wire import FetchLimits, Hop

MAX_REFRESH_WAIT_S = 5.0
MAX_FRAME_BYTES = 32 << 20  # of all frames of one page
MAX_READING_S = 4.0  # for all pages of one visit; a single one is bounded by what it holds


class Fetch(Protocol):
    """Fetches one address with its redirects, within the deadline of the whole visit."""

    async def __call__(self, url: str, *, referer: str, led_by: str) -> Answer:
        """Return what the address answers.

        Args:
            url: in normal form.
            referer: normal URL of the page that led here; empty without one.
            led_by: refresh or frame.

        Raises:
            CaptureRefusedError, CaptureFailedError: as of any fetch.
        """


@dataclass(frozen=True, slots=True)
class Visit:
    """What one visit brought.

    Attributes:
        answer: the last one; its hops begin with those of the first.
        page: what it and its frames hold; None when it is no page.
        frame_hops: the answers of frames in their order, at most as many as frames are read.
    """

    answer: Answer
    page: PageFound | None
    frame_hops: tuple[Hop, ...] = ()


@dataclass(slots=True)
class _Frames:
    """What the frames of a visit brought."""

    found: list[PageFound] = field(default_factory=list)
    hops: list[Hop] = field(default_factory=list)
    is_any_missing: bool = False


class _Reader:
    """Reads pages, until they have taken enough time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left_s = MAX_READING_S

    @property
    def is_spent(self) -> bool:
        return self._left_s <= 0

    def read(self, answer: Answer) -> PageFound:
        if not _is_page(answer):
            return PageFound()
        started = time.monotonic()
        try:
            return read_page(
                answer.body, answer.hops[-1].url, content_type=answer.content_type, most=self._most
            )
        finally:
            self._left_s -= time.monotonic() - started


def leads_on(answer: Answer) -> bool:
    """Say whether there is something to visit behind an answer: it is a page, or sends its reader on to one."""
    if _is_page(answer):
        return True
    return not _is_shown(answer) and _resolve_refresh(answer) is not None


async def visit(first: Answer, limits: FetchLimits, fetch: Fetch) -> Visit:
    """Read what an answer holds, with the pages that it leads to.

    Args:
        first: the answer to the address that was ordered.
        limits: `max_pictures`, `max_frames` and `max_redirects`.
        fetch: gets further addresses.
    """
    if not leads_on(first):
        return Visit(first, None)
    reader = _Reader(limits.max_pictures)
    page = reader.read(first)
    if not _is_good(first):
        # The page of an error is read for its words only: its pictures are not what was reported.
        facts_only = PageFound(is_complete=page.is_complete, facts=page.facts)
        return Visit(first, facts_only)
    answer = first
    behind: list[PageFound] = []
    framed: list[tuple[str, str]] = []
    while (target := _find_refresh(answer, page)) is not None:
        outcome = await _follow_refresh(answer, target, limits, fetch)
        if isinstance(outcome, PageFound):
            behind.append(outcome)
            break
        behind.append(page)
        framed = [(url, answer.hops[-1].url) for url in page.frames] + framed
        answer = outcome
        page = reader.read(answer)
        if reader.is_spent:
            page = replace(page, is_complete=False)
            break
    if _goes_on_later(answer, page):
        page = replace(page, is_complete=False)
    framed = [(url, answer.hops[-1].url) for url in page.frames] + framed
    seen = {hop.url for hop in answer.hops}
    frames = await _read_frames(framed, seen, limits, fetch, reader)
    if frames.is_any_missing:
        page = replace(page, is_complete=False)
    joined = _join([page, *behind, *frames.found], limits.max_pictures)
    return Visit(answer, joined, tuple(frames.hops[: limits.max_frames]))


def _find_refresh(answer: Answer, page: PageFound) -> str | None:
    """Return where a page sends its reader; None when it only loads itself anew, or goes round in a circle."""
    for refresh in (_resolve_refresh(answer), page.refresh):
        if refresh is not None and refresh.seconds <= MAX_REFRESH_WAIT_S and _is_new(answer, refresh):
            return refresh.reference
    return None


def _goes_on_later(answer: Answer, page: PageFound) -> bool:
    """Say whether a page sends its reader on after a wait that is not waited for here."""
    both = (_resolve_refresh(answer), page.refresh)
    return any(one is not None and one.seconds > MAX_REFRESH_WAIT_S and _is_new(answer, one) for one in both)


def _is_new(answer: Answer, refresh: Refresh) -> bool:
    return all(hop.url != refresh.reference for hop in answer.hops)


def _resolve_refresh(answer: Answer) -> Refresh | None:
    """Return what the Refresh header says, by normal URL; None where it leads nowhere."""
    refresh = read_refresh(answer.refresh)
    if refresh is None or not refresh.reference:
        return None
    try:
        return Refresh(refresh.seconds, resolve_link(answer.hops[-1].url, refresh.reference).url)
    except InvalidUrlError:
        return None


async def _follow_refresh(
    answer: Answer, target: str, limits: FetchLimits, fetch: Fetch
) -> Answer | PageFound:
    """Fetch the page that another one leads to.

    Returns:
        The answer with all hops so far; or what the page is told to hold besides, when no page answered.
    """
    lost = PageFound(is_complete=False)
    if len(answer.hops) > limits.max_redirects:
        return lost
    try:
        after = await fetch(target, referer=answer.hops[-1].url, led_by="refresh")
    except (CaptureRefusedError, CaptureFailedError):
        return lost
    hops = (*answer.hops, *after.hops)
    if not _is_good(after) or len(hops) > limits.max_redirects + 1:
        return lost
    if not leads_on(after):
        # A file: the page that leads there is what was reported, and the file one of its pictures.
        return PageFound(pictures=(after.hops[-1].url,), found=1) if _is_file(after) else lost
    return replace(after, hops=hops, elapsed_ms=answer.elapsed_ms + after.elapsed_ms)


async def _read_frames(
    framed: Iterable[tuple[str, str]], seen: set[str], limits: FetchLimits, fetch: Fetch, reader: _Reader
) -> _Frames:
    """Read the frames of pages.

    Args:
        framed: each frame's URL, and the URL of the page that shows it.
        seen: addresses that were read before.
        limits, fetch, reader: as of the visit.

    Returns:
        What came; where a frame fails, has frames of its own, or there was no room for it, something is missing.
    """
    frames = _Frames()
    deeper: set[str] = set()
    bytes_left = MAX_FRAME_BYTES
    fetched = 0
    for url, shown_by in framed:
        if url in seen:
            continue
        seen.add(url)
        if fetched >= limits.max_frames or bytes_left <= 0 or reader.is_spent:
            frames.is_any_missing = True
            break
        fetched += 1
        try:
            inner = await fetch(url, referer=shown_by, led_by="frame")
        except (CaptureFailedError, CaptureRefusedError) as error:
            frames.is_any_missing = True
            if isinstance(error, CaptureFailedError) and error.failure == FetchFailure.OUT_OF_TIME:
                break
            continue
        frames.hops += [replace(hop, led_by="frame") for hop in inner.hops]
        bytes_left -= len(inner.body)
        last = inner.hops[-1].url
        if last != url and last in seen:
            continue
        seen.add(last)
        if not _is_good(inner):
            frames.is_any_missing = True
        elif leads_on(inner):
            page = reader.read(inner)
            frames.found.append(page)
            deeper.update(page.frames)
            deeper.update(one.reference for one in (_resolve_refresh(inner), page.refresh) if one is not None)
        elif _is_file(inner):
            frames.found.append(PageFound(pictures=(last,), found=1))
    frames.is_any_missing |= not deeper <= seen
    return frames


def _is_page(answer: Answer) -> bool:
    return is_page(answer.hops[-1].content_type, answer.body)


def _is_shown(answer: Answer) -> bool:
    return answer.hops[-1].content_type.startswith(("image/", "video/"))


def _is_file(answer: Answer) -> bool:
    """Say whether an answer may be a picture or video: by its type, or when it names none that says otherwise."""
    return _is_shown(answer) or answer.hops[-1].content_type in {"", "application/octet-stream"}


def _is_good(answer: Answer) -> bool:
    """Say whether what answered is shown as what was asked for; a redirect without a target is."""
    return 200 <= answer.hops[-1].status < 400


def _join(pages: list[PageFound], most: int) -> PageFound:
    """Join what several pages hold: all of the first before the second; facts of the first, with all pictures."""
    pictures: dict[str, None] = {}
    embedded: dict[bytes, None] = {}
    bytes_left = MAX_ALL_EMBEDDED_BYTES
    not_taken = 0
    is_complete = all(one.is_complete for one in pages)
    for one in pages:
        not_taken += one.found - len(one.pictures) - len(one.embedded)
        room = most - len(pictures) - len(embedded)
        new = [url for url in one.pictures if url not in pictures]
        pictures.update(dict.fromkeys(new[:room]))
        files = [data for data in dict.fromkeys(one.embedded) if data not in embedded]
        for data in files[: max(0, room - len(new))]:
            if len(data) > bytes_left:
                is_complete = False
                continue
            bytes_left -= len(data)
            embedded[data] = None
        not_taken += max(0, len(new) + len(files) - room)
    found = min(len(pictures) + len(embedded) + not_taken, MAX_FOUND)
    return replace(
        pages[0],
        pictures=tuple(pictures),
        embedded=tuple(embedded),
        found=found,
        is_complete=is_complete,
        facts=replace(pages[0].facts, pictures=found),
    )
