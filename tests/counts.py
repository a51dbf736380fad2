"""How many cases a test tries: few in `make test`, many in `make soak`."""

import os

IS_SOAK = bool(os.environ.get("HOTLINE_SOAK"))
SOAK_FACTOR = 20


def scale(few: int) -> int:
    """Return `few`, or twenty times as many in a soak."""
    return few * SOAK_FACTOR if IS_SOAK else few
