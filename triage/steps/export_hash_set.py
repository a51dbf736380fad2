"""Export a hash set as the next folder of its own feed, in two transactions.

1. `write_folder`: in one snapshot of the database, write the sealed entries, the manifest that follows the last
   one, and its signature, into a folder that is not published yet.
2. `record_folder`: store the link of the chain and the custody event.
3. The caller commits, then publishes the folder. In that order: a crash between the two leaves a number that no
   reader ever saw, and the next delta since an older number takes them over it. The other order could sign two
   manifests of one number, which every reader takes for a fork.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hashsets import store as hash_sets
from hashsets.formats.feed_folder import NewFolder
from hashsets.formats.feed_manifest import FeedKind, Manifest, digest_manifest, write_manifest
from hashsets.formats.feed_rows import FeedRow, write_row
from hashsets.model import Sharing
from triage.errors import NotAllowedError, UnknownThingError
from triage.store import custody, hash_feeds
from triage.store.custody import NewEvent, stream_of
from triage.store.practice import read_kind
from triage.store.rows import Connection


@dataclass(frozen=True, slots=True)
class WrittenFolder:
    """A folder that is written and signed, but neither recorded nor published."""

    set_id: UUID
    manifest: Manifest
    sha256: str


def write_folder(
    conn: Connection,
    name: str,
    folder: NewFolder,
    *,
    publisher: str,
    since: int | None,
    seal: Callable[[bytes], bytes],
    sign: Callable[[bytes], str],
    valid_for: timedelta,
    now: datetime,
    show_progress: Callable[[int], None],
) -> WrittenFolder:
    """Write the next folder of a set's feed; the connection is in no transaction.

    Args:
        name: of the set.
        folder: where it is written.
        publisher: this hotline's name; the feed keeps the one that it began with.
        since: number of the folder that a delta builds on; None for a snapshot.
        seal: seals bytes to whom the feed is for.
        sign: signs the manifest, detached.
        valid_for: how long a reader may take it in.
        now: aware.
        show_progress: told how many rows are written.

    Raises:
        UnknownHashSetError: there is no such set.
        NotAllowedError: the set is not for partners.
        UnknownThingError: the feed has no folder of that number.
        FeedRefusedError: the disk refused.
    """
    conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    conn.execute("SET LOCAL statement_timeout = 0")  # a set of a million entries takes longer than a page may
    hash_set = hash_sets.find_hash_set(conn, name)
    if hash_set.sharing != Sharing.PARTNERS:
        raise NotAllowedError("This hash set may not be shared: its sharing rule is not 'partners'.")
    last = hash_feeds.find_last(conn, hash_set.id, "out")
    base = None if since is None else hash_feeds.find_link(conn, hash_set.id, "out", since)
    if since is not None and base is None:
        raise UnknownThingError("The feed of this set has no folder of that number.")
    rows = hash_feeds.stream_rows(conn, hash_set.id, after=base.generation if base else None)
    manifest = Manifest(
        feed=last.feed if last else f"{_name_publisher(publisher)}/{name}",
        seq=last.seq + 1 if last else 1,
        previous=last.state.sha256 if last else None,
        kind=FeedKind.DELTA if base else FeedKind.SNAPSHOT,
        is_practice=read_kind(conn) == "practice",
        since=(base.seq, base.state.sha256) if base else None,
        start=(base.at, base.generation) if base else None,
        end=(now, hash_sets.read_generation(conn)),
        files=folder.write_parts(_write_rows(rows, show_progress), seal),
        expires=now + valid_for,
        live_total=hash_feeds.count_shareable(conn, hash_set.id),
    )
    conn.rollback()  # nothing was written; what follows is a transaction of its own
    content = write_manifest(manifest)
    folder.write_signed(content, sign(content))
    return WrittenFolder(hash_set.id, manifest, digest_manifest(content))


def record_folder(
    conn: Connection, written: WrittenFolder, *, recipients: int, actor: str, now: datetime
) -> None:
    """Store the link that a folder adds to the chain, and the custody event.

    Args:
        written: what `write_folder` returned.
        recipients: to how many keys it is sealed.

    Raises:
        StaleStateError: another export took the number first; the folder is not to be published.
    """
    manifest = written.manifest
    hash_feeds.insert_link(conn, written.set_id, "out", manifest, written.sha256, now=now)
    body = {
        "seq": manifest.seq,
        "kind": manifest.kind.value,
        "records": manifest.records,
        "live_total": manifest.live_total,
        "recipients": recipients,
        "manifest_sha256": written.sha256,
    }
    custody.append(
        conn, [NewEvent(stream_of("hashset", written.set_id), "exported", body)], actor=actor, now=now
    )


def _name_publisher(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:60] or "hotline"


def _write_rows(rows: Iterable[FeedRow], show_progress: Callable[[int], None]) -> Iterator[bytes]:
    for number, row in enumerate(rows, start=1):
        yield write_row(row)
        if number % 20_000 == 0:
            show_progress(number)
