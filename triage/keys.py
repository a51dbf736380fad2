"""The key files of one process: its addresses with passwords, its identities and recipients.

`keys/<process>/` holds just what that process may read. An address in the environment (a deployment with
servers of its own) is stronger than the file.
"""

import json
from pathlib import Path

from triage.errors import KeyMissingError
from triage.settings import Settings

DATABASE_URL = "database-url"
REDIS_URL = "redis-url"
EVIDENCE_URL = "evidence-url"
STORE_CREDENTIALS = "store-credentials"
RECEIPT_KEY = "receipt-key"
INTAKE_IDENTITY = "intake-identity"
INTAKE_RECIPIENT = "intake-recipient"
VAULT_IDENTITY = "vault-identity"
VAULT_RECIPIENT = "vault-recipient"
SIGNING_KEY = "signing-key"
SIGNING_PUBLIC = "signing-public"
REPLY_IDENTITY = "reply-identity"
REPLY_RECIPIENT = "reply-recipient"
SMTP_URL = "smtp-url"
EXITS = "exits"

KEY_FILES: dict[str, tuple[str, ...]] = {
    "public": (RECEIPT_KEY, INTAKE_RECIPIENT, REPLY_RECIPIENT),
    "staff": (VAULT_IDENTITY, INTAKE_RECIPIENT),
    "worker": (INTAKE_IDENTITY, VAULT_RECIPIENT),
    "sweep": (),
    "outbound": (SIGNING_KEY, SIGNING_PUBLIC, REPLY_IDENTITY),
}
"""Which key files each process needs, besides its addresses."""


class ProcessKeys:
    """Reads the key files of one process.

    Args:
        folder: its own folder of key files.
        settings: addresses from the environment, stronger than files.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self._settings = settings

    def read(self, name: str) -> str:
        """Return the text of a key file.

        Raises:
            KeyMissingError: it is missing or cannot be read; names the file, not its place.
        """
        try:
            return (self.folder / name).read_text("utf-8").strip()
        except FileNotFoundError:
            raise KeyMissingError(f"The key file {name} is missing in KEYS_DIR.") from None
        except (OSError, UnicodeDecodeError):
            raise KeyMissingError(f"The key file {name} cannot be read.") from None

    def read_receipt_key(self) -> bytes:
        """Return the key of the receipts, 32 bytes.

        Raises:
            KeyMissingError: it is missing or not 64 hex digits.
        """
        try:
            key = bytes.fromhex(self.read(RECEIPT_KEY))
        except ValueError:
            key = b""
        if len(key) != 32:
            raise KeyMissingError(f"The key file {RECEIPT_KEY} must hold 64 hex digits.")
        return key

    def find_database_url(self) -> str:
        """Return the address of PostgreSQL for this process."""
        return self._settings.database_url or self.read(DATABASE_URL)

    def find_redis_url(self) -> str:
        """Return the address of Redis for this process."""
        return self._settings.redis_url or self.read(REDIS_URL)

    def find_store_options(self) -> dict[str, str]:
        """Return the options of an s3:// store; empty for a folder, or where the machine itself has the right.

        Raises:
            KeyMissingError: the file is no JSON object of texts.
        """
        if not (self.folder / STORE_CREDENTIALS).exists():
            return {}
        try:
            options = json.loads(self.read(STORE_CREDENTIALS))
        except ValueError:
            options = None
        if not isinstance(options, dict) or not all(isinstance(value, str) for value in options.values()):
            raise KeyMissingError(f"The key file {STORE_CREDENTIALS} must hold a JSON object of texts.")
        return options

    def find_smtp_url(self) -> str | None:
        """Return the address of the mail relay; None where mails are written as files."""
        if self._settings.smtp_url:
            return self._settings.smtp_url
        return self.read(SMTP_URL) if (self.folder / SMTP_URL).exists() else None

    def find_exit_passwords(self) -> str:
        """Return the text of the key file of the ways out (`rules/exits.py`); empty where there is none.

        Raises:
            KeyMissingError: it cannot be read.
        """
        return self.read(EXITS) if (self.folder / EXITS).exists() else ""

    def find_evidence_url(self) -> str:
        """Return the address of the evidence store."""
        return self._settings.evidence_url or self.read(EVIDENCE_URL)
