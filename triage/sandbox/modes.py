"""Pictures of any mode to RGB numbers: four colours, palettes, alpha, one bit, wide and floating grey.

Transparency is laid over white, as on a browser's page. Grey of more than 8 bits is brought to 0-255 by the range
that its type has, or that its own brightest pixel shows it to use.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from triage.sandbox.memory import allocate_pixels

Pixels = NDArray[np.uint8]
"""RGB, of shape (height, width, 3)."""

_STRIP_PIXELS = 200_000
_SIXTEEN_BITS = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})
_WIDE_GREY = _SIXTEEN_BITS | {"I", "F"}
_RANGES = {"I": (255.0, 65535.0), "F": (1.0, 255.0, 65535.0)}
"""The usual brightest values of each mode, of which the least that holds is taken."""

# Pillow gives the transparent level of these as the file has it, but the pixels already stretched to 0-255.
_STRETCHED = {"L;2": 85, "L;4": 17}


def read_rgb(image: Image.Image) -> Pixels:
    """Return the pixels of a picture, or of the frame at which it stands, as RGB.

    Args:
        image: of any mode; it is loaded if it is not yet.

    Returns:
        Pixels as stored.

    Raises:
        Whatever its parser raises.
    """
    _mend_transparent_level(image)
    image.load()
    width, height = image.size
    convert = _choose_conversion(image)
    pixels = allocate_pixels(height, width)
    for box in _cut_strips(width, height):
        pixels[box[1] : box[3]] = convert(image.crop(box))
    return pixels


def _mend_transparent_level(image: Image.Image) -> None:
    level = image.info.get("transparency")
    if isinstance(image, PngImagePlugin.PngImageFile) and image.tile and isinstance(level, int):
        factor = _STRETCHED.get(str(image.tile[0].args), 1)
        image.info["transparency"] = min(level * factor, 65535)


def _cut_strips(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    # In one go the steps of a conversion would hold a large picture several times over, and every page of memory
    # that a child touches for the first time costs it; the next strip takes the pages of the last one.
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def _choose_conversion(image: Image.Image) -> Callable[[Image.Image], NDArray[np.uint8]]:
    if image.mode in _WIDE_GREY:
        top = _find_top(image)
        level = image.info.get("transparency")
        return lambda strip: _narrow_grey(strip, top, level if isinstance(level, int) else None)
    if image.has_transparency_data or image.mode == "La":
        return _lay_over_white
    return lambda strip: np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"))


def _lay_over_white(strip: Image.Image) -> Pixels:
    layered = (strip.convert("LA") if strip.mode == "La" else strip).convert("RGBA")
    alpha = layered.getchannel("A")
    colours = layered.convert("RGB")
    if alpha.getextrema() == (255, 255):
        return np.asarray(colours)
    paper = Image.new("RGB", layered.size, (255, 255, 255))
    paper.paste(colours, mask=alpha)
    return np.asarray(paper)


def _find_top(image: Image.Image) -> float:
    """Return the value that counts as white."""
    if image.mode in _SIXTEEN_BITS:
        return 65535.0
    brightest = 0.0
    for box in _cut_strips(*image.size):
        values = np.asarray(image.crop(box), dtype=np.float32)
        brightest = max(brightest, float(np.where(np.isfinite(values), values, 0).max()))
    return next((usual for usual in _RANGES[image.mode] if brightest <= usual), brightest)


def _narrow_grey(strip: Image.Image, top: float, transparent: int | None) -> NDArray[np.uint8]:
    raw = np.asarray(strip)
    values = np.nan_to_num(raw.astype(np.float32), nan=0.0, posinf=top, neginf=0.0)
    grey: NDArray[np.uint8] = np.rint(np.clip(values, 0.0, top) * np.float32(255.0 / top)).astype(np.uint8)
    if transparent is not None:
        grey[raw == transparent] = 255
    return grey[:, :, np.newaxis]
