"""Hand-ons: what was of another remit, and to whom it went."""

from datetime import datetime
from uuid import UUID

from triage.store.rows import Connection


def insert_hand_on(
    conn: Connection,
    item_id: UUID,
    person_id: UUID,
    *,
    to_whom: str,
    recipient_id: UUID | None,
    now: datetime,
) -> None:
    """Store that an item was handed on."""
    conn.execute(
        "INSERT INTO hand_ons (item_id, to_whom, recipient_id, person_id, handed_on_at)"
        " VALUES (%(item_id)s, %(to_whom)s, %(recipient_id)s, %(person_id)s, %(now)s)",
        {
            "item_id": item_id,
            "to_whom": to_whom,
            "recipient_id": recipient_id,
            "person_id": person_id,
            "now": now,
        },
    )
