"""The login roles, the database and who may connect: what the superuser makes, and nothing more.

Tables and grants on them belong to the migrations, which run as the owner role.
"""

from collections.abc import Mapping

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

DATABASE = "hotline"
OWNER_ROLE = "hotline_owner"
LOGIN_ROLES = (OWNER_ROLE, "hotline_public", "hotline_staff", "hotline_worker", "hotline_outbound")


def ensure_roles_and_database(
    admin_conn: psycopg.Connection, passwords: Mapping[str, str], dbname: str = DATABASE
) -> None:
    """Create the login roles and the database where missing, and set the passwords.

    Args:
        admin_conn: a superuser's connection in autocommit mode.
        passwords: role → password in clear; only its SCRAM verifier is sent. Must hold the owner role.
        dbname: the database to make, owned by the owner role; only these roles may connect to it.
    """
    for role, password in passwords.items():
        known = admin_conn.execute(
            "SELECT 1 FROM pg_roles WHERE rolname = %(role)s", {"role": role}
        ).fetchone()
        verifier = admin_conn.pgconn.encrypt_password(
            password.encode(), role.encode(), b"scram-sha-256"
        ).decode()
        admin_conn.execute(
            sql.SQL(
                "{verb} ROLE {role} LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
                " NOBYPASSRLS PASSWORD {verifier}"
            ).format(
                verb=sql.SQL("ALTER" if known else "CREATE"),
                role=sql.Identifier(role),
                verifier=sql.Literal(verifier),
            )
        )
    database = sql.Identifier(dbname)
    if not admin_conn.execute(
        "SELECT 1 FROM pg_database WHERE datname = %(name)s", {"name": dbname}
    ).fetchone():
        admin_conn.execute(
            sql.SQL("CREATE DATABASE {database} OWNER {owner} TEMPLATE template0").format(
                database=database, owner=sql.Identifier(OWNER_ROLE)
            )
        )
    for closed in (dbname, "postgres", "template1"):
        admin_conn.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(closed)))
    roles = sql.SQL(", ").join(sql.Identifier(role) for role in passwords)
    admin_conn.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, roles))
    inside = make_conninfo(admin_conn.info.dsn, dbname=dbname, password=admin_conn.info.password)
    with psycopg.connect(inside, autocommit=True) as conn:
        conn.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
