"""A message as a mail: plain text first, our JSON files after it, nothing else.

The same facts give the same bytes, so that a second try is the same mail and a found file can be told by its
name; only what is sealed differs, as age takes fresh keys each time. No header takes a line break.
"""

import hashlib
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from triage.errors import MessageRefusedError
from triage.rules.message_facts import ComposedMessage, MessageFacts
from triage.rules.message_words import write_plain
from triage.vault import seal

_MAILBOX = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,200}@[!-;=?A-~]{1,200}>")
_LONGEST_LINE = 998
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def build_mail(facts: MessageFacts, composed: ComposedMessage) -> bytes:
    """Return the mail, CRLF line ends; attachments are sealed when the recipient has a key.

    Raises:
        MessageRefusedError: a name or an address would break a header.
        KeyMissingError: the recipient's key cannot be read.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _make_address(facts.hotline.name, facts.hotline.mail)
    mail["To"] = _make_address(facts.recipient_name, facts.recipient_contact)
    mail["Subject"] = _check_header(composed.subject)
    mail["Date"] = facts.written_at
    mail["Message-ID"] = _check_message_id(facts.message_id)
    if facts.first_message_id is not None:
        mail["In-Reply-To"] = _check_message_id(facts.first_message_id)
        mail["References"] = facts.first_message_id
    mail.set_content(composed.text, cte="quoted-printable")
    for attachment in composed.attachments:
        if facts.recipient_key is None:
            maintype, _, subtype = attachment.content_type.partition("/")
            mail.add_attachment(
                attachment.data, maintype=maintype, subtype=subtype, filename=_check_header(attachment.name)
            )
        else:
            mail.add_attachment(
                seal(attachment.data, facts.recipient_key),
                maintype="application",
                subtype="octet-stream",
                filename=_check_header(f"{attachment.name}.age"),
            )
    if mail.is_multipart():
        # "=_" stands neither in quoted-printable nor in base 64, so no part can hold the boundary.
        mail.set_boundary("=_" + hashlib.sha256(facts.message_id.encode()).hexdigest()[:40])
    return _check_head(mail.as_bytes(), mail.keys())


def _make_address(name: str, mailbox: str) -> Address:
    if not _MAILBOX.fullmatch(mailbox) or ".." in mailbox or ".@" in mailbox or mailbox.startswith("."):
        raise MessageRefusedError("A mail address cannot be used.")
    return Address(display_name=write_plain(_check_header(name)), addr_spec=mailbox)


def _check_header(text: str) -> str:
    if _CONTROL.search(text):
        raise MessageRefusedError("A header of the mail would hold a line break.")
    if "=?" in text:  # the library would decode it, and write out what it hides, line breaks too
        raise MessageRefusedError("A header of the mail would hold encoded words of others.")
    return text


def _check_head(data: bytes, names: list[str]) -> bytes:
    """Refuse a mail whose head, as it was written, is not just the headers that were set."""
    lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    if any(len(line) > _LONGEST_LINE or re.search(rb"[\r\n]", line) for line in lines):
        raise MessageRefusedError("A header of the mail would be too long or broken.")
    written = [line.partition(b":")[0].decode("ascii", "replace") for line in lines if line[:1] not in b" \t"]
    if written != names:
        raise MessageRefusedError("The head of the mail would not be the one that was meant.")
    return data


def _check_message_id(text: str) -> str:
    if not _MESSAGE_ID.fullmatch(text):
        raise MessageRefusedError("The Message-ID cannot be used.")
    return text
