"""The hot loops of near search: in C where it was built (`_kernels.c`), else in numpy, with the same results.

A table is what one segment holds of one perceptual algorithm: permuted hashes, and for each chunk of its plan the rows
sorted by that chunk. Its arrays may be maps of files that were damaged after they were checked: neither side reads
beyond them, whatever they say.
"""

import ctypes
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hashsets import kernels
from hashsets.plans import Plan, list_bits, list_turns

Words = NDArray[np.uint64]
Numbers = NDArray[np.uint32]

_BLOCK = 1 << 15
"""Rows handled at once in numpy: a block of PDQ is one megabyte and stays in the cache."""

_FIRST_ROOM = 256
"""Hits that one call has room for before it must be asked again."""

_CEILING = 12
"""One row in so many: with more candidates than that, comparing every row is quicker."""

_Hits = ctypes.c_uint32 * (3 * _FIRST_ROOM)
_State = ctypes.c_int64 * 2
_NO_HITS = np.zeros((0, 3), np.uint32)


class _Table(ctypes.Structure):
    """`near_table` in `_kernels.c`."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("values", "offsets", "ids", "starts", "widths", "radii")),
        *((name, ctypes.c_void_p) for name in ("tables", "mask_ends", "masks", "turns")),
        *((name, ctypes.c_int64) for name in ("rows", "words", "chunks", "ceiling")),
    )


def permute_hashes(hashes: NDArray[np.uint8], bits: int) -> Words:
    """Bring hashes under the fixed permutation.

    Args:
        hashes: (N, bits // 8), contiguous.
        bits: 64 or 256.

    Returns:
        (N, bits // 64).
    """
    library = kernels.find_library()
    if library is None:
        return permute_in_numpy(hashes, bits)
    turns, out = list_turns(bits), np.empty((len(hashes), bits // 64), np.uint64)
    size = ctypes.c_int64
    library.near_permute(_at(hashes), size(len(hashes)), size(bits // 64), _at(turns), _at(out))
    return out


def permute_in_numpy(hashes: NDArray[np.uint8], bits: int) -> Words:
    """Do what `permute_hashes` says in numpy."""
    out = np.empty((len(hashes), bits // 64), np.uint64)
    for start in range(0, len(hashes), _BLOCK):
        spread = np.unpackbits(hashes[start : start + _BLOCK], axis=1)[:, list_bits(bits)]
        packed = np.packbits(spread, axis=1, bitorder="little")
        out[start : start + _BLOCK] = np.ascontiguousarray(packed).view("<u8")
    return out


def sort_by_chunk(values: Words, plan: Plan, number: int) -> tuple[Numbers, Numbers]:
    """Sort rows by one chunk of a plan.

    Args:
        values: (N, words), permuted, contiguous; N below 2**32.
        number: of the chunk.

    Returns:
        Offsets, 2**width + 1 of them, into ids, and ids: the N row numbers, those of one value rising.
    """
    library = kernels.find_library()
    if library is None:
        return sort_in_numpy(values, plan, number)
    start, width = int(plan.starts[number]), int(plan.widths[number])
    offsets, ids = np.zeros((1 << width) + 1, np.uint32), np.empty(len(values), np.uint32)
    size = ctypes.c_int64
    library.near_build(
        *(_at(values), size(len(values)), size(plan.words), size(start), size(width), _at(offsets), _at(ids))
    )
    return offsets, ids


def sort_in_numpy(values: Words, plan: Plan, number: int) -> tuple[Numbers, Numbers]:
    """Do what `sort_by_chunk` says in numpy."""
    keys = _cut(values, int(plan.starts[number]), int(plan.widths[number]))
    counts = np.bincount(keys.astype(np.int64), minlength=1 << int(plan.widths[number]))
    offsets = np.zeros(len(counts) + 1, np.uint32)
    np.cumsum(counts, out=offsets[1:])
    return offsets, np.argsort(keys, kind="stable").astype(np.uint32)


def _cut(values: Words, start: int, width: int) -> Numbers:
    """Return one chunk of each row."""
    word, shift = divmod(start, 64)
    bits = values[:, word] >> np.uint64(shift)
    if shift + width > 64:
        bits = bits | values[:, word + 1] << np.uint64(64 - shift)
    return (bits & np.uint64((1 << width) - 1)).astype(np.uint32)


def _at(array: NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


class NearTable:
    """Permuted hashes of one algorithm that can be searched; safe to use from several threads.

    Args:
        values: (N, words).
        offsets: of all chunks of the plan, one after the other.
        ids: (chunks * N,), of all chunks, one after the other.
        plan: how they were cut.

    Raises:
        ValueError: the lengths of the arrays do not fit the plan.
    """

    def __init__(self, values: Words, offsets: Numbers, ids: Numbers, plan: Plan) -> None:
        rows = len(values)
        if (
            values.shape != (rows, plan.words)
            or offsets.shape != (plan.count_offsets(),)
            or ids.shape != (rows * len(plan.chunks),)
        ):
            raise ValueError("the arrays do not fit the plan")
        self.values, self.offsets, self.ids, self.plan = values, offsets, ids, plan
        # One object holds all arrays that the C side points into, for as long as it may be called.
        held: tuple[NDArray[np.generic], ...] = (
            *(values, offsets, ids, plan.starts, plan.widths, plan.radii),
            *(plan.tables, plan.mask_ends, plan.masks, list_turns(plan.bits)),
        )
        if not all(array.flags.c_contiguous for array in held):
            raise ValueError("the arrays are not contiguous")
        self._held = held
        ceiling = rows // _CEILING
        self._table = _Table(
            *(each.ctypes.data for each in held), rows, plan.words, len(plan.chunks), ceiling
        )
        self._pointer = ctypes.byref(self._table)

    def search(self, queries: bytes, radius: int) -> Numbers:
        """Find all rows within the radius of each query, exactly.

        Args:
            queries: hashes as their algorithm gives them, bits // 8 bytes each, one after the other.
            radius: bits, from 0.

        Returns:
            (hits, 3): number of the query, row and distance; in the order of the queries.
        """
        count = len(queries) * 8 // self.plan.bits
        if not len(self.values) or not count:
            return _NO_HITS
        is_flat = not self.plan.chunks or radius > self.plan.radius
        if kernels.find_library() is None:
            return self._search_in_numpy(queries, radius, is_flat=is_flat)
        return self._search_in_c(queries, count, radius, is_flat=is_flat)

    def _search_in_c(self, queries: bytes, count: int, radius: int, *, is_flat: bool) -> Numbers:
        library = kernels.find_library()
        if library is None:
            raise RuntimeError("the kernels were not built")
        search, size = library.near_search, ctypes.c_int64
        search.restype = size
        state, parts, first, room = _State(), [], 0, _FIRST_ROOM
        small: ctypes.Array[ctypes.c_uint32] = _Hits()
        out: NDArray[np.uint32] | None = None
        while first < count:
            found = search(
                *(self._pointer, queries, size(first), size(count), size(radius), size(is_flat)),
                *(small if out is None else _at(out), size(room), state),
            )
            if found:
                taken = small if out is None else out
                parts.append(np.array(taken[: found * 3], np.uint32).reshape(-1, 3))
            first = state[0]
            if first < count:
                # The next query alone may have more hits than there is room for.
                room = max(room * 8, state[1])
                out = np.empty(room * 3, np.uint32)
        if not parts:
            return _NO_HITS
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _search_in_numpy(self, queries: bytes, radius: int, *, is_flat: bool) -> Numbers:
        width = self.plan.bits // 8
        turned = permute_in_numpy(np.frombuffer(queries, np.uint8).reshape(-1, width), self.plan.bits)
        parts = []
        for number, query in enumerate(turned):
            candidates = None if is_flat else self._list_candidates(query)
            for rows, values in self._walk(candidates):
                distances = np.bitwise_count(values[:, 0] ^ query[0]).astype(np.uint32)
                for word in range(1, self.plan.words):
                    distances += np.bitwise_count(values[:, word] ^ query[word])
                near = np.flatnonzero(distances <= radius)
                if len(near):
                    numbers = np.full(len(near), number, np.uint32)
                    parts.append(np.stack([numbers, rows[near].astype(np.uint32), distances[near]], axis=1))
        return np.concatenate(parts) if parts else _NO_HITS

    def _walk(self, candidates: NDArray[np.int64] | None) -> Iterator[tuple[NDArray[np.int64], Words]]:
        """Yield row numbers and their hashes, of the candidates or of all rows."""
        if candidates is not None:
            yield candidates, self.values[candidates]
            return
        for start in range(0, len(self.values), _BLOCK):
            block = self.values[start : start + _BLOCK]
            yield np.arange(start, start + len(block)), block

    def _list_candidates(self, query: Words) -> NDArray[np.int64] | None:
        """Return the rows that share a chunk with the query, up to its radius; None when there are too many."""
        plan, rows = self.plan, len(self.values)
        cuts = [
            int(_cut(query[None, :], int(start), int(width))[0])
            for start, width in zip(plan.starts, plan.widths, strict=True)
        ]
        lengths = np.diff(plan.mask_ends, prepend=0)
        places = np.repeat(np.array(cuts, np.int64), lengths) ^ plan.masks
        places += np.repeat(plan.tables, lengths)
        firsts = self.offsets[places].astype(np.int64)
        counts = np.minimum(self.offsets[places + 1], rows) - firsts
        filled = np.flatnonzero(counts > 0)
        firsts, counts = firsts[filled], counts[filled]
        total = int(counts.sum())
        if total > rows // _CEILING:
            return None
        firsts += np.repeat(np.arange(len(plan.chunks)) * rows, lengths)[filled]
        ends = np.cumsum(counts)
        steps = np.arange(total) + np.repeat(firsts - (ends - counts), counts)
        found = np.unique(self.ids[steps])
        return found[found < rows].astype(np.int64)
