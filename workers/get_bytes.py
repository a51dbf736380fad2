"""Get the bytes of an item: from the fetcher process for a URL, from its intake object for an upload."""

from dataclasses import dataclass

from hashsets.compute import digest_bytes
from hashsets.model import Algorithm, Fingerprint
from triage.errors import CaptureFailedError, CaptureRefusedError, InvalidUrlError, ObjectMissingError
from triage.model import Media
from triage.rules.lanes import PAGE_BEHIND_PAGE, PAGE_CUT
from triage.rules.media import SNIFF_BYTES, is_page, sniff_media
from triage.rules.urls import NormalUrl, normalise_link
from triage.steps.take_capture import TakenCapture
from triage.store import captures
from triage.store.captures import CaptureFacts, Hop
from triage.vault import INTAKE, unseal
from workers.tools import CaptureTools


@dataclass(frozen=True, slots=True)
class GottenFile:
    """The bytes of an item and how they were got.

    Attributes:
        pictures: those of a page.
        reservation: why not all of them were looked for.
        claims_page: it calls itself a page and begins like something else.
    """

    body: bytes
    facts: CaptureFacts
    pictures: tuple[NormalUrl, ...] = ()
    is_page: bool = False
    reservation: str | None = None
    claims_page: bool = False


def get_url(tools: CaptureTools, taken: TakenCapture) -> GottenFile:
    """Fetch an address.

    Raises:
        CaptureRefusedError, CaptureFailedError: policy refused it, or it failed for a reason that may pass.
    """
    url = taken.item.url
    if url is None:
        raise CaptureRefusedError("the item has no address")
    fetched = tools.fetcher.fetch(str(taken.capture_id), url)
    digest = digest_bytes(fetched.body)
    facts = CaptureFacts(
        final_url=fetched.final_url,
        status=fetched.status,
        hops=[Hop(hop.url, hop.status, hop.address) for hop in fetched.hops],
        content_type=fetched.content_type,
        size=len(fetched.body),
        sha256=read_sha256(digest),
        elapsed_ms=fetched.elapsed_ms,
    )
    # Many a server calls its pictures text/html; an <img> shows them all the same.
    claims_page = fetched.is_page or is_page(fetched.content_type)
    looks_like_page = claims_page and sniff_media(fetched.body[:SNIFF_BYTES]) is Media.OTHER
    pictures = []
    # Only the pictures of a reported page become items: a page behind a page would lead on for ever.
    if claims_page and fetched.status < 400 and taken.item.is_top_level:
        for link in fetched.pictures[: tools.settings.page_max_children]:
            try:
                pictures.append(normalise_link(link))
            except InvalidUrlError:
                continue  # a link that is no address is not a picture
    reservation = None
    if claims_page and not taken.item.is_top_level:
        reservation = PAGE_BEHIND_PAGE
    elif claims_page and not fetched.is_page_read:
        reservation = PAGE_CUT
    return GottenFile(
        body=fetched.body,
        facts=facts,
        pictures=tuple(pictures),
        is_page=looks_like_page,
        reservation=reservation if looks_like_page else None,
        claims_page=claims_page and not looks_like_page,
    )


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
        raise CaptureFailedError(
            "the uploaded file is missing from the store, or sealed to another key"
        ) from None
    digest = digest_bytes(body)
    return GottenFile(body, CaptureFacts(size=len(body), sha256=read_sha256(digest)))


def read_sha256(digests: list[Fingerprint]) -> bytes:
    """Return the SHA-256 among the digests of a file, 32 bytes."""
    return next(bytes.fromhex(one.value) for one in digests if one.algorithm == Algorithm.SHA256)
