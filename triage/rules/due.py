"""Which job a state is due for: state → job name and queue.

Strings only: `workers/__main__.py` maps each name to its function, and a test holds both complete.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from triage.rules.states import ItemState, SendingState


class QueueName(StrEnum):
    """The queues; a worker serves one or more."""

    CAPTURE = "capture"
    LOOKUP = "lookup"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True)
class Job:
    """A job's name and the queue it runs on."""

    name: str
    queue: QueueName


CAPTURE_ITEM = Job("capture_item", QueueName.CAPTURE)
LOCATE_HOST = Job("locate_host", QueueName.LOOKUP)
CHECK_ONLINE = Job("check_online", QueueName.LOOKUP)
SEND = Job("send", QueueName.OUTBOUND)

ITEM_JOBS: dict[ItemState, Job] = {
    ItemState.RECEIVED: CAPTURE_ITEM,
    ItemState.ACTIONABLE: LOCATE_HOST,
    ItemState.HELD_FOR_POLICE: CHECK_ONLINE,
    ItemState.AWAITING_HOSTING: CHECK_ONLINE,
    ItemState.NOTIFIED: CHECK_ONLINE,
}
"""Item state → the job that moves it on, or looks whether it may."""

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


def is_lease_over(started_at: datetime, lease_until: datetime, now: datetime) -> bool:
    """Whether a lease has run out; a clock that was set back never makes it stand for ever."""
    return now >= lease_until or started_at - now >= lease_until - started_at
