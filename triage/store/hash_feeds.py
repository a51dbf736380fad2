"""Feeds of hash sets: the chain of manifests that left or came in, and the rows of a set for its feed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.errors import UniqueViolation

from hashsets.formats.feed_manifest import FeedState, Manifest
from hashsets.formats.feed_rows import FeedRow
from hashsets.model import Algorithm, Entry, EntryClass
from triage.errors import StaleStateError
from triage.store.rows import Connection, row_of

Direction = Literal["out", "in"]
_BATCH = 5000


@dataclass(frozen=True, slots=True)
class FeedLink:
    """One link of a chain.

    Attributes:
        manifest_sha256: 32 bytes.
        generation: of the publisher's lists, to which it brings a reader.
        at: when it left or came in.
    """

    feed: str
    seq: int
    manifest_sha256: bytes
    generation: int
    at: datetime

    @property
    def state(self) -> FeedState:
        """What the next manifest is held against."""
        return FeedState(self.feed, self.seq, bytes(self.manifest_sha256).hex())


def find_last(conn: Connection, set_id: UUID, direction: Direction) -> FeedLink | None:
    """Return the last link of a set's chain; None before the first."""
    with conn.cursor(row_factory=row_of(FeedLink)) as cursor:
        return cursor.execute(
            "SELECT feed, seq, manifest_sha256, generation, at FROM hash_feeds"
            " WHERE set_id = %(set_id)s AND direction = %(direction)s ORDER BY seq DESC LIMIT 1",
            {"set_id": set_id, "direction": direction},
        ).fetchone()


def find_link(conn: Connection, set_id: UUID, direction: Direction, seq: int) -> FeedLink | None:
    """Return one link of a set's chain."""
    with conn.cursor(row_factory=row_of(FeedLink)) as cursor:
        return cursor.execute(
            "SELECT feed, seq, manifest_sha256, generation, at FROM hash_feeds"
            " WHERE set_id = %(set_id)s AND direction = %(direction)s AND seq = %(seq)s",
            {"set_id": set_id, "direction": direction, "seq": seq},
        ).fetchone()


def insert_link(
    conn: Connection, set_id: UUID, direction: Direction, manifest: Manifest, sha256: str, *, now: datetime
) -> None:
    """Store a link, before its folder is published or together with the rows that it brought.

    Raises:
        StaleStateError: another process stored that number, or a later one, first.
    """
    try:
        inserted = conn.execute(
            "INSERT INTO hash_feeds (set_id, direction, seq, feed, kind, manifest_sha256, generation, records,"
            " live_total, at, expires_at) SELECT %(set_id)s, %(direction)s, %(seq)s, %(feed)s, %(kind)s,"
            " %(sha256)s, %(generation)s, %(records)s, %(live_total)s, %(now)s, %(expires)s"
            " WHERE NOT EXISTS (SELECT FROM hash_feeds WHERE set_id = %(set_id)s AND direction = %(direction)s"
            " AND seq >= %(seq)s)",
            {
                "set_id": set_id,
                "direction": direction,
                "seq": manifest.seq,
                "feed": manifest.feed,
                "kind": manifest.kind,
                "sha256": bytes.fromhex(sha256),
                "generation": manifest.end[1],
                "records": manifest.records,
                "live_total": manifest.live_total,
                "now": now,
                "expires": manifest.expires,
            },
        ).rowcount
    except UniqueViolation:
        inserted = 0
    if not inserted:
        raise StaleStateError("The feed has moved on in the meantime: try again.")


def count_shareable(conn: Connection, set_id: UUID) -> int:
    """Return how many entries of a set its feed may hold."""
    row = conn.execute(
        "SELECT count(*) FROM shareable_hash_entries WHERE set_id = %(set_id)s", {"set_id": set_id}
    ).fetchone()
    return int(row[0]) if row else 0


def stream_rows(conn: Connection, set_id: UUID, *, after: int | None) -> Iterator[FeedRow]:
    """Yield the rows of a set's feed in the order of their ids, in the memory of one batch.

    Args:
        after: generation of the manifest that a delta builds on: what changed since, and what may no longer be
            shared is taken back; None for a snapshot.
    """
    with conn.cursor(name="hash_feed") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(
            """
            SELECT e.id, e.generation, e.changed_at, e.class, e.raw_scheme, e.raw_value,
                coalesce(uuid_extract_timestamp(e.id), e.changed_at), hashes.algorithms, hashes.texts
            FROM hash_entries AS e
            LEFT JOIN shareable_hash_entries AS shared ON shared.id = e.id
            LEFT JOIN LATERAL (
                SELECT array_agg(algorithm) AS algorithms, array_agg(encode(value, 'hex')) AS texts
                FROM hash_entry_fingerprints WHERE entry_id = shared.id
            ) AS hashes ON true
            WHERE e.set_id = %(set_id)s
            AND (%(after)s::bigint IS NULL AND shared.id IS NOT NULL OR e.generation > %(after)s::bigint)
            ORDER BY e.id
            """,
            {"set_id": set_id, "after": after},
        )
        for id_, generation, changed_at, class_, raw_scheme, raw_value, first, algorithms, texts in cursor:
            entry = None
            if texts is not None:
                pairs = frozenset(
                    (Algorithm(name), text) for name, text in zip(algorithms, texts, strict=True)
                )
                entry = Entry(str(id_), EntryClass(class_), raw_scheme, raw_value, pairs)
            yield FeedRow(str(id_), generation, changed_at, entry, first if entry else None)
