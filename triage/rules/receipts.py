"""The receipt: how it is read as people type it, and what an anonymous reporter may learn by it.

Three coarse words, renewed once a day. Never a verdict, nothing that happened today, and nothing at all of a report
that is not a whole day old: else somebody could report his own page and read at once that we know it already.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

TIRANE = ZoneInfo("Europe/Tirane")
LOOK_ALIKES = str.maketrans("OIL", "011")
"""Letters that people write for digits; Crockford's base 32 has none of them."""

_BETWEEN = re.compile(r"[\s\-\u2010-\u2015\u2212._\u200b-\u200f\u2060\ufeff]+")


class ReceiptStatus(StrEnum):
    """The words: received, being checked, closed."""

    RECEIVED = "received"
    BEING_CHECKED = "being_checked"
    CLOSED = "closed"


def find_last_midnight(now: datetime) -> datetime:
    """Return the last midnight in Albania: what came after it is not told today."""
    local = now.astimezone(TIRANE)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def find_next_telling(now: datetime) -> datetime:
    """Return the next morning at nine in Albania: mails to reporters leave then, whatever happened when."""
    local = now.astimezone(TIRANE)
    morning = datetime.combine(local.date(), time(9), TIRANE)
    if morning <= local:
        morning = datetime.combine(local.date() + timedelta(days=1), time(9), TIRANE)
    return morning.astimezone(UTC)


def read_receipt(text: str) -> str:
    """Return a receipt as it was made: in capitals, look-alikes as digits, nothing between its characters.

    Blanks, dashes, dots and what is not seen do not count. What is no receipt is looked up like any other.
    """
    return _BETWEEN.sub("", text).upper().translate(LOOK_ALIKES)


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """How far the items of one report are.

    Attributes:
        items: all of them; 0 when there is no such report.
        begun: those that may be told of and are no longer just received.
        closed: those that may be told of and are closed.
    """

    items: int
    begun: int
    closed: int


def tell_status(counts: ItemCounts) -> ReceiptStatus:
    """Return the status of a report."""
    if counts.items and counts.items == counts.closed:
        return ReceiptStatus.CLOSED
    return ReceiptStatus.BEING_CHECKED if counts.begun else ReceiptStatus.RECEIVED
