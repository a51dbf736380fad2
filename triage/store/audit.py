"""Search in the chain of custody, newest first, a page behind a mark; and whether it holds at what is shown."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.rules.exposure import LEFT_AT_ONCE
from triage.store.custody import CustodyEvent, find_fault
from triage.store.rows import Connection, row_of

KINDS = ("item", "image", "hashset", "recipient", "person", "report", "system")
"""Kinds of streams; the database refuses others."""


@dataclass(frozen=True, slots=True)
class AuditMark:
    """Where a page ended: the next one begins before it."""

    at: datetime
    stream: str
    seq: int


@dataclass(frozen=True, slots=True)
class AuditTerms:
    """What is searched; None leaves a term out.

    Attributes:
        kind: one of KINDS.
        streams: names of streams, when one id is meant.
        since: taken.
        until: not taken.
    """

    kind: str | None = None
    streams: tuple[str, ...] | None = None
    actor: str | None = None
    event: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def count(self) -> int:
        """Return how many terms there are."""
        terms = (self.kind, self.streams, self.actor, self.event, self.since, self.until)
        return sum(term is not None for term in terms)


def search_events(
    conn: Connection,
    terms: AuditTerms,
    *,
    limit: int,
    before: AuditMark | None = None,
    reader: str | None = None,
    blind: UUID | None = None,
) -> list[CustodyEvent]:
    """Return the newest events that fit all terms.

    Args:
        limit: most events.
        before: where the page before this one ended.
        reader: person/UUID who does not find that others left at once; None finds all.
        blind: who finds nothing of items and images of which they could still be the second assessor; None finds all.
    """
    with conn.cursor(row_factory=row_of(CustodyEvent)) as cursor:
        return cursor.execute(
            "SELECT stream, seq, at, actor, event, record, hash FROM custody_events"
            " WHERE (%(kind)s::text IS NULL OR split_part(stream, '/', 1) = %(kind)s)"
            " AND (%(streams)s::text[] IS NULL OR stream = ANY(%(streams)s::text[]))"
            " AND (%(actor)s::text IS NULL OR actor = %(actor)s)"
            " AND (%(event)s::text IS NULL OR event = %(event)s)"
            " AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)"
            " AND (%(until)s::timestamptz IS NULL OR at < %(until)s)"
            " AND (%(reader)s::text IS NULL OR event <> %(left)s OR actor = %(reader)s)"
            " AND (%(blind)s::uuid IS NULL OR CASE split_part(stream, '/', 1)"
            "  WHEN 'item' THEN NOT EXISTS (SELECT FROM items WHERE items.id = split_part(stream, '/', 2)::uuid"
            "   AND items.waits_second AND items.first_by IS DISTINCT FROM %(blind)s)"
            "  WHEN 'image' THEN NOT EXISTS (SELECT FROM images WHERE images.id = split_part(stream, '/', 2)::uuid"
            "   AND images.state = 'judged_once' AND NOT EXISTS (SELECT FROM assessments"
            "    WHERE assessments.image_id = images.id AND assessments.round = images.round"
            "    AND assessments.person_id = %(blind)s))"
            "  ELSE true END)"
            " AND (%(before_at)s::timestamptz IS NULL"
            "  OR (at, stream, seq) < (%(before_at)s, %(before_stream)s, %(before_seq)s::bigint))"
            " ORDER BY at DESC, stream DESC, seq DESC LIMIT %(limit)s",
            {
                "kind": terms.kind,
                "streams": list(terms.streams) if terms.streams is not None else None,
                "actor": terms.actor,
                "event": terms.event,
                "since": terms.since,
                "until": terms.until,
                "before_at": before.at if before else None,
                "before_stream": before.stream if before else None,
                "before_seq": before.seq if before else None,
                "reader": reader,
                "left": LEFT_AT_ONCE,
                "blind": blind,
                "limit": limit,
            },
        ).fetchall()


def _read_previous(record: str | None) -> str | None:
    try:
        told = json.loads(record or "")["prev"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(told)


def find_faults(conn: Connection, events: Sequence[CustodyEvent]) -> dict[tuple[str, int], str]:
    """Hold events against their own hash and against their neighbours; return (stream, seq) → what is wrong.

    An event holds when its record has its hash, names the hash of the one before, and its own hash is named by the
    one after it, or by the head of its stream when it is the last.
    """
    rows = conn.execute(
        "SELECT shown.stream, shown.seq, previous.hash, next.record, heads.seq, heads.hash"
        " FROM unnest(%(streams)s::text[], %(seqs)s::bigint[]) AS shown (stream, seq)"
        " LEFT JOIN custody_events AS previous ON previous.stream = shown.stream AND previous.seq = shown.seq - 1"
        " LEFT JOIN custody_events AS next ON next.stream = shown.stream AND next.seq = shown.seq + 1"
        " LEFT JOIN custody_heads AS heads ON heads.stream = shown.stream"
        " ORDER BY shown.stream, shown.seq",
        {"streams": [one.stream for one in events], "seqs": [one.seq for one in events]},
    ).fetchall()
    neighbours = {(row[0], row[1]): row[2:] for row in rows}
    faults: dict[tuple[str, int], str] = {}
    for event in events:
        previous, following, head_seq, head_hash = neighbours[event.stream, event.seq]
        fault = None
        if previous is None and event.seq > 1:
            fault = f"event {event.seq - 1} is missing"
        fault = fault or find_fault(event, event.seq - 1, bytes(previous) if previous else bytes(32))
        named = bytes(head_hash).hex() if event.seq == head_seq else _read_previous(following)
        if fault is None and named != bytes(event.hash).hex():
            fault = f"event {event.seq + 1} does not follow it"
        if fault is not None:
            faults[event.stream, event.seq] = fault
    return faults


def count_events(conn: Connection, actor: str, event: str, *, since: datetime, most: int) -> int:
    """Return how many events of one kind somebody caused since a time; no more than `most` are counted."""
    row = conn.execute(
        "SELECT count(*) FROM (SELECT FROM custody_events WHERE actor = %(actor)s AND event = %(event)s"
        " AND at > %(since)s LIMIT %(most)s) AS few",
        {"actor": actor, "event": event, "since": since, "most": most},
    ).fetchone()
    return int(row[0]) if row else 0
