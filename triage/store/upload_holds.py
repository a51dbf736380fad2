"""Bytes of uploads on their way, held before any is stored: all processes together leave the disk its room.

Public ones stay under a cap besides; a file that a person asks about is held beside them.
"""

from uuid import UUID

from triage.store.rows import Connection

_LOCK = 7_221_414  # an advisory lock, beside those of the migrations, the lists, the recipients and the turns


def take_hold(conn: Connection, hold_id: UUID, *, size: int, most: int, free: int | None) -> bool:
    """Hold bytes for the files of one report, or for one that is looked up; return whether there was room.

    Args:
        size: bytes on the disk, at least 1.
        most: bytes that what is on its way and the stored public uploads may take in all.
        free: bytes that the disk has left for what is on its way; None where nobody can say.
    """
    # Who asks at the same time waits here, and then reads what was held just before.
    conn.execute("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": _LOCK})
    conn.execute("DELETE FROM upload_holds WHERE taken_at <= now() - interval '45 minutes'")
    taken = conn.execute(
        "INSERT INTO upload_holds (id, bytes) SELECT %(id)s, %(size)s FROM public_upload_bytes"
        " WHERE held + stored + %(size)s <= %(most)s"
        " AND held + %(size)s <= COALESCE(%(free)s, held + %(size)s)",
        {"id": hold_id, "size": size, "most": most, "free": free},
    )
    return taken.rowcount == 1


def end_hold(conn: Connection, hold_id: UUID) -> None:
    """Give held bytes back: the files are stored with their report, or gone."""
    conn.execute("DELETE FROM upload_holds WHERE id = %(id)s", {"id": hold_id})
