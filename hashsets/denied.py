"""Hashes that no list brings in: those of empty files and blank pictures, and those that a person denied.

A person denies the hashes of an entry that fits harmless pictures without end, such as a logo or a test card: a
dispute silences one entry, this keeps every list from bringing the same hashes again.
"""

from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row

from hashsets.blank import is_blank
from hashsets.model import Algorithm, BadRow, Entry, EntryClass

Denied = frozenset[tuple[Algorithm, str]]


def read_denied(conn: psycopg.Connection[object]) -> Denied:
    """Return what persons have denied, as pairs of algorithm and lower-case hex."""
    rows = conn.cursor(row_factory=tuple_row).execute(
        "SELECT algorithm, encode(value, 'hex') FROM denied_hashes"
    )
    return frozenset((Algorithm(word), value) for word, value in rows)


def deny_hashes(
    conn: psycopg.Connection[object],
    entry_id: UUID,
    *,
    person_id: UUID,
    reason: str,
    now: datetime,
    generation: int,
) -> int:
    """Deny all hashes of an entry, and take them from every entry of every set; return how many were new.

    Args:
        reason: why, in writing, 1-2000 characters.
        generation: the one that this change makes; every entry that loses a hash is given it.
    """
    cursor = conn.cursor(row_factory=tuple_row)
    names = {
        "entry_id": entry_id,
        "person_id": person_id,
        "reason": reason,
        "now": now,
        "generation": generation,
    }
    denied = cursor.execute(
        """
        INSERT INTO denied_hashes (algorithm, value, reason, person_id, at)
        SELECT algorithm, value, %(reason)s, %(person_id)s, %(now)s
        FROM hash_entry_fingerprints WHERE entry_id = %(entry_id)s
        ON CONFLICT DO NOTHING
        """,
        names,
    ).rowcount
    cursor.execute(
        """
        WITH gone AS (
            DELETE FROM hash_entry_fingerprints AS f USING denied_hashes AS d
            WHERE f.algorithm = d.algorithm AND f.value = d.value RETURNING f.entry_id
        )
        UPDATE hash_entries SET changed_at = %(now)s, generation = %(generation)s
        WHERE id IN (SELECT entry_id FROM gone)
        """,
        names,
    )
    return denied


def sift_entry(entry: Entry, denied: Denied, *, is_negative: bool) -> Entry | BadRow | None:
    """Return an entry without the hashes that say nothing, or why it cannot be used; None where persons denied it.

    Args:
        denied: what persons have denied.
        is_negative: its set lists harmless files, so that no entry of it may say anything else.
    """
    if entry.withdrawn:
        return entry
    left = frozenset(pair for pair in entry.fingerprints if pair not in denied and not is_blank(*pair))
    if not left:
        if any(pair in denied for pair in entry.fingerprints):
            return None
        return BadRow(
            entry.line, "the row has only hashes that say nothing: of an empty file or a blank picture"
        )
    entry_class = entry.entry_class
    if is_negative and entry_class is not EntryClass.NOT_ILLEGAL:
        if entry_class is not EntryClass.UNKNOWN:
            return BadRow(entry.line, "the row has a category that a list of harmless files cannot have")
        entry_class = EntryClass.NOT_ILLEGAL
    if len(left) == len(entry.fingerprints) and entry_class is entry.entry_class:
        return entry
    return Entry(
        entry.source_key,
        entry_class,
        entry.raw_scheme,
        entry.raw_value,
        left,
        entry.withdrawn,
        entry.revised_at,
        entry.line,
    )
