"""The job `send`: one message leaves, once.

1. Take it: every reason why it may not leave is looked at, and the intent is stored.
2. Read what it may say.
3. Write it, and let the lint refuse what must not leave. A mistake of our own ends before a person.
4. Say that it is handed over now, with its digest; then hand it over: to the mail relay, or as a file.
5. Record what became of it. What a crash leaves in between is looked at by the next job of that message.
"""

import hashlib
import logging
from functools import partial
from uuid import UUID

from triage.clock import utcnow
from triage.errors import (
    HotlineError,
    MessageRefusedError,
    ServerUnavailableError,
    StaleStateError,
    StorageError,
)
from triage.packages.mail import build_mail
from triage.packages.package import build_package
from triage.rules.compose import compose_message
from triage.rules.message_facts import MessageFacts
from triage.rules.message_lint import check_message
from triage.steps.record_sending import (
    note_handing_over,
    record_accepted,
    record_refused_for_now,
    record_rejected,
    record_unclear,
)
from triage.steps.take_sending import Stale, Taken, take_sending
from triage.store.message_facts import read_message_facts
from triage.store.sendings import SENDING_LEASE_S
from workers.clients.smtp import Accepted, Outcome, RefusedForGood, RefusedForNow, Unclear
from workers.outbound_tools import OutboundTools

_log = logging.getLogger(__name__)
SILENCE = "the mail relay fell silent while the message was being handed over"


def send(tools: OutboundTools, sending_id: UUID) -> None:
    """Send one message if it is due and may leave; else do nothing."""
    taken = tools.database.run(
        partial(
            take_sending,
            sending_id=sending_id,
            now=utcnow(),
            policy=tools.policy,
            lease_s=SENDING_LEASE_S,
            has_relay=tools.relay is not None,
        )
    )
    try:
        if isinstance(taken, Stale):
            _look_for_file(tools, taken)
        elif taken is not None:
            _send_taken(tools, taken)
    except StaleStateError:
        _log.info("message %s: somebody else has said what became of it", sending_id)


def _look_for_file(tools: OutboundTools, stale: Stale) -> None:
    """Say what became of a message that a crash left behind as it became a file."""
    is_there = tools.outbox.has(stale.file_name)
    _log.info(
        "message %s was left behind: its file is %s", stale.sending_id, "there" if is_there else "missing"
    )
    _record(tools, stale, Accepted() if is_there else RefusedForNow(), left_as="file")


def _send_taken(tools: OutboundTools, taken: Taken) -> None:
    try:
        facts = tools.database.run(
            partial(
                read_message_facts,
                sending_id=taken.sending_id,
                hotline=tools.hotline,
                asked_within_s=tools.settings.removal_asked_within_s,
                is_practice=tools.is_practice,
                keeps_evidence=tools.settings.evidence_for_police,
                vocabulary=tools.vocabulary,
            )
        )
        if (facts.recipient_contact, facts.recipient_key) != (taken.contact, taken.public_key):
            _record(
                tools, taken, RefusedForNow(), left_as=""
            )  # it was changed since: it is approved anew first
            return
        data = _write(tools, taken, facts)
    except (ServerUnavailableError, StaleStateError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it must end before a person, not be tried blindly
        words = str(error) if isinstance(error, MessageRefusedError) else type(error).__name__
        _log.error("message %s could not be written: %s", taken.sending_id, type(error).__name__)
        _reject(tools, taken, f"it could not be written: {words}")
        return
    digest = hashlib.sha256(data).digest()
    tools.database.run(
        partial(note_handing_over, sending_id=taken.sending_id, started_at=taken.started_at, sha256=digest)
    )
    outcome = _hand_over(tools, taken, data)
    _record(tools, taken, outcome, left_as="mail" if taken.file_name is None else "file")


def _write(tools: OutboundTools, taken: Taken, facts: MessageFacts) -> bytes:
    composed = compose_message(facts)
    check_message(composed)
    if taken.is_package:
        return build_package(facts, composed, tools.signing_key, facts.written_at)
    return build_mail(facts, composed)


def _hand_over(tools: OutboundTools, taken: Taken, data: bytes) -> Outcome:
    if taken.file_name is None:
        if tools.relay is None:
            raise HotlineError("A message was taken for a mail relay that is not there.")
        return tools.relay.send(tools.settings.hotline_mail, taken.contact, data)
    try:
        if not tools.outbox.put(taken.file_name, data):
            _log.info("message %s: its file is there already", taken.sending_id)
    except StorageError as error:
        _log.error("message %s: %s", taken.sending_id, error)
        return RefusedForNow()
    return Accepted()


def _record(tools: OutboundTools, taken: Taken | Stale, outcome: Outcome, *, left_as: str) -> None:
    run, sending_id, started_at = tools.database.run, taken.sending_id, taken.started_at
    now, policy, waits_s = utcnow(), tools.policy, tools.settings.send_waits_s
    if isinstance(outcome, Accepted):
        run(
            lambda conn: record_accepted(
                conn, sending_id, started_at=started_at, left_as=left_as, now=now, policy=policy
            )
        )
    elif isinstance(outcome, RefusedForNow):
        _log.warning("message %s was refused for now: %s", sending_id, outcome.code or "no connection")
        run(
            lambda conn: record_refused_for_now(
                conn, sending_id, started_at=started_at, waits_s=waits_s, now=now, policy=policy
            )
        )
    elif isinstance(outcome, RefusedForGood):
        _reject(tools, taken, f"the mail relay refused it: {outcome.code}")
    elif isinstance(outcome, Unclear):
        _log.warning("message %s: nobody can say whether it left", sending_id)
        run(lambda conn: record_unclear(conn, sending_id, started_at=started_at, reason=SILENCE, now=now))


def _reject(tools: OutboundTools, taken: Taken | Stale, reason: str) -> None:
    tools.database.run(
        partial(
            record_rejected,
            sending_id=taken.sending_id,
            started_at=taken.started_at,
            reason=reason,
            now=utcnow(),
            policy=tools.policy,
        )
    )
