"""Segments that change what older ones say, their merging, and what is left when a builder dies amid either."""

import os
import random
import shutil
import subprocess
import sys
import threading
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsets import segments
from hashsets.errors import IndexUnreadableError
from hashsets.manifest import MERGE_LOCK, hold_lock
from hashsets.model import HEX_DIGITS, Algorithm, Fingerprint
from hashsets.search import Index
from hashsets.segments import (
    append_segment,
    merge_segments,
    open_generation,
    verify_index,
)
from tests.counts import scale
from tests.hash_rows import build_index, pack_rows


def draw_rows(rng, numbers, centres):
    """Up to three hashes for each entry, around few centres."""
    rows = []
    for number in numbers:
        for algorithm in rng.sample(list(Algorithm), rng.randrange(1, 4)):
            value = bytearray(centres[algorithm][rng.randrange(3)])
            for _ in range(rng.randrange(6)):
                value[rng.randrange(len(value))] ^= 1 << rng.randrange(8)
            rows.append((UUID(int=number), algorithm, bytes(value)))
    return rows


def draw_centres(rng):
    return {
        each: [
            sum(1 << place for place in rng.sample(range(digits * 4), digits * 2)).to_bytes(
                digits // 2, "big"
            )
            for _ in range(3)
        ]
        for each, digits in HEX_DIGITS.items()
    }


def ask(rows):
    return [Fingerprint(algorithm, value.hex(), orientation="r0") for _, algorithm, value in rows]


def add(folder, generation, rows, changed):
    """Add a segment, as one who brings an index up to date does."""
    ids = np.frombuffer(b"".join(UUID(int=each).bytes for each in changed), np.uint8).reshape(-1, 16)
    with hold_lock(folder):
        append_segment(folder, open_generation(folder).manifest, generation, "", pack_rows(rows), ids)


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a base of forty entries and three small segments of ten each."""
    rng = random.Random(1)
    centres = draw_centres(rng)
    build_index(tmp_path, 1, draw_rows(rng, range(40), centres))
    for generation in (2, 3, 4):
        changed = rng.sample(range(60), 10)
        add(tmp_path, generation, draw_rows(rng, changed[:6], centres), changed)
    return tmp_path


@settings(max_examples=scale(4), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_segments_and_merges_answer_as_an_index_built_anew(tmp_path_factory, seed):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("os.fsync", lambda handle: None)  # nothing is killed here, and many files are written
        replay_changes(random.Random(seed), tmp_path_factory.mktemp("index"))


def replay_changes(rng, folder):
    centres = draw_centres(rng)
    rows = draw_rows(rng, range(rng.randrange(30)), centres)
    live = {number: [row for row in rows if row[0].int == number] for number in range(40)}
    build_index(folder, 0, rows)
    asked = ask(draw_rows(rng, range(15), centres))
    for generation in range(1, 11):
        changed = rng.sample(range(40), rng.randrange(8))
        added = draw_rows(rng, changed[: rng.randrange(8)], centres)
        for number in changed:
            live[number] = [row for row in added if row[0].int == number]
        add(folder, generation, added, changed)
        if rng.randrange(4) == 0:
            merge_segments(folder, everything=rng.randrange(2) == 0)
        build_index(folder / "anew", generation, [row for found in live.values() for row in found])
        index, anew = verify_and_open(folder), Index.open(folder / "anew")
        assert index.generation == generation
        assert index.search(asked, pdq_radius=40) == anew.search(asked, pdq_radius=40)
        assert index.counts == anew.counts


def verify_and_open(folder):
    verify_index(folder)
    return Index.open(folder)


def test_many_small_segments_are_merged_and_the_base_is_left_when_it_is_large(folder, monkeypatch):
    centres = draw_centres(random.Random(2))
    for generation in range(5, 11):
        add(folder, generation, draw_rows(random.Random(generation), [generation], centres), [generation])
    before = open_generation(folder).manifest
    assert segments.choose_merge(before.segments) == 0
    monkeypatch.setattr(segments, "FEW_ROWS", 0)
    monkeypatch.setattr(segments, "DELTA_SHARE", 10.0)
    assert merge_segments(folder)
    after = open_generation(folder).manifest
    assert after.generation == before.generation
    assert after.segments[0] == before.segments[0]
    assert len(after.segments) == 2
    assert not merge_segments(folder)


def test_what_is_added_during_a_merge_stays(folder, monkeypatch):
    rows = draw_rows(random.Random(3), [77], draw_centres(random.Random(3)))
    write = segments.write_segment

    def add_meanwhile(target, packed, superseded):
        monkeypatch.setattr(segments, "write_segment", write)
        add(folder, 5, rows, [77])
        return write(target, packed, superseded)

    monkeypatch.setattr(segments, "write_segment", add_meanwhile)
    assert merge_segments(folder, everything=True)
    index = verify_and_open(folder)
    assert (index.generation, len(open_generation(folder).segments)) == (5, 2)
    assert {hit.entry_id for hit in index.search(ask(rows))} >= {UUID(int=77)}


def test_a_merge_of_what_was_built_anew_meanwhile_is_thrown_away(folder, monkeypatch):
    write = segments.write_segment

    def build_meanwhile(target, packed, superseded):
        monkeypatch.setattr(segments, "write_segment", write)
        build_index(folder, 9, [])
        return write(target, packed, superseded)

    monkeypatch.setattr(segments, "write_segment", build_meanwhile)
    assert not merge_segments(folder, everything=True)
    assert sum(verify_and_open(folder).counts.values()) == 0
    assert not list(folder.glob("merge-*"))


def test_a_second_merge_waits_or_says_so(folder):
    with hold_lock(folder, MERGE_LOCK), pytest.raises(BlockingIOError):
        merge_segments(folder, everything=True, wait=False)


def test_a_damaged_segment_is_not_merged(folder, monkeypatch):
    monkeypatch.setattr(segments, "CHECKED_AT_OPENING", 0)
    path = folder / open_generation(folder).manifest.segments[0].name / "entries"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(IndexUnreadableError, match="checksum"):
        merge_segments(folder, everything=True)
    assert len(open_generation(folder).segments) == 4


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from hashsets import segments
from hashsets.model import Algorithm
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
setattr(segments, sys.argv[2], die)
folder = Path(sys.argv[1])
if sys.argv[3] == "merge":
    segments.merge_segments(folder, everything=True)
else:
    ids = np.zeros((1, 16), np.uint8)
    segments.build_index_from_arrays(folder, 9, {Algorithm.MD5: (ids + 1, ids)})
"""


@pytest.mark.parametrize("work", ["build", "merge"])
@pytest.mark.parametrize("moment", ["write_segment", "check_segment", "publish", "_remove_unnamed"])
def test_a_builder_killed_on_the_way_leaves_one_whole_generation(folder, work, moment):
    asked = ask(draw_rows(random.Random(1), range(40), draw_centres(random.Random(1))))
    before = Index.open(folder).search(asked)
    command = [sys.executable, "-c", KILLED, str(folder), moment, work]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    if moment in ("publish", "_remove_unnamed") or work == "build":
        segments_before = open_generation(folder).manifest.segments
    else:
        segments_before = None
    ended = subprocess.run(command, env=environment, timeout=60, check=False)
    assert ended.returncode == -9
    index = verify_and_open(folder)
    if work == "build" and moment == "_remove_unnamed":
        assert index.generation == 9
    else:
        assert (index.generation, index.search(asked)) == (4, before)
        if segments_before is not None and moment != "_remove_unnamed":
            assert open_generation(folder).manifest.segments == segments_before
    merge_segments(folder, everything=True)
    build_index(folder, 10, [])
    assert sorted(path.name[:4] for path in folder.glob("*-*")) == ["gen-"]


OPENED_AND_ASKED = """
import sys
from pathlib import Path
from hashsets import segments, kernels
from hashsets.errors import IndexUnreadableError
from hashsets.model import Algorithm, Fingerprint, HEX_DIGITS
from hashsets.search import Index
segments.CHECKED_AT_OPENING = 0
asked = [Fingerprint(each, ("0f" if place % 2 else "3c") * (digits // 2), orientation="r0")
         for each, digits in HEX_DIGITS.items() for place in range(8)]
refused = 0
for folder in sys.stdin.read().split():
    for kernels._LIBRARY in (kernels._LIBRARY, None):
        try:
            index = Index.open(Path(folder))
            index.search(asked, pdq_radius=31)
            index.counts
        except IndexUnreadableError:
            refused += 1
    try:
        segments.verify_index(Path(folder))
        print("whole", folder)
    except IndexUnreadableError:
        pass
print("done", refused)
"""


def test_no_damage_ends_in_a_crash_and_all_of_it_is_seen_by_the_full_check(tmp_path):
    """Only structure is checked at opening here; a process of its own reads what bits were flipped in."""
    rng = random.Random(5)
    good = tmp_path / "good"
    numbers = np.random.default_rng(5)
    rows = {
        each: (
            numbers.integers(0, 256, (5_000, HEX_DIGITS[each] // 2), dtype=np.uint8),
            numbers.integers(0, 256, (5_000, 16), dtype=np.uint8),
        )
        for each in (Algorithm.PHASH, Algorithm.SHA1)
    }
    segments.build_index_from_arrays(good, 1, rows)
    add(good, 2, [], [1, 2, 3])
    files = sorted(path.relative_to(good) for path in good.glob("seg-*/*"))
    assert {path.name for path in files} >= {"phash.offsets", "phash.ids", "sha1.prefixes", "superseded"}
    damaged = []
    for path in files:
        for kind in ("flip", "cut", "noise", "zero") * scale(1):
            copy = tmp_path / f"damaged-{len(damaged)}"
            shutil.copytree(good, copy, copy_function=os.link)
            data = bytearray((good / path).read_bytes())
            if kind == "flip":
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            elif kind == "cut":
                del data[rng.randrange(len(data)) :]
            elif kind == "noise":
                start = rng.randrange(len(data))
                data[start : start + 4_000] = rng.randbytes(len(data[start : start + 4_000]))
            else:
                data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
            (copy / path).unlink()
            (copy / path).write_bytes(data)
            damaged.append(str(copy))
    ended = subprocess.run(
        [sys.executable, "-c", OPENED_AND_ASKED],
        input="\n".join(damaged), text=True, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "whole" not in ended.stdout
    assert ended.stdout.startswith("done")


def test_readers_builders_and_mergers_at_the_same_time(folder):
    """Readers open while segments are added, merged and removed under them; the one entry is there in each."""
    problems, stop = [], threading.Event()
    wanted = draw_rows(random.Random(9), [500], draw_centres(random.Random(9)))

    def read():
        last = 0
        while not stop.is_set():
            try:
                index = Index.open(folder)
                hits = {hit.entry_id for hit in index.search(ask(wanted))}
            except Exception as error:
                problems.append(error)
                return
            if index.generation < last or (index.generation > 4 and UUID(int=500) not in hits):
                problems.append(AssertionError(f"{index.generation} after {last}"))
            last = index.generation

    def merge():
        while not stop.is_set():
            merge_segments(folder, everything=True)

    others = [threading.Thread(target=work) for work in (read, read, merge)]
    for thread in others:
        thread.start()
    for generation in range(5, 25):
        add(folder, generation, wanted, [500])
    stop.set()
    for thread in others:
        thread.join()
    assert problems == []
    assert verify_index(folder).manifest.generation == 24
