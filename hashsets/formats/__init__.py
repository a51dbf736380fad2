"""Formats of shared lists, one per file; no network. `open_reader` finds the reader of a format by its name.

A reader takes a binary stream and the options, and yields an Entry for each good row and a BadRow for each
other one, in the order of the file. It raises InvalidListError for a file that is no such list.
"""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from hashsets.model import BadRow, Entry


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader may need beside the file; each format says what it uses, and what it refuses to do without.

    Attributes:
        profile: a file that says what the columns of the list mean.
        region: two letters, whose law gives the list's categories their meaning.
        is_snapshot: the list is to be taken for the whole: what it does not name is withdrawn.
    """

    profile: Path | None = None
    region: str = ""
    is_snapshot: bool = False


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
