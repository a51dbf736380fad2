"""Answers that take the same time whatever was found: nobody learns by a clock what the words do not say.

1. A look-up from a subnet that asks too often waits its turn first; it is never refused for that. Only when
   many wait already is a further one asked to come again.
2. The answer is held back until a fixed time after the question, longer than the work usually takes.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

ANSWER_AFTER_S = 0.15
"""Seconds after its question before which no answer to a report or a look-up leaves."""

LONGEST_WAIT_S = 5.0
"""Most seconds that a look-up waits for its turn."""

MOST_WAITING = 200
"""Look-ups that may wait at once; each holds a connection."""


@asynccontextmanager
async def answer_evenly() -> AsyncIterator[None]:
    """Hold back what is answered in this block until its time has come."""
    ends_at = time.monotonic() + ANSWER_AFTER_S
    yield
    await asyncio.sleep(max(ends_at - time.monotonic(), 0.0))


@dataclass(slots=True)
class WaitingRoom:
    """Where look-ups wait for their turn."""

    waiting: int = 0

    async def wait(self, seconds: float) -> bool:
        """Wait, at most LONGEST_WAIT_S; False at once when too many wait already."""
        if seconds <= 0:
            return True
        if self.waiting >= MOST_WAITING:
            return False
        self.waiting += 1
        try:
            await asyncio.sleep(min(seconds, LONGEST_WAIT_S))
        finally:
            self.waiting -= 1
        return True
