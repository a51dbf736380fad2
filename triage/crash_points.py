"""Named points at which a test kills the process, to prove that nothing is lost there.

`HOTLINE_CRASH_AT=after_fetch` (or another name of POINTS) ends the process with SIGKILL at that point.
"""

import os
import signal

POINTS = ("after_fetch", "after_seal", "before_commit", "after_commit", "after_smtp_data")


def crash_point(name: str) -> None:
    """Die here if this point is named."""
    if os.environ.get("HOTLINE_CRASH_AT") == name:
        os.kill(os.getpid(), signal.SIGKILL)
