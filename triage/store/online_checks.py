"""Online checks, and what an item showed in its last capture, against which they are judged."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hashsets.model import Algorithm, Fingerprint
from triage.ids import new_id
from triage.rules.online import PastCheck, ShownBefore, ShownChild
from triage.rules.page_kinds import PageKind
from triage.rules.states import ClosedAs, OnlineResult
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """What one check met.

    Attributes:
        status: HTTP status of the last answer; None without one.
        sha256: of its body, 32 bytes.
        address: the address that answered, and `asn` of its network.
        reason: why it is not online, in words.
    """

    status: int | None = None
    sha256: bytes | None = None
    address: str | None = None
    asn: int | None = None
    reason: str | None = None


def insert_check(
    conn: Connection, item_id: UUID, result: OnlineResult, facts: CheckFacts, *, round_: int, now: datetime
) -> UUID:
    """Store one check of an item that the caller has locked; return its id.

    Ids of an item only grow, also when the clock was set back (RFC 9562, section 6.2): they tell the order.
    """
    row = conn.execute(
        "SELECT id FROM online_checks WHERE item_id = %(id)s ORDER BY id DESC LIMIT 1", {"id": item_id}
    ).fetchone()
    check_id = new_id()
    if row is not None and check_id <= row[0]:
        check_id = UUID(int=row[0].int + 1)
    conn.execute(
        "INSERT INTO online_checks (id, item_id, result, status, sha256, checked_at, round, address, asn, reason)"
        " VALUES (%(id)s, %(item_id)s, %(result)s, %(status)s, %(sha256)s, %(now)s, %(round)s, %(address)s,"
        " %(asn)s, %(reason)s)",
        {
            "id": check_id,
            "item_id": item_id,
            "result": result,
            "status": facts.status,
            "sha256": facts.sha256,
            "now": now,
            "round": round_,
            "address": facts.address,
            "asn": facts.asn,
            "reason": facts.reason,
        },
    )
    return check_id


def read_last_checks(conn: Connection, item_id: UUID, *, round_: int, limit: int) -> list[PastCheck]:
    """Return the last checks of an item in this round, oldest first, in the order in which they were recorded."""
    with conn.cursor(row_factory=row_of(PastCheck)) as cursor:
        newest_first = cursor.execute(
            "SELECT result, checked_at FROM online_checks WHERE item_id = %(id)s AND round = %(round)s"
            " ORDER BY id DESC LIMIT %(limit)s",
            {"id": item_id, "round": round_, "limit": limit},
        ).fetchall()
    return newest_first[::-1]


def read_shown(conn: Connection, item_id: UUID) -> ShownBefore:
    """Return what an item showed in its last successful capture."""
    capture = conn.execute(
        "SELECT captures.sha256, page_kind, exit_name FROM items JOIN captures ON captures.id = items.capture_id"
        " WHERE items.id = %(id)s",
        {"id": item_id},
    ).fetchone()
    images = conn.execute(
        "SELECT images.sha256 FROM shown_images JOIN images ON images.id = shown_images.image_id"
        " WHERE shown_images.item_id = %(id)s ORDER BY images.id",
        {"id": item_id},
    ).fetchall()
    fingerprints = conn.execute(
        "SELECT value, version, frame, orientation, quality FROM fingerprints"
        " JOIN shown_images ON shown_images.image_id = fingerprints.image_id"
        " WHERE shown_images.item_id = %(id)s AND algorithm = 'pdq' AND orientation = 'r0'"
        " ORDER BY fingerprints.image_id, frame, fingerprints.id",
        {"id": item_id},
    ).fetchall()
    children = conn.execute(
        "SELECT items.url, items.closed_as, embedded_files.sha256 FROM shown_children"
        " JOIN items ON items.id = child_id"
        " LEFT JOIN embedded_files ON page_id = parent_id AND embedded_files.item_id = child_id"
        " WHERE parent_id = %(id)s ORDER BY place, items.id",
        {"id": item_id},
    ).fetchall()
    sha256, kind, exit_name = capture if capture else (None, None, None)
    return ShownBefore(
        body=bytes(sha256) if sha256 is not None else None,
        images=tuple(bytes(row[0]) for row in images),
        fingerprints=tuple(Fingerprint(Algorithm.PDQ, bytes(row[0]).hex(), *row[1:]) for row in fingerprints),
        children=tuple(
            ShownChild(url, ClosedAs(closed_as) if closed_as else None, bytes(carried) if carried else None)
            for url, closed_as, carried in children
        ),
        kind=PageKind(kind) if kind else None,
        exit_name=exit_name or "",
    )
