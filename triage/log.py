"""The log: one line an event on stderr, with ids and no values of reports.

Nobody logs URLs, hash values, names or notes; tracebacks leave out the values of frames, and the messages of
foreign exceptions (which may quote a value) are cut to their type.
"""

import logging
import sys
import time

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class _UtcFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"

    def formatException(self, ei: object) -> str:  # noqa: N802 - name of the standard library
        """Return where it happened and what kind it was, never what it said."""
        if not isinstance(ei, tuple) or ei[1] is None:
            return ""
        error, trace = ei[1], ei[2]
        places = []
        while trace is not None:
            code = trace.tb_frame.f_code
            places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        return f"  {type(error).__name__} at " + " < ".join(reversed(places[-8:]))


def start_log(level: str) -> None:
    """Send the log of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_UtcFormatter(_FORMAT))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("rq.worker", "httpx2", "httpcore2", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
