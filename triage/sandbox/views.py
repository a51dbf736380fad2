"""The JPEG views that an analyst sees, encoded by the worker from checked raw pixels.

No file format is read here: the pixels come from the locked decoder as plain numbers, so nothing that a
stranger wrote into a file (metadata, trailing bytes, a trick on a browser) can reach the console.
"""

from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from triage.sandbox.answers import PixelView
from triage.sandbox.shrink import shrink

JPEG_QUALITY = 85
THUMB_WIDTH = 24
THUMB_HEIGHT_MAX = 72
_THUMB_BLUR = 1.0


@dataclass(frozen=True, slots=True)
class Views:
    """Three JPEG files without metadata.

    Attributes:
        colour: as large as the pixels given.
        grey_half: grey, half the sides; shown first.
        thumb: grey, THUMB_WIDTH pixels wide, blurred; for lists.
    """

    colour: bytes
    grey_half: bytes
    thumb: bytes


def _read_pixels(view: PixelView) -> NDArray[np.uint8]:
    if view.width < 1 or view.height < 1 or len(view.rgb) != view.width * view.height * 3:
        raise ValueError("a view is width x height x 3 bytes")
    return np.frombuffer(view.rgb, np.uint8).reshape(view.height, view.width, 3)


def _encode_colour(rgb: NDArray[np.uint8]) -> bytes:
    return bytes(simplejpeg.encode_jpeg(rgb, quality=JPEG_QUALITY, colorspace="RGB", colorsubsampling="420"))


def _encode_grey(grey: Image.Image) -> bytes:
    pixels = np.asarray(grey)[:, :, np.newaxis]
    return bytes(
        simplejpeg.encode_jpeg(pixels, quality=JPEG_QUALITY, colorspace="GRAY", colorsubsampling="Gray")
    )


def _shrink_thumb(grey: Image.Image) -> Image.Image:
    height = max(1, min(THUMB_HEIGHT_MAX, round(grey.height * THUMB_WIDTH / grey.width)))
    small = grey.resize((THUMB_WIDTH, height), Image.Resampling.BOX)
    return small.filter(ImageFilter.GaussianBlur(_THUMB_BLUR))


def encode_views(view: PixelView) -> Views:
    """Encode the three views of a picture.

    Args:
        view: raw RGB of at least one pixel.

    Raises:
        ValueError: the pixels are not width x height x 3 bytes.
    """
    rgb = _read_pixels(view)
    grey_half = Image.fromarray(shrink(rgb, 2)).convert("L")
    return Views(_encode_colour(rgb), _encode_grey(grey_half), _encode_grey(_shrink_thumb(grey_half)))


def encode_sheet(sheet: PixelView) -> bytes:
    """Encode the sheet of an animation's frames.

    Args:
        sheet: raw RGB of at least one pixel.

    Returns:
        A JPEG file without metadata.

    Raises:
        ValueError: the pixels are not width x height x 3 bytes.
    """
    return _encode_colour(_read_pixels(sheet))
