"""Recoveries of persons who lost all ways in. Links are here only as digests."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.model import PersonRole
from triage.rules.recovery import RecoveryState, RecoveryWay, Standing
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class Recovery:
    """One recovery as it stands.

    Attributes:
        name: of the person who is let in again.
        asked_as: the role in which somebody asked; None where it was done on the machine.
        used_at: when its link was used.
        disabled_at: when the person was disabled, if they are.
    """

    id: UUID
    person_id: UUID
    name: str
    way: RecoveryWay
    state: RecoveryState
    reason: str
    asked_by: UUID | None
    asked_by_name: str | None
    asked_as: PersonRole | None
    asked_at: datetime
    expires_at: datetime
    decided_by_name: str | None
    decided_at: datetime | None
    decision: str | None
    used_at: datetime | None
    disabled_at: datetime | None


def read_standing(conn: Connection, person_id: UUID) -> Standing | None:
    """Return how long somebody has stood where they stand; None for who does not work here."""
    roles = conn.execute(
        "SELECT role::text, since FROM person_roles JOIN persons ON persons.id = person_id"
        " WHERE person_id = %(id)s AND disabled_at IS NULL ORDER BY role",
        {"id": person_id},
    ).fetchall()
    row = conn.execute(
        "SELECT (SELECT max(used_at) FROM join_links WHERE person_id = %(id)s AND used_at IS NOT NULL),"
        " (SELECT min(created_at) FROM persons)",
        {"id": person_id},
    ).fetchone()
    if not roles or row is None:
        return None
    return Standing({PersonRole(role): since for role, since in roles}, *row)


def count_unapproved(conn: Connection, asked_by: UUID, *, since: datetime) -> int:
    """Count what somebody asked for since a time and nobody approved; their next ask waits until this one commits."""
    conn.execute("SELECT FROM persons WHERE id = %(by)s FOR NO KEY UPDATE", {"by": asked_by})
    row = conn.execute(
        "SELECT count(*) FROM recoveries"
        " WHERE asked_by = %(by)s AND asked_at > %(since)s AND state <> 'approved'",
        {"by": asked_by, "since": since},
    ).fetchone()
    return int(row[0]) if row else 0


def insert_asked(
    conn: Connection,
    recovery_id: UUID,
    person_id: UUID,
    *,
    reason: str,
    asked_by: UUID,
    asked_as: PersonRole,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Store that somebody asks for a recovery; the database refuses a second open one of a person."""
    conn.execute(
        "INSERT INTO recoveries (id, person_id, way, state, reason, asked_by, asked_as, asked_at, expires_at)"
        " VALUES (%(id)s, %(person)s, 'console', 'asked', %(reason)s, %(by)s, %(as)s, %(now)s, %(expires_at)s)",
        {
            "id": recovery_id,
            "person": person_id,
            "reason": reason,
            "by": asked_by,
            "as": asked_as,
            "now": now,
            "expires_at": expires_at,
        },
    )


def insert_done_on_machine(
    conn: Connection,
    recovery_id: UUID,
    person_id: UUID,
    *,
    reason: str,
    link_digest: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Store a recovery that was done on the machine, with its link."""
    conn.execute(
        "INSERT INTO recoveries (id, person_id, way, state, reason, asked_at, expires_at, decided_at, link_digest)"
        " VALUES (%(id)s, %(person)s, 'machine', 'approved', %(reason)s, %(now)s, %(expires_at)s, %(now)s, %(link)s)",
        {
            "id": recovery_id,
            "person": person_id,
            "reason": reason,
            "link": link_digest,
            "now": now,
            "expires_at": expires_at,
        },
    )


def find_recovery(conn: Connection, recovery_id: UUID) -> Recovery | None:
    """Return a recovery."""
    with conn.cursor(row_factory=row_of(Recovery)) as cursor:
        return cursor.execute(
            "SELECT id, person_id, name, way, state, reason, asked_by, asked_by_name, asked_as, asked_at,"
            " expires_at, decided_by_name, decided_at, decision, used_at, disabled_at FROM told_recoveries"
            " WHERE id = %(id)s",
            {"id": recovery_id},
        ).fetchone()


def list_recoveries(conn: Connection, *, since: datetime, now: datetime, limit: int) -> list[Recovery]:
    """Return the recoveries that were asked for since a time: open ones, approved ones, all others; newest first.

    However many were refused or waited in vain, they push no other off the list.
    """
    with conn.cursor(row_factory=row_of(Recovery)) as cursor:
        return cursor.execute(
            "SELECT id, person_id, name, way, state, reason, asked_by, asked_by_name, asked_as, asked_at,"
            " expires_at, decided_by_name, decided_at, decision, used_at, disabled_at FROM told_recoveries"
            " WHERE asked_at >= %(since)s ORDER BY state = 'asked' AND expires_at > %(now)s DESC,"
            " state = 'approved' DESC, asked_at DESC, id DESC LIMIT %(limit)s",
            {"since": since, "now": now, "limit": limit},
        ).fetchall()


@dataclass(frozen=True, slots=True)
class RecoveryNews:
    """What the first page says of recoveries.

    Attributes:
        count: how many are open or were approved; what came to nothing is no news.
        is_own_open: whether somebody asks for this person's.
    """

    count: int
    is_own_open: bool


def read_news(conn: Connection, person_id: UUID, *, since: datetime, now: datetime) -> RecoveryNews:
    """Return what a person is told of the recoveries that were asked for since a time."""
    row = conn.execute(
        "SELECT count(*), coalesce(bool_or(person_id = %(person)s AND state = 'asked'), false) FROM recoveries"
        " WHERE asked_at >= %(since)s AND (state = 'approved' OR state = 'asked' AND expires_at > %(now)s)",
        {"person": person_id, "since": since, "now": now},
    ).fetchone()
    return RecoveryNews(*row) if row else RecoveryNews(0, is_own_open=False)


def approve(
    conn: Connection,
    recovery_id: UUID,
    *,
    by: UUID,
    as_role: PersonRole,
    decision: str,
    link_digest: bytes,
    now: datetime,
) -> bool:
    """Note the second person's yes and the link; False when it was not open."""
    changed = conn.execute(
        "UPDATE recoveries SET state = 'approved', decided_by = %(by)s, decided_as = %(as)s,"
        " decided_at = %(now)s, decision = %(decision)s, link_digest = %(link)s"
        " WHERE id = %(id)s AND state = 'asked' AND expires_at > %(now)s",
        {"id": recovery_id, "by": by, "as": as_role, "decision": decision, "link": link_digest, "now": now},
    )
    return changed.rowcount == 1


def refuse(
    conn: Connection, recovery_id: UUID, *, by: UUID, as_role: PersonRole, decision: str, now: datetime
) -> bool:
    """Note a no; False when it was not open."""
    changed = conn.execute(
        "UPDATE recoveries SET state = 'refused', decided_by = %(by)s, decided_as = %(as)s,"
        " decided_at = %(now)s, decision = %(decision)s WHERE id = %(id)s AND state = 'asked'",
        {"id": recovery_id, "by": by, "as": as_role, "decision": decision, "now": now},
    )
    return changed.rowcount == 1


def expire(conn: Connection, person_id: UUID, *, now: datetime) -> None:
    """End what a person's recovery waited for in vain."""
    conn.execute(
        "UPDATE recoveries SET state = 'expired'"
        " WHERE person_id = %(person)s AND state = 'asked' AND expires_at <= %(now)s",
        {"person": person_id, "now": now},
    )


def is_recovery_link(conn: Connection, link_digest: bytes) -> bool:
    """Whether a one-time link came of a recovery: whoever uses it starts anew."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM recoveries WHERE link_digest = %(link)s)", {"link": link_digest}
    ).fetchone()
    return bool(row and row[0])
