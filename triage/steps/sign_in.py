"""Signing in and out, and the one-time link by which a person sets up how they sign in (`join.py`)."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from triage.errors import NotAllowedError
from triage.ids import new_id
from triage.model import Person
from triage.rules.passkeys import Purpose, RelyingParty
from triage.rules.sign_in import (
    FAILURES_WINDOW,
    PASSWORD_MAX,
    WRONG_CODES_WINDOW,
    Session,
    SessionLimits,
    find_step,
    is_live,
    must_note_use,
    must_wait,
)
from triage.steps.passkeys import PasskeyAnswer, verify_assertion
from triage.steps.stop_looking import stop_with_sessions
from triage.store import custody
from triage.store import sign_in as store
from triage.store.custody import NewEvent, stream_of
from triage.store.people import digest_token
from triage.store.rows import Connection
from triage.vault import unseal


def new_token() -> str:
    """Return a fresh token of a session or a link: 32 random bytes as text."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to sign in.

    Attributes:
        token: of the session that begins if it succeeds.
        id: by which a failure is counted once, however often the transaction runs.
    """

    name: str
    password: str = field(repr=False)
    code: str = field(repr=False)
    token: str = field(repr=False, default_factory=new_token)
    id: UUID = field(default_factory=new_id)


@cache
def _dummy_hash(hasher: PasswordHasher) -> str:
    return hasher.hash(secrets.token_urlsafe(16))


def _fits(hasher: PasswordHasher, password_hash: str, password: str) -> bool:
    try:
        return hasher.verify(password_hash, password[:PASSWORD_MAX])
    except (Argon2Error, InvalidHashError):
        return False


def sign_in(
    conn: Connection,
    attempt: Attempt,
    *,
    identity: str,
    now: datetime,
    hasher: PasswordHasher,
    previous: bytes | None = None,
) -> bool:
    """Begin a session if name, password and code are right, and not too many tries failed.

    Whoever asks learns only yes or no: an unknown name, one who must wait and a wrong password cost the same
    time. A failure must be committed, so it is an answer and no error.

    Args:
        attempt: what was typed.
        identity: of the staff surface; opens the secrets of the codes.
        hasher: Argon2id.
        previous: digest of the session that this browser had; it ends when the new one begins.

    Returns:
        Whether the session of `attempt.token` stands.
    """
    digest = digest_token(attempt.token)
    if store.find_session(conn, digest) is not None:
        return True  # this very attempt, run again after a lost commit
    found = store.find_credentials(conn, attempt.name.strip())
    if found is None:
        _fits(hasher, _dummy_hash(hasher), attempt.password)
        return False
    fits = _fits(hasher, found.password_hash, attempt.password)
    if _must_wait(conn, found.person_id, now=now):
        return False
    secret = unseal(found.sealed_secret, identity).decode()
    step = find_step(secret, attempt.code, now=now, after=found.last_step)
    stream = stream_of("person", found.person_id)
    if not fits or step is None or not store.take_step(conn, found.person_id, step):
        way: store.Way = "code" if fits else "password"
        if store.insert_failure(conn, attempt.id, found.person_id, now=now, way=way):
            event = NewEvent(stream, "sign_in_failed", {"way": way})
            custody.append(conn, [event], actor="staff", now=now)
        return False
    _begin_session(conn, digest, found.person_id, {"way": "password"}, previous=previous, now=now)
    return True


def can_sign_in(conn: Connection, name: str, *, now: datetime) -> bool:
    """Whether a password could let somebody in under this name: there is such a person, and they need not wait."""
    person_id = store.find_credentials_holder(conn, name.strip())
    return person_id is not None and not _must_wait(conn, person_id, now=now)


def _must_wait(conn: Connection, person_id: UUID, *, now: datetime) -> bool:
    return must_wait(
        store.count_failures(conn, person_id, "password", "code", since=now - FAILURES_WINDOW),
        store.count_failures(conn, person_id, "code", since=now - WRONG_CODES_WINDOW),
    )


def sign_in_by_passkey(
    conn: Connection,
    answer: PasskeyAnswer,
    *,
    token: str,
    party: RelyingParty,
    now: datetime,
    previous: bytes | None = None,
) -> bool:
    """Begin a session if a passkey proves whose it is; the passkey itself verified its person.

    Whoever asks learns only yes or no, at the same cost. A failure must be committed, so it is an answer and no
    error.

    Args:
        answer: what the form brought.
        token: of the session that begins if it succeeds.
        party: our site.
        previous: digest of the session that this browser had; it ends when the new one begins.

    Returns:
        Whether the session of `token` stands.
    """
    digest = digest_token(token)
    if store.find_session(conn, digest) is not None:
        return True  # this very attempt, run again after a lost commit
    proven = verify_assertion(conn, answer, Purpose.SIGN_IN, party=party, now=now)
    if proven is None:
        return False
    told = {"way": "passkey", "passkey": str(proven.passkey_id)}
    _begin_session(conn, digest, proven.person_id, told, previous=previous, now=now)
    return True


def _begin_session(
    conn: Connection,
    digest: bytes,
    person_id: UUID,
    told: dict[str, str],
    *,
    previous: bytes | None,
    now: datetime,
) -> None:
    if previous is not None:
        sign_out(conn, previous, now=now)
    store.insert_session(conn, digest, person_id, now=now)
    stream = stream_of("person", person_id)
    custody.append(conn, [NewEvent(stream, "signed_in", told)], actor=stream, now=now)


def enter_session(
    conn: Connection, digest: bytes, *, now: datetime, limits: SessionLimits, is_use: bool = True
) -> tuple[Session, Person] | None:
    """Return a live session with its person, and note its use; None when it lets nobody in.

    Args:
        is_use: whether this counts as use; a question after the time that is left does not.
    """
    found = store.find_session(conn, digest)
    if found is None:
        return None
    session, person = found
    if person.disabled_at is not None or not is_live(session, limits, now=now):
        return None
    if is_use and must_note_use(session, limits, now=now):
        store.note_use(conn, digest, now=now)
        session = replace(session, seen_at=max(now, session.seen_at))
    return session, person


def sign_out(conn: Connection, digest: bytes, *, now: datetime) -> None:
    """End a session, and leave what its person has open; one that has ended stays so."""
    person_id = store.end_session(conn, digest, now=now)
    if person_id is not None:
        stop_with_sessions(conn, person_id, now=now)
        stream = stream_of("person", person_id)
        custody.append(conn, [NewEvent(stream, "signed_out")], actor=stream, now=now)


# Joining


LINK_REFUSED = "This link was used, has expired, or a newer one was made: ask for a new link."


def make_link(
    conn: Connection, person_id: UUID, *, token: str, now: datetime, life_s: float, actor: str
) -> None:
    """Store a one-time link for a person; the links before it count no more.

    Args:
        token: from `new_token`; it is kept only as a digest.
        life_s: seconds until it expires.
    """
    expires_at = now + timedelta(seconds=life_s)
    store.insert_link(conn, digest_token(token), person_id, now=now, expires_at=expires_at)
    event = NewEvent(stream_of("person", person_id), "link_made", {"life_s": int(life_s)})
    custody.append(conn, [event], actor=actor, now=now)


def read_link(conn: Connection, token: str, *, now: datetime) -> store.JoinLink:
    """Return a link that can still be used; reading does not use it up.

    Raises:
        NotAllowedError: there is none such, or it was used, has expired, or a newer one was made.
    """
    link = store.find_link(conn, digest_token(token))
    is_good = (
        link is not None
        and link.used_at is None
        and link.is_newest
        and (link.disabled_at is None or link.enables)
        and now < link.expires_at
    )
    if link is None or not is_good:
        raise NotAllowedError(LINK_REFUSED)
    return link
