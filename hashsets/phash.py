"""pHash, the same bits as `imagehash.phash`, with numpy and our kernels alone.

1. The grey picture is resampled to 32 x 32 with the Lanczos filter in the fixed-point arithmetic of Pillow
   (`build_taps`; https://github.com/python-pillow/Pillow, src/libImaging/Resample.c, version 13).
2. The 64 lowest frequencies of its DCT each say whether they lie above their median.

The method (https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html, 2011) takes the
8 x 8 lowest frequencies of a DCT-II over columns and rows, and asks of each whether it is above their median.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hashsets.kernels import COEFFICIENT_BITS, Taps
from hashsets.kernels import GREY_SIDE as SIDE

_LOBES = 3  # of the Lanczos filter

_LOW = 8
"""Frequencies kept along each axis."""

_NOISE = 1e-9
"""Below it a coefficient is a rounding error of zero; the smallest that a picture gives is far larger."""


def _build_cosines() -> NDArray[np.float64]:
    """Return the (8, 32) matrix of the lowest DCT-II frequencies, scaled by 2 as FFTPACK does."""
    frequency = np.arange(_LOW, dtype=np.float64)[:, np.newaxis]
    place = 2 * np.arange(SIDE, dtype=np.float64)[np.newaxis, :] + 1
    cosines: NDArray[np.float64] = 2 * np.cos(np.pi * frequency * place / (2 * SIDE))
    return cosines


_COSINES = _build_cosines()


@lru_cache(64)
def build_taps(n: int) -> Taps | None:
    """Return the weights that resample an axis of n pixels to 32; None when it has 32 already."""
    if n == SIDE:
        return None
    scale = n / SIDE
    stretch = max(scale, 1.0)
    support = _LOBES * stretch
    centres = (np.arange(SIDE) + 0.5) * scale
    starts = np.maximum((centres - support + 0.5).astype(np.int64), 0)
    lengths = np.minimum((centres + support + 0.5).astype(np.int64), n) - starts
    # Where a pixel lies in relation to its output repeats along most axes, and with it the weights.
    relations = list(zip((starts - centres + 0.5).tolist(), lengths.tolist(), strict=True))
    distinct = list(dict.fromkeys(relations))
    offsets, counts = (np.array(values)[:, np.newaxis] for values in zip(*distinct, strict=True))
    place = np.arange(int(lengths.max()))[np.newaxis, :]
    distance = (place + offsets) * (1.0 / stretch)
    turned = np.where(distance == 0.0, 1.0, distance * np.pi)
    lobes = np.sin(turned) / turned * (np.sin(turned / _LOBES) / (turned / _LOBES))
    weights = np.where(distance == 0.0, 1.0, lobes)
    weights[(distance < -_LOBES) | (distance >= _LOBES) | (place >= counts)] = 0.0
    weights /= np.cumsum(weights, axis=1)[:, -1:]
    fixed = weights * (1 << COEFFICIENT_BITS)
    rows = np.trunc(fixed + np.copysign(0.5, fixed)).astype(np.int32)
    return Taps(
        np.ascontiguousarray(rows[[distinct.index(relation) for relation in relations]]),
        starts.astype(np.int32),
        lengths.astype(np.int32),
    )


def phash_grey32(grey: NDArray[np.uint8]) -> str:
    """Compute the pHash of a grey picture.

    Frequencies that are nothing but rounding noise count as zero. So a flat picture gives 8000000000000000
    (its mean alone lies above the median, zero) and a black one 0000000000000000, on every machine; both mean
    "blank" and are never searched (see `hashsets.blank`).

    Args:
        grey: uint8 of shape (32, 32), as `kernels.reduce_picture` gives it.

    Returns:
        16 lower-case hex digits, rows of frequencies first, most significant bit first.

    Raises:
        ValueError: another shape or type.
    """
    if grey.shape != (SIDE, SIDE) or grey.dtype != np.uint8:
        raise ValueError("a pHash is made of 32 x 32 grey bytes")
    low = _COSINES @ grey.astype(np.float64) @ _COSINES.T
    low[np.abs(low) < _NOISE] = 0.0
    # numpy.median would import further modules when first called, which the locked decoder forbids.
    ordered = np.sort(low, axis=None)
    middle = len(ordered) // 2
    bits = low > (ordered[middle - 1] + ordered[middle]) / 2
    return np.packbits(bits.ravel()).tobytes().hex()
