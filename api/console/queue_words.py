"""Words of the queue: why a row stands where it stands, how much of its time is left, and who has it open."""

from collections.abc import Callable
from datetime import datetime, timedelta

from babel.numbers import format_decimal

from api.catalogues.languages import Language
from api.console.renderer import say
from triage.rules.clocks import Haste, TimeLeft, choose_clock, read_clock
from triage.rules.priority import COUNTED_OF_NOTES, Part
from triage.rules.states import Lane
from triage.store.home import COUNTED_AT_MOST
from triage.store.queue_page import QueueRow

_UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60))


def say_capped(language: Language, number: int, most: int = COUNTED_AT_MOST) -> str:
    """Return a number that was counted up to a limit: 12, or 1 000+."""
    return format_decimal(min(number, most), locale=language) + ("+" if number > most else "")


def say_why(language: Language, row: QueueRow) -> str:
    """Return the parts of a row's score in words; that a child may be at risk and its age are said beside them."""
    said = [
        say(language, f"part_{part.value}") for part in (Part.NEW, Part.FLAG, Part.ALBANIA) if row.has(part)
    ]
    if row.has(Part.WORDS):
        found = [one.value for one in sorted(COUNTED_OF_NOTES) if one.value in row.note_flags]
        said_words = ", ".join(say(language, f"flag_{word}") for word in found)
        said.append(say(language, "part_words", words=said_words))
    if row.reports > 1:
        said.append(say(language, "part_reports", count=row.reports))
    return " · ".join(said)


def find_time(row: QueueRow, now: datetime) -> TimeLeft:
    """Return how a row stands against its clock, as whoever it is shown to may know it."""
    clock = choose_clock(
        is_danger=row.is_urgent, is_partner=row.lane is Lane.PARTNER, is_albanian=row.has(Part.ALBANIA)
    )
    return read_clock(clock, row.since, now)


def say_time(language: Language, left: TimeLeft) -> str:
    """Return how much time is left, or how late it is, in its largest unit."""
    key = "late_by" if left.haste is Haste.LATE else "time_left"
    return say(language, key, span=say_span(language, left.span))


def say_span(language: Language, span: timedelta) -> str:
    """Return a time in its largest unit; less than a minute is one."""
    seconds = max(60, int(span.total_seconds()))
    unit, size = next((unit, size) for unit, size in _UNITS if seconds >= size)
    return say(language, f"span_{unit}", number=seconds // size)


def queue_words_for(language: Language, now: datetime) -> dict[str, Callable[..., object]]:
    """Return what templates call: counted(number), score_words(row), time_of(row), said_time(time), since(moment)."""
    return {
        "counted": lambda number: say_capped(language, number),
        "score_words": lambda row: say_why(language, row),
        "time_of": lambda row: find_time(row, now),
        "said_time": lambda left: say_time(language, left),
        "since": lambda moment: say_span(language, now - moment),
    }
