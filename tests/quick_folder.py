"""A folder for the servers of a test run: in memory where there is room, since a database a test is many small files.

On a busy disk making one took a second, and half of it was processor time; in memory it takes thirty milliseconds.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30
"""Less may fill up under the write-ahead log of a long run; containers often have 64 MB only."""

_PREFIX = "hotline-tests-"


@contextmanager
def open_quick_folder(otherwise: Path) -> Iterator[Path]:
    """Yield an empty private folder; one in memory is removed at the end.

    Args:
        otherwise: the folder to take where memory has no room.
    """
    if not has_room():
        yield otherwise
        return
    remove_leftovers()
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=MEMORY) as short:
        yield Path(short)


def has_room() -> bool:
    """Return whether files may lie in memory here."""
    return MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM_BYTES


def remove_leftovers() -> None:
    """Remove the folders of runs that were killed."""
    for folder in MEMORY.glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)
