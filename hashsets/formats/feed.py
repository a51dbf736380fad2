"""Our own feed of a hash set, read: folders with a signed manifest and sealed entries, chained by their manifests.

1. `verify_manifest`: the signature by the pinned key, then the manifest's place in the chain, its expiry, the
   folder's files by name, size and SHA-256. Nothing is parsed before the signature holds, nothing is opened
   before all of that has passed.
2. `read_feed`: opens one file after the other and yields its rows.
3. The caller stores the rows and, in the same transaction, which manifest it was: what the next folder is held against.

The keys stay with the caller, who hands in what checks a signature and what opens sealed bytes; so does the
clock. The format is described in docs/hash-lists.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hashsets.errors import FeedRefusedError
from hashsets.formats.feed_folder import FeedFolder, open_folder
from hashsets.formats.feed_manifest import (
    MANIFEST,
    MANIFEST_MAX,
    SIGNATURE,
    SIGNATURE_MAX,
    FeedFile,
    FeedKind,
    FeedState,
    Manifest,
    digest_manifest,
    parse_manifest,
)
from hashsets.formats.feed_rows import read_rows
from hashsets.model import BadRow, Entry


@dataclass(frozen=True, slots=True)
class VerifiedManifest:
    """A manifest of which every check has passed, with its SHA-256 (64 hex digits)."""

    manifest: Manifest
    sha256: str


def verify_manifest(
    path: Path,
    *,
    check_signature: Callable[[str, bytes], object],
    last: FeedState | None,
    now: datetime,
    is_practice: bool,
) -> VerifiedManifest:
    """Hold a folder of a feed against its signature, the chain, the clock and its own files.

    Args:
        path: the folder.
        check_signature: takes the detached signature and what it should sign; raises FeedRefusedError if it does
            not hold by the one pinned key.
        last: what was accepted of this feed last; None before the first folder, which must be a snapshot.
        now: aware.
        is_practice: whether this is a practice deployment; one takes in nothing of the other.

    Raises:
        FeedRefusedError: a check failed, and which.
    """
    with open_folder(path) as folder:
        content = folder.read(MANIFEST, MANIFEST_MAX)
        try:
            signature = folder.read(SIGNATURE, SIGNATURE_MAX).decode("ascii").strip()
        except UnicodeDecodeError:
            raise FeedRefusedError("The signature of the feed cannot be read.") from None
        check_signature(signature, content)
        manifest = parse_manifest(content)
        if manifest.is_practice is not is_practice:
            raise FeedRefusedError(
                "The feed is of a practice deployment, or a live one's for practice: the two never mix."
            )
        verified = VerifiedManifest(manifest, digest_manifest(content))
        _check_chain(verified, last)
        if now >= manifest.expires:
            raise FeedRefusedError("The feed has expired: ask its publisher for a newer one.")
        _check_files(folder, manifest)
    return verified


def _check_chain(verified: VerifiedManifest, last: FeedState | None) -> None:
    manifest = verified.manifest
    is_snapshot = manifest.kind is FeedKind.SNAPSHOT
    if last is None:
        if not is_snapshot:
            raise FeedRefusedError("Nothing was taken in of this feed yet: it begins with a snapshot.")
        return
    if manifest.feed != last.feed:
        raise FeedRefusedError("This is another feed than the one that the hash set comes from.")
    if manifest.seq == last.seq:
        if verified.sha256 == last.sha256:
            raise FeedRefusedError("This folder of the feed was taken in already.")
        raise FeedRefusedError("The feed has forked: its publisher signed two manifests of one number.")
    if manifest.seq < last.seq:
        raise FeedRefusedError("The feed was rolled back: a later folder of it was taken in already.")
    if manifest.seq == last.seq + 1 and manifest.previous != last.sha256:
        raise FeedRefusedError("The feed has forked: its manifest does not follow the one that was taken in.")
    if manifest.since is not None and manifest.since[0] == last.seq and manifest.since[1] != last.sha256:
        raise FeedRefusedError(
            "The feed has forked: its manifest does not build on the one that was taken in."
        )
    follows = manifest.seq == last.seq + 1 and manifest.since is not None and manifest.since[0] <= last.seq
    builds_on = manifest.since is not None and manifest.since[0] == last.seq
    if not (is_snapshot or follows or builds_on):
        raise FeedRefusedError(
            "A folder of the feed is missing before this one: ask for it, or for a snapshot."
        )


def _check_files(folder: FeedFolder, manifest: Manifest) -> None:
    listed = {MANIFEST, SIGNATURE, *(one.name for one in manifest.files)}
    if folder.list_names() - listed:
        raise FeedRefusedError("The folder holds a file that the manifest does not name.")
    for part in manifest.files:
        folder.check_part(part)


def read_feed(
    path: Path, verified: VerifiedManifest, *, unseal: Callable[[bytes], bytes]
) -> Iterator[Entry | BadRow]:
    """Read the entries of a folder that was verified; each file is held against the manifest once more.

    Args:
        path: the folder.
        verified: what `verify_manifest` returned for it.
        unseal: opens sealed bytes with our own key.

    Yields:
        An Entry for each id, a BadRow for each row that cannot be used; its line counts through all files.

    Raises:
        FeedRefusedError: a file was changed since, or holds another number of rows than the manifest says.
    """
    with open_folder(path) as folder:
        yield from read_rows(_read_lines(folder, verified.manifest.files, unseal), verified.manifest.kind)


def _read_lines(
    folder: FeedFolder, parts: tuple[FeedFile, ...], unseal: Callable[[bytes], bytes]
) -> Iterator[bytes]:
    for part in parts:
        content = unseal(folder.read_part(part))
        if content.count(b"\n") != part.records or not content.endswith(b"\n"):
            raise FeedRefusedError("A file of the feed holds another number of rows than the manifest says.")
        start = 0
        while start < len(content):
            end = content.index(b"\n", start)
            yield content[start:end]
            start = end + 1
