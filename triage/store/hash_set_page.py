"""What the page of hash sets shows beside their counts: who trusts which class, and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hashsets.model import EntryClass
from triage.store.rows import Connection, row_of


class TrustStep(StrEnum):
    """One person proposes, another one confirms."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class TrustGiven:
    """One step of trust in a class of a set."""

    set_id: UUID
    entry_class: EntryClass
    step: TrustStep
    person_id: UUID
    name: str
    reason: str
    at: datetime


def list_trusts(conn: Connection) -> list[TrustGiven]:
    """Return all steps of trust, in the order in which they were taken."""
    with conn.cursor(row_factory=row_of(TrustGiven)) as cursor:
        return cursor.execute(
            "SELECT set_id, class AS entry_class, step, person_id, persons.name, reason, at FROM hash_set_trusts"
            " JOIN persons ON persons.id = person_id ORDER BY at, set_id, class, step DESC"
        ).fetchall()


@dataclass(frozen=True, slots=True)
class DisputeSaid:
    """One step of a dispute: somebody silenced an entry of a set, or took that back."""

    set_name: str
    entry_class: EntryClass
    step: str
    name: str
    reason: str
    at: datetime


def list_disputes(conn: Connection, *, limit: int) -> list[DisputeSaid]:
    """Return the newest steps of disputes, newest first."""
    with conn.cursor(row_factory=row_of(DisputeSaid)) as cursor:
        return cursor.execute(
            "SELECT hash_sets.name AS set_name, hash_entries.class AS entry_class, step, persons.name, reason, at"
            " FROM hash_disputes JOIN hash_entries ON hash_entries.id = entry_id"
            " JOIN hash_sets ON hash_sets.id = set_id JOIN persons ON persons.id = person_id"
            " ORDER BY at DESC, hash_disputes.id DESC LIMIT %(limit)s",
            {"limit": limit},
        ).fetchall()


def find_set_name(conn: Connection, set_id: UUID) -> str | None:
    """Return the name of a set; None if there is none."""
    row = conn.execute("SELECT name FROM hash_sets WHERE id = %(id)s", {"id": set_id}).fetchone()
    return row[0] if row else None
