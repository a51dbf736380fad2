"""Police holds: items whose notices wait until somebody at the police says that they may go."""

from datetime import datetime
from uuid import UUID

from triage.ids import new_id
from triage.store.rows import Connection


def set_hold(conn: Connection, item_id: UUID, round_: int, person_id: UUID, *, now: datetime) -> None:
    """Store that an item is held in this round."""
    conn.execute(
        "INSERT INTO police_holds (id, item_id, round, set_by, set_at)"
        " VALUES (%(id)s, %(item_id)s, %(round)s, %(person_id)s, %(now)s)",
        {"id": new_id(), "item_id": item_id, "round": round_, "person_id": person_id, "now": now},
    )


def lift_hold(
    conn: Connection, item_id: UUID, round_: int, person_id: UUID, *, said_so: str, now: datetime
) -> bool:
    """Store who at the police said so; return False when it was lifted before.

    Args:
        said_so: name or rank of the officer, as the analyst was told.
    """
    return (
        conn.execute(
            "UPDATE police_holds SET lifted_by = %(person_id)s, lifted_at = greatest(%(now)s, set_at),"
            " said_so = %(said_so)s"
            " WHERE item_id = %(item_id)s AND round = %(round)s AND lifted_at IS NULL",
            {
                "item_id": item_id,
                "round": round_,
                "person_id": person_id,
                "said_so": said_so,
                "now": now,
            },
        ).rowcount
        == 1
    )
