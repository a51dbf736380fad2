"""A fresh secret for one-time codes, while the form that shows it is open.

The form carries it sealed, together with what the form belongs to: no page keeps state, and no secret can be moved.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field

import pyotp

from triage.errors import KeyMissingError, NotAllowedError, StorageError
from triage.store.people import digest_token
from triage.vault import recipient_of, seal, unseal

_PURPOSE = "join"
_SECRET = re.compile(r"[A-Z2-7]{32}")


@dataclass(frozen=True, slots=True)
class OfferedSecret:
    """A fresh secret for the one-time codes, as a form shows it.

    Attributes:
        secret: base 32.
        address: the same as an otpauth:// address.
        sealed: the same, sealed to the staff surface together with the form's token: the form brings it back.
    """

    secret: str = field(repr=False)
    address: str = field(repr=False)
    sealed: str = field(repr=False)


def offer_secret(token: str, *, name: str, issuer: str, identity: str) -> OfferedSecret:
    """Make the secret that a form shows, bound to the token of its link or session."""
    return _offer(pyotp.random_base32(), token, name=name, issuer=issuer, identity=identity)


def offer_again(
    sealed: str, token: str, *, name: str, issuer: str, identity: str, refusal: str
) -> OfferedSecret:
    """Return the secret that a form brought back, to be shown again beside what was wrong.

    Raises:
        NotAllowedError: it was made for another form, or by nobody here; `refusal` is what is said.
    """
    secret = open_secret(sealed, token, identity=identity, refusal=refusal)
    return _offer(secret, token, name=name, issuer=issuer, identity=identity)


def _offer(secret: str, token: str, *, name: str, issuer: str, identity: str) -> OfferedSecret:
    told = json.dumps({"for": _PURPOSE, "link": digest_token(token).hex(), "secret": secret})
    sealed = base64.urlsafe_b64encode(seal(told.encode(), recipient_of(identity))).decode()
    address = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)
    return OfferedSecret(secret, address, sealed)


def open_secret(sealed: str, token: str, *, identity: str, refusal: str) -> str:
    """Return the secret that a form brought back, in base 32.

    Raises:
        NotAllowedError: it was made for another form, or by nobody here; `refusal` is what is said.
    """
    try:
        told = json.loads(unseal(base64.urlsafe_b64decode(sealed.encode("ascii")), identity))
        link, purpose, secret = told["link"], told["for"], told["secret"]
    except (StorageError, KeyMissingError, binascii.Error, ValueError, KeyError, TypeError):
        raise NotAllowedError(refusal) from None
    if purpose != _PURPOSE or link != digest_token(token).hex() or not _SECRET.fullmatch(str(secret)):
        raise NotAllowedError(refusal)
    return str(secret)
