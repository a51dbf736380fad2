"""Brakes of the entrance, in the memory of this process: strangers may neither occupy the hasher nor try links fast.

Nobody is refused for what strangers do. A try to sign in that would be refused anyway is hashed only while there is
room, and every refusal takes the same time whether it was hashed or not. Links to join are only slowed down.
"""

import threading
import time

import anyio
from argon2 import PasswordHasher

_HASHED_BURST, _HASHED_PER_S = 10.0, 1 / 6
_LINKS_BURST, _LINKS_PER_S = 30.0, 1.0
_SLOW_LINK_S = 1.0
_FLOOR_IN_HASHES = 3.0
"""A refusal lasts as long as this many hashes: longer than what any of them needs."""


class Bucket:
    """Lets `burst` pass at once, and `per_s` a second after that."""

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._level, self._at = burst, time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take one out; False when there is none."""
        with self._lock:
            now = time.monotonic()
            self._level = min(self._burst, self._level + (now - self._at) * self._per_s)
            self._at = now
            if self._level < 1:
                return False
            self._level -= 1
            return True


class Throttle:
    """The brakes of one process.

    Attributes:
        hopeless: tries to sign in that would be refused anyway: unknown names, and persons who must wait.
        links: visits to the page to join.
    """

    def __init__(self) -> None:
        self.hopeless = Bucket(_HASHED_BURST, _HASHED_PER_S)
        self.links = Bucket(_LINKS_BURST, _LINKS_PER_S)
        self._floor_s: float | None = None

    async def slow_links(self) -> None:
        """Let a visit to a link pass, at once or a little later."""
        if not self.links.take():
            await anyio.sleep(_SLOW_LINK_S)

    def wait_out(self, started: float, hasher: PasswordHasher) -> None:
        """Return when a refusal has lasted as long as all refusals do.

        Args:
            started: when the try came, by `time.monotonic`.
            hasher: whose cost is measured, once.
        """
        if self._floor_s is None:
            begun = time.monotonic()
            hasher.hash("measured")
            self._floor_s = _FLOOR_IN_HASHES * (time.monotonic() - begun)
        time.sleep(max(0.0, started + self._floor_s - time.monotonic()))
