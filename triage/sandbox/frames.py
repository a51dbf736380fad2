"""The frames of an animation, sampled over its whole length in one walk forward.

1. Keep every frame as long as there are at most wire.MAX_FRAMES.
2. One more: thin them by time, so that about half stay, evenly; from then on keep a frame when it begins after the
   next mark, and double the distance of the marks whenever there are too many again.
3. Stop at the end, at a damaged frame, or at a cap. How many frames a file claims is never asked: some formats
   would walk through all of it to know.

Of a frame that is kept only its fingerprints and a small picture stay, so memory does not grow with the file.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from PIL import Image

from hashsets.compute import fingerprint_picture
from hashsets.model import Fingerprint
from triage.sandbox import wire
from triage.sandbox.modes import Pixels, read_rgb
from triage.sandbox.shrink import shrink_to_cell

MAX_TOTAL_PIXELS = 600_000_000
"""Pixels of all frames together, after which no further frame is read."""

_SHARE_OF_CPU = 0.6
_STANDARD_MS = 100  # what browsers give a frame that says nothing
_SHORTEST_MS = 20
_LONGEST_MS = 1000
"""No frame counts for longer: a first one that stands for an hour must not push out all that follow."""


@dataclass(slots=True)
class Clock:
    """How long the decoding of one picture may take before no further frame is read.

    Attributes:
        cpu_s: processor time that the sandbox allows in all, in seconds.
    """

    cpu_s: float
    _begun: tuple[float, float] = field(default_factory=lambda: (time.process_time(), time.monotonic()))

    def is_late(self) -> bool:
        """Whether frames must stop: the largest share of the processor time is used, or as much time as all of it."""
        cpu, wall = time.process_time() - self._begun[0], time.monotonic() - self._begun[1]
        return cpu > self.cpu_s * _SHARE_OF_CPU or wall > self.cpu_s


@dataclass(frozen=True, slots=True)
class Frame:
    """What stays of a frame.

    Attributes:
        start_ms: when it begins.
        fingerprints: as `fingerprint_picture` gives them.
        thumb: its pixels on the sheet; None for a still picture, which has none.
    """

    start_ms: int
    fingerprints: list[Fingerprint]
    thumb: Pixels | None = None


class Sample:
    """At most `most` frames, evenly spread over the time walked so far."""

    def __init__(self, most: int) -> None:
        """Begin with nothing; `most` is at least 2."""
        self._most = most
        self._kept: list[Frame] = []
        self._interval_ms = 0
        self._mark_ms = 0

    def wants(self, start_ms: int) -> bool:
        """Whether a frame that begins then is kept."""
        return start_ms >= self._mark_ms

    def add(self, frame: Frame) -> None:
        """Keep a frame; it begins after all that were kept before."""
        self._kept.append(frame)
        if len(self._kept) > self._most:
            self._interval_ms = max(2 * self._interval_ms, -(-2 * frame.start_ms // self._most))
            standing, self._kept, self._mark_ms = self._kept, [], 0
            for one in standing:
                if self.wants(one.start_ms):
                    self._kept.append(one)
                    self._move_mark(one.start_ms)
        else:
            self._move_mark(frame.start_ms)

    def _move_mark(self, start_ms: int) -> None:
        if self._interval_ms:
            self._mark_ms = (start_ms // self._interval_ms + 1) * self._interval_ms

    def list_frames(self) -> list[Frame]:
        """Return the frames that were kept, numbered from 0 in the order of time."""
        return [
            replace(one, fingerprints=[replace(print_, frame=number) for print_ in one.fingerprints])
            for number, one in enumerate(self._kept)
        ]


@dataclass(frozen=True, slots=True)
class Walk:
    """The frames of a file.

    Attributes:
        frames: those that were kept, 1-64, the first frame among them.
        walked: frames that were looked at, 1-5 000.
        is_whole: whether the walk came to the end; False at a cap or a damaged frame.
    """

    frames: list[Frame]
    walked: int
    is_whole: bool


def _list_later(image: Image.Image) -> Iterable[int]:
    """Return the places of the frames after the first one, in order; it may be more than there are."""
    if image.format == "HEIF":  # an album: the picture that counts as first may lie anywhere in it
        return [place for place in range(getattr(image, "n_frames", 1)) if place != image.tell()]
    # An icon's "frames" are the same picture in other sizes.
    return () if image.format == "ICO" else count(1)


def _read_duration(image: Image.Image) -> int:
    value = image.info.get("duration")
    if not isinstance(value, int | float) or not value > 0:
        return _STANDARD_MS
    return int(min(max(value, _SHORTEST_MS), _LONGEST_MS))


def step_frames(image: Image.Image) -> Iterator[int | None]:
    """Move an opened picture from its first frame to each later one.

    The frame at which it stands must be loaded before the next step: only then every format tells how long it lasts.

    Yields:
        When the frame begins, in ms; None, as the last, where the file is damaged and leads no further.
    """
    start_ms = 0
    for place in _list_later(image):
        start_ms += _read_duration(image)
        try:
            image.seek(place)
        except EOFError:
            return
        except Exception:  # noqa: BLE001 - a parser fed by strangers may raise anything
            yield None
            return
        yield start_ms


def walk_frames(
    image: Image.Image, steps: Iterable[int | None], first: Frame, cell: tuple[int, int], clock: Clock
) -> Walk:
    """Walk through the frames after the first one and keep a sample of all.

    Args:
        image: an opened picture.
        steps: what `step_frames` gives for it.
        first: what stays of its first frame.
        cell: width and height of a frame on the sheet, as stored.
        clock: when to stop.
    """
    sample = Sample(wire.MAX_FRAMES)
    sample.add(first)
    walked, pixels, is_whole = 1, image.size[0] * image.size[1], True
    for start_ms in steps:
        pixels += image.size[0] * image.size[1]
        is_capped = walked >= wire.MAX_WALKED or pixels > MAX_TOTAL_PIXELS or clock.is_late()
        if start_ms is None or is_capped or not _take_frame(image, sample, start_ms, cell):
            is_whole = False
            break
        walked += 1
    return Walk(sample.list_frames(), walked, is_whole)


def _take_frame(image: Image.Image, sample: Sample, start_ms: int, cell: tuple[int, int]) -> bool:
    """Load the frame at which a picture stands, and keep it if the sample wants it; False if it cannot be read."""
    try:
        if not 0 < image.size[0] * image.size[1] <= wire.MAX_PIXELS:
            return False
        image.load()  # one that is not kept too: others are drawn over it, and some formats tell its time only then
        if sample.wants(start_ms):
            rgb = read_rgb(image)
            sample.add(Frame(start_ms, fingerprint_picture(rgb, frame=0), shrink_to_cell(rgb, cell)))
    except Exception:  # noqa: BLE001 - the frames before one that is broken, or too large for memory, still count
        return False
    return True
