"""The worker's door to the fetcher process: one order in, one checked answer out.

1. `start` makes a socket pair, starts `python -I -B -m workers.fetcher` with an empty environment, sends limits, ways
   out and practice names, and waits until the process says which of its locks hold.
2. `fetch` sends one order and waits, never longer than the fetch's own total and a few seconds. First comes the answer
   to what was ordered; then, once a page and its frames were read, what the page holds.
3. Everything that comes back is a stranger's word: `answers.py` checks it.
4. A process that is late, dead, or answers another job is killed; the next fetch starts a new one. What came before it
   was late is kept, and marked as not complete.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import TracebackType
from typing import Any, NoReturn

from triage.errors import CaptureFailedError, CaptureRefusedError, InvalidUrlError, SandboxUnavailableError
from triage.rules.fetch_failures import FetchFailure
from triage.rules.urls import normalise_link, split_url
from workers.dialling.exits import Exits, is_onion
from workers.dialling.policy import read_networks
from workers.dialling.practice_names import NO_PRACTICE, PracticeNames
from workers.fetcher.answers import AnswerChecker, FetchedFile, FetchedPage, WrongAnswerError, tidy_words
from workers.fetcher.failures import fail
from workers.fetcher.wire import (
    FetchLimits,
    FetchOrder,
    FrameError,
    Hop,
    receive_exactly,
    receive_frame,
    send_frame,
)

__all__ = ["FetchLimits", "FetchOrder", "FetchedFile", "FetchedPage", "Fetcher", "Hop", "PracticeNames"]

COMMAND = (sys.executable, "-I", "-B", "-m", "workers.fetcher")
START_S = 20.0
GRACE_S = 5.0  # what the process may take beyond its own deadline, to hand over the body
PAGE_S = 5.0  # what it may take beyond that to read a page; some pages are written to make that slow
_ISOLATION = re.compile(r"(?:[0-9a-f]{32})?")


class Fetcher:
    """A fetcher process that is started when first needed and again whenever it died."""

    def __init__(
        self,
        limits: FetchLimits,
        practice: PracticeNames = NO_PRACTICE,
        *,
        networks: Sequence[tuple[str, str]] = (),
        credentials: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            limits: sent to each process at its start.
            practice: names of a practice deployment, from its database; empty in every other one.
            networks: (prefix, country) for the countries that FETCH_EXIT_RULES names.
            credentials: exit name → user and password, from the key file `exits`.

        Raises:
            SettingsError: a network of our own, an exit or a rule cannot be read.
        """
        self._limits = limits
        self._practice = practice
        self._networks = tuple(networks)
        self._credentials = dict(credentials or {})
        exits = Exits.from_settings(
            limits.exits, limits.exit_rules, networks=self._networks, credentials=self._credentials
        )
        self._checker = AnswerChecker(limits, exits, practice, read_networks(limits.inside_networks))
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._turn = threading.Lock()
        self.layers: dict[str, Any] = {}

    def __enter__(self) -> "Fetcher":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process's id, or None while there is none."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process unless it runs; `layers` then says which locks hold.

        Raises:
            SandboxUnavailableError: it cannot lock itself, or did not start in time.
        """
        if self._process is not None and self._process.poll() is None:
            return
        self._kill()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._channel = ours
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [*COMMAND, str(theirs.fileno())],
                    env={},
                    cwd="/",
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            start = make_start_message(self._limits, self._practice, self._networks, self._credentials)
            send_frame(ours, start)
            ready = receive_frame(ours, time.monotonic() + START_S)
        except (OSError, FrameError) as error:
            self._kill()
            raise SandboxUnavailableError("the fetcher process did not start") from error
        layers = None if ready is None else ready.get("layers")
        if not isinstance(layers, dict):
            self._kill()
            words = None if ready is None else ready.get("error")
            raise SandboxUnavailableError(tidy_words(words) or "the fetcher process did not start")
        self.layers = layers

    def close(self) -> None:
        """End the process; safe to call twice."""
        self._kill()

    def fetch(self, job_id: str, order: FetchOrder) -> FetchedFile:
        """Get what one URL answers.

        Args:
            job_id: names this fetch; the answer must carry it.
            order: what is fetched, and how; its URL is http or https, in normal form.

        Raises:
            CaptureRefusedError: policy refuses the address or the answer; trying again would not help.
            CaptureFailedError: it did not work this time; `failure` names why.
            SandboxUnavailableError: the process cannot be started.
        """
        order = _tidy_order(order, self._checker.exits)
        with self._turn:
            self.start()
            try:
                return self._ask(job_id, order)
            except TimeoutError:
                self._give_up(FetchFailure.OUT_OF_TIME)
            except (OSError, FrameError, WrongAnswerError):
                self._give_up(FetchFailure.FETCHER_STOPPED)
            except (CaptureRefusedError, CaptureFailedError):
                raise
            except BaseException:
                # Stopped half-way (a signal, the queue's own deadline): what is still under way must not
                # become the answer to the next job.
                self._kill()
                raise

    def _ask(self, job_id: str, order: FetchOrder) -> FetchedFile:
        channel = self._channel
        if channel is None:
            raise OSError
        deadline = time.monotonic() + self._limits.total_s + GRACE_S
        channel.settimeout(GRACE_S)
        send_frame(channel, {"job": job_id, "order": asdict(order)})
        answer = self._receive(channel, job_id, order, deadline)
        body = _receive_body(channel, self._checker.read_size(answer.get("bytes")), deadline)
        first = self._checker.read_answer(answer, order, body)
        if not order.wants_page or first.page is None:
            return first
        try:
            return self._receive_page(channel, job_id, order, first, deadline + PAGE_S)
        except (OSError, FrameError):
            # The page itself is already here and is not lost with what it holds.
            self._kill()
            return first
        except (CaptureRefusedError, CaptureFailedError):
            return first  # likewise; the process lives on

    def _receive_page(
        self, channel: socket.socket, job_id: str, order: FetchOrder, first: FetchedFile, deadline: float
    ) -> FetchedFile:
        """Wait until the page and its frames were read; a refresh may have led to another answer."""
        answer = self._receive(channel, job_id, order, deadline)
        body = None
        if answer.get("bytes") is not None:
            body = _receive_body(channel, self._checker.read_size(answer["bytes"]), deadline)
        file = self._checker.read_end(answer, order, first, body)
        page = answer.get("holds")
        if page is None:
            return file
        sizes = self._checker.read_embedded_sizes(page)
        embedded = tuple(_receive_body(channel, size, deadline) for size in sizes)
        return replace(file, page=self._checker.read_page(page, embedded))

    def _receive(
        self, channel: socket.socket, job_id: str, order: FetchOrder, deadline: float
    ) -> dict[str, Any]:
        answer = receive_frame(channel, deadline)
        if answer is None:
            raise FrameError("closed")
        if answer.get("job") != job_id:
            raise WrongAnswerError
        self._checker.raise_failure(answer, order)
        return answer

    def _give_up(self, failure: FetchFailure) -> NoReturn:
        self._kill()
        raise fail(failure) from None

    def _kill(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            self._process = None


def make_start_message(
    limits: FetchLimits,
    practice: PracticeNames,
    networks: Sequence[tuple[str, str]] = (),
    credentials: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """Return the first message to a fetcher process."""
    return {
        "parent": os.getpid(),
        "limits": {name: getattr(limits, name) for name in FetchLimits.__slots__},
        "practice": practice.to_rows(),
        "networks": list(networks),
        "credentials": dict(credentials or {}),
    }


def _tidy_order(order: FetchOrder, exits: Exits) -> FetchOrder:
    """Return the order with its URLs in normal form, and with the way out that a Tor service calls for.

    Raises:
        CaptureRefusedError: what is to be fetched is no address, or nothing leads to where a Tor service shows it.
    """
    try:
        url = normalise_link(order.url).url
    except InvalidUrlError as error:
        raise CaptureRefusedError(str(error)) from None
    try:
        referer = normalise_link(order.referer).url if order.referer else ""
    except InvalidUrlError:
        referer = ""
    isolation = order.isolation if _ISOLATION.fullmatch(order.isolation) else ""
    exit_name = order.exit_name
    shown_at = split_url(referer).host if referer else ""
    if not exit_name and is_onion(shown_at):
        exit_name = exits.find_tor(shown_at).name  # its pictures elsewhere must not show it our own address
    return replace(order, url=url, referer=referer, isolation=isolation, exit_name=exit_name)


def _receive_body(channel: socket.socket, size: int, deadline: float) -> bytes:
    body = receive_exactly(channel, size, deadline)
    if len(body) < size:
        raise FrameError("cut off")
    return body
