"""Bytes and pixels to fingerprints.

This runs inside the locked decoder too: numpy and our kernels alone, no files, no threads, no late imports.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from hashsets import pdq
from hashsets.kernels import reduce_picture
from hashsets.model import DIHEDRAL, UPRIGHT, Algorithm, Fingerprint
from hashsets.phash import build_taps, phash_grey32


def digest_bytes(data: bytes) -> list[Fingerprint]:
    """Compute the exact digests of a file.

    Args:
        data: the file's bytes as they came.

    Returns:
        MD5, SHA-1 and SHA-256, in that order.
    """
    return [
        Fingerprint(Algorithm.MD5, hashlib.md5(data, usedforsecurity=False).hexdigest()),
        Fingerprint(Algorithm.SHA1, hashlib.sha1(data, usedforsecurity=False).hexdigest()),
        Fingerprint(Algorithm.SHA256, hashlib.sha256(data, usedforsecurity=False).hexdigest()),
    ]


def fingerprint_picture(rgb: NDArray[np.uint8], *, frame: int, orientation: int = 1) -> list[Fingerprint]:
    """Compute the perceptual hashes of one frame, from all its pixels.

    Args:
        rgb: uint8 of shape (height, width, 3), at least one pixel, as stored.
        frame: number of the frame, from 0.
        orientation: its EXIF orientation, 1-8; from 2 the upright pixels are hashed too.

    Returns:
        Eight PDQ in the order of DIHEDRAL and, of a picture that lies turned, one more, "upright"; all with
        their quality (0-100). Then pHash "r0" and, likewise, "upright".

    Raises:
        ValueError: the array has another shape or type, or no pixel; no such orientation.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise ValueError("a frame is height x width x 3 bytes")
    luma, grey = _reduce(rgb)
    frequencies = pdq.compute_frequencies(luma)
    quality = pdq.compute_quality(luma)
    hashes = [
        Fingerprint(Algorithm.PDQ, pdq.pack_bits(turned), frame=frame, orientation=name, quality=quality)
        for name, turned in zip(DIHEDRAL, pdq.list_dihedral(frequencies), strict=True)
    ]
    greys = [Fingerprint(Algorithm.PHASH, phash_grey32(grey), frame=frame, orientation="r0")]
    if orientation != 1:
        luma, grey = _reduce(turn_upright(rgb, orientation))
        value, quality = pdq.pack_bits(pdq.compute_frequencies(luma)), pdq.compute_quality(luma)
        hashes.append(Fingerprint(Algorithm.PDQ, value, frame=frame, orientation=UPRIGHT, quality=quality))
        greys.append(Fingerprint(Algorithm.PHASH, phash_grey32(grey), frame=frame, orientation=UPRIGHT))
    return [*hashes, *greys]


def _reduce(rgb: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the luma picture for PDQ and the grey one for pHash."""
    height, width = rgb.shape[:2]
    return reduce_picture(
        np.ascontiguousarray(rgb),
        pdq.build_tents(height),
        pdq.build_tents(width),
        build_taps(height),
        build_taps(width),
    )


def turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return a view of pixels, (height, width) or with channels, turned as an EXIF orientation says.

    Args:
        pixels: as stored.
        orientation: 1-8 (CIPA DC-008 Exif 3.0, tag 0x0112): from 5 on the sides change places.

    Raises:
        ValueError: there is no such orientation.
    """
    if not 1 <= orientation <= 8:
        raise ValueError("an orientation is 1 to 8")
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
