"""Seeded kills of everything below a process, spread evenly over a time; and the waits of a test shortened.

1. A deck of strokes is laid from the seed: whom to kill, or that the queue is wiped.
2. A thread plays it: at each moment one process of that role dies by SIGKILL.
3. What a supervisor restarts with growing waits is struck a few times a minute, then rests a minute.
"""

import contextlib
import os
import random
import signal
import threading
import time
from pathlib import Path

import psycopg
import redis

from tests.deployments import list_below, read_command
from triage.store.sendings import SENDING_LEASE_S

WIPE = "wipe the queue"
WORDS = {
    "public web": "-m api --surface public",
    "staff web": "-m api --surface staff",
    "worker": "-m workers ",
    "outbound": "-m workers --queue outbound",
    "sweep": "-m workers.sweep",
    "zygote": "triage.sandbox.zygote",
    "fetcher": "workers.fetcher",
    "postgres": "/bin/postgres -D",
    "a backend": "postgres: hotline_",
    "valkey": "valkey-server",
}
"""Role → words of its command line."""
STROKES = {
    "public web": 2, "staff web": 3, "worker": 4, "outbound": 3, "sweep": 2, "zygote": 4, "fetcher": 4,
    "postgres": 2, "a backend": 2, "valkey": 2, WIPE: 3,
}  # fmt: skip
"""Role → how often it is struck in one deck."""
PATIENCE_S = 1.0
"""How long a stroke waits for whoever is being started again; on a machine under load that takes its time."""


def find_role(command: str) -> str | None:
    """Return the role of a command line; the longest words that fit decide."""
    fitting = [role for role, words in WORDS.items() if words in command + " "]
    return max(fitting, key=lambda role: len(WORDS[role]), default=None)


def lay_strokes(dice: random.Random, duration_s: float) -> list[tuple[float, str]]:
    """Return (seconds after the beginning, role) of all strokes.

    Half a minute or less takes one deck of everything. Longer, every minute takes the deck of half of the roles,
    the other half the minute after: who lived a minute is forgiven, and started again without a wait.
    """
    if duration_s <= 60.0:
        decks = [list(STROKES)]
    else:
        roles = dice.sample(list(STROKES), len(STROKES))
        halves = (roles[::2], roles[1::2])
        decks = [halves[number % 2] for number in range(round(duration_s / 60.0))]
    laid = []
    each_s = duration_s / len(decks)
    for number, roles in enumerate(decks):
        deck = [role for role in roles for _ in range(STROKES[role])]
        dice.shuffle(deck)
        gap_s = each_s / len(deck)
        laid += [(number * each_s + (place + dice.random()) * gap_s, role) for place, role in enumerate(deck)]
    return laid


class Chaos:
    """Strikes what runs below a process, in a thread, until its time is over.

    Attributes:
        told: one line for each stroke.
    """

    def __init__(
        self, pid: int, redis_url: str, strokes: list[tuple[float, str]], dice: random.Random
    ) -> None:
        self.told: list[str] = []
        self._pid, self._redis_url, self._strokes, self._dice = pid, redis_url, strokes, dice
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def __enter__(self) -> "Chaos":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(10)

    @property
    def is_raging(self) -> bool:
        return self._thread.is_alive()

    def _play(self) -> None:
        began = time.monotonic()
        for at_s, role in self._strokes:
            if self._is_over.wait(max(0.0, began + at_s - time.monotonic())):
                return
            self.told.append(f"{time.monotonic() - began:5.1f} {role}: {self._strike(role)}")

    def _strike(self, role: str) -> str:
        if role == WIPE:
            with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self._redis_url) as queue:
                queue.flushall()
                return "wiped"
            return "away"
        until = time.monotonic() + PATIENCE_S
        while not (pids := [pid for pid in list_below(self._pid) if find_role(read_command(pid)) == role]):
            if time.monotonic() > until or self._is_over.wait(0.05):
                return "not there"
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._dice.choice(pids), signal.SIGKILL)
        return "killed"


def let_leases_run_out(owner_dsn: str, *, older_than_s: float) -> int:
    """Let the clock run for messages that somebody took and did not end, as two minutes would; return how many.

    Args:
        older_than_s: only what stands like this for so long: whoever sends needs far less.
    """
    with psycopg.connect(owner_dsn, connect_timeout=5) as conn:
        return conn.execute(
            "UPDATE sendings SET started_at = started_at - %(lease)s * interval '1 second'"
            " WHERE state = 'sending' AND started_at > now() - %(lease)s * interval '1 second'"
            " AND started_at < now() - %(old)s * interval '1 second'",
            {"lease": SENDING_LEASE_S, "old": older_than_s},
        ).rowcount


def list_files(folder: Path) -> list[str]:
    """Return all files below a folder by their path within it; half-written ones aside."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".part"))
    return sorted(str(path.relative_to(folder)) for path in paths)
