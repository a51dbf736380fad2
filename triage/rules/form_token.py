"""The token of a form: when the form was given out, and a number that makes it one of its kind.

It is sealed by a keyed hash (HMAC-SHA256), so that nobody else makes one or sets its clock; it names nobody. A
form that comes back too quickly, too late or without its token is no less a report: it only waits behind others.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

_NONCE, _TIME, _MAC = 16, 8, 16
_LENGTH = (_NONCE + _TIME + _MAC) * 8 // 6 + 1


class FormAge(StrEnum):
    """What a form's token says: fitting, too_young, too_old, or unknown when it is missing or not ours."""

    FITTING = "fitting"
    TOO_YOUNG = "too_young"
    TOO_OLD = "too_old"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FormAges:
    """Ages in seconds that a person's form may have when it comes back."""

    least_s: float
    most_s: float


def make_form_token(nonce: bytes, key: bytes, *, now: datetime) -> str:
    """Return a token as URL-safe text.

    Args:
        nonce: 16 random bytes.
        key: of the receipts, 32 bytes; the token's own key is derived from it.
        now: aware time at which the form is given out.
    """
    body = nonce + int(now.timestamp() * 1000).to_bytes(_TIME, "big")
    return base64.urlsafe_b64encode(body + _seal(body, key)).rstrip(b"=").decode()


def judge_form_token(token: str, key: bytes, ages: FormAges, *, now: datetime) -> FormAge:
    """Return how old a form is; a clock that was set back makes it too young at worst."""
    if len(token) != _LENGTH or not token.isascii():
        return FormAge.UNKNOWN
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return FormAge.UNKNOWN
    body, mac = data[:-_MAC], data[-_MAC:]
    if not hmac.compare_digest(mac, _seal(body, key)):
        return FormAge.UNKNOWN
    age_s = now.timestamp() - int.from_bytes(body[_NONCE:], "big") / 1000
    if age_s < ages.least_s:
        return FormAge.TOO_YOUNG
    return FormAge.FITTING if age_s <= ages.most_s else FormAge.TOO_OLD


def _seal(body: bytes, key: bytes) -> bytes:
    own = hmac.new(key, b"form token", hashlib.sha256).digest()
    return hmac.new(own, body, hashlib.sha256).digest()[:_MAC]
