"""PDQ (https://github.com/facebook/ThreatExchange/tree/main/pdq, reference of 2026-07-17) as one linear operator.

1. Two box passes over the luma and the decimation to 64 x 64 are, along each axis, one weighted sum a pixel: a
   "tent" of weights, built per size (`build_tents`). `kernels.py` applies both axes.
2. A DCT of 16 x 16 frequencies, and its median: each bit says whether a frequency lies above it.
3. The seven other orientations are sign changes and transpositions of the same frequencies.

The bits are those of `pdqhash` on the full-size picture. Hex as in the lists that are shared: the last bit of the
vector first.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hashsets.kernels import Floats, Ints, Taps

SIDE = 64
"""Pixels of the small luma picture's side."""

_FREQUENCIES = 16
_WINDOWS = 2 * SIDE  # a box is as wide as a 128th of the axis, rounded up


_NOISE = 1e-6
"""Below it a frequency is a rounding error of zero; the smallest that a picture gives is far larger. So a flat
picture gives 64 zeros on every machine, which means "blank" (see `hashsets.blank`)."""


def _build_cosines() -> NDArray[np.float64]:
    """Return the (16, 64) matrix of the frequencies 1 to 16; the mean is left out."""
    frequency = np.arange(1, _FREQUENCIES + 1, dtype=np.float64)[:, np.newaxis]
    place = 2 * np.arange(SIDE, dtype=np.float64)[np.newaxis, :] + 1
    cosines: NDArray[np.float64] = np.sqrt(2 / SIDE) * np.cos(np.pi / (2 * SIDE) * frequency * place)
    return cosines


_COSINES = _build_cosines()
_COSINES_T = np.ascontiguousarray(_COSINES.T)
_ODD = np.where(np.arange(_FREQUENCIES) % 2, 1.0, -1.0)  # the sign of the odd frequencies, counted from 1
_BY_ROW = _ODD[:, np.newaxis]
_BY_COLUMN = _ODD[np.newaxis, :]


def _find_boxes(n: int) -> tuple[Ints, Ints]:
    """Return the box around each of n pixels, from a low index up to a high one, as the reference slides it."""
    window = (n + _WINDOWS - 1) // _WINDOWS
    half = (window + 2) // 2
    place = np.arange(n, dtype=np.int32)
    lows = np.maximum(place - (window - half), 0)
    highs = np.minimum(place + half, n)
    return lows.astype(np.int32), highs.astype(np.int32)


@lru_cache(64)
def build_tents(n: int) -> Taps:
    """Return the weights along an axis of n pixels, n from 1.

    Each of the 64 outputs is a box of boxes around the pixel at which the reference samples.
    """
    lows, highs = _find_boxes(n)
    middles = ((np.arange(SIDE) + 0.5) * n / SIDE).astype(np.int64)
    low, high = lows[middles], highs[middles]
    starts, ends = lows[low], highs[high - 1]
    reach = int((ends - starts).max())
    # Each box in the box adds its share at its first pixel and takes it away after its last one.
    inner = low[:, np.newaxis] + np.arange(int((high - low).max()))[np.newaxis, :]
    is_in = inner < high[:, np.newaxis]
    inner = np.minimum(inner, n - 1)
    share = np.where(is_in, 1.0 / ((high - low)[:, np.newaxis] * (highs[inner] - lows[inner])), 0.0)
    row = np.arange(SIDE)[:, np.newaxis] * (reach + 1)
    places = [row + np.clip(bounds[inner] - starts[:, np.newaxis], 0, reach) for bounds in (lows, highs)]
    edges = np.bincount(
        np.concatenate(places, axis=None), np.concatenate((share, -share), axis=None), SIDE * (reach + 1)
    )
    weights = np.cumsum(edges.reshape(SIDE, reach + 1), axis=1)[:, :reach]
    weights[np.arange(reach)[np.newaxis, :] >= (ends - starts)[:, np.newaxis]] = 0.0
    return Taps(
        np.ascontiguousarray(weights, np.float32), starts.astype(np.int32), (ends - starts).astype(np.int32)
    )


def compute_frequencies(luma: Floats) -> NDArray[np.float64]:
    """Return the (16, 16) frequencies of a 64 x 64 luma picture."""
    frequencies: NDArray[np.float64] = _COSINES @ luma.astype(np.float64) @ _COSINES_T
    frequencies[np.abs(frequencies) < _NOISE] = 0.0
    return frequencies


def compute_quality(luma: Floats) -> int:
    """Return the quality of a 64 x 64 luma picture, 0-100: how much it changes from pixel to pixel."""
    gradients = 0
    for axis in (0, 1):
        steps = np.diff(luma, axis=axis) * np.float32(100) / np.float32(255)
        gradients += int(np.abs(steps.astype(np.int64)).sum())
    return min(100, gradients // 90)


def pack_bits(frequencies: NDArray[np.float64]) -> str:
    """Return the hash of 16 x 16 frequencies: 64 lower-case hex digits."""
    ordered = np.sort(frequencies, axis=None)
    bits = frequencies > (ordered[127] + ordered[128]) / 2
    return np.packbits(bits.ravel()[::-1]).tobytes().hex()


def list_dihedral(frequencies: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the frequencies of the eight orientations, in the order of `model.DIHEDRAL`."""
    turned = frequencies.T
    return [
        frequencies,
        turned * _BY_ROW,
        frequencies * _BY_ROW * _BY_COLUMN,
        turned * _BY_COLUMN,
        frequencies * _BY_ROW,
        frequencies * _BY_COLUMN,
        turned,
        turned * _BY_ROW * _BY_COLUMN,
    ]
