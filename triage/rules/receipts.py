"""What an anonymous reporter may learn by a receipt: three coarse words, renewed once a day.

Never a verdict, and nothing that happened today: else somebody could report his own page and watch what we know.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from triage.rules.states import ItemState

TIRANE = ZoneInfo("Europe/Tirane")


class ReceiptStatus(StrEnum):
    """The words: received, being checked, closed."""

    RECEIVED = "received"
    BEING_CHECKED = "being_checked"
    CLOSED = "closed"


def find_last_midnight(now: datetime) -> datetime:
    """Return the last midnight in Albania: what came after it is not told today."""
    local = now.astimezone(TIRANE)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def tell_status(items: Sequence[tuple[ItemState, datetime]], *, now: datetime) -> ReceiptStatus:
    """Return the status of a report.

    Args:
        items: state of each of its items, and when the item came to that state.
        now: aware time of the question.
    """
    before = find_last_midnight(now)
    told = [state for state, moved_at in items if moved_at < before]
    if items and len(told) == len(items) and all(state is ItemState.CLOSED for state in told):
        return ReceiptStatus.CLOSED
    if any(state is not ItemState.RECEIVED for state in told):
        return ReceiptStatus.BEING_CHECKED
    return ReceiptStatus.RECEIVED
