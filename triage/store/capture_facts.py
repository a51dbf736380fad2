"""What the last attempt to fetch an item met, in all that was kept of it. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from triage.rules.page_kinds import PageKind
from triage.rules.states import CaptureOutcome
from triage.store.captures import Hop
from triage.store.rows import Connection


@dataclass(frozen=True, slots=True)
class LastCapture:
    """The last attempt that ended.

    Attributes:
        reason: why it failed or was refused; of one that succeeded, why its pictures are not all there.
        failure: a name of `rules/fetch_failures.py`.
        hops: each request, in its order.
        exit_name: the way out of the last request.
        found: pictures on a page, taken or not; None for anything else.
        taken: those that became items.
        icons: those that were too small to be anything.
    """

    started_at: datetime
    outcome: CaptureOutcome
    reason: str | None
    failure: str | None
    hops: tuple[Hop, ...]
    exit_name: str | None
    content_type: str | None
    bytes: int | None
    elapsed_ms: int | None
    page_kind: PageKind | None
    found: int | None
    taken: int
    icons: int

    @property
    def left(self) -> int:
        """Pictures that were found on the page and not taken."""
        return max((self.found or 0) - self.taken, 0)


def read_last_capture(conn: Connection, item_id: UUID) -> LastCapture | None:
    """Return the last attempt of an item that ended; None without one."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT started_at, outcome, captures.reason, failure, hops, exit_name, content_type, bytes, elapsed_ms,"
            " page_kind, pictures_found, count(items.id) AS taken,"
            " count(items.id) FILTER (WHERE items.closed_as = 'too_small') AS icons"
            " FROM captures LEFT JOIN item_children ON item_children.capture_id = captures.id"
            " LEFT JOIN items ON items.id = child_id"
            " WHERE item_id = %(id)s AND ended_at IS NOT NULL GROUP BY captures.id"
            " ORDER BY started_at DESC, captures.id DESC LIMIT 1",
            {"id": item_id},
        ).fetchone()
    if row is None:
        return None
    return LastCapture(
        started_at=row["started_at"],
        outcome=CaptureOutcome(row["outcome"]),
        reason=row["reason"],
        failure=row["failure"],
        hops=tuple(_read_hop(one) for one in row["hops"] or ()),
        exit_name=row["exit_name"],
        content_type=row["content_type"],
        bytes=row["bytes"],
        elapsed_ms=row["elapsed_ms"],
        page_kind=PageKind(row["page_kind"]) if row["page_kind"] else None,
        found=row["pictures_found"],
        taken=row["taken"],
        icons=row["icons"],
    )


def _read_hop(found: Mapping[str, Any]) -> Hop:
    """Return one request; captures of earlier versions kept less of it."""
    known = {name: found[name] for name in Hop.__slots__ if name in found}
    known["headers"] = [(str(name), str(value)) for name, value in found.get("headers", ())]
    return Hop(**known)


def count_icons(conn: Connection, item_id: UUID) -> int:
    """Return how many pictures of a page are left out now because they are too small to be anything."""
    row = conn.execute(
        "SELECT count(*) FROM shown_children JOIN items ON items.id = child_id"
        " WHERE parent_id = %(id)s AND items.closed_as = 'too_small'",
        {"id": item_id},
    ).fetchone()
    return int(row[0]) if row else 0
