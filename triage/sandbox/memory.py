"""The zygote's memory, made cheap to fork: what costs of a child is copying page entries and touching pages.

1. Give back what the warm-up left behind.
2. Lay a stretch of untouched heap ready for the children, in huge pages: what they allocate on their way is there
   after one fault, and what they free stays theirs.
3. Gather all other private memory in huge pages (madvise(2), MADV_COLLAPSE, Linux 6.1): one entry instead of 512 is
   copied by a fork and torn down at the end of a child. Where the kernel does not, all stays as it is.
4. A child takes the memory for its pixels in huge pages too: one fault instead of 512.
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
_WORTH_HUGE = _HUGE // 4  # below, clearing a whole one takes longer than touching the small ones
_MAPS = Path("/proc/self/maps")
_HEAP = "[heap]"

# mallopt(3)
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_KEPT = 2**30

_AHEAD = 5 * _HUGE
_OWN = 2**17
"""Bytes of it that the zygote may still take for itself: a page that it touches is one that a child must copy."""

_GAPS = tuple(2**power for power in range(20, 12, -1))


def tidy_memory() -> int:
    """Make this process cheap to fork; call it last, while /proc can still be read.

    Returns:
        Huge pages that were gathered; 0 where the kernel has none.
    """
    kernel.libc.malloc_trim(0)
    ahead = _lay_heap_ready()
    gathered = 0
    for start, end, _ in _list_private():
        for place in range(-(-start // _HUGE) * _HUGE, end - _HUGE + 1, _HUGE):
            if place not in ahead:
                refused = kernel.libc.madvise(ctypes.c_void_p(place), ctypes.c_size_t(_HUGE), _MADV_COLLAPSE)
                gathered += refused == 0
    return gathered


def allocate_pixels(height: int, width: int) -> NDArray[np.uint8]:
    """Return an array for the pixels of a picture, (height, width, 3), whatever they hold."""
    size = height * width * 3
    if size < _WORTH_HUGE:
        return np.empty((height, width, 3), np.uint8)
    whole_pages = -(-size // _HUGE) * _HUGE  # one that were cut off would be 512 small ones
    area = mmap.mmap(-1, whole_pages + _HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):
        area.madvise(mmap.MADV_HUGEPAGE)
    whole = np.frombuffer(area, np.uint8)
    start = -whole.ctypes.data % _HUGE
    return whole[start : start + size].reshape(height, width, 3)


def _lay_heap_ready() -> range:
    """Grow the heap, with huge pages where nothing was touched yet; return their addresses.

    The gaps that the warm-up left in the heap are taken and never given back, or a child would fill those first,
    page by page.
    """
    start = _grow_heap()
    if not any(first <= start < end for first, end, name in _list_private() if name == _HEAP):
        return range(0)  # a heap that grows elsewhere has its gaps elsewhere
    touched = start + _GAPS[0] + _OWN  # malloc writes down where its free space begins
    first, last = -(-touched // _HUGE) * _HUGE, (start + _AHEAD) // _HUGE * _HUGE
    for size in _GAPS:
        while (taken := _malloc(size)) < start:
            continue
        kernel.libc.free(ctypes.c_void_p(taken))
    _malloc(first - start - _OWN)
    kernel.libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), mmap.MADV_HUGEPAGE)
    return range(first, last)


def _grow_heap() -> int:
    """Give the heap _AHEAD more bytes at its end and have it keep them; return where they begin."""
    kernel.libc.mallopt(_M_TRIM_THRESHOLD, _KEPT)
    kernel.libc.mallopt(_M_MMAP_THRESHOLD, 2 * _AHEAD)
    start = _malloc(_AHEAD)
    kernel.libc.free(ctypes.c_void_p(start))
    kernel.libc.mallopt(_M_MMAP_THRESHOLD, _HUGE)  # what is larger goes back to the kernel at once
    return start


def _malloc(size: int) -> int:
    kernel.libc.malloc.restype = ctypes.c_void_p
    address = kernel.libc.malloc(ctypes.c_size_t(size))
    if address is None:
        raise MemoryError
    return int(address)


def _list_private() -> Iterator[tuple[int, int, str]]:
    """Yield start, end and name of each writable mapping that belongs to no file: the heap and what malloc mapped."""
    for line in _MAPS.read_text().splitlines():
        words = line.split(maxsplit=5)
        name = words[5] if len(words) == 6 else ""
        if words[1] == "rw-p" and name in {"", _HEAP}:
            start, _, end = words[0].partition("-")
            yield int(start, 16), int(end, 16), name
