"""Strangers' bytes to numbers and raw pixels. Runs only in a locked child of the zygote.

It never encodes a picture file: a decoder that was taken over must not choose what a browser will show.

1. Open by the list of formats, refuse too many pixels before anything is decoded.
2. Decode the first frame, whatever its mode, into RGB numbers over white (`jpeg`, `modes`), and compute its
   fingerprints; where EXIF says that it lies turned, also those of the upright pixels.
3. Walk on through an animation and keep a sample of its frames (`frames`).
4. Keep what `render_view` and `render_sheet` make raw RGB of, if they are asked for (`shrink`).
"""

import io
import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    ImagePalette,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from hashsets.compute import fingerprint_picture, turn_upright
from hashsets.model import Fingerprint
from triage.sandbox import heic, wire
from triage.sandbox.frames import Clock, Frame, step_frames, walk_frames
from triage.sandbox.jpeg import decode_plain
from triage.sandbox.modes import Pixels, read_rgb
from triage.sandbox.shrink import lay_sheet, shrink_to_cell, shrink_to_view

# Imported for what their import does (they register formats), and because nothing can be imported later.
PLUGINS = (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    ImageCms,
    ImagePalette,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

_STANDARD_CPU_S = 15.0
_EXIF_ORIENTATION = 0x0112
_NAMES = {"MPO": "JPEG", "HEIF": wire.HEIC}

_SIGNATURES: tuple[tuple[int, bytes], ...] = (
    (0, b"\x89PNG\r\n\x1a\n"),
    (0, b"\xff\xd8\xff"),
    (0, b"GIF87a"),
    (0, b"GIF89a"),
    (8, b"WEBP"),
    (4, b"ftypavi"),
    (0, b"II*\x00"),
    (0, b"MM\x00*"),
)


class RefusedError(Exception):
    """The picture is refused; the argument is a key of wire.REASONS."""


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """What one picture gave.

    Attributes:
        format: one of wire.FORMATS, or wire.HEIC.
        width: pixels of the first frame as stored.
        height: pixels of the first frame as stored.
        orientation: EXIF orientation of the first frame, 1-8.
        first: the first frame as stored; of an animation no larger than its view.
        kept: the frames that were fingerprinted, 1-64, in order.
        walked: frames that were looked at.
        is_whole: whether those are all that the file has.
    """

    format: str
    width: int
    height: int
    orientation: int
    first: Pixels
    kept: Sequence[Frame]
    walked: int
    is_whole: bool

    @property
    def frames(self) -> int:
        """How many frames were fingerprinted."""
        return len(self.kept)

    @property
    def fingerprints(self) -> list[Fingerprint]:
        """Fingerprints of all frames, in order."""
        return [one for frame in self.kept for one in frame.fingerprints]


Decode = Callable[[io.BytesIO], DecodedPicture]


def configure_pillow() -> None:
    """Set the caps of the imaging library; call it once, before anything is decoded."""
    Image.MAX_IMAGE_PIXELS = wire.MAX_PIXELS
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    # A word of complaint asks for the process id, writes and may read source files: forbidden calls, all of them.
    logging.getLogger("PIL").setLevel(logging.CRITICAL + 1)
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def choose_decode(profile: str, cpu_s: float) -> Decode:
    """Return how the children of a zygote decode.

    Args:
        profile: the zygote's, see `heic`.
        cpu_s: processor time that each of them may take, in seconds.
    """
    formats = heic.PILLOW_FORMATS if profile == heic.PROFILE else wire.FORMATS
    return partial(decode_picture, cpu_s=cpu_s, formats=formats)


def _check_pixels(width: int, height: int) -> None:
    if min(width, height) < 1:
        raise RefusedError("broken")
    if width * height > wire.MAX_PIXELS:
        raise RefusedError("pixels")


def _read_orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - a damaged EXIF block may raise anything; the picture still counts
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _open(data: io.BytesIO, formats: tuple[str, ...]) -> Image.Image:
    start = data.getbuffer()[:64].tobytes()
    try:
        image = Image.open(data, formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise RefusedError("pixels") from None
    except UnidentifiedImageError:
        is_known = heic.is_heic(start) or any(start[place:].startswith(mark) for place, mark in _SIGNATURES)
        raise RefusedError("broken" if is_known else "format") from None
    _check_pixels(*image.size)
    return image


def _decode_first(image: Image.Image, data: io.BytesIO) -> Pixels:
    pixels = decode_plain(data.getvalue(), image)
    return read_rgb(image) if pixels is None else pixels


def decode_picture(
    data: io.BytesIO, *, cpu_s: float = _STANDARD_CPU_S, formats: tuple[str, ...] = wire.FORMATS
) -> DecodedPicture:
    """Decode a picture and compute its fingerprints.

    Args:
        data: the file's bytes as they came.
        cpu_s: processor time that the sandbox allows, in seconds: an animation must end well before.
        formats: what Pillow may take it for.

    Returns:
        Fingerprints of all frames that were kept, and the first frame.

    Raises:
        RefusedError: it is no picture, too large, or its first frame is broken.
        MemoryError: it needs more than this process may have.
    """
    clock = Clock(cpu_s)
    try:
        image = _open(data, formats)
        rgb = _decode_first(image, data)
        height, width = rgb.shape[:2]
        _check_pixels(width, height)
        orientation = _read_orientation(image)
        fingerprints = fingerprint_picture(rgb, frame=0, orientation=orientation)
    except (RefusedError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise RefusedError("pixels") from None
    except Exception as error:  # noqa: BLE001 - a parser fed by strangers may raise anything
        raise RefusedError("memory" if "memory" in str(error).lower() else "broken") from None
    name = _NAMES.get(str(image.format), str(image.format))
    steps = step_frames(image)
    second = list(islice(steps, 1))
    if not second:
        return DecodedPicture(name, width, height, orientation, rgb, [Frame(0, fingerprints)], 1, True)
    # The whole first frame is let go before the next one is taken in.
    cell = wire.compute_cell_size(width, height, 1)
    thumb, rgb = shrink_to_cell(rgb, cell), shrink_to_view(rgb)
    walk = walk_frames(image, chain(second, steps), Frame(0, fingerprints, thumb), cell, clock)
    return DecodedPicture(name, width, height, orientation, rgb, walk.frames, walk.walked, walk.is_whole)


def render_view(picture: DecodedPicture) -> tuple[int, int, memoryview]:
    """Return the first frame upright, at most wire.VIEW_SIDE pixels a side, as raw RGB.

    Returns:
        Width and height in pixels, and width x height x 3 bytes.
    """
    return _pack(turn_upright(shrink_to_view(picture.first), picture.orientation))


def render_sheet(picture: DecodedPicture) -> tuple[int, int, memoryview]:
    """Return the frames that were kept, side by side, as raw RGB; for 2 frames and more.

    Returns:
        Width and height in pixels, and width x height x 3 bytes.
    """
    cell = wire.compute_cell_size(picture.width, picture.height, 1)
    thumbs = [frame.thumb for frame in picture.kept if frame.thumb is not None]
    return _pack(lay_sheet(thumbs, cell, picture.orientation))


def _pack(rgb: Pixels) -> tuple[int, int, memoryview]:
    height, width = rgb.shape[:2]
    return width, height, np.ascontiguousarray(rgb).reshape(-1).data
