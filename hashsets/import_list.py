"""Taking a list into one hash set, in three calls of one transaction: stage it, weigh it, apply it.

1. `stage_list` copies the list into temporary tables; nothing that stands is touched.
2. `weigh_list` says how much it would take away or call something else; a big change is for a person to decide.
3. `apply_list` brings the set up to it.

The caller holds the lock of the generation from 2 on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row

from hashsets import import_sql
from hashsets.contested import mark_contested
from hashsets.errors import ContestsMuchError, InvalidListError
from hashsets.model import Entry, ImportCounts, normalise_hash

Connection = psycopg.Connection[Any]

BIG_CHANGE_SHARE = 0.01
"""Of a set's live entries. A list that takes away or flips more waits for a person."""

BIG_CHANGE_MIN = 10
"""Entries. Fewer are never a big change, however small the set."""

_LINES_A_WRITE = 1000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True, slots=True)
class Weight:
    """How much of a set a list would take away or change, in entries.

    Attributes:
        live: live ones before.
        missing: live ones that a snapshot no longer names.
        taken_back: live ones that it withdraws by name.
        flipped: live ones that it puts into another class, or takes a hash from; of another set, that it contests.
    """

    live: int
    missing: int
    taken_back: int
    flipped: int

    @property
    def removed(self) -> int:
        """How many would be withdrawn."""
        return self.missing + self.taken_back

    @property
    def is_big(self) -> bool:
        """Whether a person must decide: more than 1 % of the set, and no mere handful."""
        touched = self.removed + self.flipped
        return touched >= BIG_CHANGE_MIN and touched > BIG_CHANGE_SHARE * self.live


def _write_line(entry: Entry) -> str:
    """Return an entry as one line of PostgreSQL's COPY text format."""
    pairs = sorted({(each.value, normalise_hash(each, value)) for each, value in entry.fingerprints})
    texts = "\t".join(
        text.translate(_ESCAPES)
        for text in (entry.source_key, entry.entry_class.value, entry.raw_scheme, entry.raw_value)
    )
    revised = entry.revised_at.isoformat() if entry.revised_at else "\\N"
    words, hashes = ",".join(word for word, _ in pairs), ",".join(value for _, value in pairs)
    return f"{texts}\t{'t' if entry.withdrawn else 'f'}\t{revised}\t{{{words}}}\t{{{hashes}}}\n"


def stage_list(conn: Connection, entries: Iterable[Entry]) -> None:
    """Copy a list into temporary tables, one row per entry and one per fingerprint.

    Raises:
        InvalidListError: a source key comes twice.
        InvalidHashError: a fingerprint is not hex of its algorithm's length.
    """
    cursor = conn.cursor(row_factory=tuple_row)
    cursor.execute(
        "SET LOCAL work_mem = '128MB'"
    )  # for what is sorted and joined until the end of the import
    cursor.execute(import_sql.MAKE_TABLES)
    with cursor.copy("COPY incoming_entries FROM STDIN") as copy:
        lines: list[str] = []
        for entry in entries:
            lines.append(_write_line(entry))
            if len(lines) == _LINES_A_WRITE:
                copy.write("".join(lines))
                lines.clear()
        copy.write("".join(lines))
    twice = "SELECT FROM incoming_entries GROUP BY source_key HAVING count(*) > 1 LIMIT 1"
    if cursor.execute(twice).rowcount:
        raise InvalidListError("The list names the same entry twice")


def weigh_list(conn: Connection, set_id: UUID, *, is_snapshot: bool) -> Weight:
    """Return how much the staged list would take away or change.

    Args:
        is_snapshot: it is the whole list: what it does not name is withdrawn.
    """
    cursor = conn.cursor(row_factory=tuple_row)
    if not is_snapshot:
        cursor.execute(import_sql.DROP_STALE, {"set_id": set_id})
    cursor.execute("ANALYZE incoming_entries")
    cursor.execute(import_sql.MAKE_FINGERPRINTS)
    cursor.execute("CREATE INDEX ON incoming_fingerprints (source_key)")
    cursor.execute("ANALYZE incoming_fingerprints")
    row = cursor.execute(import_sql.COUNT_PLAN, {"set_id": set_id, "is_snapshot": is_snapshot}).fetchone()
    return Weight(*(row or (0, 0, 0, 0)))


def apply_list(
    conn: Connection, set_id: UUID, *, is_snapshot: bool, generation: int, now: datetime, is_confirmed: bool
) -> ImportCounts:
    """Bring a hash set up to the staged list and drop the temporary tables; the caller raises the generation.

    Args:
        is_snapshot: what the list does not name is withdrawn.
        generation: the one that this change makes; every entry that it changes is given it.
        is_confirmed: a person let it, however much of other sets it contests.

    Raises:
        ContestsMuchError: it contests so many entries of one other set that a person must decide; nothing was changed.
    """
    with conn.transaction():
        counts = _apply(conn, set_id, is_snapshot=is_snapshot, generation=generation, now=now)
        if not is_confirmed:
            _refuse_contest(conn, set_id, generation)
        drop_list(conn)
    return counts


def _refuse_contest(conn: Connection, set_id: UUID, generation: int) -> None:
    """Refuse a change that has contested a big part of another set; raises ContestsMuchError."""
    row = (
        conn.cursor(row_factory=tuple_row)
        .execute(
            import_sql.COUNT_CONTESTED, {"set_id": set_id, "generation": generation, "least": BIG_CHANGE_MIN}
        )
        .fetchone()
    )
    if row is not None and row[0] > BIG_CHANGE_SHARE * row[1]:
        raise ContestsMuchError(row[0])


def _apply(
    conn: Connection, set_id: UUID, *, is_snapshot: bool, generation: int, now: datetime
) -> ImportCounts:
    cursor = conn.cursor(row_factory=tuple_row)
    names = {"set_id": set_id, "now": now, "generation": generation}
    withdrawn = cursor.execute(import_sql.WITHDRAW_INCOMING, names).rowcount
    if is_snapshot:
        withdrawn += cursor.execute(import_sql.WITHDRAW_MISSING, names).rowcount
    changed = cursor.execute(import_sql.CHANGE_INCOMING, names).rowcount
    cursor.execute(import_sql.NOTE_REVISION, names)
    added = cursor.execute(import_sql.ADD_INCOMING, names).rowcount
    cursor.execute(import_sql.ADD_WITHDRAWN, names)
    counts = ImportCounts(added=added, changed=changed, withdrawn=withdrawn)
    if changed:
        cursor.execute(import_sql.DELETE_OLD_FINGERPRINTS, names)
    if added or changed:
        cursor.execute(import_sql.INSERT_NEW_FINGERPRINTS, names)
    if counts != ImportCounts():
        mark_contested(conn, set_id, generation, now=now, touched=added + changed + withdrawn)
    return counts


def drop_list(conn: Connection) -> None:
    """Drop what was staged."""
    conn.cursor().execute("DROP TABLE IF EXISTS incoming_entries, incoming_fingerprints")
