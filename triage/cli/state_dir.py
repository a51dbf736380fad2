"""The folder of one deployment: its layout, its lock and its key files.

`hotline up` lives in STATE_DIR/live, `hotline demo` in STATE_DIR/practice. Everything is 0700 or 0600. One
process at a time holds `lock` by flock(2): the kernel drops it however the holder dies, so nothing stale
remains. The file says what it is held for: "up" serves other commands, "command" will stop its servers soon.
"""

import fcntl
import os
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from triage.errors import AlreadyRunningError, KeyMissingError, SettingsError

KEY_HOLDERS = ("supervisor", "owner", "public", "staff", "worker", "outbound", "sweep")
FOLDERS = (
    *("postgres", "valkey", "evidence", "intake", "index", "logs", "run", "keys"),
    *("outbox", "outbox/mail", "outbox/packages"),
    *(f"keys/{holder}" for holder in KEY_HOLDERS),
)
SOCKET_PATH_MAX = 107
LONGEST_SOCKET_NAME = ".s.PGSQL.5432"
_POLL_S = 0.1

Purpose = Literal["up", "command"]


def write_secret(path: Path, data: bytes | str) -> None:
    """Replace a secret file at once: it is never seen half written, nor by another account.

    Args:
        path: the file; its folder exists.
        data: content; text is written as UTF-8.
    """
    content = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_secret(path: Path) -> bytes:
    """Return the content of a secret file.

    Raises:
        KeyMissingError: it is missing, unreadable or empty; only the file's name is told.
    """
    try:
        content = path.read_bytes()
    except OSError:
        raise KeyMissingError(f"The key file {path.name} is missing or cannot be read.") from None
    if not content:
        raise KeyMissingError(f"The key file {path.name} is empty.")
    return content


def read_text_secret(path: Path) -> str:
    """Return a secret file as text without surrounding white space; raises KeyMissingError as read_secret."""
    return read_secret(path).decode().strip()


class StateDir:
    """The layout of one deployment below `root`; making the object touches nothing."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.postgres = self.root / "postgres"
        self.valkey = self.root / "valkey"
        self.evidence = self.root / "evidence"
        self.intake = self.root / "intake"
        self.index = self.root / "index"
        self.outbox = self.root / "outbox"
        self.logs = self.root / "logs"
        self.run = self.root / "run"
        self.lock_path = self.root / "lock"
        self._lock: int | None = None

    def keys(self, holder: str) -> Path:
        """Return the key folder of one process kind, one of KEY_HOLDERS."""
        if holder not in KEY_HOLDERS:
            raise KeyMissingError(f"No process is called {holder}.")
        return self.root / "keys" / holder

    def prepare(self) -> None:
        """Create what is missing, 0700, and refuse a folder that others could reach.

        Raises:
            SettingsError: it is not a folder, belongs to another account or is open to others.
        """
        try:
            missing = [folder for folder in (self.root, *self.root.parents) if not folder.exists()]
            for folder in reversed(missing):
                folder.mkdir(mode=0o700, exist_ok=True)
            self._check_owner()
            for name in FOLDERS:
                (self.root / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"STATE_DIR cannot be used: {self.root}: {error.strerror}.") from None

    def _check_owner(self) -> None:
        status = self.root.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise SettingsError(f"STATE_DIR is not a folder: {self.root}.")
        if status.st_uid != os.geteuid():
            raise SettingsError(f"STATE_DIR belongs to another account: {self.root}.")
        if status.st_mode & 0o077:
            raise SettingsError(f"STATE_DIR is open to other accounts: run chmod 700 on {self.root}.")

    # The lock
    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock is not None

    def try_lock(self, purpose: Purpose) -> bool:
        """Take the lock if it is free and note what for; True when we hold it now."""
        if self._lock is not None:
            raise AlreadyRunningError("This process holds the state folder already.")
        descriptor = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{purpose} {os.getpid()}\n".encode(), 0)
        self._lock = descriptor
        return True

    def unlock(self) -> None:
        """Give the lock back, and with it a socket folder that lay outside."""
        if self._lock is None:
            return
        self._drop_outside_socket_dir()
        os.ftruncate(self._lock, 0)
        os.close(self._lock)
        self._lock = None

    def read_holder(self) -> Purpose | None:
        """Return what another process holds the lock for; None when that is not known (yet)."""
        try:
            word, _, pid = self.lock_path.read_text().strip().partition(" ")
        except OSError:
            return None
        # Between a new holder's flock and its note, the note is of one that was killed: it does not count.
        if not pid.isdecimal() or not Path("/proc", pid).exists():
            return None
        return "up" if word == "up" else "command" if word == "command" else None

    @contextmanager
    def hold(self, purpose: Purpose, wait_s: float = 30.0) -> Iterator[None]:
        """Hold the lock for a while.

        Args:
            purpose: "up" for a supervisor that serves others, "command" for a passing command.
            wait_s: seconds to wait for a passing command; a running "up" is never waited for.

        Raises:
            AlreadyRunningError: another process holds it.
            SettingsError: see prepare.
        """
        self.prepare()
        deadline = time.monotonic() + wait_s
        told = False
        while not self.try_lock(purpose):
            if self.read_holder() == "up":
                raise AlreadyRunningError(f"Hotline is already running in {self.root}.")
            if time.monotonic() >= deadline:
                raise AlreadyRunningError(f"Another hotline command is still busy in {self.root}.")
            if not told:
                told = True
                tell(f"Waiting up to {wait_s:.0f} s for another hotline command to end.")
            time.sleep(_POLL_S)
        try:
            yield
        finally:
            self.unlock()

    # Sockets
    def find_socket_dir(self) -> Path:
        """Return the folder for Unix sockets: run/, or a short private one when that path is too long.

        Call it while holding the lock. The short one is recorded in run/where and taken again after a crash.

        Raises:
            SettingsError: no folder with a short enough path can be made.
        """
        if _fits_socket(self.run):
            return self.run
        where = self.run / "where"
        if where.exists():
            recorded = Path(where.read_text().strip())
            if _is_private_dir(recorded):
                return recorded
        for parent in (None, "/tmp"):  # noqa: S108 -- mkdtemp makes it unguessable and 0700
            made = Path(tempfile.mkdtemp(prefix="hotline-", dir=parent))
            if _fits_socket(made):
                write_secret(where, str(made))
                return made
            made.rmdir()
        raise SettingsError("STATE_DIR is too long for a socket, and so is the folder for temporary files.")

    def _drop_outside_socket_dir(self) -> None:
        where = self.run / "where"
        if not where.exists():
            return
        recorded = Path(where.read_text().strip())
        if _is_private_dir(recorded):
            for name in (LONGEST_SOCKET_NAME, f"{LONGEST_SOCKET_NAME}.lock", "valkey.sock"):
                (recorded / name).unlink(missing_ok=True)
            try:
                recorded.rmdir()
            except OSError:
                return  # something of somebody else's lies in it: leave it and its record
        where.unlink()


def _fits_socket(folder: Path) -> bool:
    return len(os.fsencode(folder / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_MAX


def _is_private_dir(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def tell(sentence: str) -> None:
    """Write one line to the person at the terminal (stderr); a terminal that is gone is no reason to fail."""
    with suppress(OSError):
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()
