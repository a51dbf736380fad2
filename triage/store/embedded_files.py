"""Pictures that a page carries inside its own text: the same bytes on the same page are one item."""

from collections.abc import Sequence
from uuid import UUID

from triage.store.rows import Connection


def read_embedded(conn: Connection, page_id: UUID, digests: Sequence[bytes]) -> dict[bytes, UUID]:
    """Return the items of those of these bytes (SHA-256, 32 bytes) that a page carried before."""
    rows = conn.execute(
        "SELECT sha256, item_id FROM embedded_files WHERE page_id = %(page)s AND sha256 = ANY(%(digests)s)",
        {"page": page_id, "digests": list(digests)},
    ).fetchall()
    return {bytes(row[0]): row[1] for row in rows}


def count_embedded(conn: Connection, page_id: UUID) -> int:
    """Return how many distinct pictures a page has carried so far."""
    row = conn.execute(
        "SELECT count(*) FROM embedded_files WHERE page_id = %(page)s", {"page": page_id}
    ).fetchone()
    return int(row[0]) if row else 0


def insert_embedded(conn: Connection, page_id: UUID, sha256: bytes, item_id: UUID) -> None:
    """Say which item stands for these bytes of a page."""
    conn.execute(
        "INSERT INTO embedded_files (page_id, sha256, item_id) VALUES (%(page)s, %(sha256)s, %(item)s)",
        {"page": page_id, "sha256": sha256, "item": item_id},
    )
