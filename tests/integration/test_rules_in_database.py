"""Rules that the database holds too: lanes, leases, practice, known images."""

from uuid import uuid4

import psycopg
import pytest

from tests.builders import report
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.rules.states import Lane, Remit
from triage.store import checks
from triage.store.practice import replace_practice_names, write_kind


@pytest.fixture
def item(conn):
    (one,) = report(conn, "http://photos.example/a.jpg")
    return one


WAITS_IN_LOOK = "state = 'awaiting_assessment', base_lane = 'look', reason = 'x', next_try_at = NULL"


REFUSED_CHANGES = [
    "base_lane = 'look'",
    "reason = 'x'",
    "base_lane = 'look', reason = 'x'",
    "next_try_at = NULL",
    "state = 'closed', next_try_at = NULL",
    "closed_as = 'removed'",
    "state = 'awaiting_assessment', next_try_at = NULL",
    WAITS_IN_LOOK.replace("'look'", "'danger'"),
    WAITS_IN_LOOK.replace("'look'", "'hand_on'"),
    WAITS_IN_LOOK.replace("'look'", "'lead'"),
    WAITS_IN_LOOK.replace("next_try_at = NULL", "next_try_at = now()"),
    WAITS_IN_LOOK.replace("'awaiting_assessment'", "'awaiting_hand_on'"),
    WAITS_IN_LOOK.replace("'awaiting_assessment'", "'awaiting_lead'"),
    WAITS_IN_LOOK.replace("'awaiting_assessment'", "'closed'") + ", closed_as = 'removed'",
    "url = NULL",
    "url_key = NULL",
    "kind = 'text'",
    "tries = -1",
]


def test_a_state_has_the_columns_that_it_needs_and_no_others(conn, item):
    for change in REFUSED_CHANGES:
        with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
            conn.execute(f"UPDATE items SET {change} WHERE id = %s", (item,))
            pytest.fail(change)


def test_danger_is_shown_before_the_lane_it_hides(conn, item):
    for base, danger, lane in (
        (Lane.LOOK, False, Lane.LOOK),
        (Lane.LOOK, True, Lane.DANGER),
        (Lane.NO_LOOK, True, Lane.DANGER),
        (Lane.SECOND, True, Lane.SECOND),
    ):
        change = WAITS_IN_LOOK.replace("'look'", f"'{base}'")
        conn.execute(f"UPDATE items SET {change}, danger = {danger} WHERE id = %s", (item,))
        row = conn.execute("SELECT lane::text, base_lane::text FROM items WHERE id = %s", (item,)).fetchone()
        assert row == (lane.value, base.value)


def test_the_lane_itself_cannot_be_written(conn, item):
    with pytest.raises(psycopg.errors.GeneratedAlways):
        conn.execute("UPDATE items SET lane = 'look' WHERE id = %s", (item,))


def test_an_ended_capture_says_how_it_ended(conn, item):
    now = utcnow()
    for ended_at, outcome, reason in (
        (None, "failed", "x"),
        (now, None, None),
        (now, "failed", None),
        (now, "gave_up", None),
        (now, "captured", None),
    ):
        with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
            conn.execute(
                "INSERT INTO captures (id, item_id, worker, started_at, lease_until, ended_at, outcome, reason)"
                " VALUES (%(id)s, %(item)s, 'w', %(now)s, %(now)s + interval '1 s', %(ended_at)s, %(outcome)s,"
                " %(reason)s)",
                {
                    "id": uuid4(),
                    "item": item,
                    "now": now,
                    "ended_at": ended_at,
                    "outcome": outcome,
                    "reason": reason,
                },
            )


def test_an_item_in_no_look_whose_image_nobody_knows_is_found_by_the_checks(conn, item):
    now = utcnow()
    image, capture = uuid4(), uuid4()
    change = WAITS_IN_LOOK.replace("'look'", "'no_look'")
    conn.execute(f"UPDATE items SET {change} WHERE id = %s", (item,))
    conn.execute(
        "INSERT INTO captures (id, item_id, worker, started_at, lease_until, ended_at, outcome, sha256, bytes)"
        " VALUES (%s, %s, 'w', %s, %s, %s, 'captured', sha256('x'), 1)",
        (capture, item, now, now.replace(year=now.year + 1), now),
    )
    conn.execute(
        "INSERT INTO images (id, sha256, media, can_be_shown, bytes, first_seen_at)"
        " VALUES (%s, sha256('x'), 'other', false, 1, %s)",
        (image, now),
    )
    conn.execute("INSERT INTO item_images VALUES (%s, %s, %s)", (item, image, capture))
    lines = checks.find_violations(conn)
    assert any(line.startswith("An item in no_look shows only known images.") for line in lines)
    conn.rollback()
    assert checks.find_violations(conn) == []


def test_a_live_database_refuses_practice_names_and_never_changes_its_kind(conn):
    write_kind(conn, "live", now=utcnow())
    conn.commit()
    with pytest.raises(psycopg.errors.CheckViolation):
        replace_practice_names(
            conn, {"photos.example": "203.0.113.10"}, dial_host="127.0.0.1", dial_port=8000
        )
    conn.rollback()
    with pytest.raises(NotAllowedError):
        write_kind(conn, "practice", now=utcnow())
    conn.rollback()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("UPDATE deployment SET kind = 'practice'")


def test_practice_names_are_fictional_and_lead_to_this_machine(conn):
    write_kind(conn, "practice", now=utcnow())
    for host, address, dial in (
        ("photos.al", "203.0.113.10", "127.0.0.1"),
        ("Photos.example", "203.0.113.10", "127.0.0.1"),
        ("photos.example", "8.8.8.8", "127.0.0.1"),
        ("photos.example", "203.0.113.10", "10.0.0.1"),
    ):
        with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
            replace_practice_names(conn, {host: address}, dial_host=dial, dial_port=8000)


def test_another_remit_is_never_received(conn):
    items = report(conn, "http://photos.example/b.jpg", remit=Remit.HATE_SPEECH)
    found = conn.execute("SELECT state::text FROM items WHERE id = ANY(%s)", (items,)).fetchall()
    assert found == [("awaiting_hand_on",)]
