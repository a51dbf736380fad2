"""Tell a reporter who asked for mail, once a day at most, how far the report is. Each word is told once.

1. Take the row when it is due. A word that was being handed over when its process died counts as told.
2. When the receipt tells another word than the reporter knows, store the intent and return what is to be sent. No more
   than so many leave in a day: anybody may type anybody's address. What is over waits for the next morning.
3. Record what became of it: told, to be tried again, or over. With the last word the address is deleted.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from triage.errors import StaleStateError
from triage.rules.due import is_lease_over, next_wait
from triage.rules.receipts import ReceiptStatus, find_last_midnight, find_next_telling, tell_status
from triage.rules.reporter_mail import ADDRESS_KEPT, find_mail_day
from triage.store import reporter_mails
from triage.store.reporter_mails import TELLING_LEASE_S, ReporterMail
from triage.store.rows import Connection

TOLD, REFUSED, EXPIRED = "told", "refused", "expired"


@dataclass(frozen=True, slots=True)
class Telling:
    """A word that is ours to tell.

    Attributes:
        started_at: by which we prove later that it is still ours.
    """

    report_id: UUID
    started_at: datetime
    sealed_address: bytes = field(repr=False)
    language: str
    word: ReceiptStatus


def take_telling(conn: Connection, report_id: UUID, *, most_a_day: int, now: datetime) -> Telling | None:
    """Take what is to be told to one reporter; None when there is nothing to tell now.

    Args:
        most_a_day: mails that may leave in a day, to all reporters together.
    """
    mail = reporter_mails.lock_reporter_mail(conn, report_id)
    if mail is None or mail.next_try_at is None or mail.next_try_at > now or mail.sealed_address is None:
        return None
    if mail.telling is not None and mail.started_at is not None:
        lease = timedelta(seconds=TELLING_LEASE_S)
        if is_lease_over(mail.started_at, mail.started_at + lease, now):
            _go_on(conn, mail, mail.telling, now=now)
        return None
    counts = reporter_mails.count_mailed_items(conn, report_id, before=find_last_midnight(now))
    word = tell_status(counts)
    is_new = word not in (mail.told, ReceiptStatus.RECEIVED)
    if is_new and reporter_mails.count_mail(conn, find_mail_day(now), most=most_a_day):
        reporter_mails.start_telling(conn, report_id, word=word, now=now)
        return Telling(report_id, now, bytes(mail.sealed_address), mail.language, word)
    if now - mail.asked_at > ADDRESS_KEPT:
        reporter_mails.end_telling(conn, report_id, told=mail.told, ended_as=EXPIRED, now=now)
    else:
        _go_on(conn, mail, mail.told, now=now)
    return None


def record_told(conn: Connection, telling: Telling, *, now: datetime) -> None:
    """Record that a word was told, or may have been: it is not told again.

    Raises:
        StaleStateError: somebody else has said what became of it.
    """
    _go_on(conn, _lock_ours(conn, telling), telling.word, now=now)


def record_not_told(conn: Connection, telling: Telling, *, waits_s: tuple[float, ...], now: datetime) -> None:
    """Record that a word did not leave this time; when its waits are used up it is tried the next morning.

    Args:
        waits_s: waits before each new try, in seconds.

    Raises:
        StaleStateError: somebody else has said what became of it.
    """
    mail = _lock_ours(conn, telling)
    reporter_mails.uncount_mail(conn, find_mail_day(telling.started_at))
    if now - mail.asked_at > ADDRESS_KEPT:
        reporter_mails.end_telling(conn, mail.report_id, told=mail.told, ended_as=EXPIRED, now=now)
        return
    wait_s = next_wait(waits_s, mail.tries + 1)
    reporter_mails.look_later(
        conn,
        mail.report_id,
        told=mail.told,
        tries=0 if wait_s is None else mail.tries + 1,
        next_try_at=find_next_telling(now) if wait_s is None else now + timedelta(seconds=wait_s),
    )


def record_refused(conn: Connection, telling: Telling, *, now: datetime) -> None:
    """Record that no mail reaches this address: it is deleted.

    Raises:
        StaleStateError: somebody else has said what became of it.
    """
    mail = _lock_ours(conn, telling)
    reporter_mails.end_telling(conn, mail.report_id, told=mail.told, ended_as=REFUSED, now=now)


def _lock_ours(conn: Connection, telling: Telling) -> ReporterMail:
    mail = reporter_mails.lock_reporter_mail(conn, telling.report_id)
    if mail is None or mail.started_at != telling.started_at:
        raise StaleStateError
    return mail


def _go_on(conn: Connection, mail: ReporterMail, told: ReceiptStatus, *, now: datetime) -> None:
    if told is ReceiptStatus.CLOSED:
        reporter_mails.end_telling(conn, mail.report_id, told=told, ended_as=TOLD, now=now)
        return
    reporter_mails.look_later(conn, mail.report_id, told=told, tries=0, next_try_at=find_next_telling(now))
