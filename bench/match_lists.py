"""Measure lists and the service on a practice deployment of its own, with the real processes and servers.

1. A CSV of N rows, one PDQ each, by `hotline hashset import`: into PostgreSQL and the index.
2. The index from PostgreSQL into an empty folder.
3. A new entry, then its withdrawal, by the public commands: until another process that takes up the index as workers
   do (`match_watcher.py`) sees it, from the start of the command.
4. `POST /api/v1/match`: one hash a request and a thousand, half of them planted; by the clock and a processor second of
   the server.
"""

import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.hash_data import HashData, make_data
from bench.load import Load, find_web, measure_s, read_taken, run_load, run_site
from bench.match_client import ask_for, ask_once, make_request
from bench.match_watcher import READY
from hashsets.current import build_from_database
from triage.cli.__main__ import main as run_command
from triage.cli.session import open_connection

MS = 1e3
_SECONDS = 5.0
_BATCH = 1000
_QUOTA = {"MATCH_PER_MINUTE": "1000000000", "MATCH_PER_DAY": "1000000000"}


def measure_lists(size: int, rounds: int) -> dict[str, object]:
    """Return everything that is measured on a deployment with so many entries."""
    data = make_data(size, is_clustered=False)
    os.environ.update(_QUOTA)
    with run_site() as site_port, run_load(site_port, workers=1) as load:
        found: dict[str, object] = {"hashes": size, "csv_into_both_s": round(import_csv(data), 2)}
        found["build_from_database_s"] = round(build_again(load), 2)
        found["in_force"] = measure_force(rounds)
        found["service"] = measure_service(load, data, rounds)
    return found


def command(*words: str) -> dict[str, object]:
    """Run one public command on the running deployment; return what it says as JSON.

    Raises:
        SystemExit: it failed.
    """
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()) as complaint:
        code = run_command([*words, "--practice", "--json"])
    if code != 0:
        raise SystemExit(f"hotline {' '.join(words[:2])} failed: {complaint.getvalue().strip()[-500:]}")
    answer: dict[str, object] = json.loads(said.getvalue().splitlines()[-1])
    return answer


# 1. and 2.


@contextlib.contextmanager
def _write_csv(rows: Iterator[tuple[str, str]]) -> Iterator[str]:
    """Give the path of a list with these keys and PDQ hashes."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("id,pdq,category\n")
        file.writelines(f"{key},{text},advisory\n" for key, text in rows)
        file.flush()
        yield file.name


def _import(name: str, path: str) -> float:
    words = ("hashset", "import", name, path, "--format", "csv", "--provider", "bench")
    return measure_s(lambda: command(*words, "--licence", "none", "--region", "none"))


def import_csv(data: HashData) -> float:
    """Return the seconds that importing all rows takes, index and all."""
    rows = ((f"K-{number}", row.tobytes().hex()) for number, row in enumerate(data.stored))
    with _write_csv(rows) as path:
        return _import("bench", path)


def build_again(load: Load) -> float:
    """Return the seconds that an index takes from PostgreSQL into an empty folder."""
    with (
        tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder,
        open_connection(load.deployment, "staff") as conn,
    ):
        return measure_s(lambda: build_from_database(conn, Path(folder)))


# 3. In force


@contextlib.contextmanager
def _run_watcher() -> Iterator[Callable[[str, Callable[[], object]], float]]:
    """Run the watcher; give what does something and returns the seconds until the watcher saw it."""
    words = [sys.executable, "-m", "bench.match_watcher"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watcher:

        def wait_for(question: str, act: Callable[[], object]) -> float:
            watcher.stdin.write(f"{question}\n")
            watcher.stdin.flush()
            begun = time.monotonic()
            act()
            return float(watcher.stdout.readline()) - begun

        try:
            if watcher.stdout.readline().strip() != READY:
                raise SystemExit("the watcher did not start")
            yield wait_for
        finally:
            watcher.terminate()


def measure_force(rounds: int) -> dict[str, float]:
    """Return the median and the longest milliseconds until a new and a withdrawn hash are in force elsewhere."""
    times: dict[str, list[float]] = {"new": [], "withdrawn": []}
    fresh = make_data(1000, is_clustered=False, seed=99).stored
    with _run_watcher() as wait_for:
        for number in range(rounds):
            name, text = f"bench-{number}", fresh[number].tobytes().hex()
            with _write_csv(iter([("ONE", text)])) as path:
                times["new"].append(wait_for(f"{text} in", partial(_import, name, path)))
            times["withdrawn"].append(
                wait_for(f"{text} out", partial(command, "hashset", "withdraw", name, "ONE"))
            )
    return {
        f"{name}_{kind}_ms": round(choose(values) * MS)
        for name, values in times.items()
        for kind, choose in (("median", statistics.median), ("longest", max))
    }


# 4. The service


def measure_service(load: Load, data: HashData, rounds: int) -> dict[str, object]:
    """Return requests and hashes a second, by the clock and a processor second of the staff surface."""
    token = str(command("token", "add", "bench", "--scope", "match")["token"])
    hexes = data.list_hex()
    ways = {
        "single": (1, [make_request(load.staff_port, token, [text]) for text in hexes]),
        "batch": (_BATCH, [make_request(load.staff_port, token, hexes[:_BATCH])]),
    }
    pid = find_web(load.pid, "staff")
    sample = ask_once(load.staff_port, ways["batch"][1][0])
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, (hashes, requests) in ways.items():
            before = read_taken([pid])
            answers, seconds = ask_for(load.staff_port, requests, _SECONDS)
            cpu_s = (read_taken([pid]) - before).cpu_s
            found.setdefault(f"{name}_requests_a_second", []).append(answers / seconds)
            found.setdefault(f"{name}_hashes_a_second", []).append(answers * hashes / seconds)
            found.setdefault(f"{name}_hashes_a_cpu_second", []).append(answers * hashes / cpu_s)
    medians = {name: round(statistics.median(values)) for name, values in found.items()}
    return {**medians, "answers_with_hits": count_hits(sample), "planted": data.planted}


def count_hits(answer: dict[str, object]) -> int:
    """Return how many hashes of a batch's answer have hits."""
    return sum(1 for one in answer["answers"] if one["hits"])
