"""Detached signatures of packages: a compact JWS over bytes that stand elsewhere.

RFC 7797 (February 2016) with `b64` false, algorithm Ed25519 (RFC 9864, October 2025). The key id is the
RFC 7638 thumbprint of the public key; the receiver holds the public key already and trusts no other.
"""

import json
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry, deserialize_compact, serialize_compact

from triage.errors import KeyMissingError, PackageRefusedError

ALGORITHM = "Ed25519"
_REGISTRY = JWSRegistry(algorithms=[ALGORITHM])
_NOT_SIGNED = "The signature is not by the pinned key, or what it signs was changed."


def sign_detached(payload: bytes, signing_key: str) -> str:
    """Return a signature over bytes.

    Args:
        payload: what is signed.
        signing_key: private Ed25519 JWK as JSON.

    Raises:
        KeyMissingError: it is no such key.
    """
    key = _read_key(signing_key)
    if not key.is_private:
        raise KeyMissingError("The signing key holds no private part.")
    header = {"alg": ALGORITHM, "b64": False, "crit": ["b64"], "kid": key.thumbprint()}
    protected, _, rest = serialize_compact(header, payload, key, registry=_REGISTRY).partition(".")
    return f"{protected}..{rest.rpartition('.')[2]}"


def check_signature(signature: str, payload: bytes, signer: str) -> str:
    """Hold a signature against the one key that is trusted; return the key's id.

    Args:
        signature: compact, its middle part empty.
        payload: what it should sign.
        signer: public Ed25519 JWK as JSON, received by another way than the package.

    Raises:
        PackageRefusedError: it does not hold.
        KeyMissingError: the public key cannot be read.
    """
    key = _read_key(signer)
    parts = signature.split(".")
    if len(parts) != 3 or parts[1]:
        raise PackageRefusedError("The signature is not detached.")
    try:
        header = deserialize_compact(signature, key, registry=_REGISTRY, payload=payload).headers()
    except (JoseError, ValueError, TypeError, KeyError):
        raise PackageRefusedError(_NOT_SIGNED) from None
    expected = {"alg": ALGORITHM, "b64": False, "crit": ["b64"], "kid": key.thumbprint()}
    if dict(header) != expected:
        raise PackageRefusedError("The header of the signature is not the one that we agreed on.")
    return key.thumbprint()


def _read_key(text: str) -> OKPKey:
    try:
        fields: dict[str, Any] = json.loads(text)
        if not isinstance(fields, dict) or fields.get("crv") != ALGORITHM:
            raise ValueError
        return OKPKey.import_key(fields)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise KeyMissingError("A signing key cannot be read: it must be an Ed25519 key as JWK.") from None
