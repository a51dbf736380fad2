"""Pictures for tests, drawn by code: small, quick, and the same for the same seed.

The `make_` functions give finished files; the practice package's own drawing functions are passed on.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.cli.practice.odd_files import (
    cut_short,
    make_archive,
    make_bomb_png,
    make_gzip_bomb,
    make_video_file,
    stream_oversized,
)
from triage.cli.practice.pictures import (
    KINDS,
    crop_slightly,
    draw_animation,
    draw_picture,
    encode,
    encode_animation,
    reencode,
    resize,
)

__all__ = [
    "KINDS",
    "SMALL",
    "crop_slightly",
    "cut_short",
    "decode_rgb",
    "draw_animation",
    "draw_picture",
    "encode",
    "encode_animation",
    "make_animation",
    "make_archive",
    "make_bomb_png",
    "make_gzip_bomb",
    "make_jpeg",
    "make_png",
    "make_small_bomb",
    "make_video_file",
    "reencode",
    "resize",
    "stream_oversized",
]

SMALL = (320, 240)
"""Width and height of a test picture, in pixels: quick to draw, and still of high PDQ quality."""


def make_jpeg(seed: int, kind: str = "shapes", size: tuple[int, int] = SMALL, quality: int = 88) -> bytes:
    """Return a drawn picture as a JPEG file."""
    return encode(draw_picture(seed, kind, size), "JPEG", quality=quality)


def make_png(seed: int, kind: str = "shapes", size: tuple[int, int] = SMALL) -> bytes:
    """Return a drawn picture as a PNG file."""
    return encode(draw_picture(seed, kind, size), "PNG")


def make_animation(seed: int, frames: int = 4, file_format: str = "GIF") -> bytes:
    """Return an animated file of small frames."""
    return encode_animation(draw_animation(seed, frames, (160, 120)), file_format)


def make_small_bomb() -> bytes:
    """Return a PNG of 64 megapixels: above the decoder's cap of 50, quicker made than the practice bomb."""
    return make_bomb_png(8000)


def decode_rgb(data: bytes) -> NDArray[np.uint8]:
    """Return the pixels of one of our own files as (height, width, 3)."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))
