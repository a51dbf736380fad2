"""Scores by the sweep: batch after batch, until nothing is due or the time of one round is over.

What is left over is due still; so a sweep that stops, or a flood of changes, loses nothing.
"""

import time
from datetime import datetime
from functools import partial

from triage.steps.score_items import score_due
from triage.store.pool import Database

BATCH = 100
BUDGET_S = 0.5
"""Seconds of one round; other work of the sweep waits no longer."""


def score_all_due(database: Database, *, now: datetime, budget_s: float = BUDGET_S) -> int:
    """Score what is due, in one transaction for each batch; return how much there was to do."""
    began = time.monotonic()
    scored = 0
    while True:
        found = database.run(partial(score_due, now=now, limit=BATCH))
        scored += found
        if found == 0 or time.monotonic() - began >= budget_s:
            return scored
