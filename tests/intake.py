"""Intake in tests: reports handed in with any connection, items put into the states that intake meets."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from triage.clock import utcnow
from triage.model import Channel
from triage.rules.states import CaptureOutcome, ClosedAs, ItemState, Lane, Remit
from triage.steps.receive_report import Answer, IncomingReport, Limits, receive_report
from triage.store import captures, items
from triage.store.captures import CaptureFacts

NOW = utcnow()  # the database lets the public role open an item again only for about now
RECEIPT_KEY = bytes(range(32))
DAY_S = 86_400.0


def hand_in(
    conn: psycopg.Connection[Any],
    *lines: str,
    remit: Remit = Remit.CSAM,
    now: datetime = NOW,
    max_urls: int = 5000,
    commit: bool = True,
    **values: Any,
) -> Answer:
    """Receive a public report of these lines and commit it; `values` are further fields of the report."""
    report = IncomingReport(
        **({"channel": Channel.PUBLIC, "actor": "public", "remit": remit, "lines": lines} | values)
    )
    answer = receive_report(conn, report, now=now, receipt_key=RECEIPT_KEY, limits=Limits(max_urls, DAY_S))
    if commit:
        conn.commit()
    return answer


def place_for_assessment(conn: psycopg.Connection[Any], item_id: UUID, *, now: datetime = NOW) -> None:
    """Let a received item wait for a person, without a capture."""
    items.move_item(
        conn, item_id, ItemState.RECEIVED, "capture_refused", now=now, lane=Lane.LOOK, reason="refused"
    )
    conn.commit()


def make_capture(conn: psycopg.Connection[Any], item_id: UUID) -> UUID:
    """Store a capture of an item that has ended well."""
    capture_id = captures.insert_capture(
        conn, item_id, worker="a test", now=NOW, lease_until=NOW + timedelta(minutes=5)
    )
    facts = CaptureFacts(size=1, sha256=bytes(32))
    captures.end_capture(conn, capture_id, CaptureOutcome.CAPTURED, now=NOW, facts=facts)
    return capture_id


def close_item(
    conn: psycopg.Connection[Any], item_id: UUID, *, now: datetime = NOW, captured_at: datetime | None = None
) -> None:
    """Close a received item as not actionable; it was last captured at `captured_at`, or never."""
    place_for_assessment(conn, item_id, now=now)
    if captured_at is not None:
        items.mark_captured(conn, item_id, make_capture(conn, item_id), now=captured_at)
    items.move_item(
        conn,
        item_id,
        ItemState.AWAITING_ASSESSMENT,
        "settled_not_actionable",
        now=now,
        closed_as=ClosedAs.NOT_ACTIONABLE,
    )
    conn.commit()


def read_item_ids(conn: psycopg.Connection[Any]) -> Sequence[UUID]:
    """Return the ids of all items, oldest first."""
    rows = conn.execute("SELECT id FROM items ORDER BY received_at, id").fetchall()
    conn.commit()
    return [row[0] for row in rows]


def count(conn: psycopg.Connection[Any], table: str) -> int:
    """Return the number of rows of a table."""
    rows = conn.execute(f"SELECT count(*) FROM {table}".encode()).fetchall()
    conn.commit()
    return int(rows[0][0])
