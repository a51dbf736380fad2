"""GET /api/v1/stats: counts for reports and charts, with a token of the scope `stats`; on the staff surface alone.

Reports of the last 30 days by day, channel and remit, items and notices by state, median hours to removal. Rare counts
are not told (`triage/rules/stats.py`). Nothing in it names a person, an address or a host.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request

from api.console.deps import get_staff
from api.errors import UnauthorisedError
from triage.clock import utcnow
from triage.model import Channel
from triage.rules.states import ItemState, Remit, SendingState
from triage.rules.stats import hide_count, hide_rare, tell_median_hours
from triage.steps.change_tokens import Scope
from triage.store.people import digest_token
from triage.store.rows import Connection
from triage.store.stats import Counts, read_counts
from triage.store.tokens import find_token

router = APIRouter()
DAYS = 30
_TIRANE = ZoneInfo("Europe/Tirane")

# Each group in the order in which larger counts are hidden for rare ones: what says most comes last.
CHANNELS = (Channel.PARTNER, Channel.CLI, Channel.API, Channel.PUBLIC)
REMITS = (Remit.OTHER, Remit.HATE_SPEECH, Remit.CSEM, Remit.CSAM)


@router.get("/api/v1/stats")
def get_stats(request: Request) -> dict[str, Any]:
    """Tell the counts."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    digest = digest_token(token.strip() if kind.lower() == "bearer" else "")
    now = utcnow()
    since = _find_start(now)

    def work(conn: Connection) -> Counts | None:
        token_id = find_token(conn, digest, scope=Scope.STATS, now=now)
        return read_counts(conn, since=since) if token_id is not None else None

    counts = get_staff(request).database.run(work)
    if counts is None:
        raise UnauthorisedError("A valid token with the scope `stats` is needed.")
    return _tell(counts, since, now)


def _find_start(now: datetime) -> datetime:
    """Return the midnight in Tiranë at which the first of the DAYS days begins, today being the last."""
    first = now.astimezone(_TIRANE).date() - timedelta(days=DAYS - 1)
    return datetime(first.year, first.month, first.day, tzinfo=_TIRANE)


def _tell(counts: Counts, since: datetime, now: datetime) -> dict[str, Any]:
    first = since.date()
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return {
        "since": first.isoformat(),
        "until": now.astimezone(_TIRANE).date().isoformat(),
        "reports": {
            "by_day": hide_rare({day.isoformat(): counts.by_day.get(day, 0) for day in days}),
            "by_channel": _hide(counts.by_channel, CHANNELS),
            "by_remit": _hide(counts.by_remit, REMITS),
        },
        "items_by_state": _hide(counts.items, ItemState),
        "notices_by_state": _hide(counts.notices, SendingState),
        "removed": hide_count(counts.removed),
        "median_hours_to_removal": tell_median_hours(counts.median_removal_s, counts.removed),
    }


def _hide(counts: dict[str, int], names: Iterable[str]) -> dict[str, int | None]:
    return hide_rare({str(name): counts.get(name, 0) for name in names})
