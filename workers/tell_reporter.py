"""The job `tell_reporter`: a reporter who asked for mail is told the coarse word of their receipt, each word once.

1. Take it: the intent is stored, or there is nothing to tell today.
2. Open the address, write the mail, hand it over: to the mail relay, or as a file.
3. Record what became of it. What nobody can say counts as told: a word is never told twice.
"""

import logging
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from uuid import UUID

from triage.clock import utcnow
from triage.errors import KeyMissingError, StaleStateError, StorageError
from triage.ids import new_object_name
from triage.rules.reporter import is_address
from triage.rules.reporter_mail import write_reporter_mail
from triage.steps.tell_reporter import Telling, record_not_told, record_refused, record_told, take_telling
from triage.vault import unseal
from workers.clients.smtp import Accepted, Outcome, RefusedForGood, RefusedForNow
from workers.outbound_tools import OutboundTools

_log = logging.getLogger(__name__)
MAIL_FOLDER = "mail/new"


def tell_reporter(tools: OutboundTools, report_id: UUID) -> None:
    """Tell one reporter what is new, if anything is."""
    most = tools.settings.reporter_mails_per_day
    telling = tools.database.run(partial(take_telling, report_id=report_id, most_a_day=most, now=utcnow()))
    if telling is None:
        return
    outcome = _tell(tools, telling)
    if not isinstance(outcome, Accepted):
        _log.warning("the reporter of report %s was not reached: %s", report_id, type(outcome).__name__)
    try:
        _record(tools, telling, outcome)
    except StaleStateError:
        _log.info("report %s: somebody else has said what became of its mail", report_id)


def _tell(tools: OutboundTools, telling: Telling) -> Outcome:
    try:
        address = unseal(telling.sealed_address, tools.reply_identity).decode("ascii")
    except (StorageError, KeyMissingError, UnicodeDecodeError):
        _log.error("the address of report %s cannot be opened", telling.report_id)
        return RefusedForGood(0)
    if not is_address(address):
        return RefusedForGood(0)
    data = _write(tools, telling, address)
    if tools.relay is not None:
        return tools.relay.send(tools.settings.hotline_mail, address, data)
    try:
        tools.outbox.put(f"{MAIL_FOLDER}/{new_object_name()}.eml", data)
    except StorageError as error:
        _log.error("the mail of report %s: %s", telling.report_id, error)
        return RefusedForNow()
    return Accepted()


def _write(tools: OutboundTools, telling: Telling, address: str) -> bytes:
    subject, text = write_reporter_mail(
        telling.language,
        telling.word,
        police_phone=tools.settings.police_phone,
        helpline_phone=tools.settings.helpline_phone,
        is_practice=tools.is_practice,
    )
    mail = EmailMessage(policy=SMTP)
    mail["From"] = tools.settings.hotline_mail
    mail["To"] = address
    mail["Subject"] = subject
    mail["Date"] = telling.started_at
    mail["Message-ID"] = f"<{new_object_name()}@{tools.policy.mail_domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text, cte="quoted-printable")
    return mail.as_bytes()


def _record(tools: OutboundTools, telling: Telling, outcome: Outcome) -> None:
    now = utcnow()
    if isinstance(outcome, RefusedForNow):
        waits_s = tools.settings.send_waits_s
        tools.database.run(partial(record_not_told, telling=telling, waits_s=waits_s, now=now))
    elif isinstance(outcome, RefusedForGood):
        tools.database.run(partial(record_refused, telling=telling, now=now))
    else:
        tools.database.run(partial(record_told, telling=telling, now=now))
