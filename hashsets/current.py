"""Keeping the index at the state of the database: building it, adding what changed, opening it when current."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from hashsets.errors import HashsetsError, IndexBehindError, IndexUnreadableError
from hashsets.manifest import hold_lock
from hashsets.search import Index
from hashsets.segments import (
    append_segment,
    choose_merge,
    is_merge_quick,
    merge_segments,
    open_generation,
    replace_segments,
)
from hashsets.snapshot import count_changes, has_own_changes, read_changes, read_snapshot
from hashsets.store import Connection, read_generation, read_mark

_log = logging.getLogger(__name__)

FEW_CHANGES = 50_000
"""Changed entries that are always added rather than the index built anew."""

FEW_SHARE = 0.05
"""Part of an index's entries that may have changed for the same."""


@contextmanager
def _committed_state(conn: Connection) -> Iterator[None]:
    """Hold a transaction that sees only what is committed.

    Raises:
        IndexUnreadableError: this transaction has changes of its own, which an index must not hold yet.
    """
    with conn.transaction() if conn.autocommit else nullcontext():
        if has_own_changes(conn):
            raise IndexUnreadableError("The index is built after the commit, not before")
        # Reading millions of rows and writing them takes longer than a page may.
        conn.execute("SET LOCAL statement_timeout = 0")
        conn.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield


def build_from_database(
    conn: Connection, folder: Path, *, show_progress: Callable[[int], None] | None = None
) -> int:
    """Build the whole index of the database's committed state and return its generation.

    Args:
        conn: READ COMMITTED, without changes of its own.
        folder: the index's folder; made if missing.
        show_progress: told how many rows are read.

    Raises:
        IndexUnreadableError: this transaction has changes of its own, which an index must not hold yet.
        OSError: the folder cannot be written.
    """
    with _committed_state(conn), hold_lock(folder):
        return _build(conn, folder, show_progress)


def _build(conn: Connection, folder: Path, show_progress: Callable[[int], None] | None = None) -> int:
    found = read_snapshot(conn, show_progress)
    replace_segments(folder, found.generation, found.mark, found.rows)
    return found.generation


def bring_up_to_date(conn: Connection, folder: Path, *, waits_for_merge: bool = False) -> int:
    """Bring the index to the database's committed state and return its generation.

    What changed is added where it is little; else, or where the index is missing or damaged, all is built anew. Merges
    that take a fraction of a second are done on the way, longer ones by a thread beside.

    Args:
        conn: READ COMMITTED, without changes of its own.
        folder: the index's folder; made if missing.
        waits_for_merge: however long it takes: this process would end it by its own end.

    Raises:
        IndexUnreadableError: this transaction has changes of its own, which an index must not hold yet.
        OSError: the folder cannot be written.
    """
    with _committed_state(conn), hold_lock(folder):
        generation = _add_changes(conn, folder)
        if generation is None:
            return _build(conn, folder)
    segments = open_generation(folder).manifest.segments
    if choose_merge(segments) is not None:
        merging = threading.Thread(target=_merge_beside, args=(folder,), name="merge-index", daemon=True)
        merging.start()
        if waits_for_merge or is_merge_quick(segments):
            merging.join()
    return generation


def _merge_beside(folder: Path) -> None:
    """Merge, unless another one does; what fails here costs speed alone, and the next change tries again."""
    try:
        merge_segments(folder, wait=False)
    except BlockingIOError:
        return
    except (HashsetsError, OSError, RuntimeError) as error:  # RuntimeError: this process is about to end
        _log.warning("the index was not merged: %s", type(error).__name__)


def _add_changes(conn: Connection, folder: Path) -> int | None:
    """Add what changed since the index was built; None where it must be built anew."""
    try:
        opened = open_generation(folder)
    except IndexUnreadableError:
        return None
    since = opened.manifest.generation
    if read_mark(conn, since) != opened.manifest.mark:
        return None  # of another database, or of this one before an older backup took its place
    if read_generation(conn) <= since:
        return since  # another process was quicker
    most = max(FEW_CHANGES, int(FEW_SHARE * sum(each.entries for each in opened.manifest.segments)))
    if count_changes(conn, since, most=most) > most:
        return None
    found = read_changes(conn, since)
    append_segment(folder, opened.manifest, found.generation, found.mark, found.rows, found.changed)
    return found.generation


def ensure_current(conn: Connection, folder: Path) -> Index:
    """Open the index, and bring it up to date first when it is missing, damaged or older than the database.

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
        if index.generation == wanted and index.mark == read_mark(conn, wanted):
            return index
        if index.generation > wanted:
            # Another process may have imported and built since our look at the database.
            if index.generation <= read_generation(conn):
                return index
            raise IndexUnreadableError("The index belongs to another database: remove its folder")
        refusal = IndexBehindError
    try:
        bring_up_to_date(conn, folder)
    except OSError as error:
        raise refusal(f"The index cannot be built: {error.strerror}; nothing was matched") from None
    index = Index.open(folder)
    if index.generation < wanted:
        raise IndexBehindError
    return index
