"""Lists that were handed in: what each did or would do, the rows that could not be used, what waits for a lead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hashsets.model import BadRow
from triage.store.rows import Connection, row_of


class ImportState(StrEnum):
    """waiting: it changes too much, a lead decides. refused: too many bad rows, or a later list took its place."""

    WAITING = "waiting"
    APPLIED = "applied"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class HashImport:
    """One list that was handed in, in entries.

    Attributes:
        file_sha256: digest of the file; None for entries that came from none.
        live: how many were live before.
        flipped: into another class, or without a hash that they had; while it waits, of another set too, contested.
    """

    id: UUID
    set_id: UUID
    format: str
    file_sha256: bytes | None
    is_snapshot: bool
    state: ImportState
    live: int
    added: int
    changed: int
    flipped: int
    withdrawn: int
    bad_rows: int
    at: datetime


def insert_import(conn: Connection, one: HashImport, *, actor: str) -> None:
    """Store a list that was handed in."""
    conn.execute(
        "INSERT INTO hash_imports (id, set_id, format, file_sha256, is_snapshot, state, live, added, changed,"
        " flipped, withdrawn, bad_rows, actor, at) VALUES (%(id)s, %(set_id)s, %(format)s, %(file_sha256)s,"
        " %(is_snapshot)s, %(state)s, %(live)s, %(added)s, %(changed)s, %(flipped)s, %(withdrawn)s, %(bad_rows)s,"
        " %(actor)s, %(at)s)",
        {name: getattr(one, name) for name in HashImport.__slots__} | {"actor": actor},
    )


def insert_bad_rows(conn: Connection, import_id: UUID, rows: Sequence[BadRow]) -> None:
    """Store where rows could not be used, and why."""
    conn.execute(
        "INSERT INTO hash_import_bad_rows (import_id, place, line, reason)"
        " SELECT %(id)s, place, line, reason FROM unnest(%(lines)s::bigint[], %(reasons)s::text[])"
        " WITH ORDINALITY AS bad (line, reason, place)",
        {"id": import_id, "lines": [one.line for one in rows], "reasons": [one.reason for one in rows]},
    )


def find_waiting(conn: Connection, set_id: UUID) -> HashImport | None:
    """Return the list of a set that waits for a lead, and lock it."""
    with conn.cursor(row_factory=row_of(HashImport)) as cursor:
        return cursor.execute(
            "SELECT id, set_id, format, file_sha256, is_snapshot, state, live, added, changed, flipped, withdrawn,"
            " bad_rows, at FROM hash_imports WHERE set_id = %(id)s AND state = 'waiting' FOR NO KEY UPDATE",
            {"id": set_id},
        ).fetchone()


def list_waiting(conn: Connection) -> list[HashImport]:
    """Return all lists that wait for a lead, oldest first."""
    with conn.cursor(row_factory=row_of(HashImport)) as cursor:
        return cursor.execute(
            "SELECT id, set_id, format, file_sha256, is_snapshot, state, live, added, changed, flipped, withdrawn,"
            " bad_rows, at FROM hash_imports WHERE state = 'waiting' ORDER BY at, id"
        ).fetchall()


def list_imports(conn: Connection, set_id: UUID, *, limit: int) -> list[HashImport]:
    """Return the last lists of a set, newest first."""
    with conn.cursor(row_factory=row_of(HashImport)) as cursor:
        return cursor.execute(
            "SELECT id, set_id, format, file_sha256, is_snapshot, state, live, added, changed, flipped, withdrawn,"
            " bad_rows, at FROM hash_imports WHERE set_id = %(id)s ORDER BY at DESC, id DESC LIMIT %(limit)s",
            {"id": set_id, "limit": limit},
        ).fetchall()


def refuse_waiting(conn: Connection, set_id: UUID, *, reason: str) -> int:
    """Refuse the list of a set that waits, because another one takes its place; return how many did."""
    return conn.execute(
        "UPDATE hash_imports SET state = 'refused', reason = %(reason)s"
        " WHERE set_id = %(id)s AND state = 'waiting'",
        {"id": set_id, "reason": reason},
    ).rowcount


def refuse_import(conn: Connection, import_id: UUID, *, person_id: UUID, reason: str, now: datetime) -> None:
    """Note that a lead refused a waiting list, and why."""
    conn.execute(
        "UPDATE hash_imports SET state = 'refused', decided_by = %(person)s, decided_at = %(now)s,"
        " reason = %(reason)s WHERE id = %(id)s AND state = 'waiting'",
        {"id": import_id, "person": person_id, "reason": reason, "now": now},
    )


def confirm_import(conn: Connection, import_id: UUID, *, person_id: UUID, reason: str, now: datetime) -> None:
    """Note that a lead let a waiting list be applied, and why."""
    conn.execute(
        "UPDATE hash_imports SET state = 'applied', decided_by = %(person)s, decided_at = %(now)s,"
        " reason = %(reason)s WHERE id = %(id)s AND state = 'waiting'",
        {"id": import_id, "person": person_id, "reason": reason, "now": now},
    )
