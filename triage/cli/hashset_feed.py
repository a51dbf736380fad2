"""What `hotline hashset import NAME FOLDER --format feed` opens: a folder of a partner's feed, and its keys."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from triage.cli.key_files import read_identity, read_key_file
from triage.errors import KeyMissingError
from triage.packages.feed import OpenedFeed, open_feed
from triage.store import hash_feeds
from triage.store.practice import read_kind
from triage.store.rows import Connection


def open_feed_folder(
    conn: Connection,
    set_id: UUID | None,
    folder: Path,
    *,
    key: Path | None,
    identity: Path | None,
    now: datetime,
) -> OpenedFeed:
    """Verify a folder against what was taken in of this set's feed last.

    Once its rows are stored, `hash_feeds.insert_link(conn, set_id, "in", …)` records it in the same transaction.

    Args:
        set_id: the set that it is for; None if that is new.
        key: file with the publisher's public key, a JWK.
        identity: file with our age identity.
        now: aware.

    Raises:
        FeedRefusedError: a check failed.
        KeyMissingError: a key file was not named or cannot be used.
    """
    if key is None:
        raise KeyMissingError("A feed needs --key: the file with the public key of its publisher.")
    if identity is None:
        raise KeyMissingError("A feed needs --identity: the file with our age identity.")
    last = hash_feeds.find_last(conn, set_id, "in") if set_id else None
    return open_feed(
        folder,
        signer=read_key_file(key),
        identity=read_identity(identity),
        last=last.state if last else None,
        now=now,
        is_practice=read_kind(conn) == "practice",
    )
