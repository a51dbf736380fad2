"""How a report is let in: what it does to an item that stands already, and whether it waits behind all others."""

from datetime import datetime, timedelta
from enum import StrEnum

from triage.rules.form_token import FormAge
from triage.rules.states import ClosedAs, ItemState, Remit


class Admission(StrEnum):
    """reported_again, reported_in_remit: the move of that name. added: the report is only added."""

    REPORTED_AGAIN = "reported_again"
    REPORTED_IN_REMIT = "reported_in_remit"
    ADDED = "added"


def admit_again(
    state: ItemState,
    remit: Remit,
    captured_at: datetime | None,
    closed_as: ClosedAs | None,
    *,
    danger: bool,
    now: datetime,
    recapture_after_s: float,
    by_page: bool = False,
) -> Admission:
    """Decide what a new report of this remit does to a standing item.

    Args:
        state: the item's state.
        remit: the new report's remit.
        captured_at: when the item was last captured.
        closed_as: why it is closed, if it is: what was never judged must come back.
        danger: whether the new report says that a child is in danger: somebody must see it, fresh or not.
        now: aware time of the report.
        recapture_after_s: seconds after which a capture is too old to stand for a new report.
        by_page: only a page that shows it was captured again: nobody asked for what was too small to be anything.
    """
    if not remit.is_ours:
        return Admission.ADDED
    if state is ItemState.AWAITING_HAND_ON:
        return Admission.REPORTED_IN_REMIT
    is_fresh = captured_at is not None and now - captured_at < timedelta(seconds=recapture_after_s)
    unseen = closed_as is ClosedAs.NOT_JUDGED or (closed_as is ClosedAs.TOO_SMALL and not by_page)
    if state is ItemState.CLOSED and (danger or not is_fresh or unseen):
        return Admission.REPORTED_AGAIN
    return Admission.ADDED


def is_odd(*, is_trapped: bool, is_foreign: bool, form_age: FormAge, is_crowded: bool) -> bool:
    """Whether a public report looks like a machine's work; it is never refused for that.

    Args:
        is_trapped: a field that people leave empty was filled.
        is_foreign: a page of somebody else had a browser send it.
        form_age: of the form that it came with.
        is_crowded: more came from one part of the net, or in all, than people send.
    """
    return is_trapped or is_foreign or form_age is not FormAge.FITTING or is_crowded


FILE_COSTS = 2**16
"""Bytes that each file counts besides its own: its head, the end of its last block, and a bound on their number."""


def measure_on_disk(size: int, files: int) -> int:
    """Return as how many bytes files of so many bytes count once they are sealed; never less than they take.

    age adds 16 bytes to every 64 KiB. The view `public_upload_bytes` counts stored ones alike.

    Args:
        size: bytes of all of them together, in clear.
        files: how many there may be, at least 1.
    """
    return size + size // 4096 + FILE_COSTS * files


def is_low(*, danger: bool, is_odd: bool) -> bool:
    """Whether a public report goes to the low lane, which is served last; what names a child in danger never does."""
    return is_odd and not danger
