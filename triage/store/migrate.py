"""Migrations: plain SQL files, forward only.

1. Roles are cluster-wide: they are made if missing, before the first file.
2. An advisory lock keeps a second runner out; it ends with the session, so a kill -9 leaves nothing behind.
3. Each file runs in one transaction and is recorded with its number and SHA-256; a changed file is refused.
4. Every process checks at start that nothing is missing.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import psycopg
from psycopg import sql

from triage.errors import HotlineError, SchemaBehindError

Connection = psycopg.Connection[Any]

OWNER = "hotline_owner"
RUNTIME_ROLES = ("hotline_public", "hotline_staff", "hotline_worker", "hotline_outbound")
_LOCK = 7_221_407
MIN_SERVER = 180000
_NAME = re.compile(r"^(\d{4})_[a-z_]+\.sql$")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name, its text and the SHA-256 of that text in hex."""

    number: int
    name: str
    text: str
    digest: str


def read_migrations() -> list[Migration]:
    """Return all migrations of this version in order."""
    found = []
    for entry in resources.files("triage.store").joinpath("migrations").iterdir():
        match = _NAME.match(entry.name)
        if match:
            text = entry.read_text("utf-8")
            found.append(
                Migration(int(match[1]), entry.name, text, hashlib.sha256(text.encode()).hexdigest())
            )
    return sorted(found, key=lambda migration: migration.number)


def ensure_roles(conn: Connection, names: Iterable[str] = (OWNER, *RUNTIME_ROLES)) -> list[str]:
    """Create the roles that are missing, without a password; return their names. Needs CREATEROLE."""
    made = []
    for name in names:
        row = conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %(name)s", {"name": name}).fetchone()
        if row is None:
            conn.execute(
                sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT").format(
                    sql.Identifier(name)
                )
            )
            made.append(name)
    return made


def require_roles(conn: Connection) -> None:
    """Make the runtime roles that are missing, where this role may; they are cluster-wide.

    Raises:
        HotlineError: some are missing and this role may not make them; names them.
    """
    present = {row[0] for row in conn.execute("SELECT rolname FROM pg_roles").fetchall()}
    missing = [name for name in RUNTIME_ROLES if name not in present]
    if not missing:
        return
    row = conn.execute(
        "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if row is None or not row[0]:
        raise HotlineError(f"Create these login roles first: {', '.join(missing)}.")
    ensure_roles(conn, missing)


def grant_database(conn: Connection, name: str = "") -> None:
    """Let the runtime roles connect, and nobody else; only staff may make temporary tables.

    Args:
        name: of the database; by default the one that this connection is in.
    """
    row = conn.execute("SELECT current_database()").fetchone()
    database = sql.Identifier(name or (row[0] if row else ""))
    roles = sql.SQL(", ").join(sql.Identifier(role) for role in RUNTIME_ROLES)
    conn.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    conn.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, roles))
    conn.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO hotline_staff").format(database))


def read_applied(conn: Connection) -> dict[int, str]:
    """Return the recorded migrations: number → SHA-256 in hex."""
    row = conn.execute("SELECT to_regclass('schema_migrations')").fetchone()
    if row is None or row[0] is None:
        return {}
    return dict(conn.execute("SELECT number, digest FROM schema_migrations").fetchall())


def migrate(conn: Connection) -> list[str]:
    """Apply what is missing, as the owner role; return the names of the files that ran.

    Args:
        conn: a connection with autocommit on.

    Raises:
        HotlineError: a recorded file was changed, or the database knows a later one than this version.
    """
    done = []
    conn.execute("SELECT pg_advisory_lock(%(lock)s)", {"lock": _LOCK})
    try:
        conn.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations ("
            " number integer PRIMARY KEY, name text NOT NULL, digest text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = read_applied(conn)
        migrations = read_migrations()
        _refuse_unknown(applied, migrations)
        if conn.info.server_version < MIN_SERVER:
            raise HotlineError(f"PostgreSQL {MIN_SERVER // 10000} or later is needed.")
        require_roles(conn)
        for migration in migrations:
            if migration.number in applied:
                continue
            with conn.transaction():
                conn.execute(migration.text.encode())
                conn.execute(
                    "INSERT INTO schema_migrations (number, name, digest)"
                    " VALUES (%(number)s, %(name)s, %(digest)s)",
                    {"number": migration.number, "name": migration.name, "digest": migration.digest},
                )
            done.append(migration.name)
        if done:
            grant_database(conn)
    finally:
        conn.execute("SELECT pg_advisory_unlock(%(lock)s)", {"lock": _LOCK})
    return done


def _refuse_unknown(applied: dict[int, str], migrations: list[Migration]) -> None:
    known = {migration.number: migration for migration in migrations}
    for number, digest in applied.items():
        if number not in known:
            raise HotlineError(f"The database has migration {number:04d}, which this version does not know.")
        if known[number].digest != digest:
            raise HotlineError(f"Migration {known[number].name} was changed after it had run.")


def check_schema(conn: Connection) -> None:
    """Refuse to go on when the database is behind this version, or ahead of it.

    Raises:
        SchemaBehindError: migrations are missing.
    """
    applied = read_applied(conn)
    migrations = read_migrations()
    if any(migration.number not in applied for migration in migrations):
        raise SchemaBehindError
    _refuse_unknown(applied, migrations)
