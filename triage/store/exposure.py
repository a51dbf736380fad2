"""What a person saw and when they worked in the look lane, from looks and leases; breaks, "go on", overrides.

Reads everything that a rule needs in one statement: it is asked on each page.
"""

from datetime import UTC, date, datetime
from uuid import UUID

from triage.ids import new_id
from triage.rules.exposure import Exposure, GoOn, Override, Since, Tally
from triage.rules.look_time import Span
from triage.store.rows import Connection


def lock_person(conn: Connection, person_id: UUID) -> None:
    """Let nobody else change where a person stands until the transaction ends: they may have two windows."""
    conn.execute("SELECT FROM persons WHERE id = %(id)s FOR NO KEY UPDATE", {"id": person_id})


def read_exposure(
    conn: Connection, person_id: UUID, *, now: datetime, since: Since, look_max_s: float
) -> Exposure:
    """Return what is known of a person since a time.

    Args:
        look_max_s: a look that nobody ended counts so long, or as long as it could be when it began; one that may
            still begin is a look already.
    """
    row = conn.execute(
        "WITH mine AS (SELECT started_at, fetched_at, ended_at, CASE"
        "   WHEN fetched_at IS NULL THEN 0"
        "   WHEN ended_at IS NOT NULL THEN shown_ms / 1000.0::double precision"
        "   WHEN fetched_at > %(now)s THEN greatest(%(longest)s, date_part('epoch', expires_at - fetched_at))"
        "   ELSE least(date_part('epoch', %(now)s - fetched_at),"
        "    greatest(%(longest)s, date_part('epoch', expires_at - fetched_at))) END AS seconds"
        "  FROM looks WHERE person_id = %(person)s AND started_at >= %(since)s AND (fetched_at IS NOT NULL"
        "   OR ended_at IS NULL AND expires_at > %(now)s AND expires_at > started_at)),"
        " worked AS (SELECT taken_at, kept_at, least(ended_at, until) AS over_at FROM item_leases"
        "  WHERE person_id = %(person)s AND taken_at >= %(since)s AND lane <> 'no_look'),"
        " entered AS (SELECT started_at, seen_at FROM sessions"
        "  WHERE person_id = %(person)s AND started_at >= %(entered_since)s)"
        " SELECT"
        " (SELECT json_agg(json_build_array(date_part('epoch', lower(span)), date_part('epoch', upper(span))))"
        "  FROM (SELECT unnest(range_agg(span)) AS span FROM ("
        "   SELECT tstzrange(taken_at, over_at) AS span FROM worked"
        "   UNION ALL SELECT tstzrange(fetched_at, fetched_at + make_interval(secs => seconds))"
        "   FROM mine WHERE fetched_at IS NOT NULL) AS spans) AS merged),"
        " (SELECT json_agg(json_build_array(day, looks, seconds)) FROM ("
        "   SELECT (COALESCE(fetched_at, %(now)s) AT TIME ZONE 'Europe/Tirane')::date AS day, count(*) AS looks,"
        "   sum(seconds) AS seconds FROM mine GROUP BY day) AS tallies),"
        " (SELECT json_agg(json_build_array(day, seconds, looks)) FROM look_go_ons"
        "  WHERE person_id = %(person)s AND day >= %(first_day)s),"
        " (SELECT json_agg(json_build_array(date_part('epoch', begun_at), date_part('epoch', ends_at))) FROM breaks"
        "  WHERE person_id = %(person)s AND begun_at >= %(since)s),"
        " (SELECT json_agg(json_build_array(day, seconds, looks) ORDER BY at, id) FROM exposure_overrides"
        "  WHERE person_id = %(person)s AND day >= %(first_day)s),"
        " ARRAY(SELECT started_at FROM entered ORDER BY started_at),"
        " (SELECT since FROM look_starts WHERE person_id = %(person)s),"
        " EXISTS (SELECT FROM trainings WHERE person_id = %(person)s),"
        " greatest((SELECT max(greatest(fetched_at, ended_at)) FROM mine), (SELECT max(kept_at) FROM worked),"
        "  (SELECT max(seen_at) FROM entered), (SELECT max(at) FROM look_go_ons WHERE person_id = %(person)s"
        "   AND day >= %(first_day)s),"
        "  (SELECT max(begun_at) FROM breaks WHERE person_id = %(person)s AND begun_at >= %(since)s))",
        {
            "person": person_id,
            "now": now,
            "since": since.seen,
            "entered_since": since.entered,
            "first_day": since.seen.date(),
            "longest": look_max_s,
        },
    ).fetchone()
    if row is None:
        raise TypeError("a statement without FROM has a row")
    spans, tallies, go_ons, breaks, overrides, sign_ins, looks_since, is_trained, known_at = row
    return Exposure(
        spans=_spans(spans),
        tallies={
            date.fromisoformat(day): Tally(int(number), float(seconds))
            for day, number, seconds in tallies or ()
        },
        go_ons=[
            GoOn(date.fromisoformat(day), float(seconds), int(number))
            for day, seconds, number in go_ons or ()
        ],
        breaks=_spans(breaks),
        overrides={
            date.fromisoformat(day): Override(float(seconds), int(number))
            for day, seconds, number in overrides or ()
        },
        sign_ins=sign_ins,
        looks_since=looks_since,
        is_trained=is_trained,
        known_at=known_at,
    )


def _spans(found: list[tuple[float, float]] | None) -> list[Span]:
    """Return spans of pairs of epoch seconds: hundreds of times are read so in a tenth of the time."""
    return [Span(*(datetime.fromtimestamp(moment, UTC) for moment in pair)) for pair in found or ()]


def forget_tokens(conn: Connection, person_id: UUID) -> int:
    """Make the tokens of a person that fetched nothing useless, whatever the clock says; return how many."""
    return conn.execute(
        "UPDATE looks SET expires_at = started_at WHERE person_id = %(person)s AND fetched_at IS NULL"
        " AND ended_at IS NULL AND expires_at > started_at",
        {"person": person_id},
    ).rowcount


def insert_go_on(
    conn: Connection, person_id: UUID, *, day: date, seconds: int, looks: int, now: datetime
) -> None:
    """Store that a person goes on after so much of a day."""
    conn.execute(
        "INSERT INTO look_go_ons (id, person_id, day, seconds, looks, at)"
        " VALUES (%(id)s, %(person)s, %(day)s, %(seconds)s, %(looks)s, %(now)s)",
        {"id": new_id(), "person": person_id, "day": day, "seconds": seconds, "looks": looks, "now": now},
    )


def insert_break(conn: Connection, person_id: UUID, *, now: datetime, ends_at: datetime) -> None:
    """Store that a person began a break."""
    conn.execute(
        "INSERT INTO breaks (id, person_id, begun_at, ends_at)"
        " VALUES (%(id)s, %(person)s, %(now)s, %(ends_at)s)",
        {"id": new_id(), "person": person_id, "now": now, "ends_at": ends_at},
    )


def insert_override(
    conn: Connection,
    person_id: UUID,
    *,
    day: date,
    seconds: int,
    looks: int,
    reason: str,
    made_by: UUID,
    now: datetime,
) -> None:
    """Store what a lead allows a person for one day."""
    conn.execute(
        "INSERT INTO exposure_overrides (id, person_id, day, seconds, looks, reason, made_by, at) VALUES"
        " (%(id)s, %(person)s, %(day)s, %(seconds)s, %(looks)s, %(reason)s, %(made_by)s, %(now)s)",
        {
            "id": new_id(),
            "person": person_id,
            "day": day,
            "seconds": seconds,
            "looks": looks,
            "reason": reason,
            "made_by": made_by,
            "now": now,
        },
    )
