"""Times as people here read them: the clock of Tiranë, day first, 24 hours, the same in both languages."""

from datetime import datetime

from babel.dates import format_datetime, get_timezone

_TIRANE = get_timezone("Europe/Tirane")
_MOMENT = "dd.MM.yyyy HH:mm"
"""Said outright: the Albanian pattern of CLDR would print `2:05 m.d.`"""


def local_time(moment: datetime | None) -> str:
    """Return a time as a clock in Tiranë shows it: `22.11.2025 14:05`; a dash without one.

    Args:
        moment: an aware time.
    """
    return format_datetime(moment, _MOMENT, tzinfo=_TIRANE, locale="sq") if moment else "–"
