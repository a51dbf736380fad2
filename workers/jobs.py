"""Job name → function. `triage/rules/due.py` names the jobs; a test holds both complete."""

from collections.abc import Callable
from uuid import UUID

from workers.capture_item import capture_item
from workers.check_online import check_online
from workers.locate_host import locate_host
from workers.look_up_file import look_up_file
from workers.outbound_tools import OutboundTools
from workers.rematch import rematch
from workers.send import send
from workers.tell_reporter import tell_reporter
from workers.tools import CaptureTools

JOBS: dict[str, Callable[[CaptureTools, UUID], None]] = {
    "capture_item": capture_item,
    "locate_host": locate_host,
    "check_online": check_online,
    "rematch": rematch,
    "look_up_file": look_up_file,
}
"""What the worker does."""

OUTBOUND_JOBS: dict[str, Callable[[OutboundTools, UUID], None]] = {
    "send": send,
    "tell_reporter": tell_reporter,
}
"""What the outbound process does."""
