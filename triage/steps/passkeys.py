"""Ceremonies with a passkey: a page asks an authenticator, and its answer is taken once.

1. `begin_registration` or `begin_assertion` stores a challenge, with what it is for, and returns what the page shows.
2. The form brings the token of the challenge and the authenticator's answer.
3. `take_registration` or `verify_assertion` takes the challenge, which ends it, and checks the answer.

An answer that does not hold is a result and no error: that its challenge was taken must be committed.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import encode_cbor
from webauthn.helpers.cose import COSECRV, COSEKTY, COSEAlgorithmIdentifier, COSEKey

from triage.ids import new_id
from triage.rules.passkeys import (
    Assertion,
    FreshPasskey,
    Proof,
    Purpose,
    RelyingParty,
    check_assertion,
    check_registration,
    is_count_ahead,
    is_fresh,
    read_assertion,
    write_creation_options,
    write_request_options,
)
from triage.rules.sign_in import FAILURES_MAX, FAILURES_WINDOW
from triage.store import custody
from triage.store import passkeys as store
from triage.store.custody import NewEvent, stream_of
from triage.store.people import digest_token
from triage.store.rows import Connection
from triage.store.sign_in import count_failures, insert_failure


@dataclass(frozen=True, slots=True)
class Site:
    """Our site, as authenticators know it.

    Attributes:
        name: what they call it.
    """

    party: RelyingParty
    name: str


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a page needs to ask an authenticator.

    Attributes:
        token: the form brings it back; it is kept only as a digest.
        options: JSON for `navigator.credentials`.
    """

    token: str = field(repr=False)
    options: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasskeyAnswer:
    """What a form brought of a ceremony.

    Attributes:
        token: of the challenge.
        credential: JSON, as the authenticator's answer was written by the browser.
        id: by which a failure is counted once, however often the transaction runs.
    """

    token: str = field(repr=False)
    credential: str = field(repr=False)
    id: UUID = field(default_factory=new_id)


def _store_challenge(
    conn: Connection, purpose: Purpose, *, bound_to: bytes | None, now: datetime
) -> tuple[str, bytes]:
    token, challenge = secrets.token_urlsafe(32), secrets.token_bytes(32)
    row = store.Challenge(purpose, bound_to, challenge, now)
    store.insert_challenge(conn, digest_token(token), row)
    return token, challenge


def begin_registration(
    conn: Connection,
    purpose: Purpose,
    *,
    person_id: UUID,
    person_name: str,
    bound_to: bytes,
    site: Site,
    now: datetime,
) -> Ceremony:
    """Store a challenge for a new passkey of a person.

    Args:
        purpose: join or add.
        bound_to: digest of the link or of the session; only a form of the same can answer.
    """
    token, challenge = _store_challenge(conn, purpose, bound_to=bound_to, now=now)
    # A link begins anew, so that what the person has now may be registered again.
    passkeys = store.list_passkeys(conn, person_id) if purpose is Purpose.ADD else []
    options = write_creation_options(
        site.party,
        site_name=site.name,
        person_name=person_name,
        handle=person_id.bytes,
        challenge=challenge,
        known=[one.known for one in passkeys if one.rp_id == site.party.id],
    )
    return Ceremony(token, options)


def begin_assertion(
    conn: Connection,
    purpose: Purpose,
    *,
    party: RelyingParty,
    now: datetime,
    bound_to: bytes | None = None,
    person_id: UUID | None = None,
) -> Ceremony:
    """Store a challenge by which a passkey proves its person.

    Args:
        purpose: sign_in, or confirm.
        bound_to: digest of the session that is to be confirmed; None to sign in.
        person_id: whose passkeys are asked for; None: of whoever answers.
    """
    token, challenge = _store_challenge(conn, purpose, bound_to=bound_to, now=now)
    passkeys = store.list_passkeys(conn, person_id) if person_id is not None else []
    known = [one.known for one in passkeys if one.rp_id == party.id]
    return Ceremony(token, write_request_options(party, challenge=challenge, known=known))


def _take_challenge(
    conn: Connection, answer: PasskeyAnswer, purpose: Purpose, *, bound_to: bytes | None, now: datetime
) -> bytes | None:
    taken = store.take_challenge(conn, digest_token(answer.token))
    if taken is None or taken.purpose is not purpose or taken.bound_to != bound_to:
        return None
    return taken.challenge if is_fresh(taken.created_at, now=now) else None


def take_registration(
    conn: Connection,
    answer: PasskeyAnswer,
    purpose: Purpose,
    *,
    bound_to: bytes,
    party: RelyingParty,
    now: datetime,
) -> FreshPasskey | None:
    """Take the challenge of a registration; return the new passkey, or None when the answer does not hold."""
    challenge = _take_challenge(conn, answer, purpose, bound_to=bound_to, now=now)
    if challenge is None:
        return None
    return check_registration(answer.credential, challenge=challenge, party=party)


@cache
def _dummy_key() -> bytes:
    """A key that nobody holds: what names no passkey of ours costs the same work as what does."""
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    return encode_cbor(
        {
            int(COSEKey.KTY): int(COSEKTY.EC2),
            int(COSEKey.ALG): int(COSEAlgorithmIdentifier.ECDSA_SHA_256),
            int(COSEKey.CRV): int(COSECRV.P256),
            int(COSEKey.X): numbers.x.to_bytes(32, "big"),
            int(COSEKey.Y): numbers.y.to_bytes(32, "big"),
        }
    )


@dataclass(frozen=True, slots=True)
class Proven:
    """Who proved with which passkey that it is them."""

    person_id: UUID
    passkey_id: UUID


def verify_assertion(
    conn: Connection,
    answer: PasskeyAnswer,
    purpose: Purpose,
    *,
    party: RelyingParty,
    now: datetime,
    bound_to: bytes | None = None,
    person_id: UUID | None = None,
) -> Proven | None:
    """Take the challenge of a proof; return who proved it is them, or None when the answer does not hold.

    A failure with somebody's passkey is put into custody. However many there are, the next good answer holds: there is
    nothing to guess, and who knows the id of a passkey must not keep its person out. A count that went back is put into
    custody, and the passkey is marked: a copy of it may exist.

    Args:
        purpose: sign_in, or confirm.
        bound_to: digest of the session that is to be confirmed.
        person_id: who must have answered; None: whoever did.
    """
    challenge = _take_challenge(conn, answer, purpose, bound_to=bound_to, now=now)
    assertion = read_assertion(answer.credential)
    if assertion is None:
        return None
    passkey = store.find_passkey(conn, assertion.credential_id, rp_id=party.id)
    proof = check_assertion(
        assertion,
        challenge=challenge if challenge is not None else secrets.token_bytes(32),
        party=party,
        public_key=passkey.public_key if passkey is not None else _dummy_key(),
    )
    if passkey is None or (person_id is not None and passkey.person_id != person_id):
        return None
    if proof is None or not _names_its_person(assertion, passkey, purpose):
        _record_failure(conn, answer, passkey, now=now)
        return None
    if not is_count_ahead(passkey.sign_count, proof.sign_count):
        _record_doubt(conn, passkey, proof, now=now)
        return None
    store.note_use(conn, passkey.id, sign_count=proof.sign_count, is_backed_up=proof.is_backed_up, now=now)
    return Proven(passkey.person_id, passkey.id)


def _names_its_person(assertion: Assertion, passkey: store.Passkey, purpose: Purpose) -> bool:
    """Whether the passkey tells whose it is; to confirm it need not, since it was asked for by its id."""
    if assertion.handle is None:
        return purpose is Purpose.CONFIRM
    return assertion.handle == passkey.person_id.bytes


def _record_failure(
    conn: Connection, answer: PasskeyAnswer, passkey: store.Passkey, *, now: datetime
) -> None:
    if count_failures(conn, passkey.person_id, "passkey", since=now - FAILURES_WINDOW) >= FAILURES_MAX:
        return  # the chain of custody must not grow as fast as a stranger can send
    if insert_failure(conn, answer.id, passkey.person_id, now=now, way="passkey"):
        event = NewEvent(
            stream_of("person", passkey.person_id),
            "sign_in_failed",
            {"way": "passkey", "passkey": str(passkey.id)},
        )
        custody.append(conn, [event], actor="staff", now=now)


def _record_doubt(conn: Connection, passkey: store.Passkey, proof: Proof, *, now: datetime) -> None:
    store.note_doubt(conn, passkey.id, now=now)
    told: dict[str, str | int] = {
        "passkey": str(passkey.id),
        "known": passkey.sign_count,
        "told": proof.sign_count,
    }
    event = NewEvent(stream_of("person", passkey.person_id), "passkey_doubted", told)
    custody.append(conn, [event], actor="staff", now=now)
