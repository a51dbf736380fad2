"""Job name → function. `triage/rules/due.py` names the jobs; a test holds both complete."""

from collections.abc import Callable
from uuid import UUID

from workers.capture_item import capture_item
from workers.tools import CaptureTools

JOBS: dict[str, Callable[[CaptureTools, UUID], None]] = {
    "capture_item": capture_item,
}
