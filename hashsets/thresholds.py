"""The numbers of matching, with their sources."""

from collections.abc import Mapping

from hashsets.model import Algorithm

PDQ_RADIUS = 31
"""Bits. Hashes at most this far apart show the same picture (PDQ reference README, "Matching")."""

PDQ_MIN_QUALITY = 50
"""0-100. Below it a PDQ hash says too little and is never searched (PDQ reference README: drop <= 49)."""

PHASH_RADIUS = 8
"""Bits of 64. Only shown as a hint; about the same false-pair rate as PDQ at 31 on drawn pictures."""

BLANK_SHARE = 1 / 8
"""Share of ones. PDQ and pHash put each bit above or below a median, so half of a hash's bits are ones. One
with fewer than this share, or more than the rest, comes from a blank picture and fits every blank picture."""

BANDS: Mapping[Algorithm, tuple[tuple[str, int], ...]] = {
    Algorithm.PDQ: (("strong", 10), ("review", PDQ_RADIUS), ("hint", 48)),
    Algorithm.PHASH: (("hint", PHASH_RADIUS),),
}
"""For each perceptual algorithm the words for a distance, nearest first, each with its largest distance in bits.

PDQ: another implementation's hash of the same file lies within 10 bits (reference README, quality 80 or better), the
same picture within 31; up to 48 lie look-alikes, and that band is off unless a search is given a radius beyond
PDQ_RADIUS. The best of the eight orientations of a turned picture lay 26 bits off on drawn pictures, near the limit:
such hits count one band weaker (`bands.py`). pHash has 64 bits: pictures that only resemble each other fall within its
radius too, so that it is never more than a hint.
"""
