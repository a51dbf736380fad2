"""Matchers to measure, each behind the same four questions: build, ask one, ask many, how much memory.

Each is asked in hex and answers pairs of row and distance, as its users would get them: the peers' own result objects
are made, then read.
"""

import ctypes
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import faiss
import numpy as np
from numpy.typing import NDArray
from threatexchange.signal_type.pdq.pdq_index import PDQIndex

from bench.hash_data import RADIUS, WIDTH, HashData, make_entries
from hashsets import kernels
from hashsets.model import Algorithm, Fingerprint
from hashsets.search import Index
from hashsets.segments import build_index_from_arrays

OURS = "ours"
TWIN = "ours, numpy twin"
PDQ_INDEX = "threatexchange PDQIndex"
FLAT = "faiss IndexBinaryFlat"

Answer = list[tuple[int, int]]
_Asked = TypeVar("_Asked")
_Said = TypeVar("_Said")


@dataclass(frozen=True, slots=True)
class Engine:
    """One matcher that holds its hashes.

    Attributes:
        ask: the rows and distances within the radius of one hash, given as hex.
        ask_many: the same for many.
        build_s: seconds that building took, from packed bytes (peers: from what they take, made before).
        bytes_a_hash: resident memory that building added; of ours, files on disk.
    """

    ask: Callable[[str], Answer]
    ask_many: Callable[[Sequence[str]], list[Answer]]
    build_s: float
    bytes_a_hash: float


def read_rss() -> int:
    """Return the resident bytes of this process, after all that is free was given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def build_pdq_index(data: HashData) -> Engine:
    """Build what the reference service matches with."""
    entries = [(row.tobytes().hex(), number) for number, row in enumerate(data.stored)]
    before, begun = read_rss(), time.perf_counter()
    index = PDQIndex.build(entries)
    build_s = time.perf_counter() - begun
    del entries

    def ask(text: str) -> Answer:
        return [(match.metadata, match.similarity_info.distance) for match in index.query(text)]

    def ask_many(texts: Sequence[str]) -> list[Answer]:
        found = index.index.search_with_distance_in_result(texts, RADIUS)
        return [[(row, int(distance)) for row, _, distance in found[text]] for text in texts]

    return Engine(ask, ask_many, build_s, (read_rss() - before) / len(data.stored))


def build_flat(data: HashData) -> Engine:
    """Build the peer that compares with every hash, one thread."""
    faiss.omp_set_num_threads(1)
    begun = time.perf_counter()
    index = faiss.IndexBinaryFlat(WIDTH * 8)
    index.add(data.stored)
    build_s = time.perf_counter() - begun

    def ask_many(texts: Sequence[str]) -> list[Answer]:
        queries = np.frombuffer(bytes.fromhex("".join(texts)), dtype=np.uint8).reshape(-1, WIDTH)
        limits, distances, rows = index.range_search(queries, RADIUS + 1)
        pairs = list(zip(rows.tolist(), distances.astype(int).tolist(), strict=True))
        return [pairs[limits[place] : limits[place + 1]] for place in range(len(texts))]

    return Engine(lambda text: ask_many([text])[0], ask_many, build_s, WIDTH)


def build_files(folder: Path, stored: NDArray[np.uint8]) -> float:
    """Build our index of packed hashes under a folder; return the seconds."""
    rows = {Algorithm.PDQ: (stored, make_entries(len(stored)))}
    begun = time.perf_counter()
    build_index_from_arrays(folder, 1, rows)
    return time.perf_counter() - begun


def count_bytes(folder: Path) -> dict[str, int]:
    """Return the bytes of the files of an index, by their names."""
    sizes = sorted((path.name, path.stat().st_size) for path in folder.rglob("*") if path.is_file())
    return {name: sum(size for other, size in sizes if other == name) for name, size in sizes if size}


def build_ours(data: HashData, folder: Path) -> Engine:
    """Build ours and open it."""
    build_s = build_files(folder, data.stored)
    ask, ask_many = open_ours(folder)
    return Engine(ask, ask_many, build_s, sum(count_bytes(folder).values()) / len(data.stored))


def build_twin(ours: Engine) -> Engine:
    """Ask ours as on a machine without a compiler: the same files, opened once."""

    def without_c(act: Callable[[_Asked], _Said]) -> Callable[[_Asked], _Said]:
        def run(question: _Asked) -> _Said:
            built = kernels.find_library
            kernels.find_library = lambda: None
            try:
                return act(question)
            finally:
                kernels.find_library = built

        return run

    return replace(ours, ask=without_c(ours.ask), ask_many=without_c(ours.ask_many))


def open_ours(folder: Path) -> tuple[Callable[[str], Answer], Callable[[Sequence[str]], list[Answer]]]:
    """Open our index; return how it is asked for one hash and for many."""
    index = Index.open(folder)

    def ask(text: str) -> Answer:
        return [
            (hit.entry_id.int, hit.distance)
            for hit in index.search([Fingerprint(Algorithm.PDQ, text, orientation="r0")])
        ]

    def ask_many(texts: Sequence[str]) -> list[Answer]:
        queries = [
            Fingerprint(Algorithm.PDQ, text, frame=number, orientation="r0")
            for number, text in enumerate(texts)
        ]
        answers: list[Answer] = [[] for _ in texts]
        for hit in index.search(queries):
            answers[hit.fingerprint.frame].append((hit.entry_id.int, hit.distance))
        return answers

    return ask, ask_many
