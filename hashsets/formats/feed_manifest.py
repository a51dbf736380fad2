"""The manifest of our own feed: what one folder of it holds, and its place in the chain.

JSON in UTF-8, signed as it stands. Every manifest names the one before by its SHA-256, so that a reader tells a
rollback, a gap and a fork; it expires, so that a reader tells a feed that somebody holds back. A snapshot holds
all live entries; a delta all that changed since one earlier manifest, which it names.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from hashsets.errors import FeedRefusedError

FORMAT = "hotline-feed/1"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.jws"
MANIFEST_MAX = 2**20
"""Bytes of a manifest."""

SIGNATURE_MAX = 4096
"""Bytes of a signature."""

FILE_MAX = 64 * 2**20
"""Bytes of one sealed file of entries."""

FILES_MAX = 1000
"""Files of entries in one folder."""

_FILE = re.compile(r"entries(?:-[0-9]{4})?\.jsonl\.age")
_FEED = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}/[a-z0-9][a-z0-9._-]{0,62}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FIELDS = frozenset(
    {"format", "feed", "seq", "prev_manifest_sha256", "kind", "practice", "since", "from", "to", "files"}
    | {"expires", "live_total"}
)
_LARGEST = 2**53
"""Numbers are kept within what every JSON reader holds exactly."""


class FeedKind(StrEnum):
    """A snapshot holds every live entry, a delta what changed."""

    SNAPSHOT = "snapshot"
    DELTA = "delta"


@dataclass(frozen=True, slots=True)
class FeedFile:
    """One sealed file of entries.

    Attributes:
        sha256: 64 hex digits, of the sealed bytes.
        bytes: of the sealed file, at most FILE_MAX.
        records: its lines.
    """

    name: str
    sha256: str
    bytes: int
    records: int


@dataclass(frozen=True, slots=True)
class FeedState:
    """The manifest of a feed that was accepted, or written, last; whoever reads or writes the feed keeps it.

    Attributes:
        feed: the feed's name, publisher/set.
        seq: its number in the chain, from 1.
        sha256: of the manifest, 64 hex digits.
    """

    feed: str
    seq: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one folder holds.

    Attributes:
        feed: the feed's name, publisher/set.
        seq: its number in the chain, from 1.
        previous: SHA-256 of the manifest before, 64 hex digits; None for the first.
        is_practice: it is of a practice deployment.
        since: number and SHA-256 of the manifest that a delta builds on; None for a snapshot.
        start: time and generation of the lists at that manifest; None for a snapshot.
        end: time and generation of the lists that this one brings a reader to.
        expires: until when a reader may take it in.
        live_total: live entries once it is taken in.
    """

    feed: str
    seq: int
    previous: str | None
    kind: FeedKind
    is_practice: bool
    since: tuple[int, str] | None
    start: tuple[datetime, int] | None
    end: tuple[datetime, int]
    files: tuple[FeedFile, ...]
    expires: datetime
    live_total: int

    @property
    def records(self) -> int:
        """Lines in all of its files."""
        return sum(one.records for one in self.files)


def is_feed_name(text: str) -> bool:
    """Whether a feed may be called that: publisher/set, lower-case."""
    return _FEED.fullmatch(text) is not None


def digest_manifest(content: bytes) -> str:
    """Return the SHA-256 by which the next manifest names this one, 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def write_manifest(manifest: Manifest) -> bytes:
    """Return the bytes that are signed: the same manifest gives the same bytes."""
    since, start = manifest.since, manifest.start
    fields = {
        "format": FORMAT,
        "feed": manifest.feed,
        "seq": manifest.seq,
        "prev_manifest_sha256": manifest.previous,
        "kind": manifest.kind.value,
        "practice": manifest.is_practice,
        "since": None if since is None else {"seq": since[0], "manifest_sha256": since[1]},
        "from": None if start is None else [write_time(start[0]), start[1]],
        "to": [write_time(manifest.end[0]), manifest.end[1]],
        "files": [
            {"name": one.name, "sha256": one.sha256, "bytes": one.bytes, "records": one.records}
            for one in manifest.files
        ],
        "expires": write_time(manifest.expires),
        "live_total": manifest.live_total,
    }
    return write_object(fields)


def parse_manifest(content: bytes) -> Manifest:
    """Read a manifest whose signature has held.

    Raises:
        FeedRefusedError: it is not one, or names files or numbers that no feed of ours has.
    """
    try:
        fields = read_object(content.decode("utf-8"))
        if fields.get("format") != FORMAT:
            raise FeedRefusedError("The feed is of a format that is not known.")
        if set(fields) != _FIELDS:
            raise ValueError
        found = Manifest(
            feed=_read_feed_name(fields["feed"]),
            seq=read_number(fields["seq"], 1),
            previous=None
            if fields["prev_manifest_sha256"] is None
            else _read_digest(fields["prev_manifest_sha256"]),
            kind=FeedKind(fields["kind"]),
            is_practice=_read_bool(fields["practice"]),
            since=None if fields["since"] is None else _read_since(fields["since"]),
            start=None if fields["from"] is None else _read_place(fields["from"]),
            end=_read_place(fields["to"]),
            files=tuple(_read_file(one) for one in _read_list(fields["files"])),
            expires=read_time(fields["expires"]),
            live_total=read_number(fields["live_total"], 0),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FeedRefusedError("The manifest of the feed cannot be read.") from None
    _check_sense(found)
    return found


def _check_sense(manifest: Manifest) -> None:
    names = [one.name for one in manifest.files]
    if len(set(names)) != len(names):
        raise FeedRefusedError("The manifest of the feed names a file twice.")
    if len(names) > FILES_MAX or any(one.bytes > FILE_MAX for one in manifest.files):
        raise FeedRefusedError("The feed is larger than what is taken in at once.")
    is_delta = manifest.kind is FeedKind.DELTA
    if (manifest.since is not None) != is_delta or (manifest.start is not None) != is_delta:
        raise FeedRefusedError("The manifest of the feed does not say what it builds on.")
    if (manifest.previous is None) != (manifest.seq == 1) or (
        manifest.since is not None and manifest.since[0] >= manifest.seq
    ):
        raise FeedRefusedError("The manifest of the feed contradicts its own number.")
    if not is_delta and manifest.records != manifest.live_total:
        raise FeedRefusedError("The snapshot does not hold as many entries as it says are live.")


# Parts of JSON, strictly


def write_object(fields: dict[str, Any]) -> bytes:
    """Return a JSON object without spaces, its names in the order given: the same object gives the same bytes."""
    return _ENCODER.encode(fields).encode()


def read_object(text: str) -> dict[str, Any]:
    """Return a JSON object that names nothing twice and holds no NaN.

    Raises:
        ValueError, TypeError, RecursionError: it is none.
    """
    found = _DECODER.decode(text)
    if not isinstance(found, dict):
        raise TypeError
    return found


def read_number(value: object, least: int) -> int:
    """Return a whole number of at least `least`.

    Raises:
        ValueError: it is none.
    """
    if type(value) is not int or not least <= value <= _LARGEST:
        raise ValueError
    return value


def read_time(value: object) -> datetime:
    """Return an aware time, in UTC.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise ValueError from None


def write_time(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, ending in Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _pair_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _refuse_constant(_: str) -> None:
    raise ValueError


# Made once: a feed has millions of rows.
_DECODER = json.JSONDecoder(object_pairs_hook=_pair_once, parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _read_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _read_list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _read_digest(value: object) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ValueError
    return value


def _read_feed_name(value: object) -> str:
    if not isinstance(value, str) or not is_feed_name(value):
        raise ValueError
    return value


def _read_since(value: object) -> tuple[int, str]:
    if not isinstance(value, dict) or set(value) != {"seq", "manifest_sha256"}:
        raise ValueError
    return read_number(value["seq"], 1), _read_digest(value["manifest_sha256"])


def _read_place(value: object) -> tuple[datetime, int]:
    moment, generation = _read_list(value)
    return read_time(moment), read_number(generation, 0)


def _read_file(value: object) -> FeedFile:
    if not isinstance(value, dict) or set(value) != {"name", "sha256", "bytes", "records"}:
        raise ValueError
    name = value["name"]
    if not isinstance(name, str) or not _FILE.fullmatch(name):
        # The name is used as a path below the folder: only those that we write ourselves are.
        raise FeedRefusedError("The manifest of the feed names a file that is none of a feed.")
    return FeedFile(
        name, _read_digest(value["sha256"]), read_number(value["bytes"], 0), read_number(value["records"], 0)
    )
