"""The decoder's client, for the worker and the command line: bytes in, checked numbers and pixels out.

1. `Decoder.start` starts the zygote and keeps what each of its locks got in `layers`.
2. `open_picture` sends one picture under a job id; the child's answer is checked field by field.
3. `OpenedPicture.read_view` and `read_sheet` ask the same child for pixels, if they are wanted at all.
4. Leaving the block ends the child. One picture at a time; one deadline for all questions.

A dead zygote is started again once per call. HEIC pictures go to a second zygote, started when the first of them
comes. No picture is parsed in this process.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from hashsets.model import Fingerprint
from triage.errors import (
    DecoderUnavailableError,
    HostilePictureError,
    PictureRefusedError,
    SandboxUnavailableError,
)
from triage.sandbox import answers, heic, wire
from triage.sandbox.answers import PixelView
from triage.sandbox.conversation import Conversation, explain_end, explain_timeout
from triage.sandbox.locks import LockReport
from triage.sandbox.zygote_link import ZygoteGoneError, ZygoteLink
from triage.settings import Settings

log = logging.getLogger(__name__)

ZYGOTE_MODULE = "triage.sandbox.zygote"
_STRICT = "decoder"
_HEAD_BYTES = 64


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """What decoding one picture may take.

    Attributes:
        wall_s: seconds by the clock, for header, view and sheet together.
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


class OpenedPicture:
    """One decoded picture whose child still waits; see `Decoder.open_picture`.

    Attributes:
        format: one of wire.FORMATS, or wire.HEIC.
        width: pixels as stored.
        height: pixels as stored.
        orientation: EXIF orientation of the first frame, 1-8.
        frames: frames that were fingerprinted, 1-64.
        walked: frames that were looked at to choose those.
        is_whole: whether the file has no more; where not, a person must be told that only `walked` were read.
        fingerprints: of all frames.
    """

    def __init__(self, decoder: "Decoder", talk: Conversation, header: answers.Header) -> None:
        self._decoder = decoder
        self._talk = talk
        self._header = header
        self._view: PixelView | None = None
        self._sheet: PixelView | None = None
        self.format = header.format
        self.width = header.width
        self.height = header.height
        self.orientation = header.orientation
        self.frames = header.frames
        self.walked = header.walked
        self.is_whole = header.is_whole
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

    def read_sheet(self) -> PixelView:
        """Ask the child for the frames of an animation side by side, upright; raises as `read_view` does.

        Raises:
            ValueError: a still picture (one frame) has no sheet.
        """
        if self.frames < 2:
            raise ValueError("a still picture has no sheet")
        if self._sheet is None:
            self._sheet = self._decoder.ask_sheet(self._talk, self._header)
        return self._sheet


class Decoder:
    """Zygotes that are started when first needed and started again when they are gone.

    Not for several threads. `layers` and `zygote_pid` speak of the one for all formats but HEIC.
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
        self._links: dict[str, ZygoteLink] = {}
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
        return self._links[_STRICT].layers if _STRICT in self._links else LockReport()

    @property
    def zygote_pid(self) -> int | None:
        """Process id of the running zygote."""
        return self._links[_STRICT].pid if _STRICT in self._links else None

    def list_zygotes(self) -> list[int]:
        """Return the process ids of the zygotes that run, in the order in which they were started."""
        return [link.pid for link in self._links.values()]

    @property
    def heic_layers(self) -> LockReport | None:
        """What each lock of the HEIC zygote got; None when none runs."""
        return self._links[heic.PROFILE].layers if heic.PROFILE in self._links else None

    def start(self) -> None:
        """Start the zygote if none runs.

        Raises:
            SandboxUnavailableError: no seccomp here, and not weak.
            DecoderUnavailableError: it does not start.
        """
        self._ensure_link(_STRICT)

    def close(self) -> None:
        """End the zygotes."""
        for profile in list(self._links):
            self._drop_link(profile)

    def _drop_link(self, profile: str) -> None:
        link = self._links.pop(profile, None)
        if link is not None:
            link.kill()

    def _ensure_link(self, profile: str) -> ZygoteLink:
        link = self._links.get(profile)
        if link is not None and not link.is_alive():
            log.warning("the picture decoder had ended; starting it again")
            self._drop_link(profile)
            link = None
        if link is None:
            link = self._start_link(profile)
            self._links[profile] = link
        return link

    def _start_link(self, profile: str) -> ZygoteLink:
        link = ZygoteLink(
            self._module,
            memory_mb=self._limits.memory_mb,
            cpu_s=self._limits.cpu_s,
            is_weak=self._is_weak,
            profile=profile,
        )
        if not link.layers.seccomp and not self._is_weak:
            link.kill()
            raise SandboxUnavailableError
        if not link.layers.seccomp:
            log.warning("WEAK SANDBOX: pictures of strangers are decoded WITHOUT seccomp on this machine")
        if not link.layers.landlock:
            log.warning("the picture decoder runs without Landlock: this kernel has none")
        return link

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
        profile = heic.PROFILE if heic.is_heic(data[:_HEAD_BYTES]) else _STRICT
        if profile == heic.PROFILE and not heic.is_installed():
            raise PictureRefusedError(heic.NOT_INSTALLED)
        if self._is_busy:
            raise DecoderUnavailableError("The picture decoder is busy with another picture.")
        self._is_busy = True
        talk: Conversation | None = None
        try:
            talk, header = self._begin(profile, job_id, data)
            yield OpenedPicture(self, talk, header)
        finally:
            self._is_busy = False
            if talk is not None:
                self._end(talk)

    def _begin(self, profile: str, job_id: str, data: bytes) -> tuple[Conversation, answers.Header]:
        for _ in range(2):
            link = self._ensure_link(profile)
            try:
                talk = Conversation(job_id, profile, link.begin_job(job_id), self._limits.wall_s)
                return talk, self._ask_header(talk, data)
            except ZygoteGoneError:
                log.warning("the picture decoder ended during job %s", job_id)
                self._drop_link(profile)
        raise DecoderUnavailableError

    def _ask_header(self, talk: Conversation, data: bytes) -> answers.Header:
        caps = {wire.HEADER: wire.HEADER_MAX_BYTES, wire.REFUSAL: wire.CONTROL_MAX_BYTES}
        kind, payload = self._exchange(talk, wire.PICTURE_LENGTH.pack(len(data)), data, caps)
        try:
            if kind == wire.HEADER:
                return answers.read_header(payload, talk.job_id)
            error = answers.read_refusal(payload, talk.job_id)
        except HostilePictureError:
            self._abandon(talk)
            raise
        self._end(talk)
        raise error

    def ask_view(self, talk: Conversation, header: answers.Header) -> PixelView:
        """Ask for the view of an opened picture; `OpenedPicture.read_view` is the way to it."""
        return self._ask_pixels(talk, wire.ASK_VIEW, wire.VIEW, answers.compute_view_size(header))

    def ask_sheet(self, talk: Conversation, header: answers.Header) -> PixelView:
        """Ask for the sheet of an opened animation; `OpenedPicture.read_sheet` is the way to it."""
        return self._ask_pixels(talk, wire.ASK_SHEET, wire.SHEET, answers.compute_sheet_size(header))

    def _ask_pixels(
        self, talk: Conversation, question: bytes, kind: bytes, size: tuple[int, int]
    ) -> PixelView:
        if talk.profile not in self._links:
            raise DecoderUnavailableError
        try:
            _, payload = self._exchange(talk, question, b"", {kind: answers.compute_pixels_length(size)})
            return answers.read_pixels(payload, size)
        except ZygoteGoneError:
            self._drop_link(talk.profile)
            raise DecoderUnavailableError from None
        except HostilePictureError:
            self._abandon(talk)
            raise

    def _exchange(
        self, talk: Conversation, start: bytes, data: bytes, caps: dict[bytes, int]
    ) -> tuple[bytes, memoryview]:
        link = self._links[talk.profile]
        try:
            talk.send(start)
            talk.send(data)
            return talk.receive_message(caps)
        except TimeoutError:
            talk.close()
            link.kill_job(talk.job_id)
            with suppress(ZygoteGoneError):  # it was killed too and is started again for the next picture
                link.wait_for_end(talk.job_id)
            raise explain_timeout() from None
        except (EOFError, ConnectionError):
            talk.close()
            raise explain_end(link.wait_for_end(talk.job_id)) from None
        except HostilePictureError:
            self._abandon(talk)
            raise

    def _abandon(self, talk: Conversation) -> None:
        """Give up a child that lied, and its zygote with it."""
        log.warning("job %s: its decoder gave an impossible answer and was killed", talk.job_id)
        talk.close()
        self._drop_link(talk.profile)

    def _end(self, talk: Conversation) -> None:
        """Be done with a job whose child may still wait; closing the stream is its sign to exit."""
        link = self._links.get(talk.profile)
        is_open = not talk.is_closed
        talk.close()
        if is_open and link is not None:
            link.leave_job(talk.job_id)
