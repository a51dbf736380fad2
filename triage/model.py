"""The nouns, as they are read: Report, Item, Capture, Image, Match and what belongs to them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from triage.rules.states import (
    Agreement,
    Basis,
    CaptureOutcome,
    ClosedAs,
    ImageState,
    ItemKind,
    ItemState,
    Lane,
    Remit,
    SendingKind,
    SendingPart,
    SendingState,
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


class RecipientKind(StrEnum):
    """Who may be told something."""

    POLICE = "police"
    ISP = "isp"
    HOTLINE = "hotline"
    HELPLINE = "helpline"
    AUTHORITY = "authority"


class ChannelOut(StrEnum):
    """How a recipient is reached: by mail, or by sealed packages in the outbox folder."""

    MAIL = "mail"
    OUTBOX = "outbox"


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
    SHEET = "sheet"


VIEWS = (EvidenceKind.COLOUR, EvidenceKind.GREY_HALF, EvidenceKind.THUMB, EvidenceKind.SHEET)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here."""

    id: UUID
    name: str
    roles: tuple[PersonRole, ...]
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token of a machine; its secret is stored only as a digest.

    Attributes:
        made_by: name of who made it in the console; None: the command line.
        last_used_at: to the minute.
    """

    id: UUID
    name: str
    scope: str
    created_at: datetime
    made_by: str | None
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


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
    round: int
    settled_at: datetime | None
    asked_exit: str | None
    has_turn: bool
    is_low: bool


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


@dataclass(frozen=True, slots=True)
class Network:
    """Addresses that one operator announces.

    Attributes:
        prefix: CIDR.
        operator: its legal name.
        country: of the operator, ISO 3166 alpha-2, XK for Kosovo.
    """

    prefix: str
    asn: int
    operator: str
    brand: str
    country: str


@dataclass(frozen=True, slots=True)
class Hosting:
    """Who hosts an item, by what was found at a time or by what a person decided.

    Attributes:
        sources: one mapping per source, as it was found.
        reason: why the sources are not agreed, in words.
    """

    id: UUID
    item_id: UUID
    address: str | None
    asn: int | None
    operator: str | None
    country: str | None
    sources: list[dict[str, str | int | None]]
    agreement: Agreement
    reason: str | None
    decided_by: UUID | None
    located_at: datetime


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person or body that may be told something, once a lead has approved it as it stands.

    Attributes:
        language: sq, en or sq+en.
        contact: a mail address, or the name of a folder in the outbox.
        public_key: an age recipient; what is attached or packed is sealed to it.
        asns: of an ISP, the networks it answers for.
        country: of a partner hotline, ISO 3166 alpha-2.
    """

    id: UUID
    name: str
    kind: RecipientKind
    language: str
    channel: ChannelOut
    contact: str
    public_key: str | None
    country: str | None
    asns: list[int]
    entered_by: UUID | None
    approved_by: UUID | None
    approved_at: datetime | None
    disabled_at: datetime | None

    @property
    def is_approved(self) -> bool:
        """Whether anything may leave to it."""
        return self.approved_at is not None and self.disabled_at is None


@dataclass(frozen=True, slots=True)
class Sending:
    """One message that leaves once: a notice, a referral, a reminder of one, or its retraction."""

    id: UUID
    kind: SendingKind
    part: SendingPart
    number: int
    reference: str
    message_id: str
    recipient_id: UUID | None
    state: SendingState
    basis: Basis
    host: str
    asn: int | None
    country: str | None
    is_urgent: bool
    is_held: bool
    is_recalled: bool
    created_at: datetime
    queued_at: datetime | None
    next_try_at: datetime | None
    tries: int
    started_at: datetime | None
    sent_at: datetime | None
    left_as: str | None
    file_name: str | None
    answered_at: datetime | None
    answer: str | None
    reason: str | None
