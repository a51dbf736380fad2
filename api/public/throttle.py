"""How much comes from one part of the net: token buckets in the memory of this process, never on a disk.

A subnet is known only by a keyed hash whose key is random, changes every day and is nowhere else; when it changes
all buckets are forgotten. The number of buckets is bounded: the one that was not asked for longest goes. A second
bucket counts all subnets together, so that many subnets do not get past the bound.
"""

import hashlib
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date

MAX_SUBNETS = 20_000
"""Most subnets that are counted apart: some 4 MB."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much may come.

    Attributes:
        burst: at once, at least 1.
        per_s: in a second after that, more than 0.
    """

    burst: float
    per_s: float

    def take(self, bucket: _Bucket, now: float) -> float:
        """Take one token; return the seconds after which it would be there, 0 when it is there now.

        A missing token is owed, but never more than a burst: nobody waits for what others sent an hour ago.
        """
        gained = max(now - bucket.filled_at, 0.0) * self.per_s
        bucket.tokens = min(bucket.tokens + gained, self.burst)
        bucket.filled_at = now
        bucket.tokens = max(bucket.tokens - 1, -self.burst)
        return max(-bucket.tokens, 0.0) / self.per_s


@dataclass(slots=True)
class Throttle:
    """The buckets of one kind of request.

    Args:
        of_subnet: what one subnet may send.
        of_all: what all of them may send together.
        max_subnets: most subnets that are counted apart.
    """

    of_subnet: Allowance
    of_all: Allowance
    max_subnets: int = MAX_SUBNETS
    _buckets: OrderedDict[bytes, _Bucket] = field(default_factory=OrderedDict, repr=False)
    _all: _Bucket | None = field(default=None, repr=False)
    _salt: bytes = field(default=b"", repr=False)
    _day: date | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, subnet: bytes, *, today: date, now: float) -> float:
        """Count one request; return for how many seconds it is too early, 0 when it is not.

        Args:
            subnet: as `client_address.subnet_of` gives it.
            today: the day whose salt is used.
            now: seconds of a clock that never goes back.
        """
        with self._lock:
            if self._day != today:
                self._salt, self._day = secrets.token_bytes(32), today
                self._buckets.clear()
            key = hashlib.blake2b(subnet, key=self._salt, digest_size=16).digest()
            bucket = self._buckets.pop(key, None) or _Bucket(self.of_subnet.burst, now)
            self._buckets[key] = bucket
            if len(self._buckets) > self.max_subnets:
                self._buckets.popitem(last=False)
            if self._all is None:
                self._all = _Bucket(self.of_all.burst, now)
            own_s = self.of_subnet.take(bucket, now)
            # What its own subnet holds back takes nothing from all others.
            return own_s if own_s else self.of_all.take(self._all, now)

    def count_subnets(self) -> int:
        """Return how many subnets are counted apart."""
        return len(self._buckets)
