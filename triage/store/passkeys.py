"""Passkeys and the challenges that they answer. Tokens of challenges are here only as digests."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from triage.rules.passkeys import CHALLENGE_LIFE, FreshPasskey, KnownPasskey, Purpose
from triage.store.rows import Connection, row_of

# Challenges


@dataclass(frozen=True, slots=True)
class Challenge:
    """What an authenticator is to sign.

    Attributes:
        bound_to: digest of the link or the session that it belongs to.
        challenge: 32 bytes.
    """

    purpose: Purpose
    bound_to: bytes | None
    challenge: bytes = field(repr=False)
    created_at: datetime


def insert_challenge(conn: Connection, digest: bytes, challenge: Challenge) -> None:
    """Store a challenge by the digest of its token, and forget those that have expired."""
    conn.execute(
        "DELETE FROM passkey_challenges WHERE created_at < %(before)s",
        {"before": challenge.created_at - CHALLENGE_LIFE},
    )
    conn.execute(
        "INSERT INTO passkey_challenges (token_digest, purpose, bound_to, challenge, created_at)"
        " VALUES (%(digest)s, %(purpose)s, %(bound_to)s, %(challenge)s, %(now)s)",
        {
            "digest": digest,
            "purpose": challenge.purpose,
            "bound_to": challenge.bound_to,
            "challenge": challenge.challenge,
            "now": challenge.created_at,
        },
    )


def take_challenge(conn: Connection, digest: bytes) -> Challenge | None:
    """Return a challenge and delete it: whatever comes of it, it is answered once."""
    with conn.cursor(row_factory=row_of(Challenge)) as cursor:
        return cursor.execute(
            "DELETE FROM passkey_challenges WHERE token_digest = %(digest)s"
            " RETURNING purpose, bound_to, challenge, created_at",
            {"digest": digest},
        ).fetchone()


# Passkeys


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as it stands.

    Attributes:
        rp_id: the host name it is for.
        public_key: COSE.
        doubted_at: when its count went back.
    """

    id: UUID
    person_id: UUID
    rp_id: str
    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    name: str
    transports: list[str]
    is_backed_up: bool
    created_at: datetime
    last_used_at: datetime | None
    doubted_at: datetime | None

    @property
    def known(self) -> KnownPasskey:
        """The passkey as a browser is told of it."""
        return KnownPasskey(self.credential_id, tuple(self.transports))


def insert_passkey(
    conn: Connection,
    passkey_id: UUID,
    person_id: UUID,
    fresh: FreshPasskey,
    *,
    rp_id: str,
    name: str,
    now: datetime,
) -> bool:
    """Store a passkey; False when its credential stands already, whoever has it."""
    stored = conn.execute(
        "INSERT INTO passkeys (id, person_id, rp_id, credential_id, public_key, sign_count, name, transports,"
        " is_backed_up, created_at) VALUES (%(id)s, %(person)s, %(rp_id)s, %(credential)s, %(key)s, %(count)s,"
        " %(name)s, %(transports)s, %(backed_up)s, %(now)s) ON CONFLICT (credential_id) DO NOTHING",
        {
            "id": passkey_id,
            "person": person_id,
            "rp_id": rp_id,
            "credential": fresh.credential_id,
            "key": fresh.public_key,
            "count": fresh.sign_count,
            "name": name,
            "transports": list(fresh.transports),
            "backed_up": fresh.is_backed_up,
            "now": now,
        },
    )
    return stored.rowcount == 1


def find_passkey(conn: Connection, credential_id: bytes, *, rp_id: str) -> Passkey | None:
    """Return a passkey of somebody who works here, locked until the transaction ends."""
    with conn.cursor(row_factory=row_of(Passkey)) as cursor:
        return cursor.execute(
            "SELECT passkeys.id, person_id, rp_id, credential_id, public_key, sign_count, passkeys.name, transports,"
            " is_backed_up, passkeys.created_at, last_used_at, doubted_at"
            " FROM passkeys JOIN persons ON persons.id = person_id"
            " WHERE credential_id = %(credential)s AND rp_id = %(rp_id)s AND disabled_at IS NULL"
            " FOR NO KEY UPDATE OF passkeys",
            {"credential": credential_id, "rp_id": rp_id},
        ).fetchone()


def find_owner(conn: Connection, credential_id: bytes) -> UUID | None:
    """Return whose passkey has this credential; None when nobody's has."""
    row = conn.execute(
        "SELECT person_id FROM passkeys WHERE credential_id = %(credential)s", {"credential": credential_id}
    ).fetchone()
    return row[0] if row else None


def list_passkeys(conn: Connection, person_id: UUID) -> list[Passkey]:
    """Return the passkeys of a person, oldest first."""
    with conn.cursor(row_factory=row_of(Passkey)) as cursor:
        return cursor.execute(
            "SELECT id, person_id, rp_id, credential_id, public_key, sign_count, name, transports, is_backed_up,"
            " created_at, last_used_at, doubted_at FROM passkeys WHERE person_id = %(person)s"
            " ORDER BY created_at, id",
            {"person": person_id},
        ).fetchall()


def note_use(
    conn: Connection, passkey_id: UUID, *, sign_count: int, is_backed_up: bool, now: datetime
) -> None:
    """Note that a passkey proved its person."""
    conn.execute(
        "UPDATE passkeys SET sign_count = %(count)s, is_backed_up = %(backed_up)s,"
        " last_used_at = greatest(%(now)s, created_at) WHERE id = %(id)s",
        {"id": passkey_id, "count": sign_count, "backed_up": is_backed_up, "now": now},
    )


def note_doubt(conn: Connection, passkey_id: UUID, *, now: datetime) -> None:
    """Note that the count of a passkey went back."""
    conn.execute(
        "UPDATE passkeys SET doubted_at = greatest(%(now)s, created_at) WHERE id = %(id)s",
        {"id": passkey_id, "now": now},
    )


def rename_passkey(conn: Connection, passkey_id: UUID, person_id: UUID, name: str) -> bool:
    """Give a person's passkey another name; False when they have none of this id."""
    renamed = conn.execute(
        "UPDATE passkeys SET name = %(name)s WHERE id = %(id)s AND person_id = %(person)s",
        {"id": passkey_id, "person": person_id, "name": name},
    )
    return renamed.rowcount == 1


def delete_passkey(conn: Connection, passkey_id: UUID, person_id: UUID) -> bool:
    """Delete a person's passkey; False when they have none of this id."""
    deleted = conn.execute(
        "DELETE FROM passkeys WHERE id = %(id)s AND person_id = %(person)s",
        {"id": passkey_id, "person": person_id},
    )
    return deleted.rowcount == 1


def delete_passkeys(conn: Connection, person_id: UUID) -> list[UUID]:
    """Delete all passkeys of a person; return their ids."""
    rows = conn.execute(
        "DELETE FROM passkeys WHERE person_id = %(person)s RETURNING id", {"person": person_id}
    ).fetchall()
    return sorted(row[0] for row in rows)


# How a person gets in


@dataclass(frozen=True, slots=True)
class WaysIn:
    """By what a person can sign in."""

    passkeys: int
    has_password: bool

    @property
    def count(self) -> int:
        """How many ways there are."""
        return self.passkeys + self.has_password


def lock_ways_in(conn: Connection, person_id: UUID) -> WaysIn:
    """Count the ways in of a person; whoever else changes them waits until the transaction ends."""
    conn.execute("SELECT id FROM persons WHERE id = %(person)s FOR NO KEY UPDATE", {"person": person_id})
    return count_ways_in(conn, person_id)


def count_ways_in(conn: Connection, person_id: UUID) -> WaysIn:
    """Count the ways in of a person."""
    row = conn.execute(
        "SELECT (SELECT count(*) FROM passkeys WHERE person_id = %(person)s),"
        " EXISTS (SELECT FROM credentials WHERE person_id = %(person)s)",
        {"person": person_id},
    ).fetchone()
    return WaysIn(int(row[0]), bool(row[1])) if row else WaysIn(0, False)
