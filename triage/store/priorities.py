"""Scores: which items are due for one, what counts of them, and what came of it. For the sweep."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from triage.rules.priority import Score
from triage.store.rows import Connection, row_of

_MOST_WORDS = 50


@dataclass(frozen=True, slots=True)
class CountedItem:
    """What of an item counts, as it is stored.

    Attributes:
        is_new: it shows a picture that no list has and nobody settled.
        has_known: it shows a picture that is known.
        since: when its clock began: with its first report, or when it came back.
        host, country: of its address; the country of who hosts it, as far as that is known.
        words: (scale, word) of the lists that have its pictures.
        note_flags: what the notes of its reports speak of, as it was told when they came in.
    """

    id: UUID
    is_danger: bool
    is_danger_reported: bool
    is_new: bool
    has_known: bool
    reports: int
    is_partner: bool
    since: datetime
    host: str | None
    country: str | None
    words: list[tuple[str, str]]
    note_flags: list[str]


def lock_due(conn: Connection, *, now: datetime, limit: int) -> tuple[list[UUID], int]:
    """Return and lock items whose score is due, at most twice `limit`, and forget what made them so.

    What somebody holds just now stays due for the next time.

    Returns:
        The items, and how many notes were forgotten; some of them are of items that wait no more.
    """
    noted = conn.execute(
        "SELECT id, item_id FROM score_dues ORDER BY id LIMIT %(limit)s", {"limit": limit}
    ).fetchall()
    locked = conn.execute(
        "SELECT id FROM items WHERE base_lane IS NOT NULL AND is_top_level AND id IN ("
        " SELECT unnest(%(noted)s::uuid[])"
        " UNION ALL (SELECT id FROM items WHERE score_due_at <= %(now)s ORDER BY score_due_at, id LIMIT %(limit)s))"
        " ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
        {"noted": [item_id for _, item_id in noted], "now": now, "limit": limit},
    ).fetchall()
    due = [row[0] for row in locked]
    forgotten = conn.execute(
        "DELETE FROM score_dues WHERE id = ANY(%(ids)s) AND (item_id = ANY(%(due)s) OR NOT EXISTS ("
        " SELECT FROM items WHERE items.id = item_id AND base_lane IS NOT NULL AND is_top_level))",
        {"ids": [due_id for due_id, _ in noted], "due": due},
    )
    return due, forgotten.rowcount


def read_counted(conn: Connection, item_ids: Sequence[UUID]) -> list[CountedItem]:
    """Return what counts of items, in the order of their ids."""
    with conn.cursor(row_factory=row_of(CountedItem)) as cursor:
        return cursor.execute(
            "SELECT items.id, items.danger AS is_danger, items.is_danger_reported, items.report_count AS reports,"
            " items.base_lane = 'partner' AS is_partner, items.url_host AS host,"
            " COALESCE(items.round_began_at, items.received_at) AS since,"
            " COALESCE(hosted.country, announced.country) AS country,"
            " COALESCE(shown.is_new, false) AS is_new, COALESCE(shown.has_known, false) AS has_known,"
            " COALESCE(said.words, '[]') AS words, items.note_flags"
            " FROM items"
            " LEFT JOIN LATERAL (SELECT country FROM hostings WHERE hostings.item_id = items.id"
            "  ORDER BY located_at DESC, hostings.id DESC LIMIT 1) AS hosted ON true"
            " LEFT JOIN LATERAL (SELECT jsonb_path_query_array(hops, '$[*] ? (!(@.led_by == \"frame\"))')"
            "  -> -1 ->> 'address' AS address FROM captures WHERE captures.id = items.capture_id)"
            "  AS captured ON true"
            " LEFT JOIN LATERAL (SELECT country FROM networks"
            "  WHERE pg_input_is_valid(captured.address, 'inet') AND networks.prefix >>= captured.address::inet"
            "  ORDER BY masklen(networks.prefix) DESC, networks.prefix LIMIT 1) AS announced ON true"
            " LEFT JOIN LATERAL (SELECT array_agg(DISTINCT image_id) AS image_ids, bool_or(is_known) AS has_known,"
            "  bool_or(images.state <> 'settled' AND NOT EXISTS (SELECT FROM live_matches"
            "   WHERE live_matches.image_id = images.id)) AS is_new"
            "  FROM shown_images JOIN images ON images.id = image_id"
            "  WHERE shown_images.item_id = items.id OR shown_images.item_id IN ("
            "   SELECT child_id FROM shown_children WHERE parent_id = items.id)) AS shown ON true"
            " LEFT JOIN LATERAL (SELECT jsonb_agg(jsonb_build_array(raw_scheme, raw_value)) AS words FROM ("
            "  SELECT DISTINCT raw_scheme, raw_value FROM live_matches"
            "  JOIN hash_entries ON hash_entries.id = entry_id WHERE image_id = ANY(shown.image_ids)"
            "  ORDER BY raw_scheme, raw_value LIMIT %(words)s) AS one) AS said ON true"
            " WHERE items.id = ANY(%(ids)s) ORDER BY items.id",
            {"ids": list(item_ids), "words": _MOST_WORDS},
        ).fetchall()


def write_score(conn: Connection, item: CountedItem, score: Score) -> None:
    """Store a score with its parts, and when it is due again."""
    conn.execute(
        "UPDATE items SET score = %(score)s, blind_score = %(blind)s, score_parts = %(parts)s,"
        " score_due_at = %(next)s, has_known = %(has_known)s, host_country = %(country)s WHERE id = %(id)s",
        {
            "id": item.id,
            "score": score.total,
            "blind": score.blind_total,
            "parts": Jsonb({part.value: points for part, points in score.parts.items()}),
            "next": score.next_at,
            "has_known": item.has_known,
            "country": item.country,
        },
    )
