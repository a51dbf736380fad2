"""The opened index of a process, shared by its threads; a newer generation is taken up before the next match."""

import threading
from functools import partial
from pathlib import Path

from hashsets.current import build_from_database, ensure_current
from hashsets.errors import IndexBehindError
from hashsets.search import Index
from triage.store.pool import Database

WAIT_FOR_BUILD_S = 2.0


class IndexHolder:
    """The opened index of this process.

    Args:
        folder: folder of the mapped index.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index: Index | None = None
        self._opening = threading.Lock()

    def get(self, database: Database, *, at_least: int) -> Index:
        """Return an index that is not behind the database; that is asked only if this one may be.

        Args:
            at_least: the database's generation.

        Raises:
            IndexUnreadableError: it cannot be opened nor built anew.
            IndexBehindError: it cannot be brought up to the database, or another thread is still at it.
        """
        index = self.find_current(at_least)
        if index is not None:
            return index
        if not self._opening.acquire(timeout=WAIT_FOR_BUILD_S):
            raise IndexBehindError
        try:
            index = self.find_current(at_least)  # another thread may just have opened it
            if index is None:
                opened = self._index
                if opened is not None and opened.is_damaged and opened.is_current(self._folder):
                    database.run(partial(build_from_database, folder=self._folder))
                index = self._index = database.run(partial(ensure_current, folder=self._folder))
            return index
        finally:
            self._opening.release()

    def find_current(self, at_least: int) -> Index | None:
        """Return the opened index if it is the folder's newest and not behind this generation; asks no database."""
        index = self._index
        is_current = index is not None and index.generation >= at_least and index.is_current(self._folder)
        return index if index is not None and is_current and not index.is_damaged else None
