"""What the page of one item tells of how it came and where it stands, each list with its bound. Reads only.

What became of it since is in `item_history.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from triage.rules.states import CaptureOutcome, ClosedAs, ItemState
from triage.store.review import ReportWords
from triage.store.rows import Connection, row_of

SHOWN = 50
"""Rows of one list on the page."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Some(Generic[T]):
    """The first rows of a list, and how many there are in all."""

    rows: list[T]
    total: int

    @property
    def more(self) -> int:
        """How many are left out."""
        return self.total - len(self.rows)


def bound(found: list[tuple[Any, ...]], rows: list[T]) -> Some[T]:
    """Return rows with how many there are in all, which stands last in each row that was found."""
    return Some(rows, int(found[0][-1]) if found else 0)


# What came in


def list_reports(conn: Connection, item_id: UUID, *, limit: int = SHOWN) -> Some[ReportWords]:
    """Return the reports of an item, oldest first; those of its pages if nobody reported it itself."""
    found = conn.execute(
        "WITH named AS (SELECT report_id FROM report_items WHERE item_id = %(id)s"
        "  UNION SELECT report_id FROM report_items WHERE item_id IN"
        "   (SELECT parent_id FROM shown_children WHERE child_id = %(id)s)"
        "   AND NOT EXISTS (SELECT FROM report_items AS own WHERE own.item_id = %(id)s))"
        " SELECT reports.id, count(*) OVER () FROM named JOIN reports ON reports.id = report_id"
        " ORDER BY received_at, reports.id LIMIT %(limit)s",
        {"id": item_id, "limit": limit},
    ).fetchall()
    with conn.cursor(row_factory=row_of(ReportWords)) as cursor:
        rows = cursor.execute(
            "SELECT id, reference, channel, remit, danger, is_low, note, received_at FROM reports"
            " WHERE id = ANY(%(ids)s) ORDER BY received_at, id",
            {"ids": [row[0] for row in found]},
        ).fetchall()
    return bound(found, rows)


def has_danger_reported(conn: Connection, item_id: UUID) -> bool:
    """Whether a report of this item, or of its page if nobody reported it itself, says that a child is at risk."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM report_items JOIN reports ON reports.id = report_id WHERE reports.danger"
        " AND item_id = ANY(CASE"
        "  WHEN EXISTS (SELECT FROM report_items AS own WHERE own.item_id = %(id)s) THEN ARRAY[%(id)s::uuid]"
        "  ELSE ARRAY(SELECT parent_id FROM shown_children WHERE child_id = %(id)s) END))",
        {"id": item_id},
    ).fetchone()
    return bool(row and row[0])


# Captures


@dataclass(frozen=True, slots=True)
class HopSeen:
    """One request of a capture, as far as it was kept."""

    url: str
    status: int | None
    address: str | None
    led_by: str | None


@dataclass(frozen=True, slots=True)
class CaptureSeen:
    """One attempt to fetch an item, with each request that it took; `outcome` is None while it is under way."""

    started_at: datetime
    ended_at: datetime | None
    outcome: CaptureOutcome | None
    reason: str | None
    status: int | None
    content_type: str | None
    bytes: int | None
    exit_name: str | None
    hops: tuple[HopSeen, ...]


def list_captures(conn: Connection, item_id: UUID, *, limit: int = SHOWN) -> Some[CaptureSeen]:
    """Return the newest captures of an item, newest first."""
    found = conn.execute(
        "SELECT started_at, ended_at, outcome::text, reason, status, content_type, bytes, exit_name, hops,"
        " count(*) OVER () FROM captures WHERE item_id = %(id)s ORDER BY started_at DESC, id DESC LIMIT %(limit)s",
        {"id": item_id, "limit": limit},
    ).fetchall()
    rows = [
        CaptureSeen(
            row[0],
            row[1],
            CaptureOutcome(row[2]) if row[2] else None,
            row[3],
            row[4],
            row[5],
            row[6],
            row[7],
            tuple(_read_hop(one) for one in row[8] or ()),
        )
        for row in found
    ]
    return bound(found, rows)


def _read_hop(found: dict[str, Any]) -> HopSeen:
    return HopSeen(
        str(found.get("url") or ""), found.get("status"), found.get("address") or None, found.get("led_by")
    )


# Its page, its pictures


@dataclass(frozen=True, slots=True)
class Relative:
    """The page of an item, or a picture of it."""

    id: UUID
    reference: str
    url: str | None
    file_name: str | None
    state: ItemState
    closed_as: ClosedAs | None


def list_children(conn: Connection, item_id: UUID, *, limit: int = SHOWN) -> Some[Relative]:
    """Return the pictures' items of a page as it is now, in their order on it."""
    found = conn.execute(
        "SELECT items.id, reference, url, file_name, state::text, closed_as::text, count(*) OVER ()"
        " FROM shown_children JOIN items ON items.id = child_id WHERE parent_id = %(id)s"
        " ORDER BY place, items.id LIMIT %(limit)s",
        {"id": item_id, "limit": limit},
    ).fetchall()
    return bound(found, [_read_relative(row) for row in found])


def list_parents(conn: Connection, item_id: UUID, *, limit: int = SHOWN) -> Some[Relative]:
    """Return the pages that show an item now, oldest first."""
    found = conn.execute(
        "SELECT items.id, reference, url, file_name, state::text, closed_as::text, count(*) OVER ()"
        " FROM shown_children JOIN items ON items.id = parent_id WHERE child_id = %(id)s"
        " ORDER BY received_at, items.id LIMIT %(limit)s",
        {"id": item_id, "limit": limit},
    ).fetchall()
    return bound(found, [_read_relative(row) for row in found])


def _read_relative(row: tuple[Any, ...]) -> Relative:
    closed_as = ClosedAs(row[5]) if row[5] else None
    return Relative(row[0], row[1], row[2], row[3], ItemState(row[4]), closed_as)
