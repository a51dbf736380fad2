"""Get the bytes of an item: from the fetcher process for a URL, from its intake object for an upload.

1. A fetch is ordered as its lease says: by which way out, kept apart from other reports, shown by which page.
2. What answers is judged: an answer that stands for a failure, what kind of page it is, what the page holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hashsets.compute import digest_bytes
from hashsets.model import Algorithm, Fingerprint
from triage.clock import utcnow
from triage.errors import CaptureFailedError, CaptureRefusedError, InvalidUrlError, ObjectMissingError
from triage.model import Media
from triage.rules.fetch_failures import FAILURES, FetchFailure, find_by_status, read_retry_after
from triage.rules.lanes import PAGE_BEHIND_PAGE, PAGE_CUT
from triage.rules.media import SNIFF_BYTES, is_page, sniff_media
from triage.rules.page_kinds import PageKind, judge_answer, judge_page
from triage.rules.urls import NormalUrl, normalise_link
from triage.steps.take_capture import TakenCapture
from triage.store import captures
from triage.store.captures import CaptureFacts, Hop
from triage.vault import INTAKE, unseal
from workers.fetcher.door import FetchedFile
from workers.fetcher.wire import FetchOrder
from workers.fetcher.wire import Hop as FetchedHop
from workers.tools import CaptureTools


@dataclass(frozen=True, slots=True)
class AnsweredFailure:
    """An answer that stands for a failure which may pass: a server's own error, or one that asks us to wait."""

    failure: FetchFailure
    retry_after_s: float | None


@dataclass(frozen=True, slots=True)
class GottenFile:
    """The bytes of an item and how they were got.

    Attributes:
        digests: MD5, SHA-1 and SHA-256 of the body.
        pictures: those of a page, best first.
        embedded: pictures that the page carries in its own text.
        left: pictures of the page that were found and not taken.
        reservation: why not all of them were looked for.
        claims_page: it calls itself a page and begins like something else.
        answered_failure: the answer is no answer, but may become one.
    """

    body: bytes
    facts: CaptureFacts
    digests: list[Fingerprint]
    pictures: tuple[NormalUrl, ...] = ()
    embedded: tuple[bytes, ...] = ()
    left: int = 0
    is_page: bool = False
    reservation: str | None = None
    claims_page: bool = False
    answered_failure: AnsweredFailure | None = None

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the body, 32 bytes."""
        return read_sha256(self.digests)


def get_url(tools: CaptureTools, taken: TakenCapture) -> GottenFile:
    """Fetch an address.

    Raises:
        CaptureRefusedError, CaptureFailedError: policy refused it, or it failed for a reason that may pass.
    """
    item = taken.item
    if item.url is None:
        raise CaptureRefusedError("the item has no address")
    # Only the pictures of a reported page become items: a page behind a page would lead on for ever.
    order = FetchOrder(
        item.url, taken.exit_name, taken.isolation, taken.referer, wants_page=item.is_top_level
    )
    fetched = tools.fetcher.fetch(str(taken.capture_id), order)
    digests = digest_bytes(fetched.body)
    media = sniff_media(fetched.body[:SNIFF_BYTES])
    # Many a server calls its pictures text/html; an <img> shows them all the same.
    claims_page = fetched.page is not None or is_page(fetched.content_type)
    looks_like_page = claims_page and media is Media.OTHER
    kind = _judge_kind(fetched, item.url) if media is Media.OTHER else None
    pictures, embedded, found = _read_page(tools, fetched)
    reservation = None
    if claims_page and not item.is_top_level:
        reservation = PAGE_BEHIND_PAGE
    elif claims_page and fetched.status < 400 and (fetched.page is None or not fetched.page.is_complete):
        reservation = PAGE_CUT
    return GottenFile(
        body=fetched.body,
        facts=CaptureFacts(
            final_url=fetched.final_url,
            status=fetched.status,
            hops=_copy_hops((*fetched.hops, *fetched.frame_hops)),
            content_type=fetched.content_type,
            size=len(fetched.body),
            sha256=read_sha256(digests),
            elapsed_ms=fetched.elapsed_ms,
            page_kind=kind.value if kind else None,
            pictures_found=found if looks_like_page else None,
            exit_name=fetched.exit_name,
        ),
        digests=digests,
        pictures=pictures,
        embedded=embedded,
        left=max(0, found - len(pictures) - len(embedded)) if looks_like_page else 0,
        is_page=looks_like_page,
        reservation=reservation if looks_like_page else None,
        claims_page=claims_page and not looks_like_page,
        answered_failure=_find_failure(fetched, kind) if media is Media.OTHER else None,
    )


def describe_way(hops: Sequence[FetchedHop]) -> CaptureFacts | None:
    """Return what is known of a fetch that came to no answer: what answered on the way; None when nothing did."""
    if not hops:
        return None
    last = hops[-1]
    return CaptureFacts(
        final_url=last.url, status=last.status, hops=_copy_hops(hops), exit_name=last.exit_name
    )


def _copy_hops(hops: Sequence[FetchedHop]) -> list[Hop]:
    return [Hop(**{name: getattr(hop, name) for name in Hop.__slots__}) for hop in hops]


def _judge_kind(fetched: FetchedFile, asked_url: str) -> PageKind | None:
    if fetched.page is None:
        return judge_answer(fetched.status)
    return judge_page(
        fetched.page.facts, status=fetched.status, asked_url=asked_url, final_url=fetched.final_url
    )


def _read_page(
    tools: CaptureTools, fetched: FetchedFile
) -> tuple[tuple[NormalUrl, ...], tuple[bytes, ...], int]:
    """Return the pictures of a page with an address, those inside its text, and how many were found in all."""
    page = fetched.page
    if page is None or fetched.status >= 400:
        return (), (), 0
    embedded = page.embedded[: tools.settings.page_max_children]
    pictures = []
    for link in page.pictures[: tools.settings.page_max_children - len(embedded)]:
        try:
            pictures.append(normalise_link(link))
        except InvalidUrlError:
            continue  # a link that is no address is not a picture
    return tuple(pictures), embedded, page.found


def _find_failure(fetched: FetchedFile, kind: PageKind | None) -> AnsweredFailure | None:
    """Return what an answer stands for; a page that is of a kind is an answer, whatever its status."""
    failure = find_by_status(fetched.status) if kind is None else None
    if failure is None:
        return None
    return AnsweredFailure(failure, read_retry_after(dict(fetched.hops[-1].headers), utcnow()))


def get_upload(tools: CaptureTools, taken: TakenCapture) -> GottenFile:
    """Open an upload, in memory.

    Raises:
        CaptureRefusedError, CaptureFailedError: it was deleted before, or is missing from the store.
        StorageError: the store cannot be read.
    """
    upload = tools.database.run(lambda conn: captures.find_intake_object(conn, taken.item.id))
    if upload is None:
        raise CaptureRefusedError("the uploaded file was already deleted")
    try:
        body = unseal(tools.vault.get(INTAKE, upload.name), tools.intake_identity)
    except ObjectMissingError:  # tried again later, and in the end a person is told: no obstacle that passes
        missing = FetchFailure.UPLOAD_MISSING
        raise CaptureFailedError(FAILURES[missing].words, failure=missing) from None
    digests = digest_bytes(body)
    return GottenFile(body, CaptureFacts(size=len(body), sha256=read_sha256(digests)), digests)


def read_sha256(digests: list[Fingerprint]) -> bytes:
    """Return the SHA-256 among the digests of a file, 32 bytes."""
    return next(bytes.fromhex(one.value) for one in digests if one.algorithm == Algorithm.SHA256)
