"""Measure matching: one query and many, exactness, memory, opening and building, against the reference implementation.

1. For each size, uniform and clustered (`hash_data.py`): ours, `PDQIndex` of threatexchange, `IndexBinaryFlat` of faiss
   and, to a million, our numpy twin answer the same queries in turns in this process. Ratios are of the same round.
2. Every answer is held against a comparison of every pair: recall, and pairs that are not true.
3. Opening of ours, warm; bytes on disk; what a second process holds after ten thousand queries; building from an array.
4. Lists and the service (`match_lists.py`): a CSV into PostgreSQL and index, until a change is in force, the index from
   PostgreSQL, requests of the matching route.

    python -m bench.matching                   10 thousand to a million; writes results/matching.json and matching.svg
    python -m bench.matching --size 10M        to ten million; writes results/matching-10M.json and .svg
    python -m bench.matching --size 100M       that size alone, without peers
    python -m bench.matching --only search     without the lists and the service (or: --only lists)
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.chart import write_lines
from bench.hash_data import HashData, Pairs, find_truth, make_data
from bench.load import measure_s, write_result
from bench.match_engines import (
    FLAT,
    OURS,
    PDQ_INDEX,
    TWIN,
    Engine,
    build_flat,
    build_ours,
    build_pdq_index,
    build_twin,
    count_bytes,
)
from bench.match_lists import measure_lists
from hashsets import kernels
from hashsets.search import Index

MS, US = 1e3, 1e6
SMALLEST = 10_000
DEFAULT = 1_000_000
_PEERS_TO = 20_000_000  # PDQIndex takes 533 bytes a hash
_TWIN_TO = 1_000_000
_ASKED_AGAIN = 10_000
_OPENINGS = 21
_UNITS = {"k": 1_000, "M": 1_000_000}


# 1. In turns


def measure_turns(
    engines: Mapping[str, Engine], data: HashData, rounds: int, budget_s: float
) -> dict[str, dict[str, list[float]]]:
    """Return the microseconds a query of each engine in each round, single and in one batch."""
    hexes = data.list_hex()
    found: dict[str, dict[str, list[float]]] = {name: {"single": [], "batch": []} for name in engines}
    for _ in range(rounds):
        for name, engine in engines.items():
            engine.ask(hexes[0])
            asked, begun = 0, time.perf_counter()
            while time.perf_counter() - begun < budget_s:
                engine.ask(hexes[asked % len(hexes)])
                asked += 1
            single_s = (time.perf_counter() - begun) / asked
            found[name]["single"].append(single_s * US)
            # As many as the budget allows, so that a slow peer does not stretch the round.
            batch = hexes[: max(10, min(len(hexes), round(2 * budget_s / single_s)))]
            found[name]["batch"].append(
                measure_s(lambda engine=engine, batch=batch: engine.ask_many(batch)) / len(batch) * US
            )
    return found


def compare(found: Mapping[str, Mapping[str, list[float]]], other: str, ours: str, kind: str) -> float:
    """Return how many times as long the other one took, by the median of the rounds."""
    pairs = zip(found[other][kind], found[ours][kind], strict=True)
    return round(statistics.median(theirs / own for theirs, own in pairs), 2)


# 2. Exactness


def check_answers(engine: Engine, data: HashData, truth: Pairs) -> dict[str, object]:
    """Return recall, false pairs, and whether single answers equal those of the batch."""
    hexes = data.list_hex()
    many = engine.ask_many(hexes)
    found = {(number, *pair) for number, answer in enumerate(many) for pair in answer}
    singles = {(number, *pair) for number, text in enumerate(hexes) for pair in engine.ask(text)}
    return {
        "recall": len(found & truth) / max(1, len(truth)),
        "false_pairs": len(found - truth),
        "single_equals_batch": found == singles,
    }


# 3. Opening, memory, building


def measure_opening(folder: Path) -> float:
    """Return the median milliseconds of opening an index whose files are in memory."""
    return round(statistics.median(measure_s(lambda: Index.open(folder)) for _ in range(_OPENINGS)) * MS, 3)


def measure_second(folder: Path, size: int) -> dict[str, float]:
    """Return the bytes a hash that a second process holds while this one has the index open too."""
    words = [sys.executable, "-m", "bench.match_reader", str(folder), str(_ASKED_AGAIN)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    return {name: round(value / size, 1) for name, value in json.loads(done.stdout).items()}


def measure_size(
    size: int, folder: Path, *, is_clustered: bool, rounds: int, budget_s: float
) -> dict[str, object]:
    """Return everything that is measured in this process at one size."""
    data = make_data(size, is_clustered=is_clustered)
    truth = find_truth(data)
    engines = {OURS: build_ours(data, folder)}
    if size <= _PEERS_TO:
        engines |= {PDQ_INDEX: build_pdq_index(data), FLAT: build_flat(data)}
    if size <= _TWIN_TO:
        engines[TWIN] = build_twin(engines[OURS])
    found = measure_turns(engines, data, rounds, budget_s)
    result: dict[str, object] = {
        "hashes": size,
        "clustered": is_clustered,
        "true_pairs": len(truth),
        "open_ms": measure_opening(folder),
        "files": count_bytes(folder),
        "second_process_bytes_a_hash": measure_second(folder, size),
        "engines": {
            name: {
                **{f"{kind}_us": round(statistics.median(values), 2) for kind, values in found[name].items()},
                "build_s": round(engine.build_s, 3),
                "bytes_a_hash": round(engine.bytes_a_hash, 1),
                **check_answers(engine, data, truth),
            }
            for name, engine in engines.items()
        },
    }
    if PDQ_INDEX in engines:
        result["pdqindex_over_ours_single"] = compare(found, PDQ_INDEX, OURS, "single")
        result["pdqindex_over_ours_batch"] = compare(found, PDQ_INDEX, OURS, "batch")
        result["flat_over_ours_single"] = compare(found, FLAT, OURS, "single")
    if TWIN in engines:
        result["flat_over_twin_single"] = compare(found, FLAT, TWIN, "single")
        result["flat_over_twin_batch"] = compare(found, FLAT, TWIN, "batch")
    return result


def list_sizes(largest: int) -> list[int]:
    """Return the sizes to measure: each power of ten up to the largest, or that one alone where peers do not fit."""
    if largest > _PEERS_TO:
        return [largest]
    sizes = []
    size = SMALLEST
    while size < largest:
        sizes.append(size)
        size *= 10
    return [*sizes, largest]


def measure_search(
    largest: int, parent: Path | None, rounds: int, budget_s: float
) -> list[dict[str, object]]:
    """Measure all sizes, uniform and clustered."""
    found = []
    for size in list_sizes(largest):
        for is_clustered in (False, True):
            with tempfile.TemporaryDirectory(prefix="hotline-bench-", dir=parent) as folder:
                found.append(
                    measure_size(
                        size, Path(folder), is_clustered=is_clustered, rounds=rounds, budget_s=budget_s
                    )
                )
            print(
                f"{size} {'clustered' if is_clustered else 'uniform'}: measured", file=sys.stderr, flush=True
            )
    return found


def draw_search(path: Path, found: list[dict[str, object]]) -> None:
    """Write the cost of one query by the number of hashes."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for one in found:
        for name, engine in dict(one["engines"]).items():
            if not one["clustered"] or name == OURS:
                words = f"{name}, clustered" if one["clustered"] else name
                lines.setdefault(words, []).append((one["hashes"], engine["single_us"]))
    write_lines(path, "One exact query within 31 bits, one core", ("hashes", "microseconds"), lines)


def read_size(text: str) -> int:
    """Return a number that may end in k or M."""
    number = int(text[:-1]) * _UNITS[text[-1]] if text[-1:] in _UNITS else int(text)
    if number < SMALLEST:
        raise ValueError("at least 10k")
    return number


def main() -> int:
    """Run what is asked for, print it and keep it."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--size", type=read_size, default=DEFAULT, help="10k, 1M, 10M, 100M; a million by default"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=0.5, help="seconds of each engine in each round")
    parser.add_argument("--folder", type=Path, help="where index files lie meanwhile")
    parser.add_argument("--only", choices=("search", "lists"))
    options = parser.parse_args()
    found: dict[str, object] = {"processors": os.cpu_count(), "kernels_in_c": kernels.is_built()}
    if options.only != "lists":
        found["search"] = measure_search(options.size, options.folder, options.rounds, options.budget)
    if options.only != "search" and options.size <= _PEERS_TO:
        found["lists"] = measure_lists(options.size, options.rounds)
    name = "matching" if options.size == DEFAULT else f"matching-{options.size // 1000}k".replace("000k", "M")
    path = write_result(name if options.only is None else f"{name}-{options.only}", found)
    if options.only != "lists":
        draw_search(path.with_suffix(".svg"), found["search"])
    print(path.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
