"""Search of items: each term is a condition that an index serves, newest first, a page behind a mark. Reads only.

1. A host or an operator that few items have: those are found first, and put in order.
2. What many have is met soon enough on a walk from the newest item back; so is everything else, each by its index.

No planner could tell the two apart by its statistics: it walked through a million items for twenty.

Whoever could still be the second assessor of an item does not find it by what the first one's word led to: by where
it stands (a desk may act on some labels of one assessor, and on others not), by who hosts it, or by a message.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from triage.rules.search_terms import SearchTerms
from triage.rules.sending import REFERENCE_PREFIX
from triage.rules.states import ClosedAs, ItemKind, ItemState, Lane
from triage.store.rows import Connection, row_of

PAGE_SIZE = 50
LONGEST_MS = 3000
"""Milliseconds after which a search is given up: terms that hardly ever meet can make a walk through all items."""

FEW = 5000
"""Items that are put in order at once; more of a million are met soon enough on a walk."""

_REPORT_PREFIX = "R"


@dataclass(frozen=True, slots=True)
class SearchMark:
    """Where a page ended: the next one begins before it."""

    received_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class FoundItem:
    """One item as the search lists it.

    Attributes:
        operator, asn, country: by its newest hosting, None where it was never located.
        is_danger_reported: a report says so, not only an assessor.
    """

    id: UUID
    reference: str
    kind: ItemKind
    url: str | None
    file_name: str | None
    state: ItemState
    closed_as: ClosedAs | None
    lane: Lane | None
    base_lane: Lane | None
    reason: str | None
    danger: bool
    is_danger_reported: bool
    received_at: datetime
    reports: int
    operator: str | None
    asn: int | None
    country: str | None


# ruff: noqa: S608 - only these fixed texts are put together
_NOT_BLIND: LiteralString = (
    "(NOT %(assesses)s OR NOT items.waits_second OR items.first_by IS NOT DISTINCT FROM %(person)s)"
)
_HOST: LiteralString = (
    "items.url_host IS NOT NULL AND (reverse(items.url_host) || '.') COLLATE \"C\" >= %(host_from)s"
    " AND (reverse(items.url_host) || '.') COLLATE \"C\" < %(host_below)s"
)
_ASN: LiteralString = "hostings.asn = %(asn)s"
_LOCATED: LiteralString = "items.is_located AND "
"""Most of the newest items were never located: they would be walked through for nothing."""

_OPERATOR: LiteralString = (
    'hostings.operator IS NOT NULL AND lower(hostings.operator) COLLATE "C" >= %(operator)s'
    ' AND lower(hostings.operator) COLLATE "C" < %(operator_below)s'
)
_FEW: dict[str, LiteralString] = {
    "host": "SELECT items.id FROM items WHERE " + _HOST + " LIMIT %(few)s",
    "asn": "SELECT hostings.item_id AS id FROM hostings WHERE " + _ASN + " LIMIT %(few)s",
    "operator": "SELECT hostings.item_id AS id FROM hostings WHERE " + _OPERATOR + " LIMIT %(few)s",
}
"""Term → the items that it alone leaves, as many as are worth counting."""
_CONDITIONS: dict[str, LiteralString] = {
    "few": "items.id IN (SELECT id FROM few)",
    "not_blind": _NOT_BLIND,
    "reference": "items.reference = %(reference)s",
    "report": "items.id IN (SELECT item_id FROM report_items JOIN reports ON reports.id = report_id"
    " WHERE reports.reference = %(reference)s)",
    "message": "items.id IN (SELECT item_id FROM sending_items JOIN sendings ON sendings.id = sending_id"
    " WHERE sendings.reference = %(reference)s)",
    "url_keys": "items.url_key = ANY(%(keys)s::bytea[])",
    "host": "(" + _HOST + ") IS TRUE",  # on a walk: no index of hosts, which would be read to its end
    "asn": _LOCATED
    + "(SELECT true FROM hostings WHERE hostings.item_id = items.id AND "
    + _ASN
    + " LIMIT 1)",
    "operator": _LOCATED
    + "(SELECT true FROM hostings WHERE hostings.item_id = items.id AND "
    + _OPERATOR
    + " LIMIT 1)",
    "since": "items.received_at >= %(since)s",
    "until": "items.received_at < %(until)s",
    "state": "items.state = %(state)s",
    "lane": "items.lane = %(lane)s",
    "danger": "items.lane = %(lane)s AND (items.is_danger_reported OR " + _NOT_BLIND + ")",
    "before": "(items.received_at, items.id) < (%(before_at)s, %(before_id)s::uuid)",
}
_SELECT: LiteralString = "found AS (SELECT items.id, items.received_at FROM items WHERE "
_ROWS: LiteralString = (
    " ORDER BY items.received_at DESC, items.id DESC LIMIT %(limit)s)"
    " SELECT items.id, items.reference, items.kind, items.url, items.file_name, items.state, items.closed_as,"
    " items.lane, items.base_lane, items.reason, items.danger, items.is_danger_reported, items.received_at,"
    " items.report_count AS reports, hosting.operator, hosting.asn, hosting.country"
    " FROM found JOIN items ON items.id = found.id LEFT JOIN LATERAL ("
    "  SELECT operator, asn, country FROM hostings WHERE hostings.item_id = items.id"
    "  ORDER BY located_at DESC, hostings.id DESC LIMIT 1) AS hosting ON true"
    " ORDER BY found.received_at DESC, found.id DESC"
)


def find_few(conn: Connection, values: Mapping[str, Any], terms: SearchTerms) -> str | None:
    """Return which term, host or operator, leaves the fewest items; None where each leaves more than FEW."""
    counts: dict[str, int] = {}
    for name, query in _FEW.items():
        if _has(terms, name):
            row = conn.execute(
                "SELECT count(*) FROM (" + query + ") AS counted", values, prepare=False
            ).fetchone()
            counts[name] = int(row[0]) if row else 0
    fewest = min(counts, key=lambda name: counts[name], default=None)
    return fewest if fewest is not None and counts[fewest] <= FEW else None


def write_query(terms: SearchTerms, *, before: SearchMark | None, few: str | None) -> LiteralString:
    """Return the statement for these terms: fixed texts only, its values stand in `write_values`.

    Args:
        few: the term whose items are found first.
    """
    names = [name for name in ("url_keys", "host", "asn", "operator", "since", "until") if _has(terms, name)]
    by_place = terms.state is not None or terms.lane is Lane.SECOND
    owner = _find_owner(terms.reference) if terms.reference is not None else ""
    if by_place or owner == "message" or terms.asn is not None or terms.operator is not None:
        names.append("not_blind")
    if few is not None:
        names = ["few", *(name for name in names if name != few)]
    if owner:
        names.append(owner)
    if terms.state is not None:
        names.append("state")
    if terms.lane is not None:
        names.append("danger" if terms.lane is Lane.DANGER else "lane")
    if before is not None:
        names.append("before")
    conditions: list[LiteralString] = [_CONDITIONS[name] for name in names] or ["true"]
    first: LiteralString = "WITH few AS MATERIALIZED (" + _FEW[few] + "), " if few is not None else "WITH "
    return first + _SELECT + " AND ".join(conditions) + _ROWS


def _has(terms: SearchTerms, name: str) -> bool:
    return getattr(terms, name) is not None


def _find_owner(reference: str) -> str:
    prefix = reference.partition("-")[0]
    if prefix == _REPORT_PREFIX:
        return "report"
    return "message" if prefix in REFERENCE_PREFIX.values() else "reference"


def write_values(
    terms: SearchTerms, *, before: SearchMark | None, person_id: UUID, assesses: bool, limit: int
) -> dict[str, Any]:
    """Return the values of the statement."""
    end = f"{terms.host[::-1]}." if terms.host else ""
    operator = terms.operator or ""
    return {
        "reference": terms.reference,
        "keys": [bytes.fromhex(key) for key in terms.url_keys or ()],
        "host_from": end,
        "host_below": end[:-1] + "/",  # what follows the dot
        "asn": terms.asn,
        "operator": operator,
        "operator_below": operator + "\U0010ffff",
        "since": terms.since,
        "until": terms.until,
        "state": terms.state,
        "lane": terms.lane,
        "before_at": before.received_at if before else None,
        "before_id": before.id if before else None,
        "person": person_id,
        "assesses": assesses,
        "limit": limit,
        "few": FEW + 1,
    }


def search_items(
    conn: Connection,
    terms: SearchTerms,
    *,
    before: SearchMark | None,
    person_id: UUID,
    assesses: bool,
    limit: int = PAGE_SIZE,
) -> list[FoundItem]:
    """Return the newest items that fit all terms.

    Args:
        before: where the page before this one ended.
        assesses: whether this person may be asked for a second opinion.

    Raises:
        psycopg.errors.QueryCanceled: it took longer than LONGEST_MS; the transaction is lost.
    """
    # A bitmap reads an index to the end of the term, however few rows are wanted of it.
    conn.execute(
        "SELECT set_config('statement_timeout', %(longest)s, true), set_config('enable_bitmapscan', 'off', true)",
        {"longest": str(LONGEST_MS)},
    )
    values = write_values(terms, before=before, person_id=person_id, assesses=assesses, limit=limit)
    few = find_few(conn, values, terms)
    with conn.cursor(row_factory=row_of(FoundItem)) as cursor:
        # Never prepared: a plan that is good for any value is bad for most of them.
        return cursor.execute(
            write_query(terms, before=before, few=few),
            values,
            prepare=False,
        ).fetchall()
