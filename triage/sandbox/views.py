"""The JPEG views that an analyst sees, encoded by the worker from checked raw pixels.

No file format is read here: the pixels come from the locked decoder as plain numbers, so nothing that a
stranger wrote into a file (metadata, trailing bytes, a trick on a browser) can reach the console.
"""

import io
from dataclasses import dataclass

from PIL import Image, ImageFilter

from triage.sandbox.answers import PixelView

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


def _encode(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


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
    if view.width < 1 or view.height < 1 or len(view.rgb) != view.width * view.height * 3:
        raise ValueError("a view is width x height x 3 bytes")
    colour = Image.frombytes("RGB", (view.width, view.height), view.rgb)
    grey_half = colour.reduce(2).convert("L")
    return Views(_encode(colour), _encode(grey_half), _encode(_shrink_thumb(grey_half)))
