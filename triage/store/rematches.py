"""Fingerprints that were matched before the lists changed, and the one row that says when they were asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hashsets.model import Algorithm, Fingerprint
from triage.store.rows import Connection

_REMATCH_LOCK = 0x72656D61
"""Advisory lock: one batch at a time, everywhere; two would only do the same work twice."""


@dataclass(frozen=True, slots=True)
class BehindFingerprint:
    """A stored fingerprint that was matched at an older generation of the lists, `since`."""

    id: UUID
    image_id: UUID
    since: int
    fingerprint: Fingerprint


# When it is due


def take_due(conn: Connection, *, now: datetime, nudged_before: datetime) -> UUID | None:
    """Return the id of the work if any fingerprint is behind and nobody was asked lately, and mark it as nudged."""
    row = conn.execute(
        "UPDATE rematching SET nudged_at = %(now)s WHERE (nudged_at IS NULL OR nudged_at < %(nudged_before)s)"
        " AND EXISTS (SELECT FROM fingerprints"
        "  WHERE matched_generation < (SELECT generation FROM hash_generation)) RETURNING id",
        {"now": now, "nudged_before": nudged_before},
    ).fetchone()
    return row[0] if row else None


def end_run(conn: Connection) -> None:
    """Say that a run has ended well: what is still behind is due at once."""
    conn.execute("UPDATE rematching SET nudged_at = NULL")


def try_begin(conn: Connection) -> bool:
    """Take the one place for a batch until this transaction ends; False when another worker has it."""
    row = conn.execute("SELECT pg_try_advisory_xact_lock(%(lock)s)", {"lock": _REMATCH_LOCK}).fetchone()
    return bool(row and row[0])


# What is behind


def has_behind(conn: Connection) -> bool:
    """Return whether any kept fingerprint was not yet matched against the lists of now."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM fingerprints"
        " WHERE matched_generation < (SELECT generation FROM hash_generation))"
    ).fetchone()
    return bool(row and row[0])


def read_newest_change(conn: Connection) -> int:
    """Return the generation at which a live entry last came or changed; 0 without entries."""
    row = conn.execute("SELECT COALESCE(max(generation), 0) FROM live_hash_entries").fetchone()
    return int(row[0]) if row else 0


def raise_untouched(conn: Connection, *, generation: int, newest_change: int, limit: int) -> int:
    """Raise fingerprints after which no live entry came or changed, without a search; return how many.

    Args:
        generation: of the lists, read before `newest_change`.
    """
    return conn.execute(
        "UPDATE fingerprints SET matched_generation = %(generation)s WHERE id IN (SELECT id FROM fingerprints"
        " WHERE matched_generation >= %(newest)s AND matched_generation < %(generation)s"
        " ORDER BY matched_generation, id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED)",
        {"generation": generation, "newest": newest_change, "limit": limit},
    ).rowcount


def find_images_behind(
    conn: Connection, *, generation: int, limit: int, skipped: Sequence[UUID]
) -> list[UUID]:
    """Return the images of the fingerprints that are farthest behind.

    Args:
        limit: how many fingerprints are looked at.
        skipped: images to leave out.
    """
    rows = conn.execute(
        "SELECT DISTINCT image_id FROM (SELECT image_id FROM fingerprints WHERE matched_generation < %(generation)s"
        " AND image_id <> ALL(%(skipped)s) ORDER BY matched_generation, id LIMIT %(limit)s) AS oldest"
        " ORDER BY image_id",
        {"generation": generation, "limit": limit, "skipped": list(skipped)},
    ).fetchall()
    return [row[0] for row in rows]


def read_behind(conn: Connection, image_ids: Sequence[UUID], *, generation: int) -> list[BehindFingerprint]:
    """Return the fingerprints of these images that are behind, image by image."""
    rows = conn.execute(
        "SELECT id, image_id, matched_generation, algorithm, value, version, frame, orientation, quality"
        " FROM fingerprints WHERE image_id = ANY(%(ids)s) AND matched_generation < %(generation)s"
        " ORDER BY image_id, algorithm, frame, orientation, id",
        {"ids": list(image_ids), "generation": generation},
    ).fetchall()
    return [
        BehindFingerprint(
            row[0],
            row[1],
            row[2],
            Fingerprint(Algorithm(row[3]), bytes(row[4]).hex(), row[5], row[6], row[7], row[8]),
        )
        for row in rows
    ]


def lock_behind(conn: Connection, ids: Sequence[UUID], *, generation: int) -> set[UUID]:
    """Lock those of the fingerprints that are behind still; one that a capture holds now is left to it."""
    rows = conn.execute(
        "SELECT id FROM fingerprints WHERE id = ANY(%(ids)s) AND matched_generation < %(generation)s"
        " ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
        {"ids": list(ids), "generation": generation},
    ).fetchall()
    return {row[0] for row in rows}


def raise_fingerprints(conn: Connection, ids: Sequence[UUID], *, generation: int) -> None:
    """Say that these fingerprints were matched at this generation of the lists."""
    conn.execute(
        "UPDATE fingerprints SET matched_generation = %(generation)s WHERE id = ANY(%(ids)s)",
        {"ids": list(ids), "generation": generation},
    )


# What follows from a new match


def find_newly_matched(conn: Connection, since: Mapping[UUID, int], *, matched_at: datetime) -> list[UUID]:
    """Return those of the images of which a match is news and counts: no list of harmless files silences it.

    News is what was matched in this moment, and a trusted entry that came back or changed since: withdrawn and listed
    again, disputed and not any more, raised into another class. Its match stands from before.

    Args:
        since: for each image the generation at which it was matched last.
    """
    rows = conn.execute(
        "SELECT DISTINCT live_matches.image_id FROM unnest(%(ids)s::uuid[], %(since)s::bigint[])"
        " AS taken (image_id, since) JOIN live_matches ON live_matches.image_id = taken.image_id"
        " JOIN hash_entries ON hash_entries.id = live_matches.entry_id"
        " WHERE matched_at = %(at)s OR is_trusted AND hash_entries.generation > taken.since"
        " ORDER BY live_matches.image_id",
        {"ids": list(since), "since": list(since.values()), "at": matched_at},
    ).fetchall()
    return [row[0] for row in rows]


def reopen_matched_image(conn: Connection, image_id: UUID) -> bool:
    """Take a verdict that is not "illegal" off an image that was matched after it; False when none is taken off."""
    row = conn.execute("SELECT reopen_matched_image(%(id)s)", {"id": image_id}).fetchone()
    return bool(row and row[0])
