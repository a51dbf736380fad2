"""What capturing took, in numbers: second tries, ways out, icons left out, files inside pages, kinds of pages."""

from dataclasses import dataclass
from uuid import UUID

from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class CaptureCounts:
    """Numbers of what capturing took.

    Attributes:
        retried: items that were captured after a fetch that had failed.
        gave_up: items that could not be captured, or not once more.
        through_exit: captures that did not take the direct way.
        icons: pictures of pages that are too small to be anything.
        embedded: files that pages carry inside their own text.
        page_kinds: kind of a page that is not what was reported → captures of it.
    """

    retried: int
    gave_up: int
    through_exit: int
    icons: int
    embedded: int
    page_kinds: dict[str, int]


def count_captures(conn: Connection) -> CaptureCounts:
    """Return the numbers of what capturing took."""
    with conn.cursor(row_factory=row_of(CaptureCounts)) as cursor:
        row = cursor.execute(
            "SELECT (SELECT count(DISTINCT item_id) FROM captures AS done WHERE outcome = 'captured' AND EXISTS"
            "  (SELECT FROM captures AS tried WHERE tried.item_id = done.item_id AND tried.failure IS NOT NULL"
            "   AND tried.started_at < done.started_at)) AS retried,"
            " (SELECT count(DISTINCT item_id) FROM captures WHERE outcome = 'gave_up') AS gave_up,"
            " (SELECT count(*) FROM captures WHERE outcome = 'captured' AND exit_name <> 'direct') AS through_exit,"
            " (SELECT count(*) FROM items WHERE closed_as = 'too_small') AS icons,"
            " (SELECT count(*) FROM embedded_files) AS embedded,"
            " (SELECT coalesce(jsonb_object_agg(kind, number), '{}') FROM"
            "  (SELECT page_kind AS kind, count(*) AS number FROM captures WHERE page_kind IS NOT NULL"
            "   GROUP BY page_kind) AS kinds) AS page_kinds"
        ).fetchone()
    if row is None:
        raise RuntimeError("a query of counts returned no row")
    return row


def list_seen_through(conn: Connection, exit_name: str) -> set[UUID]:
    """Return the items that were ever captured through a way out."""
    rows = conn.execute(
        "SELECT DISTINCT item_id FROM captures WHERE outcome = 'captured' AND exit_name = %(name)s",
        {"name": exit_name},
    ).fetchall()
    return {row[0] for row in rows}
