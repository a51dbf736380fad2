"""How counts leave the house: what is rare is not said exactly, so that nobody is found by being the only one."""

MASK_BELOW = 5
MASKED = f"<{MASK_BELOW}"


def mask_count(number: int) -> int | str:
    """Return a count as it may be told: 0, or MASK_BELOW and more, as it is; `<5` for 1 to 4."""
    return MASKED if 0 < number < MASK_BELOW else number


def tell_median_hours(median_s: float | None, number: int) -> float | None:
    """Return a median in hours, to a tenth; None when fewer than MASK_BELOW stand behind it."""
    return None if median_s is None or number < MASK_BELOW else round(median_s / 3600, 1)
