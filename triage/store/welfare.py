"""Who looks at pictures, what was avoided, what became of a person's items; who looked at whose figures."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from triage.ids import new_id
from triage.rules.states import ClosedAs
from triage.store.rows import Connection, row_of

LISTED_AT_MOST = 200
_GONE = [ClosedAs.REMOVED.value, ClosedAs.REMOVED_BEFORE_NOTICE.value]
_COUNTED_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Looker:
    """Somebody who looks at pictures, or did."""

    id: UUID
    name: str
    is_here: bool


def list_lookers(conn: Connection) -> list[Looker]:
    """Return who looks or looked at pictures, by name."""
    with conn.cursor(row_factory=row_of(Looker)) as cursor:
        return cursor.execute(
            "SELECT persons.id, name, disabled_at IS NULL AND EXISTS (SELECT FROM person_roles"
            "  WHERE person_roles.person_id = persons.id AND role IN ('analyst', 'lead')) AS is_here"
            " FROM look_starts JOIN persons ON persons.id = person_id ORDER BY name, persons.id LIMIT %(limit)s",
            {"limit": LISTED_AT_MOST},
        ).fetchall()


def count_avoided(conn: Connection, *, since: datetime) -> dict[date, int]:
    """Return how many known pictures were confirmed without a look, by local day."""
    rows = conn.execute(
        "SELECT (assessed_at AT TIME ZONE 'Europe/Tirane')::date AS day, count(*) FROM assessments"
        " WHERE basis = 'exact_hash' AND assessed_at >= %(since)s GROUP BY day ORDER BY day",
        {"since": since},
    ).fetchall()
    return {day: int(number) for day, number in rows}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the items that a person judged illegal: how many there are, and how many are gone."""

    items: int
    gone: int


def read_outcome(conn: Connection, person_id: UUID, *, since: datetime) -> Outcome:
    """Count the items that a person judged illegal since a time; a thousand of them are enough."""
    row = conn.execute(
        "SELECT count(*), count(*) FILTER (WHERE closed_as = ANY(%(gone)s)) FROM items WHERE id IN ("
        " SELECT COALESCE(judged.item_id, item_images.item_id) FROM ("
        "  SELECT item_id, image_id FROM assessments WHERE person_id = %(person)s AND assessed_at >= %(since)s"
        "  AND national = 'illegal' ORDER BY assessed_at DESC LIMIT %(limit)s) AS judged"
        " LEFT JOIN LATERAL (SELECT item_id FROM item_images WHERE item_images.image_id = judged.image_id"
        "  ORDER BY item_id LIMIT %(limit)s) AS item_images ON true LIMIT %(limit)s)",
        {"person": person_id, "since": since, "gone": _GONE, "limit": _COUNTED_AT_MOST},
    ).fetchone()
    return Outcome(int(row[0]), int(row[1])) if row else Outcome(0, 0)


def hides_outcome(conn: Connection, person_id: UUID) -> bool:
    """Whether a person would rather not read what became of their items."""
    found = conn.execute("SELECT FROM hidden_outcomes WHERE person_id = %(person)s", {"person": person_id})
    return found.fetchone() is not None


def change_outcome(conn: Connection, person_id: UUID, *, is_hidden: bool) -> None:
    """Hide or show what became of a person's items."""
    if is_hidden:
        conn.execute(
            "INSERT INTO hidden_outcomes (person_id) VALUES (%(person)s) ON CONFLICT DO NOTHING",
            {"person": person_id},
        )
    else:
        conn.execute("DELETE FROM hidden_outcomes WHERE person_id = %(person)s", {"person": person_id})


@dataclass(frozen=True, slots=True)
class Said:
    """What a lead did about a person: looked at their figures, or allowed them another cap for a day; and why.

    Attributes:
        minutes, looks: that were allowed; None where the lead looked.
    """

    by: str
    at: datetime
    reason: str
    minutes: int | None
    looks: int | None


def insert_figures_seen(
    conn: Connection, person_id: UUID, *, seen_by: UUID, reason: str, now: datetime
) -> None:
    """Store that a lead looked at a person's figures."""
    conn.execute(
        "INSERT INTO figures_seen (id, person_id, seen_by, reason, at)"
        " VALUES (%(id)s, %(person)s, %(by)s, %(reason)s, %(now)s)",
        {"id": new_id(), "person": person_id, "by": seen_by, "reason": reason, "now": now},
    )


def list_said(conn: Connection, person_id: UUID, *, limit: int) -> list[Said]:
    """Return what leads did about a person, newest first."""
    with conn.cursor(row_factory=row_of(Said)) as cursor:
        return cursor.execute(
            "SELECT persons.name AS by, at, reason, minutes, looks FROM ("
            "  (SELECT id, seen_by AS who, at, reason, NULL::integer AS minutes, NULL::integer AS looks"
            "   FROM figures_seen WHERE person_id = %(person)s ORDER BY at DESC, id DESC LIMIT %(limit)s)"
            "  UNION ALL (SELECT id, made_by, at, reason, seconds / 60, looks FROM exposure_overrides"
            "   WHERE person_id = %(person)s ORDER BY at DESC, id DESC LIMIT %(limit)s)) AS said"
            " JOIN persons ON persons.id = who ORDER BY at DESC, said.id DESC LIMIT %(limit)s",
            {"person": person_id, "limit": limit},
        ).fetchall()
