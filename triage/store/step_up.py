"""What a session knows of its person's last proof: when it was, and how many failed since."""

from datetime import datetime

from triage.store.rows import Connection


def note_confirmation(conn: Connection, digest: bytes, *, now: datetime) -> bool:
    """Note that the person of a session proved just now that it is still them; False when it has ended."""
    noted = conn.execute(
        "UPDATE sessions SET confirmed_at = greatest(%(now)s, started_at), failed_confirmations = 0"
        " WHERE token_digest = %(digest)s AND ended_at IS NULL",
        {"digest": digest, "now": now},
    )
    return noted.rowcount == 1


def note_failed_confirmation(conn: Connection, digest: bytes) -> int:
    """Count one wrong confirmation of a session; return how many there are in a row."""
    row = conn.execute(
        "UPDATE sessions SET failed_confirmations = failed_confirmations + 1"
        " WHERE token_digest = %(digest)s AND ended_at IS NULL RETURNING failed_confirmations",
        {"digest": digest},
    ).fetchone()
    return int(row[0]) if row else 0
