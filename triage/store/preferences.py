"""How each person works at the console: by holding a key or by pressing it, with single letters or without."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from triage.store.rows import Connection, row_of


class RevealBy(StrEnum):
    """How a picture is shown: while a key is held, or from one press to the next and never for long."""

    HOLD = "hold"
    TOGGLE = "toggle"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What one person chose.

    Attributes:
        has_keys: whether single letters and numbers act on the review page and in the queue.
    """

    reveal: RevealBy = RevealBy.HOLD
    has_keys: bool = True


def read_preferences(conn: Connection, person_id: UUID) -> Preferences:
    """Return what a person chose; who chose nothing holds, and has keys."""
    with conn.cursor(row_factory=row_of(Preferences)) as cursor:
        found = cursor.execute(
            "SELECT reveal, has_keys FROM preferences WHERE person_id = %(person_id)s",
            {"person_id": person_id},
        ).fetchone()
    return found or Preferences()


def store_preferences(conn: Connection, person_id: UUID, chosen: Preferences, *, now: datetime) -> None:
    """Store what a person chose, in place of what they chose before."""
    conn.execute(
        "INSERT INTO preferences (person_id, reveal, has_keys, changed_at)"
        " VALUES (%(person_id)s, %(reveal)s, %(has_keys)s, %(now)s)"
        " ON CONFLICT (person_id) DO UPDATE"
        " SET reveal = excluded.reveal, has_keys = excluded.has_keys, changed_at = excluded.changed_at",
        {
            "person_id": person_id,
            "reveal": chosen.reveal.value,
            "has_keys": chosen.has_keys,
            "now": now,
        },
    )
