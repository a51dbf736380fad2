"""Which job a state is due for: state → job name and queue.

Strings only: `workers/__main__.py` maps each name to its function, and a test holds both complete.
"""

from dataclasses import dataclass
from enum import StrEnum

from triage.rules.states import ItemState


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

ITEM_JOBS: dict[ItemState, Job] = {
    ItemState.RECEIVED: CAPTURE_ITEM,
}
"""Item state → the job that moves it on."""


def next_wait(waits_s: tuple[float, ...], tries: int) -> float | None:
    """Return the wait in seconds before the next try, or None when tries are used up.

    Args:
        waits_s: the waits between tries, in order.
        tries: how many tries have failed, from 1.
    """
    return waits_s[tries - 1] if tries <= len(waits_s) else None
