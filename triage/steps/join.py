"""Joining by a one-time link, with a passkey or with password and code.

A link begins anew: what its person had before, passkeys, password, code, sessions and opened items, goes when it is
used. Whoever finds or stole an old way in gets nothing from it once the person has joined again. The link of a recovery
also enables who was disabled when it was approved.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from argon2 import PasswordHasher

from triage.errors import NotAllowedError, StaleStateError
from triage.ids import new_id
from triage.rules.passkeys import Purpose, RelyingParty, read_name
from triage.rules.sign_in import find_password_fault, find_step
from triage.steps.code_secrets import open_secret
from triage.steps.passkeys import PasskeyAnswer, take_registration
from triage.steps.sign_in import LINK_REFUSED, read_link
from triage.steps.stop_looking import stop_with_sessions
from triage.store import custody, passkeys, people
from triage.store import sign_in as store
from triage.store.custody import NewEvent, stream_of
from triage.store.people import digest_token
from triage.store.rows import Connection
from triage.vault import recipient_of, seal


@dataclass(frozen=True, slots=True)
class JoinForm:
    """What a person typed to have a password and a code."""

    password: str = field(repr=False)
    repeated: str = field(repr=False)
    code: str = field(repr=False)
    sealed: str = field(repr=False)


def make_credentials(
    person_id: UUID, form: JoinForm, secret: str, *, step: int, identity: str, hasher: PasswordHasher
) -> store.Credentials:
    """Return password and code as they are stored: one as a hash, the other's secret sealed."""
    sealed = seal(secret.encode(), recipient_of(identity))
    return store.Credentials(person_id, hasher.hash(form.password), sealed, step)


def join(
    conn: Connection, token: str, form: JoinForm, *, identity: str, now: datetime, hasher: PasswordHasher
) -> str | None:
    """Use a link: set password and second factor.

    Returns:
        None when it is done; else the key of a text that says what is wrong with the password or the code. The
        link can then be used again.

    Raises:
        NotAllowedError: see `read_link`; also a secret of another link.
    """
    digest = digest_token(token)
    if _was_used_now(conn, digest, now=now):
        return None
    link = read_link(conn, token, now=now)
    secret = open_secret(form.sealed, token, identity=identity, refusal=LINK_REFUSED)
    fault = find_password_fault(form.password, form.repeated, name=link.name)
    if fault:
        return fault
    step = find_step(secret, form.code, now=now)
    if step is None:
        return "code_wrong"
    credentials = make_credentials(link.person_id, form, secret, step=step, identity=identity, hasher=hasher)
    _use(conn, digest, link, now=now)
    store.replace_credentials(conn, credentials, now=now)
    _record_joined(conn, link.person_id, "password", now=now)
    return None


def join_by_passkey(
    conn: Connection, token: str, answer: PasskeyAnswer, name: str, *, party: RelyingParty, now: datetime
) -> str | None:
    """Use a link: store a first passkey, which is enough to sign in.

    Args:
        token: of the link.
        name: what the person calls the passkey.
        party: our site.

    Returns:
        None when it is done; else the key of a text that says what is wrong. The link can then be used again.

    Raises:
        NotAllowedError: see `read_link`.
        StaleStateError: somebody else registered the same passkey at the same moment.
    """
    digest = digest_token(token)
    if _was_used_now(conn, digest, now=now):
        return None
    link = read_link(conn, token, now=now)
    kept_name = read_name(name)
    fresh = take_registration(conn, answer, Purpose.JOIN, bound_to=digest, party=party, now=now)
    if kept_name is None:
        return "passkey_name_unfit"
    if fresh is None:
        return "passkey_not_taken"
    if passkeys.find_owner(conn, fresh.credential_id) not in {None, link.person_id}:
        return "passkey_stands"
    _use(conn, digest, link, now=now)
    passkey_id = new_id()
    if not passkeys.insert_passkey(
        conn, passkey_id, link.person_id, fresh, rp_id=party.id, name=kept_name, now=now
    ):
        raise StaleStateError
    stream = stream_of("person", link.person_id)
    event = NewEvent(stream, "passkey_added", {"passkey": str(passkey_id)})
    custody.append(conn, [event], actor=stream, now=now)
    _record_joined(conn, link.person_id, "passkey", now=now)
    return None


def _was_used_now(conn: Connection, digest: bytes, *, now: datetime) -> bool:
    """Whether this very form used the link, and runs again after a lost commit."""
    standing = store.find_link(conn, digest)
    return standing is not None and standing.used_at == now


def _use(conn: Connection, digest: bytes, link: store.JoinLink, *, now: datetime) -> None:
    if not store.use_link(conn, digest, now=now):
        raise NotAllowedError(LINK_REFUSED)
    person_id = link.person_id
    passkeys.lock_ways_in(conn, person_id)
    is_enabled = link.disabled_at is not None
    if link.disabled_at is not None and not people.enable_recovered(
        conn, person_id, disabled_at=link.disabled_at
    ):
        raise NotAllowedError(LINK_REFUSED)  # somebody changed it at this moment: look at the link anew
    removed = passkeys.delete_passkeys(conn, person_id)
    store.delete_credentials(conn, person_id)
    store.end_sessions(conn, person_id, now=now)
    stop_with_sessions(conn, person_id, now=now)
    store.delete_failures(conn, person_id)
    stream = stream_of("person", person_id)
    events = [NewEvent(stream, "enabled", {"way": "recovery"})] if is_enabled else []
    events += [NewEvent(stream, "passkey_removed", {"passkey": str(one)}) for one in removed]
    custody.append(conn, events, actor=stream, now=now)


def _record_joined(conn: Connection, person_id: UUID, way: str, *, now: datetime) -> None:
    stream = stream_of("person", person_id)
    custody.append(conn, [NewEvent(stream, "joined", {"way": way})], actor=stream, now=now)
