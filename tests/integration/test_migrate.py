"""Migrations: forward only, once each, all or nothing, and only by the owner."""

import os
import threading
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from triage.cli.embedded import Servers
from triage.errors import HotlineError, SchemaBehindError
from triage.store import checks, migrate
from triage.store.migrate import Migration, check_schema, ensure_roles, read_applied, read_migrations


@pytest.fixture
def empty(servers: Servers) -> Iterator[str]:
    """Address of an empty database, as the owner."""
    name = f"e_{os.urandom(6).hex()}"
    with psycopg.connect(servers.postgres.superuser_dsn(), autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER hotline_owner TEMPLATE template0").format(sql.Identifier(name))
        )
        yield make_conninfo(servers.dsns[migrate.OWNER], dbname=name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def list_tables(conn: psycopg.Connection) -> set[str]:
    return {row[0] for row in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def make_migration(number: int, text: str) -> Migration:
    return Migration(number, f"{number:04d}_made.sql", text, f"digest of {number}")


def test_files_are_numbered_without_a_gap() -> None:
    found = read_migrations()
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert all(one.name.startswith(f"{one.number:04d}_") for one in found)
    assert len({one.digest for one in found}) == len(found)
    # A migration runs in one transaction of ours; its own would end it half way.
    for one in found:
        words = {word.strip(";") for line in one.text.upper().splitlines() for word in [line.strip()]}
        assert not words & {"BEGIN TRANSACTION", "COMMIT", "ROLLBACK", "START TRANSACTION"}


def test_an_empty_database_comes_to_this_version_and_stays_there(empty: str) -> None:
    with psycopg.connect(empty, autocommit=True) as conn:
        with pytest.raises(SchemaBehindError):
            check_schema(conn)
        assert migrate.migrate(conn) == [one.name for one in read_migrations()]
        check_schema(conn)
        assert read_applied(conn) == {one.number: one.digest for one in read_migrations()}
        assert checks.find_violations(conn) == []
        assert migrate.migrate(conn) == []


def test_a_file_that_was_changed_after_it_ran_is_refused(empty: str) -> None:
    with psycopg.connect(empty, autocommit=True) as conn:
        migrate.migrate(conn)
        conn.execute("UPDATE schema_migrations SET digest = repeat('0', 64) WHERE number = 3")
        with pytest.raises(HotlineError, match=r"0003_\w+\.sql was changed after it had run"):
            migrate.migrate(conn)
        with pytest.raises(HotlineError, match="was changed"):
            check_schema(conn)


def test_a_later_version_is_refused_and_never_taken_back(empty: str) -> None:
    with psycopg.connect(empty, autocommit=True) as conn:
        migrate.migrate(conn)
        tables = list_tables(conn)
        conn.execute("INSERT INTO schema_migrations (number, name, digest) VALUES (9000, 'later', 'x')")
        for ask in (migrate.migrate, check_schema):
            with pytest.raises(HotlineError, match="migration 9000, which this version does not know"):
                ask(conn)
        assert list_tables(conn) == tables


def test_a_file_that_fails_leaves_nothing_and_the_files_before_stand(empty: str, monkeypatch) -> None:
    good = make_migration(1, "CREATE TABLE one (id int)")
    bad = make_migration(2, "CREATE TABLE two (id int); INSERT INTO two VALUES (1); SELECT 1/0")
    monkeypatch.setattr(migrate, "read_migrations", lambda: [good, bad])
    with psycopg.connect(empty, autocommit=True) as conn:
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate.migrate(conn)
        assert list_tables(conn) == {"schema_migrations", "one"}
        assert read_applied(conn) == {1: "digest of 1"}
        # The lock was given back: a mended file runs at once, on any connection.
        with psycopg.connect(empty, autocommit=True) as other:
            mended = make_migration(2, "CREATE TABLE two (id int)")
            monkeypatch.setattr(migrate, "read_migrations", lambda: [good, mended])
            assert migrate.migrate(other) == ["0002_made.sql"]


def test_a_runner_that_is_killed_leaves_no_lock(empty: str, servers: Servers) -> None:
    with psycopg.connect(servers.postgres.superuser_dsn(), autocommit=True) as admin:
        killed = psycopg.connect(empty, autocommit=True)
        killed.execute("SELECT pg_advisory_lock(%s)", (migrate._LOCK,))
        admin.execute("SELECT pg_terminate_backend(%s)", (killed.info.backend_pid,))
        killed.close()
    with psycopg.connect(empty, autocommit=True) as conn:
        conn.execute("SET lock_timeout = '10s'")
        assert migrate.migrate(conn)


def test_two_runners_take_turns(empty: str) -> None:
    done: list[list[str]] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            with psycopg.connect(empty, autocommit=True) as conn:
                done.append(migrate.migrate(conn))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(map(len, done)) == [0, 0, len(read_migrations())]


@pytest.mark.parametrize("role", migrate.RUNTIME_ROLES)
def test_no_runtime_role_can_migrate(database, role: str) -> None:
    with psycopg.connect(database.dsns[role], autocommit=True) as conn:
        check_schema(conn)
        for statement in (
            "INSERT INTO schema_migrations (number, name, digest) VALUES (7, 'x', 'x')",
            "DELETE FROM schema_migrations",
            "CREATE TABLE mine (id int)",
            "ALTER TABLE items ADD COLUMN mine int",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement)


def test_roles_that_are_missing_are_made_without_power(servers: Servers) -> None:
    name = f"hotline_t_{os.urandom(4).hex()}"
    with psycopg.connect(servers.postgres.superuser_dsn(), autocommit=True) as admin:
        assert ensure_roles(admin, ["hotline_public", name]) == [name]
        assert ensure_roles(admin, [name]) == []
        row = admin.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolinherit FROM pg_roles WHERE rolname = %s",
            (name,),
        ).fetchone()
        admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
    assert row == (False, False, False, False)
