"""How much waits in each lane, counted only so far as anybody needs to know. Reads only."""

from uuid import UUID

from triage.rules.states import Lane
from triage.store.rows import Connection

COUNTED_AT_MOST = 1000
"""More than that is not counted; one more says that there are more."""


def count_lanes(conn: Connection, person_id: UUID | None = None) -> dict[Lane, int]:
    """Return how many top-level items wait in each lane, at most COUNTED_AT_MOST + 1; lanes without one are there too.

    Args:
        person_id: whose second lane is counted: without what they judged first; None: nobody's.
    """
    rows = conn.execute(
        "SELECT lane.name, counted.number FROM unnest(%(lanes)s::lane[]) AS lane (name) CROSS JOIN LATERAL ("
        " SELECT count(*) AS number FROM (SELECT FROM items WHERE is_top_level AND items.lane = lane.name"
        "  ORDER BY queue_place, received_at, id LIMIT %(limit)s) AS few) AS counted"
        " UNION ALL SELECT 'second'::lane, count(*) FROM (SELECT FROM items WHERE is_in_second"
        "  AND (%(person)s::uuid IS NULL OR first_by IS DISTINCT FROM %(person)s)"
        "  ORDER BY second_place, received_at, id LIMIT %(limit)s) AS few",
        {
            "lanes": [lane.value for lane in Lane if lane is not Lane.SECOND],
            "limit": COUNTED_AT_MOST + 1,
            "person": person_id,
        },
    ).fetchall()
    found = {Lane(lane): int(number) for lane, number in rows}
    return {lane: found[lane] for lane in Lane}
