"""The SQL of hash sets. No function commits; the caller owns the transaction (READ COMMITTED).

The one-row table `hash_generation` counts the changes of entries. Everything that changes them locks it
first, so that imports and withdrawals queue up, and raises it in the same transaction; an index carries the
number of the state that it holds.
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row

from hashsets.contested import mark_contested
from hashsets.errors import (
    HashSetExistsError,
    IndexUnreadableError,
    InvalidHashSetError,
    UnknownEntryError,
    UnknownHashSetError,
)
from hashsets.model import EntryClass, HashEntry, HashSet, HashSetSummary, Sharing

Connection = psycopg.Connection[Any]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_TEXT_MAX = 200
_VERDICTS_LOCK = 7_221_408  # an advisory lock; the migrations have the number before


def _cursor(conn: Connection) -> psycopg.Cursor[Any]:
    """Return a cursor that gives tuples, whatever the connection's own rows are."""
    return conn.cursor(row_factory=tuple_row)


# The sets


def create_hash_set(
    conn: Connection,
    *,
    set_id: UUID,
    name: str,
    provider: str,
    licence: str,
    region: str,
    now: datetime,
    sharing: Sharing = Sharing.NOBODY,
    is_negative: bool = False,
) -> HashSet:
    """Store a new, empty hash set; nothing of it is trusted.

    Args:
        set_id: its id, made by the caller.
        name: 1-63 characters of a-z, 0-9, dot, underscore and hyphen, beginning with a letter or digit.
        provider: whose list it is, 1-200 characters.
        licence: on what terms it may be used, up to 200 characters.
        region: where those terms hold, up to 200 characters.
        sharing: who may have it from us.
        is_negative: it lists harmless files; that is never changed.

    Raises:
        InvalidHashSetError: the name or a text cannot be used.
        HashSetExistsError: the name is taken.
    """
    if not _NAME.fullmatch(name):
        raise InvalidHashSetError("A hash set's name is 1-63 of a-z, 0-9, dot, underscore and hyphen")
    if not provider or any(len(text) > _TEXT_MAX or "\0" in text for text in (provider, licence, region)):
        raise InvalidHashSetError("A hash set needs a provider; each text is at most 200 characters long")
    hash_set = HashSet(set_id, name, provider, licence, region, sharing=sharing, is_negative=is_negative)
    inserted = _cursor(conn).execute(
        """
        INSERT INTO hash_sets (id, name, provider, licence, region, sharing, is_negative, created_at)
        VALUES (%(id)s, %(name)s, %(provider)s, %(licence)s, %(region)s, %(sharing)s, %(is_negative)s, %(now)s)
        ON CONFLICT (name) DO NOTHING
        """,
        {
            "id": set_id,
            "name": name,
            "provider": provider,
            "licence": licence,
            "region": region,
            "sharing": sharing,
            "is_negative": is_negative,
            "now": now,
        },
    )
    if inserted.rowcount == 0:
        raise HashSetExistsError
    return hash_set


def _make_set(
    set_id: UUID,
    name: str,
    provider: str,
    licence: str,
    region: str,
    scheme: str,
    sharing: str,
    is_negative: bool,
    synced_at: datetime | None,
) -> HashSet:
    return HashSet(set_id, name, provider, licence, region, scheme, Sharing(sharing), is_negative, synced_at)


def find_hash_set(conn: Connection, name: str) -> HashSet:
    """Return the hash set of a name.

    Raises:
        UnknownHashSetError: there is none.
    """
    found = (
        _cursor(conn)
        .execute(
            """
            SELECT id, name, provider, licence, region, scheme, sharing, is_negative, synced_at
            FROM hash_sets WHERE name = %(name)s
            """,
            {"name": name.replace("\0", "")},
        )
        .fetchone()
    )
    if found is None:
        raise UnknownHashSetError
    return _make_set(*found)


def list_trusted(conn: Connection) -> set[tuple[UUID, EntryClass]]:
    """Return the trusted classes as pairs of set id and class: those that a second person confirmed."""
    found = conn.cursor(row_factory=tuple_row).execute(
        "SELECT set_id, class FROM hash_set_trusts WHERE step = 'confirmed'"
    )
    return {(set_id, EntryClass(word)) for set_id, word in found}


def list_hash_sets(conn: Connection) -> list[HashSetSummary]:
    """Return all hash sets by name, with their live entries counted by class and the trusted classes."""
    counts: dict[UUID, dict[EntryClass, int]] = {}
    contested: Counter[UUID] = Counter()
    disputed: Counter[UUID] = Counter()
    counted = _cursor(conn).execute(
        """
        SELECT set_id, class, count(*) FILTER (WHERE disputed_at IS NULL), count(*) FILTER (WHERE is_contested),
            count(disputed_at)
        FROM hash_entries WHERE withdrawn_at IS NULL
        GROUP BY set_id, class ORDER BY set_id, class
        """
    )
    for set_id, entry_class, live, in_contest, in_dispute in counted:
        if live:
            counts.setdefault(set_id, {})[EntryClass(entry_class)] = live
        contested[set_id] += in_contest
        disputed[set_id] += in_dispute
    trusted = list_trusted(conn)
    hash_sets = _cursor(conn).execute(
        """
        SELECT id, name, provider, licence, region, scheme, sharing, is_negative, synced_at
        FROM hash_sets ORDER BY name
        """
    )
    return [
        HashSetSummary(
            each,
            counts.get(each.id, {}),
            frozenset(word for owner, word in trusted if owner == each.id),
            contested[each.id],
            disputed[each.id],
        )
        for each in (_make_set(*row) for row in hash_sets)
    ]


def note_sync(conn: Connection, set_id: UUID, *, scheme: str, now: datetime) -> None:
    """Note that a provider's word was taken in just now.

    Args:
        scheme: name of the scale by which its list speaks; empty leaves the one that stands.
    """
    _cursor(conn).execute(
        """
        UPDATE hash_sets SET synced_at = %(now)s, scheme = coalesce(nullif(%(scheme)s, ''), scheme)
        WHERE id = %(id)s
        """,
        {"id": set_id, "scheme": scheme, "now": now},
    )


# The generation


def read_generation(conn: Connection) -> int:
    """Return the number of the present state of all entries, from 0."""
    row = _cursor(conn).execute("SELECT generation FROM hash_generation").fetchone()
    return int(row[0]) if row else 0


def bump_generation(conn: Connection) -> int:
    """Raise the generation by one and return it; holds the row's lock until the transaction ends."""
    bump = (
        "WITH bumped AS (UPDATE hash_generation SET generation = generation + 1 RETURNING generation)"
        " INSERT INTO hash_generation_marks (generation) SELECT generation FROM bumped RETURNING generation"
    )
    row = _cursor(conn).execute(bump).fetchone()
    if row is None:
        raise IndexUnreadableError("The database has no generation of hash sets")
    return int(row[0])


def read_mark(conn: Connection, generation: int) -> str:
    """Return what tells a generation from another one of the same number, as hex; empty where there is none."""
    row = (
        _cursor(conn)
        .execute(
            "SELECT mark FROM hash_generation_marks WHERE generation = %(generation)s",
            {"generation": generation},
        )
        .fetchone()
    )
    return row[0].hex if row else ""


def lock_generation(conn: Connection) -> int:
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


def withdraw_entry(conn: Connection, set_name: str, source_key: str, *, now: datetime) -> UUID:
    """Withdraw one live entry, raise the generation, and return the entry's id.

    It stays withdrawn whatever the provider's next list says, until `restore_entry`.

    Raises:
        UnknownHashSetError: there is no such set.
        UnknownEntryError: the set has no live entry of that key.
    """
    hash_set = find_hash_set(conn, set_name)
    generation = lock_generation(conn)
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
    mark_contested(conn, hash_set.id, generation, now=now)
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
    generation = lock_generation(conn)
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
    mark_contested(conn, hash_set.id, generation, now=now)
    bump_generation(conn)
    entry_id: UUID = row[0]
    return entry_id


def read_entries(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, HashEntry]:
    """Return the live entries among the ids; those withdrawn or disputed since or unknown are left out."""
    found = _cursor(conn).execute(
        """
        SELECT e.id, e.set_id, s.name, e.source_key, CASE WHEN e.is_contested THEN 'contested' ELSE e.class END,
            e.raw_scheme, e.raw_value
        FROM live_hash_entries AS e JOIN hash_sets AS s ON s.id = e.set_id
        WHERE e.id = ANY(%(ids)s)
        ORDER BY s.name, e.source_key, e.id
        """,
        {"ids": list(ids)},
    )
    return {
        row[0]: HashEntry(row[0], row[1], row[2], row[3], EntryClass(row[4]), row[5], row[6]) for row in found
    }
