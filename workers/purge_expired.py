"""Retention: destroy what has served (`rules/retention.py`), and delete what a crash left behind.

1. Uploads whose capture is committed: delete the objects that the job itself could not delete.
2. Images that are settled and past their undo window, or known by now: forget their identity and objects in one
   transaction with a custody event; from then on nobody can open them. Then delete the objects.
3. Stored objects that no row names and that are old enough to belong to no running job.
4. Sites that nobody asked for a day: what is kept of their turns has served.
5. Questions that machines asked more than 400 days ago.
6. Questions about files: the file, whatever became of it, then the answer.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from triage.errors import StorageError
from triage.model import EvidenceKind
from triage.rules.retention import choose_expired, settled_before
from triage.settings import Settings
from triage.store import captures, custody, evidence, file_questions, host_turns, questions
from triage.store.custody import NewEvent, stream_of
from triage.store.pool import Database
from triage.store.rows import Connection
from triage.vault import EVIDENCE, INTAKE, ObjectVault

_log = logging.getLogger(__name__)
_BATCH = 500
TURNS_KEPT_S = 86400.0


@dataclass(frozen=True, slots=True)
class Purged:
    """How many objects a round destroyed, by what they were; and how many sites and questions it forgot.

    Attributes:
        files: questions about files.
    """

    intake: int = 0
    evidence: int = 0
    orphans: int = 0
    sites: int = 0
    questions: int = 0
    files: int = 0


def purge_expired(database: Database, vault: ObjectVault, settings: Settings, *, now: datetime) -> Purged:
    """Destroy uploads and evidence that have served, and forget sites and questions of long ago."""
    asked_before = now - timedelta(seconds=TURNS_KEPT_S)
    return Purged(
        intake=_purge_intake(database, vault, now),
        evidence=_purge_evidence(database, vault, settings, now),
        sites=database.run(lambda conn: host_turns.purge_turns(conn, changed_before=asked_before)),
        questions=database.run(questions.purge_questions),
        files=_purge_files(database, vault, now),
    )


def purge_orphans(database: Database, vault: ObjectVault, settings: Settings, *, now: datetime) -> Purged:
    """Delete stored objects that no row names; lists the whole store."""
    before = now - timedelta(seconds=settings.orphan_after_s)
    count = 0
    for area, read_names in ((INTAKE, captures.read_intake_names), (EVIDENCE, evidence.read_evidence_names)):
        old = [entry.name for entry in vault.list_objects(area) if entry.modified_at < before]
        for start in range(0, len(old), _BATCH):
            batch = old[start : start + _BATCH]
            named = database.run(_reader(read_names, batch))
            count += len(_delete(vault, area, [name for name in batch if name not in named]))
    return Purged(orphans=count)


def _reader(
    read_names: Callable[[Connection, list[str]], set[str]], batch: list[str]
) -> Callable[[Connection], set[str]]:
    return lambda conn: read_names(conn, batch)


def _delete(vault: ObjectVault, area: str, names: list[str]) -> list[str]:
    gone = []
    for name in names:
        try:
            vault.delete(area, name)
        except StorageError as error:
            _log.warning("an object could not be deleted yet: %s", error)
            break
        gone.append(name)
    return gone


def _purge_intake(database: Database, vault: ObjectVault, now: datetime) -> int:
    database.run(lambda conn: captures.consume_of_closed(conn, now=now))
    names = database.run(lambda conn: captures.read_consumed_objects(conn, limit=_BATCH))
    gone = _delete(vault, INTAKE, names)
    database.run(lambda conn: captures.mark_intake_deleted(conn, gone, now=now))
    return len(gone)


def _purge_files(database: Database, vault: ObjectVault, now: datetime) -> int:
    """Forget what persons asked about files; a file that its job could not delete goes first."""
    database.run(partial(file_questions.give_up_stuck, now=now))
    over = database.run(partial(file_questions.read_over, now=now, limit=_BATCH))
    gone = set(_delete(vault, INTAKE, [one.object_name for one in over]))
    ids = [one.id for one in over if one.object_name in gone]
    database.run(partial(file_questions.forget, ids=ids))
    return len(ids)


def _purge_evidence(database: Database, vault: ObjectVault, settings: Settings, now: datetime) -> int:
    before = settled_before(now, settings.undo_s)
    rows = database.run(
        lambda conn: evidence.read_served_evidence(
            conn,
            settled_before=before,
            evidence_for_police=settings.evidence_for_police,
            limit=_BATCH,
        )
    )
    kinds: dict[tuple[UUID, str | None], list[EvidenceKind]] = defaultdict(list)
    for image_id, verdict, kind in rows:
        kinds[image_id, verdict].append(kind)
    for (image_id, verdict), present in kinds.items():
        expired = choose_expired(present, verdict=verdict, evidence_for_police=settings.evidence_for_police)
        if expired:
            database.run(_destroyer(image_id, expired, before, now))
    pending = database.run(lambda conn: evidence.read_destroyed_pending(conn, limit=_BATCH))
    gone = _delete(vault, EVIDENCE, pending)
    database.run(lambda conn: evidence.mark_objects_gone(conn, gone))
    return len(gone)


def _destroyer(
    image_id: UUID, kinds: list[EvidenceKind], before: datetime, now: datetime
) -> Callable[[Connection], None]:
    def destroy(conn: Connection) -> None:
        if not evidence.lock_served(conn, image_id, settled_before=before):
            return
        names = evidence.destroy_objects(conn, image_id, kinds, now=now)
        if names:
            event = NewEvent(stream_of("image", image_id), "evidence_destroyed", {"objects": len(names)})
            custody.append(conn, [event], actor="sweep", now=now)

    return destroy
