"""Bytes and pixels to fingerprints.

This runs inside the locked decoder too: numpy and pdqhash alone, no files, no threads, no late imports.
PDQ follows the reference (https://github.com/facebook/ThreatExchange/tree/main/pdq, 2026-07-17)
through `pdqhash`; its hex is the convention of the lists that are shared: the first bit of the vector is the
most significant one.
"""

import hashlib

import numpy as np
import pdqhash
from numpy.typing import NDArray

from hashsets.model import DIHEDRAL, Algorithm, Fingerprint
from hashsets.phash import phash_grey32


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


def fingerprint_frame(
    rgb: NDArray[np.uint8],
    grey32: NDArray[np.uint8],
    *,
    frame: int,
    upright_grey32: NDArray[np.uint8] | None = None,
) -> list[Fingerprint]:
    """Compute the perceptual hashes of one frame: PDQ in eight orientations, then pHash.

    Args:
        rgb: uint8 of shape (height, width, 3), at least one pixel.
        grey32: uint8 of shape (32, 32), the frame as stored, for pHash.
        frame: number of the frame, from 0.
        upright_grey32: the same, turned as the EXIF orientation says; left out where it says nothing.

    Returns:
        Eight PDQ in the order of DIHEDRAL, all with the frame's quality (0-100), pHash "r0" and, if asked
        for, pHash "upright".

    Raises:
        ValueError: an array has another shape or type, or no pixel.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise ValueError("a frame is height x width x 3 bytes")
    # pdqhash reads raw memory and believes it lies row by row, whatever the strides say.
    vectors, quality = pdqhash.compute_dihedral(np.ascontiguousarray(rgb))
    fingerprints = [
        Fingerprint(
            Algorithm.PDQ,
            np.packbits(vector.astype(np.uint8)).tobytes().hex(),
            frame=frame,
            orientation=orientation,
            quality=int(quality),
        )
        for orientation, vector in zip(DIHEDRAL, vectors, strict=True)
    ]
    fingerprints.append(Fingerprint(Algorithm.PHASH, phash_grey32(grey32), frame=frame, orientation="r0"))
    if upright_grey32 is not None:
        upright = phash_grey32(upright_grey32)
        fingerprints.append(Fingerprint(Algorithm.PHASH, upright, frame=frame, orientation="upright"))
    return fingerprints
