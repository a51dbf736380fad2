"""What the public surface cannot do, however it is used: its role reads no report and decides nothing."""

import hashlib

import psycopg
import pytest

from tests.intake import close_item, count, hand_in, place_for_assessment, read_item_ids
from triage.rules.states import ItemState, Remit
from triage.store import migrate

DENIED = psycopg.errors.InsufficientPrivilege

READS = (
    "SELECT url FROM items",
    "SELECT file_name FROM items",
    "SELECT reason FROM items",
    "SELECT * FROM items",
    "SELECT count(*) FROM items WHERE url LIKE '%a%'",
    "SELECT id FROM items ORDER BY url",
    "UPDATE items SET danger = true WHERE url LIKE '%a%'",
    "UPDATE items SET reason = url",
    "UPDATE items SET danger = true RETURNING url",
    "SELECT note FROM reports",
    "SELECT reference FROM reports",
    "INSERT INTO reports SELECT * FROM reports RETURNING note",
    "SELECT text FROM report_unreadable_lines",
    "SELECT name FROM intake_objects",
    "SELECT line FROM report_items",
    "SELECT token_digest, name FROM api_tokens",
    "SELECT name FROM persons",
    "SELECT role FROM person_roles",
    "SELECT record FROM custody_events",
    "SELECT hash FROM custody_heads",
    "SELECT final_url FROM captures",
    "SELECT sha256 FROM captures",
    "SELECT id FROM images",
    "SELECT value FROM fingerprints",
    "SELECT image_id FROM matches",
    "SELECT id FROM hash_sets",
    "SELECT id FROM hash_entries",
    "SELECT value FROM hash_entry_fingerprints",
    "SELECT set_id FROM hash_set_trusts",
    "SELECT sealed_identity FROM evidence_keys",
    "SELECT name FROM evidence_objects",
    "SELECT id FROM recipients",
    "SELECT id FROM sendings",
    "SELECT name FROM recipients",
    "SELECT person_id FROM credentials",
    "SELECT person_id FROM sessions",
    "SELECT host FROM practice_names",
    "SELECT age_band FROM reporter_facts",
    "SELECT report_id FROM reporter_mails",
    "SELECT sealed_address FROM reporter_mails",
    "SELECT state FROM mailed_items",
    "SELECT is_low FROM reports",
    "TABLE items",
    "COPY items TO STDOUT",
    "COPY reports (note) TO STDOUT",
)
CHANGES = (
    "DELETE FROM items",
    "DELETE FROM reports",
    "DELETE FROM report_items",
    "DELETE FROM report_unreadable_lines",
    "DELETE FROM intake_objects",
    "TRUNCATE items CASCADE",
    "UPDATE reports SET note = ''",
    "UPDATE reports SET remit = 'other'",
    "UPDATE report_items SET line = 9",
    "UPDATE report_unreadable_lines SET text = ''",
    "UPDATE intake_objects SET consumed_at = now()",
    "UPDATE items SET url = 'https://b.example/'",
    "UPDATE items SET url_key = NULL",
    "UPDATE items SET captured_at = now()",
    "UPDATE items SET received_at = now()",
    "UPDATE items SET reference = 'x'",
    "UPDATE api_tokens SET expires_at = 'infinity'",
    "UPDATE api_tokens SET scope = 'match'",
    "UPDATE api_tokens SET revoked_at = NULL",
    "INSERT INTO api_tokens (id, name, scope, token_digest, created_at, expires_at)"
    " VALUES (gen_random_uuid(), 'x', 'intake', sha256('x'), now(), 'infinity')",
    "INSERT INTO persons (id, name, created_at) VALUES (gen_random_uuid(), 'x', now())",
    "INSERT INTO deployment (kind, set_at) VALUES ('practice', now())",
    "INSERT INTO item_children (parent_id, child_id, place) SELECT id, id, 1 FROM items",
    "INSERT INTO captures (id, item_id, worker, started_at, lease_until)"
    " SELECT gen_random_uuid(), id, 'x', now(), 'infinity' FROM items",
    "UPDATE schema_migrations SET digest = ''",
    "UPDATE reporter_facts SET sex = NULL",
    "DELETE FROM reporter_facts",
    "UPDATE reporter_mails SET next_try_at = now()",
    "DELETE FROM reporter_mails",
    "INSERT INTO reporter_mails (report_id, language, asked_at, ended_at, ended_as)"
    " SELECT id, 'sq', now(), now(), 'refused' FROM reports",
)
OBJECTS = (
    "CREATE TABLE mine (x integer)",
    "CREATE TEMPORARY TABLE mine (x integer)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "CREATE TYPE mine AS ENUM ('x')",
    "CREATE SEQUENCE mine",
    "CREATE ROLE mine",
    "CREATE DATABASE mine",
    "ALTER TABLE items DISABLE TRIGGER items_public_moves",
    "ALTER TABLE items OWNER TO hotline_public",
    "ALTER FUNCTION limit_public_moves() RENAME TO mine",
    "DROP TRIGGER items_public_moves ON items",
    "DROP TABLE items CASCADE",
    "SET ROLE hotline_owner",
    "SET ROLE hotline_staff",
    "SET SESSION AUTHORIZATION hotline_owner",
    "SET session_replication_role = 'replica'",
    "ALTER ROLE hotline_public SUPERUSER",
    "ALTER ROLE hotline_staff PASSWORD 'x'",
    "ALTER SYSTEM SET fsync = off",
)
SECRETS = (
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/hostname')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/never'",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hotline_worker'",
    "SELECT pg_reload_conf()",
    "SELECT count(*) FROM pg_hba_file_rules",
)


@pytest.fixture
def stored(conn, as_role):
    """A database with one report; the connection of the public role."""
    public = as_role("hotline_public")
    hand_in(public, "https://a.example/1", "unreadable", note="a note")
    return public


def list_allowed(connection, statements):
    """The statements that were not refused for want of a right."""
    allowed = []
    connection.autocommit = True  # some statements fail earlier within a transaction
    for statement in statements:
        try:
            connection.execute(statement.encode())
        except DENIED:
            pass
        except psycopg.Error as error:
            allowed.append(f"{statement}: {error}")
        else:
            allowed.append(statement)
    return allowed


@pytest.mark.parametrize(
    "statements", [READS, CHANGES, OBJECTS, SECRETS], ids=["read", "change", "make", "spy"]
)
def test_the_public_role_may_not(stored, as_role, statements):
    as_role("hotline_worker").execute("SELECT 1")  # somebody whose session could be ended
    assert list_allowed(stored, statements) == []


def test_every_read_of_these_tests_is_one_that_could_be_run(conn, stored):
    """A renamed column would be refused too, for another reason; the owner may run all of them."""
    for statement in READS:
        if not statement.startswith(("COPY", "INSERT", "UPDATE items SET reason")):
            conn.execute(statement.encode())
            conn.rollback()


def test_the_public_role_cannot_grant_itself_more(stored):
    stored.execute("GRANT ALL ON items, reports TO hotline_public")  # PostgreSQL only warns
    with pytest.raises(DENIED):
        stored.execute("SELECT url FROM items")
    stored.rollback()


def test_what_others_run_is_hidden_from_the_public_role(stored, as_role):
    worker = as_role("hotline_worker")
    worker.execute("SELECT 'a secret of the worker'")
    shown = stored.execute("SELECT query FROM pg_stat_activity WHERE usename <> 'hotline_public'").fetchall()
    assert not any("secret" in (row[0] or "") for row in shown)


def move(connection, change, item_id):
    connection.execute(f"UPDATE items SET {change} WHERE id = %(id)s".encode(), {"id": item_id})


@pytest.mark.breaks_invariants  # an item that nobody referred to the police
def test_the_public_role_moves_items_only_back_to_received(conn, stored, as_role):
    worker = as_role("hotline_worker")
    (item_id,) = read_item_ids(conn)
    lane = "base_lane = 'look', reason = 'x', next_try_at = NULL"
    waiting = [
        f"state = 'awaiting_assessment', {lane}",
        "state = 'awaiting_hand_on', base_lane = 'hand_on', reason = 'x', next_try_at = NULL",
        "state = 'awaiting_lead', base_lane = 'lead', reason = 'x', next_try_at = NULL",
    ]
    done = [
        f"state = '{state}', base_lane = NULL, reason = NULL, next_try_at = NULL"
        for state in ("held_for_police", "awaiting_hosting", "actionable", "notified")
    ]
    closing = "state = 'closed', closed_as = 'removed', base_lane = NULL, reason = NULL, next_try_at = NULL"
    every = [*waiting, *done, closing]

    def refuse_all(changes):
        allowed = []
        for change in changes:
            try:
                move(stored, change, item_id)
                allowed.append(change)
            except DENIED:
                pass
            finally:
                stored.rollback()
        assert allowed == []

    refuse_all(every)
    place_for_assessment(worker, item_id)
    again = "state = 'received', base_lane = NULL, reason = NULL, next_try_at = now()"
    refuse_all([*every[1:], again, "base_lane = 'no_look'", "base_lane = 'second'"])
    conn.execute(
        "UPDATE items SET state = 'actionable', base_lane = NULL, reason = NULL, settled_at = now(),"
        " next_try_at = now()"
    )
    conn.commit()
    refuse_all([again, closing, *waiting])
    assert conn.execute("SELECT state FROM items").fetchone() == (ItemState.ACTIONABLE,)


def test_without_a_move_the_public_role_changes_only_danger_and_the_top(conn, stored, as_role):
    (item_id,) = read_item_ids(conn)
    changes = [
        "remit = 'other'",
        "remit = 'csem'",
        "tries = 7",
        "next_try_at = 'infinity'",
        "nudged_at = 'infinity'",
        "moved_at = 'epoch'",
        "is_top_level = false",
        "is_low = true",
    ]
    allowed = []
    for change in changes:
        try:
            move(stored, change, item_id)
            allowed.append(change)
        except DENIED:
            pass
        finally:
            stored.rollback()
    assert allowed == []
    place_for_assessment(as_role("hotline_worker"), item_id)
    with pytest.raises(DENIED):
        move(stored, "reason = 'nothing to see here'", item_id)
    stored.rollback()
    move(stored, "danger = true", item_id)
    stored.commit()
    with pytest.raises(DENIED):
        move(stored, "danger = false", item_id)
    stored.rollback()


def test_the_public_role_says_only_of_a_report_of_now_who_reports(conn, stored):
    insert = {
        "facts": "INSERT INTO reporter_facts (report_id, sex) SELECT id, 'other' FROM reports",
        "mails": "INSERT INTO reporter_mails (report_id, sealed_address, language, asked_at, next_try_at)"
        " SELECT id, 'x', 'sq', {at}, now() FROM reports",
    }
    with pytest.raises(DENIED):
        stored.execute(insert["mails"].format(at="'3000-01-01'").encode())
    stored.rollback()
    conn.execute("UPDATE reports SET received_at = now() - interval '2 days'")
    conn.commit()
    for statement in insert.values():
        with pytest.raises(DENIED):
            stored.execute(statement.format(at="now()").encode())
        stored.rollback()


def test_opening_again_never_takes_an_item_out_of_our_remit_or_hides_it(conn, stored, as_role):
    (item_id,) = read_item_ids(conn)
    close_item(as_role("hotline_worker"), item_id)
    back = "state = 'received', closed_as = NULL, moved_at = now()"
    for change in (
        f"{back}, next_try_at = now(), remit = 'other'",
        f"{back}, next_try_at = 'infinity'",
        f"{back}, next_try_at = now(), nudged_at = 'infinity'",
        f"{back}, next_try_at = now(), tries = 9",
        f"{back}, next_try_at = now(), is_top_level = false",
    ):
        with pytest.raises(DENIED):
            move(stored, change, item_id)
        stored.rollback()
    hand_in(stored, "https://a.example/1", remit=Remit.CSEM)
    assert conn.execute("SELECT state, remit FROM items").fetchone() == ("received", "csem")


def test_the_public_role_stores_items_only_as_received(conn, stored):
    row = (
        "INSERT INTO items (id, reference, kind, state, remit, url, url_key, is_top_level, danger, base_lane,"
        " reason, closed_as, received_at, moved_at) VALUES (gen_random_uuid(), 'X-1', %(kind)s, %(state)s,"
        " 'csam', %(url)s, %(key)s, true, false, %(lane)s, %(reason)s, %(closed)s, now(), now())"
    )
    kinds = {"url": ("https://b.example/", hashlib.sha256(b"b").digest()), "text": (None, None)}
    tried = 0
    for kind, (url, key) in kinds.items():
        for state in ItemState:
            if state in (ItemState.RECEIVED, ItemState.AWAITING_HAND_ON):
                continue
            if (kind, state) == ("text", ItemState.AWAITING_ASSESSMENT):
                continue
            lanes = {ItemState.AWAITING_ASSESSMENT: "look", ItemState.AWAITING_LEAD: "lead"}
            values = {
                "kind": kind,
                "state": state,
                "url": url,
                "key": key,
                "lane": lanes.get(state),
                "reason": "x" if state in lanes else None,
                "closed": "removed" if state is ItemState.CLOSED else None,
            }
            with pytest.raises(DENIED):
                stored.execute(row.encode(), values)
            stored.rollback()
            tried += 1
    assert tried == 13
    assert count(conn, "items") == 1


def test_no_runtime_role_owns_anything_or_may_become_another(conn):
    owners = conn.execute(
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    ).fetchall()
    assert owners == [("hotline_owner",)]
    rows = conn.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%(names)s) AND (rolsuper OR rolcreaterole"
        " OR rolcreatedb OR rolbypassrls OR rolreplication)",
        {"names": list(migrate.RUNTIME_ROLES)},
    ).fetchall()
    assert rows == []
    members = conn.execute(
        "SELECT count(*) FROM pg_auth_members WHERE member IN"
        " (SELECT oid FROM pg_roles WHERE rolname = ANY(%(names)s))",
        {"names": list(migrate.RUNTIME_ROLES)},
    ).fetchone()
    assert members == (0,)


def test_functions_that_run_as_the_owner_pin_their_search_path(conn):
    loose = conn.execute(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
        " AND NOT COALESCE(array_to_string(proconfig, ','), '') LIKE 'search_path=%%'"
    ).fetchall()
    assert loose == []
