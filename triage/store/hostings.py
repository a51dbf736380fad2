"""Hostings: who hosts an item, as it was found or as a person decided it. Rows are only added."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from triage.ids import new_id
from triage.model import Hosting
from triage.rules.states import Agreement
from triage.store.rows import Connection, row_of

_SELECT = (
    "SELECT hostings.id, item_id, host(address) AS address, asn, operator, country, sources, agreement,"
    " hostings.reason, decided_by, located_at FROM hostings"
)
_NEWEST_FIRST = " ORDER BY located_at DESC, hostings.id DESC LIMIT 1"


def insert_hosting(
    conn: Connection,
    item_id: UUID,
    *,
    round_: int,
    address: str | None,
    asn: int | None,
    operator: str | None,
    country: str | None,
    sources: Sequence[Mapping[str, str | int | None]],
    agreement: Agreement,
    reason: str | None,
    now: datetime,
    decided_by: UUID | None = None,
) -> Hosting:
    """Store who hosts an item and return it as it stands."""
    hosting = Hosting(
        id=new_id(),
        item_id=item_id,
        address=address,
        asn=asn,
        operator=operator,
        country=country,
        sources=[dict(source) for source in sources],
        agreement=agreement,
        reason=reason,
        decided_by=decided_by,
        located_at=now,
    )
    conn.execute(
        "INSERT INTO hostings (id, item_id, address, asn, operator, country, sources, agreement, reason,"
        " decided_by, located_at, round) VALUES (%(id)s, %(item_id)s, %(address)s, %(asn)s, %(operator)s,"
        " %(country)s, %(sources)s, %(agreement)s, %(reason)s, %(decided_by)s, %(now)s, %(round)s)",
        {
            "id": hosting.id,
            "item_id": item_id,
            "address": address,
            "asn": asn,
            "operator": operator,
            "country": country,
            "sources": json.dumps(hosting.sources),
            "agreement": agreement,
            "reason": reason,
            "decided_by": decided_by,
            "now": now,
            "round": round_,
        },
    )
    return hosting


def find_newest(conn: Connection, item_id: UUID, *, round_: int) -> Hosting | None:
    """Return the newest hosting of an item in this round, whatever it says."""
    with conn.cursor(row_factory=row_of(Hosting)) as cursor:
        return cursor.execute(
            _SELECT + " WHERE item_id = %(id)s AND round = %(round)s" + _NEWEST_FIRST,
            {"id": item_id, "round": round_},
        ).fetchone()


def find_agreed(conn: Connection, item_id: UUID, *, round_: int) -> Hosting | None:
    """Return the newest agreed hosting of an item in this round: the one that its notices went by."""
    with conn.cursor(row_factory=row_of(Hosting)) as cursor:
        return cursor.execute(
            _SELECT
            + " WHERE item_id = %(id)s AND round = %(round)s AND agreement = 'agreed'"
            + _NEWEST_FIRST,
            {"id": item_id, "round": round_},
        ).fetchone()


def find_standing_decision(conn: Connection, item_id: UUID) -> Hosting | None:
    """Return the hosting by whose decision an item became actionable; None when it became so otherwise.

    The decision and the move bear one time. An item that became actionable again later, because it moved or
    was said not to be theirs, is located anew.
    """
    with conn.cursor(row_factory=row_of(Hosting)) as cursor:
        return cursor.execute(
            _SELECT + " JOIN items ON items.id = hostings.item_id AND items.round = hostings.round"
            " WHERE item_id = %(id)s AND decided_by IS NOT NULL AND located_at >= items.moved_at"
            + _NEWEST_FIRST,
            {"id": item_id},
        ).fetchone()


def read_captured_address(conn: Connection, item_id: UUID) -> str | None:
    """Return the last address that an item's last successful capture dialled; None where the way out resolved it."""
    row = conn.execute(
        "SELECT NULLIF(jsonb_path_query_array(captures.hops, '$[*] ? (!(@.led_by == \"frame\"))')"
        " -> -1 ->> 'address', '') FROM items"
        " JOIN captures ON captures.id = items.capture_id WHERE items.id = %(id)s",
        {"id": item_id},
    ).fetchone()
    return row[0] if row else None


def read_refused_asns(conn: Connection, item_id: UUID) -> frozenset[int]:
    """Return the ASNs whose operators answered of this item that it is not theirs."""
    rows = conn.execute(
        "SELECT DISTINCT sendings.asn FROM sendings JOIN sending_items ON sending_id = sendings.id"
        " WHERE sending_items.item_id = %(id)s AND answer = 'not_ours' AND sendings.asn IS NOT NULL",
        {"id": item_id},
    ).fetchall()
    return frozenset(row[0] for row in rows)
