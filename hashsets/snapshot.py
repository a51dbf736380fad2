"""What the index is built from: the live fingerprints of one moment, with the number of that state."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from uuid import uuid4

from psycopg.rows import tuple_row

from hashsets.errors import IndexUnreadableError
from hashsets.model import Algorithm
from hashsets.segments import Row
from hashsets.store import Connection


@contextmanager
def read_snapshot(conn: Connection) -> Iterator[tuple[int, Iterator[Row]]]:
    """Give the generation and all live fingerprints of one and the same moment.

    One statement reads both, so they belong together at any isolation level. The rows come through a
    server-side cursor inside the present transaction.

    Yields:
        The generation, and rows of entry id, algorithm and value in bytes, in no special order.
    """
    with conn.cursor(name=f"live_{uuid4().hex}", row_factory=tuple_row) as cursor:
        cursor.itersize = 10_000
        cursor.execute(
            """
            SELECT g.generation, live.id, live.algorithm, live.value
            FROM hash_generation AS g LEFT JOIN (
                SELECT e.id, f.algorithm, f.value
                FROM hash_entries AS e JOIN hash_entry_fingerprints AS f ON f.entry_id = e.id
                WHERE e.withdrawn_at IS NULL
            ) AS live ON true
            """
        )
        first = cursor.fetchone()
        if first is None:
            raise IndexUnreadableError("The database has no generation of hash sets")
        rows = (row[1:] for row in chain([first], cursor) if row[1] is not None)
        yield int(first[0]), ((entry_id, Algorithm(word), value) for entry_id, word, value in rows)


def read_live_rows(conn: Connection) -> Iterator[Row]:
    """Yield all live fingerprints as rows of entry id, algorithm and value in bytes."""
    with read_snapshot(conn) as (_, rows):
        yield from rows


def has_own_changes(conn: Connection) -> bool:
    """Say whether this transaction has written anything that is not committed yet."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL").fetchone()
    return row is not None and bool(row[0])
