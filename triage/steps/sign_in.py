"""Signing in and out, and the one-time link by which a person sets a password and a second factor."""

import base64
import binascii
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from triage.errors import KeyMissingError, NotAllowedError, StorageError
from triage.ids import new_id
from triage.model import Person
from triage.rules.sign_in import (
    FAILURES_WINDOW,
    PASSWORD_MAX,
    SessionLimits,
    find_password_fault,
    find_step,
    is_live,
    must_note_use,
    must_wait,
)
from triage.store import custody
from triage.store import sign_in as store
from triage.store.custody import NewEvent, stream_of
from triage.store.people import digest_token
from triage.store.rows import Connection
from triage.vault import recipient_of, seal, unseal

_PURPOSE = "join"
_SECRET = re.compile(r"[A-Z2-7]{32}")


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
    conn: Connection, attempt: Attempt, *, identity: str, now: datetime, hasher: PasswordHasher
) -> bool:
    """Begin a session if name, password and code are right, and not too many tries failed.

    Whoever asks learns only yes or no: an unknown name, one who must wait and a wrong password cost the same
    time. A failure must be committed, so it is an answer and no error.

    Args:
        attempt: what was typed.
        identity: of the staff surface; opens the secrets of the codes.
        hasher: Argon2id.

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
    failures = store.count_failures(conn, found.person_id, since=now - FAILURES_WINDOW)
    fits = _fits(hasher, found.password_hash, attempt.password)
    if must_wait(failures):
        return False
    secret = unseal(found.sealed_secret, identity).decode()
    step = find_step(secret, attempt.code, now=now, after=found.last_step)
    stream = stream_of("person", found.person_id)
    if not fits or step is None or not store.take_step(conn, found.person_id, step):
        if store.insert_failure(conn, attempt.id, found.person_id, now=now):
            custody.append(conn, [NewEvent(stream, "sign_in_failed")], actor="staff", now=now)
        return False
    store.insert_session(conn, digest, found.person_id, now=now)
    custody.append(conn, [NewEvent(stream, "signed_in")], actor=stream, now=now)
    return True


def enter_session(conn: Connection, digest: bytes, *, now: datetime, limits: SessionLimits) -> Person | None:
    """Return the person of a live session and note its use; None when it lets nobody in."""
    found = store.find_session(conn, digest)
    if found is None:
        return None
    session, person = found
    if person.disabled_at is not None or not is_live(session, limits, now=now):
        return None
    if must_note_use(session, limits, now=now):
        store.note_use(conn, digest, now=now)
    return person


def sign_out(conn: Connection, digest: bytes, *, now: datetime) -> None:
    """End a session; one that has ended stays so."""
    person_id = store.end_session(conn, digest, now=now)
    if person_id is not None:
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
        and link.disabled_at is None
        and now < link.expires_at
    )
    if link is None or not is_good:
        raise NotAllowedError(LINK_REFUSED)
    return link


@dataclass(frozen=True, slots=True)
class OfferedSecret:
    """A fresh secret for the one-time codes, as the form to join shows it.

    Attributes:
        secret: base 32.
        address: the same as an otpauth:// address.
        sealed: the same, sealed to the staff surface together with the link: the form brings it back.
    """

    secret: str = field(repr=False)
    address: str = field(repr=False)
    sealed: str = field(repr=False)


def offer_secret(token: str, *, name: str, issuer: str, identity: str) -> OfferedSecret:
    """Make the secret that a form to join shows, bound to its link."""
    return _offer(pyotp.random_base32(), token, name=name, issuer=issuer, identity=identity)


def offer_again(sealed: str, token: str, *, name: str, issuer: str, identity: str) -> OfferedSecret:
    """Return the secret that a form brought back, to be shown again beside what was wrong.

    Raises:
        NotAllowedError: it was made for another link, or by nobody here.
    """
    secret = _open_secret(sealed, token, identity=identity)
    return _offer(secret, token, name=name, issuer=issuer, identity=identity)


def _offer(secret: str, token: str, *, name: str, issuer: str, identity: str) -> OfferedSecret:
    told = json.dumps({"for": _PURPOSE, "link": digest_token(token).hex(), "secret": secret})
    sealed = base64.urlsafe_b64encode(seal(told.encode(), recipient_of(identity))).decode()
    address = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)
    return OfferedSecret(secret, address, sealed)


def _open_secret(sealed: str, token: str, *, identity: str) -> str:
    try:
        told = json.loads(unseal(base64.urlsafe_b64decode(sealed.encode("ascii")), identity))
        link, purpose, secret = told["link"], told["for"], told["secret"]
    except (StorageError, KeyMissingError, binascii.Error, ValueError, KeyError, TypeError):
        raise NotAllowedError(LINK_REFUSED) from None
    if purpose != _PURPOSE or link != digest_token(token).hex() or not _SECRET.fullmatch(str(secret)):
        raise NotAllowedError(LINK_REFUSED)
    return str(secret)


@dataclass(frozen=True, slots=True)
class JoinForm:
    """What a person typed to join."""

    password: str = field(repr=False)
    repeated: str = field(repr=False)
    code: str = field(repr=False)
    sealed: str = field(repr=False)


def join(
    conn: Connection, token: str, form: JoinForm, *, identity: str, now: datetime, hasher: PasswordHasher
) -> str | None:
    """Use a link: set password and second factor, and end the person's sessions.

    Returns:
        None when it is done; else the key of a text that says what is wrong with the password or the code. The
        link can then be used again.

    Raises:
        NotAllowedError: see `read_link`; also a secret of another link.
    """
    digest = digest_token(token)
    standing = store.find_link(conn, digest)
    if standing is not None and standing.used_at == now:
        return None  # this very form, run again after a lost commit
    link = read_link(conn, token, now=now)
    secret = _open_secret(form.sealed, token, identity=identity)
    fault = find_password_fault(form.password, form.repeated, name=link.name)
    if fault:
        return fault
    step = find_step(secret, form.code, now=now)
    if step is None:
        return "code_wrong"
    if not store.use_link(conn, digest, now=now):
        raise NotAllowedError(LINK_REFUSED)
    credentials = store.Credentials(
        link.person_id,
        hasher.hash(form.password),
        seal(secret.encode(), recipient_of(identity)),
        step,
    )
    store.replace_credentials(conn, credentials, now=now)
    store.end_sessions(conn, link.person_id, now=now)
    store.delete_failures(conn, link.person_id)
    stream = stream_of("person", link.person_id)
    custody.append(conn, [NewEvent(stream, "joined")], actor=stream, now=now)
    return None
