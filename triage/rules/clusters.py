"""Which pictures are alike: their PDQ hashes differ in at most ALIKE_BITS of 256, upright, first frame.

A picture is alike to one that was looked at, never to another that is alike to it: similarity is not handed on from
picture to picture, or the ends of a chain would have little in common.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

ALIKE_BITS = 10
"""Of 256: what is a near copy, smaller, or saved once more. From 11 on it is another picture that a person looks at."""

Prints = Mapping[UUID, Sequence[str]]
"""Image → its PDQ hashes, each as 64 hex digits; none of what has no picture to hash."""


def group_alike(prints: Prints) -> list[frozenset[UUID]]:
    """Return the clusters of pictures that are alike, each around its anchor; who is alone is in none.

    The anchor is the oldest picture (the smallest id) that is in no cluster yet; all others are alike to that one.
    """
    rest = _flatten(prints)
    clusters = []
    while rest:
        anchor = rest[0][1]
        near = set(_find_near(anchor, rest))
        if len(near) > 1:
            clusters.append(frozenset(near))
        rest = [pair for pair in rest if pair[1] not in near]
    return clusters


def measure_alike(image_id: UUID, prints: Prints) -> dict[UUID, int]:
    """Return the pictures that are alike to one picture, with their distances of 0 to ALIKE_BITS bits; not itself."""
    near = _find_near(image_id, _flatten(prints))
    return {other: bits for other, bits in near.items() if other != image_id}


def _flatten(prints: Prints) -> list[tuple[int, UUID]]:
    return [(int(value, 16), image_id) for image_id in sorted(prints) for value in prints[image_id]]


def _find_near(image_id: UUID, pairs: Sequence[tuple[int, UUID]]) -> dict[UUID, int]:
    """Return the pictures with any hash within ALIKE_BITS of any hash of one picture, with the least distance."""
    near: dict[UUID, int] = {}
    for own in [value for value, other in pairs if other == image_id]:
        # A page may hold hundreds of pictures: this line is all that runs for each pair of them.
        found = [(other, bits) for value, other in pairs if (bits := (own ^ value).bit_count()) <= ALIKE_BITS]
        for other, bits in found:
            near[other] = min(bits, near.get(other, bits))
    return near
