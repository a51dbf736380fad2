"""Plain JPEG files straight into numbers, by simplejpeg; all others are left to Pillow.

Both stand on libjpeg-turbo and give the same pixels (exact DCT, smooth upsampling); this way takes no detour over
a second copy of them.
"""

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from triage.sandbox.memory import allocate_pixels

_PLAIN_MODES = frozenset(
    {"RGB", "L"}
)  # four colours are turned to RGB by Pillow, whose inversion rule is known


def decode_plain(data: bytes, opened: Image.Image) -> NDArray[np.uint8] | None:
    """Decode a JPEG file, if it is a plain one.

    Args:
        data: the whole file.
        opened: the same file opened by Pillow, which has read and checked its header.

    Returns:
        uint8 of shape (height, width, 3), as stored; None where Pillow must decode (four colours, several pictures
        in one file, damage that it may forgive).
    """
    if opened.format != "JPEG" or opened.mode not in _PLAIN_MODES:
        return None
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        if (width, height) != opened.size:  # two headers in one file: which one counts is Pillow's choice
            return None
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, colorspace="RGB", buffer=allocate_pixels(height, width)
        )
    except ValueError:
        return None
    return pixels
