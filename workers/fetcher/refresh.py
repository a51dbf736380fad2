"""Where a page sends its reader after a while: the `Refresh` header and its `<meta http-equiv>` twin.

Read as https://html.spec.whatwg.org/#shared-declarative-refresh-steps has it (read 2026-11).
"""

import re
from typing import NamedTuple

MAX_SECONDS = 1_000_000.0
MAX_CHARACTERS = 4096

_REFRESH = re.compile(
    r"""\s*+(?=[0-9.])([0-9]{0,6}+)[0-9.]*+(?:\Z|[\s;,]++(?:url\s*+=\s*+)?+(?:"([^"]*)|'([^']*)|(.*)))""",
    re.IGNORECASE | re.DOTALL,
)


class Refresh(NamedTuple):
    """After how many seconds a browser goes on, and to which reference; an empty one is the page itself."""

    seconds: float
    reference: str


def read_refresh(text: str) -> Refresh | None:
    """Read `5; url=/there`; None when a browser would not heed it."""
    match = _REFRESH.match(text[:MAX_CHARACTERS])
    if match is None:
        return None
    reference = (match[2] or match[3] or match[4] or "").strip()
    return Refresh(min(float(match[1] or 0), MAX_SECONDS), reference)
