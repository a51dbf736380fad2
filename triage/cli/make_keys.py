"""Makes the key files of a deployment once: intake, vault and reply key pairs, the key that signs packages, and the
key of the receipts.

A half-present pair is refused: making a new half would leave sealed objects that nobody can open.
"""

import json
import secrets
from pathlib import Path

from joserfc.jwk import OKPKey

from triage.cli.state_dir import StateDir, read_text_secret, write_secret
from triage.errors import KeyMissingError
from triage.keys import (
    EVIDENCE_URL,
    INTAKE_IDENTITY,
    INTAKE_RECIPIENT,
    RECEIPT_KEY,
    REPLY_IDENTITY,
    REPLY_RECIPIENT,
    SIGNING_KEY,
    SIGNING_PUBLIC,
    STORE_CREDENTIALS,
    VAULT_IDENTITY,
    VAULT_RECIPIENT,
)
from triage.vault import new_identity

PAIRS = (
    (("worker", INTAKE_IDENTITY), ("public", INTAKE_RECIPIENT)),
    (("staff", VAULT_IDENTITY), ("worker", VAULT_RECIPIENT)),
    (("outbound", REPLY_IDENTITY), ("public", REPLY_RECIPIENT)),
)
STORE_USERS = ("public", "staff", "worker", "sweep")


def make_keys(state: StateDir, *, evidence_url: str | None, store_credentials: Path | None = None) -> None:
    """Write the key files that are missing.

    Args:
        state: a prepared state folder.
        evidence_url: the store; None for the folders below the state folder.
        store_credentials: file with the options of an s3:// store, handed to each process that uses it.

    Raises:
        KeyMissingError: one half of a pair is missing.
    """
    for (identity_holder, identity_name), (recipient_holder, recipient_name) in PAIRS:
        identity_path = state.keys(identity_holder) / identity_name
        recipient_path = state.keys(recipient_holder) / recipient_name
        present = (identity_path.exists(), recipient_path.exists())
        if present == (False, False):
            identity, recipient = new_identity()
            write_secret(identity_path, identity)
            write_secret(recipient_path, recipient)
        elif present != (True, True):
            missing = recipient_name if present[0] else identity_name
            raise KeyMissingError(
                f"The key file {missing} is missing while its other half is there: put it back from the backup."
            )
    recipient = read_text_secret(state.keys("public") / INTAKE_RECIPIENT)
    _write_if_changed(state.keys("staff") / INTAKE_RECIPIENT, recipient)  # files that a person asks about
    _make_signing_keys(state.keys("outbound"))
    _write_if_missing(state.keys("public") / RECEIPT_KEY, secrets.token_hex(32))
    store = evidence_url or f"file://{state.root}"
    if store_credentials is not None:
        options = read_text_secret(store_credentials)
        for holder in STORE_USERS:
            _write_if_changed(state.keys(holder) / STORE_CREDENTIALS, options)
    for holder in STORE_USERS:
        _write_if_changed(state.keys(holder) / EVIDENCE_URL, store)


def _make_signing_keys(folder: Path) -> None:
    """Write the pair that signs packages: a private JWK, and the public one that partners pin, with its key id."""
    private, public = folder / SIGNING_KEY, folder / SIGNING_PUBLIC
    if not private.exists():
        if public.exists():
            raise KeyMissingError(
                f"The key file {SIGNING_KEY} is missing while its other half is there: put it back from the backup."
            )
        made = OKPKey.generate_key("Ed25519")
        write_secret(private, json.dumps(made.as_dict(private=True), sort_keys=True))
    key = OKPKey.import_key(json.loads(read_text_secret(private)))
    shown = {**key.as_dict(private=False), "kid": key.thumbprint()}
    _write_if_changed(public, json.dumps(shown, sort_keys=True))


def _write_if_missing(path: Path, text: str) -> None:
    if not path.exists():
        write_secret(path, text)


def _write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or read_text_secret(path) != text:
        write_secret(path, text)
