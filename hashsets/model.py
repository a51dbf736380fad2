"""The nouns of matching: Fingerprint, HashSet, HashEntry, Hit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hashsets.errors import InvalidHashError


class Algorithm(StrEnum):
    """How a fingerprint was made. The first three are digests of bytes, the others of pixels."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    PDQ = "pdq"
    PHASH = "phash"


DIGESTS = (Algorithm.SHA256, Algorithm.SHA1, Algorithm.MD5)
"""The exact algorithms, strongest first."""

HEX_DIGITS = {
    Algorithm.MD5: 32,
    Algorithm.SHA1: 40,
    Algorithm.SHA256: 64,
    Algorithm.PDQ: 64,
    Algorithm.PHASH: 16,
}
"""Length of each value as lower-case hex."""

_HEX = re.compile(r"[0-9a-f]+")


def normalise_hash(algorithm: Algorithm, text: str) -> str:
    """Return a hash as lower-case hex of the length that its algorithm has.

    Args:
        algorithm: how the hash was made.
        text: hex in either case.

    Raises:
        InvalidHashError: wrong length or not hex; the message never holds the text.
    """
    value = text.lower()
    if len(value) != HEX_DIGITS[algorithm] or not _HEX.fullmatch(value):
        raise InvalidHashError(f"{algorithm} must be {HEX_DIGITS[algorithm]} hex digits")
    return value


DIHEDRAL = ("r0", "r90", "r180", "r270", "flipx", "flipy", "r90flipx", "r90flipy")
"""The eight orientations of a picture, in the order of `pdqhash.compute_dihedral`; r0 is as stored.

r90, r180 and r270 are turned counter-clockwise (as `numpy.rot90`), flipx is mirrored top to bottom (`flipud`)
and flipy left to right (`fliplr`); r90flipx and r90flipy are turned by r90 first: the transpose and the
anti-transpose. Each is the hash that the so turned picture would have, up to a few tens of bits.
"""


UPRIGHT = "upright"
"""The orientation of a picture turned as its EXIF data says; searched like the one as stored."""


class EntryClass(StrEnum):
    """What a list says of its entry, on our one scale (raw scheme and value are kept beside it)."""

    BASELINE = "baseline"
    NATIONAL_ILLEGAL = "national_illegal"
    ADVISORY = "advisory"
    SELF_REPORTED = "self_reported"
    NOT_ILLEGAL = "not_illegal"
    UNKNOWN = "unknown"
    CONTESTED = "contested"


UNTRUSTABLE = frozenset({EntryClass.NOT_ILLEGAL, EntryClass.CONTESTED})
"""Classes that say the opposite, or whose lists contradict each other: no person can mark them as trusted."""


ALERTING = frozenset({EntryClass.BASELINE, EntryClass.NATIONAL_ILLEGAL})
"""The classes that may make an image known, once they are trusted; the view live_matches says the same."""


REASON_MAX = 2000
"""Characters of a written reason."""


def is_reason(text: str) -> bool:
    """Say whether a text can be kept as somebody's written reason: not blank, and not too long."""
    return bool(text.strip()) and len(text) <= REASON_MAX and "\0" not in text


class HitKind(StrEnum):
    """exact: a digest is equal. near: a perceptual hash lies within the radius; never enough for "known"."""

    EXACT = "exact"
    NEAR = "near"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One hash of one frame of one picture (or of its bytes).

    Attributes:
        algorithm: how it was made.
        value: lower-case hex of the length in HEX_DIGITS.
        version: version of our implementation of the algorithm, from 1.
        frame: 0 for digests and still pictures, else the frame's number.
        orientation: "bytes" for digests; "r0" (as stored) or UPRIGHT for hashes of pixels, and for PDQ also the
            other ones of DIHEDRAL.
        quality: PDQ quality 0-100, else None.
    """

    algorithm: Algorithm
    value: str
    version: int = 1
    frame: int = 0
    orientation: str = "bytes"
    quality: int | None = None


class Sharing(StrEnum):
    """Who may have a set from us: nobody, or our partners by our own feed."""

    NOBODY = "nobody"
    PARTNERS = "partners"


@dataclass(frozen=True, slots=True)
class HashSet:
    """A list of hashes from one provider.

    Attributes:
        name: ours for it.
        licence: on what terms it may be used.
        region: where those terms hold, or where its classes come from.
        scheme: name of the provider's own scale; empty until its first list was taken in.
        sharing: who may have it from us.
        is_negative: a list of harmless files: it silences near hits of other sets, and never alerts.
        synced_at: when its provider's word was last taken in, changed or not; None before the first time.
    """

    id: UUID
    name: str
    provider: str
    licence: str
    region: str
    scheme: str = ""
    sharing: Sharing = Sharing.NOBODY
    is_negative: bool = False
    synced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HashEntry:
    """One live or withdrawn entry of a set.

    Attributes:
        source_key: the provider's own id, unique in its set.
        entry_class: what the list says, on our scale; CONTESTED where another list says the opposite of the bytes.
        raw_scheme: name of the provider's own scale.
        raw_value: the provider's own word.
    """

    id: UUID
    set_id: UUID
    set_name: str
    source_key: str
    entry_class: EntryClass
    raw_scheme: str
    raw_value: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One fingerprint lies on, or within the radius of, one entry's fingerprint.

    Attributes:
        fingerprint: the query.
        entry_id: the entry that was hit.
        kind: exact or near.
        distance: differing bits, 0-256 for PDQ, 0-64 for pHash, 0 for digests.
    """

    fingerprint: Fingerprint
    entry_id: UUID
    kind: HitKind
    distance: int


@dataclass(frozen=True, slots=True)
class HashSetSummary:
    """A hash set and what stands in it.

    Attributes:
        counts: live entries by class.
        trusted: the classes that two persons trust.
        contested: live entries that another list contradicts.
        disputed: entries that our own people have silenced.
    """

    hash_set: HashSet
    counts: Mapping[EntryClass, int]
    trusted: frozenset[EntryClass]
    contested: int = 0
    disputed: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as a list brings it, before it is stored.

    Attributes:
        source_key: the provider's own id, 1-200 printable characters.
        entry_class: what the list says, on our scale.
        raw_scheme: name of the provider's own scale.
        raw_value: the provider's own word.
        fingerprints: pairs of algorithm and lower-case hex of the length in HEX_DIGITS.
        withdrawn: the provider takes the entry back.
        revised_at: when the provider last changed it, aware; None if the list does not say.
        line: where it begins in the file, from 1; 0 if the format has no lines.
    """

    source_key: str
    entry_class: EntryClass
    raw_scheme: str
    raw_value: str
    fingerprints: frozenset[tuple[Algorithm, str]] = field(default_factory=frozenset)
    withdrawn: bool = False
    revised_at: datetime | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row of a list that cannot be used.

    Attributes:
        line: line number in the file, from 1.
        reason: why, in words; never holds a hash.
    """

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import did, in entries."""

    added: int = 0
    changed: int = 0
    withdrawn: int = 0
