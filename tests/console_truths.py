"""What must be true of leases, looks, words and the queue, asked by SQL of its own: nothing here calls what it checks.

`find_locks` says by raw rows why somebody may not look now; `find_faults` what is wrong with the whole desk, after each
step of a walk; both in the walk's time.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

TIRANE = ZoneInfo("Europe/Tirane")
CEILING_S, CEILING_LOOKS, RAMP_CEILING_S = 18_000, 600, 7200
GO_ON_S, GO_ON_LOOKS = 1800, 50

LIVE = "ended_at IS NULL AND until > %(now)s AND kept_at - %(now)s <= until - kept_at"


def find_holder(conn: Any, item_id: UUID, now: datetime) -> UUID | None:
    """Return who has an item open."""
    row = conn.execute(
        f"SELECT person_id FROM item_leases WHERE item_id = %(item)s AND {LIVE}",
        {"item": item_id, "now": now},
    ).fetchone()
    return row[0] if row else None


def list_held(conn: Any, person_id: UUID, now: datetime) -> list[UUID]:
    """Return what a person has open."""
    rows = conn.execute(
        f"SELECT item_id FROM item_leases WHERE person_id = %(person)s AND {LIVE} ORDER BY taken_at, item_id",
        {"person": person_id, "now": now},
    ).fetchall()
    return [row[0] for row in rows]


# Why somebody may not look


def find_locks(conn: Any, person_id: UUID, now: datetime, settings: Any) -> set[str]:
    """Return every reason for which a person may not look now; none: they may.

    Args:
        settings: the settings of exposure as they are now.
    """
    at, day = _find_day(conn, person_id, now)
    worked, lane_s, looks = _measure(conn, person_id, now, at, day, settings)
    caps = _find_caps(conn, person_id, day, settings)
    found = set()
    if not _exists(conn, "SELECT FROM trainings WHERE person_id = %(person)s", person=person_id):
        found.add("untrained")
    if lane_s >= caps["hard_s"] or looks >= caps["hard_looks"]:
        found.add("hard")
    if lane_s >= caps["soft_s"] or looks >= caps["soft_looks"]:
        found.add("soft")
    if worked >= settings.break_after_s:
        found.add("break_due")
    if _exists(
        conn,
        "SELECT FROM breaks WHERE person_id = %(person)s AND begun_at <= %(at)s AND %(at)s < ends_at",
        person=person_id,
        at=at,
    ):
        found.add("on_break")
    if _is_winding_down(conn, person_id, at, settings):
        found.add("winding_down")
    return found


def _exists(conn: Any, query: str, **values: Any) -> bool:
    return bool(conn.execute(f"SELECT EXISTS ({query})", values).fetchone()[0])


def _find_day(conn: Any, person_id: UUID, now: datetime) -> tuple[datetime, Any]:
    """Return the latest moment that is known of a person, and its day: a clock that was set back opens nothing."""
    return conn.execute(
        "SELECT at, (at AT TIME ZONE 'Europe/Tirane')::date FROM (SELECT greatest(%(now)s,"
        " (SELECT max(greatest(fetched_at, ended_at)) FROM looks WHERE person_id = %(person)s),"
        " (SELECT max(kept_at) FROM item_leases WHERE person_id = %(person)s AND lane <> 'no_look'),"
        " (SELECT max(seen_at) FROM sessions WHERE person_id = %(person)s),"
        " (SELECT max(begun_at) FROM breaks WHERE person_id = %(person)s),"
        " (SELECT max(at) FROM look_go_ons WHERE person_id = %(person)s)) AS at) AS known",
        {"person": person_id, "now": now},
    ).fetchone()


def _measure(
    conn: Any, person_id: UUID, now: datetime, at: datetime, day: Any, settings: Any
) -> tuple[float, float, int]:
    """Return seconds in the look lane since the last pause, and of the day, and the looks of the day."""
    values = {
        "person": person_id,
        "now": now,
        "at": at,
        "day": day,
        "longest": timedelta(seconds=settings.look_max_s),
        "pause": timedelta(seconds=settings.break_s),
    }
    spans = conn.execute(
        "WITH mine AS (SELECT begun, least(over_at, %(at)s) AS over_at FROM ("
        "   SELECT taken_at AS begun, least(ended_at, until) AS over_at FROM item_leases"
        "    WHERE person_id = %(person)s AND lane <> 'no_look'"
        "   UNION ALL SELECT fetched_at, CASE WHEN ended_at IS NULL THEN"
        "      least(%(now)s, greatest(fetched_at + %(longest)s, expires_at))"
        "     ELSE fetched_at + shown_ms * interval '1 millisecond' END FROM looks WHERE person_id = %(person)s"
        "     AND fetched_at IS NOT NULL) AS found WHERE begun < least(over_at, %(at)s)),"
        " merged AS (SELECT lower(one) AS begun, upper(one) AS over_at"
        "  FROM unnest((SELECT range_agg(tstzrange(begun, over_at)) FROM mine)) AS one),"
        " paused AS (SELECT *, begun - lag(over_at) OVER (ORDER BY begun) AS pause FROM merged),"
        " since AS (SELECT max(begun) AS begun FROM paused WHERE pause IS NULL OR pause >= %(pause)s)"
        " SELECT"
        " COALESCE((SELECT sum(extract(epoch FROM over_at - begun)) FROM merged"
        "  WHERE begun >= (SELECT begun FROM since)"
        "  AND %(at)s - (SELECT max(over_at) FROM merged) < %(pause)s), 0),"
        " COALESCE((SELECT sum(extract(epoch FROM least(over_at, midnight.next) - greatest(begun, midnight.last)))"
        "  FROM merged WHERE over_at > midnight.last AND begun < midnight.next), 0)"
        " FROM (SELECT %(day)s::date::timestamp AT TIME ZONE 'Europe/Tirane' AS last,"
        "  (%(day)s::date + 1)::timestamp AT TIME ZONE 'Europe/Tirane' AS next) AS midnight",
        values,
    ).fetchone()
    looks = conn.execute(
        "SELECT count(*), COALESCE(sum(seconds), 0) FROM (SELECT CASE WHEN fetched_at IS NULL THEN 0"
        "  WHEN ended_at IS NOT NULL THEN shown_ms / 1000.0 WHEN fetched_at > %(now)s"
        "  THEN extract(epoch FROM greatest(%(longest)s, expires_at - fetched_at))"
        "  ELSE extract(epoch FROM least(%(now)s - fetched_at, greatest(%(longest)s, expires_at - fetched_at)))"
        "  END AS seconds FROM looks"
        " WHERE person_id = %(person)s AND (COALESCE(fetched_at, %(now)s) AT TIME ZONE 'Europe/Tirane')::date"
        "  = %(day)s AND (fetched_at IS NOT NULL OR ended_at IS NULL AND expires_at > %(now)s"
        "  AND expires_at > started_at)) AS seen",
        values,
    ).fetchone()
    return float(spans[0]), max(float(spans[1]), float(looks[1])), looks[0]


def _find_caps(conn: Any, person_id: UUID, day: Any, settings: Any) -> dict[str, float]:
    values = {"person": person_id, "day": day}
    since = conn.execute("SELECT since FROM look_starts WHERE person_id = %(person)s", values).fetchone()
    ceiling, hard_s, hard_looks = CEILING_S, settings.look_hard_s, settings.looks_hard
    if since is None or (day - since[0].astimezone(TIRANE).date()).days < settings.ramp_days:
        ceiling, hard_s = RAMP_CEILING_S, min(hard_s, settings.ramp_s)
    allowed = conn.execute(
        "SELECT seconds, looks FROM exposure_overrides WHERE person_id = %(person)s AND day = %(day)s"
        " ORDER BY at DESC, id DESC LIMIT 1",
        values,
    ).fetchone()
    hard_s, hard_looks = allowed or (hard_s, hard_looks)
    hard_s, hard_looks = min(hard_s, ceiling), min(hard_looks, CEILING_LOOKS)
    soft_s, soft_looks = min(settings.look_soft_s, hard_s), min(settings.looks_soft, hard_looks)
    further = conn.execute(
        "SELECT max(seconds), max(looks) FROM look_go_ons WHERE person_id = %(person)s AND day = %(day)s",
        values,
    ).fetchone()
    if further[0] is not None:
        soft_s = min(hard_s, max(soft_s, further[0] + GO_ON_S))
        soft_looks = min(hard_looks, max(soft_looks, further[1] + GO_ON_LOOKS))
    return {"hard_s": hard_s, "hard_looks": hard_looks, "soft_s": soft_s, "soft_looks": soft_looks}


def _is_winding_down(conn: Any, person_id: UUID, at: datetime, settings: Any) -> bool:
    rows = conn.execute(
        "SELECT started_at FROM sessions WHERE person_id = %(person)s AND started_at <= %(at)s"
        " AND started_at >= %(at)s - interval '47 hours' ORDER BY started_at",
        {"person": person_id, "at": at},
    ).fetchall()
    shift = None
    for (moment,) in rows:
        is_later_day = shift is None or moment.astimezone(TIRANE).date() > shift.astimezone(TIRANE).date()
        if shift is None or (is_later_day and (moment - shift).total_seconds() >= settings.shift_s):
            shift = moment
    return shift is not None and (at - shift).total_seconds() >= settings.shift_s - settings.wind_down_s


# What is wrong with the desk

_FAULTS: tuple[tuple[str, str], ...] = (
    (
        "two have one item open",
        f"SELECT item_id FROM item_leases WHERE {LIVE} GROUP BY item_id HAVING count(*) > 1",
    ),
    (
        "somebody has more than five items open",
        f"SELECT person_id FROM item_leases WHERE {LIVE} GROUP BY person_id HAVING count(*) > 5",
    ),
    (
        "somebody is their own second",
        "SELECT COALESCE(image_id, item_id) FROM assessments WHERE place <> 'lead'"
        " GROUP BY COALESCE(image_id, item_id), round, person_id HAVING count(*) > 1",
    ),
    (
        "one person alone made it illegal",
        "SELECT id FROM images WHERE verdict = 'illegal' AND verdict_basis <> 'exact_hash' AND NOT EXISTS"
        " (SELECT FROM live_matches WHERE image_id = images.id AND is_trusted) AND ("
        "  SELECT count(DISTINCT person_id) FROM (SELECT person_id FROM assessments WHERE image_id = images.id"
        "   AND round = images.round UNION SELECT person_id FROM skips WHERE image_id = images.id"
        "   AND round = images.round) AS voices) < 2",
    ),
    (
        "what nobody saw was judged illegal as if it was looked at",
        "SELECT id FROM assessments WHERE image_id IS NOT NULL AND label IN (1, 2) AND basis = 'looked'"
        " AND NOT EXISTS (SELECT FROM looks WHERE looks.image_id = assessments.image_id"
        "  AND looks.person_id = assessments.person_id AND looks.round = assessments.round"
        "  AND fetched_at <= assessed_at)",
    ),
    (
        "a look lasted longer than it was, or less by more than the way takes",
        "SELECT id FROM looks WHERE ended_at IS NOT NULL AND (ended_at < fetched_at"
        " OR shown_ms > extract(epoch FROM ended_at - fetched_at) * 1000 + 1"
        " OR shown_ms < extract(epoch FROM ended_at - fetched_at) * 1000 - 2001)",
    ),
    (
        "a fetched look is open although its person asked for another one",
        "SELECT person_id FROM looks WHERE fetched_at IS NOT NULL AND ended_at IS NULL"
        " GROUP BY person_id HAVING count(*) > 2",
    ),
    (
        "it waits, and neither a lane, a job nor a page leads to it",
        "SELECT id FROM items WHERE CASE"
        " WHEN state = 'received' THEN next_try_at IS NULL AND NOT EXISTS"
        "  (SELECT FROM captures WHERE item_id = items.id AND ended_at IS NULL)"
        " WHEN state IN ('actionable', 'notified') THEN next_try_at IS NULL"
        " WHEN state IN ('awaiting_assessment', 'awaiting_lead') THEN NOT (is_top_level AND lane IS NOT NULL)"
        "  AND NOT EXISTS (SELECT FROM shown_children JOIN items AS page ON page.id = parent_id"
        "   WHERE child_id = items.id AND page.is_top_level"
        "   AND (page.lane IS NOT NULL OR page.is_in_second OR page.state = 'received'))"
        " ELSE false END",
    ),
    (
        "a picture waits for a second assessor whom no lane leads there",
        "SELECT images.id FROM images JOIN shown_images ON image_id = images.id JOIN items AS own ON own.id = item_id"
        " WHERE images.state = 'judged_once' AND own.closed_as IS DISTINCT FROM 'not_judged'"
        " AND own.state NOT IN ('received', 'awaiting_hand_on') GROUP BY images.id, images.round HAVING NOT EXISTS ("
        "  SELECT FROM items AS listed WHERE (listed.id = ANY(array_agg(own.id)) OR listed.id IN"
        "   (SELECT parent_id FROM shown_children WHERE child_id = ANY(array_agg(own.id))))"
        "  AND listed.is_top_level AND (listed.state = 'received' OR (listed.is_in_second OR listed.lane IS NOT NULL)"
        "   AND EXISTS (SELECT FROM person_roles WHERE role IN ('analyst', 'lead')"
        "    AND person_id IS DISTINCT FROM listed.first_by AND person_id NOT IN (SELECT person_id FROM assessments"
        "     WHERE image_id = images.id AND round = images.round))))",
    ),
    (
        "a dispute waits that no lane of the lead shows",
        "SELECT images.id FROM images JOIN shown_images ON image_id = images.id JOIN items AS own ON own.id = item_id"
        " WHERE images.state = 'disputed' AND own.closed_as IS DISTINCT FROM 'not_judged'"
        " AND own.state NOT IN ('received', 'awaiting_hand_on') GROUP BY images.id HAVING NOT EXISTS ("
        "  SELECT FROM items AS listed WHERE (listed.id = ANY(array_agg(own.id)) OR listed.id IN"
        "   (SELECT parent_id FROM shown_children WHERE child_id = ANY(array_agg(own.id))))"
        "  AND listed.is_top_level AND (listed.state = 'received' OR listed.lane IS NOT NULL))",
    ),
)
_KEPT = ("items", "images", "captures", "assessments", "skips", "looks", "item_leases", "custody_events")
"""Tables of which nothing is ever lost."""

_ALL = " UNION ALL ".join(
    [
        f"(SELECT '{sentence}' AS fault, id, NULL::bigint AS kept FROM ({query}) AS wrong (id) ORDER BY id LIMIT 3)"
        for sentence, query in _FAULTS
    ]
    + [f"(SELECT '{table}', NULL, count(*) FROM {table})" for table in _KEPT]
)


def find_faults(conn: Any, now: datetime) -> tuple[list[tuple[str, UUID]], dict[str, int]]:
    """Return what is wrong, with the id of what it is wrong with; and how many rows there are of what is kept."""
    rows = conn.execute(_ALL, {"now": now}).fetchall()
    return [row[:2] for row in rows if row[2] is None], {row[0]: row[2] for row in rows if row[2] is not None}


# What is left for a person


def has_left(conn: Any, item_id: UUID, person_id: UUID, *, is_lead: bool) -> bool:
    """Whether there is anything on an item that a person did not judge, or that only a lead decides, to a lead."""
    values = {"item": item_id, "person": person_id}
    things = conn.execute(
        "WITH family AS (SELECT %(item)s::uuid AS id UNION SELECT child_id FROM shown_children"
        "  WHERE parent_id = %(item)s),"
        " words AS (SELECT item_id, image_id, round FROM assessments WHERE person_id = %(person)s)"
        " SELECT images.state = 'disputed', (images.id, images.round) IN (SELECT image_id, round FROM words)"
        "  FROM family JOIN items USING (id) JOIN shown_images ON item_id = items.id"
        "  JOIN images ON images.id = image_id WHERE CASE images.state WHEN 'settled' THEN false"
        "   WHEN 'judged_once' THEN items.closed_as IS DISTINCT FROM 'not_judged'"
        "   ELSE items.state IN ('awaiting_assessment', 'awaiting_lead') END"
        " UNION ALL SELECT state = 'awaiting_lead', (id, round) IN (SELECT item_id, round FROM words)"
        "  FROM family JOIN items USING (id) WHERE id <> %(item)s"
        "  AND state IN ('awaiting_assessment', 'awaiting_lead')"
        "  AND id NOT IN (SELECT item_id FROM shown_images)",
        values,
    ).fetchall()
    own = conn.execute(
        "SELECT state = 'awaiting_lead', EXISTS (SELECT FROM assessments WHERE item_id = items.id"
        "  AND round = items.round AND person_id = %(person)s), base_lane = 'second' AND EXISTS"
        "  (SELECT FROM assessments WHERE item_id = items.id AND round = items.round)"
        " FROM items WHERE id = %(item)s",
        values,
    ).fetchone()
    left = [is_lead if is_disputed else not is_judged for is_disputed, is_judged in things or [own[:2]]]
    return any(left) or bool(own[2] and not own[1])


# What the lanes hold


def describe(conn: Any, item_id: UUID) -> str:
    """Return how an item and those that it shows stand, with their pictures and words, a line each."""
    rows = conn.execute(
        "SELECT 'item', right(items.id::text, 6), items.state, items.lane, items.closed_as, items.reason, round,"
        " captured_at IS NOT NULL, ARRAY(SELECT label FROM assessments WHERE assessments.item_id = items.id"
        "  AND assessments.round = items.round) AS said, is_top_level, place"
        " FROM (SELECT %(id)s::uuid AS id, -1 AS place"
        "  UNION ALL SELECT child_id, place FROM shown_children WHERE parent_id = %(id)s) AS family"
        " JOIN items USING (id) ORDER BY place, items.id",
        {"id": item_id},
    ).fetchall()
    pictures = conn.execute(
        "SELECT 'picture of', right(shown_images.item_id::text, 6), right(images.id::text, 6), images.state,"
        " images.round, verdict, is_known, ARRAY(SELECT label FROM assessments WHERE image_id = images.id"
        "  AND assessments.round = images.round) AS said FROM shown_images JOIN images ON images.id = image_id"
        " WHERE shown_images.item_id = %(id)s OR shown_images.item_id IN (SELECT child_id FROM shown_children"
        "  WHERE parent_id = %(id)s) ORDER BY shown_images.item_id, images.id",
        {"id": item_id},
    ).fetchall()
    return "\n".join(str(row) for row in [*rows, *pictures])


def list_free(conn: Any, lane: str, person_id: UUID, now: datetime, *, is_lead: bool) -> list[UUID]:
    """Return the items of a lane that nobody else has open and on which something is left for a person.

    Args:
        is_lead: whether what is disputed is theirs to decide.
    """
    return [
        row[0]
        for row in conn.execute(
            "WITH listed AS (SELECT id, round FROM items WHERE is_top_level AND CASE WHEN %(lane)s = 'second'"
            "  THEN is_in_second AND first_by IS DISTINCT FROM %(person)s"
            "  ELSE lane::text = %(lane)s AND base_lane <> 'hand_on' END),"
            " spoken AS (SELECT item_id, image_id, round FROM assessments WHERE person_id = %(person)s"
            "  UNION ALL SELECT item_id, image_id, round FROM skips WHERE person_id = %(person)s),"
            " family AS (SELECT id AS top_id, id AS item_id FROM listed"
            "  UNION SELECT parent_id, child_id FROM shown_children JOIN listed ON listed.id = parent_id),"
            " things AS (SELECT top_id, images.id AS image_id, NULL::uuid AS item_id, images.round,"
            "   images.state = 'disputed' AS is_disputed FROM family JOIN items AS own ON own.id = family.item_id"
            "   JOIN shown_images ON shown_images.item_id = own.id JOIN images ON images.id = shown_images.image_id"
            "   WHERE CASE images.state WHEN 'settled' THEN false WHEN 'judged_once' THEN"
            "    own.closed_as IS DISTINCT FROM 'not_judged' ELSE own.base_lane <> 'hand_on'"
            "    END"
            "  UNION ALL SELECT top_id, NULL, own.id, own.round, own.base_lane = 'lead' FROM family"
            "   JOIN items AS own ON own.id = family.item_id AND own.id <> top_id WHERE own.base_lane <> 'hand_on'"
            "   AND NOT EXISTS (SELECT FROM shown_images WHERE shown_images.item_id = own.id)),"
            " left_over AS (SELECT top_id FROM things WHERE (NOT is_disputed OR %(is_lead)s) AND NOT EXISTS"
            "  (SELECT FROM spoken WHERE (spoken.image_id = things.image_id OR spoken.item_id = things.item_id)"
            "   AND spoken.round = things.round))"
            " SELECT id FROM listed WHERE NOT EXISTS (SELECT FROM item_leases WHERE item_id = listed.id"
            f"  AND person_id <> %(person)s AND {LIVE})"
            " AND NOT EXISTS (SELECT FROM spoken WHERE spoken.item_id = listed.id AND spoken.round = listed.round)"
            " AND CASE WHEN EXISTS (SELECT FROM things WHERE top_id = listed.id)"
            "  THEN EXISTS (SELECT FROM left_over WHERE top_id = listed.id)"
            "  ELSE NOT EXISTS (SELECT FROM family JOIN items AS own ON own.id = item_id"
            "   WHERE top_id = listed.id AND own.state = 'received') END ORDER BY id",
            {"lane": lane, "person": person_id, "now": now, "is_lead": is_lead},
        ).fetchall()
    ]


def find_unlisted(
    conn: Any, person_ids: Iterable[UUID], lead_ids: Iterable[UUID], list_rows: Callable[[UUID], set[UUID]]
) -> list[tuple[UUID, UUID]]:
    """Return (person, item) of what a lane holds and the queue does not list to that person.

    Args:
        lead_ids: to whom the lead's lane is listed.
        list_rows: what the queue lists to a person, in all lanes.
    """
    found, leads = [], set(lead_ids)
    for person_id in person_ids:
        rows = conn.execute(
            "SELECT id FROM items WHERE is_top_level AND (lane IN ('danger', 'look', 'no_look')"
            " OR lane = 'lead' AND %(lead)s OR is_in_second AND first_by IS DISTINCT FROM %(person)s) ORDER BY id",
            {"person": person_id, "lead": person_id in leads},
        ).fetchall()
        listed = list_rows(person_id)
        found += [(person_id, row[0]) for row in rows if row[0] not in listed]
    return found
