"""The chain of custody: appended, verified, and out of everybody's reach."""

from datetime import UTC, datetime

import psycopg
import pytest

from triage.ids import new_id
from triage.store import custody
from triage.store.custody import NewEvent

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ACTOR = {
    "hotline_public": ("public", f"report/{new_id()}"),
    "hotline_staff": ("cli", custody.SYSTEM),
    "hotline_worker": ("worker", f"image/{new_id()}"),
    "hotline_outbound": ("outbound", f"item/{new_id()}"),
}
RUNTIME = ("hotline_public", "hotline_staff", "hotline_worker", "hotline_outbound")


def append_three(conn, stream):
    custody.append(conn, [NewEvent(stream, "received", {"n": 1})], actor="public", now=NOW)
    custody.append(
        conn,
        [NewEvent(stream, "capture_succeeded", {"n": 2}), NewEvent(stream, "looked", {"n": None})],
        actor="worker",
        now=NOW,
    )
    conn.commit()


def test_a_stream_verifies_and_counts(conn):
    append_three(conn, custody.SYSTEM)
    append_three(conn, f"hashset/{new_id()}")
    found = custody.verify(conn)
    assert (found.events, found.streams, found.broken) == (6, 2, ())
    assert [event.seq for event in custody.read_stream(conn, custody.SYSTEM)] == [1, 2, 3]


CHANGES = (
    "UPDATE custody_events SET actor = 'nobody'",
    "DELETE FROM custody_events",
    "TRUNCATE custody_events",
    "UPDATE custody_heads SET seq = 0",
    "INSERT INTO custody_heads (stream, seq, hash) VALUES ('system', 9, decode(repeat('00', 32), 'hex'))",
    "ALTER TABLE custody_events DISABLE TRIGGER custody_chain",
    "DROP TABLE custody_events",
)


def refuses(connection, statement, error=psycopg.errors.InsufficientPrivilege):
    try:
        connection.execute(statement)
    except error:
        return True
    finally:
        connection.rollback()
    return False


def test_no_role_can_change_what_stands(conn, as_role):
    append_three(conn, custody.SYSTEM)
    for role in RUNTIME:
        connection = as_role(role)
        assert [change for change in CHANGES if not refuses(connection, change)] == [], role
    assert custody.verify(conn).events == 3


def test_every_role_can_append(conn, as_role):
    for role in RUNTIME:
        connection = as_role(role)
        actor, stream = ACTOR[role]
        custody.append(connection, [NewEvent(stream, "started")], actor=actor, now=NOW)
        connection.commit()
    assert custody.verify(conn).broken == ()


def test_no_role_speaks_for_another(as_role):
    item = f"item/{new_id()}"
    for role, actor, stream in (
        ("hotline_public", f"person/{new_id()}", item),
        ("hotline_public", "worker", item),
        ("hotline_public", "public", f"hashset/{new_id()}"),
        ("hotline_public", "public", custody.SYSTEM),
        ("hotline_worker", f"person/{new_id()}", item),
        ("hotline_worker", "worker", f"person/{new_id()}"),
        ("hotline_staff", "worker", custody.SYSTEM),
        ("hotline_outbound", "cli", item),
    ):
        connection = as_role(role)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            custody.append(connection, [NewEvent(stream, "forged")], actor=actor, now=NOW)
        connection.rollback()


def test_a_record_with_a_missing_or_forged_part_is_refused(conn, as_role, monkeypatch):
    append_three(conn, custody.SYSTEM)
    connection = as_role("hotline_staff")
    dumps = custody.rfc8785.dumps
    forgeries = [
        {"seq": 9},
        {"prev": "11" * 32},
        {"actor": "somebody"},
        {"stream": f"item/{new_id()}"},
        {"event": "deleted"},
        {"at": "2001-01-01T00:00:00+00:00"},
        {"body": "no object"},
    ]
    forgeries += [{part: None} for part in ("prev", "stream", "seq", "event", "actor", "at", "body")]
    for change in forgeries:

        def forge(record, change=change):
            return dumps({name: value for name, value in (record | change).items() if value is not None})

        monkeypatch.setattr(custody.rfc8785, "dumps", forge)
        with pytest.raises(psycopg.errors.CheckViolation):
            custody.append(connection, [NewEvent(custody.SYSTEM, "forged")], actor="cli", now=NOW)
        connection.rollback()


@pytest.mark.breaks_invariants
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "UPDATE custody_events SET record = replace(record, '\"n\":2', '\"n\":7') WHERE seq = 2",
            "2 was changed",
        ),
        ("UPDATE custody_events SET actor = 'x' WHERE seq = 2", "2 was changed"),
        ("DELETE FROM custody_events WHERE seq = 2", "2 is missing"),
        ("DELETE FROM custody_events WHERE seq = 3", "end of the stream is missing"),
    ],
)
def test_even_the_owner_leaves_a_trace(conn, statement, words):
    append_three(conn, custody.SYSTEM)
    conn.execute("ALTER TABLE custody_events DISABLE TRIGGER USER")
    conn.execute(statement)
    conn.commit()
    (line,) = custody.verify(conn).broken
    assert words in line


STREAMS = [custody.SYSTEM] + [
    f"{noun}/{new_id()}" for noun in ("item", "image", "hashset", "recipient", "person", "report")
]
COLUMNS = {
    "stream": "stream || 'x'",
    "seq": "seq + 100",
    "at": "at + interval '1 microsecond'",
    "actor": "actor || 'x'",
    "event": "event || 'x'",
    "record": "overlay(record PLACING 'x' FROM length(record) - 1)",
    "hash": "set_byte(hash, 31, (get_byte(hash, 31) + 1) % 256)",
}
HEAD_COLUMNS = ("stream", "seq", "hash")


def list_tampering():
    """Every column of every event and of every head changed, and each of them deleted."""
    for stream in STREAMS:
        for seq in (1, 2, 3):
            where = f"WHERE stream = '{stream}' AND seq = {seq}"
            for column, value in COLUMNS.items():
                yield f"UPDATE custody_events SET {column} = {value} {where}"
            yield f"DELETE FROM custody_events {where}"
        where = f"WHERE stream = '{stream}'"
        for column in HEAD_COLUMNS:
            yield f"UPDATE custody_heads SET {column} = {COLUMNS[column]} {where}"
        yield f"DELETE FROM custody_heads {where}"
        yield f"DELETE FROM custody_events {where}"


@pytest.mark.breaks_invariants
def test_whatever_the_owner_changes_in_whatever_row_is_found(conn):
    for stream in STREAMS:
        append_three(conn, stream)
    columns = {
        row[0]
        for row in conn.execute(
            "SELECT column_name::text FROM information_schema.columns WHERE table_name = 'custody_events'"
        )
    }
    assert columns == set(COLUMNS)
    for table in ("custody_events", "custody_heads"):
        conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    conn.commit()
    unseen = []
    for statement in list_tampering():
        try:
            assert conn.execute(statement.encode()).rowcount >= 1
            if not custody.verify(conn).broken:
                unseen.append(statement)
        except psycopg.errors.IntegrityError:
            pass  # the database refuses it even then
        conn.rollback()
    assert unseen == []
    assert custody.verify(conn).events == 3 * len(STREAMS)


@pytest.mark.breaks_invariants
def test_an_event_that_is_forged_whole_does_not_fit_what_follows_it(conn):
    append_three(conn, custody.SYSTEM)
    conn.execute("ALTER TABLE custody_events DISABLE TRIGGER USER")
    forged = "replace(record, '\"worker\"', '\"public\"')"
    for seq in (2, 3):
        conn.execute(
            f"UPDATE custody_events SET actor = 'public', record = {forged},"
            f" hash = sha256(convert_to({forged}, 'UTF8')) WHERE seq = {seq}".encode()
        )
        (line,) = custody.verify(conn).broken
        assert ("3 does not follow" if seq == 2 else "end of the stream") in line
        conn.rollback()
        conn.execute("ALTER TABLE custody_events DISABLE TRIGGER USER")
    conn.rollback()


def test_two_writers_of_two_streams_do_not_deadlock(database):
    import threading

    streams = [f"item/{new_id()}", f"item/{new_id()}"]
    failures = []

    def write(order):
        with database.connect("hotline_worker") as conn:
            for _ in range(20):
                try:
                    events = [NewEvent(stream, "looked") for stream in order]
                    custody.append(conn, events, actor="worker", now=NOW)
                    conn.commit()
                except psycopg.Error as error:
                    failures.append(error)
                    conn.rollback()

    threads = [threading.Thread(target=write, args=(order,)) for order in (streams, streams[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.connect() as conn:
        assert custody.verify(conn).events == 80
