"""Captures: attempts to fetch an item. A row without an end is a lease, at most one per item."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from triage.errors import LeaseLostError
from triage.ids import new_id
from triage.model import Capture, IntakeObject
from triage.rules.lanes import PageFinding
from triage.rules.states import CaptureOutcome
from triage.store.rows import Connection, row_of

_SELECT = "SELECT id, item_id, worker, started_at, lease_until, ended_at, outcome, reason FROM captures"


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of a fetch: where it went, by which way out, and what answered; see `workers/fetcher/wire.py`."""

    url: str
    status: int | None
    address: str | None
    exit_name: str = "direct"
    led_by: str = "start"
    tls: str = ""
    certificate: str = ""
    certificate_fault: str = ""
    headers: Sequence[tuple[str, str]] = ()
    elapsed_ms: int = 0


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """What an ended capture found out.

    Attributes:
        page_kind: a name of `rules/page_kinds.py`, None for anything else.
        pictures_found: pictures on a page, taken or not.
        exit_name: the way out of the last request.
    """

    final_url: str | None = None
    status: int | None = None
    hops: Sequence[Hop] = ()
    content_type: str | None = None
    size: int | None = None
    sha256: bytes | None = None
    elapsed_ms: int | None = None
    page_kind: str | None = None
    pictures_found: int | None = None
    exit_name: str | None = None


def find_open_capture(conn: Connection, item_id: UUID) -> Capture | None:
    """Return the capture of an item that has no end, if there is one."""
    with conn.cursor(row_factory=row_of(Capture)) as cursor:
        return cursor.execute(
            _SELECT + " WHERE item_id = %(id)s AND ended_at IS NULL FOR NO KEY UPDATE",
            {"id": item_id},
        ).fetchone()


def insert_capture(
    conn: Connection, item_id: UUID, *, worker: str, now: datetime, lease_until: datetime
) -> UUID:
    """Take the lease of an item; the unique index refuses a second one."""
    capture_id = new_id()
    conn.execute(
        "INSERT INTO captures (id, item_id, worker, started_at, lease_until)"
        " VALUES (%(id)s, %(item_id)s, %(worker)s, %(now)s, %(lease_until)s)",
        {"id": capture_id, "item_id": item_id, "worker": worker, "now": now, "lease_until": lease_until},
    )
    return capture_id


def end_capture(
    conn: Connection,
    capture_id: UUID,
    outcome: CaptureOutcome,
    *,
    now: datetime,
    reason: str | None = None,
    failure: str | None = None,
    facts: CaptureFacts | None = None,
) -> None:
    """End a capture.

    Raises:
        LeaseLostError: it was ended before; the caller's transaction must roll back.
    """
    found = facts or CaptureFacts()
    cursor = conn.execute(
        "UPDATE captures SET ended_at = %(now)s, outcome = %(outcome)s, reason = %(reason)s,"
        " final_url = %(final_url)s, status = %(status)s, hops = %(hops)s, content_type = %(content_type)s,"
        " bytes = %(bytes)s, sha256 = %(sha256)s, elapsed_ms = %(elapsed_ms)s, failure = %(failure)s,"
        " page_kind = %(page_kind)s, pictures_found = %(pictures_found)s, exit_name = %(exit_name)s"
        " WHERE id = %(id)s AND ended_at IS NULL",
        {
            "id": capture_id,
            "now": now,
            "outcome": outcome,
            "reason": reason,
            "final_url": found.final_url,
            "status": found.status,
            "hops": json.dumps([asdict(hop) for hop in found.hops]),
            "content_type": found.content_type,
            "bytes": found.size,
            "sha256": found.sha256,
            "elapsed_ms": found.elapsed_ms,
            "failure": failure,
            "page_kind": found.page_kind,
            "pictures_found": found.pictures_found,
            "exit_name": found.exit_name,
        },
    )
    if cursor.rowcount != 1:
        raise LeaseLostError


def count_failures_in_a_row(conn: Connection, item_id: UUID) -> int:
    """Return how many of an item's last attempts failed, one after the other (at most 20 are looked at)."""
    rows = conn.execute(
        "SELECT outcome FROM captures WHERE item_id = %(id)s AND ended_at IS NOT NULL"
        " ORDER BY started_at DESC, id DESC LIMIT 20",
        {"id": item_id},
    ).fetchall()
    return next((number for number, row in enumerate(rows) if row[0] != "failed"), len(rows))


def read_expired(conn: Connection, *, now: datetime, limit: int) -> list[UUID]:
    """Return the items whose lease has run out, or began a whole lease from now, oldest first."""
    rows = conn.execute(
        "SELECT item_id FROM captures WHERE ended_at IS NULL"
        " AND (lease_until <= %(now)s OR started_at - %(now)s >= lease_until - started_at)"
        " ORDER BY lease_until, id LIMIT %(limit)s",
        {"now": now, "limit": limit},
    ).fetchall()
    return [row[0] for row in rows]


def read_last_status(conn: Connection, item_id: UUID) -> int | None:
    """Return the HTTP status of an item's last successful capture; None for an upload."""
    row = conn.execute(
        "SELECT captures.status FROM items JOIN captures ON captures.id = items.capture_id"
        " WHERE items.id = %(id)s",
        {"id": item_id},
    ).fetchone()
    return row[0] if row else None


def read_page_finding(conn: Connection, item_id: UUID) -> PageFinding:
    """Return what an item's last successful capture says of it beside its pictures."""
    with conn.cursor(row_factory=row_of(PageFinding)) as cursor:
        found = cursor.execute(
            "SELECT reason AS reservation, page_kind AS kind FROM captures"
            " WHERE item_id = %(id)s AND outcome = 'captured' ORDER BY started_at DESC, id DESC LIMIT 1",
            {"id": item_id},
        ).fetchone()
    return found or PageFinding()


@dataclass(frozen=True, slots=True)
class ShowingPage:
    """A page that shows an item: its own id, and the address at which it answered."""

    item_id: UUID
    url: str


def find_page_of(conn: Connection, item_id: UUID) -> ShowingPage | None:
    """Return the oldest page that shows an item now."""
    with conn.cursor(row_factory=row_of(ShowingPage)) as cursor:
        return cursor.execute(
            "SELECT items.id AS item_id, COALESCE(captures.final_url, items.url) AS url FROM shown_children"
            " JOIN items ON items.id = parent_id JOIN captures ON captures.id = items.capture_id"
            " WHERE child_id = %(id)s AND items.url IS NOT NULL ORDER BY items.received_at, items.id LIMIT 1",
            {"id": item_id},
        ).fetchone()


def claim_bytes(conn: Connection, capture_id: UUID, sha256: bytes) -> bool:
    """Say that the worker of a capture decodes these bytes now; False when another worker does.

    The claim ends with the capture. Whoever does not get it comes again and finds the image.

    Args:
        sha256: of the bytes, 32 bytes.

    Raises:
        psycopg.errors.UniqueViolation: another worker did so in the same moment; this transaction is over.
    """
    cursor = conn.execute(
        "UPDATE captures SET examines = %(sha256)s WHERE id = %(id)s AND ended_at IS NULL"
        " AND NOT EXISTS (SELECT FROM captures AS other WHERE other.examines = %(sha256)s"
        "  AND other.ended_at IS NULL AND other.id <> %(id)s)",
        {"id": capture_id, "sha256": sha256},
    )
    return cursor.rowcount == 1


def insert_intake_object(conn: Connection, name: str, item_id: UUID, size: int, *, now: datetime) -> None:
    """Name the sealed object of an upload."""
    conn.execute(
        "INSERT INTO intake_objects (name, item_id, bytes, created_at)"
        " VALUES (%(name)s, %(item_id)s, %(bytes)s, %(now)s)",
        {"name": name, "item_id": item_id, "bytes": size, "now": now},
    )


def find_intake_object(conn: Connection, item_id: UUID) -> IntakeObject | None:
    """Return the upload of an item that no capture has consumed yet."""
    with conn.cursor(row_factory=row_of(IntakeObject)) as cursor:
        return cursor.execute(
            "SELECT name, item_id, bytes FROM intake_objects"
            " WHERE item_id = %(id)s AND consumed_at IS NULL ORDER BY created_at, name LIMIT 1",
            {"id": item_id},
        ).fetchone()


def consume_intake_objects(conn: Connection, item_id: UUID, *, now: datetime) -> list[str]:
    """Mark the uploads of an item as consumed; return the names of the objects to delete."""
    rows = conn.execute(
        "UPDATE intake_objects SET consumed_at = %(now)s WHERE item_id = %(id)s AND consumed_at IS NULL"
        " RETURNING name",
        {"id": item_id, "now": now},
    ).fetchall()
    return [row[0] for row in rows]


def consume_of_closed(conn: Connection, *, now: datetime) -> int:
    """Mark uploads as consumed whose item is closed without having been captured; return how many."""
    return conn.execute(
        "UPDATE intake_objects SET consumed_at = %(now)s FROM items"
        " WHERE items.id = intake_objects.item_id AND items.state = 'closed' AND consumed_at IS NULL",
        {"now": now},
    ).rowcount


def read_consumed_objects(conn: Connection, *, limit: int) -> list[str]:
    """Return consumed uploads whose objects were not deleted yet."""
    rows = conn.execute(
        "SELECT name FROM intake_objects WHERE consumed_at IS NOT NULL AND deleted_at IS NULL"
        " ORDER BY consumed_at, name LIMIT %(limit)s",
        {"limit": limit},
    ).fetchall()
    return [row[0] for row in rows]


def mark_intake_deleted(conn: Connection, names: Sequence[str], *, now: datetime) -> None:
    """Say that the objects of consumed uploads are gone from the store."""
    conn.execute(
        "UPDATE intake_objects SET deleted_at = %(now)s"
        " WHERE name = ANY(%(names)s) AND consumed_at IS NOT NULL AND deleted_at IS NULL",
        {"names": list(names), "now": now},
    )


def read_intake_names(conn: Connection, names: Sequence[str]) -> set[str]:
    """Return which of these object names have a row."""
    rows = conn.execute(
        "SELECT name FROM intake_objects WHERE name = ANY(%(names)s)", {"names": list(names)}
    ).fetchall()
    return {row[0] for row in rows}
