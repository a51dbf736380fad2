"""Capture an item: fetch it, decode it, match it, seal what is new, record it.

1. Take the lease; whoever does not get it leaves.
2. Get the bytes: the fetcher process for a URL, the intake object (opened once, in memory) for an upload.
3. A page yields its pictures as child items. Any other file is digested; a picture goes through the decoder.
4. Match against the index, which must not be behind the database. A matcher that fails is never "no match".
5. Not known: encode views from the pixels, seal bytes and views to an identity of their own, store them.
6. Record it all in one transaction; then delete the intake object and nudge the children.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import psycopg

from hashsets import store as hash_sets
from hashsets.compute import digest_bytes
from hashsets.errors import HashsetsError, IndexBehindError
from hashsets.model import ALERTING, EntryClass, Fingerprint, HashEntry, Hit, HitKind
from triage.clock import utcnow
from triage.crash_points import crash_point
from triage.errors import (
    CaptureFailedError,
    CaptureRefusedError,
    DecoderUnavailableError,
    HostilePictureError,
    KeyMissingError,
    LeaseLostError,
    PictureOverLimitError,
    PictureRefusedError,
    SandboxUnavailableError,
    ServerUnavailableError,
    StaleStateError,
    StorageError,
)
from triage.ids import new_id
from triage.model import Image, Media
from triage.rules.due import CAPTURE_ITEM
from triage.rules.media import SNIFF_BYTES, describe_refusal, sniff_media
from triage.rules.states import ImageState, ItemKind
from triage.sandbox.decoder import OpenedPicture
from triage.steps import record_capture as recording
from triage.steps.record_capture import CaptureFindings, FileFindings, Recorded
from triage.steps.take_capture import TakenCapture, take_capture
from triage.store import captures, images
from triage.store.images import NewImage
from triage.store.rows import Connection
from triage.vault import EVIDENCE, INTAKE
from workers.get_bytes import GottenFile, get_upload, get_url, read_sha256
from workers.seal_evidence import delete_objects, discard_evidence, seal_evidence
from workers.tools import CaptureTools

_log = logging.getLogger(__name__)
_OURS = (
    HashsetsError,
    StorageError,
    KeyMissingError,
    SandboxUnavailableError,
    DecoderUnavailableError,
    ServerUnavailableError,
)
OBSTACLE_WAIT_S = 10.0
LONGEST_OBSTACLE_WAIT_S = 600.0
_RECORD_TRIES = 5


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


def capture_item(tools: CaptureTools, item_id: UUID) -> None:
    """Capture one item; safe to be asked for again at any time."""
    settings = tools.settings
    taken = tools.database.run(
        lambda conn: take_capture(
            conn,
            item_id,
            worker=tools.name,
            now=utcnow(),
            lease_s=settings.capture_lease_s,
            waits_s=settings.retry_waits_s,
        )
    )
    if taken is None:
        return
    try:
        recorded = _capture_or_explain(tools, taken)
    except (LeaseLostError, StaleStateError) as error:
        _log.warning("item %s: %s", item_id, error)
        return
    _tidy_up(tools, recorded)


def _capture_or_explain(tools: CaptureTools, taken: TakenCapture) -> Recorded:
    settings = tools.settings
    try:
        return _capture(tools, taken)
    except CaptureRefusedError as error:
        reason = str(error)
        return _record(
            tools, lambda conn: recording.record_refusal(conn, taken, reason, actor="worker", now=utcnow())
        )
    except CaptureFailedError as error:
        reason = str(error)
        return _record(
            tools,
            lambda conn: recording.record_failure(
                conn, taken, reason, actor="worker", now=utcnow(), waits_s=settings.retry_waits_s
            ),
        )
    except _OURS as error:
        _log.error("item %s could not be captured: %s: %s", taken.item.id, type(error).__name__, error)
        reason = str(error)
        return _record(
            tools,
            lambda conn: recording.record_obstacle(
                conn,
                taken,
                reason,
                now=utcnow(),
                wait_s=_choose_obstacle_wait(captures.count_failures_in_a_row(conn, taken.item.id)),
            ),
        )


def _choose_obstacle_wait(failures: int) -> float:
    """Return the seconds to wait for something of our own that is broken; grows, but never gives up."""
    return min(OBSTACLE_WAIT_S * 2.0 ** min(failures, 10), LONGEST_OBSTACLE_WAIT_S)


def _record(tools: CaptureTools, work: Callable[[Connection], Recorded]) -> Recorded:
    def record(conn: Connection) -> Recorded:
        recorded = work(conn)
        crash_point("before_commit")
        return recorded

    recorded = tools.database.run(record)
    crash_point("after_commit")
    return recorded


def _capture(tools: CaptureTools, taken: TakenCapture) -> Recorded:
    gotten = get_upload(tools, taken) if taken.item.kind is ItemKind.UPLOAD else get_url(tools, taken)
    crash_point("after_fetch")
    if gotten.is_page or not _is_worth_examining(gotten) or _is_page_after_all(tools, taken, gotten):
        findings = CaptureFindings(gotten.facts, pictures=gotten.pictures, reservation=gotten.reservation)
        return _record(tools, partial(_record_findings, tools, taken=taken, findings=findings))
    return _capture_file(tools, taken, gotten)


def _is_worth_examining(gotten: GottenFile) -> bool:
    """Whether a file is examined: always, but for what is not even picture-like in an error's answer."""
    is_error = (gotten.facts.status or 200) >= 400
    return not is_error or sniff_media(gotten.body[:SNIFF_BYTES]) is Media.PICTURE


def _is_page_after_all(tools: CaptureTools, taken: TakenCapture, gotten: GottenFile) -> bool:
    """Whether an answer that calls itself a page and begins like a picture is a page after all.

    It must yield pictures and be broken as one itself; what attacks the decoder or takes too much is a file.
    """
    if not gotten.claims_page or not gotten.pictures:
        return False
    try:
        with tools.decoder.open_picture(str(taken.capture_id), gotten.body):
            return False
    except (HostilePictureError, PictureOverLimitError):
        return False
    except PictureRefusedError:
        return True


def _record_findings(
    tools: CaptureTools, conn: Connection, *, taken: TakenCapture, findings: CaptureFindings
) -> Recorded:
    if findings.file is not None:
        hash_sets.share_verdicts(conn)
        if hash_sets.read_generation(conn) != findings.file.generation:
            raise IndexBehindError
    return recording.record_capture(
        conn,
        taken,
        findings,
        actor="worker",
        now=utcnow(),
        recapture_after_s=tools.settings.recapture_after_s,
    )


# 3. to 5. One file


def _capture_file(tools: CaptureTools, taken: TakenCapture, gotten: GottenFile) -> Recorded:
    digests = digest_bytes(gotten.body)
    sha256 = read_sha256(digests)
    standing, stored = tools.database.run(lambda conn: _read_standing(conn, sha256))
    for attempt in range(_RECORD_TRIES):
        file = (
            _examine_again(tools, taken, gotten, standing, stored)
            if standing is not None and not standing.is_undecided
            else _examine(tools, taken, gotten, digests, sha256)
        )
        findings = CaptureFindings(gotten.facts, file=file)
        try:
            return _record(tools, partial(_record_findings, tools, taken=taken, findings=findings))
        except IndexBehindError:
            # a list changed between the match and the commit: match again, nothing was recorded
            discard_evidence(tools, file.evidence)
            if attempt == _RECORD_TRIES - 1:
                raise
        except (LeaseLostError, StaleStateError):
            discard_evidence(tools, file.evidence)
            raise
    raise IndexBehindError


def _read_standing(conn: Connection, sha256: bytes) -> tuple[Image | None, dict[Fingerprint, UUID]]:
    standing = images.find_image(conn, sha256)
    return standing, images.read_fingerprints(conn, standing.id) if standing else {}


def _match(tools: CaptureTools, fingerprints: list[Fingerprint]) -> Matched:
    def search(conn: Connection) -> Matched:
        index = tools.index.get(conn, at_least=hash_sets.read_generation(conn))
        hits = index.search(fingerprints)
        entries = hash_sets.read_entries(conn, sorted({hit.entry_id for hit in hits}))
        return Matched(hits, index.generation, entries, frozenset(hash_sets.list_trusted(conn)))

    try:
        return tools.database.run(search)
    except psycopg.Error as error:
        raise ServerUnavailableError(f"PostgreSQL failed while matching: {type(error).__name__}") from None


def _open_picture(tools: CaptureTools, taken: TakenCapture, body: bytes, stack: ExitStack) -> OpenedPicture:
    """Open a picture; once more if it took too much, since a busy machine can be the cause."""
    try:
        return stack.enter_context(tools.decoder.open_picture(str(taken.capture_id), body))
    except PictureOverLimitError:
        return stack.enter_context(tools.decoder.open_picture(str(taken.capture_id), body))


def _examine(
    tools: CaptureTools,
    taken: TakenCapture,
    gotten: GottenFile,
    digests: list[Fingerprint],
    sha256: bytes,
) -> FileFindings:
    """Examine a file that was never seen before."""
    media = sniff_media(gotten.body[:SNIFF_BYTES])
    with ExitStack() as stack:
        picture: OpenedPicture | None = None
        finding: str | None = None
        is_undecided = False
        try:
            picture = _open_picture(tools, taken, gotten.body, stack)
            media = Media.PICTURE
        except PictureRefusedError as error:
            finding = _describe_refusal(media, error)
            is_undecided = isinstance(error, PictureOverLimitError)
            if not gotten.body:
                finding = "an empty file"
        fingerprints = [*digests, *(picture.fingerprints if picture else ())]
        matched = _match(tools, fingerprints)
        evidence = None
        if picture is not None and not matched.is_known:
            try:
                evidence = seal_evidence(tools, gotten.body, picture)
            except PictureRefusedError as error:
                # What was computed stays, unless it comes from a decoder that was taken over.
                picture, finding = None, _describe_refusal(media, error)
                is_undecided = isinstance(error, PictureOverLimitError)
                if isinstance(error, HostilePictureError):
                    fingerprints = digests
                    matched = _match(tools, fingerprints)
        return FileFindings(
            image=NewImage(
                id=new_id(),
                sha256=sha256,
                media=media,
                can_be_shown=picture is not None,
                finding=finding,
                is_undecided=is_undecided,
                bytes=len(gotten.body),
                format=picture.format if picture else None,
                width=picture.width if picture else None,
                height=picture.height if picture else None,
                frames=picture.frames if picture else None,
            ),
            fingerprints=fingerprints,
            hits=matched.hits,
            generation=matched.generation,
            entries=matched.entries,
            trusted=matched.trusted,
            evidence=evidence,
        )


def _describe_refusal(media: Media, error: PictureRefusedError) -> str:
    return describe_refusal(media, str(error), is_hostile=isinstance(error, HostilePictureError))


def _examine_again(
    tools: CaptureTools,
    taken: TakenCapture,
    gotten: GottenFile,
    standing: Image,
    stored: dict[Fingerprint, UUID],
) -> FileFindings:
    """Match a file whose bytes were seen before; it is decoded again only if a view is needed and none is kept."""
    matched = _match(tools, list(stored))
    has_views = tools.database.run(lambda conn: images.has_views_kept(conn, standing.id))
    evidence = None
    if (
        standing.can_be_shown
        and standing.state is not ImageState.SETTLED
        and not matched.is_known
        and not has_views
    ):
        try:
            with tools.decoder.open_picture(str(taken.capture_id), gotten.body) as picture:
                evidence = seal_evidence(tools, gotten.body, picture)
        except PictureRefusedError as error:
            _log.warning("image %s could not be decoded again: %s", standing.id, error)
    return FileFindings(
        image=NewImage(
            id=standing.id,
            sha256=bytes(standing.sha256),
            media=standing.media,
            can_be_shown=standing.can_be_shown,
            finding=standing.finding,
            bytes=len(gotten.body),
        ),
        fingerprints=list(stored),
        hits=matched.hits,
        generation=matched.generation,
        entries=matched.entries,
        trusted=matched.trusted,
        evidence=evidence,
    )


# 6. After the commit


def _tidy_up(tools: CaptureTools, recorded: Recorded) -> None:
    delete_objects(tools, EVIDENCE, recorded.unused)
    if recorded.consumed and delete_objects(tools, INTAKE, recorded.consumed):
        tools.database.run(lambda conn: captures.mark_intake_deleted(conn, recorded.consumed, now=utcnow()))
    for item_id in recorded.due:
        if not tools.queue.nudge(CAPTURE_ITEM, item_id):
            return  # Redis is away; the sweep nudges what is due
