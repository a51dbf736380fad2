"""The numbers of matching, with their sources."""

PDQ_RADIUS = 31
"""Bits. Hashes at most this far apart show the same picture (PDQ reference README, "Matching")."""

PDQ_MIN_QUALITY = 50
"""0-100. Below it a PDQ hash says too little and is never searched (PDQ reference README: drop <= 49)."""

PHASH_RADIUS = 8
"""Bits of 64. Only shown as a hint; about the same false-pair rate as PDQ at 31 on drawn pictures."""

BLANK_SHARE = 1 / 8
"""Share of ones. PDQ and pHash put each bit above or below a median, so half of a hash's bits are ones. One
with fewer than this share, or more than the rest, comes from a blank picture and fits every blank picture."""
