"""How counts leave the house: what is rare is not said, so that nobody is found by being the only one.

A group is told so that whoever knows its sum (another group of the same reports says it) still cannot work out a count
that is hidden. For each hidden count of 0 to 4 there is another table with the same sum and the same answer:

1. A group without any count of 1 to 4 is told whole.
2. In any other all counts below 5 are hidden, zeros too: else the least sum would tell them.
3. So are larger ones, the first in the order of the group, until three are hidden and one of them is larger: nobody
   knows how large, so that no sum is the greatest. Their order is fixed, since a choice by size would tell the size.
"""

from collections.abc import Mapping
from typing import TypeVar

Name = TypeVar("Name")
RARE_BELOW = 5
LEAST_HIDDEN = 3


def hide_rare(counts: Mapping[Name, int]) -> dict[Name, int | None]:
    """Return a group of counts as it may be told; None is a count that is not.

    Args:
        counts: every count of the group, zeros too, at least two; those that may be hidden for others come first.
    """
    if not any(0 < number < RARE_BELOW for number in counts.values()):
        return dict(counts)
    below = [name for name, number in counts.items() if number < RARE_BELOW]
    larger = [name for name, number in counts.items() if number >= RARE_BELOW]
    hidden = {*below, *larger[: max(LEAST_HIDDEN - len(below), 1)]}
    return {name: None if name in hidden else number for name, number in counts.items()}


def hide_count(number: int) -> int | None:
    """Return a count that stands alone as it may be told; None for 1 to 4."""
    return None if 0 < number < RARE_BELOW else number


def tell_median_hours(median_s: float | None, number: int) -> float | None:
    """Return a median in hours, to a tenth; None when fewer than RARE_BELOW stand behind it."""
    return None if median_s is None or number < RARE_BELOW else round(median_s / 3600, 1)
