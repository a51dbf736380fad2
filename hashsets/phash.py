"""pHash of a 32 x 32 grey picture, the same bits as `imagehash.phash`, with numpy alone.

The method (https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html, 2011) takes the
8 x 8 lowest frequencies of a DCT-II over columns and rows, and asks of each whether it is above their median.
"""

import numpy as np
from numpy.typing import NDArray

SIDE = 32
"""Pixels of the grey picture's side: hash size 8 times factor 4."""

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


def phash_grey32(grey: NDArray[np.uint8]) -> str:
    """Compute the pHash of a grey picture.

    Frequencies that are nothing but rounding noise count as zero. So a flat picture gives 8000000000000000
    (its mean alone lies above the median, zero) and a black one 0000000000000000, on every machine; both mean
    "blank" and are never searched (see `hashsets.blank`).

    Args:
        grey: uint8 of shape (32, 32), made by `convert("L").resize((32, 32), LANCZOS)`.

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
