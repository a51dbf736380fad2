"""An authenticator in software, for tests: it registers and signs as a phone would, and lies where it is told to."""

import hashlib
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 1, 4, 8, 16, 64
HONEST = PRESENT | VERIFIED


def encode(data: bytes) -> str:
    """Bytes as WebAuthn writes them into JSON."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """What `encode` wrote."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SoftAuthenticator:
    """One key, which belongs to whom it was registered for.

    Attributes:
        origin: what it believes to talk to; a lie is written into `create` and `get` by keywords.
        count: of signatures.
    """

    origin: str
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False)
    handle: bytes = b""
    count: int = 0

    def _client_data(self, kind: str, options: dict[str, Any], lies: dict[str, Any]) -> bytes:
        told = {
            "type": f"webauthn.{kind}",
            "challenge": lies.get("challenge", options["challenge"]),
            "origin": lies.get("origin", self.origin),
            "crossOrigin": lies.get("cross_origin", False),
        }
        return json.dumps(told).encode()

    def _data(self, rp_id: str, flags: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def public_key(self) -> bytes:
        """The key in COSE."""
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def create(self, options: str, **lies: Any) -> str:
        """Answer to the options of a registration.

        Keywords lie about: challenge, origin, cross_origin, rp_id, flags, public_key, statement (fmt, attStmt).
        """
        asked = json.loads(options)
        self.handle = decode(asked["user"]["id"])
        client_data = self._client_data("create", asked, lies)
        key = lies.get("public_key", self.public_key())
        length = len(self.credential_id).to_bytes(2, "big")
        data = self._data(lies.get("rp_id", asked["rp"]["id"]), lies.get("flags", HONEST) | ATTESTED)
        data += bytes(16) + length + self.credential_id + key
        statement = lies.get("statement", {"fmt": "none", "attStmt": {}})
        response = {
            "clientDataJSON": encode(client_data),
            "attestationObject": encode(cbor2.dumps({**statement, "authData": data})),
            "transports": ["internal", "hybrid", "telepathy"],
        }
        return self._write(response)

    def get(self, options: str, **lies: Any) -> str:
        """Answer to the options of a proof.

        Keywords lie about: challenge, origin, cross_origin, rp_id, flags, count, handle, key.
        """
        asked = json.loads(options)
        self.count = lies.get("count", self.count + 1)
        client_data = self._client_data("get", asked, lies)
        data = self._data(lies.get("rp_id", asked["rpId"]), lies.get("flags", HONEST))
        signed = data + hashlib.sha256(client_data).digest()
        response = {
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(data),
            "signature": encode(lies.get("key", self.key).sign(signed, ec.ECDSA(hashes.SHA256()))),
        }
        handle = lies.get("handle", self.handle)
        if handle is not None:
            response["userHandle"] = encode(handle)
        return self._write(response)

    def _write(self, response: dict[str, Any]) -> str:
        identity = encode(self.credential_id)
        return json.dumps(
            {
                "id": identity,
                "rawId": identity,
                "type": "public-key",
                "clientExtensionResults": {},
                "response": response,
            }
        )
