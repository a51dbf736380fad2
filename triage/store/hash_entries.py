"""One entry of a hash set as a person reads it, with what our own people said of it. No hash is read."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hashsets.disputes import DisputeStep
from hashsets.errors import UnknownEntryError
from hashsets.model import EntryClass
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class ListEntry:
    """An entry, live or not.

    Attributes:
        fingerprints: how many hashes it has.
    """

    id: UUID
    source_key: str
    entry_class: EntryClass
    raw_value: str
    revised_at: datetime | None
    withdrawn_at: datetime | None
    disputed_at: datetime | None
    is_contested: bool
    fingerprints: int


@dataclass(frozen=True, slots=True)
class Dispute:
    """One word of one of our own people on an entry."""

    step: DisputeStep
    name: str
    reason: str
    at: datetime


def read_entry(conn: Connection, set_id: UUID, source_key: str) -> ListEntry:
    """Return an entry of a set by its provider's id.

    Raises:
        UnknownEntryError: there never was one.
    """
    with conn.cursor(row_factory=row_of(ListEntry)) as cursor:
        found = cursor.execute(
            "SELECT id, source_key, class AS entry_class, raw_value, revised_at, withdrawn_at, disputed_at,"
            " is_contested,"
            " (SELECT count(*) FROM hash_entry_fingerprints WHERE entry_id = hash_entries.id) AS fingerprints"
            " FROM hash_entries WHERE set_id = %(set_id)s AND source_key = %(key)s",
            {"set_id": set_id, "key": source_key.replace("\0", "")},
        ).fetchone()
    if found is None:
        raise UnknownEntryError("The hash set has no entry of that name.")
    return found


def list_disputes(conn: Connection, entry_id: UUID) -> list[Dispute]:
    """Return what was said of an entry, oldest first."""
    with conn.cursor(row_factory=row_of(Dispute)) as cursor:
        return cursor.execute(
            "SELECT step, persons.name, reason, at FROM hash_disputes JOIN persons ON persons.id = person_id"
            " WHERE entry_id = %(id)s ORDER BY at, hash_disputes.id",
            {"id": entry_id},
        ).fetchall()
