"""Make and revoke the tokens of machines. A secret is shown once and stored only as a digest."""

import re
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import psycopg

from triage.errors import NotAllowedError, UnknownThingError
from triage.store import custody
from triage.store.custody import SYSTEM, NewEvent
from triage.store.people import digest_token
from triage.store.rows import Connection
from triage.store.tokens import find_token_name, insert_token, revoke_token

PREFIX = "hotline_"
DAYS_DEFAULT = 90
DAYS_MAX = 400
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}")


class Scope(StrEnum):
    """What a token is good for: handing in reports, asking whether hashes are listed, reading counts."""

    INTAKE = "intake"
    MATCH = "match"
    STATS = "stats"


def new_secret() -> str:
    """Return a fresh secret: the prefix and 32 random bytes as text."""
    return PREFIX + secrets.token_urlsafe(32)


def make_token(
    conn: Connection, name: str, scope: Scope, *, days: int, secret: str, actor: str, now: datetime
) -> UUID:
    """Store a token, and return its id.

    Args:
        name: who will use it; never used again, not even after it is revoked.
        days: until it expires, 1 to DAYS_MAX.
        secret: from `new_secret`.
        actor: cli, or person/UUID of who makes it.

    Raises:
        NotAllowedError: the name is taken or unfit, or the days are out of bounds.
    """
    if not _NAME.fullmatch(name):
        raise NotAllowedError("A token's name is 1-63 letters, digits, spaces, dots, dashes and underscores.")
    if not 1 <= days <= DAYS_MAX:
        raise NotAllowedError(f"A token lives 1 to {DAYS_MAX} days.")
    made_by = UUID(actor.removeprefix("person/")) if actor.startswith("person/") else None
    expires_at = now + timedelta(days=days)
    try:
        token_id = insert_token(
            conn, name, scope, digest_token(secret), now=now, expires_at=expires_at, made_by=made_by
        )
    except psycopg.errors.UniqueViolation:
        raise NotAllowedError("There is a token of that name already.") from None
    event = NewEvent(SYSTEM, "token_added", {"token": str(token_id), "scope": scope, "days": days})
    custody.append(conn, [event], actor=actor, now=now)
    return token_id


def take_token_back(conn: Connection, name: str, *, actor: str, now: datetime) -> UUID:
    """Revoke a token at once, and return its id.

    Raises:
        UnknownThingError: none of that name is in force.
    """
    token_id = revoke_token(conn, name, now=now)
    if token_id is None:
        raise UnknownThingError("There is no token of that name in force.")
    custody.append(conn, [NewEvent(SYSTEM, "token_revoked", {"token": str(token_id)})], actor=actor, now=now)
    return token_id


def take_token_back_by_id(conn: Connection, token_id: UUID, *, actor: str, now: datetime) -> None:
    """Revoke a token by its id.

    Raises:
        UnknownThingError: there is none, or it was revoked.
    """
    take_token_back(conn, find_token_name(conn, token_id) or "", actor=actor, now=now)
