"""Counts for the outside: how many reports, items and notices, and how long removal took. Never of whom or what."""

from dataclasses import dataclass
from datetime import date, datetime

from triage.store.rows import Connection


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted.

    Attributes:
        by_day, by_channel, by_remit: reports since the day that was asked for.
        items, notices: all of them, by state.
        removed: items that were closed as removed since then, after a notice.
        median_removal_s: seconds from the first notice to the first check that found it removed; None without any.
    """

    by_day: dict[date, int]
    by_channel: dict[str, int]
    by_remit: dict[str, int]
    items: dict[str, int]
    notices: dict[str, int]
    removed: int
    median_removal_s: float | None


def read_counts(conn: Connection, *, since: datetime) -> Counts:
    """Return the counts; days are those of Tiranë."""
    by_day = conn.execute(
        "SELECT (received_at AT TIME ZONE 'Europe/Tirane')::date AS day, count(*) FROM reports"
        " WHERE received_at >= %(since)s GROUP BY day ORDER BY day",
        {"since": since},
    ).fetchall()
    by_channel = conn.execute(
        "SELECT channel::text, count(*) FROM reports WHERE received_at >= %(since)s"
        " GROUP BY channel ORDER BY channel",
        {"since": since},
    ).fetchall()
    by_remit = conn.execute(
        "SELECT remit::text, count(*) FROM reports WHERE received_at >= %(since)s GROUP BY remit ORDER BY remit",
        {"since": since},
    ).fetchall()
    items = conn.execute("SELECT state::text, count(*) FROM items GROUP BY state ORDER BY state").fetchall()
    notices = conn.execute(
        "SELECT state::text, count(*) FROM sendings WHERE kind = 'notice' AND part = 'first'"
        " GROUP BY state ORDER BY state"
    ).fetchall()
    removed = conn.execute(
        "WITH told AS (SELECT items.id, min(sendings.sent_at) AS sent_at FROM items"
        "  JOIN sending_items ON sending_items.item_id = items.id"
        "  JOIN sendings ON sendings.id = sending_id AND sendings.kind = 'notice'"
        "   AND part = 'first' AND sent_at IS NOT NULL"
        "  WHERE items.closed_as = 'removed' AND items.moved_at >= %(since)s GROUP BY items.id),"
        " gone AS (SELECT told.sent_at, min(checked_at) AS gone_at FROM told JOIN online_checks"
        "  ON online_checks.item_id = told.id AND result = 'removed' AND checked_at >= told.sent_at"
        "  GROUP BY told.id, told.sent_at)"
        " SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM gone_at - sent_at))"
        " FROM gone",
        {"since": since},
    ).fetchone()
    return Counts(
        dict(by_day),
        dict(by_channel),
        dict(by_remit),
        dict(items),
        dict(notices),
        int(removed[0]) if removed else 0,
        float(removed[1]) if removed and removed[1] is not None else None,
    )
