"""The decoder's client, for the worker and the command line: bytes in, checked numbers and pixels out.

1. `Decoder.start` starts the zygote and keeps what each of its locks got in `layers`.
2. `open_picture` sends one picture under a job id; the child's answer is checked field by field.
3. `OpenedPicture.read_view` asks the same child for pixels, if they are wanted at all.
4. Leaving the block ends the child. One picture at a time; one deadline for both questions.

A dead zygote is started again once per call. No picture is parsed in this process.
"""

import logging
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from hashsets.model import Fingerprint
from triage.errors import (
    DecoderUnavailableError,
    HostilePictureError,
    PictureOverLimitError,
    PictureRefusedError,
    SandboxUnavailableError,
)
from triage.sandbox import answers, wire
from triage.sandbox.answers import PixelView
from triage.sandbox.locks import LockReport
from triage.sandbox.zygote_link import ZygoteGoneError, ZygoteLink
from triage.settings import Settings

log = logging.getLogger(__name__)

ZYGOTE_MODULE = "triage.sandbox.zygote"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """What decoding one picture may take.

    Attributes:
        wall_s: seconds by the clock, for the header and the view together.
        cpu_s: seconds of processor time, from 1.
        memory_mb: memory beyond the zygote's own, in MiB.
    """

    wall_s: float = 20.0
    cpu_s: int = 15
    memory_mb: int = 768

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Take the limits from the settings."""
        return cls(settings.decode_wall_s, settings.decode_cpu_s, settings.decode_memory_mb)


class _Conversation:
    """One job's stream and its deadline; every wait ends with TimeoutError when the time is used up."""

    def __init__(self, job_id: str, stream: socket.socket, wall_s: float) -> None:
        self.job_id = job_id
        self.is_closed = False
        self._stream = stream
        self._left_s = wall_s

    def _wait(self, since: float) -> None:
        # Only waiting counts: between header and view the worker may take its own time.
        self._left_s -= time.monotonic() - since
        if self._left_s <= 0:
            raise TimeoutError

    def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            since = time.monotonic()
            self._stream.settimeout(self._left_s)
            rest = rest[self._stream.send(rest[:_CHUNK]) :]
            self._wait(since)

    def receive(self, length: int) -> bytes:
        parts: list[bytes] = []
        while length:
            since = time.monotonic()
            self._stream.settimeout(self._left_s)
            part = self._stream.recv(min(length, _CHUNK))
            self._wait(since)
            if not part:
                raise EOFError
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def receive_message(self, longest: dict[bytes, int]) -> tuple[bytes, bytes]:
        kind, length = answers.check_message_start(self.receive(wire.MESSAGE_START.size), longest)
        return kind, self.receive(length)

    def close(self) -> None:
        self.is_closed = True
        self._stream.close()


def _explain_end(code: int) -> PictureRefusedError:
    """Return the error for a child that ended before it had answered.

    Args:
        code: exit code, or the negative number of the signal that killed it.
    """
    if code == -signal.SIGSYS:
        return HostilePictureError()
    if code == -signal.SIGXCPU:
        return PictureOverLimitError("used too much processor time")
    if code in (wire.EXIT_MEMORY, -signal.SIGKILL):
        return PictureOverLimitError(wire.REASONS["memory"])
    if code < 0:
        return PictureRefusedError("broken: its decoder crashed")
    return PictureRefusedError(wire.REASONS["broken"])


class OpenedPicture:
    """One decoded picture whose child still waits; see `Decoder.open_picture`.

    Attributes:
        format: one of wire.FORMATS.
        width: pixels as stored.
        height: pixels as stored.
        frames: frames that were fingerprinted, 1-64.
        fingerprints: of all frames.
    """

    def __init__(self, decoder: "Decoder", talk: _Conversation, header: answers.Header) -> None:
        self._decoder = decoder
        self._talk = talk
        self._header = header
        self._view: PixelView | None = None
        self.format = header.format
        self.width = header.width
        self.height = header.height
        self.frames = header.frames
        self.orientation = header.orientation
        self.fingerprints: list[Fingerprint] = list(header.fingerprints)

    def read_view(self) -> PixelView:
        """Ask the child for the first frame's pixels, upright, at most wire.VIEW_SIDE a side.

        Raises:
            PictureRefusedError: it took too much of something.
            HostilePictureError: the child tried something forbidden or answered what cannot be true.
            DecoderUnavailableError: the decoder died in between; decode again.
        """
        if self._view is None:
            self._view = self._decoder.ask_view(self._talk, self._header)
        return self._view


class Decoder:
    """A zygote that is started when first needed and started again when it is gone.

    Not for several threads. `layers` says what each lock of the running zygote got.
    """

    def __init__(
        self, limits: DecoderLimits, *, weak: bool = False, zygote_module: str = ZYGOTE_MODULE
    ) -> None:
        """Prepare a decoder; nothing is started yet.

        Args:
            limits: what one picture may take.
            weak: whether to decode without seccomp where the machine has none.
            zygote_module: what the zygote runs. Only the tests of the boundary give another, as an argument
                in code: no setting, no variable and no datum of a report leads here.
        """
        self._limits = limits
        self._is_weak = weak
        self._module = zygote_module
        self._link: ZygoteLink | None = None
        self._is_busy = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def layers(self) -> LockReport:
        """What each lock of the running zygote got; all off when none runs."""
        return self._link.layers if self._link else LockReport()

    @property
    def zygote_pid(self) -> int | None:
        """Process id of the running zygote."""
        return self._link.pid if self._link else None

    def start(self) -> None:
        """Start the zygote if none runs.

        Raises:
            SandboxUnavailableError: no seccomp here, and not weak.
            DecoderUnavailableError: it does not start.
        """
        self._ensure_link()

    def close(self) -> None:
        """End the zygote."""
        if self._link is not None:
            self._link.kill()
            self._link = None

    def _ensure_link(self) -> ZygoteLink:
        if self._link is not None and not self._link.is_alive():
            log.warning("the picture decoder had ended; starting it again")
            self.close()
        if self._link is None:
            link = ZygoteLink(
                self._module,
                memory_mb=self._limits.memory_mb,
                cpu_s=self._limits.cpu_s,
                is_weak=self._is_weak,
            )
            if not link.layers.seccomp and not self._is_weak:
                link.kill()
                raise SandboxUnavailableError
            if not link.layers.seccomp:
                log.warning("WEAK SANDBOX: pictures of strangers are decoded WITHOUT seccomp on this machine")
            if not link.layers.landlock:
                log.warning("the picture decoder runs without Landlock: this kernel has none")
            self._link = link
        return self._link

    @contextmanager
    def open_picture(self, job_id: str, data: bytes) -> Iterator[OpenedPicture]:
        """Decode one picture in a locked child, which stays until the block is left.

        Args:
            job_id: 1-64 letters, digits and hyphens, new for each call.
            data: the file's bytes as they came.

        Raises:
            PictureRefusedError: it cannot be decoded; the message says why, in words.
            HostilePictureError: it made its decoder do something forbidden.
            SandboxUnavailableError: this machine cannot lock the decoder.
            DecoderUnavailableError: the decoder died twice; nothing is known of the picture.
        """
        wire.check_job_id(job_id)
        if len(data) > wire.PICTURE_MAX_BYTES:
            raise PictureRefusedError("larger than what we decode")
        if self._is_busy:
            raise DecoderUnavailableError("The picture decoder is busy with another picture.")
        self._is_busy = True
        talk: _Conversation | None = None
        try:
            talk, header = self._begin(job_id, data)
            yield OpenedPicture(self, talk, header)
        finally:
            self._is_busy = False
            if talk is not None:
                self._end(talk)

    def _begin(self, job_id: str, data: bytes) -> tuple[_Conversation, answers.Header]:
        for _ in range(2):
            link = self._ensure_link()
            try:
                talk = _Conversation(job_id, link.begin_job(job_id), self._limits.wall_s)
                return talk, self._ask_header(link, talk, data)
            except ZygoteGoneError:
                log.warning("the picture decoder ended during job %s", job_id)
                self.close()
        raise DecoderUnavailableError

    def _ask_header(self, link: ZygoteLink, talk: _Conversation, data: bytes) -> answers.Header:
        caps = {wire.HEADER: wire.HEADER_MAX_BYTES, wire.REFUSAL: wire.CONTROL_MAX_BYTES}
        kind, payload = self._exchange(link, talk, wire.PICTURE_LENGTH.pack(len(data)), data, caps)
        try:
            if kind == wire.HEADER:
                return answers.read_header(payload, talk.job_id)
            error = answers.read_refusal(payload, talk.job_id)
        except HostilePictureError:
            self._abandon(talk)
            raise
        self._end(talk)
        raise error

    def ask_view(self, talk: _Conversation, header: answers.Header) -> PixelView:
        """Ask for the pixels of an opened picture; `OpenedPicture.read_view` is the way to it."""
        if self._link is None:
            raise DecoderUnavailableError
        caps = {wire.VIEW: answers.compute_view_length(header)}
        try:
            _, payload = self._exchange(self._link, talk, wire.ASK_VIEW, b"", caps)
            return answers.read_view(payload, header)
        except ZygoteGoneError:
            self.close()
            raise DecoderUnavailableError from None
        except HostilePictureError:
            self._abandon(talk)
            raise

    def _exchange(
        self, link: ZygoteLink, talk: _Conversation, start: bytes, data: bytes, caps: dict[bytes, int]
    ) -> tuple[bytes, bytes]:
        try:
            talk.send(start)
            talk.send(data)
            return talk.receive_message(caps)
        except TimeoutError:
            talk.close()
            link.kill_job(talk.job_id)
            with suppress(ZygoteGoneError):  # it was killed too and is started again for the next picture
                link.wait_for_end(talk.job_id)
            raise PictureOverLimitError("took too long") from None
        except (EOFError, ConnectionError):
            talk.close()
            raise _explain_end(link.wait_for_end(talk.job_id)) from None
        except HostilePictureError:
            self._abandon(talk)
            raise

    def _abandon(self, talk: _Conversation) -> None:
        """Give up a child that lied, and its zygote with it."""
        log.warning("job %s: its decoder gave an impossible answer and was killed", talk.job_id)
        talk.close()
        self.close()

    def _end(self, talk: _Conversation) -> None:
        """End a job whose child may still wait; closing the stream is its sign to exit."""
        if talk.is_closed or self._link is None:
            talk.close()
            return
        talk.close()
        try:
            self._link.wait_for_end(talk.job_id)
        except ZygoteGoneError:
            self.close()
