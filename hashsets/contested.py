"""Contested entries: lists that contradict each other on the same bytes.

An entry is contested while it is live and an entry of another set with the same digest, or the same PDQ bit for
bit, says the opposite:

- one says baseline or national_illegal, the other not_illegal; or
- it says baseline or national_illegal, and another provider who said so too has withdrawn it, and lists it under
  no other id. Time alone does not settle that: it ends when that provider lists it again, when this one withdraws
  it too, or when a person disputes it.

A contested entry counts as advisory at most. The mark is set and taken away in the transaction of the change.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row

_MANY = 20_000
"""Entries. From here on whole tables are joined: the planner cannot know yet how many the transaction touched."""

_COULD_BE = """
    SELECT EXISTS (
        SELECT FROM hash_sets WHERE id <> %(set_id)s
        AND EXISTS (SELECT FROM hash_entries WHERE hash_entries.set_id = hash_sets.id)
    ) AND EXISTS (
        SELECT FROM hash_entries
        WHERE class = 'not_illegal' OR withdrawn_at IS NOT NULL AND NOT withdrawn_here OR is_contested
    )
"""

# Only what was touched can begin to be contested, with what says the opposite of the same bytes; what is contested
# may cease to be.
_MARK = """
    WITH shared AS MATERIALIZED (
        SELECT t.id AS touched, o.id AS other
        FROM hash_entries AS t
        JOIN hash_entry_fingerprints AS f ON f.entry_id = t.id AND f.algorithm <> 'phash'
        JOIN hash_entry_fingerprints AS n ON n.algorithm = f.algorithm AND n.value = f.value
        JOIN hash_entries AS o ON o.id = n.entry_id AND o.set_id <> t.set_id
        WHERE t.generation = %(generation)s AND (
            t.class = 'not_illegal' AND o.class IN ('baseline', 'national_illegal')
            OR t.class IN ('baseline', 'national_illegal') AND (
                o.class = 'not_illegal'
                OR o.class IN ('baseline', 'national_illegal')
                AND (t.withdrawn_at IS NOT NULL OR o.withdrawn_at IS NOT NULL)
            )
        )
    ), concerned AS (
        SELECT touched AS id FROM shared UNION SELECT other FROM shared
        UNION SELECT id FROM hash_entries WHERE is_contested
    ), judged AS (
        SELECT e.id, e.withdrawn_at IS NULL AND e.disputed_at IS NULL AND EXISTS (
            SELECT FROM hash_entry_fingerprints AS f
            JOIN hash_entry_fingerprints AS n ON n.algorithm = f.algorithm AND n.value = f.value
            JOIN hash_entries AS o ON o.id = n.entry_id AND o.set_id <> e.set_id
            JOIN hash_sets AS others ON others.id = o.set_id JOIN hash_sets AS own ON own.id = e.set_id
            WHERE f.entry_id = e.id AND f.algorithm <> 'phash' AND (
                o.withdrawn_at IS NULL AND o.disputed_at IS NULL AND (
                    e.class IN ('baseline', 'national_illegal') AND o.class = 'not_illegal'
                    OR e.class = 'not_illegal' AND o.class IN ('baseline', 'national_illegal')
                )
                OR e.class IN ('baseline', 'national_illegal') AND o.class IN ('baseline', 'national_illegal')
                AND others.provider <> own.provider
                AND o.withdrawn_at IS NOT NULL AND NOT o.withdrawn_here AND NOT EXISTS (
                    SELECT FROM hash_entry_fingerprints AS again
                    JOIN hash_entries AS kept ON kept.id = again.entry_id
                    WHERE again.algorithm = f.algorithm AND again.value = f.value AND kept.set_id = o.set_id
                    AND kept.withdrawn_at IS NULL AND kept.class IN ('baseline', 'national_illegal')
                )
            )
        ) AS is_contested
        FROM concerned JOIN hash_entries AS e ON e.id = concerned.id
    )
    UPDATE hash_entries AS e
    SET is_contested = judged.is_contested, changed_at = %(now)s, generation = %(generation)s
    FROM judged WHERE e.id = judged.id AND e.is_contested <> judged.is_contested
"""


def mark_contested(
    conn: psycopg.Connection[Any], set_id: UUID, generation: int, *, now: datetime, touched: int = 1
) -> int:
    """Bring the marks up to the entries of one generation, and return how many changed.

    Args:
        set_id: the set whose entries changed.
        generation: the one that its changed entries carry; entries whose mark changes are given it too.
        touched: how many entries changed, roughly.
    """
    cursor = conn.cursor(row_factory=tuple_row)
    names = {"set_id": set_id, "generation": generation, "now": now}
    row = cursor.execute(_COULD_BE, names).fetchone()
    if row is None or not row[0]:
        return 0
    if touched < _MANY:
        return cursor.execute(_MARK, names).rowcount
    cursor.execute("SET LOCAL enable_nestloop = off")
    marked = cursor.execute(_MARK, names).rowcount
    cursor.execute("SET LOCAL enable_nestloop = on")
    return marked
