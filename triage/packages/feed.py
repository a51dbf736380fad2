"""Our own feed of a hash set with our keys: signed as packages are, sealed with age to every partner.

What a feed is stands in `hashsets/formats/feed.py`, which knows no key; here its signature is checked by the
one pinned key, and its files are sealed and opened.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyrage

from hashsets.errors import FeedRefusedError
from hashsets.formats.feed import VerifiedManifest, read_feed, verify_manifest
from hashsets.formats.feed_manifest import FeedState
from hashsets.model import BadRow, Entry
from triage.errors import KeyMissingError, PackageRefusedError, StorageError
from triage.packages.signature import check_signature
from triage.vault import check_recipient, unseal

RECIPIENTS_MAX = 100


@dataclass(frozen=True, slots=True)
class OpenedFeed:
    """A folder of a feed of which every check has passed, and its rows, to be read once."""

    verified: VerifiedManifest
    rows: Iterator[Entry | BadRow]


def open_feed(
    folder: Path,
    *,
    signer: str,
    identity: str,
    last: FeedState | None,
    now: datetime,
    is_practice: bool,
) -> OpenedFeed:
    """Verify a folder of a feed; its rows are opened and read as they are asked for.

    Args:
        signer: the publisher's public Ed25519 JWK as JSON, received by another way than the feed.
        identity: our age identity.
        last: what was accepted of this feed last.
        now: aware.
        is_practice: whether this is a practice deployment.

    Raises:
        FeedRefusedError: a check failed; so may reading the rows.
        KeyMissingError: a key cannot be read.
    """

    def check(signature: str, content: bytes) -> None:
        try:
            check_signature(signature, content, signer)
        except PackageRefusedError as error:
            raise FeedRefusedError(str(error)) from None

    def open_sealed(data: bytes) -> bytes:
        try:
            return unseal(data, identity)
        except StorageError:
            raise FeedRefusedError("The feed is not sealed to our key.") from None

    verified = verify_manifest(folder, check_signature=check, last=last, now=now, is_practice=is_practice)
    return OpenedFeed(verified, read_feed(folder, verified, unseal=open_sealed))


def make_sealer(recipients: Sequence[str]) -> Callable[[bytes], bytes]:
    """Return what seals bytes to every one of some age recipients.

    Raises:
        KeyMissingError: there is none, there are too many, or one cannot be read.
    """
    if not 0 < len(recipients) <= RECIPIENTS_MAX:
        raise KeyMissingError(
            f"A feed is sealed to one recipient key at least, and {RECIPIENTS_MAX} at most."
        )
    for text in recipients:
        check_recipient(text)
    keys = [pyrage.x25519.Recipient.from_str(text) for text in sorted(set(recipients))]
    return lambda data: bytes(pyrage.encrypt(data, keys))
