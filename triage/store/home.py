"""What the first page of the console counts. Reads only."""

from triage.rules.states import Lane
from triage.store.rows import Connection


def count_lanes(conn: Connection) -> dict[Lane, int]:
    """Return how many top-level items wait in each lane; lanes without one are there too."""
    rows = conn.execute(
        "SELECT lane::text, count(*) FROM items WHERE lane IS NOT NULL AND is_top_level GROUP BY lane"
    ).fetchall()
    found = {Lane(lane): int(number) for lane, number in rows}
    return {lane: found.get(lane, 0) for lane in Lane}
