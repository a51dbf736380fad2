"""Capture an item: get it, examine it, record it.

1. Take the lease; whoever does not get it, or whose turn at the site has not come, leaves.
2. Get the bytes: the fetcher process for a URL, the intake object (opened once, in memory) for an upload.
3. A page yields its pictures as child items; those inside its own text are sealed as uploads first. Any other file
   is examined: `examine_file.py`.
4. Record it all in one transaction; then delete the intake object and nudge the children.
"""

import logging
from collections.abc import Callable
from functools import partial
from uuid import UUID

from hashsets.compute import digest_bytes
from hashsets.errors import IndexBehindError
from triage.clock import utcnow
from triage.crash_points import crash_point
from triage.errors import (
    CaptureFailedError,
    CaptureRefusedError,
    HostilePictureError,
    LeaseLostError,
    PictureOverLimitError,
    PictureRefusedError,
    StaleStateError,
)
from triage.model import Media
from triage.rules.due import CAPTURE_ITEM, SitePace
from triage.rules.fetch_failures import FAILURES
from triage.rules.media import SNIFF_BYTES, find_ending, sniff_media
from triage.rules.states import ItemKind
from triage.steps import record_capture as recording
from triage.steps.keep_pictures import EmbeddedFile
from triage.steps.record_capture import CaptureFindings, Recorded
from triage.steps.take_capture import TakenCapture, take_capture
from triage.store import captures
from triage.store.rows import Connection
from triage.vault import EVIDENCE, INTAKE, seal
from workers.examine_file import ClaimedElsewhereError, check_generation, examine_file, read_standing
from workers.get_bytes import AnsweredFailure, GottenFile, describe_way, get_upload, get_url, read_sha256
from workers.seal_evidence import delete_objects, discard_evidence
from workers.tools import OWN_FAULTS, CaptureTools

_log = logging.getLogger(__name__)
OBSTACLE_WAIT_S = 10.0
LONGEST_OBSTACLE_WAIT_S = 600.0
CLAIMED_WAIT_S = 1.0
_RECORD_TRIES = 5


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
            pace=_read_pace(tools),
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


def _read_pace(tools: CaptureTools) -> SitePace:
    settings = tools.settings
    return SitePace(settings.host_pace_s, settings.host_burst, settings.fetches_at_once)


def _capture_or_explain(tools: CaptureTools, taken: TakenCapture) -> Recorded:
    try:
        return _capture(tools, taken)
    except ClaimedElsewhereError:
        return _record(
            tools,
            lambda conn: recording.record_obstacle(
                conn, taken, "another worker decodes it", now=utcnow(), wait_s=CLAIMED_WAIT_S
            ),
        )
    except CaptureRefusedError as error:
        reason, facts = str(error), describe_way(error.hops)
        return _record(
            tools,
            lambda conn: recording.record_refusal(
                conn, taken, reason, actor="worker", now=utcnow(), facts=facts
            ),
        )
    except CaptureFailedError as error:
        reason, failure, retry_after_s = str(error), error.failure, error.retry_after_s
        facts = describe_way(error.hops)
        return _record(
            tools,
            lambda conn: recording.record_failure(
                conn,
                taken,
                reason,
                failure=failure,
                facts=facts,
                retry_after_s=retry_after_s,
                actor="worker",
                now=utcnow(),
                waits_s=tools.settings.retry_waits_s,
                pace=_read_pace(tools),
            ),
        )
    except OWN_FAULTS as error:
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
    if gotten.answered_failure is not None:
        return _record_answered_failure(tools, taken, gotten, gotten.answered_failure)
    if gotten.is_page or not _is_worth_examining(gotten) or _is_page_after_all(tools, taken, gotten):
        return _capture_page(tools, taken, gotten)
    return _capture_file(tools, taken, gotten)


def _record_answered_failure(
    tools: CaptureTools, taken: TakenCapture, gotten: GottenFile, answered: AnsweredFailure
) -> Recorded:
    """Record an answer that may become another one: what answered is kept, the item comes again."""
    return _record(
        tools,
        lambda conn: recording.record_failure(
            conn,
            taken,
            FAILURES[answered.failure].words,
            failure=answered.failure,
            facts=gotten.facts,
            retry_after_s=answered.retry_after_s,
            actor="worker",
            now=utcnow(),
            waits_s=tools.settings.retry_waits_s,
            pace=_read_pace(tools),
        ),
    )


def _is_worth_examining(gotten: GottenFile) -> bool:
    """Whether a file is examined: always, but for what is not even picture-like in an error's answer."""
    is_error = (gotten.facts.status or 200) >= 400
    return not is_error or sniff_media(gotten.body[:SNIFF_BYTES]) is Media.PICTURE


def _is_page_after_all(tools: CaptureTools, taken: TakenCapture, gotten: GottenFile) -> bool:
    """Whether an answer that calls itself a page and begins like a picture is a page after all.

    It must yield pictures and be broken as one itself; what attacks the decoder or takes too much is a file.
    """
    if not gotten.claims_page or not (gotten.pictures or gotten.embedded):
        return False
    try:
        with tools.decoder.open_picture(str(taken.capture_id), gotten.body):
            return False
    except (HostilePictureError, PictureOverLimitError):
        return False
    except PictureRefusedError:
        return True


# 3. A page


def _capture_page(tools: CaptureTools, taken: TakenCapture, gotten: GottenFile) -> Recorded:
    embedded = _seal_embedded(tools, gotten.embedded)
    findings = CaptureFindings(
        gotten.facts,
        pictures=gotten.pictures,
        embedded=embedded,
        left=gotten.left,
        reservation=gotten.reservation,
    )
    try:
        return _record(tools, partial(_record_findings, tools, taken=taken, findings=findings))
    except (LeaseLostError, StaleStateError):
        _discard_embedded(tools, embedded)
        raise


def _seal_embedded(tools: CaptureTools, files: tuple[bytes, ...]) -> list[EmbeddedFile]:
    """Seal the pictures that a page carries inside its text, as if they had been uploaded; each once."""
    sealed: dict[bytes, EmbeddedFile] = {}
    for body in files:
        sha256 = read_sha256(digest_bytes(body))
        if sha256 not in sealed:
            name = tools.vault.put(INTAKE, seal(body, tools.intake_recipient))
            sealed[sha256] = EmbeddedFile(sha256, name, len(body), find_ending(body[:SNIFF_BYTES]))
    if sealed:
        crash_point("after_seal")
    return list(sealed.values())


def _discard_embedded(tools: CaptureTools, embedded: list[EmbeddedFile]) -> None:
    """Delete sealed objects that no row names; a commit whose answer was lost may have named them after all."""
    names = [one.object_name for one in embedded]
    named = tools.database.run(lambda conn: captures.read_intake_names(conn, names)) if names else set()
    delete_objects(tools, INTAKE, tuple(name for name in names if name not in named))


def _record_findings(
    tools: CaptureTools, conn: Connection, *, taken: TakenCapture, findings: CaptureFindings
) -> Recorded:
    if findings.file is not None:
        check_generation(conn, findings.file)
    return recording.record_capture(
        conn,
        taken,
        findings,
        actor="worker",
        now=utcnow(),
        recapture_after_s=tools.settings.recapture_after_s,
    )


# 3. Any other file


def _capture_file(tools: CaptureTools, taken: TakenCapture, gotten: GottenFile) -> Recorded:
    for attempt in range(_RECORD_TRIES):
        standing = tools.database.run(lambda conn: read_standing(conn, taken.capture_id, gotten.sha256))
        file = examine_file(tools, taken, gotten, standing)
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


# 4. After the commit


def _tidy_up(tools: CaptureTools, recorded: Recorded) -> None:
    delete_objects(tools, EVIDENCE, recorded.unused)
    delete_objects(tools, INTAKE, recorded.unused_intake)
    if recorded.consumed and delete_objects(tools, INTAKE, recorded.consumed):
        tools.database.run(lambda conn: captures.mark_intake_deleted(conn, recorded.consumed, now=utcnow()))
    for item_id in recorded.due:
        if not tools.queue.nudge(CAPTURE_ITEM, item_id):
            return  # Redis is away; the sweep nudges what is due
