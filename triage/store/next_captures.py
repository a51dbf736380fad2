"""How an item is captured next: on its turn, by which way out, behind whom, and whether it is wanted at all."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from triage.store.rows import Connection


def use_turn(conn: Connection, item_id: UUID) -> None:
    """Say that an item came on its turn, and begins."""
    conn.execute("UPDATE items SET has_turn = false WHERE id = %(id)s AND has_turn", {"id": item_id})


def delay_capture(
    conn: Connection,
    item_id: UUID,
    *,
    tries: int,
    next_try_at: datetime,
    has_turn: bool = False,
    becomes_patient: bool = False,
) -> None:
    """Say when an item is captured next, and how many tries have failed.

    Args:
        has_turn: that time is its turn at its site.
        becomes_patient: others go first from now on.
    """
    conn.execute(
        "UPDATE items SET tries = %(tries)s, next_try_at = %(next_try_at)s, nudged_at = NULL,"
        " has_turn = %(has_turn)s, is_patient = is_patient OR %(becomes_patient)s"
        " WHERE id = %(id)s AND state = 'received'",
        {
            "id": item_id,
            "tries": tries,
            "next_try_at": next_try_at,
            "has_turn": has_turn,
            "becomes_patient": becomes_patient,
        },
    )


def ask_exit(conn: Connection, item_ids: Sequence[UUID], exit_name: str | None) -> None:
    """Say by which way out the next capture of items goes; None: as the rules say."""
    conn.execute(
        "UPDATE items SET asked_exit = %(exit_name)s WHERE id = ANY(%(ids)s)"
        " AND asked_exit IS DISTINCT FROM %(exit_name)s",
        {"ids": list(item_ids), "exit_name": exit_name},
    )


def ask_for_item(conn: Connection, item_id: UUID) -> None:
    """Say that a person wants to see an item, however small it is."""
    conn.execute("UPDATE items SET is_asked_for = true WHERE id = %(id)s", {"id": item_id})


def set_patient(conn: Connection, item_ids: Sequence[UUID], *, is_patient: bool) -> None:
    """Say whether others are captured before these items."""
    conn.execute(
        "UPDATE items SET is_patient = %(is_patient)s WHERE id = ANY(%(ids)s) AND is_patient <> %(is_patient)s",
        {"ids": list(item_ids), "is_patient": is_patient},
    )


def raise_low(conn: Connection, item_ids: Sequence[UUID]) -> None:
    """Say that a person wants these items captured: they wait behind all others no more."""
    conn.execute(
        "UPDATE items SET is_low = false WHERE id = ANY(%(ids)s) AND is_low", {"ids": list(item_ids)}
    )


def end_asking(conn: Connection, item_id: UUID) -> None:
    """Say that an item is captured, or given up: what was asked for that capture is done."""
    conn.execute(
        "UPDATE items SET asked_exit = NULL, is_patient = false"
        " WHERE id = %(id)s AND (asked_exit IS NOT NULL OR is_patient)",
        {"id": item_id},
    )


def is_of_page_only(conn: Connection, item_id: UUID) -> bool:
    """Whether an item is a picture that pages show, that nobody reported itself and nobody asked to see."""
    row = conn.execute(
        "SELECT NOT is_top_level AND NOT is_asked_for AND EXISTS (SELECT FROM shown_children WHERE child_id = items.id)"
        " AND NOT EXISTS (SELECT FROM shown_children WHERE parent_id = items.id)"
        " FROM items WHERE id = %(id)s",
        {"id": item_id},
    ).fetchone()
    return bool(row and row[0])
