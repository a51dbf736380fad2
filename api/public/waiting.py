"""Where requests wait their turn: look-ups that come too often, reports of many addresses, and files.

1. A look-up from a subnet that asks too often waits; it is never refused for that. Only when many wait already, in all
   or of its own subnet, is a further one asked to come again: no subnet takes all places from the others.
2. Reports of many addresses are stored one after the other: some at once would hold every connection to the database
   for as long as they take, and a report of one address would find none.
3. Files ask for room one after the other for the same reason; what each subnet has on its way is counted.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from api.errors import TooManyWaitingError

LONGEST_WAIT_S = 5.0
"""Most seconds that a look-up waits for its turn."""

MOST_WAITING = 200
"""Look-ups that may wait at once; each holds a connection."""

MOST_OF_SUBNET = 40
"""Of these, those of one subnet."""

MANY_LINES = 100
"""Lines of a report from which on it takes its turn."""

MOST_REPORTS = 20
"""Such reports that may be there at once."""


@dataclass(slots=True)
class WaitingRoom:
    """Where look-ups wait for their turn."""

    waiting: Counter[bytes] = field(default_factory=Counter, repr=False)

    async def wait(self, seconds: float, subnet: bytes) -> None:
        """Wait, at most LONGEST_WAIT_S.

        Args:
            seconds: until it is no longer too early; 0 passes at once.
            subnet: where the look-up comes from.

        Raises:
            TooManyWaitingError: too many wait already.
        """
        if seconds <= 0:
            return
        if self.waiting.total() >= MOST_WAITING or self.waiting[subnet] >= MOST_OF_SUBNET:
            raise TooManyWaitingError
        self.waiting[subnet] += 1
        try:
            await asyncio.sleep(min(seconds, LONGEST_WAIT_S))
        finally:
            self.waiting[subnet] -= 1
            self.waiting = +self.waiting  # nothing is kept of who has gone


@dataclass(slots=True)
class ReportTurns:
    """Where reports of many addresses take their turn."""

    present: int = 0
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1), repr=False)

    @asynccontextmanager
    async def take(self, lines: int) -> AsyncIterator[None]:
        """Wait until no other large report is stored; a small one passes at once.

        Raises:
            TooManyWaitingError: too many large ones are there already.
        """
        if lines < MANY_LINES:
            yield
            return
        if self.present >= MOST_REPORTS:
            raise TooManyWaitingError
        self.present += 1
        try:
            async with self._turn:
                yield
        finally:
            self.present -= 1


@dataclass(slots=True)
class UploadsOnWay:
    """Files of public reports on their way: how many bytes of each subnet, and whose turn it is to ask for room."""

    by_subnet: Counter[bytes] = field(default_factory=Counter, repr=False)
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1), repr=False)

    def begin(self, subnet: bytes, size: int, *, share: int) -> bool:
        """Count a subnet's files; return whether they fit into the share that one subnet has.

        Args:
            size, share: bytes.
        """
        if self.by_subnet[subnet] + size > share:
            return False
        self.by_subnet[subnet] += size
        return True

    def end(self, subnet: bytes, size: int) -> None:
        """Count them no more."""
        self.by_subnet[subnet] -= size
        self.by_subnet = +self.by_subnet  # nothing is kept of who has gone
