"""The nouns of matching: Fingerprint, HashSet, HashEntry, Hit."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


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

DIHEDRAL = ("r0", "r90", "r180", "r270", "flipx", "flipy", "r90flipx", "r90flipy")
"""The eight orientations of a picture, in the order of `pdqhash.compute_dihedral`; r0 is as stored."""


class EntryClass(StrEnum):
    """What a list says of its entry, on our one scale (raw scheme and value are kept beside it)."""

    BASELINE = "baseline"
    NATIONAL_ILLEGAL = "national_illegal"
    ADVISORY = "advisory"
    SELF_REPORTED = "self_reported"
    NOT_ILLEGAL = "not_illegal"
    UNKNOWN = "unknown"
    CONTESTED = "contested"


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
        orientation: "bytes" for digests; for PDQ one of DIHEDRAL; for pHash "r0" (as stored) or "upright"
            (turned as its EXIF orientation says).
        quality: PDQ quality 0-100, else None.
    """

    algorithm: Algorithm
    value: str
    version: int = 1
    frame: int = 0
    orientation: str = "bytes"
    quality: int | None = None


@dataclass(frozen=True, slots=True)
class HashSet:
    """A list of hashes from one provider."""

    id: UUID
    name: str
    provider: str
    licence: str
    region: str


@dataclass(frozen=True, slots=True)
class HashEntry:
    """One live or withdrawn entry of a set.

    Attributes:
        source_key: the provider's own id, unique in its set.
        entry_class: what the list says, on our scale.
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
