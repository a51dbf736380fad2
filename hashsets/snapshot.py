"""What the index is built from: live fingerprints of one moment, with the number of that state.

One statement reads both, so that they belong together at any isolation level. Rows come by binary COPY, each 64 bytes
long whatever its algorithm, and are taken apart many at a time. What is held is the packed rows twice, up to 48 bytes
each.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from psycopg.rows import tuple_row

from hashsets.digests import ENTRY_WIDTH, Bytes2D
from hashsets.errors import IndexUnreadableError
from hashsets.model import HEX_DIGITS, Algorithm
from hashsets.store import Connection

_WORDS = tuple(Algorithm)
_GENERATION = 0  # marks the one row that holds the generation; algorithms count from 1
_CHANGED = len(_WORDS) + 1  # marks a row that only names an entry
_VALUE_WIDTH = 32

# A row as COPY sends it: number of columns, then each with its length before it.
_ROW = np.dtype(
    [
        ("columns", ">u2"),
        ("id_width", ">u4"),
        ("id", "u1", (ENTRY_WIDTH,)),
        ("kind_width", ">u4"),
        ("kind", ">u2"),
        ("value_width", ">u4"),
        ("value", "u1", (_VALUE_WIDTH,)),
    ]
)
_WIDTHS = {"columns": 3, "id_width": ENTRY_WIDTH, "kind_width": 2, "value_width": _VALUE_WIDTH}
_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER = len(_SIGNATURE) + 8
_TRAILER = b"\xff\xff"
_PIECE = 1 << 22


@dataclass(frozen=True, slots=True)
class Changes:
    """The live fingerprints of one moment: all, or those of entries that changed since a generation.

    Attributes:
        generation: number of the state.
        mark: what tells it from another one of that number, as hex.
        rows: for each algorithm values (N, width) and entry ids (N, 16), as bytes.
        changed: (N, 16) ids of the entries that changed; empty where all were read.
    """

    generation: int
    mark: str
    rows: Mapping[Algorithm, tuple[Bytes2D, Bytes2D]]
    changed: Bytes2D


_READ_ALL = """
    COPY (
        SELECT mark, 0::int2, substr(int8send(generation) || %(pad)s, 1, 32)
        FROM hash_generation JOIN hash_generation_marks USING (generation)
        UNION ALL
        SELECT e.id, array_position(%(words)s::text[], f.algorithm)::int2, substr(f.value || %(pad)s, 1, 32)
        FROM live_hash_entries AS e JOIN hash_entry_fingerprints AS f ON f.entry_id = e.id
    ) TO STDOUT (FORMAT binary)
"""

_READ_CHANGES = """
    COPY (
        SELECT mark, 0::int2, substr(int8send(generation) || %(pad)s, 1, 32)
        FROM hash_generation JOIN hash_generation_marks USING (generation)
        UNION ALL
        SELECT e.id, %(changed)s::int2, %(pad)s FROM hash_entries AS e WHERE e.generation > %(since)s
        UNION ALL
        SELECT e.id, array_position(%(words)s::text[], f.algorithm)::int2, substr(f.value || %(pad)s, 1, 32)
        FROM live_hash_entries AS e JOIN hash_entry_fingerprints AS f ON f.entry_id = e.id
        WHERE e.generation > %(since)s
    ) TO STDOUT (FORMAT binary)
"""


def read_snapshot(conn: Connection, show_progress: Callable[[int], None] | None = None) -> Changes:
    """Read the generation and all live fingerprints of one and the same moment.

    Args:
        show_progress: told how many rows are read.
    """
    return _read(conn, _READ_ALL, 0, show_progress)


def read_changes(conn: Connection, since: int) -> Changes:
    """Read what changed after a generation: which entries, and the fingerprints of those that are live.

    Args:
        since: a generation; changes of that one itself are left out.
    """
    return _read(conn, _READ_CHANGES, since)


def count_changes(conn: Connection, since: int, *, most: int) -> int:
    """Return how many entries changed after a generation, or `most` + 1 when there are more."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(
            """
            SELECT count(*) FROM (
                SELECT FROM hash_entries WHERE generation > %(since)s LIMIT %(most)s + 1
            ) AS changed
            """,
            {"since": since, "most": most},
        ).fetchone()
    return int(row[0]) if row else 0


def _read(
    conn: Connection, statement: str, since: int, show_progress: Callable[[int], None] | None = None
) -> Changes:
    values = {"pad": bytes(_VALUE_WIDTH), "words": list(_WORDS), "changed": _CHANGED, "since": since}
    parts: dict[int, list[tuple[Bytes2D, Bytes2D]]] = {}
    taken = 0
    with conn.cursor() as cursor, cursor.copy(statement, values) as copy:
        for rows in _take_apart(copy):
            taken += len(rows)
            if show_progress is not None:
                show_progress(taken)
            for kind in np.unique(rows["kind"]).tolist():
                own = rows[rows["kind"] == kind]
                width = HEX_DIGITS[_WORDS[kind - 1]] // 2 if _GENERATION < kind < _CHANGED else 8
                found = (np.ascontiguousarray(own["value"][:, :width]), np.ascontiguousarray(own["id"]))
                parts.setdefault(kind, []).append(found)
    if _GENERATION not in parts:
        raise IndexUnreadableError("The database has no generation of hash sets")
    ((number, mark),) = parts.pop(_GENERATION)
    changed = np.concatenate(
        [ids for _, ids in parts.pop(_CHANGED, [])] or [np.zeros((0, ENTRY_WIDTH), np.uint8)]
    )
    united = {}
    for kind in sorted(parts):
        own_parts = parts.pop(kind)
        united[_WORDS[kind - 1]] = (
            np.concatenate([each[0] for each in own_parts]),
            np.concatenate([each[1] for each in own_parts]),
        )
    return Changes(int.from_bytes(number.tobytes(), "big"), mark.tobytes().hex(), united, changed)


def _take_apart(blocks: Iterable[bytes | bytearray | memoryview]) -> Iterator[np.ndarray]:
    """Yield the rows of a binary COPY, many at a time.

    Raises:
        IndexUnreadableError: it is none, or its rows have other columns.
    """
    is_begun, left = False, b""
    for piece in _join_blocks(blocks):
        data = left + piece
        if not is_begun:
            if not data.startswith(_SIGNATURE):
                raise IndexUnreadableError("The database sent hash sets in another form")
            is_begun, data = True, data[_HEADER:]
        count = len(data) // _ROW.itemsize
        rows = np.frombuffer(data, _ROW, count)
        left = data[count * _ROW.itemsize :]
        if any((rows[name] != width).any() for name, width in _WIDTHS.items()):
            raise IndexUnreadableError("The database sent hash sets in another form")
        yield rows
    if left != _TRAILER:
        raise IndexUnreadableError("The database stopped amid the hash sets")


def _join_blocks(blocks: Iterable[bytes | bytearray | memoryview]) -> Iterator[bytes]:
    """Yield what comes in small blocks in large pieces."""
    waiting: list[bytes | bytearray | memoryview] = []
    size = 0
    for block in blocks:
        waiting.append(block)
        size += len(block)
        if size >= _PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def has_own_changes(conn: Connection) -> bool:
    """Say whether this transaction has written anything that is not committed yet."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL").fetchone()
    return row is not None and bool(row[0])
