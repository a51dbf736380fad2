"""The worker's door to the fetcher process: one URL in, one checked answer out.

1. `start` makes a socket pair, starts `python -I -B -m workers.fetcher` with an empty environment, sends the
   limits and waits until the process says which of its locks hold.
2. `fetch` sends one job and waits, never longer than the fetch's own total and a few seconds.
3. Everything that comes back is a stranger's word: sizes, types, addresses and URLs are checked here.
4. A process that is late, dead, or answers another job is killed; the next fetch starts a new one.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, NoReturn

from triage.errors import CaptureFailedError, CaptureRefusedError, InvalidUrlError, SandboxUnavailableError
from triage.rules.urls import normalise_link
from workers.dialling.policy import check_address, read_networks
from workers.dialling.practice_names import NO_PRACTICE, PracticeNames
from workers.fetcher.wire import (
    FetchLimits,
    FrameError,
    Hop,
    receive_exactly,
    receive_frame,
    send_frame,
)

__all__ = ["FetchLimits", "FetchedFile", "Fetcher", "Hop", "PracticeNames"]

COMMAND = (sys.executable, "-I", "-B", "-m", "workers.fetcher")
START_S = 20.0
GRACE_S = 5.0  # what the process may take beyond its own deadline, to hand over the body
PAGE_S = 5.0  # what it may take to look for pictures in a page; some pages are written to make that slow
MAX_TYPE_CHARACTERS = 127
MAX_WORDS_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """What one fetch brought.

    Attributes:
        final_url: normal URL of the last answer.
        status: its HTTP status, 100-599; an error status is a captured fact, not a failure.
        hops: every answer in order, the last one included; at least one.
        addresses: the addresses dialled, in order, without repetitions.
        content_type: media type without parameters, lower case; empty when there was none.
        body: decompressed bytes, at most the limit.
        elapsed_ms: milliseconds from first to last byte.
        pictures: normal URLs of the pictures of an HTML page, in its order; else empty.
        is_page: whether it is an HTML page, by its type or, without one, by its first bytes.
        is_page_read: False when it is a page whose pictures could not all be looked for (too long, or
            written to make that slow): then `pictures` is not the whole truth and a person must look.
    """

    final_url: str
    status: int
    hops: tuple[Hop, ...]
    addresses: tuple[str, ...]
    content_type: str
    body: bytes
    elapsed_ms: int
    pictures: tuple[str, ...]
    is_page: bool = False
    is_page_read: bool = True


class _WrongAnswerError(Exception):
    """The process gave an answer that cannot be right."""


class Fetcher:
    """A fetcher process that is started when first needed and again whenever it died."""

    def __init__(self, limits: FetchLimits, practice: PracticeNames = NO_PRACTICE) -> None:
        """Prepare; nothing runs yet.

        Args:
            limits: sent to each process at its start.
            practice: names of a practice deployment, from its database; empty in every other one.

        Raises:
            SettingsError: a network of our own cannot be read.
        """
        self._limits = limits
        self._inside = read_networks(limits.inside_networks)
        self._practice = practice
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
            send_frame(ours, make_start_message(self._limits, self._practice))
            ready = receive_frame(ours, time.monotonic() + START_S)
        except (OSError, FrameError) as error:
            self._kill()
            raise SandboxUnavailableError("the fetcher process did not start") from error
        layers = None if ready is None else ready.get("layers")
        if not isinstance(layers, dict):
            self._kill()
            words = None if ready is None else ready.get("error")
            raise SandboxUnavailableError(_tidy_words(words) or "the fetcher process did not start")
        self.layers = layers

    def close(self) -> None:
        """End the process; safe to call twice."""
        self._kill()

    def fetch(self, job_id: str, url: str) -> FetchedFile:
        """Get what one URL answers.

        Args:
            job_id: names this fetch; the answer must carry it.
            url: http or https, in normal form.

        Raises:
            CaptureRefusedError: policy refuses the address or the answer; trying again would not help.
            CaptureFailedError: it did not work this time.
            SandboxUnavailableError: the process cannot be started.
        """
        try:
            url = normalise_link(url).url
        except InvalidUrlError as error:
            raise CaptureRefusedError(str(error)) from None
        with self._turn:
            self.start()
            try:
                return self._ask(job_id, url)
            except TimeoutError:
                self._give_up("no complete answer in time")
            except (OSError, FrameError):
                self._give_up("the fetcher process stopped")
            except _WrongAnswerError:
                self._give_up("the fetcher process gave an answer that cannot be right")
            except (CaptureRefusedError, CaptureFailedError):
                raise
            except BaseException:
                # Stopped half-way (a signal, the queue's own deadline): what is still under way must not
                # become the answer to the next job.
                self._kill()
                raise

    def _ask(self, job_id: str, url: str) -> FetchedFile:
        channel = self._channel
        if channel is None:
            raise OSError
        deadline = time.monotonic() + self._limits.total_s + GRACE_S
        channel.settimeout(GRACE_S)
        send_frame(channel, {"job": job_id, "url": url})
        answer = receive_frame(channel, deadline)
        if answer is None:
            raise FrameError("closed")
        if answer.get("job") != job_id:
            raise _WrongAnswerError
        for name, kind in (("refused", CaptureRefusedError), ("failed", CaptureFailedError)):
            if name in answer:
                raise kind(_tidy_words(answer[name]))
        size = _take_number(answer.get("bytes"), 0, self._limits.max_bytes)
        body = receive_exactly(channel, size, deadline)
        if len(body) < size:
            raise FrameError("cut off")
        file = self._check_answer(answer, url, body)
        if answer.get("page") is not True:
            return file
        pictures, is_complete = self._receive_pictures(channel, job_id)
        return replace(file, pictures=pictures, is_page=True, is_page_read=is_complete)

    def _receive_pictures(self, channel: socket.socket, job_id: str) -> tuple[tuple[str, ...], bool]:
        """Wait for the pictures of a page; the page itself is already here and is not lost with them."""
        try:
            answer = receive_frame(channel, time.monotonic() + PAGE_S)
        except (OSError, FrameError):
            answer = None
        if answer is None:
            self._kill()
            return (), False
        if answer.get("job") != job_id or not isinstance(answer.get("complete"), bool):
            raise _WrongAnswerError
        pictures = _take_list(answer.get("pictures"), self._limits.max_pictures)
        return tuple(_take_url(picture) for picture in pictures), answer["complete"]

    def _check_answer(self, answer: dict[str, Any], url: str, body: bytes) -> FetchedFile:
        hops = tuple(
            self._check_hop(hop) for hop in _take_list(answer.get("hops"), self._limits.max_redirects + 1)
        )
        if not hops or hops[0].url != url:
            raise _WrongAnswerError
        return FetchedFile(
            final_url=hops[-1].url,
            status=hops[-1].status,
            hops=hops,
            addresses=tuple(dict.fromkeys(hop.address for hop in hops)),
            content_type=hops[-1].content_type,
            body=body,
            elapsed_ms=_take_number(answer.get("elapsed_ms"), 0, 86_400_000),
            pictures=(),
        )

    def _check_hop(self, hop: Any) -> Hop:
        if not isinstance(hop, dict):
            raise _WrongAnswerError
        address = _take_text(hop.get("address"), 45)
        try:
            check_address(address, practice=self._practice, inside=self._inside)
        except CaptureRefusedError:
            raise _WrongAnswerError from None
        return Hop(
            url=_take_url(hop.get("url")),
            status=_take_number(hop.get("status"), 100, 599),
            address=address,
            content_type=_take_text(hop.get("content_type"), MAX_TYPE_CHARACTERS),
            tls=_take_text(hop.get("tls"), 16),
        )

    def _give_up(self, words: str) -> NoReturn:
        self._kill()
        raise CaptureFailedError(words) from None

    def _kill(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            self._process = None


def make_start_message(limits: FetchLimits, practice: PracticeNames) -> dict[str, Any]:
    """Return the first message to a fetcher process."""
    return {
        "parent": os.getpid(),
        "limits": {name: getattr(limits, name) for name in FetchLimits.__slots__},
        "practice": practice.to_rows(),
    }


def _take_number(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise _WrongAnswerError
    return value


def _take_text(value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or not (value.isascii() and value.isprintable()):
        raise _WrongAnswerError
    return value


def _take_list(value: object, longest: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > longest:
        raise _WrongAnswerError
    return value


def _take_url(value: object) -> str:
    if not isinstance(value, str):
        raise _WrongAnswerError
    try:
        normal = normalise_link(value).url
    except InvalidUrlError:
        raise _WrongAnswerError from None
    if normal != value:
        raise _WrongAnswerError
    return value


def _tidy_words(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        return ""
    return value[:MAX_WORDS_CHARACTERS]
