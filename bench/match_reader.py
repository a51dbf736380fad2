"""A second process that opens an index and asks it ten thousand times: `python -m bench.match_reader FOLDER QUERIES`.

Prints what it holds as JSON, in bytes: the index's mapped files (resident, its share of what several processes map,
its own alone) and what its own memory grew by.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.hash_data import WIDTH
from bench.match_engines import open_ours

_FIELDS = {"Rss": "resident", "Pss": "share", "Private_Clean": "alone", "Private_Dirty": "alone"}
_SIZE = re.compile(r"(\w+): +(\d+) kB")


def _read_maps() -> Iterator[tuple[str, str, int]]:
    """Yield the path (empty for memory without a file), the field and the bytes of every mapping of this process."""
    path = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        words = line.split(maxsplit=5)
        if found := _SIZE.match(line):
            yield path, found[1], int(found[2]) * 1024
        elif "-" in words[0]:
            path = words[5] if len(words) > 5 else ""


def count_mapped(folder: Path) -> dict[str, int]:
    """Return the bytes of a folder's files that this process maps."""
    counts = dict.fromkeys(_FIELDS.values(), 0)
    for path, field, size in _read_maps():
        if field in _FIELDS and path.startswith(str(folder)):
            counts[_FIELDS[field]] += size
    return counts


def count_own() -> int:
    """Return the bytes of this process's own memory, without files."""
    return sum(size for path, field, size in _read_maps() if field == "Rss" and not path.startswith("/"))


def main(folder: Path, queries: int) -> int:
    """Ask in singles, print what is held."""
    rng = np.random.default_rng(7)
    hexes = [rng.bytes(WIDTH).hex() for _ in range(queries)]
    before = count_own()
    ask, _ = open_ours(folder)
    for text in hexes:
        ask(text)
    print(json.dumps({**count_mapped(folder), "own": count_own() - before}))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
