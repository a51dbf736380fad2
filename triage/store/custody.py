"""Custody: append events to streams, read them, verify them. Nothing else.

A record is RFC 8785 JSON (June 2020) of stream, seq, at, actor, event, body and the hash before it; its
SHA-256 is the event's hash. The database checks each link again when it is inserted, and lets no role change
what stands. Bodies hold ids, enums, numbers and digests only: no URL, name or note, so that these can be
erased without breaking a chain.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import rfc8785

from triage.store.rows import Connection, row_of

SYSTEM = "system"
_START = bytes(32)
Body = Mapping[str, "str | int | bool | None"]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be appended. `stream` is item/UUID, image/UUID, hashset/UUID, … or system."""

    stream: str
    event: str
    body: Body = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CustodyEvent:
    """An event as it stands."""

    stream: str
    seq: int
    at: datetime
    actor: str
    event: str
    record: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Verification:
    """How many events and streams were read, and whether all of them hold."""

    events: int
    streams: int
    broken: tuple[str, ...]


def stream_of(noun: str, identity: UUID) -> str:
    """Return the name of a stream, such as item/0190…"""
    return f"{noun}/{identity}"


def append(conn: Connection, events: Sequence[NewEvent], *, actor: str, now: datetime) -> None:
    """Append events to their streams, in the order given, within the caller's transaction.

    Args:
        events: at least one; several may share a stream.
        actor: who did it: a process (worker, public, sweep), token/UUID or person/UUID.
        now: aware time of the events.
    """
    if not events:
        return
    rows = conn.execute(
        "SELECT stream, seq, hash FROM lock_custody_heads(%(names)s)",
        {"names": sorted({event.stream for event in events})},
    ).fetchall()
    heads: dict[str, tuple[int, bytes]] = {stream: (seq, bytes(hash_)) for stream, seq, hash_ in rows}
    prepared = []
    for event in events:
        seq, previous = heads[event.stream]
        record = rfc8785.dumps(
            {
                "stream": event.stream,
                "seq": seq + 1,
                "at": now.isoformat(),
                "actor": actor,
                "event": event.event,
                "body": dict(event.body),
                "prev": previous.hex(),
            }
        )
        digest = hashlib.sha256(record).digest()
        heads[event.stream] = (seq + 1, digest)
        prepared.append((event.stream, seq + 1, event.event, record.decode(), digest))
    streams, seqs, words, records, hashes = (list(column) for column in zip(*prepared, strict=True))
    conn.execute(
        "INSERT INTO custody_events (stream, seq, at, actor, event, record, hash)"
        " SELECT stream, seq, %(at)s, %(actor)s, event, record, hash FROM unnest(%(streams)s::text[],"
        " %(seqs)s::bigint[], %(events)s::text[], %(records)s::text[], %(hashes)s::bytea[])"
        " WITH ORDINALITY AS new (stream, seq, event, record, hash, place) ORDER BY place",
        {
            "at": now,
            "actor": actor,
            "streams": streams,
            "seqs": seqs,
            "events": words,
            "records": records,
            "hashes": hashes,
        },
    )


def read_stream(conn: Connection, stream: str) -> list[CustodyEvent]:
    """Return all events of a stream, oldest first."""
    with conn.cursor(row_factory=row_of(CustodyEvent)) as cursor:
        return cursor.execute(
            "SELECT stream, seq, at, actor, event, record, hash FROM custody_events"
            " WHERE stream = %(stream)s ORDER BY seq",
            {"stream": stream},
        ).fetchall()


@dataclass(frozen=True, slots=True)
class _Head:
    stream: str
    seq: int
    hash: bytes


def count_chain(conn: Connection, streams: Sequence[str]) -> int:
    """Return how many events these streams hold, by their heads."""
    row = conn.execute(
        "SELECT COALESCE(sum(seq), 0) FROM custody_heads WHERE stream = ANY(%(streams)s)",
        {"streams": list(streams)},
    ).fetchone()
    return int(row[0]) if row else 0


def _read_all(conn: Connection, streams: Sequence[str] | None) -> Iterator[tuple[_Head, CustodyEvent | None]]:
    """Yield each stream's head with each of its events. One statement, so that both are of one moment."""
    with conn.cursor(name="custody_verify") as cursor:
        cursor.itersize = 5000
        cursor.execute(
            "SELECT heads.stream, heads.seq, heads.hash, events.seq, at, actor, event, record, events.hash"
            " FROM custody_heads AS heads LEFT JOIN custody_events AS events ON events.stream = heads.stream"
            " WHERE %(streams)s::text[] IS NULL OR heads.stream = ANY(%(streams)s::text[])"
            " ORDER BY heads.stream, events.seq",
            {"streams": None if streams is None else list(streams)},
        )
        for stream, seq, hash_, *event in cursor:
            head = _Head(stream, seq, bytes(hash_))
            yield head, CustodyEvent(stream, *event) if event[0] is not None else None


def find_fault(event: CustodyEvent, seq: int, previous: bytes) -> str | None:
    """Hold one event against the one before it; return what is wrong, or None.

    Args:
        seq: of the one before; 0 at the start of a stream.
        previous: hash of the one before; 32 zero bytes at the start.
    """
    if event.seq != seq + 1:
        return f"event {seq + 1} is missing"
    if hashlib.sha256(event.record.encode()).digest() != bytes(event.hash):
        return f"event {event.seq} was changed"
    try:
        body = json.loads(event.record)
        stands = (
            body["stream"],
            body["seq"],
            body["actor"],
            body["event"],
            datetime.fromisoformat(body["at"]),
        )
        told = body["prev"]
    except (ValueError, KeyError, TypeError):
        return f"event {event.seq} is malformed"
    if stands != (event.stream, event.seq, event.actor, event.event, event.at):
        return f"event {event.seq} was changed"
    if told != previous.hex():
        return f"event {event.seq} does not follow the one before"
    return None


def verify(conn: Connection, *, streams: Sequence[str] | None = None) -> Verification:
    """Read streams and hold each event against its hash, the one before it, and the stream's head.

    Args:
        streams: which ones; all of them by default.
    """
    heads: dict[str, tuple[int, bytes]] = {}
    events = 0
    broken: dict[str, str] = {}
    ends: dict[str, tuple[int, bytes]] = {}
    for head, event in _read_all(conn, streams):
        heads[head.stream] = (head.seq, head.hash)
        if event is None:
            continue
        events += 1
        seq, previous = ends.get(event.stream, (0, _START))
        fault = find_fault(event, seq, previous)
        if fault:
            broken.setdefault(event.stream, fault)
        ends[event.stream] = (event.seq, bytes(event.hash))
    for stream, end in heads.items():
        if ends.get(stream, (0, _START)) != end:
            broken.setdefault(stream, "the end of the stream is missing")
    return Verification(
        events, len(heads), tuple(f"{stream}: {fault}" for stream, fault in sorted(broken.items()))
    )
