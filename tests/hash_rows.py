"""Hash entries for tests: straight into a set, and straight into an index, without what an import does beside."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from uuid import UUID

import numpy as np

from hashsets.digests import ENTRY_WIDTH
from hashsets.import_list import apply_list, stage_list, weigh_list
from hashsets.model import HEX_DIGITS, Algorithm, Entry, ImportCounts
from hashsets.segment_files import PackedRows
from hashsets.segments import build_index_from_arrays
from hashsets.store import Connection, bump_generation, lock_generation

Row = tuple[UUID, Algorithm, bytes]


def import_entries(
    conn: Connection, set_id: UUID, entries: Iterable[Entry], *, now: datetime, is_snapshot: bool = False
) -> ImportCounts:
    """Bring a set up to a list, whatever it changes."""
    stage_list(conn, entries)
    generation = lock_generation(conn)
    weigh_list(conn, set_id, is_snapshot=is_snapshot)
    counts = apply_list(
        conn, set_id, is_snapshot=is_snapshot, generation=generation, now=now, is_confirmed=True
    )
    if counts != ImportCounts():
        bump_generation(conn)
    return counts


def pack_rows(rows: Iterable[Row]) -> PackedRows:
    """Pack rows of entry id, algorithm and value in bytes into arrays.

    Raises:
        ValueError: a value of the wrong length.
    """
    packed = {algorithm: (bytearray(), bytearray()) for algorithm in Algorithm}
    for entry_id, algorithm, value in rows:
        if len(value) * 2 != HEX_DIGITS[algorithm]:
            raise ValueError(f"{algorithm} must be {HEX_DIGITS[algorithm] // 2} bytes")
        values, ids = packed[algorithm]
        values += value
        ids += entry_id.bytes
    return {
        algorithm: (
            np.frombuffer(values, np.uint8).reshape(-1, HEX_DIGITS[algorithm] // 2),
            np.frombuffer(ids, np.uint8).reshape(-1, ENTRY_WIDTH),
        )
        for algorithm, (values, ids) in packed.items()
    }


def build_index(folder: Path, generation: int, rows: Iterable[Row]) -> None:
    """Build an index of rows in any order, doubles allowed."""
    build_index_from_arrays(folder, generation, pack_rows(rows))
