"""Times as people here read them: the clock of Tiranë, day first, 24 hours, the same in both languages."""

from datetime import date, datetime

from babel.dates import format_date, format_datetime, get_timezone

_TIRANE = get_timezone("Europe/Tirane")
_MOMENT = "dd.MM.yyyy HH:mm"
"""Said outright: the Albanian pattern of CLDR would print `2:05 m.d.`"""
_CLOCK, _DAY = "HH:mm", "dd.MM.yyyy"


def local_time(moment: datetime | None) -> str:
    """Return a time as a clock in Tiranë shows it: `22.11.2025 14:05`; a dash without one.

    Args:
        moment: an aware time.
    """
    return format_datetime(moment, _MOMENT, tzinfo=_TIRANE, locale="sq") if moment else "–"


def local_clock(moment: datetime) -> str:
    """Return the time of day as a clock in Tiranë shows it: `14:05`.

    Args:
        moment: an aware time.
    """
    return format_datetime(moment, _CLOCK, tzinfo=_TIRANE, locale="sq")


def local_day(day: date) -> str:
    """Return a calendar day: `22.11.2025`."""
    return format_date(day, _DAY, locale="sq")
