"""Pictures for tests, drawn by code: small, quick, and the same for the same seed.

The `make_` functions give finished files; the practice package's own drawing functions are passed on.
"""

import base64
import io
import json
import subprocess
import sys
import textwrap
from functools import lru_cache

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
    "make_heic",
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


@lru_cache(maxsize=500)  # many tests show the same few pictures
def make_jpeg(seed: int, kind: str = "shapes", size: tuple[int, int] = SMALL, quality: int = 88) -> bytes:
    """Return a drawn picture as a JPEG file."""
    return encode(draw_picture(seed, kind, size), "JPEG", quality=quality)


@lru_cache(maxsize=500)
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


_ENCODE_HEIC = """
    import base64, io, json, sys
    import pillow_heif
    from PIL import Image
    pillow_heif.register_heif_opener()
    order = json.load(sys.stdin)
    images = [Image.open(io.BytesIO(base64.b64decode(file))).convert(order["mode"]) for file in order["files"]]
    exif = Image.Exif()
    if order["orientation"]:
        exif[0x0112] = order["orientation"]
    file, more = io.BytesIO(), {"exif": exif.tobytes(), "tile_size": order["tile"]}
    more["enc_params"] = {"preset": "ultrafast"} if order["tile"] else {}
    images[0].save(file, "HEIF", quality=90, save_all=True, append_images=images[1:], **more)
    sys.stdout.buffer.write(file.getvalue())
"""


def make_heic(*images: Image.Image, mode: str = "RGB", orientation: int = 0, tile: int = 0) -> bytes:
    """Return a HEIC file; only where the extra is installed.

    Encoded in a process of its own: its library starts threads, and must not be loaded where tests fork.

    Args:
        images: one, or an album.
        mode: what they are turned to: RGB, RGBA or L.
        orientation: EXIF orientation to write, 0 for none.
        tile: side of the tiles of which it is put together, as telephones do; 0 for one whole.
    """
    files = [base64.b64encode(encode(image, "PNG")).decode() for image in images]
    order = json.dumps({"files": files, "mode": mode, "orientation": orientation, "tile": tile})
    command = [sys.executable, "-c", textwrap.dedent(_ENCODE_HEIC)]
    return subprocess.run(command, input=order.encode(), capture_output=True, check=True, timeout=60).stdout
