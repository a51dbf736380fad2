"""Fingerprints that say nothing: digests of an empty file and perceptual hashes of a blank picture.

Lists are known to carry them by accident, and each would hit a great many harmless pictures.
"""

import hashlib

from hashsets.model import HEX_DIGITS, Algorithm
from hashsets.thresholds import BLANK_SHARE

EMPTY_DIGESTS = {
    Algorithm.MD5: hashlib.md5(b"", usedforsecurity=False).hexdigest(),
    Algorithm.SHA1: hashlib.sha1(b"", usedforsecurity=False).hexdigest(),
    Algorithm.SHA256: hashlib.sha256(b"", usedforsecurity=False).hexdigest(),
}
"""The digests of a file without bytes."""


def is_blank(algorithm: Algorithm, value: str) -> bool:
    """Say whether a fingerprint fits empty files or blank pictures only.

    Args:
        algorithm: how it was made.
        value: lower-case hex of the length in HEX_DIGITS.
    """
    if algorithm in EMPTY_DIGESTS:
        return value == EMPTY_DIGESTS[algorithm]
    bits = HEX_DIGITS[algorithm] * 4
    ones = int(value, 16).bit_count()
    return not BLANK_SHARE * bits <= ones <= (1 - BLANK_SHARE) * bits
