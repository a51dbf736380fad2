"""Which job a state is due for: state → job name and queue.

Strings only: `workers/__main__.py` maps each name to its function, and a test holds both complete.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from triage.rules.fetch_failures import FailureKind
from triage.rules.states import ItemState, SendingState
from triage.rules.turns import LONGEST_WAIT_S
from triage.rules.turns import SitePace as SitePace  # a capture waits for its own time, and for its turn


class QueueName(StrEnum):
    """The queues; a worker serves one or more."""

    CAPTURE = "capture"
    CAPTURE_LATE = "capture_late"
    LOOKUP = "lookup"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True)
class Job:
    """A job's name and the queue it runs on."""

    name: str
    queue: QueueName


CAPTURE_ITEM = Job("capture_item", QueueName.CAPTURE)
CAPTURE_LATE = Job("capture_item", QueueName.CAPTURE_LATE)
LOCATE_HOST = Job("locate_host", QueueName.LOOKUP)
CHECK_ONLINE = Job("check_online", QueueName.LOOKUP)
REMATCH = Job("rematch", QueueName.LOOKUP)
LOOK_UP_FILE = Job("look_up_file", QueueName.LOOKUP)
LOOK_UP_FILE_TOO = Job("look_up_file", QueueName.CAPTURE)
SEND = Job("send", QueueName.OUTBOUND)
TELL_REPORTER = Job("tell_reporter", QueueName.OUTBOUND)

ITEM_JOBS: dict[ItemState, Job] = {
    ItemState.RECEIVED: CAPTURE_ITEM,
    ItemState.ACTIONABLE: LOCATE_HOST,
    ItemState.HELD_FOR_POLICE: CHECK_ONLINE,
    ItemState.AWAITING_HOSTING: CHECK_ONLINE,
    ItemState.NOTIFIED: CHECK_ONLINE,
}
"""Item state → the job that moves it on, or looks whether it may."""

LATE_JOBS: dict[Job, Job] = {CAPTURE_ITEM: CAPTURE_LATE}
"""Job → where it waits for an item that is patient, behind all others."""

LIST_JOBS: tuple[Job, ...] = (REMATCH,)
"""What a change of the lists makes due; no item or message stands for it."""

FILE_JOBS: tuple[Job, ...] = (LOOK_UP_FILE, LOOK_UP_FILE_TOO)
"""What a person who asks about a file makes due: a person waits, so whichever worker is free first takes it."""

REPORTER_JOBS: tuple[Job, ...] = (TELL_REPORTER,)
"""What a reporter who asked for mail makes due, once a day."""

FIRST_OF_MANY = 25
"""Lines of one report, or pictures of one page, that do not wait behind all others."""

SENDING_JOBS: dict[SendingState, Job] = {
    SendingState.QUEUED: SEND,
    SendingState.SENDING: SEND,
}
"""Sending state → the job: to send it, or to say what became of one that a crash left behind."""


def next_wait(waits_s: tuple[float, ...], tries: int) -> float | None:
    """Return the wait in seconds before the next try, or None when tries are used up.

    Args:
        waits_s: the waits between tries, in order.
        tries: how many tries have failed, from 1.
    """
    return waits_s[tries - 1] if tries <= len(waits_s) else None


def choose_wait(
    waits_s: tuple[float, ...], tries: int, kind: FailureKind, retry_after_s: float | None
) -> float | None:
    """Return the wait in seconds after a failed fetch, or None when nothing is gained by another try.

    Args:
        tries: how many tries have failed, from 1.
        kind: of the last failure; it may allow fewer tries than there are waits.
        retry_after_s: seconds that the server asks us to wait.
    """
    if kind.tries and tries >= kind.tries:
        return None
    wait_s = next_wait(waits_s, tries)
    if wait_s is None or retry_after_s is None:
        return wait_s
    return max(wait_s, min(retry_after_s, LONGEST_WAIT_S))


def is_late(*, danger: bool, is_patient: bool) -> bool:
    """Whether an item waits behind all others; one in which a child is in danger never does."""
    return is_patient and not danger


def is_lease_over(started_at: datetime, lease_until: datetime, now: datetime) -> bool:
    """Whether a lease has run out; a clock that was set back never makes it stand for ever."""
    return now >= lease_until or started_at - now >= lease_until - started_at
