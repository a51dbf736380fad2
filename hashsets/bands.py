"""What a hit is worth to a person who looks at it: a word for its distance, of the table in `thresholds.py`."""

from enum import StrEnum

from hashsets.model import DIGESTS, UPRIGHT, Hit
from hashsets.thresholds import BANDS


class Band(StrEnum):
    """How near a hit is, from the same bytes to a mere resemblance."""

    EXACT = "exact"
    STRONG = "strong"
    REVIEW = "review"
    HINT = "hint"


def name_band(hit: Hit) -> Band:
    """Return the band of a hit.

    A picture that had to be turned or mirrored to fit is one band weaker than its distance; no band is below a hint.
    """
    algorithm = hit.fingerprint.algorithm
    if algorithm in DIGESTS:
        return Band.EXACT
    bands = BANDS[algorithm]
    place = next((number for number, (_, most) in enumerate(bands) if hit.distance <= most), len(bands) - 1)
    if hit.fingerprint.orientation not in ("r0", UPRIGHT):
        place = min(place + 1, len(bands) - 1)
    return Band(bands[place][0])
