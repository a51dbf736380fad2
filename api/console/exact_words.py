"""The exact words of a message, to be read before it leaves: head, text and files of a mail; all files of a package.

It is written by the same code from the same facts as when it leaves; of what left, the digest tells whether these are
the bytes. What is sealed is shown as it is before, since only its recipient can open it; a picture is in none of it.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from api.console.deps import StaffTools
from triage.errors import KeyMissingError, MessageRefusedError
from triage.model import ChannelOut
from triage.packages.mail import build_mail
from triage.packages.package import SUMMARY, list_payload
from triage.rules.compose import compose_message
from triage.rules.message_facts import ComposedMessage, HotlineFacts, MessageFacts
from triage.rules.message_lint import check_message
from triage.rules.states import SendingKind
from triage.store import recipients, sendings, sendings_page
from triage.store.message_facts import read_message_facts
from triage.store.rows import Connection

_PACKED_TYPES = {"json": "application/json", "jsonl": "application/jsonl"}


@dataclass(frozen=True, slots=True)
class AttachedText:
    """A file that goes with a message, as text."""

    name: str
    content_type: str
    text: str


@dataclass(frozen=True, slots=True)
class ExactWords:
    """What a message says.

    Attributes:
        head: all headers of the mail, as they are sent; empty for a package, which has none.
        is_sealed: whether what is attached or packed is sealed to the recipient's key.
        is_package: whether it leaves as one sealed file instead of a mail.
        digest: SHA-256 of the mail, hex; empty where sealing makes it another one each time.
        has_left: whether something was handed over; `is_same`: these very bytes, as far as that can be told.
    """

    head: str
    subject: str
    text: str
    attachments: tuple[AttachedText, ...]
    is_sealed: bool
    is_package: bool
    digest: str
    has_left: bool
    is_same: bool


def read_words(conn: Connection, tools: StaffTools, sending_id: UUID) -> ExactWords | None:
    """Return the words of a message as it would leave now; None while it has no recipient.

    Raises:
        MessageRefusedError: it may not leave as it is; the message says why.
    """
    sending = sendings.read_sending(conn, sending_id)
    recipient = None
    if sending is not None and sending.recipient_id is not None:
        recipient = recipients.read_recipient(conn, sending.recipient_id)
    if sending is None or recipient is None:
        return None
    facts = _read_facts(conn, tools, sending_id)
    composed = compose_message(facts)
    check_message(composed)
    is_package = sending.kind is SendingKind.HOTLINE or recipient.channel is ChannelOut.OUTBOX
    is_sealed = facts.recipient_key is not None and (is_package or bool(composed.attachments))
    mail = b""
    if not is_package:
        try:
            mail = build_mail(facts, composed)
        except KeyMissingError as error:
            raise MessageRefusedError(str(error)) from None
    digest = hashlib.sha256(mail).digest()
    left = sendings_page.read_digest(conn, sending_id)
    return ExactWords(
        head=mail.partition(b"\r\n\r\n")[0].decode("ascii", "replace").replace("\r\n", "\n"),
        subject=composed.subject,
        text=composed.text,
        attachments=_list_packed(facts, composed) if is_package else _list_attached(composed),
        is_sealed=is_sealed,
        is_package=is_package,
        digest="" if is_package or is_sealed else digest.hex(),
        has_left=left is not None,
        is_same=left == digest,
    )


def _list_attached(composed: ComposedMessage) -> tuple[AttachedText, ...]:
    return tuple(
        AttachedText(one.name, one.content_type, one.data.decode("utf-8", "replace"))
        for one in composed.attachments
    )


def _list_packed(facts: MessageFacts, composed: ComposedMessage) -> tuple[AttachedText, ...]:
    """Return the files of a package beside its text, which stands apart."""
    packed = list_payload(facts, composed)
    return tuple(
        AttachedText(name, _PACKED_TYPES[name.rpartition(".")[2]], packed[name].decode("utf-8", "replace"))
        for name in sorted(packed)
        if name != SUMMARY
    )


def _read_facts(conn: Connection, tools: StaffTools, sending_id: UUID) -> MessageFacts:
    settings = tools.settings
    return read_message_facts(
        conn,
        sending_id,
        hotline=HotlineFacts(
            settings.hotline_name, settings.hotline_org, settings.hotline_mail, settings.hotline_phone
        ),
        asked_within_s=settings.removal_asked_within_s,
        is_practice=tools.is_practice,
        keeps_evidence=settings.evidence_for_police,
        vocabulary=tools.vocabulary,
    )
