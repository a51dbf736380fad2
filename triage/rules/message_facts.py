"""What a message may say: plain facts, read once, from which texts, XARF reports and packages are made.

No bytes of a picture, no reporter, no note of a reporter is among them, so that none can leave by mistake.
"""

from dataclasses import dataclass
from datetime import datetime

from triage.rules.classification import Detail
from triage.rules.classification_tables import NO_VOCABULARY, Vocabulary
from triage.rules.states import Basis, ItemKind, Remit, SendingKind, SendingPart


@dataclass(frozen=True, slots=True)
class HotlineFacts:
    """Who we are, from the settings."""

    name: str
    org: str
    mail: str
    phone: str


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """One image that was settled as illegal, or that a lead sends to the police unseen.

    Attributes:
        sha256, sha1, md5, pdq: hex digits of frame 0 as stored; None where there is none.
        baseline: the settled baseline verdict; None when it was not viewed.
        settled_at: when its verdict was settled; None while one assessor has spoken, or nobody could look.
        lists: names of the trusted hash sets that hold its exact digest.
        is_kept: whether its original bytes are kept, sealed.
        assessed_at: when a person last judged or confirmed it.
        detail: its settled detail as this item shows it; the hosts of it are never told any.
        told_detail: for an update: the detail as it stood when the message before was written.
        is_danger: an assessor of it ticked that a child may be at risk.
    """

    sha256: str
    sha1: str | None
    md5: str | None
    pdq: str | None
    media: str
    bytes: int
    baseline: bool | None
    basis: Basis
    settled_at: datetime | None
    lists: tuple[str, ...]
    is_kept: bool = False
    assessed_at: datetime | None = None
    detail: Detail | None = None
    told_detail: Detail | None = None
    is_danger: bool = False


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One item of a message.

    Attributes:
        first_seen_at: when the report came. verified_at: its last capture or check that found it online.
        address, asn, operator, country: its hosting as agreed or decided; None when not located.
        custody: RFC 8785 records of its stream, oldest first.
        captured_at: its last successful capture. settled_at: when its own verdict was last settled.
        detail, told_detail, is_danger: of the item itself, where it was judged itself.
    """

    reference: str
    kind: ItemKind
    remit: Remit
    url: str | None
    file_name: str | None
    first_seen_at: datetime
    verified_at: datetime | None
    address: str | None
    asn: int | None
    operator: str | None
    country: str | None
    is_baseline: bool
    basis: Basis
    images: tuple[ImageFacts, ...]
    custody: tuple[str, ...]
    captured_at: datetime | None = None
    settled_at: datetime | None = None
    detail: Detail | None = None
    told_detail: Detail | None = None
    is_danger: bool = False


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """All that one message is made of.

    Attributes:
        message_id: with its angle brackets. first_message_id: of the message that this one follows, or None.
        recipient_key: age recipient; attachments and packages are sealed to it.
        recipient_language: sq, en or sq+en.
        written_at: since when it may leave; the same at every try.
        asked_until: the time until which a notice asks for removal.
        police_sent_at: when the police referral of all its items was sent, None if it was not.
        first_sent_at: when the first message left, for all that follows it.
        last_online_at: the last check that found it online, for reminders.
        analyst_code: a short code that stands for the analyst.
        is_danger: a child may be at risk now.
    """

    kind: SendingKind
    part: SendingPart
    number: int
    reference: str
    message_id: str
    first_message_id: str | None
    basis: Basis
    host: str
    is_danger: bool
    is_held: bool
    recipient_name: str
    recipient_contact: str
    recipient_language: str
    recipient_key: str | None
    written_at: datetime
    asked_until: datetime
    police_sent_at: datetime | None
    first_sent_at: datetime | None
    last_online_at: datetime | None
    analyst_code: str
    items: tuple[ItemFacts, ...]
    hotline: HotlineFacts
    is_practice: bool
    vocabulary: Vocabulary = NO_VOCABULARY


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message; never a picture."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ComposedMessage:
    """A message in words, before it becomes a mail. What it must contain follows from the last four.

    Attributes:
        languages: of its text, sq and en, in their order.
    """

    subject: str
    text: str
    attachments: tuple[Attachment, ...]
    kind: SendingKind = SendingKind.NOTICE
    part: SendingPart = SendingPart.FIRST
    reference: str = ""
    languages: tuple[str, ...] = ("sq", "en")
