"""Which segments are the index now: one manifest, named by one small file, both replaced and never changed.

folder/CURRENT               "gen-7-1f0c2a9e <sha256 of its manifest>"
folder/gen-7-1f0c2a9e.json   format, byte order, generation, and of each segment rows, plans, sizes and checksums
folder/seg-7-90cd11fa/       a segment, oldest first in the manifest
folder/lock                  held by the one process that adds to the index
folder/merge.lock            held by the one that merges, in a folder merge-… of its own
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hashsets.errors import IndexUnreadableError
from hashsets.model import Algorithm
from hashsets.segment_files import FileSpec, SegmentSpec
from hashsets.segment_writing import sync_folder

FORMAT = 3
"""Version of this layout; another one is refused."""

LOCK = "lock"
MERGE_LOCK = "merge.lock"

_CURRENT = re.compile(r"(gen-(0|[1-9][0-9]{0,17})-[0-9a-f]{8}) ([0-9a-f]{64})\n")
_SEGMENT = re.compile(r"seg-[0-9]{1,18}-[0-9a-f]{8}")
_MANIFEST_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What CURRENT names.

    Attributes:
        current: the word in CURRENT.
        generation: number of the database's state that it is.
        mark: what tells that state from another one of its number, as hex.
        segments: oldest first.
    """

    current: str
    generation: int
    mark: str
    segments: tuple[SegmentSpec, ...]

    @property
    def name(self) -> str:
        """Name of its file, without the ending."""
        return self.current.split(" ")[0]


@contextmanager
def hold_lock(folder: Path, name: str = LOCK, *, wait: bool = True) -> Iterator[None]:
    """Hold one of the folder's locks; a process that dies lets it go.

    Args:
        folder: of the index; made if missing.
        wait: for another process that holds it.

    Raises:
        BlockingIOError: another one holds it, and this one does not wait.
        OSError: the folder cannot be written.
    """
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)


def read_current(folder: Path) -> str:
    """Return the text of CURRENT, which names one manifest for good.

    Raises:
        IndexUnreadableError: there is none or it cannot be read.
    """
    try:
        with (folder / "CURRENT").open("rb") as stream:
            data = stream.read(256)
    except FileNotFoundError:
        raise IndexUnreadableError("The index cannot be read: none has been built") from None
    except OSError as error:
        raise IndexUnreadableError(f"The index cannot be read: {error.strerror}") from None
    text = data.decode("ascii", errors="replace")
    if not _CURRENT.fullmatch(text):
        raise IndexUnreadableError("The index cannot be read: CURRENT is damaged")
    return text


def read_manifest(folder: Path, current: str) -> Manifest:
    """Read and check the manifest that CURRENT names.

    Args:
        current: as `read_current` gave it.

    Raises:
        IndexUnreadableError: it is damaged or of another format.
        OSError: it cannot be opened.
    """
    found = _CURRENT.fullmatch(current)
    if found is None:
        raise IndexUnreadableError("The index cannot be read: CURRENT is damaged")
    name, number, digest = found.groups()
    with (folder / f"{name}.json").open("rb") as stream:
        raw = stream.read(_MANIFEST_MAX)
    if hashlib.sha256(raw).hexdigest() != digest:
        raise IndexUnreadableError("The index cannot be read: its manifest is damaged")
    try:
        content = json.loads(raw)
        if content["format"] != FORMAT or content["byte_order"] != sys.byteorder:
            raise IndexUnreadableError("The index cannot be read: it has another format")
        if content["generation"] != int(number):
            raise IndexUnreadableError("The index cannot be read: its manifest contradicts itself")
        mark = str(content["mark"])
        segments = tuple(_read_segment(each) for each in content["segments"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise IndexUnreadableError("The index cannot be read: its manifest is damaged") from None
    return Manifest(current, int(number), mark, segments)


def _read_segment(content: dict[str, Any]) -> SegmentSpec:
    """Return a segment as a manifest describes it.

    Raises:
        ValueError, KeyError, TypeError: it is not described.
    """
    if not _SEGMENT.fullmatch(content["name"]):
        raise ValueError("a segment has another name")
    rows = {Algorithm(name): _count(number) for name, number in content["rows"].items()}
    plans = {Algorithm(name): str(plan) for name, plan in content["plans"].items()}
    files = {
        name: FileSpec(_count(each["size"]), str(each["sha256"])) for name, each in content["files"].items()
    }
    if not all(rows.values()):
        raise ValueError("a table is empty")
    entries, superseded = _count(content["entries"]), _count(content["superseded"])
    return SegmentSpec(content["name"], entries, superseded, rows, plans, files)


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 48:
        raise ValueError("this is no number of things")
    return value


def publish(folder: Path, generation: int, mark: str, segments: tuple[SegmentSpec, ...]) -> Manifest:
    """Write a manifest and make it the current one in one rename; the caller holds the lock.

    Raises:
        OSError: it cannot be written; the former one stays current.
    """
    content = {
        "format": FORMAT,
        "byte_order": sys.byteorder,
        "generation": generation,
        "mark": mark,
        "segments": [asdict(each) for each in segments],
    }
    data = json.dumps(content, indent=1).encode()
    name = f"gen-{generation}-{secrets.token_hex(4)}"
    current = f"{name} {hashlib.sha256(data).hexdigest()}\n"
    write_synced(folder / f"{name}.json", data)
    aside = folder / "CURRENT.new"
    aside.unlink(missing_ok=True)
    write_synced(aside, current.encode())
    sync_folder(folder)
    aside.replace(folder / "CURRENT")
    sync_folder(folder)
    return Manifest(current, generation, mark, segments)


def write_synced(path: Path, data: bytes) -> None:
    """Write a new file and wait until it lasts."""
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    path.chmod(0o640)
