"""Words of the exposure tests: what a person has behind them, written as if it had happened."""

from datetime import timedelta
from uuid import UUID, uuid4

from triage.clock import utcnow


def work_in_lane(
    conn, person_id: UUID, item_id: UUID, *, ago: float, minutes: float, lane: str = "look"
) -> None:
    """Let somebody have had an item open for so many minutes, from so many minutes ago; commit."""
    begins_at = utcnow() - timedelta(minutes=ago)
    while minutes > 0:
        part = min(minutes, 25.0)
        ends_at = begins_at + timedelta(minutes=part)
        conn.execute(
            "INSERT INTO item_leases (id, item_id, person_id, lane, taken_at, kept_at, until, ended_at, ended_as)"
            " VALUES (%(id)s, %(item)s, %(person)s, %(lane)s, %(begins)s, %(begins)s, %(ends)s, %(ends)s, 'left')",
            {
                "id": uuid4(),
                "item": item_id,
                "person": person_id,
                "lane": lane,
                "begins": begins_at,
                "ends": ends_at,
            },
        )
        begins_at, minutes = ends_at, minutes - part
    conn.commit()


def be_experienced(conn, person_id: UUID) -> None:
    """Let somebody have looked at pictures for years; commit."""
    conn.execute("UPDATE look_starts SET since = '2020-01-01Z' WHERE person_id = %s", (person_id,))
    conn.commit()


def begin_shift(conn, person_id: UUID, *, ago: float) -> None:
    """Let somebody's sessions have begun so many minutes ago; commit."""
    conn.execute(
        "UPDATE sessions SET started_at = %s WHERE person_id = %s",
        (utcnow() - timedelta(minutes=ago), person_id),
    )
    conn.commit()


def set_caps(conn, person_id: UUID, by: UUID, *, minutes: int = 300, looks: int = 600) -> None:
    """Let a lead have allowed somebody so much for today; commit."""
    conn.execute(
        "INSERT INTO exposure_overrides (id, person_id, day, seconds, looks, reason, made_by, at)"
        " SELECT %s, %s, (now() AT TIME ZONE 'Europe/Tirane')::date, %s, %s, 'a test', %s, now()",
        (uuid4(), person_id, minutes * 60, looks, by),
    )
    conn.commit()
