"""Turns at sites: one row a site, locked by whoever asks, so that all workers together keep its pace."""

from datetime import datetime

from triage.rules.turns import SiteTurns, start_turns
from triage.store.rows import Connection, row_of

_UNDER_WAY_LOCK = 7_221_410  # an advisory lock, beside those of the migrations, the lists and the recipients


def lock_turns(conn: Connection, site: str, *, now: datetime) -> SiteTurns:
    """Return what is kept of a site, and lock it until the transaction ends."""
    standing = _find_and_lock(conn, site)
    if standing is not None:
        return standing
    fresh = start_turns(now)
    conn.execute(
        "INSERT INTO host_turns (site, begun_until, free_at, shut_until, failures, changed_at)"
        " VALUES (%(site)s, %(begun_until)s, %(free_at)s, %(shut_until)s, 0, %(now)s) ON CONFLICT DO NOTHING",
        {
            "site": site,
            "begun_until": fresh.begun_until,
            "free_at": fresh.free_at,
            "shut_until": fresh.shut_until,
            "now": now,
        },
    )
    return _find_and_lock(conn, site) or fresh


def _find_and_lock(conn: Connection, site: str) -> SiteTurns | None:
    with conn.cursor(row_factory=row_of(SiteTurns)) as cursor:
        return cursor.execute(
            "SELECT begun_until, free_at, shut_until, failures, changed_at FROM host_turns"
            " WHERE site = %(site)s FOR NO KEY UPDATE",
            {"site": site},
        ).fetchone()


def save_turns(conn: Connection, site: str, turns: SiteTurns) -> None:
    """Keep what `lock_turns` returned, changed."""
    conn.execute(
        "UPDATE host_turns SET begun_until = %(begun_until)s, free_at = %(free_at)s, shut_until = %(shut_until)s,"
        " failures = %(failures)s, changed_at = %(changed_at)s WHERE site = %(site)s",
        {
            "site": site,
            "begun_until": turns.begun_until,
            "free_at": turns.free_at,
            "shut_until": turns.shut_until,
            "failures": turns.failures,
            "changed_at": turns.changed_at,
        },
    )


def forget_failures(conn: Connection, site: str) -> None:
    """Say that a site answered."""
    conn.execute("UPDATE host_turns SET failures = 0 WHERE site = %(site)s AND failures > 0", {"site": site})


def purge_turns(conn: Connection, *, changed_before: datetime) -> int:
    """Forget sites that nobody asked for long; return how many."""
    return conn.execute(
        "DELETE FROM host_turns WHERE changed_at < %(before)s", {"before": changed_before}
    ).rowcount


def lock_under_way(conn: Connection, *, now: datetime) -> int:
    """Return how many captures of addresses are under way; until the transaction ends nobody else begins one."""
    conn.execute("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": _UNDER_WAY_LOCK})
    row = conn.execute(
        "SELECT count(*) FROM captures JOIN items ON items.id = captures.item_id"
        " WHERE ended_at IS NULL AND lease_until > %(now)s AND items.kind = 'url'",
        {"now": now},
    ).fetchone()
    return int(row[0]) if row else 0
