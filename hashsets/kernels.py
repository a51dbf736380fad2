"""The hot loops over pixels: in C where it was built (`_kernels.c`), else in numpy, with the same results.

Shapes and units are given here once; `_kernels.c` follows them. Sums of floats are taken in one fixed order on both
sides and nothing is fused, so that a machine without a compiler computes the same bits, only more slowly.
"""

import ctypes
import importlib.machinery
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

GREY_SIDE = 32
"""Pixels of the small grey picture's side, of which pHash is made."""

VERSION = 6
"""Of the arguments in `_kernels.c`: a library that was built from other ones would read memory that is not its own."""

_GREY_ROWS = 4  # that are resampled together

COEFFICIENT_BITS = 22
"""Fixed point of the resampling weights, as Pillow has it for 8-bit channels (32 - 8 - 2)."""

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Taps:
    """Weights of one axis: output i takes `lengths[i]` pixels from `starts[i]` on, each with its weight.

    Attributes:
        weights: (outputs, reach), float32 or int32; places beyond an output's length are zero.
        starts: (outputs,) first pixel of each output, int32.
        lengths: (outputs,) number of pixels of each output, int32.
    """

    weights: NDArray[np.float32] | NDArray[np.int32]
    starts: Ints
    lengths: Ints


Reduce = Callable[[Bytes, Taps, Taps, Taps | None, Taps | None], tuple[Floats, Bytes]]


def _open_library() -> ctypes.CDLL | None:
    """Return the built kernels, or None where the build had no compiler, or built another version of them."""
    for ending in importlib.machinery.EXTENSION_SUFFIXES:
        path = Path(__file__).with_name(f"_kernels{ending}")
        if path.exists():
            try:
                library = ctypes.CDLL(str(path))
                return library if library.kernels_version() == VERSION else None
            except (OSError, AttributeError):
                return None  # built for another machine, or long ago
    return None


_LIBRARY = _open_library()


def find_library() -> ctypes.CDLL | None:
    """Return the built kernels, or None where all is done in numpy."""
    return _LIBRARY


def is_built() -> bool:
    """Return whether the loops run in C here."""
    return _LIBRARY is not None


def reduce_picture(
    rgb: Bytes, down: Taps, across: Taps, grey_down: Taps | None, grey_across: Taps | None
) -> tuple[Floats, Bytes]:
    """Reduce a picture to the two small ones that fingerprints are made of, in one pass over its pixels.

    Args:
        rgb: (height, width, 3), contiguous.
        down: float weights of the luma picture's rows.
        across: float weights of its columns.
        grey_down: integer weights of the grey picture's rows; None where the height is GREY_SIDE already.
        grey_across: integer weights of its columns; None where the width is GREY_SIDE already.

    Returns:
        The luma picture, float32 of shape (rows of `down`, rows of `across`), and the grey one, uint8 of shape
        (GREY_SIDE, GREY_SIDE).
    """
    reduce = reduce_in_numpy if _LIBRARY is None else reduce_in_c
    return reduce(rgb, down, across, grey_down, grey_across)


def _at(array: NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _is_tall(height: int, width: int) -> bool:
    """Return whether Pillow resamples the columns of such a picture first: it rounds between its two passes."""
    return height > GREY_SIDE and height - GREY_SIDE > 2 * (width - GREY_SIDE)


def reduce_in_c(
    rgb: Bytes, down: Taps, across: Taps, grey_down: Taps | None, grey_across: Taps | None
) -> tuple[Floats, Bytes]:
    """Do what `reduce_picture` says in C; only where `is_built`."""
    library = _LIBRARY
    if library is None:
        raise RuntimeError("the kernels were not built")
    height, width, sides = rgb.shape[0], rgb.shape[1], len(down.starts)
    size = ctypes.c_int64
    is_tall = _is_tall(height, width)
    overlap = _count_overlap(down)
    sums = np.zeros((overlap, width + across.weights.shape[1]), np.float32)
    luma = np.zeros((sides, len(across.starts)), np.float32)
    luma_row, grey_rows = np.empty(width, np.float32), np.empty((_GREY_ROWS, width), np.int16)
    strips = np.empty((0 if is_tall else height, GREY_SIDE), np.uint8)
    columns = np.full((GREY_SIDE, width if is_tall else 0), _HALF, np.int32)
    taps, high, low, span = _cut(grey_down if is_tall else grey_across)
    library.reduce_rows(
        *(_at(rgb), size(height), size(width), size(sides), size(overlap), _at(sums)),
        *(_at(down.weights), size(down.weights.shape[1]), _at(down.starts), _at(down.lengths)),
        *(_at(across.weights), size(across.weights.shape[1]), _at(across.starts)),
        *(_at(luma), None if is_tall else _at(strips), _at(columns) if is_tall else None),
        *(
            _at(high),
            _at(low),
            size(span),
            _at(taps.starts),
            _at(taps.lengths),
            _at(luma_row),
            _at(grey_rows),
        ),
    )
    taps, high, low, span = _cut(grey_across if is_tall else grey_down)
    grey = np.empty((GREY_SIDE, GREY_SIDE), np.uint8)
    last = (_at(high), _at(low), size(span), _at(taps.starts), _at(taps.lengths), _at(grey))
    if is_tall:
        library.reduce_clipped(_at(columns), size(width), *last, _at(grey_rows))
    elif grey_down is None:
        return luma, strips
    else:
        library.reduce_strips(_at(strips), *last)
    return luma, grey


def _count_overlap(taps: Taps) -> int:
    """Return how many outputs, at most, one pixel counts for, one after the other."""
    ends = taps.starts + taps.lengths
    return int((np.searchsorted(taps.starts, ends, side="left") - np.arange(len(ends))).max())


def _cut(taps: Taps | None) -> tuple[Taps, NDArray[np.int16], NDArray[np.int16], int]:
    """Return integer weights, their high part and their low _COARSE bits, and how many there are in a row."""
    found = _NO_TAPS if taps is None else taps
    weights = found.weights.astype(np.int32, copy=False)
    high, low = (weights >> _COARSE).astype(np.int16), (weights & ((1 << _COARSE) - 1)).astype(np.int16)
    return found, high, low, 0 if taps is None else weights.shape[1]


def reduce_in_numpy(
    rgb: Bytes, down: Taps, across: Taps, grey_down: Taps | None, grey_across: Taps | None
) -> tuple[Floats, Bytes]:
    """Do what `reduce_picture` says in numpy, adding in the same order."""
    height, width = rgb.shape[:2]
    sums = np.zeros((len(down.starts), width), np.float32)
    grey = np.empty((height, width), np.uint8)
    ends = down.starts + down.lengths
    for y in range(height):
        red, green, blue = rgb[y].T.astype(np.uint32)
        grey[y] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
        luma = (red * 19435 + green * 38155 + blue * 7410).astype(np.float32)
        for i in np.flatnonzero((down.starts <= y) & (y < ends)):
            sums[i] += down.weights[i, y - down.starts[i]] * luma
    small = np.zeros((len(down.starts), len(across.starts)), np.float32)
    for output, start in enumerate(across.starts):
        for k in range(across.lengths[output]):
            small[:, output] += across.weights[output, k] * sums[:, start + k]
    small /= _LUMA_SCALE
    if _is_tall(height, width):
        return small, _resample(_resample(grey.T, grey_down).T, grey_across)
    return small, np.ascontiguousarray(_resample(_resample(grey, grey_across).T, grey_down).T)


def mean_blocks(rgb: Bytes, factor: int, out: Bytes) -> None:
    """Make a picture smaller: each pixel the rounded mean of a block, of what there is of it at the edges.

    Args:
        rgb: (height, width, 3), contiguous.
        factor: of both sides, from 2.
        out: (ceil(height / factor), ceil(width / factor), 3), contiguous; filled.
    """
    mean = mean_blocks_in_numpy if _LIBRARY is None else mean_blocks_in_c
    mean(rgb, factor, out)


def mean_blocks_in_c(rgb: Bytes, factor: int, out: Bytes) -> None:
    """Do what `mean_blocks` says in C; only where `is_built`."""
    if _LIBRARY is None:
        raise RuntimeError("the kernels were not built")
    height, width = rgb.shape[:2]
    size = ctypes.c_int64
    sums = np.empty(width * 3, np.uint32)
    _LIBRARY.mean_blocks(_at(rgb), size(height), size(width), size(factor), _at(out), _at(sums))


def mean_blocks_in_numpy(rgb: Bytes, factor: int, out: Bytes) -> None:
    """Do what `mean_blocks` says in numpy."""
    height, width = rgb.shape[:2]
    starts = np.arange(0, width, factor)
    wide = np.minimum(width - starts, factor).astype(np.uint32)[:, np.newaxis]
    for place, top in enumerate(range(0, height, factor)):
        rows = rgb[top : top + factor]
        columns = rows.sum(axis=0, dtype=np.uint32)
        sums = np.zeros((len(starts), 3), np.uint32)
        for shift in range(min(factor, width)):
            part = columns[shift::factor]
            sums[: len(part)] += part
        count = wide * np.uint32(len(rows))
        out[place] = (sums + count // 2) // count


def _resample(rows: Bytes, taps: Taps | None) -> Bytes:
    """Resample rows of 8-bit values along their length; returns (rows, outputs)."""
    if taps is None:
        return rows
    out = np.empty((len(rows), len(taps.starts)), np.uint8)
    for j, (start, length) in enumerate(zip(taps.starts, taps.lengths, strict=True)):
        weights = taps.weights[j, :length].astype(np.int64)
        products = rows[:, start : start + length].astype(np.int64) @ weights
        out[:, j] = np.clip((products + _HALF) >> COEFFICIENT_BITS, 0, 255)
    return out


_LUMA_SCALE = np.float32(
    65000
)  # 0.299, 0.587 and 0.114 times it are whole, and a float holds their sums exactly
_COARSE = 11
_HALF = 1 << (COEFFICIENT_BITS - 1)
_NO_TAPS = Taps(np.zeros((1, 1), np.int32), np.zeros(1, np.int32), np.zeros(1, np.int32))
