"""The zygote's memory, made cheap to fork: what costs of a child is copying page entries and touching pages.

1. Give back what the warm-up left behind.
2. Gather private memory in huge pages (madvise(2), MADV_COLLAPSE, Linux 6.1): one entry instead of 512 is copied
   by a fork and torn down at the end of a child. Where the kernel does not, all stays as it is.
3. A child takes the memory for its pixels in huge pages too: one fault instead of 512.
"""

import contextlib
import ctypes
import mmap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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


def allocate_pixels(height: int, width: int) -> NDArray[np.uint8]:
    """Return an array for the pixels of a picture, (height, width, 3), whatever they hold."""
    size = height * width * 3
    if size < _HUGE:
        return np.empty((height, width, 3), np.uint8)
    area = mmap.mmap(-1, size + _HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):
        area.madvise(mmap.MADV_HUGEPAGE)
    whole = np.frombuffer(area, np.uint8)
    start = -whole.ctypes.data % _HUGE
    return whole[start : start + size].reshape(height, width, 3)


def _list_private() -> Iterator[tuple[int, int]]:
    """Yield start and end of each writable mapping that belongs to no file: the heap and what malloc mapped."""
    for line in _MAPS.read_text().splitlines():
        words = line.split(maxsplit=5)
        name = words[5] if len(words) == 6 else ""
        if words[1] == "rw-p" and name in {"", "[heap]"}:
            start, _, end = words[0].partition("-")
            yield int(start, 16), int(end, 16)
