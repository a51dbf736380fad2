"""Strangers' bytes to numbers and raw pixels. Runs only in a locked child of the zygote.

It never encodes a picture file: a decoder that was taken over must not choose what a browser will show.

1. Open by the list of formats, refuse too many pixels before anything is decoded.
2. Turn each frame, whatever its mode, into RGB over white; at most 64 frames and 150 megapixels in all.
3. Compute the fingerprints of each frame; for the first also the upright one, where EXIF says it lies turned.
4. Keep the first frame, from which `render_view` makes raw RGB if it is asked for.
"""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
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

from hashsets.compute import fingerprint_frame
from hashsets.model import Fingerprint
from triage.sandbox import wire

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

MAX_TOTAL_PIXELS = 150_000_000
"""Pixels of all frames together, after which no further frame is read."""

REDUCED_PIXELS = 8_000_000
"""Above it a frame is averaged down before PDQ, which then takes seconds and near a gigabyte less. PDQ itself
averages down to 64 x 64; the hash stays within a few bits (tests/unit/sandbox/test_pictures.py)."""

_EXIF_ORIENTATION = 0x0112
_STRIP_ROWS = 256
_WITH_ALPHA = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})
_WIDE_GREY = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})

_TURNS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

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
        format: one of wire.FORMATS.
        width: pixels of the first frame as stored.
        height: pixels of the first frame as stored.
        frames: frames that were read, 1-64.
        orientation: EXIF orientation of the first frame, 1-8.
        first: the first frame as RGB, turned as stored, averaged down where it is large.
        fingerprints: of all frames, in order.
    """

    format: str
    width: int
    height: int
    frames: int
    orientation: int
    first: Image.Image
    fingerprints: list[Fingerprint]


def configure_pillow() -> None:
    """Set the caps of the imaging library; call it once, before anything is decoded."""
    Image.MAX_IMAGE_PIXELS = wire.MAX_PIXELS
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    # A warning that is shown would import modules and read source files.
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def _check_pixels(size: tuple[int, int]) -> None:
    if min(size) < 1:
        raise RefusedError("broken")
    if size[0] * size[1] > wire.MAX_PIXELS:
        raise RefusedError("pixels")


def _grey_from_wide(image: Image.Image) -> Image.Image:
    """Bring 16-bit, 32-bit or floating grey to 8 bits: by range 0-65535, or 0-1 for floating point."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=65535.0, neginf=0.0)
    top = 1.0 if image.mode == "F" and float(values.max()) <= 1.0 else 255.0 if image.mode == "F" else 65535.0
    return Image.fromarray(np.rint(np.clip(values, 0.0, top) * np.float32(255.0 / top)).astype(np.uint8))


def _flatten(image: Image.Image) -> Image.Image:
    if image.mode in _WIDE_GREY:
        return _grey_from_wide(image).convert("RGB")
    layered = image.convert("RGBA")
    paper = Image.new("RGBA", layered.size, (255, 255, 255, 255))
    return Image.alpha_composite(paper, layered).convert("RGB")


def convert_to_rgb(image: Image.Image) -> Image.Image:
    """Return a frame of any mode as RGB, transparency laid over white (a browser's page).

    A frame that is RGB already is returned as it is, not copied.
    """
    image.load()
    is_floating = image.mode == "F"  # its range is that of the whole picture
    if image.mode in _WITH_ALPHA or image.mode in _WIDE_GREY or "transparency" in image.info:
        if is_floating:
            return _flatten(image)
        rgb = Image.new("RGB", image.size)
        for strip in _cut_strips(image.size):
            rgb.paste(_flatten(image.crop(strip)), strip[:2])
        return rgb
    return image if image.mode == "RGB" else image.convert("RGB")


def _cut_strips(size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    # Strip by strip: in one go the steps of a conversion would hold a large picture several times over.
    width, height = size
    return [(0, top, width, min(top + _STRIP_ROWS, height)) for top in range(0, height, _STRIP_ROWS)]


def _read_pixels(rgb: Image.Image) -> NDArray[np.uint8]:
    width, height = rgb.size
    pixels = np.empty((height, width, 3), np.uint8)
    for strip in _cut_strips(rgb.size):
        pixels[strip[1] : strip[3]] = np.asarray(rgb.crop(strip))
    return pixels


def _reduce_large(rgb: Image.Image) -> Image.Image:
    """Return a copy of the frame, by whole pixels smaller until it has at most REDUCED_PIXELS."""
    factor = 1
    while rgb.size[0] * rgb.size[1] > REDUCED_PIXELS * factor * factor:
        factor += 1
    return rgb.copy() if factor == 1 else rgb.reduce(factor)


def _shrink_grey(grey: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS))


def _fingerprint(rgb: Image.Image, working: Image.Image, frame: int, orientation: int) -> list[Fingerprint]:
    grey = rgb.convert("L")
    grey32 = _shrink_grey(grey)
    upright = _shrink_grey(grey.transpose(_TURNS[orientation])) if orientation in _TURNS else None
    del grey
    return fingerprint_frame(_read_pixels(working), grey32, frame=frame, upright_grey32=upright)


def _read_orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - a damaged EXIF block may raise anything; the picture still counts
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _open(data: io.BytesIO) -> Image.Image:
    start = data.getbuffer()[:16].tobytes()
    try:
        image = Image.open(data, formats=wire.FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise RefusedError("pixels") from None
    except UnidentifiedImageError:
        is_known = any(start[place:].startswith(mark) for place, mark in _SIGNATURES)
        raise RefusedError("broken" if is_known else "format") from None
    _check_pixels(image.size)
    return image


def decode_picture(data: io.BytesIO) -> DecodedPicture:
    """Decode a picture and compute its fingerprints.

    Args:
        data: the file's bytes as they came.

    Returns:
        Fingerprints of all frames that were read, and the first frame.

    Raises:
        RefusedError: it is no picture, too large, or its first frame is broken.
        MemoryError: it needs more than this process may have.
    """
    try:
        image = _open(data)
        rgb = convert_to_rgb(image)
        width, height = rgb.size
        _check_pixels(rgb.size)
        orientation = _read_orientation(image)
        first = _reduce_large(rgb)
        fingerprints = _fingerprint(rgb, first, 0, orientation)
    except (RefusedError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise RefusedError("pixels") from None
    except Exception as error:  # noqa: BLE001 - a parser fed by strangers may raise anything
        raise RefusedError("memory" if "memory" in str(error).lower() else "broken") from None
    del rgb
    for frame in _fingerprint_later_frames(image, width * height):
        fingerprints.extend(frame)
    frames = fingerprints[-1].frame + 1
    name = "JPEG" if image.format == "MPO" else str(image.format)
    return DecodedPicture(name, width, height, frames, orientation, first, fingerprints)


def _fingerprint_later_frames(image: Image.Image, pixels: int) -> list[list[Fingerprint]]:
    """Read on until there is no frame, a broken one or a cap; asking `n_frames` would walk the whole file."""
    frames: list[list[Fingerprint]] = []
    # An icon's "frames" are the same picture in other sizes.
    while image.format != "ICO" and len(frames) + 1 < wire.MAX_FRAMES:
        number = len(frames) + 1
        try:
            image.seek(number)
            pixels += image.size[0] * image.size[1]
            if pixels > MAX_TOTAL_PIXELS:
                break
            _check_pixels(image.size)
            rgb = convert_to_rgb(image)
            frames.append(_fingerprint(rgb, _reduce_large(rgb), number, 1))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - the frames before a broken one still count
            break
    return frames


def render_view(picture: DecodedPicture) -> tuple[int, int, bytes]:
    """Return the first frame upright, at most wire.VIEW_SIDE pixels a side, as raw RGB.

    Returns:
        Width and height in pixels, and width x height x 3 bytes.
    """
    first = picture.first
    size = wire.compute_view_size(picture.width, picture.height, 1)
    view = first if first.size == size else first.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    if picture.orientation in _TURNS:
        view = view.transpose(_TURNS[picture.orientation])
    return view.size[0], view.size[1], view.tobytes()


Decode = Callable[[io.BytesIO], DecodedPicture]
