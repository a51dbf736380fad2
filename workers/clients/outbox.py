"""The outbox: a folder of what leaves as files: `mail/new/` (one mail a file) and `packages/<contact>/`.

A file is written beside its place, synced, and put there by link(2): it is never seen half written and never
overwritten. A name that is there already means that the message left before.
"""

import contextlib
import os
import re
import time
from pathlib import Path

from triage.crash_points import crash_point
from triage.errors import StorageError
from triage.ids import new_object_name

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9@+._-]{0,250}")
_PARTIAL = ".part"
_PARTIAL_LIFE_S = 3600.0


class Outbox:
    """Files below one folder.

    Args:
        root: the folder; what is missing below it is made, 0700.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, file_name: str) -> bool:
        """Whether a file is in its place.

        Args:
            file_name: below the root, such as mail/new/nt-….eml.
        """
        return self._find(file_name).is_file()

    def put(self, file_name: str, data: bytes) -> bool:
        """Put a file in its place; False when one of that name is there already, which is left as it is.

        Raises:
            StorageError: it cannot be written, or not made durable; a further try finds out which.
        """
        target = self._find(file_name)
        partial = target.with_name(f".{new_object_name()}{_PARTIAL}")
        try:
            _make_folder(target.parent)
            _write(partial, data)
            try:
                os.link(partial, target)
            except FileExistsError:
                _sync_folder(target.parent)  # whoever put it there may have died just before
                return False
            crash_point("after_smtp_data")
            _sync_folder(target.parent)
        except OSError as error:
            raise StorageError(f"The outbox cannot be written: {error.strerror}.") from None
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        return True

    def clear_partials(self) -> int:
        """Delete what crashes left half written an hour ago or longer; return how many files."""
        cleared = 0
        for partial in self.root.rglob(f".*{_PARTIAL}"):
            with contextlib.suppress(OSError):
                if time.time() - partial.stat().st_mtime > _PARTIAL_LIFE_S:
                    partial.unlink()
                    cleared += 1
        return cleared

    def _find(self, file_name: str) -> Path:
        parts = file_name.split("/")
        if not all(_PART.fullmatch(part) for part in parts):
            raise StorageError("The name of a file of the outbox cannot be used.")
        return self.root.joinpath(*parts)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing: each for us alone, each in its place for good."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
