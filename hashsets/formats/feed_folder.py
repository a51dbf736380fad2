"""The folder of a feed as files: written aside and renamed, read without trust in what a stranger put there.

Reading: the folder and its files are opened without following links, only plain files are, and none for more
bytes than it may have.
"""

import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from hashsets.errors import FeedRefusedError
from hashsets.formats.feed_manifest import FILES_MAX, MANIFEST, SIGNATURE, FeedFile

PART_RECORDS = 50_000
"""Lines of one file at most: it is sealed and opened in memory."""

_PART_BYTES = 24 * 2**20  # clear; far below FILE_MAX, whatever sealing adds
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 2**20


# Reading


class FeedFolder:
    """An open folder of a feed; its files are reached through it alone, whatever happens to the path meanwhile."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def list_names(self) -> frozenset[str]:
        """Return the names of all that lies in the folder."""
        try:
            with os.scandir(self._descriptor) as found:
                return frozenset(one.name for one in found)
        except OSError as error:
            raise FeedRefusedError(f"The folder of the feed cannot be read: {error.strerror}.") from None

    def read(self, name: str, most: int) -> bytes:
        """Return a file of at most `most` bytes.

        Raises:
            FeedRefusedError: it is missing, no plain file, or larger.
        """
        with self._open(name, most) as (descriptor, size):
            content = bytearray()
            while len(content) <= size and (piece := os.read(descriptor, _PIECE)):
                content += piece
        if len(content) != size:
            raise FeedRefusedError("A file of the feed changed while it was read.")
        return bytes(content)

    def read_part(self, part: FeedFile) -> bytes:
        """Return a file of entries, sealed, once it is the one that the manifest names.

        Raises:
            FeedRefusedError: it is another.
        """
        content = self.read(part.name, part.bytes)
        if len(content) != part.bytes:
            raise FeedRefusedError(_SIZE)
        if hashlib.sha256(content).hexdigest() != part.sha256:
            raise FeedRefusedError(_CHANGED)
        return content

    def check_part(self, part: FeedFile) -> None:
        """Hold a file of entries against the manifest, in little memory.

        Raises:
            FeedRefusedError: it is another.
        """
        with self._open(part.name, part.bytes) as (descriptor, size):
            if size != part.bytes:
                raise FeedRefusedError(_SIZE)
            with os.fdopen(os.dup(descriptor), "rb") as file:
                digest = hashlib.file_digest(file, "sha256")
        if digest.hexdigest() != part.sha256:
            raise FeedRefusedError(_CHANGED)

    @contextmanager
    def _open(self, name: str, most: int) -> Iterator[tuple[int, int]]:
        """Open a plain file; give its descriptor and its size, which is at most `most`."""
        try:
            descriptor = os.open(name, _READ, dir_fd=self._descriptor)
        except FileNotFoundError:
            raise FeedRefusedError("The feed lacks a file that it should hold.") from None
        except OSError:
            raise FeedRefusedError("The feed holds a link, or a file that cannot be read.") from None
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise FeedRefusedError("The feed holds something that is no plain file.")
            if found.st_size > most:
                raise FeedRefusedError("A file of the feed is larger than it may be.")
            yield descriptor, found.st_size
        finally:
            os.close(descriptor)


_SIZE = "A file of the feed has another size than the manifest says."
_CHANGED = "A file of the feed was changed after it was signed."


@contextmanager
def open_folder(path: Path) -> Iterator[FeedFolder]:
    """Open the folder of a feed.

    Raises:
        FeedRefusedError: it is a link, missing, or no folder.
    """
    if path.is_symlink():
        raise FeedRefusedError("The folder of the feed is a link to another place.")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (OSError, ValueError):
        raise FeedRefusedError("The folder of the feed is missing or cannot be read.") from None
    try:
        yield FeedFolder(descriptor)
    finally:
        os.close(descriptor)


# Writing


class NewFolder:
    """A folder of a feed that is being written; nobody takes it for one before `publish`.

    Args:
        parent: where it will lie; made if missing, for us alone.
    """

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._aside = parent / f".partial-{secrets.token_hex(8)}"
        with _told():
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._aside.mkdir(mode=0o700)

    def write_parts(self, lines: Iterable[bytes], seal: Callable[[bytes], bytes]) -> tuple[FeedFile, ...]:
        """Write the lines into as many sealed files as they need; not one byte of them is on the disk in clear.

        Args:
            lines: each with its line end.
            seal: returns bytes sealed to whom the feed is for.

        Raises:
            FeedRefusedError: the disk refused, or there are more than a feed holds.
        """
        parts: list[FeedFile] = []
        held: list[bytes] = []
        size = 0
        for line in lines:
            held.append(line)
            size += len(line)
            if len(held) == PART_RECORDS or size >= _PART_BYTES:
                parts.append(self._write_part(len(parts), held, seal))
                held, size = [], 0
        if held:
            parts.append(self._write_part(len(parts), held, seal))
        return tuple(parts)

    def _write_part(self, place: int, lines: list[bytes], seal: Callable[[bytes], bytes]) -> FeedFile:
        if place == FILES_MAX:
            raise FeedRefusedError("There are more entries than one folder of a feed may hold.")
        name = f"entries-{place + 1:04}.jsonl.age" if place else "entries.jsonl.age"
        sealed = seal(b"".join(lines))
        self._write(name, sealed)
        return FeedFile(name, hashlib.sha256(sealed).hexdigest(), len(sealed), len(lines))

    def write_signed(self, manifest: bytes, signature: str) -> None:
        """Write the manifest and its detached signature."""
        self._write(MANIFEST, manifest)
        self._write(SIGNATURE, signature.encode())

    def publish(self, name: str) -> Path:
        """Give the folder its name, once all is on the disk; return it.

        Raises:
            FeedRefusedError: the disk refused, or there is something of that name.
        """
        target = self._parent / name
        with _told():
            _sync(self._aside)
            self._aside.rename(target)
            _sync(self._parent)
        return target

    def give_up(self) -> None:
        """Remove what was written; harmless after `publish`."""
        with _told():
            if self._aside.exists():
                for path in self._aside.iterdir():
                    path.unlink()
                self._aside.rmdir()

    def _write(self, name: str, content: bytes) -> None:
        with _told(), os.fdopen(os.open(self._aside / name, _WRITE, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def name_folder(seq: int, now: datetime) -> str:
    """Return the name of a folder: the time in UTC, and its number in the chain."""
    return f"{now:%Y-%m-%dT%H-%M-%SZ}_{seq:06}"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FeedRefusedError(f"The feed cannot be written: {error.strerror}.") from None
