"""Persons, their roles, and how many ways in they have."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.ids import new_id
from triage.model import Person, PersonRole
from triage.store.rows import Connection


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


def find_person_by_id(conn: Connection, person_id: UUID) -> Person | None:
    """Return a person by id."""
    row = conn.execute(
        "SELECT id, name, disabled_at, ARRAY(SELECT role::text FROM person_roles"
        " WHERE person_id = persons.id ORDER BY role) FROM persons WHERE id = %(id)s",
        {"id": person_id},
    ).fetchone()
    if row is None:
        return None
    return Person(row[0], row[1], tuple(PersonRole(role) for role in row[3]), row[2])


def is_name_taken(conn: Connection, name: str) -> bool:
    """Whether somebody has this name, in whatever case."""
    taken = conn.execute(
        "SELECT FROM persons WHERE lower(name) = lower(%(name)s) ORDER BY id LIMIT 1", {"name": name}
    )
    return taken.fetchone() is not None


def hold_persons(conn: Connection) -> None:
    """Keep all persons as they are until the transaction ends; their sessions and failures go on."""
    conn.execute("SELECT FROM persons ORDER BY id FOR NO KEY UPDATE")


def replace_roles(
    conn: Connection, person_id: UUID, *, gone: Sequence[PersonRole], come: Sequence[PersonRole]
) -> None:
    """Take roles from a person and give them others; what they keep, they have held since before."""
    conn.execute(
        "DELETE FROM person_roles WHERE person_id = %(id)s AND role = ANY(%(gone)s::person_role[])",
        {"id": person_id, "gone": list(gone)},
    )
    for role in come:
        conn.execute(
            "INSERT INTO person_roles (person_id, role) VALUES (%(id)s, %(role)s)",
            {"id": person_id, "role": role},
        )


def has_way_in(conn: Connection, person_id: UUID) -> bool:
    """Whether a person has anything to sign in with."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM credentials WHERE person_id = %(id)s)"
        " OR EXISTS (SELECT FROM passkeys WHERE person_id = %(id)s)",
        {"id": person_id},
    ).fetchone()
    return bool(row and row[0])


def list_able_admins(conn: Connection) -> list[UUID]:
    """Return the admins who can sign in: not disabled, and with something to sign in with."""
    rows = conn.execute(
        "SELECT id FROM persons WHERE disabled_at IS NULL"
        " AND EXISTS (SELECT FROM person_roles WHERE person_id = persons.id AND role = 'admin')"
        " AND (EXISTS (SELECT FROM credentials WHERE person_id = persons.id)"
        "  OR EXISTS (SELECT FROM passkeys WHERE person_id = persons.id)) ORDER BY id"
    ).fetchall()
    return [row[0] for row in rows]


@dataclass(frozen=True, slots=True)
class PersonSummary:
    """A person as the page of people shows them.

    Attributes:
        passkeys: how many they have.
        last_session_at: when the last one began.
    """

    id: UUID
    name: str
    roles: tuple[PersonRole, ...]
    created_at: datetime
    disabled_at: datetime | None
    has_password: bool
    passkeys: int
    last_session_at: datetime | None

    @property
    def can_sign_in(self) -> bool:
        """Whether they have anything to sign in with."""
        return self.has_password or self.passkeys > 0


def list_summaries(conn: Connection, person_id: UUID | None = None) -> list[PersonSummary]:
    """Return all persons, or one, with their ways in by number only."""
    rows = conn.execute(
        "SELECT id, name, ARRAY(SELECT role::text FROM person_roles"
        "  WHERE person_id = persons.id ORDER BY role), created_at, disabled_at,"
        " EXISTS (SELECT FROM credentials WHERE person_id = persons.id),"
        " (SELECT count(*) FROM passkeys WHERE person_id = persons.id),"
        " (SELECT max(started_at) FROM sessions WHERE person_id = persons.id)"
        " FROM persons WHERE %(id)s::uuid IS NULL OR id = %(id)s ORDER BY name, id",
        {"id": person_id},
    ).fetchall()
    return [
        PersonSummary(row[0], row[1], tuple(PersonRole(role) for role in row[2]), *row[3:]) for row in rows
    ]


def change_disabled(conn: Connection, person_id: UUID, *, disabled_at: datetime | None) -> bool:
    """Disable a person, or enable them with None; False when it stood so already."""
    changed = conn.execute(
        "UPDATE persons SET disabled_at = %(at)s WHERE id = %(id)s"
        " AND (disabled_at IS NULL) <> (%(at)s::timestamptz IS NULL)",
        {"at": disabled_at, "id": person_id},
    )
    return changed.rowcount == 1


def enable_recovered(conn: Connection, person_id: UUID, *, disabled_at: datetime) -> bool:
    """Enable a person who was disabled at a time; False when they were enabled since, or disabled anew."""
    changed = conn.execute(
        "UPDATE persons SET disabled_at = NULL WHERE id = %(id)s AND disabled_at = %(at)s",
        {"at": disabled_at, "id": person_id},
    )
    return changed.rowcount == 1


def digest_token(token: str) -> bytes:
    """Return the SHA-256 by which a token is stored; tokens are random, so that no salt is needed."""
    return hashlib.sha256(token.encode()).digest()


def list_persons(conn: Connection) -> list[Person]:
    """Return all persons with their roles."""
    rows = conn.execute(
        "SELECT id, name, disabled_at, ARRAY(SELECT role::text FROM person_roles"
        " WHERE person_id = persons.id ORDER BY role) FROM persons ORDER BY name"
    ).fetchall()
    return [Person(row[0], row[1], tuple(PersonRole(role) for role in row[3]), row[2]) for row in rows]
