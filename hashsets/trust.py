"""Trust in a class of a hash set: two rows by two persons, one who proposes and one who confirms."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import tuple_row

from hashsets.errors import TrustRefusedError
from hashsets.model import UNTRUSTABLE, EntryClass, HashSet, is_reason
from hashsets.store import Connection, find_hash_set


def _check_trust(conn: Connection, set_name: str, entry_class: EntryClass, reason: str) -> HashSet:
    if entry_class in UNTRUSTABLE:
        raise TrustRefusedError("Entries of this class can never be trusted")
    if not is_reason(reason):
        raise TrustRefusedError("Trust needs a written reason of at most 2000 characters")
    hash_set = find_hash_set(conn, set_name)
    if hash_set.is_negative:
        raise TrustRefusedError("A list of harmless files is never trusted")
    return hash_set


def _insert_trust(
    conn: Connection,
    set_id: UUID,
    entry_class: EntryClass,
    step: str,
    person_id: UUID,
    reason: str,
    now: datetime,
) -> bool:
    """Store one step of trust; False if that step was taken, or this person has taken the other."""
    names = {
        "set_id": set_id,
        "class": entry_class,
        "step": step,
        "person": person_id,
        "reason": reason,
        "now": now,
    }
    inserted = conn.cursor(row_factory=tuple_row).execute(
        """
        INSERT INTO hash_set_trusts (set_id, class, step, person_id, reason, at)
        VALUES (%(set_id)s, %(class)s, %(step)s, %(person)s, %(reason)s, %(now)s)
        ON CONFLICT DO NOTHING
        """,
        names,
    )
    return inserted.rowcount == 1


def propose_trust(
    conn: Connection, set_name: str, entry_class: EntryClass, *, person_id: UUID, reason: str, now: datetime
) -> None:
    """Store that a person proposes to trust a class of a hash set; it is not trusted yet.

    Raises:
        UnknownHashSetError: there is no such set.
        TrustRefusedError: no reason, a class that can never be trusted, or it is proposed already.
    """
    hash_set = _check_trust(conn, set_name, entry_class, reason)
    if not _insert_trust(conn, hash_set.id, entry_class, "proposed", person_id, reason, now):
        raise TrustRefusedError("This trust has been proposed already")


def confirm_trust(
    conn: Connection, set_name: str, entry_class: EntryClass, *, person_id: UUID, reason: str, now: datetime
) -> None:
    """Store that a second person confirms a proposal; from the commit on the class is trusted.

    Raises:
        UnknownHashSetError: there is no such set.
        TrustRefusedError: no reason, nothing proposed, the same person, or it is confirmed already.
    """
    hash_set = _check_trust(conn, set_name, entry_class, reason)
    proposed = (
        conn.cursor(row_factory=tuple_row)
        .execute(
            """
            SELECT person_id FROM hash_set_trusts
            WHERE set_id = %(set_id)s AND class = %(class)s AND step = 'proposed'
            """,
            {"set_id": hash_set.id, "class": entry_class},
        )
        .fetchone()
    )
    if proposed is None:
        raise TrustRefusedError("Nobody has proposed this trust")
    if proposed[0] == person_id:
        raise TrustRefusedError("A second person must confirm this trust")
    if not _insert_trust(conn, hash_set.id, entry_class, "confirmed", person_id, reason, now):
        raise TrustRefusedError("This trust has been confirmed already")


def is_trust_proposed(conn: Connection, set_id: UUID, entry_class: EntryClass) -> bool:
    """Say whether somebody has proposed to trust this class, confirmed or not."""
    row = (
        conn.cursor(row_factory=tuple_row)
        .execute(
            "SELECT 1 FROM hash_set_trusts"
            " WHERE set_id = %(set_id)s AND class = %(class)s AND step = 'proposed'",
            {"set_id": set_id, "class": entry_class},
        )
        .fetchone()
    )
    return row is not None
