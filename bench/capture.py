"""Measure capturing: what the sandbox costs, pictures a processor second, one worker against two, where time goes.

1. The sandbox: a picture decoded in a locked child against the same code in this process, in turns.
2. A practice deployment with one worker and one with two, in turns: batches of known and of new 2-megapixel JPEGs,
   reported over the API, fetched over HTTP from loopback, until every match is stored.
3. In the same turns the peer: `httpx2` + Pillow + `pdqhash` in one process, without sandbox, storage or matching.
4. Where the time of one capture goes, stage by stage, in this process.

    python -m bench.capture [--rounds 3] [--batch 120]      writes bench/results/capture.json and capture.svg
    python -m bench.capture --memory 20000                  writes bench/results/memory.json
"""

import argparse
import hashlib
import io
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np
import pdqhash
from PIL import Image

import workers.capture_item as capturing
import workers.examine_file as examining
import workers.get_bytes as getting
import workers.seal_evidence as sealing
from bench.capture_site import draw_bases, make_file
from bench.chart import write_chart
from bench.load import (
    Load,
    find_workers,
    hold_workers,
    import_known,
    measure_s,
    read_taken,
    run_load,
    run_site,
    write_result,
)
from hashsets import kernels
from triage.cli.session import open_connection
from triage.sandbox import pictures
from triage.sandbox.decoder import Decoder, DecoderLimits
from workers.tools import open_capture_tools

MS = 1000.0
KNOWN = 100_000


# 1. The sandbox


def measure_sandbox(rounds: int) -> dict[str, float]:
    """Return medians in milliseconds of a 2-megapixel JPEG, bare and locked; half a moment apart, as in a worker."""
    data = draw_bases()[0]
    times: dict[str, list[float]] = {"bare_ms": [], "locked_ms": []}
    pictures.configure_pillow()
    decode = pictures.choose_decode("decoder", 15)
    with Decoder(DecoderLimits()) as decoder:
        for number in range(rounds):
            times["bare_ms"].append(measure_s(lambda: decode(io.BytesIO(data))) * MS)

            def decode_locked(job_id: str = f"bench-{number}") -> None:
                with decoder.open_picture(job_id, data):
                    pass

            times["locked_ms"].append(measure_s(decode_locked) * MS)
            time.sleep(
                0.02
            )  # a worker fetches, matches and stores meanwhile: longer than this, see the stages
    medians = {name: round(statistics.median(values), 2) for name, values in times.items()}
    overhead = statistics.median(b - a for a, b in zip(times["bare_ms"], times["locked_ms"], strict=True))
    return {**medians, "overhead_ms": round(overhead, 2)}


# 2. and 3. Batches


def run_peer(site_port: int, paths: list[str]) -> float:
    """Return the processor seconds that the peer takes for as many pictures."""
    begun = time.process_time()
    with httpx2.Client(trust_env=False) as client:
        for path in paths:
            body = client.get(f"http://127.0.0.1:{site_port}{path}").content
            hashlib.sha256(body).digest()
            pdqhash.compute_dihedral(np.asarray(Image.open(io.BytesIO(body)).convert("RGB")))
    return time.process_time() - begun


def run_batch(load: Load, paths: list[str]) -> tuple[float, float, float]:
    """Capture a batch; return pictures a second by the clock, pictures a processor second, and how many
    processors of the whole machine were busy meanwhile."""
    pids = find_workers(load.pid)
    with hold_workers(pids):
        load.send(paths)
        before, busy_before = read_taken(pids), read_busy_s()
        begun = time.perf_counter()
    load.wait()
    seconds = time.perf_counter() - begun
    busy = (read_busy_s() - busy_before) / seconds
    return len(paths) / seconds, len(paths) / (read_taken(pids) - before).cpu_s, busy


def read_busy_s() -> float:
    """Return the seconds that all processors of this machine have worked, proc_stat(5)."""
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def measure_batches(site_port: int, rounds: int, batch: int) -> dict[str, object]:
    """Return the medians over rounds of known, new and peer, with one worker and with two."""
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    bases = draw_bases()
    stages: dict[str, float] = {}
    for number in range(rounds):
        known = [f"/known/{number}/{place}.jpg" for place in range(batch)]
        digests = [hashlib.sha256(make_file(bases, path)).hexdigest() for path in known]
        filler = [hashlib.sha256(f"filler {place}".encode()).hexdigest() for place in range(KNOWN - batch)]
        for workers in (1, 2):
            with run_load(site_port, workers=workers) as load:
                import_known(digests + filler)
                run_batch(load, [f"/warm/{number}/{place}.jpg" for place in range(20)])
                for kind, paths in (
                    ("known", known),
                    ("new", [f"/new/{number}/{place}.jpg" for place in range(batch)]),
                ):
                    a_second, a_cpu_second, busy = run_batch(load, paths)
                    note(f"{kind}_a_second_{workers}", a_second)
                    note(f"{kind}_busy_processors_{workers}", busy)
                    note(f"{kind}_a_cpu_second_{workers}", a_cpu_second)
                if workers == 1 and number == rounds - 1:
                    stages = measure_stages(load, batch)
        note(
            "peer_a_cpu_second",
            batch / run_peer(site_port, [f"/peer/{number}/{place}.jpg" for place in range(batch)]),
        )
    medians = {name: round(statistics.median(values), 2) for name, values in found.items()}
    ratios = {
        f"{kind}_two_over_one": round(
            statistics.median(
                two / one
                for one, two in zip(found[f"{kind}_a_second_1"], found[f"{kind}_a_second_2"], strict=True)
            ),
            2,
        )
        for kind in ("known", "new")
    }
    return {**medians, **ratios, "stages_ms": stages}


# 4. Where the time goes


def measure_stages(load: Load, batch: int) -> dict[str, float]:
    """Return the median milliseconds of each stage of capturing a new picture, in this process."""
    times: dict[str, list[float]] = {}

    def wrap(owner: object, name: str, stage: str) -> None:
        inner: Callable[..., object] = getattr(owner, name)

        def timed(*args: object, **named: object) -> object:
            begun = time.perf_counter()
            try:
                return inner(*args, **named)
            finally:
                times.setdefault(stage, []).append((time.perf_counter() - begun) * MS)

        setattr(owner, name, timed)

    settings = load.deployment.settings
    tools = open_capture_tools("bench", settings, load.deployment.keys("worker"), load.deployment.index_dir)
    pids = find_workers(load.pid)
    with hold_workers(pids):
        load.send([f"/stages/{place}.jpg" for place in range(batch)])
        with open_connection(load.deployment, "staff") as conn:
            items = [
                row[0] for row in conn.execute("SELECT id FROM items WHERE state = 'received' ORDER BY id")
            ]
        wrap(capturing, "take_capture", "take the lease")
        wrap(tools.fetcher, "fetch", "fetch")
        wrap(getting, "digest_bytes", "digests")
        wrap(capturing, "read_standing", "ask what stands")
        wrap(examining, "_open_picture", "decode and fingerprint")
        wrap(examining, "_match", "match")
        wrap(sealing, "encode_views", "encode views")
        wrap(sealing, "seal", "seal, one object")
        wrap(tools.vault, "put", "store, one object")
        wrap(capturing.recording, "record_capture", "record")
        wrap(capturing, "capture_item", "all")
        for item in items:
            capturing.capture_item(tools, item)
    tools.close()
    return {name: round(statistics.median(values), 2) for name, values in times.items()}


# Memory


def measure_memory(site_port: int, images: int) -> dict[str, object]:
    """Return the resident memory of one worker and its children every thousand pictures."""
    samples = []
    with run_load(site_port, workers=1) as load:
        for start in range(0, images, 1000):
            load.send([f"/memory/{place}.jpg" for place in range(start, start + 1000)])
            load.wait()
            samples.append(
                {"images": start + 1000, "rss_mib": read_taken(find_workers(load.pid)).rss_kib // 1024}
            )
            print(samples[-1], flush=True)
    return {"samples": samples}


def main() -> int:
    """Run what is asked for, print it and keep it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=120)
    parser.add_argument("--memory", type=int, default=0, metavar="IMAGES")
    options = parser.parse_args()
    with run_site() as site_port:
        if options.memory:
            path = write_result("memory", measure_memory(site_port, options.memory))
        else:
            found = {
                "processors": os.cpu_count(),
                "kernels_in_c": kernels.is_built(),
                "sandbox": measure_sandbox(max(31, options.rounds * 20)),
                **measure_batches(site_port, options.rounds, options.batch),
            }
            path = write_result("capture", found)
            write_chart(path.with_suffix(".svg"), found)
    print(path.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
