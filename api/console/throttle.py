"""Brakes of the entrance, in the memory of this process: strangers may neither occupy the hasher nor try links fast.

Nobody is refused for what strangers do. A try to sign in that would be refused anyway is hashed only while there is
room, and every refusal takes the same time whether it was hashed or not. Tries under one name come one after the other:
many at once would queue for the hasher, and only under a name that is known. Links to join are only slowed down.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

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
        trying: the names under which somebody tries to sign in right now.
    """

    def __init__(self) -> None:
        self.hopeless = Bucket(_HASHED_BURST, _HASHED_PER_S)
        self.links = Bucket(_LINKS_BURST, _LINKS_PER_S)
        self.trying: set[str] = set()
        self._lock = threading.Lock()
        self._measuring = threading.Lock()
        self._floor_s: float | None = None

    async def slow_links(self) -> None:
        """Let a visit to a link pass, at once or a little later."""
        if not self.links.take():
            await anyio.sleep(_SLOW_LINK_S)

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Hold a name for one try to sign in; False while another one is under way, known name or not."""
        with self._lock:
            is_alone = name not in self.trying
            self.trying.add(name)
        try:
            yield is_alone
        finally:
            if is_alone:
                with self._lock:
                    self.trying.discard(name)

    def measure(self, hasher: PasswordHasher) -> float:
        """Return how many seconds a refusal lasts; what a hash costs is found out once."""
        with self._measuring:  # many at once would measure each other, and take 64 MiB each
            if self._floor_s is None:
                begun = time.monotonic()
                hasher.hash("measured")
                self._floor_s = _FLOOR_IN_HASHES * (time.monotonic() - begun)
            return self._floor_s

    def wait_out(self, started: float, hasher: PasswordHasher) -> None:
        """Return when a refusal has lasted as long as all refusals do.

        Args:
            started: when the try came, by `time.monotonic`.
            hasher: whose cost counts.
        """
        time.sleep(max(0.0, started + self.measure(hasher) - time.monotonic()))
