"""The SQL of hash sets. No function commits; the caller owns the transaction (READ COMMITTED).

The one-row table `hash_generation` counts the changes of entries. Everything that changes them locks it
first, so that imports and withdrawals queue up, and raises it in the same transaction; an index carries the
number of the state that it holds.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row, tuple_row

from hashsets import import_sql
from hashsets.errors import (
    HashSetExistsError,
    IndexUnreadableError,
    InvalidHashSetError,
    InvalidListError,
    UnknownEntryError,
    UnknownHashSetError,
)
from hashsets.model import (
    Entry,
    EntryClass,
    HashEntry,
    HashSet,
    HashSetSummary,
    ImportCounts,
    normalise_hash,
)

Connection = psycopg.Connection[Any]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_TEXT_MAX = 200
_VERDICTS_LOCK = 7_221_408  # an advisory lock; the migrations have the number before


def _cursor(conn: Connection) -> psycopg.Cursor[Any]:
    """Return a cursor that gives tuples, whatever the connection's own rows are."""
    return conn.cursor(row_factory=tuple_row)


# The sets


def create_hash_set(
    conn: Connection, *, set_id: UUID, name: str, provider: str, licence: str, region: str, now: datetime
) -> HashSet:
    """Store a new, empty hash set; nothing of it is trusted.

    Args:
        set_id: its id, made by the caller.
        name: 1-63 characters of a-z, 0-9, dot, underscore and hyphen, beginning with a letter or digit.
        provider: whose list it is, 1-200 characters.
        licence: on what terms it may be used, up to 200 characters.
        region: where those terms hold, up to 200 characters.

    Raises:
        InvalidHashSetError: the name or a text cannot be used.
        HashSetExistsError: the name is taken.
    """
    if not _NAME.fullmatch(name):
        raise InvalidHashSetError("A hash set's name is 1-63 of a-z, 0-9, dot, underscore and hyphen")
    if not provider or any(len(text) > _TEXT_MAX or "\0" in text for text in (provider, licence, region)):
        raise InvalidHashSetError("A hash set needs a provider; each text is at most 200 characters long")
    hash_set = HashSet(set_id, name, provider, licence, region)
    inserted = _cursor(conn).execute(
        """
        INSERT INTO hash_sets (id, name, provider, licence, region, created_at)
        VALUES (%(id)s, %(name)s, %(provider)s, %(licence)s, %(region)s, %(now)s)
        ON CONFLICT (name) DO NOTHING
        """,
        {"id": set_id, "name": name, "provider": provider, "licence": licence, "region": region, "now": now},
    )
    if inserted.rowcount == 0:
        raise HashSetExistsError
    return hash_set


def find_hash_set(conn: Connection, name: str) -> HashSet:
    """Return the hash set of a name.

    Raises:
        UnknownHashSetError: there is none.
    """
    found = (
        conn.cursor(row_factory=class_row(HashSet))
        .execute(
            "SELECT id, name, provider, licence, region FROM hash_sets WHERE name = %(name)s",
            {"name": name.replace("\0", "")},
        )
        .fetchone()
    )
    if found is None:
        raise UnknownHashSetError
    return found


def list_trusted(conn: Connection) -> set[tuple[UUID, EntryClass]]:
    """Return the trusted classes as pairs of set id and class: those that a second person confirmed."""
    found = conn.cursor(row_factory=tuple_row).execute(
        "SELECT set_id, class FROM hash_set_trusts WHERE step = 'confirmed'"
    )
    return {(set_id, EntryClass(word)) for set_id, word in found}


def list_hash_sets(conn: Connection) -> list[HashSetSummary]:
    """Return all hash sets by name, with their live entries counted by class and the trusted classes."""
    counts: dict[UUID, dict[EntryClass, int]] = {}
    counted = _cursor(conn).execute(
        """
        SELECT set_id, class, count(*) FROM hash_entries WHERE withdrawn_at IS NULL
        GROUP BY set_id, class ORDER BY set_id, class
        """
    )
    for set_id, entry_class, count in counted:
        counts.setdefault(set_id, {})[EntryClass(entry_class)] = count
    trusted = list_trusted(conn)
    hash_sets = conn.cursor(row_factory=class_row(HashSet)).execute(
        "SELECT id, name, provider, licence, region FROM hash_sets ORDER BY name"
    )
    return [
        HashSetSummary(
            each, counts.get(each.id, {}), frozenset(word for owner, word in trusted if owner == each.id)
        )
        for each in hash_sets
    ]


# The generation


def read_generation(conn: Connection) -> int:
    """Return the number of the present state of all entries, from 0."""
    row = _cursor(conn).execute("SELECT generation FROM hash_generation").fetchone()
    return int(row[0]) if row else 0


def bump_generation(conn: Connection) -> int:
    """Raise the generation by one and return it; holds the row's lock until the transaction ends."""
    bump = "UPDATE hash_generation SET generation = generation + 1 RETURNING generation"
    row = _cursor(conn).execute(bump).fetchone()
    if row is None:
        raise IndexUnreadableError("The database has no generation of hash sets")
    return int(row[0])


def _lock_generation(conn: Connection) -> int:
    """Wait until no other transaction changes entries; return the generation that this one makes.

    Always the first lock: else writers could deadlock.
    """
    row = _cursor(conn).execute("SELECT generation FROM hash_generation FOR UPDATE").fetchone()
    return int(row[0]) + 1 if row else 0


def share_verdicts(conn: Connection) -> None:
    """Keep withdrawals, changes and trust from taking effect until this transaction ends.

    Whoever records what a match means holds this; it waits while a change is about to commit.
    """
    _cursor(conn).execute("SELECT pg_advisory_xact_lock_shared(%(lock)s)", {"lock": _VERDICTS_LOCK})


def lock_verdicts(conn: Connection) -> None:
    """Wait until all that is being recorded is committed, and let nothing new begin.

    Called after the change is made and before looking for what leans on it: so neither misses the other.
    """
    _cursor(conn).execute("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": _VERDICTS_LOCK})


# The entries


def _copy_incoming(conn: Connection, entries: Iterable[Entry]) -> None:
    """Copy a list into temporary tables, one row per entry and one per fingerprint."""
    cursor = _cursor(conn)
    cursor.execute(
        """
        CREATE TEMPORARY TABLE incoming_entries (
            source_key text NOT NULL, class text NOT NULL, raw_scheme text NOT NULL, raw_value text NOT NULL,
            withdrawn boolean NOT NULL, algorithms text[] NOT NULL, hashes text[] NOT NULL
        ) ON COMMIT DROP
        """
    )
    with cursor.copy("COPY incoming_entries FROM STDIN") as copy:
        for entry in entries:
            pairs = sorted((each, normalise_hash(each, value)) for each, value in entry.fingerprints)
            head = (entry.source_key, entry.entry_class, entry.raw_scheme, entry.raw_value, entry.withdrawn)
            copy.write_row((*head, [str(each) for each, _ in pairs], [value for _, value in pairs]))
    if cursor.execute(
        "SELECT FROM incoming_entries GROUP BY source_key HAVING count(*) > 1 LIMIT 1"
    ).rowcount:
        raise InvalidListError("The list names the same entry twice")
    cursor.execute(
        """
        CREATE TEMPORARY TABLE incoming_fingerprints ON COMMIT DROP AS
        SELECT source_key, algorithm, decode(hash, 'hex') AS value
        FROM incoming_entries, unnest(algorithms, hashes) AS one (algorithm, hash)
        WHERE NOT withdrawn
        """
    )
    cursor.execute("CREATE INDEX ON incoming_fingerprints (source_key)")
    cursor.execute("ANALYZE incoming_entries")
    cursor.execute("ANALYZE incoming_fingerprints")


def import_entries(
    conn: Connection, set_id: UUID, entries: Iterable[Entry], *, now: datetime
) -> ImportCounts:
    """Bring a hash set up to a list: add, change and withdraw entries, and raise the generation if any did.

    The same list twice changes nothing. Entries that the list does not name stay as they are. One that was
    withdrawn by its provider and is named again is live again, and counts as changed; one that was withdrawn
    here stays withdrawn.

    Args:
        set_id: an existing hash set.
        entries: the list; each source key at most once.

    Raises:
        InvalidListError: a source key comes twice.
        InvalidHashError: a fingerprint is not hex of its algorithm's length.
    """
    _copy_incoming(conn, entries)
    cursor = _cursor(conn)
    names = {"set_id": set_id, "now": now, "generation": _lock_generation(conn)}
    withdrawn = cursor.execute(import_sql.WITHDRAW_INCOMING, names).rowcount
    changed = cursor.execute(import_sql.CHANGE_INCOMING, names).rowcount
    added = cursor.execute(import_sql.ADD_INCOMING, names).rowcount
    counts = ImportCounts(added=added, changed=changed, withdrawn=withdrawn)
    if counts != ImportCounts():
        cursor.execute(import_sql.DELETE_OLD_FINGERPRINTS, names)
        cursor.execute(import_sql.INSERT_NEW_FINGERPRINTS, names)
        bump_generation(conn)
    cursor.execute("DROP TABLE incoming_entries, incoming_fingerprints")
    return counts


def withdraw_entry(conn: Connection, set_name: str, source_key: str, *, now: datetime) -> UUID:
    """Withdraw one live entry, raise the generation, and return the entry's id.

    It stays withdrawn whatever the provider's next list says, until `restore_entry`.

    Raises:
        UnknownHashSetError: there is no such set.
        UnknownEntryError: the set has no live entry of that key.
    """
    hash_set = find_hash_set(conn, set_name)
    generation = _lock_generation(conn)
    row = (
        _cursor(conn)
        .execute(
            """
            UPDATE hash_entries SET withdrawn_at = %(now)s, withdrawn_here = true, changed_at = %(now)s,
                generation = %(generation)s
            WHERE set_id = %(set_id)s AND source_key = %(source_key)s AND withdrawn_at IS NULL
            RETURNING id
            """,
            {
                "now": now,
                "set_id": hash_set.id,
                "source_key": source_key.replace("\0", ""),
                "generation": generation,
            },
        )
        .fetchone()
    )
    if row is None:
        raise UnknownEntryError
    bump_generation(conn)
    entry_id: UUID = row[0]
    return entry_id


def restore_entry(conn: Connection, set_name: str, source_key: str, *, now: datetime) -> UUID:
    """Take back a withdrawal of our own, raise the generation, and return the entry's id.

    Raises:
        UnknownHashSetError: there is no such set.
        UnknownEntryError: the set has no entry of that key that was withdrawn here.
    """
    hash_set = find_hash_set(conn, set_name)
    generation = _lock_generation(conn)
    row = (
        _cursor(conn)
        .execute(
            """
            UPDATE hash_entries SET withdrawn_at = NULL, withdrawn_here = false, changed_at = %(now)s,
                generation = %(generation)s
            WHERE set_id = %(set_id)s AND source_key = %(source_key)s AND withdrawn_here
            RETURNING id
            """,
            {
                "now": now,
                "set_id": hash_set.id,
                "source_key": source_key.replace("\0", ""),
                "generation": generation,
            },
        )
        .fetchone()
    )
    if row is None:
        raise UnknownEntryError("The hash set has no entry of that name that was withdrawn here.")
    bump_generation(conn)
    entry_id: UUID = row[0]
    return entry_id


def read_entries(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, HashEntry]:
    """Return the live entries among the ids; those withdrawn since or unknown are left out."""
    found = _cursor(conn).execute(
        """
        SELECT e.id, e.set_id, s.name, e.source_key, e.class, e.raw_scheme, e.raw_value
        FROM hash_entries AS e JOIN hash_sets AS s ON s.id = e.set_id
        WHERE e.id = ANY(%(ids)s) AND e.withdrawn_at IS NULL
        ORDER BY s.name, e.source_key, e.id
        """,
        {"ids": list(ids)},
    )
    return {
        row[0]: HashEntry(row[0], row[1], row[2], row[3], EntryClass(row[4]), row[5], row[6]) for row in found
    }
