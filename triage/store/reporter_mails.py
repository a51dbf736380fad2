"""Reporters who asked for mail: a sealed address, the word they were told last, and when to look again.

The intent comes first (`telling`): a word that was being handed over when its process died counts as told, and no
word is told twice. When the last word was told, or none can be, the address is deleted. Mails are counted by day.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from triage.rules.receipts import ItemCounts, ReceiptStatus
from triage.store.rows import Connection, row_of

TELLING_LEASE_S = 120.0
"""Seconds after which whoever began to tell a reporter has stopped; all deadlines of one try together are shorter."""


@dataclass(frozen=True, slots=True)
class ReporterMail:
    """One reporter who asked for mail, as the outbound process reads them.

    Attributes:
        told: the word they know.
        telling: the word that is being handed over since `started_at`.
        tries: how many tries of this word have failed.
    """

    report_id: UUID
    sealed_address: bytes | None
    language: str
    asked_at: datetime
    told: ReceiptStatus
    telling: ReceiptStatus | None
    started_at: datetime | None
    tries: int
    next_try_at: datetime | None


def insert_reporter_mail(
    conn: Connection,
    report_id: UUID,
    *,
    sealed_address: bytes,
    language: str,
    now: datetime,
    next_try_at: datetime,
) -> None:
    """Keep where a reporter wants mail.

    Args:
        language: sq or en.
        next_try_at: when to look for the first time.
    """
    conn.execute(
        "INSERT INTO reporter_mails (report_id, sealed_address, language, asked_at, next_try_at)"
        " VALUES (%(report_id)s, %(sealed_address)s, %(language)s, %(now)s, %(next_try_at)s)",
        {
            "report_id": report_id,
            "sealed_address": sealed_address,
            "language": language,
            "now": now,
            "next_try_at": next_try_at,
        },
    )


def take_due(conn: Connection, *, now: datetime, nudged_before: datetime, limit: int) -> list[UUID]:
    """Return the reports whose reporters are to be looked after now, and mark them as nudged."""
    rows = conn.execute(
        "UPDATE reporter_mails SET nudged_at = %(now)s WHERE report_id IN ("
        " SELECT report_id FROM reporter_mails WHERE ended_at IS NULL AND next_try_at <= %(now)s"
        " AND (started_at IS NULL OR started_at <= %(left_behind)s)"
        " AND (nudged_at IS NULL OR nudged_at < %(nudged_before)s)"
        " ORDER BY next_try_at, report_id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED) RETURNING report_id",
        {
            "now": now,
            "left_behind": now - timedelta(seconds=TELLING_LEASE_S),
            "nudged_before": nudged_before,
            "limit": limit,
        },
    ).fetchall()
    return [row[0] for row in rows]


def lock_reporter_mail(conn: Connection, report_id: UUID) -> ReporterMail | None:
    """Return and lock one row; None when there is none, or it has ended."""
    with conn.cursor(row_factory=row_of(ReporterMail)) as cursor:
        return cursor.execute(
            "SELECT report_id, sealed_address, language, asked_at, told, telling, started_at, tries, next_try_at"
            " FROM reporter_mails WHERE report_id = %(id)s AND ended_at IS NULL FOR NO KEY UPDATE",
            {"id": report_id},
        ).fetchone()


def count_mailed_items(conn: Connection, report_id: UUID, *, before: datetime) -> ItemCounts:
    """Return how far the items of such a report are; see `reports.count_items_of_receipt`."""
    with conn.cursor(row_factory=row_of(ItemCounts)) as cursor:
        found = cursor.execute(
            "SELECT count(*) AS items,"
            " count(*) FILTER (WHERE is_told AND state <> 'received') AS begun,"
            " count(*) FILTER (WHERE is_told AND state = 'closed') AS closed"
            " FROM (SELECT state, greatest(moved_at, asked_at + interval '1 day') < %(before)s AS is_told"
            "  FROM mailed_items JOIN reporter_mails USING (report_id) WHERE report_id = %(id)s) AS named",
            {"id": report_id, "before": before},
        ).fetchone()
    return found or ItemCounts(0, 0, 0)


def start_telling(conn: Connection, report_id: UUID, *, word: ReceiptStatus, now: datetime) -> None:
    """Store the intent to tell a word."""
    conn.execute(
        "UPDATE reporter_mails SET telling = %(word)s, started_at = %(now)s WHERE report_id = %(id)s",
        {"id": report_id, "word": word, "now": now},
    )


def count_mail(conn: Connection, day: date, *, most: int) -> bool:
    """Count one more mail of a day; return whether it may leave, False when so many have.

    Args:
        most: mails of one day, to all reporters together.
    """
    counted = conn.execute(
        "INSERT INTO reporter_mail_days AS days (day, mails) SELECT %(day)s, 1 WHERE %(most)s > 0"
        " ON CONFLICT (day) DO UPDATE SET mails = days.mails + 1 WHERE days.mails < %(most)s",
        {"day": day, "most": most},
    )
    return counted.rowcount == 1


def uncount_mail(conn: Connection, day: date) -> None:
    """Take one mail of a day back: it did not leave."""
    conn.execute(
        "UPDATE reporter_mail_days SET mails = mails - 1 WHERE day = %(day)s AND mails > 0", {"day": day}
    )


def look_later(
    conn: Connection, report_id: UUID, *, told: ReceiptStatus, tries: int, next_try_at: datetime
) -> None:
    """Say which word a reporter knows now, and when to look again."""
    conn.execute(
        "UPDATE reporter_mails SET told = %(told)s, telling = NULL, started_at = NULL, tries = %(tries)s,"
        " next_try_at = %(next_try_at)s, nudged_at = NULL WHERE report_id = %(id)s",
        {"id": report_id, "told": told, "tries": tries, "next_try_at": next_try_at},
    )


def end_telling(
    conn: Connection, report_id: UUID, *, told: ReceiptStatus, ended_as: str, now: datetime
) -> None:
    """End it, and forget the address.

    Args:
        told: the word that the reporter knows.
        ended_as: told (the last word was said), refused or expired.
    """
    conn.execute(
        "UPDATE reporter_mails SET told = %(told)s, telling = NULL, started_at = NULL, sealed_address = NULL,"
        " next_try_at = NULL, ended_at = %(now)s, ended_as = %(ended_as)s WHERE report_id = %(id)s",
        {"id": report_id, "told": told, "ended_as": ended_as, "now": now},
    )
