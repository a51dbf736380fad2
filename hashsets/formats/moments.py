"""Points in time as lists write them: always with an offset, so that the machine's own zone never matters."""

import re
from datetime import UTC, datetime

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)Z?", re.ASCII)

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Programs write the first day of their calendar where they know no time."""


def parse_moment(text: str) -> datetime:
    """Return a point in time in UTC.

    Args:
        text: ISO 8601 with date, time and Z or an offset; up to nine digits of a second. Some programs put a Z
            after an offset: the offset stands.

    Raises:
        ValueError: anything else, no offset, or before 1970.
    """
    found = _MOMENT.fullmatch(text)
    if not found:
        raise ValueError("not a point in time with an offset")
    day, time, offset = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time[:15]}{offset}").astimezone(UTC)
    except OverflowError:
        raise ValueError("out of the calendar") from None
    if moment < _EARLIEST:
        raise ValueError("before 1970")
    return moment
