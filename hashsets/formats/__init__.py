"""Formats of shared lists, one per file; no network. `open_reader` finds the reader of a format by its name.

A reader takes a binary stream and the options, and yields an Entry for each good row and a BadRow for each
other one, in the order of the file. It raises InvalidListError for a file that is no such list.
"""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

from hashsets.model import BadRow, Entry


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader may need beside the file; each format says what it uses, and what it refuses to do without.

    Attributes:
        profile: a file that says what the columns of the list mean.
        region: two letters, whose law gives the list's categories their meaning.
        key: a file with the public key that the list must be signed by.
        path: the list's own file, for a format of several files that lie side by side.
        now: the moment by which a list may have expired.
    """

    profile: Path | None = None
    region: str = ""
    key: Path | None = None
    path: Path | None = None
    now: datetime | None = None


Reader = Callable[[BinaryIO, ReadOptions], Iterator[Entry | BadRow]]

READERS: dict[str, tuple[str, str]] = {
    "csv": ("hashsets.formats.csv_list", "read_list"),
    "mapped-csv": ("hashsets.formats.mapped_csv", "read_list"),
    "ncmec": ("hashsets.formats.ncmec", "read_list"),
    "vics": ("hashsets.formats.vics", "read_list"),
}
"""Name of a format → module and function of its reader; a module is imported when its format is asked for."""


def open_reader(name: str) -> Reader:
    """Return the reader of a format.

    Args:
        name: one of READERS.
    """
    module, function = READERS[name]
    return cast(Reader, getattr(importlib.import_module(module), function))
