"""Score items that are due: because something of them changed, or because they grew older.

1. Lock what is due and free; forget what made it due.
2. Read what counts, and score it (`rules/priority.py`).
3. Store score and parts, and when age alone changes them next. No custody event: nobody said or did anything.
"""

from datetime import datetime

from triage.rules.flags import ListWord, list_flags
from triage.rules.priority import (
    COUNTED_OF_LISTS,
    COUNTED_OF_NOTES,
    ScoreFacts,
    is_registered_in_albania,
    score_item,
)
from triage.store import priorities
from triage.store.priorities import CountedItem
from triage.store.rows import Connection


def score_due(conn: Connection, *, now: datetime, limit: int) -> int:
    """Score items that are due; return how much there was to do.

    Args:
        limit: most of them by each cause.
    """
    due, forgotten = priorities.lock_due(conn, now=now, limit=limit)
    for item in priorities.read_counted(conn, due):
        priorities.write_score(conn, item, score_item(_read_facts(item), now=now))
    return len(due) + forgotten


def _read_facts(item: CountedItem) -> ScoreFacts:
    flags = list_flags(ListWord(scheme, word) for scheme, word in item.words)
    return ScoreFacts(
        is_danger=item.is_danger,
        is_danger_reported=item.is_danger_reported,
        is_new=item.is_new,
        is_flagged=bool(flags & COUNTED_OF_LISTS),
        is_written_of=not COUNTED_OF_NOTES.isdisjoint(item.note_flags),
        reports=item.reports,
        is_albanian=item.country == "AL" or is_registered_in_albania(item.host),
        is_partner=item.is_partner,
        since=item.since,
    )
