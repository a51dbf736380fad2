"""The nouns, as they are read: Report, Item, Capture, Image, Match and what belongs to them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from triage.rules.states import (
    CaptureOutcome,
    ClosedAs,
    ImageState,
    ItemKind,
    ItemState,
    Lane,
    Remit,
)


class Channel(StrEnum):
    """How a report reached us."""

    PUBLIC = "public"
    API = "api"
    CLI = "cli"
    PARTNER = "partner"


class PersonRole(StrEnum):
    """What a person may do; a person may hold several, except admin with those that see images."""

    ANALYST = "analyst"
    LEAD = "lead"
    CLERK = "clerk"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Media(StrEnum):
    """What kind of file an image row is about."""

    PICTURE = "picture"
    VIDEO = "video"
    ARCHIVE = "archive"
    OTHER = "other"


class EvidenceKind(StrEnum):
    """The sealed objects of one image."""

    BYTES = "bytes"
    COLOUR = "colour"
    GREY_HALF = "grey_half"
    THUMB = "thumb"


VIEWS = (EvidenceKind.COLOUR, EvidenceKind.GREY_HALF, EvidenceKind.THUMB)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here."""

    id: UUID
    name: str
    roles: tuple[PersonRole, ...]
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token of a machine; its secret is stored only as a digest."""

    id: UUID
    name: str
    scope: str
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Item:
    """One URL, one uploaded file or one text, to be judged."""

    id: UUID
    reference: str
    kind: ItemKind
    state: ItemState
    remit: Remit
    url: str | None
    file_name: str | None
    is_top_level: bool
    danger: bool
    base_lane: Lane | None
    lane: Lane | None
    reason: str | None
    closed_as: ClosedAs | None
    received_at: datetime
    captured_at: datetime | None
    tries: int
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class Capture:
    """One attempt to fetch an item; without an end it is a lease."""

    id: UUID
    item_id: UUID
    worker: str
    started_at: datetime
    lease_until: datetime
    ended_at: datetime | None
    outcome: CaptureOutcome | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class IntakeObject:
    """An upload sealed to the intake key, waiting for its capture."""

    name: str
    item_id: UUID
    bytes: int


@dataclass(frozen=True, slots=True)
class Image:
    """One distinct file, named by its SHA-256."""

    id: UUID
    sha256: bytes
    state: ImageState
    media: Media
    can_be_shown: bool
    is_undecided: bool
    finding: str | None
    verdict: str | None


@dataclass(frozen=True, slots=True)
class EvidenceObject:
    """One sealed object of an image."""

    name: str
    image_id: UUID
    kind: EvidenceKind
    bytes: int
