"""The index on disk: immutable generations of mapped files, named by one small file.

    folder/CURRENT                    "gen-7-1f0c2a9e <sha256 of its manifest>"
    folder/lock                       held by the one process that builds
    folder/gen-7-1f0c2a9e/manifest.json, md5.values, md5.entries, …

How a generation is built:

1. Take the lock, sort the rows, write and sync each file in a new folder.
2. Write the manifest: format, generation, rows, sizes and SHA-256 of each file.
3. Stop if CURRENT names a newer generation by now; else replace CURRENT in one rename.
4. Remove all other generations; maps that are open live on until they are let go.

Opening trusts nothing: CURRENT vouches for the manifest, the manifest for each file. Any doubt is an
IndexUnreadableError, never an empty answer.
"""

import fcntl
import hashlib
import json
import mmap
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np

from hashsets.digests import ENTRY_WIDTH, Bytes2D, is_sorted, sort_table
from hashsets.errors import IndexUnreadableError
from hashsets.model import HEX_DIGITS, Algorithm

FORMAT = 1
"""Version of this layout; another one is refused."""

_NAME = re.compile(r"gen-(0|[1-9][0-9]{0,17})-[0-9a-f]{8}")
_CURRENT = re.compile(r"(gen-[0-9]+-[0-9a-f]{8}) ([0-9a-f]{64})\n")
_MANIFEST = "manifest.json"
_MANIFEST_MAX = 64 * 1024
_TRIES = 5

Row = tuple[UUID, Algorithm, bytes]


@dataclass(frozen=True, slots=True)
class Table:
    """All fingerprints of one algorithm: values (N, width) and entry ids (N, 16), sorted, read-only."""

    values: Bytes2D
    entries: Bytes2D


@dataclass(frozen=True, slots=True)
class Generation:
    """One opened generation: the word in CURRENT that names it, its number and a table per algorithm."""

    current: str
    number: int
    tables: Mapping[Algorithm, Table]


def _width(algorithm: Algorithm) -> int:
    return HEX_DIGITS[algorithm] // 2


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_synced(path: Path, data: bytes | memoryview) -> None:
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    path.chmod(0o640)


@contextmanager
def _hold_lock(folder: Path) -> Iterator[None]:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read_current(folder: Path) -> str:
    """Return the text of CURRENT, which names one generation for good.

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


def _split_current(text: str) -> tuple[str, int, str]:
    """Return the folder's name, its generation and the manifest's SHA-256."""
    name, digest = text.split()
    found = _NAME.fullmatch(name)
    if found is None:
        raise IndexUnreadableError("The index cannot be read: CURRENT is damaged")
    return name, int(found[1]), digest


def _published_number(folder: Path) -> int:
    """Return the generation that CURRENT names and whose manifest is there; -1 where that is in doubt."""
    try:
        name, number, digest = _split_current(read_current(folder))
        manifest = (folder / name / _MANIFEST).read_bytes()
    except (IndexUnreadableError, OSError):
        return -1  # damaged or none: whatever is built now is better
    return number if hashlib.sha256(manifest).hexdigest() == digest else -1


def _write_generation(target: Path, generation: int, rows: Iterable[Row]) -> bytes:
    """Write all files of a generation and return its manifest."""
    packed = {algorithm: bytearray() for algorithm in Algorithm}
    for entry_id, algorithm, value in rows:
        if len(value) != _width(algorithm):
            raise ValueError(f"{algorithm} must be {_width(algorithm)} bytes")
        packed[algorithm] += value + entry_id.bytes
    files: dict[str, dict[str, int | str]] = {}
    for algorithm in Algorithm:
        values, entries = sort_table(packed.pop(algorithm), _width(algorithm))
        for kind, array in (("values", values), ("entries", entries)):
            data = array.tobytes()
            _write_synced(target / f"{algorithm}.{kind}", data)
            files[f"{algorithm}.{kind}"] = {
                "rows": len(array),
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
            }
    manifest = json.dumps({"format": FORMAT, "generation": generation, "files": files}, indent=1).encode()
    _write_synced(target / _MANIFEST, manifest)
    _sync_folder(target)
    return manifest


def _remove_others(folder: Path, kept: str) -> None:
    """Remove every generation but one; what a killed builder left goes with them."""
    for path in folder.glob("gen-*"):
        if path.name != kept:
            shutil.rmtree(path, ignore_errors=True)


def build_index(folder: Path, generation: int, rows: Iterable[Row]) -> None:
    """Write a generation of the index and make it the current one, unless a newer one is.

    Args:
        folder: the index's folder; made if missing.
        generation: number of the database's state that `rows` is, from 0.
        rows: entry id, algorithm, value in bytes; in any order, doubles allowed.

    Raises:
        ValueError: a value of the wrong length.
        OSError: the folder cannot be written; the former index stays current.
    """
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    with _hold_lock(folder):
        name = f"gen-{generation}-{secrets.token_hex(4)}"
        target = folder / name
        target.mkdir(mode=0o750)
        try:
            manifest = _write_generation(target, generation, rows)
            if _published_number(folder) > generation:
                shutil.rmtree(target)
                return
            aside = folder / "CURRENT.new"
            aside.unlink(missing_ok=True)
            _write_synced(aside, f"{name} {hashlib.sha256(manifest).hexdigest()}\n".encode())
            aside.replace(folder / "CURRENT")
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        _sync_folder(folder)
        _remove_others(folder, name)


def _map_file(path: Path, size: int, sha256: str) -> Bytes2D:
    """Map a file and return its bytes, checked against size and SHA-256, as shape (size,)."""
    with path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size != size:
            raise IndexUnreadableError("The index cannot be read: a file has the wrong size")
        if size == 0:
            return np.zeros(0, dtype=np.uint8)
        data = np.frombuffer(mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ), dtype=np.uint8)
    if hashlib.sha256(data.data).hexdigest() != sha256:
        raise IndexUnreadableError("The index cannot be read: a file's checksum is wrong")
    return data


def _map_table(target: Path, algorithm: Algorithm, files: Mapping[str, Mapping[str, object]]) -> Table:
    arrays: list[Bytes2D] = []
    for kind, width in (("values", _width(algorithm)), ("entries", ENTRY_WIDTH)):
        spec = files[f"{algorithm}.{kind}"]
        rows, size, sha256 = spec["rows"], spec["size"], spec["sha256"]
        if (
            type(rows) is not int
            or type(size) is not int
            or not isinstance(sha256, str)
            or size != rows * width
        ):
            raise IndexUnreadableError("The index cannot be read: its manifest contradicts itself")
        arrays.append(_map_file(target / f"{algorithm}.{kind}", size, sha256).reshape(rows, width))
    values, entries = arrays
    if len(values) != len(entries) or not is_sorted(values):
        raise IndexUnreadableError("The index cannot be read: a table is out of order")
    return Table(values, entries)


def _open_once(folder: Path, current: str) -> Generation:
    name, number, digest = _split_current(current)
    with (folder / name / _MANIFEST).open("rb") as stream:
        raw = stream.read(_MANIFEST_MAX)
    if hashlib.sha256(raw).hexdigest() != digest:
        raise IndexUnreadableError("The index cannot be read: its manifest is damaged")
    try:
        manifest = json.loads(raw)
        if manifest["format"] != FORMAT:
            raise IndexUnreadableError("The index cannot be read: it has another format")
        if manifest["generation"] != number:
            raise IndexUnreadableError("The index cannot be read: its manifest contradicts itself")
        tables = {item: _map_table(folder / name, item, manifest["files"]) for item in Algorithm}
    except (ValueError, KeyError, TypeError):
        raise IndexUnreadableError("The index cannot be read: its manifest is damaged") from None
    return Generation(current, number, tables)


def open_generation(folder: Path) -> Generation:
    """Open and verify the current generation.

    Raises:
        IndexUnreadableError: there is none, or any of its files is missing, damaged or of another format.
    """
    current = read_current(folder)
    for _ in range(_TRIES):
        problem = IndexUnreadableError()
        try:
            return _open_once(folder, current)
        except IndexUnreadableError as error:
            problem = error
        except OSError as error:
            problem = IndexUnreadableError(f"The index cannot be read: {error.strerror}")
        # A builder may have removed this generation between our two looks; then there is a newer one.
        before, current = current, read_current(folder)
        if current == before:
            break
    raise problem


def is_current(folder: Path, current: str) -> bool:
    """Say whether CURRENT still holds this text; False too when it cannot be read."""
    with suppress(IndexUnreadableError):
        return read_current(folder) == current
    return False
