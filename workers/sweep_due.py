"""The sweep: what is due and was not taken is put on the queue again; what has served is destroyed.

1. Wake up by NOTIFY (a surface without a queue stored something) or by the clock.
2. End leases that have run out.
3. Nudge rows that are due and were not nudged lately, at most as many as the queue has room for: when Redis
   was wiped everything comes again, but never as a flood. What is patient waits on a queue of its own.
4. Now and then run retention, and more seldom look for orphans in the store.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from types import FrameType
from uuid import UUID

import psycopg

from triage.clock import utcnow
from triage.errors import ServerUnavailableError, StaleStateError, StorageError
from triage.queue import QueueDoor
from triage.rules.due import ITEM_JOBS, LATE_JOBS, REMATCH, SEND, TELL_REPORTER, Job
from triage.rules.states import ItemState
from triage.settings import Settings
from triage.steps.take_capture import end_expired
from triage.store import captures, items, rematches, reporter_mails, sendings
from triage.store.pool import Database, connect
from triage.store.rows import Connection
from triage.vault import ObjectVault
from workers.purge_expired import purge_expired, purge_orphans

_log = logging.getLogger(__name__)
PURGE_EVERY_S = 5.0
ORPHANS_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Swept:
    """What one round did."""

    ended: int
    nudged: int


def sweep_once(database: Database, queue: QueueDoor, settings: Settings, *, now: datetime) -> Swept:
    """End expired leases, then nudge what is due; nothing is nudged while Redis does not answer."""
    expired = database.run(lambda conn: captures.read_expired(conn, now=now, limit=settings.sweep_batch))
    ended = sum(_end_expired(database, settings, item_id, now) for item_id in expired)
    nudged = (
        _nudge_items(database, queue, settings, now)
        + _nudge_sendings(database, queue, settings, now)
        + _nudge_rematch(database, queue, settings, now)
        + _nudge_reporters(database, queue, settings, now)
    )
    return Swept(ended, nudged)


def _nudge_items(database: Database, queue: QueueDoor, settings: Settings, now: datetime) -> int:
    """Nudge items, queue by queue: a full one holds up no other."""
    states: dict[Job, list[ItemState]] = {}
    for state, job in ITEM_JOBS.items():
        states.setdefault(job, []).append(state)
    nudged = 0
    for job, due_states in states.items():
        nudged += _nudge_queue(database, queue, settings, now, job, due_states, is_late=False)
        if job in LATE_JOBS:
            nudged += _nudge_queue(database, queue, settings, now, LATE_JOBS[job], due_states, is_late=True)
    return nudged


def _nudge_queue(
    database: Database,
    queue: QueueDoor,
    settings: Settings,
    now: datetime,
    job: Job,
    states: list[ItemState],
    *,
    is_late: bool,
) -> int:
    room = _find_room(queue, job, settings)
    if room <= 0:
        return 0
    due = database.run(
        partial(
            items.take_due,
            states=states,
            now=now,
            nudged_before=now - timedelta(seconds=settings.renudge_after_s),
            limit=room,
            late=is_late,
        )
    )
    return sum(queue.nudge(job, item_id, first=danger) for item_id, danger, _ in due)


def _nudge_sendings(database: Database, queue: QueueDoor, settings: Settings, now: datetime) -> int:
    room = _find_room(queue, SEND, settings)
    if room <= 0:
        return 0
    due = database.run(
        partial(
            sendings.take_due,
            now=now,
            nudged_before=now - timedelta(seconds=settings.renudge_after_s),
            limit=room,
        )
    )
    return sum(queue.nudge(SEND, sending_id, first=is_urgent) for sending_id, is_urgent in due)


def _nudge_reporters(database: Database, queue: QueueDoor, settings: Settings, now: datetime) -> int:
    """Nudge the mails to reporters; they take the room that messages leave, and never go before one."""
    room = _find_room(queue, TELL_REPORTER, settings)
    if room <= 0:
        return 0
    due = database.run(
        partial(
            reporter_mails.take_due,
            now=now,
            nudged_before=now - timedelta(seconds=settings.renudge_after_s),
            limit=room,
        )
    )
    return sum(queue.nudge(TELL_REPORTER, report_id) for report_id in due)


def _nudge_rematch(database: Database, queue: QueueDoor, settings: Settings, now: datetime) -> int:
    """Nudge the retro-match while a fingerprint is behind the lists; one hint for all of them."""
    if _find_room(queue, REMATCH, settings) <= 0:
        return 0
    due = database.run(
        partial(
            rematches.take_due,
            now=now,
            nudged_before=now - timedelta(seconds=settings.renudge_after_s),
        )
    )
    return int(due is not None and queue.nudge(REMATCH, due))


def _find_room(queue: QueueDoor, job: Job, settings: Settings) -> int:
    """Return how many more hints a queue takes; none while Redis does not answer."""
    waiting = queue.count_waiting(job.queue)
    return 0 if waiting is None else settings.sweep_batch - waiting


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
