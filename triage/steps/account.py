"""What a person changes about their own ways in: passkeys, password and code, sessions.

Whoever asks has confirmed a moment ago that it is still them; the guard of the console sees to that.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from argon2 import PasswordHasher

from triage.errors import StaleStateError, UnknownThingError
from triage.ids import new_id
from triage.model import Person
from triage.rules.passkeys import PASSKEYS_MAX, Purpose, RelyingParty, read_name
from triage.rules.sign_in import find_password_fault, find_step
from triage.steps.code_secrets import open_secret
from triage.steps.join import JoinForm, make_credentials
from triage.steps.passkeys import PasskeyAnswer, take_registration
from triage.store import custody, passkeys
from triage.store import sign_in as store
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection

FORM_TOO_OLD = "This form is too old: open the page again."


@dataclass(frozen=True, slots=True)
class Own:
    """Who changes something of their own, and in which session.

    Attributes:
        session: digest of the session; it is the one that stays.
    """

    person: Person
    session: bytes = field(repr=False)

    @property
    def stream(self) -> str:
        """The person's custody stream, which is also who acts."""
        return stream_of("person", self.person.id)


def _hold(conn: Connection, own: Own) -> passkeys.WaysIn:
    """Count the own ways in, and keep them until the transaction ends.

    Raises:
        StaleStateError: the session has ended: by a link that began anew, it may be.
    """
    ways = passkeys.lock_ways_in(conn, own.person.id)
    found = store.find_session(conn, own.session)
    if found is None or found[0].ended_at is not None:
        raise StaleStateError
    return ways


def add_passkey(
    conn: Connection, own: Own, answer: PasskeyAnswer, name: str, *, party: RelyingParty, now: datetime
) -> str | None:
    """Store another passkey.

    Args:
        name: what the person calls it.
        party: our site.

    Returns:
        None when it is done; else the key of a text that says what is wrong. Its challenge is used up either way.

    Raises:
        StaleStateError: the session has ended.
    """
    kept_name = read_name(name)
    fresh = take_registration(conn, answer, Purpose.ADD, bound_to=own.session, party=party, now=now)
    if kept_name is None:
        return "passkey_name_unfit"
    if fresh is None:
        return "passkey_not_taken"
    if _hold(conn, own).passkeys >= PASSKEYS_MAX:
        return "passkeys_too_many"
    passkey_id = new_id()
    if not passkeys.insert_passkey(
        conn, passkey_id, own.person.id, fresh, rp_id=party.id, name=kept_name, now=now
    ):
        return "passkey_stands"
    event = NewEvent(own.stream, "passkey_added", {"passkey": str(passkey_id)})
    custody.append(conn, [event], actor=own.stream, now=now)
    return None


def rename_passkey(conn: Connection, own: Own, passkey_id: UUID, name: str, *, now: datetime) -> str | None:
    """Give an own passkey another name.

    Returns:
        None when it is done; else the key of a text that says what is wrong with the name.

    Raises:
        UnknownThingError: the person has no such passkey.
    """
    kept_name = read_name(name)
    if kept_name is None:
        return "passkey_name_unfit"
    if not passkeys.rename_passkey(conn, passkey_id, own.person.id, kept_name):
        raise UnknownThingError
    event = NewEvent(own.stream, "passkey_renamed", {"passkey": str(passkey_id)})
    custody.append(conn, [event], actor=own.stream, now=now)
    return None


def remove_passkey(conn: Connection, own: Own, passkey_id: UUID, *, now: datetime) -> str | None:
    """Delete an own passkey, and end all other sessions: one of them may be whoever holds it now.

    Returns:
        None when it is done, or when it was done before; else the key of a text: the last way in stays.

    Raises:
        StaleStateError: the session has ended.
    """
    if _hold(conn, own).count <= 1:
        return "last_way_in"
    if not passkeys.delete_passkey(conn, passkey_id, own.person.id):
        return None
    ended = store.end_other_sessions(conn, own.person.id, own.session, now=now)
    told: dict[str, str | int] = {"passkey": str(passkey_id), "sessions_ended": ended}
    custody.append(conn, [NewEvent(own.stream, "passkey_removed", told)], actor=own.stream, now=now)
    return None


def change_password(
    conn: Connection,
    own: Own,
    form: JoinForm,
    *,
    form_token: str,
    identity: str,
    now: datetime,
    hasher: PasswordHasher,
) -> str | None:
    """Set password and code in place of those before, if there were any, and end all other sessions.

    Args:
        form_token: what the form's secret is bound to.
        identity: of the staff surface.

    Returns:
        None when it is done; else the key of a text that says what is wrong with the password or the code.

    Raises:
        NotAllowedError: the secret is another form's.
        StaleStateError: the session has ended.
    """
    secret = open_secret(form.sealed, form_token, identity=identity, refusal=FORM_TOO_OLD)
    fault = find_password_fault(form.password, form.repeated, name=own.person.name)
    if fault:
        return fault
    step = find_step(secret, form.code, now=now)
    if step is None:
        return "code_wrong"
    credentials = make_credentials(own.person.id, form, secret, step=step, identity=identity, hasher=hasher)
    _hold(conn, own)
    store.replace_credentials(conn, credentials, now=now)
    ended = store.end_other_sessions(conn, own.person.id, own.session, now=now)
    event = NewEvent(own.stream, "password_changed", {"sessions_ended": ended})
    custody.append(conn, [event], actor=own.stream, now=now)
    return None


def end_other_sessions(conn: Connection, own: Own, *, now: datetime) -> int:
    """End all sessions of a person but their own; return how many there were."""
    ended = store.end_other_sessions(conn, own.person.id, own.session, now=now)
    if ended:
        event = NewEvent(own.stream, "sessions_ended", {"sessions_ended": ended})
        custody.append(conn, [event], actor=own.stream, now=now)
    return ended
