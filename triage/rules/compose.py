"""From facts to a message in words: which text and which files each kind of sending gets."""

from triage.errors import MessageRefusedError
from triage.rules.message_facts import ComposedMessage, MessageFacts
from triage.rules.message_words import choose_languages
from triage.rules.notice_text import write_notice
from triage.rules.referral_text import write_partner_referral, write_police_referral
from triage.rules.states import Basis, SendingKind, SendingPart
from triage.rules.xarf import make_attachments

_WRITERS = {
    SendingKind.NOTICE: write_notice,
    SendingKind.POLICE: write_police_referral,
    SendingKind.HOTLINE: write_partner_referral,
}


def compose_message(facts: MessageFacts) -> ComposedMessage:
    """Write a message; the same facts give the same words.

    Raises:
        MessageRefusedError: there is nothing to tell, or it must not be told to this kind of recipient.
    """
    if not facts.items:
        raise MessageRefusedError("The message names no item.")
    _check_unseen(facts)
    if facts.kind == SendingKind.POLICE and facts.part == SendingPart.REMINDER:
        raise MessageRefusedError("The police are not reminded.")
    if facts.kind == SendingKind.NOTICE and facts.part == SendingPart.UPDATE:
        raise MessageRefusedError("Who hosts it is told no detail.")
    if facts.kind == SendingKind.NOTICE and any(item.url is None for item in facts.items):
        raise MessageRefusedError("A notice can only ask for the removal of an address.")
    subject, text = _WRITERS[facts.kind](facts)
    return ComposedMessage(
        subject=subject,
        text=text,
        attachments=make_attachments(facts),
        kind=facts.kind,
        part=facts.part,
        reference=facts.reference,
        languages=choose_languages(facts),
    )


def _check_unseen(facts: MessageFacts) -> None:
    """Keep a file that nobody viewed and no list holds from all but the police; a retraction asserts nothing."""
    if facts.kind == SendingKind.POLICE or facts.part == SendingPart.RETRACTION:
        return
    bases = {facts.basis, *(item.basis for item in facts.items)}
    bases |= {image.basis for item in facts.items for image in item.images}
    if Basis.FACTS in bases:
        raise MessageRefusedError("What nobody viewed and no list holds is told to the police only.")
