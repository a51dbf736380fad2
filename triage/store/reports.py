"""Reports: what came in, with its receipt, its lines and its idempotency key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.model import Channel
from triage.rules.states import ItemState, Remit
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report as it is stored."""

    id: UUID
    reference: str
    channel: Channel
    token_id: UUID | None
    remit: Remit
    danger: bool
    note: str
    receipt_hmac: bytes
    idempotency_key: str | None
    body_digest: bytes | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class EarlierReport:
    """What a repeated request needs of the first one."""

    id: UUID
    body_digest: bytes


def insert_report(conn: Connection, report: ReportRow) -> None:
    """Store a report."""
    conn.execute(
        "INSERT INTO reports (id, reference, channel, token_id, remit, danger, note, receipt_hmac,"
        " idempotency_key, body_digest, received_at)"
        " VALUES (%(id)s, %(reference)s, %(channel)s, %(token_id)s, %(remit)s, %(danger)s, %(note)s,"
        " %(receipt_hmac)s, %(idempotency_key)s, %(body_digest)s, %(received_at)s)",
        {name: getattr(report, name) for name in ReportRow.__slots__},
    )


def find_earlier_report(conn: Connection, token_id: UUID, idempotency_key: str) -> EarlierReport | None:
    """Return the report that this token sent with this idempotency key, if any."""
    with conn.cursor(row_factory=row_of(EarlierReport)) as cursor:
        return cursor.execute(
            "SELECT id, body_digest FROM reports WHERE token_id = %(token_id)s AND idempotency_key = %(key)s",
            {"token_id": token_id, "key": idempotency_key},
        ).fetchone()


def is_stored(conn: Connection, report_id: UUID) -> bool:
    """Return whether a report of this id stands."""
    row = conn.execute("SELECT 1 FROM reports WHERE id = %(id)s", {"id": report_id}).fetchone()
    return row is not None


def read_items_of_receipt(conn: Connection, receipt_hmac: bytes) -> list[tuple[ItemState, datetime]]:
    """Return (state, when it came to it) of each item of the report with this receipt; empty for none."""
    rows = conn.execute(
        "SELECT items.state, items.moved_at FROM reports JOIN report_items ON report_items.report_id = reports.id"
        " JOIN items ON items.id = report_items.item_id WHERE reports.receipt_hmac = %(hmac)s",
        {"hmac": receipt_hmac},
    ).fetchall()
    return [(ItemState(row[0]), row[1]) for row in rows]


def insert_unreadable_lines(conn: Connection, report_id: UUID, lines: Sequence[tuple[int, str, str]]) -> None:
    """Keep the lines that could not be read: (line number from 1, text, reason in words)."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO report_unreadable_lines (report_id, line, text, reason)"
            " VALUES (%(report_id)s, %(line)s, %(text)s, %(reason)s)",
            [
                {"report_id": report_id, "line": line, "text": text[:4096], "reason": reason}
                for line, text, reason in lines
            ],
        )


def link_items(conn: Connection, report_id: UUID, places: Sequence[tuple[UUID, int]]) -> None:
    """Say which items a report holds: (item, line number from 1; 0 for files and text)."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO report_items (report_id, item_id, line)"
            " VALUES (%(report_id)s, %(item_id)s, %(line)s)"
            " ON CONFLICT (report_id, item_id) DO NOTHING",
            [{"report_id": report_id, "item_id": item_id, "line": line} for item_id, line in places],
        )
