"""A distance has one word, and a turned picture is never as near as an upright one."""

from uuid import UUID

import pytest

from hashsets.bands import Band, name_band
from hashsets.model import DIHEDRAL, UPRIGHT, Algorithm, Fingerprint, Hit, HitKind
from hashsets.thresholds import BANDS, PDQ_RADIUS, PHASH_RADIUS


def band(distance, orientation="r0", algorithm=Algorithm.PDQ):
    fingerprint = Fingerprint(algorithm, "0f" * 32, orientation=orientation)
    return name_band(Hit(fingerprint, UUID(int=1), HitKind.NEAR, distance))


@pytest.mark.parametrize(
    ("distance", "word"),
    [
        (0, "strong"),
        (10, "strong"),
        (11, "review"),
        (31, "review"),
        (32, "hint"),
        (48, "hint"),
        (256, "hint"),
    ],
)
def test_pdq_has_three_bands(distance, word):
    assert band(distance) == word
    assert band(distance, UPRIGHT) == word


@pytest.mark.parametrize("orientation", DIHEDRAL[1:])
def test_a_turned_picture_is_one_band_weaker_and_never_below_a_hint(orientation):
    assert [band(distance, orientation) for distance in (0, 10, 11, 31, 40)] == ["review"] * 2 + ["hint"] * 3


def test_phash_is_only_ever_a_hint():
    assert {band(distance, "r0", Algorithm.PHASH) for distance in range(PHASH_RADIUS + 1)} == {Band.HINT}


@pytest.mark.parametrize("algorithm", [Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256])
def test_a_digest_is_exact(algorithm):
    assert band(0, "bytes", algorithm) is Band.EXACT


def test_every_band_has_a_word_and_every_search_radius_a_band():
    for rows in BANDS.values():
        assert [most for _, most in rows] == sorted({most for _, most in rows})
        assert {word for word, _ in rows} <= set(Band)
    assert PDQ_RADIUS in dict(BANDS[Algorithm.PDQ]).values()
    assert PHASH_RADIUS in dict(BANDS[Algorithm.PHASH]).values()
