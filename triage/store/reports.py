"""Reports: what came in, with its receipt, its lines and its idempotency key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.model import Channel
from triage.rules.receipts import ItemCounts
from triage.rules.reporter import ReporterFacts
from triage.rules.states import Remit
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report as it is stored.

    Attributes:
        note_flags: what the words of its note speak of (`rules/flags.py`), in order.
    """

    id: UUID
    reference: str
    channel: Channel
    token_id: UUID | None
    remit: Remit
    danger: bool
    note: str
    note_flags: list[str]
    receipt_hmac: bytes
    idempotency_key: str | None
    body_digest: bytes | None
    is_low: bool
    received_at: datetime


@dataclass(frozen=True, slots=True)
class EarlierReport:
    """What a repeated request needs of the first one."""

    id: UUID
    body_digest: bytes


def insert_report(conn: Connection, report: ReportRow) -> None:
    """Store a report."""
    conn.execute(
        "INSERT INTO reports (id, reference, channel, token_id, remit, danger, note, note_flags, receipt_hmac,"
        " idempotency_key, body_digest, is_low, received_at)"
        " VALUES (%(id)s, %(reference)s, %(channel)s, %(token_id)s, %(remit)s, %(danger)s, %(note)s,"
        " %(note_flags)s, %(receipt_hmac)s, %(idempotency_key)s, %(body_digest)s, %(is_low)s, %(received_at)s)",
        {name: getattr(report, name) for name in ReportRow.__slots__},
    )


def find_earlier_report(conn: Connection, token_id: UUID, idempotency_key: str) -> EarlierReport | None:
    """Return the report that this token sent with this idempotency key, if any."""
    with conn.cursor(row_factory=row_of(EarlierReport)) as cursor:
        return cursor.execute(
            "SELECT id, body_digest FROM reports WHERE token_id = %(token_id)s AND idempotency_key = %(key)s",
            {"token_id": token_id, "key": idempotency_key},
        ).fetchone()


def find_by_receipt(conn: Connection, receipt_hmac: bytes) -> UUID | None:
    """Return the id of the report with this receipt, if it stands."""
    row = conn.execute(
        "SELECT id FROM reports WHERE receipt_hmac = %(hmac)s", {"hmac": receipt_hmac}
    ).fetchone()
    return row[0] if row else None


def count_items_of_receipt(conn: Connection, receipt_hmac: bytes, *, before: datetime) -> ItemCounts:
    """Return how far the items of the report with this receipt are; one row comes back, be there such a report or not.

    Args:
        before: what came to its state later is not told, nor anything of a report that came later than a day before.
    """
    with conn.cursor(row_factory=row_of(ItemCounts)) as cursor:
        # An item may have been closed long before this report of it came.
        found = cursor.execute(
            "SELECT count(*) AS items,"
            " count(*) FILTER (WHERE is_told AND state <> 'received') AS begun,"
            " count(*) FILTER (WHERE is_told AND state = 'closed') AS closed"
            " FROM (SELECT items.state, greatest(items.moved_at, reports.received_at + interval '1 day')"
            "  < %(before)s AS is_told FROM reports"
            "  JOIN report_items ON report_items.report_id = reports.id"
            "  JOIN items ON items.id = report_items.item_id WHERE reports.receipt_hmac = %(hmac)s) AS named",
            {"hmac": receipt_hmac, "before": before},
        ).fetchone()
    return found or ItemCounts(0, 0, 0)


def insert_reporter_facts(conn: Connection, report_id: UUID, facts: ReporterFacts) -> None:
    """Keep what a reporter said of themself; at least one of it."""
    conn.execute(
        "INSERT INTO reporter_facts (report_id, age_band, sex, city, platform, platform_other)"
        " VALUES (%(report_id)s, %(age_band)s, %(sex)s, %(city)s, %(platform)s, %(platform_other)s)",
        {"report_id": report_id} | {name: getattr(facts, name) for name in ReporterFacts.__slots__},
    )


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
