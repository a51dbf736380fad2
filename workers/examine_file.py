"""Examine one file: digests, decoder, index, evidence. Nothing is recorded here.

1. Claim the bytes: the same ones are decoded by one worker at a time, everywhere. Who comes second waits and then
   finds the image.
2. A file that was never seen is decoded in the sandbox and matched. One that stands already is matched by its
   stored fingerprints, and decoded again only if a view is needed and none is kept.
3. The index must not be behind the database; a matcher that fails is never "no match".
4. Not known, and not an icon of a page: encode views from the pixels, seal bytes and views to an identity of their
   own, store them.
"""

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

import psycopg

from hashsets import store as hash_sets
from hashsets.errors import IndexBehindError
from hashsets.model import ALERTING, EntryClass, Fingerprint, HashEntry, Hit, HitKind
from triage.errors import (
    HostilePictureError,
    PictureOverLimitError,
    PictureRefusedError,
    ServerUnavailableError,
)
from triage.ids import new_id
from triage.model import Image, Media
from triage.rules.lanes import is_too_small
from triage.rules.media import SNIFF_BYTES, describe_refusal, sniff_media
from triage.rules.states import ImageState
from triage.sandbox.decoder import OpenedPicture
from triage.steps.record_capture import FileFindings, SealedEvidence
from triage.steps.take_capture import TakenCapture
from triage.store import captures, images
from triage.store.images import NewImage
from triage.store.rows import Connection
from workers.get_bytes import GottenFile
from workers.seal_evidence import seal_evidence
from workers.tools import CaptureTools

_log = logging.getLogger(__name__)


class ClaimedElsewhereError(Exception):
    """Another worker decodes the same bytes just now."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says of a file's bytes before anything is done with them.

    Attributes:
        image: that stands for them, None when they were never seen.
        stored: its fingerprints.
        has_views: whether sealed views of it are kept.
        generation: of the hash sets, when it was asked.
    """

    image: Image | None
    stored: dict[Fingerprint, UUID]
    has_views: bool
    generation: int


@dataclass(frozen=True, slots=True)
class Matched:
    """What fingerprints hit, at which generation, and whether that makes the file known."""

    hits: list[Hit]
    generation: int
    entries: dict[UUID, HashEntry]
    trusted: frozenset[tuple[UUID, EntryClass]]

    @property
    def is_known(self) -> bool:
        """Whether an exact digest of a trusted, alerting class was hit."""
        return any(
            hit.kind is HitKind.EXACT
            and (entry := self.entries.get(hit.entry_id)) is not None
            and entry.entry_class in ALERTING
            and (entry.set_id, entry.entry_class) in self.trusted
            for hit in self.hits
        )


def read_standing(conn: Connection, capture_id: UUID, sha256: bytes) -> Standing:
    """Return what stands for these bytes, and claim them if they must be decoded.

    Raises:
        ClaimedElsewhereError: another worker decodes them now.
    """
    image = images.find_image(conn, sha256)
    if image is None or image.is_undecided:
        try:
            is_ours = captures.claim_bytes(conn, capture_id, sha256)
        except psycopg.errors.UniqueViolation:
            is_ours = False
        if not is_ours:
            raise ClaimedElsewhereError
        image = images.find_image(conn, sha256)  # whoever had the claim before may have stored it
    return Standing(
        image=image,
        stored=images.read_fingerprints(conn, image.id) if image else {},
        has_views=image is not None and images.has_views_kept(conn, image.id),
        generation=hash_sets.read_generation(conn),
    )


def examine_file(
    tools: CaptureTools, taken: TakenCapture, gotten: GottenFile, standing: Standing
) -> FileFindings:
    """Examine a file.

    Raises:
        HotlineError, HashsetsError: something of our own does not work; nothing is known of the file then.
    """
    if standing.image is not None and not standing.image.is_undecided:
        return _examine_again(tools, taken, gotten, standing.image, standing)
    return _examine_new(tools, taken, gotten, standing.generation)


def _match(tools: CaptureTools, fingerprints: list[Fingerprint], *, at_least: int) -> Matched:
    index = tools.index.get(tools.database, at_least=at_least)
    hits = index.search(fingerprints)
    if not hits:
        return Matched([], index.generation, {}, frozenset())

    def read(conn: Connection) -> Matched:
        entries = hash_sets.read_entries(conn, sorted({hit.entry_id for hit in hits}))
        return Matched(hits, index.generation, entries, frozenset(hash_sets.list_trusted(conn)))

    try:
        return tools.database.run(read)
    except psycopg.Error as error:
        raise ServerUnavailableError(f"PostgreSQL failed while matching: {type(error).__name__}") from None


def _open_picture(tools: CaptureTools, taken: TakenCapture, body: bytes, stack: ExitStack) -> OpenedPicture:
    """Open a picture; once more if it took too much, since a busy machine can be the cause."""
    try:
        return stack.enter_context(tools.decoder.open_picture(str(taken.capture_id), body))
    except PictureOverLimitError:
        return stack.enter_context(tools.decoder.open_picture(str(taken.capture_id), body))


def _is_left_out(taken: TakenCapture, picture: OpenedPicture, matched: Matched) -> bool:
    """Whether a picture of a page is an icon or a tracker, so that no view of it is kept."""
    return is_too_small(
        picture.width,
        picture.height,
        is_reported=not taken.may_be_left_out,
        state=ImageState.UNJUDGED,
        has_match=bool(matched.hits),
    )


def _examine_new(
    tools: CaptureTools, taken: TakenCapture, gotten: GottenFile, generation: int
) -> FileFindings:
    media = sniff_media(gotten.body[:SNIFF_BYTES])
    with ExitStack() as stack:
        picture: OpenedPicture | None = None
        finding: str | None = None
        is_undecided = False
        try:
            picture = _open_picture(tools, taken, gotten.body, stack)
            media = Media.PICTURE
        except PictureRefusedError as error:
            finding = _describe_refusal(media, error) if gotten.body else "an empty file"
            is_undecided = isinstance(error, PictureOverLimitError)
        fingerprints = [*gotten.digests, *(picture.fingerprints if picture else ())]
        matched = _match(tools, fingerprints, at_least=generation)
        evidence = None
        if picture is not None and not matched.is_known and not _is_left_out(taken, picture, matched):
            try:
                evidence = seal_evidence(tools, gotten.body, picture)
            except PictureRefusedError as error:
                # What was computed stays, unless it comes from a decoder that was taken over.
                picture, finding = None, _describe_refusal(media, error)
                is_undecided = isinstance(error, PictureOverLimitError)
                if isinstance(error, HostilePictureError):
                    fingerprints = gotten.digests
                    matched = _match(tools, fingerprints, at_least=generation)
        if picture is not None and not picture.is_whole:
            finding = f"an animation: only its first {picture.walked} frames were read"
        image = NewImage(
            id=new_id(),
            sha256=gotten.sha256,
            media=media,
            can_be_shown=picture is not None,
            finding=finding,
            is_undecided=is_undecided,
            bytes=len(gotten.body),
            format=picture.format if picture else None,
            width=picture.width if picture else None,
            height=picture.height if picture else None,
            frames=picture.frames if picture else None,
        )
        return _put_together(image, fingerprints, matched, evidence)


def _describe_refusal(media: Media, error: PictureRefusedError) -> str:
    return describe_refusal(media, str(error), is_hostile=isinstance(error, HostilePictureError))


def _examine_again(
    tools: CaptureTools, taken: TakenCapture, gotten: GottenFile, image: Image, standing: Standing
) -> FileFindings:
    matched = _match(tools, list(standing.stored), at_least=standing.generation)
    evidence = None
    if (
        image.can_be_shown
        and image.state is not ImageState.SETTLED
        and not matched.is_known
        and not standing.has_views
    ):
        try:
            with tools.decoder.open_picture(str(taken.capture_id), gotten.body) as picture:
                if not _is_left_out(taken, picture, matched):
                    evidence = seal_evidence(tools, gotten.body, picture)
        except PictureRefusedError as error:
            _log.warning("image %s could not be decoded again: %s", image.id, error)
    again = NewImage(
        id=image.id,
        sha256=bytes(image.sha256),
        media=image.media,
        can_be_shown=image.can_be_shown,
        finding=image.finding,
        bytes=len(gotten.body),
    )
    return _put_together(again, list(standing.stored), matched, evidence)


def _put_together(
    image: NewImage, fingerprints: list[Fingerprint], matched: Matched, evidence: SealedEvidence | None
) -> FileFindings:
    return FileFindings(
        image=image,
        fingerprints=fingerprints,
        hits=matched.hits,
        generation=matched.generation,
        entries=matched.entries,
        trusted=matched.trusted,
        evidence=evidence,
    )


def check_generation(conn: Connection, file: FileFindings) -> None:
    """Hold the verdicts of the lists still until the commit, and compare their generation.

    Raises:
        IndexBehindError: a list changed after this file was matched.
    """
    hash_sets.share_verdicts(conn)
    if hash_sets.read_generation(conn) != file.generation:
        raise IndexBehindError
