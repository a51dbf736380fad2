"""Disputes: our own people say that an entry is wrong. It is silent at once, whatever its provider says next."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psycopg.rows import tuple_row

from hashsets.contested import mark_contested
from hashsets.denied import deny_hashes
from hashsets.errors import DisputeRefusedError, UnknownEntryError
from hashsets.model import is_reason
from hashsets.store import Connection, bump_generation, find_hash_set, lock_generation


class DisputeStep(StrEnum):
    """What was said of an entry, by a person, in writing."""

    DISPUTED = "disputed"
    UNDONE = "undone"


def record_dispute(
    conn: Connection,
    set_name: str,
    source_key: str,
    step: DisputeStep,
    *,
    dispute_id: UUID,
    person_id: UUID,
    reason: str,
    now: datetime,
    is_denied: bool = False,
) -> UUID:
    """Silence an entry, or take that back; raise the generation and return the entry's id.

    Args:
        dispute_id: id of this word, made by the caller.
        reason: why, 1-2000 characters.
        is_denied: also keep every list from bringing the entry's hashes, and take them from all that stand.

    Raises:
        UnknownHashSetError: there is no such set.
        UnknownEntryError: the set has no entry of that key that could be disputed, or is.
        DisputeRefusedError: no reason.
    """
    if not is_reason(reason):
        raise DisputeRefusedError
    hash_set = find_hash_set(conn, set_name)
    generation = lock_generation(conn)
    cursor = conn.cursor(row_factory=tuple_row)
    names = {
        "set_id": hash_set.id,
        "source_key": source_key.replace("\0", ""),
        "is_disputed": step is DisputeStep.DISPUTED,
        "now": now,
        "generation": generation,
    }
    row = cursor.execute(
        """
        UPDATE hash_entries SET disputed_at = CASE WHEN %(is_disputed)s THEN %(now)s END,
            changed_at = %(now)s, generation = %(generation)s
        WHERE set_id = %(set_id)s AND source_key = %(source_key)s
        AND (disputed_at IS NULL) = %(is_disputed)s AND (withdrawn_at IS NULL OR NOT %(is_disputed)s)
        RETURNING id
        """,
        names,
    ).fetchone()
    if row is None:
        if step is DisputeStep.DISPUTED:
            raise UnknownEntryError
        raise UnknownEntryError("The hash set has no disputed entry of that name.")
    entry_id: UUID = row[0]
    cursor.execute(
        """
        INSERT INTO hash_disputes (id, entry_id, step, person_id, reason, at)
        VALUES (%(id)s, %(entry_id)s, %(step)s, %(person_id)s, %(reason)s, %(now)s)
        """,
        {
            "id": dispute_id,
            "entry_id": entry_id,
            "step": step,
            "person_id": person_id,
            "reason": reason,
            "now": now,
        },
    )
    if is_denied:
        deny_hashes(conn, entry_id, person_id=person_id, reason=reason, now=now, generation=generation)
    mark_contested(conn, hash_set.id, generation, now=now)
    bump_generation(conn)
    return entry_id
