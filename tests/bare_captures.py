"""A worker that fetches nothing: it takes leases and records what a test says that it found, by the public steps."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hashsets.compute import digest_bytes
from hashsets.model import Algorithm
from tests.builders import NO_PACE
from triage.ids import new_id
from triage.model import EvidenceKind, Media
from triage.rules.due import SitePace
from triage.rules.fetch_failures import FAILURES, FetchFailure
from triage.rules.urls import normalise_url
from triage.steps.keep_pictures import EmbeddedFile
from triage.steps.record_capture import (
    CaptureFindings,
    FileFindings,
    Recorded,
    SealedEvidence,
    record_capture,
    record_failure,
)
from triage.steps.take_capture import TakenCapture, take_capture
from triage.store.captures import CaptureFacts, Hop
from triage.store.images import NewImage
from triage.vault import ImageSeal, new_object_name

WAITS = (10.0, 30.0, 90.0)
RECAPTURE_AFTER_S = 86400.0


def digest(data: bytes) -> bytes:
    """Return the SHA-256 of some bytes."""
    return next(bytes.fromhex(one.value) for one in digest_bytes(data) if one.algorithm is Algorithm.SHA256)


def embed(data: bytes, ending: str = "png") -> EmbeddedFile:
    """Return a picture inside a page as the worker hands it over, its object named but stored nowhere."""
    return EmbeddedFile(digest(data), new_object_name(), len(data), ending)


@dataclass
class BareWorker:
    """Takes and records with the worker's role; every step is committed."""

    conn: Any
    now: datetime
    pace: SitePace = NO_PACE
    taken: list[TakenCapture] = field(default_factory=list)

    def at(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    def take(self, item_id: UUID, *, after_s: float = 0.0, lease_s: float = 300.0) -> TakenCapture | None:
        taken = take_capture(
            self.conn,
            item_id,
            worker="w",
            now=self.at(after_s),
            lease_s=lease_s,
            waits_s=WAITS,
            pace=self.pace,
        )
        self.conn.commit()
        return taken

    def record(self, taken: TakenCapture, findings: CaptureFindings, *, after_s: float = 0.0) -> Recorded:
        recorded = record_capture(
            self.conn,
            taken,
            findings,
            actor="worker",
            now=self.at(after_s),
            recapture_after_s=RECAPTURE_AFTER_S,
        )
        self.conn.commit()
        return recorded

    def find_page(
        self, item_id: UUID, *urls: str, after_s: float = 0.0, embedded=(), left=0, kind=None, **facts: Any
    ) -> Recorded:
        """Capture a page that shows these addresses."""
        taken = self.take(item_id, after_s=after_s)
        assert taken is not None
        more = {"status": 200, "content_type": "text/html", "size": 9, "sha256": digest(repr(urls).encode())}
        return self.record(
            taken,
            CaptureFindings(
                CaptureFacts(**(more | facts), final_url=taken.item.url, page_kind=kind),
                pictures=[normalise_url(one) for one in urls],
                embedded=embedded,
                left=left,
            ),
            after_s=after_s,
        )

    def find_picture(
        self, item_id: UUID, data: bytes, *, after_s: float = 0.0, size=(640, 480), has_views=True
    ) -> Recorded:
        """Capture a picture of this size that no list knows; its views are kept unless told not to."""
        taken = self.take(item_id, after_s=after_s)
        assert taken is not None
        width, height = size
        sealed = None
        if has_views:
            names = {kind: (new_object_name(), 9) for kind in EvidenceKind}
            sealed = SealedEvidence(ImageSeal("", b"sealed"), names)
        file = FileFindings(
            image=NewImage(
                new_id(),
                digest(data),
                Media.PICTURE,
                True,
                None,
                len(data),
                format="jpeg",
                width=width,
                height=height,
                frames=1,
            ),
            fingerprints=digest_bytes(data),
            hits=(),
            generation=self._read_generation(),
            entries={},
            trusted=frozenset(),
            evidence=sealed,
        )
        facts = CaptureFacts(
            final_url=taken.item.url,
            status=200 if taken.item.url else None,
            content_type="image/jpeg",
            size=len(data),
            sha256=digest(data),
        )
        return self.record(taken, CaptureFindings(facts, file=file), after_s=after_s)

    def fail(
        self,
        item_id: UUID,
        failure: FetchFailure = FetchFailure.CONNECT_TIMEOUT,
        *,
        after_s: float = 0.0,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> Recorded:
        """Let a fetch fail by name, with an answer if a status is given."""
        taken = self.take(item_id, after_s=after_s)
        assert taken is not None
        hop = Hop(taken.item.url or "", status, "203.0.113.10")
        facts = CaptureFacts(final_url=taken.item.url, status=status, hops=[hop]) if status else None
        recorded = record_failure(
            self.conn,
            taken,
            FAILURES[failure].words,
            failure=failure,
            facts=facts,
            retry_after_s=retry_after_s,
            actor="worker",
            now=self.at(after_s),
            waits_s=WAITS,
            pace=self.pace,
        )
        self.conn.commit()
        return recorded

    def children(self, page_id: UUID) -> list[UUID]:
        """Return what a page shows now, in its order."""
        rows = self.conn.execute(
            "SELECT child_id FROM shown_children WHERE parent_id = %s ORDER BY place", (page_id,)
        ).fetchall()
        self.conn.rollback()
        return [row[0] for row in rows]

    def _read_generation(self) -> int:
        row = self.conn.execute("SELECT generation FROM hash_generation").fetchone()
        self.conn.rollback()
        return int(row[0])
