"""Passkeys: the site they are for, what an authenticator is asked, and whether its answer holds.

Web Authentication Level 3 (https://www.w3.org/TR/webauthn-3/, read 2025-11): section 7.1 to register, 7.2 to prove.
The person is verified by the authenticator itself (a finger, a face, a PIN), so that one passkey is two factors.
"""

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

PASSKEYS_MAX = 10
"""Most passkeys of one person."""

CHALLENGE_LIFE = timedelta(minutes=5)
"""How long an authenticator may take to answer."""

ANSWER_MAX = 16 * 1024
"""Longest answer of an authenticator, in characters; usual ones have about one thousand."""

NAME_MAX = 60

_PUBLIC_KEY_MAX = 2048
_CREDENTIAL_ID_MIN, _CREDENTIAL_ID_MAX = 16, 1023

_BROKEN = (
    *(WebAuthnException, UnsupportedAlgorithm, ValueError, TypeError, LookupError, AttributeError),
    *(ArithmeticError, RecursionError, MemoryError),
)
"""What reading a stranger's JSON, CBOR and keys may raise; all of it means that the answer does not hold."""


class Purpose(StrEnum):
    """What an authenticator's answer is for."""

    JOIN = "join"
    ADD = "add"
    SIGN_IN = "sign_in"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The site that a passkey is for.

    Attributes:
        id: its host name.
        origin: where the pages that ask for it stand.
    """

    id: str
    origin: str


def find_party(host: str, *, served: Sequence[str], port: int) -> RelyingParty | None:
    """Return the site of a request, or None where there can be no passkeys.

    The name must be one that is configured, and the origin is made of configuration alone: a header that somebody
    made up chooses among our own sites at most.

    Args:
        host: Host header.
        served: names that are served behind a proxy which speaks TLS.
        port: on which localhost is served.
    """
    name = host.lower().partition(":")[0]
    if name == "localhost":
        return RelyingParty(name, "http://localhost" if port == 80 else f"http://localhost:{port}")
    if name not in {one.lower() for one in served} or _is_address(name):
        return None
    return RelyingParty(name, f"https://{name}")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def read_name(text: str) -> str | None:
    """Return a person's name for a passkey in one line, 1 to NAME_MAX characters; None when it is unfit."""
    name = " ".join(text.split())
    return name if 0 < len(name) <= NAME_MAX and name.isprintable() else None


def is_fresh(created_at: datetime, *, now: datetime) -> bool:
    """Whether a challenge can still be answered; a clock that was set back never makes one last longer."""
    return abs(now - created_at) < CHALLENGE_LIFE


def is_count_ahead(known: int, told: int) -> bool:
    """Whether an authenticator's count of signatures went on; those that do not count always say 0."""
    return told > known or known == told == 0


# What an authenticator is asked


@dataclass(frozen=True, slots=True)
class KnownPasskey:
    """A passkey as a browser is told of it."""

    credential_id: bytes
    transports: tuple[str, ...]


def _describe(passkeys: Sequence[KnownPasskey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=one.credential_id, transports=[AuthenticatorTransport(name) for name in one.transports]
        )
        for one in passkeys
    ]


def write_creation_options(
    party: RelyingParty,
    *,
    site_name: str,
    person_name: str,
    handle: bytes,
    challenge: bytes,
    known: Sequence[KnownPasskey],
) -> str:
    """Return the JSON that asks for a new passkey.

    Args:
        party: our site.
        site_name: what the authenticator calls it.
        person_name: what the authenticator calls the passkey.
        handle: by which the passkey will name its person.
        challenge: 32 random bytes.
        known: the person's passkeys, so that no authenticator holds two.
    """
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=site_name,
        user_name=person_name,
        user_id=handle,
        challenge=challenge,
        timeout=int(CHALLENGE_LIFE.total_seconds() * 1000),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_describe(known),
    )
    return options_to_json(options)


def write_request_options(
    party: RelyingParty, *, challenge: bytes, known: Sequence[KnownPasskey] = ()
) -> str:
    """Return the JSON that asks for a proof by one of the `known` passkeys; by any of this site, without them."""
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=int(CHALLENGE_LIFE.total_seconds() * 1000),
        allow_credentials=_describe(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


# What it answers


@dataclass(frozen=True, slots=True)
class FreshPasskey:
    """A new passkey, as its authenticator gave it."""

    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    transports: tuple[str, ...]
    is_backed_up: bool


def _read_json(answer: str) -> dict[str, Any] | None:
    if len(answer) > ANSWER_MAX:
        return None
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _is_from_a_frame(client_data: bytes) -> bool:
    """Whether a page of another site had our page in a frame; ours forbid that."""
    return bool(parse_client_data_json(client_data).cross_origin)


def check_registration(answer: str, *, challenge: bytes, party: RelyingParty) -> FreshPasskey | None:
    """Return the passkey of an answer to `write_creation_options`, or None when the answer does not hold.

    Nobody is asked what kind of authenticator they have, so that a statement about that is taken only where it
    brings no certificates along: their parsers would read what strangers write.
    """
    told = _read_json(answer)
    if told is None:
        return None
    try:
        credential = parse_registration_credential_json(told)
        attestation = parse_attestation_object(credential.response.attestation_object)
        is_plain = attestation.fmt == AttestationFormat.NONE or (
            attestation.fmt == AttestationFormat.PACKED and not attestation.att_stmt.x5c
        )
        if not is_plain or _is_from_a_frame(credential.response.client_data_json):
            return None
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
        # A key that cannot be read now would be found out only when its person wants to come in.
        decoded_public_key_to_cryptography(decode_credential_public_key(verified.credential_public_key))
        transports = {one.value for one in credential.response.transports or ()}
    except _BROKEN:
        return None
    if not (
        _CREDENTIAL_ID_MIN <= len(verified.credential_id) <= _CREDENTIAL_ID_MAX
        and verified.credential_id == credential.raw_id
        and len(verified.credential_public_key) <= _PUBLIC_KEY_MAX
    ):
        return None
    return FreshPasskey(
        verified.credential_id,
        verified.credential_public_key,
        verified.sign_count,
        tuple(sorted(transports)),
        verified.credential_backed_up,
    )


@dataclass(frozen=True, slots=True)
class Assertion:
    """An answer to `write_request_options`, read but not checked.

    Attributes:
        handle: of the person, as the passkey tells it.
    """

    credential_id: bytes
    handle: bytes | None
    credential: AuthenticationCredential = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """What an answer that holds says of its passkey."""

    sign_count: int
    is_backed_up: bool


def read_assertion(answer: str) -> Assertion | None:
    """Return an answer to `write_request_options` as it reads; None when it does not."""
    told = _read_json(answer)
    if told is None:
        return None
    try:
        credential = parse_authentication_credential_json(told)
    except _BROKEN:
        return None
    return Assertion(credential.raw_id, credential.response.user_handle, credential)


def check_assertion(
    assertion: Assertion, *, challenge: bytes, party: RelyingParty, public_key: bytes
) -> Proof | None:
    """Return what an answer proves, or None when it does not hold.

    Whether the count went on is for the caller to ask: only of a signature that is right does it say anything.
    """
    try:
        verified = verify_authentication_response(
            credential=assertion.credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
        if _is_from_a_frame(assertion.credential.response.client_data_json):
            return None
    except _BROKEN:
        return None
    return Proof(verified.new_sign_count, verified.credential_backed_up)
