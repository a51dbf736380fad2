"""What kind of deployment this is, and the names of practice that resolve to loopback."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from triage.errors import NotAllowedError
from triage.store.rows import Connection

Kind = Literal["live", "practice"]


def read_kind(conn: Connection) -> Kind | None:
    """Return what this deployment is; None before it was ever started."""
    row = conn.execute("SELECT kind FROM deployment").fetchone()
    return row[0] if row else None


def write_kind(conn: Connection, kind: Kind, *, now: datetime) -> None:
    """Write what this deployment is, once.

    Raises:
        NotAllowedError: it was written before, as the other kind.
    """
    conn.execute(
        "INSERT INTO deployment (kind, set_at) VALUES (%(kind)s, %(now)s) ON CONFLICT DO NOTHING",
        {"kind": kind, "now": now},
    )
    if read_kind(conn) != kind:
        raise NotAllowedError(f"This database is not a {kind} one, and that is never changed.")


def replace_practice_names(
    conn: Connection, names: Mapping[str, str | Sequence[str]], *, dial_host: str, dial_port: int
) -> None:
    """Say which practice names there are (host → its documentation addresses) and where they are served.

    The database refuses this when it is not a practice one.
    """
    conn.execute("DELETE FROM practice_names")
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO practice_names (host, address, dial_host, dial_port)"
            " VALUES (%(host)s, %(address)s, %(dial_host)s, %(dial_port)s)",
            [
                {"host": host, "address": address, "dial_host": dial_host, "dial_port": dial_port}
                for host, addresses in sorted(names.items())
                for address in ((addresses,) if isinstance(addresses, str) else addresses)
            ],
        )


def date_back(conn: Connection, item_id: UUID, by: timedelta, *, now: datetime) -> None:
    """Let an item have come in longer ago than it did; its score is due.

    Raises:
        NotAllowedError: the database is not a practice one.
    """
    moved = conn.execute(
        "UPDATE items SET received_at = LEAST(received_at, %(since)s), score_due_at = 'epoch'"
        " WHERE id = %(id)s AND EXISTS (SELECT FROM deployment WHERE kind = 'practice')",
        {"id": item_id, "since": now - by},
    )
    if moved.rowcount != 1:
        raise NotAllowedError("Only what waits in a practice database is dated back.")


def read_practice_names(conn: Connection) -> list[tuple[str, str, str, int]]:
    """Return (host, address, host to dial, port to dial); empty in a live database."""
    rows = conn.execute(
        "SELECT host, host(address) AS address, host(dial_host) AS dial_host, dial_port"
        " FROM practice_names ORDER BY practice_names.host, practice_names.address"
    ).fetchall()
    return [(row[0], row[1], row[2], row[3]) for row in rows]
