"""Join links, credentials, failures and sessions. Tokens and links are here only as digests."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from triage.model import Person, PersonRole
from triage.rules.sign_in import Session
from triage.store.rows import Connection, row_of

Way = Literal["password", "code", "passkey"]
"""At what somebody failed to sign in; code: the password was right."""

# Join links


@dataclass(frozen=True, slots=True)
class JoinLink:
    """A one-time link.

    Attributes:
        is_newest: whether no newer one was made for the same person.
        enables: whether it came of a recovery that was approved after its person was disabled: it lets them in again.
    """

    person_id: UUID
    name: str
    disabled_at: datetime | None
    expires_at: datetime
    used_at: datetime | None
    is_newest: bool
    enables: bool


def insert_link(
    conn: Connection, digest: bytes, person_id: UUID, *, now: datetime, expires_at: datetime
) -> None:
    """Store a link by its digest."""
    conn.execute(
        "INSERT INTO join_links (link_digest, person_id, created_at, expires_at)"
        " VALUES (%(digest)s, %(person)s, %(now)s, %(expires_at)s)",
        {"digest": digest, "person": person_id, "now": now, "expires_at": expires_at},
    )


def find_link(conn: Connection, digest: bytes) -> JoinLink | None:
    """Return a link, locked until the transaction ends."""
    with conn.cursor(row_factory=row_of(JoinLink)) as cursor:
        return cursor.execute(
            "SELECT join_links.person_id, persons.name, persons.disabled_at, join_links.expires_at,"
            " join_links.used_at, NOT EXISTS (SELECT FROM join_links AS newer"
            "  WHERE newer.person_id = join_links.person_id"
            "  AND (newer.created_at, newer.link_digest) > (join_links.created_at, join_links.link_digest)"
            " ) AS is_newest, EXISTS (SELECT FROM recoveries"
            "  WHERE recoveries.link_digest = join_links.link_digest AND decided_at >= disabled_at) AS enables"
            " FROM join_links JOIN persons ON persons.id = join_links.person_id"
            " WHERE link_digest = %(digest)s FOR NO KEY UPDATE OF join_links",
            {"digest": digest},
        ).fetchone()


def has_open_link(conn: Connection, person_id: UUID, *, now: datetime) -> bool:
    """Whether a person's newest link can still be used."""
    row = conn.execute(
        "SELECT used_at IS NULL AND expires_at > %(now)s FROM join_links WHERE person_id = %(person)s"
        " ORDER BY created_at DESC, link_digest DESC LIMIT 1",
        {"person": person_id, "now": now},
    ).fetchone()
    return bool(row and row[0])


def use_link(conn: Connection, digest: bytes, *, now: datetime) -> bool:
    """Mark a link as used; False when it was already."""
    used = conn.execute(
        "UPDATE join_links SET used_at = %(now)s WHERE link_digest = %(digest)s AND used_at IS NULL",
        {"digest": digest, "now": now},
    )
    return used.rowcount == 1


# Credentials


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a person proves who they are.

    Attributes:
        password_hash: Argon2id, with its parameters.
        sealed_secret: of the one-time codes, sealed to the staff surface.
        last_step: time step of the last code that was taken.
    """

    person_id: UUID
    password_hash: str = field(repr=False)
    sealed_secret: bytes = field(repr=False)
    last_step: int


def find_credentials(conn: Connection, name: str) -> Credentials | None:
    """Return the credentials of a person who works here, locked until the transaction ends."""
    with conn.cursor(row_factory=row_of(Credentials)) as cursor:
        return cursor.execute(
            "SELECT credentials.person_id, password_hash, sealed_secret, last_step FROM credentials"
            " JOIN persons ON persons.id = credentials.person_id"
            " WHERE persons.name = %(name)s AND persons.disabled_at IS NULL FOR NO KEY UPDATE OF credentials",
            {"name": name},
        ).fetchone()


def find_credentials_holder(conn: Connection, name: str) -> UUID | None:
    """Return the person who works here under a name and has credentials; nothing is locked."""
    row = conn.execute(
        "SELECT person_id FROM credentials JOIN persons ON persons.id = person_id"
        " WHERE name = %(name)s AND disabled_at IS NULL",
        {"name": name},
    ).fetchone()
    return row[0] if row else None


def replace_credentials(conn: Connection, credentials: Credentials, *, now: datetime) -> None:
    """Store credentials in place of any before."""
    conn.execute(
        "INSERT INTO credentials (person_id, password_hash, sealed_secret, last_step, set_at)"
        " VALUES (%(person)s, %(hash)s, %(secret)s, %(step)s, %(now)s)"
        " ON CONFLICT (person_id) DO UPDATE SET password_hash = EXCLUDED.password_hash,"
        " sealed_secret = EXCLUDED.sealed_secret, last_step = EXCLUDED.last_step, set_at = EXCLUDED.set_at",
        {
            "person": credentials.person_id,
            "hash": credentials.password_hash,
            "secret": credentials.sealed_secret,
            "step": credentials.last_step,
            "now": now,
        },
    )


def delete_credentials(conn: Connection, person_id: UUID) -> None:
    """Delete password and second factor of a person, if there are any."""
    conn.execute("DELETE FROM credentials WHERE person_id = %(person)s", {"person": person_id})


def take_step(conn: Connection, person_id: UUID, step: int) -> bool:
    """Note that the code of a time step was taken; False when it or a later one was already."""
    taken = conn.execute(
        "UPDATE credentials SET last_step = %(step)s WHERE person_id = %(person)s AND last_step < %(step)s",
        {"person": person_id, "step": step},
    )
    return taken.rowcount == 1


# Failures


def insert_failure(conn: Connection, failure_id: UUID, person_id: UUID, *, now: datetime, way: Way) -> bool:
    """Store a failure; False when this very one stands already."""
    stored = conn.execute(
        "INSERT INTO sign_in_failures (id, person_id, failed_at, way)"
        " VALUES (%(id)s, %(person)s, %(now)s, %(way)s) ON CONFLICT DO NOTHING",
        {"id": failure_id, "person": person_id, "now": now, "way": way},
    )
    return stored.rowcount == 1


def count_failures(conn: Connection, person_id: UUID, *ways: Way, since: datetime) -> int:
    """Return how often somebody failed to sign in as this person since a time, at one of these."""
    row = conn.execute(
        "SELECT count(*) FROM sign_in_failures"
        " WHERE person_id = %(person)s AND failed_at > %(since)s AND way = ANY(%(ways)s)",
        {"person": person_id, "since": since, "ways": list(ways)},
    ).fetchone()
    return int(row[0]) if row else 0


def delete_failures(conn: Connection, person_id: UUID) -> None:
    """Forget the failures of a person; custody keeps that they were."""
    conn.execute("DELETE FROM sign_in_failures WHERE person_id = %(person)s", {"person": person_id})


# Sessions


def insert_session(conn: Connection, digest: bytes, person_id: UUID, *, now: datetime) -> None:
    """Store a new session by its digest."""
    conn.execute(
        "INSERT INTO sessions (token_digest, person_id, started_at, seen_at)"
        " VALUES (%(digest)s, %(person)s, %(now)s, %(now)s)",
        {"digest": digest, "person": person_id, "now": now},
    )


def find_session(conn: Connection, digest: bytes) -> tuple[Session, Person] | None:
    """Return a session and its person."""
    row = conn.execute(
        "SELECT started_at, seen_at, ended_at, persons.id, name, disabled_at, confirmed_at, failed_confirmations,"
        " ARRAY(SELECT role::text FROM person_roles WHERE person_id = persons.id ORDER BY role)"
        " FROM sessions JOIN persons ON persons.id = sessions.person_id WHERE token_digest = %(digest)s",
        {"digest": digest},
    ).fetchone()
    if row is None:
        return None
    person = Person(row[3], row[4], tuple(PersonRole(role) for role in row[8]), row[5])
    return Session(row[0], row[1], row[2], row[6], row[7]), person


def note_use(conn: Connection, digest: bytes, *, now: datetime) -> None:
    """Note that a session was used."""
    conn.execute(
        "UPDATE sessions SET seen_at = %(now)s"
        " WHERE token_digest = %(digest)s AND ended_at IS NULL AND seen_at < %(now)s",
        {"digest": digest, "now": now},
    )


def end_session(conn: Connection, digest: bytes, *, now: datetime) -> UUID | None:
    """End a session; return its person, or None when it had ended."""
    row = conn.execute(
        "UPDATE sessions SET ended_at = %(now)s WHERE token_digest = %(digest)s AND ended_at IS NULL"
        " RETURNING person_id",
        {"digest": digest, "now": now},
    ).fetchone()
    return row[0] if row else None


def end_sessions(conn: Connection, person_id: UUID, *, now: datetime) -> int:
    """End all sessions of a person; return how many there were."""
    return conn.execute(
        "UPDATE sessions SET ended_at = %(now)s WHERE person_id = %(person)s AND ended_at IS NULL",
        {"person": person_id, "now": now},
    ).rowcount


def end_other_sessions(conn: Connection, person_id: UUID, kept: bytes, *, now: datetime) -> int:
    """End all sessions of a person but one; return how many there were."""
    return conn.execute(
        "UPDATE sessions SET ended_at = %(now)s"
        " WHERE person_id = %(person)s AND ended_at IS NULL AND token_digest <> %(kept)s",
        {"person": person_id, "kept": kept, "now": now},
    ).rowcount


def list_sessions(conn: Connection, person_id: UUID) -> list[tuple[bytes, Session]]:
    """Return the sessions of a person that nobody ended, newest first, each with its digest."""
    rows = conn.execute(
        "SELECT token_digest, started_at, seen_at, ended_at FROM sessions"
        " WHERE person_id = %(person)s AND ended_at IS NULL ORDER BY started_at DESC, token_digest",
        {"person": person_id},
    ).fetchall()
    return [(bytes(row[0]), Session(row[1], row[2], row[3])) for row in rows]
