"""The sweep: what is due and was not taken is put on the queue again; what has served is destroyed.

1. Wake up by NOTIFY (a surface without a queue stored something) or by the clock.
2. End leases that have run out.
3. Nudge rows that are due and were not nudged lately, at most as many as the queue has room for: when Redis
   was wiped everything comes again, but never as a flood. What is patient waits on a queue of its own.
4. Score what is due for it.
5. Now and then run retention, and more seldom look for orphans in the store.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from types import FrameType
from typing import Protocol
from uuid import UUID

import psycopg

from triage.clock import utcnow
from triage.errors import ServerUnavailableError, StaleStateError, StorageError
from triage.queue import QueueDoor
from triage.rules.due import FILE_JOBS, ITEM_JOBS, LATE_JOBS, REMATCH, SEND, TELL_REPORTER, Job
from triage.rules.states import ItemState
from triage.settings import Settings
from triage.steps.take_capture import end_expired
from triage.store import captures, file_questions, items, rematches, reporter_mails, sendings
from triage.store.pool import Database, connect
from triage.store.rows import Connection
from triage.vault import ObjectVault
from workers.purge_expired import purge_expired, purge_orphans
from workers.score_due import score_all_due

_log = logging.getLogger(__name__)
PURGE_EVERY_S = 5.0
ORPHANS_EVERY_S = 3600.0
FILES_AGAIN_S = 5.0
FILES_BEYOND = 20
"""Hints about files that find room on a queue which is full of all else: a person waits for the answer."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one round did."""

    ended: int
    nudged: int


def sweep_once(database: Database, queue: QueueDoor, settings: Settings, *, now: datetime) -> Swept:
    """End expired leases, nudge what is due, score what is; nothing is nudged while Redis does not answer."""
    expired = database.run(lambda conn: captures.read_expired(conn, now=now, limit=settings.sweep_batch))
    ended = sum(_end_expired(database, settings, item_id, now) for item_id in expired)
    nudge = partial(_nudge, database, queue, settings, now)
    nudged = _nudge_items(nudge) + nudge(SEND, sendings.take_due)
    nudged += nudge(REMATCH, _take_rematch)
    nudged += nudge(TELL_REPORTER, _take_reporters)  # in the room that messages leave
    nudged += _nudge_files(database, queue, settings, now)
    score_all_due(database, now=now)
    return Swept(ended, nudged)


class _Take(Protocol):
    """What finds rows that are due and marks them as nudged: id of each, and whether it goes before all others."""

    def __call__(
        self, conn: Connection, *, now: datetime, nudged_before: datetime, limit: int
    ) -> Iterable[tuple[UUID, bool]]: ...


def _nudge(
    database: Database, queue: QueueDoor, settings: Settings, now: datetime, job: Job, take: _Take
) -> int:
    """Put what is due for a job on its queue, at most as many as it has room for; none while Redis does not answer."""
    room = _count_room(queue, job, settings.sweep_batch)
    if not room:
        return 0
    before = now - timedelta(seconds=settings.renudge_after_s)
    due = database.run(partial(take, now=now, nudged_before=before, limit=room))
    return sum(queue.nudge(job, identity, first=is_first) for identity, is_first in due)


def _count_room(queue: QueueDoor, job: Job, most: int) -> int:
    """Return how many hints fit on the queue of a job, of which at most so many may wait; 0 where Redis is away."""
    waiting = queue.count_waiting(job.queue)
    return 0 if waiting is None else max(0, most - waiting)


def _nudge_items(nudge: Callable[[Job, _Take], int]) -> int:
    """Nudge items, queue by queue: a full one holds up no other."""
    states: dict[Job, list[ItemState]] = {}
    for state, job in ITEM_JOBS.items():
        states.setdefault(job, []).append(state)
    nudged = 0
    for job, due_states in states.items():
        nudged += nudge(job, partial(_take_items, due_states, is_late=False))
        if job in LATE_JOBS:
            nudged += nudge(LATE_JOBS[job], partial(_take_items, due_states, is_late=True))
    return nudged


def _take_items(
    states: list[ItemState],
    conn: Connection,
    *,
    is_late: bool,
    now: datetime,
    nudged_before: datetime,
    limit: int,
) -> list[tuple[UUID, bool]]:
    due = items.take_due(conn, states, now=now, nudged_before=nudged_before, limit=limit, late=is_late)
    return [(item_id, in_danger) for item_id, in_danger, _ in due]


def _take_reporters(
    conn: Connection, *, now: datetime, nudged_before: datetime, limit: int
) -> list[tuple[UUID, bool]]:
    due = reporter_mails.take_due(conn, now=now, nudged_before=nudged_before, limit=limit)
    return [(report_id, False) for report_id in due]


def _take_rematch(
    conn: Connection, *, now: datetime, nudged_before: datetime, limit: int
) -> list[tuple[UUID, bool]]:
    """Take the retro-match while a fingerprint is behind the lists; one hint for all of them, whatever the limit."""
    work_id = rematches.take_due(conn, now=now, nudged_before=nudged_before)
    return [] if work_id is None else [(work_id, False)]


def _nudge_files(database: Database, queue: QueueDoor, settings: Settings, now: datetime) -> int:
    """Nudge the questions about files, first on two queues: a person waits. The second hint finds it taken."""
    rooms = [(job, _count_room(queue, job, settings.sweep_batch + FILES_BEYOND)) for job in FILE_JOBS]
    most = max(room for _, room in rooms)
    if not most:
        return 0
    due = database.run(
        partial(
            file_questions.take_due,
            now=now,
            nudged_before=now - timedelta(seconds=min(FILES_AGAIN_S, settings.renudge_after_s)),
            limit=most,
        )
    )
    return sum(queue.nudge(job, question_id, first=True) for job, room in rooms for question_id in due[:room])


def _end_expired(database: Database, settings: Settings, item_id: UUID, now: datetime) -> bool:
    """End one lease; an item that cannot be moved is logged and never holds up the others."""
    try:
        return database.run(
            partial(end_expired, item_id=item_id, actor="sweep", now=now, waits_s=settings.retry_waits_s)
        )
    except StaleStateError as error:
        _log.error("the lease of item %s could not be ended: %s", item_id, error)
        return False


@dataclass(slots=True)
class Sweep:
    """The loop around `sweep_once`, until told to stop."""

    dsn: str
    database: Database
    queue: QueueDoor
    vault: ObjectVault
    settings: Settings
    is_stopping: bool = False
    _listener: Connection | None = None
    _purged_at: float = field(default=float("-inf"))
    _orphans_at: float = field(default=float("-inf"))

    def run(self) -> None:
        """Sweep until `stop` is called."""
        while not self.is_stopping:
            try:
                self._sweep()
                self._wait()
            except (ServerUnavailableError, psycopg.OperationalError) as error:
                _log.warning("the sweep waits: %s", type(error).__name__)
                self._drop_listener()
                time.sleep(min(self.settings.sweep_every_s, 1.0))
        self._drop_listener()

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """Stop after this round."""
        self.is_stopping = True

    def _sweep(self) -> None:
        if self._listener is None:
            self._listener = connect(self.dsn, autocommit=True)
            self._listener.execute("LISTEN hotline_due")
        swept = sweep_once(self.database, self.queue, self.settings, now=utcnow())
        if swept.ended:
            _log.info("ended %d leases that had run out", swept.ended)
        elapsed = time.monotonic()
        try:
            if elapsed - self._purged_at >= PURGE_EVERY_S:
                self._purged_at = elapsed
                purge_expired(self.database, self.vault, self.settings, now=utcnow())
            if elapsed - self._orphans_at >= ORPHANS_EVERY_S:
                self._orphans_at = elapsed
                purge_orphans(self.database, self.vault, self.settings, now=utcnow())
        except StorageError as error:
            _log.error("retention could not run: %s", error)

    def _wait(self) -> None:
        if self._listener is not None and not self.is_stopping:
            for _ in self._listener.notifies(timeout=self.settings.sweep_every_s, stop_after=1):
                pass

    def _drop_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
