"""Keeping the index at the state of the database: building it from there, opening it when current."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from hashsets.errors import IndexBehindError, IndexUnreadableError
from hashsets.search import Index
from hashsets.segments import build_index
from hashsets.snapshot import has_own_changes, read_snapshot
from hashsets.store import Connection, read_generation


def build_from_database(conn: Connection, folder: Path) -> int:
    """Build the index of the database's committed state and return its generation.

    Raises:
        IndexUnreadableError: this transaction has changes of its own, which an index must not hold yet.
        OSError: the folder cannot be written.
    """
    scope: AbstractContextManager[object] = conn.transaction() if conn.autocommit else nullcontext()
    with scope:
        if has_own_changes(conn):
            raise IndexUnreadableError("The index is built after the commit, not before")
        with read_snapshot(conn) as (generation, rows):
            build_index(folder, generation, rows)
    return generation


def ensure_current(conn: Connection, folder: Path) -> Index:
    """Open the index, and build it first when it is missing, damaged or older than the database.

    Args:
        conn: READ COMMITTED, without changes of its own.
        folder: the index's folder; made if missing.

    Raises:
        IndexUnreadableError: it is damaged and cannot be built, or belongs to another database.
        IndexBehindError: it is older than the database and cannot be built.
    """
    wanted = read_generation(conn)
    refusal: type[IndexUnreadableError | IndexBehindError]
    try:
        index = Index.open(folder)
    except IndexUnreadableError:
        refusal = IndexUnreadableError
    else:
        if index.generation == wanted:
            return index
        if index.generation > wanted:
            # Another process may have imported and built since our look at the database.
            if index.generation <= read_generation(conn):
                return index
            raise IndexUnreadableError("The index belongs to another database: remove its folder")
        refusal = IndexBehindError
    try:
        build_from_database(conn, folder)
    except OSError as error:
        raise refusal(f"The index cannot be built: {error.strerror}; nothing was matched") from None
    index = Index.open(folder)
    if index.generation < wanted:
        raise IndexBehindError
    return index
