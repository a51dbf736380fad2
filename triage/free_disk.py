"""How much the disk of a store has left; a store that is no folder has a quota of its own."""

import os
from pathlib import Path

from triage.errors import StorageError


def measure_free(folder: Path | None) -> int | None:
    """Return the bytes that the disk of a folder has left for this process; None where the store is no folder.

    Raises:
        StorageError: the folder cannot be asked.
    """
    if folder is None:
        return None
    try:
        disk = os.statvfs(folder)
    except OSError:
        raise StorageError from None
    return disk.f_bavail * disk.f_frsize
