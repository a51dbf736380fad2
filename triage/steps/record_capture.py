"""Record what a capture found: one transaction from `received` to the lane in which a person finds it.

1. End the capture; if somebody ended it before, everything here rolls back (LeaseLostError).
2. Store the file's image, fingerprints, matches and sealed evidence, or link the image that stands already.
3. A page's pictures become child items, those that it carries in its own text too (`keep_pictures.py`).
4. Place the item in its lane by what it shows, and its pages by their pictures.
5. Append custody events: what matched, and that nothing matched is a record too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hashsets.model import EntryClass, Fingerprint, HashEntry, Hit
from triage.errors import StaleStateError
from triage.model import EvidenceKind, EvidenceObject
from triage.rules.due import SitePace, choose_wait
from triage.rules.fetch_failures import FAILURES, FetchFailure
from triage.rules.lanes import describe_left, place_by_failure
from triage.rules.states import CaptureOutcome
from triage.rules.turns import note_failure
from triage.rules.urls import NormalUrl
from triage.steps.keep_pictures import EmbeddedFile as EmbeddedFile
from triage.steps.keep_pictures import KeptPictures, keep_pictures
from triage.steps.place_item import place_captured, refresh_items
from triage.steps.record_matches import record_matches
from triage.steps.take_capture import TakenCapture, find_site_of
from triage.store import captures, custody, evidence, host_turns, images, items, next_captures
from triage.store.captures import CaptureFacts
from triage.store.custody import Body, NewEvent, stream_of
from triage.store.images import NewImage
from triage.store.rows import Connection
from triage.vault import ImageSeal


@dataclass(frozen=True, slots=True)
class SealedEvidence:
    """What was sealed of one image and stored before this transaction."""

    seal: ImageSeal
    objects: Mapping[EvidenceKind, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class FileFindings:
    """What one file turned out to be.

    Attributes:
        image: facts of the file; its id is used only if its bytes were never seen before.
        fingerprints: all of them, digests included.
        hits: what they hit in the index.
        generation: generation of that index.
        entries: the live entries that were hit, by id.
        trusted: (set, class) pairs that are trusted.
        evidence: sealed objects, None for a known image or one that cannot be shown.
    """

    image: NewImage
    fingerprints: Sequence[Fingerprint]
    hits: Sequence[Hit]
    generation: int
    entries: Mapping[UUID, HashEntry]
    trusted: frozenset[tuple[UUID, EntryClass]]
    evidence: SealedEvidence | None = None


@dataclass(frozen=True, slots=True)
class CaptureFindings:
    """What a capture found: facts of the fetch, and either a file or a page's pictures.

    Attributes:
        pictures: addresses of a page's pictures, best first.
        embedded: pictures that a page carries inside its own text, sealed and stored already.
        left: pictures of a page that were found and not taken.
        reservation: why a page's pictures were not all looked for.
    """

    facts: CaptureFacts
    file: FileFindings | None = None
    pictures: Sequence[NormalUrl] = ()
    embedded: Sequence[EmbeddedFile] = ()
    left: int = 0
    reservation: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the caller does after the commit.

    Attributes:
        due: items to nudge; those that wait behind all others are left to the sweep.
        consumed: intake objects to delete from the store.
        unused: evidence objects that were stored for nothing, to be deleted from the store.
        unused_intake: intake objects that were stored for nothing, to be deleted from the store.
    """

    due: tuple[UUID, ...] = ()
    consumed: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    unused_intake: tuple[str, ...] = ()


def record_capture(
    conn: Connection,
    taken: TakenCapture,
    findings: CaptureFindings,
    *,
    actor: str,
    now: datetime,
    recapture_after_s: float,
) -> Recorded:
    """Record a capture that succeeded.

    Raises:
        LeaseLostError: the capture was ended by somebody else.
        StaleStateError: the item has moved.
    """
    item = taken.item
    reservation = findings.reservation
    if reservation is None and findings.left > 0:
        reservation = describe_left(findings.left)
    captures.end_capture(
        conn,
        taken.capture_id,
        CaptureOutcome.CAPTURED,
        now=now,
        reason=reservation,
        facts=findings.facts,
    )
    items.mark_captured(conn, item.id, taken.capture_id, now=now)
    events = [NewEvent(stream_of("item", item.id), "capture_succeeded", _describe(taken, findings))]
    unused: tuple[str, ...] = ()
    rematched: UUID | None = None
    kept = KeptPictures()
    if findings.file is not None:
        unused, rematched = _store_file(conn, taken, findings.file, events, now=now)
    elif findings.pictures or findings.embedded:
        kept = keep_pictures(
            conn,
            taken,
            findings.pictures,
            findings.embedded,
            events,
            now=now,
            recapture_after_s=recapture_after_s,
        )
    for gone in items.keep_open_children(conn, item.id, capture_id=taken.capture_id):
        events.append(NewEvent(stream_of("item", gone), "gone_from_page", {"page": str(item.id)}))
    consumed = captures.consume_intake_objects(conn, item.id, now=now)
    place_captured(conn, item, status=findings.facts.status, events=events, now=now)
    if rematched is not None:  # other items that show the same image are placed anew too
        others = [one for one in images.find_items_showing(conn, [rematched]) if one != item.id]
        refresh_items(conn, others, events, now=now)
    custody.append(conn, events, actor=actor, now=now)
    if item.url is not None:
        host_turns.forget_failures(conn, find_site_of(item.url))
    return Recorded(kept.due, tuple(consumed), unused, kept.unused)


def record_refusal(
    conn: Connection,
    taken: TakenCapture,
    reason: str,
    *,
    actor: str,
    now: datetime,
    facts: CaptureFacts | None = None,
) -> Recorded:
    """Record that policy refused the address or its answer: a person sees the reason."""
    return _end_before_person(
        conn, taken, CaptureOutcome.REFUSED, "capture_refused", reason, actor=actor, now=now, facts=facts
    )


def record_failure(
    conn: Connection,
    taken: TakenCapture,
    reason: str,
    *,
    failure: str,
    facts: CaptureFacts | None = None,
    retry_after_s: float | None = None,
    actor: str,
    now: datetime,
    waits_s: tuple[float, ...],
    pace: SitePace,
) -> Recorded:
    """Record that a fetch failed for a reason that may pass: try again later, or give up before a person.

    Args:
        failure: a name of `rules/fetch_failures.py`.
        facts: what answered, if anything did.
        retry_after_s: seconds that the server asks us to wait.
        pace: how quickly one site may be asked; one that is in trouble is asked less.
    """
    item = taken.item
    kind = FAILURES[FetchFailure(failure)]
    tries = item.tries + 1
    wait_s = choose_wait(waits_s, tries, kind, retry_after_s)
    if wait_s is None:
        recorded = _end_before_person(
            conn,
            taken,
            CaptureOutcome.GAVE_UP,
            "capture_gave_up",
            reason,
            actor=actor,
            now=now,
            facts=facts,
            failure=failure,
            tries=tries,
        )
    else:
        captures.end_capture(
            conn,
            taken.capture_id,
            CaptureOutcome.FAILED,
            now=now,
            reason=reason,
            failure=failure,
            facts=facts,
        )
        next_try_at = now + timedelta(seconds=wait_s)
        next_captures.delay_capture(conn, item.id, tries=tries, next_try_at=next_try_at, becomes_patient=True)
        body: Body = {"capture": str(taken.capture_id), "tries": tries, "failure": failure}
        event = NewEvent(stream_of("item", item.id), "capture_failed", body)
        custody.append(conn, [event], actor=actor, now=now)
        recorded = Recorded()
    if item.url is not None and (kind.blames_site or retry_after_s):
        site = find_site_of(item.url)
        turns = host_turns.lock_turns(conn, site, now=now)
        changed = note_failure(turns, now, blames_site=kind.blames_site, retry_after_s=retry_after_s)
        host_turns.save_turns(conn, site, changed)
    return recorded


def record_obstacle(
    conn: Connection, taken: TakenCapture, reason: str, *, now: datetime, wait_s: float
) -> Recorded:
    """Record that something of our own is broken (index, store, sandbox): no try is counted, none is given up.

    A matcher that fails is never "no match": the item stays received until it can be matched. The capture's
    row is the record; a custody event for each would only bury the others.
    """
    captures.end_capture(conn, taken.capture_id, CaptureOutcome.FAILED, now=now, reason=reason)
    next_captures.delay_capture(
        conn, taken.item.id, tries=taken.item.tries, next_try_at=now + timedelta(seconds=wait_s)
    )
    return Recorded()


def _end_before_person(
    conn: Connection,
    taken: TakenCapture,
    outcome: CaptureOutcome,
    event: str,
    reason: str,
    *,
    actor: str,
    now: datetime,
    facts: CaptureFacts | None = None,
    failure: str | None = None,
    tries: int = 0,
) -> Recorded:
    item = taken.item
    captures.end_capture(
        conn, taken.capture_id, outcome, now=now, reason=reason, failure=failure, facts=facts
    )
    body: dict[str, str | int | bool | None] = {"capture": str(taken.capture_id)}
    if failure is not None:
        body |= {"tries": tries, "failure": failure}
    events = [NewEvent(stream_of("item", item.id), event, body)]
    consumed = captures.consume_intake_objects(conn, item.id, now=now)
    next_captures.end_asking(conn, item.id)
    placing = place_by_failure(reason, gave_up=outcome is CaptureOutcome.GAVE_UP, tries=tries)
    place_captured(conn, item, status=None, events=events, now=now, event=event, placing=placing)
    custody.append(conn, events, actor=actor, now=now)
    return Recorded(consumed=tuple(consumed))


def _describe(taken: TakenCapture, findings: CaptureFindings) -> Body:
    sha256 = findings.facts.sha256
    body: dict[str, str | int | bool | None] = {
        "capture": str(taken.capture_id),
        "sha256": sha256.hex() if sha256 else None,
        "bytes": findings.facts.size,
        "status": findings.facts.status,
        "pictures": len(findings.pictures) + len(findings.embedded),
    }
    if findings.facts.page_kind is not None:
        body |= {"page_kind": findings.facts.page_kind}
    if taken.exit_name:
        body |= {"asked_exit": taken.exit_name}
    if findings.facts.exit_name is not None:
        body |= {"exit": findings.facts.exit_name}
    return body


def _store_file(
    conn: Connection, taken: TakenCapture, file: FileFindings, events: list[NewEvent], *, now: datetime
) -> tuple[tuple[str, ...], UUID | None]:
    """Store the image of a file, or link the one that stands.

    Returns:
        Evidence objects that are not needed, and the image if it has new matches for others that show it.
    """
    image_id = file.image.id
    standing = images.find_image(conn, file.image.sha256)
    if standing is None and images.insert_image(conn, file.image, now=now):
        ids = images.insert_fingerprints(
            conn, image_id, file.fingerprints, generation=file.generation, is_new=True
        )
        body: Body = {"sha256": file.image.sha256.hex(), "fingerprints": len(ids), "item": str(taken.item.id)}
        events.append(NewEvent(stream_of("image", image_id), "image_stored", body))
    else:
        standing = standing or images.find_image(conn, file.image.sha256)
        if standing is None:
            raise StaleStateError
        image_id = standing.id
        if standing.is_undecided:
            images.decide_image(conn, image_id, file.image)
        ids = images.insert_fingerprints(conn, image_id, file.fingerprints, generation=file.generation)
        images.raise_generation(conn, image_id, generation=file.generation)
    unused = _store_evidence(conn, image_id, file.evidence, events, now=now)
    images.link_image(conn, taken.item.id, image_id, taken.capture_id)
    if any(hit.fingerprint not in ids for hit in file.hits):
        raise StaleStateError  # other values stand for this image: a hit is never dropped, match those instead
    added, event = record_matches(
        conn,
        image_id,
        ids,
        file.hits,
        entries=file.entries,
        trusted=file.trusted,
        generation=file.generation,
        now=now,
    )
    events.append(event)
    return unused, image_id if standing is not None and added else None


def _store_evidence(
    conn: Connection,
    image_id: UUID,
    sealed: SealedEvidence | None,
    events: list[NewEvent],
    *,
    now: datetime,
) -> tuple[str, ...]:
    """Name sealed evidence; return its objects as not needed when the image has evidence already."""
    if sealed is None:
        return ()
    if not evidence.insert_evidence_key(conn, image_id, sealed.seal.sealed_identity, now=now):
        return tuple(name for name, _ in sealed.objects.values())
    evidence.insert_evidence_objects(
        conn,
        [EvidenceObject(name, image_id, kind, size) for kind, (name, size) in sealed.objects.items()],
        now=now,
    )
    events.append(NewEvent(stream_of("image", image_id), "evidence_sealed", {"objects": len(sealed.objects)}))
    return ()
