"""Answers that take the same time whatever was found: nobody learns by a clock what the words do not say.

The answer is held back until a fixed time after the question, longer than the work usually takes. What a report costs
grows with its lines, and a line that is new costs more than one that stands: so the time grows with the lines too.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

ANSWER_AFTER_S = 0.15
"""Seconds after its question before which no answer to a report or a look-up leaves."""

LINE_S = 0.002
"""Seconds more for each line of a report; a new line takes about half of that."""


@asynccontextmanager
async def answer_evenly(lines: int = 0) -> AsyncIterator[None]:
    """Hold back what is answered in this block until its time has come; work that took longer, to a multiple of it.

    Args:
        lines: of the report, which its sender chose.
    """
    span_s = ANSWER_AFTER_S + lines * LINE_S
    started_at = time.monotonic()
    yield
    taken_s = time.monotonic() - started_at
    await asyncio.sleep(math.ceil(taken_s / span_s) * span_s - taken_s)
