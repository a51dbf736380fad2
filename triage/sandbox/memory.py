"""The zygote's memory, made cheap to fork: what costs of a child is copying page entries and touching pages.

1. Give back what the warm-up left behind.
2. Gather private memory in huge pages (madvise(2), MADV_COLLAPSE, Linux 6.1): one entry instead of 512 is copied
   by a fork and torn down at the end of a child. Where the kernel does not, all stays as it is.
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path

from triage.sandbox import kernel

_MADV_COLLAPSE = 25
_HUGE = 2 * 2**20
_MAPS = Path("/proc/self/maps")


def tidy_memory() -> int:
    """Make this process cheap to fork; call it last, while /proc can still be read.

    Returns:
        Huge pages that were gathered; 0 where the kernel has none.
    """
    kernel.libc.malloc_trim(0)
    gathered = 0
    for start, end in _list_private():
        for place in range(-(-start // _HUGE) * _HUGE, end - _HUGE + 1, _HUGE):
            refused = kernel.libc.madvise(ctypes.c_void_p(place), ctypes.c_size_t(_HUGE), _MADV_COLLAPSE)
            gathered += refused == 0
    return gathered


def _list_private() -> Iterator[tuple[int, int]]:
    """Yield start and end of each writable mapping that belongs to no file: the heap and what malloc mapped."""
    for line in _MAPS.read_text().splitlines():
        words = line.split(maxsplit=5)
        name = words[5] if len(words) == 6 else ""
        if words[1] == "rw-p" and name in {"", "[heap]"}:
            start, _, end = words[0].partition("-")
            yield int(start, 16), int(end, 16)
