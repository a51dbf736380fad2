"""The index on disk: generations of immutable segments, one base and small ones that change it.

How a generation comes to be, in each case beside what is read meanwhile:

- Built: one segment of all rows, written, read back and checked, replaces all others.
- Added to: one segment of the entries that changed since; their ids count no more in older segments.
- Merged: several segments become one with the same meaning, from their own files. Only the last step takes the lock of
  those who add, so that nobody waits for a merge; what was added meanwhile stays behind it.

Segments and manifests that the current manifest does not name are removed after it was put in place; maps that are open
live on until they are let go. Whatever is in doubt at opening is an IndexUnreadableError, never an empty answer; what
opening checks and what it leaves to `verify_index` is in docs/adr/2026-11-22-opening-checks-structure.md.
"""

import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hashsets.digests import ENTRY_WIDTH, Bytes2D, find_ids
from hashsets.errors import IndexUnreadableError
from hashsets.manifest import MERGE_LOCK, Manifest, hold_lock, publish, read_current, read_manifest
from hashsets.model import Algorithm
from hashsets.segment_checks import check_segment, check_sums
from hashsets.segment_files import PackedRows, Segment, SegmentSpec, map_segment
from hashsets.segment_writing import write_segment

CHECKED_AT_OPENING = 1 << 20
"""Bytes. An index of no more is compared with its checksums whenever it is opened: that takes a millisecond."""

MOST_DELTAS = 8
"""Segments after the first; each is one more to search."""

DELTA_SHARE = 0.1
"""Part of the first segment's rows that those after it may hold before all are merged."""

FEW_ROWS = 200_000
"""Rows that are merged in a fraction of a second."""

_TRIES = 5

NO_IDS: Bytes2D = np.zeros((0, ENTRY_WIDTH), np.uint8)


@dataclass(frozen=True, slots=True)
class Generation:
    """One opened generation: its manifest and its segments, oldest first."""

    manifest: Manifest
    segments: tuple[Segment, ...]


def build_index_from_arrays(folder: Path, generation: int, rows: PackedRows) -> None:
    """Build a generation of the index from arrays and make it the current one, unless a newer one is.

    Args:
        folder: the index's folder; made if missing.
        generation: number of the database's state that `rows` is, from 0.
        rows: for each algorithm values (N, width) and entry ids (N, 16), both bytes, contiguous.

    Raises:
        ValueError: a value of the wrong length.
        OSError: the folder cannot be written; the former index stays current.
    """
    with hold_lock(folder):
        replace_segments(folder, generation, "", rows)


def replace_segments(folder: Path, generation: int, mark: str, rows: PackedRows) -> None:
    """Do what `build_index_from_arrays` says; the caller holds the lock."""
    if _published_generation(folder) > generation:
        return
    _write_and_publish(folder, generation, mark, (), rows, NO_IDS)


def append_segment(
    folder: Path, before: Manifest, generation: int, mark: str, rows: PackedRows, changed: Bytes2D
) -> None:
    """Add what changed since a generation; the caller holds the lock.

    Args:
        before: the current manifest.
        generation: number of the database's state from now on.
        mark: of that state.
        rows: the live hashes of all changed entries.
        changed: (N, 16) ids of all changed entries: new, other, withdrawn or disputed.

    Raises:
        OSError: the folder cannot be written; the former index stays current.
    """
    _write_and_publish(folder, generation, mark, before.segments, rows, changed)


def _write_and_publish(
    folder: Path,
    generation: int,
    mark: str,
    before: tuple[SegmentSpec, ...],
    rows: PackedRows,
    changed: Bytes2D,
) -> None:
    added: tuple[SegmentSpec, ...] = ()
    if len(changed) or any(len(values) for values, _ in rows.values()):
        target = folder / _name_segment(generation)
        target.mkdir(mode=0o750)
        try:
            added = (_write_checked(folder, target, rows, changed),)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
    _remove_unnamed(folder, publish(folder, generation, mark, before + added))


def _name_segment(generation: int) -> str:
    return f"seg-{generation}-{secrets.token_hex(4)}"


def _write_checked(folder: Path, target: Path, rows: PackedRows, changed: Bytes2D) -> SegmentSpec:
    """Write a segment, read it back and check all of it."""
    spec = write_segment(target, rows, changed)
    check_segment(folder, map_segment(folder, spec))
    return spec


def _published_generation(folder: Path) -> int:
    """Return the generation that CURRENT names and whose manifest is whole; -1 where that is in doubt."""
    try:
        return read_manifest(folder, read_current(folder)).generation
    except (IndexUnreadableError, OSError):
        return -1  # damaged or none: whatever is built now is better


def _remove_unnamed(folder: Path, manifest: Manifest) -> None:
    """Remove manifests and segments that are not current; what a killed builder left goes with them."""
    kept = {f"{manifest.name}.json", *(each.name for each in manifest.segments)}
    for path in [*folder.glob("gen-*"), *folder.glob("seg-*")]:
        if path.name in kept:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


# Merging


def choose_merge(segments: Sequence[SegmentSpec]) -> int | None:
    """Return the place of the first segment that should be merged with all after it, or None.

    Many small ones are merged among themselves; the first, large one joins when the others have grown.
    """
    if len(segments) < 2:
        return None
    sizes = [sum(each.rows.values()) + each.superseded for each in segments]
    changed = sum(sizes[1:])
    is_much = changed > DELTA_SHARE * sizes[0] and changed > FEW_ROWS
    if is_much or (len(segments) > MOST_DELTAS + 1 and sum(sizes) <= FEW_ROWS):
        return 0
    return 1 if len(segments) > MOST_DELTAS + 1 else None


def is_merge_quick(segments: Sequence[SegmentSpec]) -> bool:
    """Say whether the merge that these segments need, if any, takes a fraction of a second."""
    first = choose_merge(segments)
    return first is None or sum(sum(each.rows.values()) for each in segments[first:]) <= FEW_ROWS


def merge_segments(folder: Path, *, everything: bool = False, wait: bool = True) -> bool:
    """Merge segments from their own files, if there are too many; searches and additions go on meanwhile.

    Args:
        folder: the index's folder.
        everything: merge all into one, however few.
        wait: for another process that merges.

    Returns:
        Whether anything was merged.

    Raises:
        BlockingIOError: another process merges, and this one does not wait.
        IndexUnreadableError: the index, or what was written, is damaged; nothing was changed.
        OSError: the folder cannot be written; nothing was changed.
    """
    with hold_lock(folder, MERGE_LOCK, wait=wait):
        for left in folder.glob("merge-*"):
            shutil.rmtree(left, ignore_errors=True)
        opened = open_generation(folder)
        first = choose_merge(opened.manifest.segments)
        if everything and len(opened.segments) > 1:
            first = 0
        if first is None:
            return False
        chosen = opened.segments[first:]
        name = _name_segment(opened.manifest.generation)
        target = folder / name.replace("seg-", "merge-", 1)
        target.mkdir(mode=0o750)
        try:
            for each in chosen:
                check_sums(folder, each)
            changed = np.concatenate([each.superseded for each in chosen]) if first else NO_IDS
            spec = _write_checked(folder, target, _unite_rows(chosen), changed)
            return _publish_merge(folder, opened.manifest, first, spec, folder / name)
        finally:
            shutil.rmtree(target, ignore_errors=True)


def _publish_merge(folder: Path, before: Manifest, first: int, spec: SegmentSpec, target: Path) -> bool:
    """Put a merged segment in the place of those it was made of, unless the index was built anew meanwhile."""
    with hold_lock(folder):
        now = read_manifest(folder, read_current(folder))
        names = [each.name for each in before.segments]
        if [each.name for each in now.segments[: len(names)]] != names:
            return False
        (folder / spec.name).rename(target)
        merged = SegmentSpec(target.name, spec.entries, spec.superseded, spec.rows, spec.plans, spec.files)
        is_empty = not spec.files
        kept = before.segments[:first] + (() if is_empty else (merged,)) + now.segments[len(names) :]
        _remove_unnamed(folder, publish(folder, now.generation, now.mark, kept))
    return True


def _unite_rows(segments: Sequence[Segment]) -> PackedRows:
    """Return the rows of segments whose entries no later one of them supersedes."""
    parts: dict[Algorithm, list[tuple[np.ndarray, np.ndarray]]] = {}
    for place, segment in enumerate(segments):
        is_live = np.ones(len(segment.entries), np.bool_)
        for later in segments[place + 1 :]:
            is_live &= ~find_ids(later.superseded, segment.entries)
        for algorithm in segment.spec.rows:
            table = segment.exact.get(algorithm) or segment.near[algorithm]
            numbers = segment.number_rows(algorithm)
            rows = np.flatnonzero(is_live[numbers])
            parts.setdefault(algorithm, []).append((table.values[rows], segment.entries[numbers[rows]]))
    return {
        algorithm: (np.concatenate([each[0] for each in found]), np.concatenate([each[1] for each in found]))
        for algorithm, found in parts.items()
    }


# Opening


def _open_once(folder: Path, current: str) -> Generation:
    manifest = read_manifest(folder, current)
    opened = Generation(manifest, tuple(map_segment(folder, each) for each in manifest.segments))
    if sum(each.count_bytes() for each in manifest.segments) <= CHECKED_AT_OPENING:
        for segment in opened.segments:
            check_segment(folder, segment)
    return opened


def open_generation(folder: Path) -> Generation:
    """Map the current generation and check its structure; a small one is checked in full.

    Raises:
        IndexUnreadableError: there is none, or a file is missing, damaged or of another format.
    """
    current = read_current(folder)
    for _ in range(_TRIES):
        problem = IndexUnreadableError()
        try:
            return _open_once(folder, current)
        except IndexUnreadableError as error:
            problem = error
        except OSError as error:
            problem = IndexUnreadableError(f"The index cannot be read: {error.strerror}")
        # A builder may have removed this generation between our two looks; then there is a newer one.
        before, current = current, read_current(folder)
        if current == before:
            break
    raise problem


def verify_index(folder: Path, *, show_progress: Callable[[int, float], None] | None = None) -> Generation:
    """Check every byte of the current generation: checksums, order, and that all numbers are of something.

    Args:
        folder: of the index.
        show_progress: told how many entries are checked, and of all bytes which part, 0 to 1.

    Returns:
        What was checked, opened.

    Raises:
        IndexUnreadableError: it is missing or damaged.
    """
    opened = open_generation(folder)
    whole = sum(each.count_bytes() for each in opened.manifest.segments) or 1
    entries = size = 0
    try:
        for segment in opened.segments:
            check_segment(folder, segment)
            entries, size = entries + len(segment.entries), size + segment.spec.count_bytes()
            if show_progress is not None:
                show_progress(entries, size / whole)
    except OSError as error:
        if is_current(folder, opened.manifest.current):
            raise IndexUnreadableError(f"The index cannot be read: {error.strerror}") from None
        return verify_index(
            folder, show_progress=show_progress
        )  # a newer generation took its place, and its files away
    return opened


def is_current(folder: Path, current: str) -> bool:
    """Say whether CURRENT still holds this text; False too when it cannot be read."""
    with suppress(IndexUnreadableError):
        return read_current(folder) == current
    return False
