"""Persons with their roles, and the tokens of machines."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from triage.ids import new_id
from triage.model import ApiToken, Person, PersonRole
from triage.store.rows import Connection, row_of


def insert_person(conn: Connection, name: str, roles: Sequence[PersonRole], *, now: datetime) -> UUID:
    """Store a person with roles; the database refuses a name that stands already."""
    person_id = new_id()
    conn.execute(
        "INSERT INTO persons (id, name, created_at) VALUES (%(id)s, %(name)s, %(now)s)",
        {"id": person_id, "name": name, "now": now},
    )
    for role in roles:
        conn.execute(
            "INSERT INTO person_roles (person_id, role) VALUES (%(id)s, %(role)s)",
            {"id": person_id, "role": role},
        )
    return person_id


def find_person(conn: Connection, name: str) -> Person | None:
    """Return a person by name."""
    row = conn.execute(
        "SELECT id, name, disabled_at, ARRAY(SELECT role::text FROM person_roles"
        " WHERE person_id = persons.id ORDER BY role) FROM persons WHERE name = %(name)s",
        {"name": name},
    ).fetchone()
    if row is None:
        return None
    return Person(row[0], row[1], tuple(PersonRole(role) for role in row[3]), row[2])


def change_disabled(conn: Connection, person_id: UUID, *, disabled_at: datetime | None) -> bool:
    """Disable a person, or enable them with None; False when it stood so already."""
    changed = conn.execute(
        "UPDATE persons SET disabled_at = %(at)s WHERE id = %(id)s"
        " AND (disabled_at IS NULL) <> (%(at)s::timestamptz IS NULL)",
        {"at": disabled_at, "id": person_id},
    )
    return changed.rowcount == 1


def digest_token(token: str) -> bytes:
    """Return the SHA-256 by which a token is stored; tokens are random, so that no salt is needed."""
    return hashlib.sha256(token.encode()).digest()


def insert_token(
    conn: Connection, name: str, scope: str, digest: bytes, *, now: datetime, expires_at: datetime
) -> UUID:
    """Store a token by its digest; the database refuses a name that stands already."""
    token_id = new_id()
    conn.execute(
        "INSERT INTO api_tokens (id, name, scope, token_digest, created_at, expires_at)"
        " VALUES (%(id)s, %(name)s, %(scope)s, %(digest)s, %(now)s, %(expires_at)s)",
        {
            "id": token_id,
            "name": name,
            "scope": scope,
            "digest": digest,
            "now": now,
            "expires_at": expires_at,
        },
    )
    return token_id


def find_token(conn: Connection, digest: bytes, *, now: datetime) -> UUID | None:
    """Return the id of a token with the intake scope that is in force, and note its use."""
    row = conn.execute(
        "UPDATE api_tokens SET last_used_at = %(now)s WHERE token_digest = %(digest)s AND scope = 'intake'"
        " AND revoked_at IS NULL AND expires_at > %(now)s RETURNING id",
        {"digest": digest, "now": now},
    ).fetchone()
    return row[0] if row else None


def revoke_token(conn: Connection, name: str, *, now: datetime) -> UUID | None:
    """Revoke a token by name; return its id, or None when none of that name is in force."""
    row = conn.execute(
        "UPDATE api_tokens SET revoked_at = %(now)s WHERE name = %(name)s AND revoked_at IS NULL RETURNING id",
        {"name": name, "now": now},
    ).fetchone()
    return row[0] if row else None


def list_persons(conn: Connection) -> list[Person]:
    """Return all persons with their roles."""
    rows = conn.execute(
        "SELECT id, name, disabled_at, ARRAY(SELECT role::text FROM person_roles"
        " WHERE person_id = persons.id ORDER BY role) FROM persons ORDER BY name"
    ).fetchall()
    return [Person(row[0], row[1], tuple(PersonRole(role) for role in row[3]), row[2]) for row in rows]


def list_tokens(conn: Connection) -> list[ApiToken]:
    """Return all tokens, without their secrets."""
    with conn.cursor(row_factory=row_of(ApiToken)) as cursor:
        return cursor.execute(
            "SELECT id, name, scope, expires_at, revoked_at FROM api_tokens ORDER BY name"
        ).fetchall()
