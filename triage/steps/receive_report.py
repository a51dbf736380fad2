"""Receive a report: store it, its readable lines as items, its unreadable lines as they are.

1. Lines are brought to their normal form first; unreadable ones are kept with a reason.
2. A repeated request (same token, same idempotency key, same body) gets the same answer and stores nothing.
3. New URLs become items; an item that stands already is reopened as the tables of states say, or only gets
   the report added. Known and unknown URLs take the same way and give the same answer.
4. A report of another remit is never fetched: its items wait to be handed on.
5. A report with neither URL nor file has one text item.
6. What the words of its note speak of is told here, once; the score counts it and reads no note.
7. What a reporter says of themself, and where they want mail, is kept apart from all that.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from triage.errors import IdempotencyConflictError, InvalidReportError, InvalidUrlError
from triage.ids import format_receipt, new_id, new_reference
from triage.model import Channel
from triage.rules.admission import Admission, admit_again
from triage.rules.due import FIRST_OF_MANY
from triage.rules.flags import note_flags
from triage.rules.lanes import OUT_OF_REMIT, TEXT_ONLY
from triage.rules.receipts import find_next_telling, read_receipt
from triage.rules.reporter import ReporterFacts
from triage.rules.states import ItemKind, ItemState, Lane, Remit
from triage.rules.urls import NormalUrl, normalise_url
from triage.store import captures, custody, items, reporter_mails, reports, upload_holds
from triage.store.custody import NewEvent, stream_of
from triage.store.items import NewItem
from triage.store.reports import ReportRow
from triage.store.rows import Connection

MAX_NOTE = 20_000
MAX_LINE = 4096
REPORT_PREFIX = "R"
_UNFIT = re.compile("[\x00\ud800-\udfff]")  # what PostgreSQL's text cannot hold


@dataclass(frozen=True, slots=True)
class SealedUpload:
    """A file that came with a report, already sealed in the intake area under `name`."""

    name: str
    file_name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class IncomingReport:
    """A report as it came.

    Attributes:
        actor: who brought it, for the custody streams: public, cli or token/UUID.
        lines: the reporter's lines, one address each, unread.
        idempotency_key: only with a token; `body_digest` (32 bytes) names what came with it.
        form_digest: of a public form with all that was in it, 32 bytes; the same form twice is one report.
        is_low: whether it waits behind all others.
        facts: what the reporter said of themself.
        sealed_address: where they want mail, sealed to the outbound process; `language` is theirs (sq, en).
        hold_id: what was held for its files while they came (`store/upload_holds.py`); ended as they are stored.
        id: of this report; storing the same report once more changes nothing.
    """

    channel: Channel
    actor: str
    remit: Remit
    lines: Sequence[str] = ()
    uploads: Sequence[SealedUpload] = ()
    note: str = ""
    danger: bool = False
    token_id: UUID | None = None
    idempotency_key: str | None = None
    body_digest: bytes | None = None
    form_digest: bytes | None = None
    is_low: bool = False
    facts: ReporterFacts = field(default_factory=ReporterFacts)
    sealed_address: bytes | None = field(default=None, repr=False)
    language: str = "sq"
    hold_id: UUID | None = None
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is not a web address: its number from 1, its text and the reason in words."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """All that a reporter learns: the receipt and which lines could not be read.

    `is_repeat` is for our own caller: nothing was stored, so its sealed uploads are to be deleted.
    """

    receipt: str
    unreadable: tuple[Unreadable, ...]
    is_repeat: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What of the settings this step needs."""

    max_urls: int
    recapture_after_s: float


def digest_receipt(receipt: str, receipt_key: bytes) -> bytes:
    """Return the keyed HMAC by which a receipt is stored (SHA-256, 32 bytes); dashes and case do not count."""
    plain = read_receipt(receipt).encode("utf-8", "surrogatepass")
    return hmac.new(receipt_key, b"receipt " + plain, hashlib.sha256).digest()


def _make_receipt(report: IncomingReport, receipt_key: bytes) -> str:
    seed = f"report {report.id}".encode()
    if report.form_digest is not None:
        seed = b"form " + report.form_digest
    if report.idempotency_key is not None:
        seed = f"repeat {report.token_id} {report.idempotency_key} ".encode() + (report.body_digest or b"")
    return format_receipt(hmac.new(receipt_key, seed, hashlib.sha256).digest()[:8])


def read_lines(lines: Iterable[str]) -> tuple[list[tuple[int, NormalUrl]], list[Unreadable]]:
    """Read each line as an address; blank lines are passed over but counted."""
    good: list[tuple[int, NormalUrl]] = []
    bad: list[Unreadable] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        try:
            if len(text) > MAX_LINE:
                raise InvalidUrlError("the line is too long")
            good.append((number, normalise_url(text)))
        except InvalidUrlError as error:
            bad.append(Unreadable(number, text[:MAX_LINE], str(error)))
    return good, bad


def check_report(report: IncomingReport, limits: Limits) -> None:
    """Refuse what cannot be a report at all.

    Raises:
        InvalidReportError: nothing in it, too many lines, or a note that is too long.
    """
    filled = [line for line in report.lines if line.strip()]
    if len(filled) > limits.max_urls:
        raise InvalidReportError(f"A report may hold at most {limits.max_urls} addresses.")
    if len(report.note) > MAX_NOTE:
        raise InvalidReportError(f"A note may have at most {MAX_NOTE} characters.")
    if not filled and not report.uploads and not report.note.strip():
        raise InvalidReportError("There is nothing in this report: no address, no file, no note.")
    if _UNFIT.search(report.note) or any(_UNFIT.search(line) for line in filled):
        raise InvalidReportError("The report holds a character that no text may hold.")


def receive_report(
    conn: Connection, report: IncomingReport, *, now: datetime, receipt_key: bytes, limits: Limits
) -> Answer:
    """Store a report and what it names.

    Args:
        conn: a connection with the public role (or one that may do the same).
        report: what came.
        now: aware time of arrival.
        receipt_key: key of the receipts, at least 32 bytes.

    Raises:
        InvalidReportError: it cannot be a report.
        IdempotencyConflictError: this key came before with another body.
    """
    check_report(report, limits)
    good, bad = read_lines(report.lines)
    if not good and not report.uploads and not report.note.strip():
        raise InvalidReportError(
            f"No line of this report is a web address; line {bad[0].line}: {bad[0].reason}."
        )
    receipt = _make_receipt(report, receipt_key)
    if report.idempotency_key is not None and report.token_id is not None:
        earlier = reports.find_earlier_report(conn, report.token_id, report.idempotency_key)
        if earlier is not None:
            if bytes(earlier.body_digest) != report.body_digest:
                raise IdempotencyConflictError
            return Answer(receipt, tuple(bad), is_repeat=earlier.id != report.id)
    receipt_hmac = digest_receipt(receipt, receipt_key)
    stored_id = reports.find_by_receipt(conn, receipt_hmac)
    if (
        stored_id is not None
    ):  # the same form again; or a connection was lost at the commit, which had taken place
        return Answer(receipt, tuple(bad), is_repeat=stored_id != report.id)
    row = ReportRow(
        id=report.id,
        reference=new_reference(REPORT_PREFIX),
        channel=report.channel,
        token_id=report.token_id,
        remit=report.remit,
        danger=report.danger,
        note=report.note,
        note_flags=sorted(note_flags([report.note])),
        receipt_hmac=receipt_hmac,
        idempotency_key=report.idempotency_key,
        body_digest=report.body_digest,
        is_low=report.is_low,
        received_at=now,
    )
    reports.insert_report(conn, row)
    _store_reporter(conn, report, now=now)
    reports.insert_unreadable_lines(conn, row.id, [(line.line, line.text, line.reason) for line in bad])
    body = {"channel": report.channel.value} | ({"lane": "low"} if report.is_low else {})
    events = [NewEvent(stream_of("report", row.id), "received", body)]
    places = _store_urls(conn, report, good, events, now=now, limits=limits)
    places += _store_uploads(conn, report, events, now=now)
    if not places:
        places += _store_text(conn, report, events, now=now)
    reports.link_items(conn, row.id, places)
    custody.append(
        conn,
        [*events, *(_named_in(row.id, item_id) for item_id in dict.fromkeys(item for item, _ in places))],
        actor=report.actor,
        now=now,
    )
    return Answer(receipt, tuple(bad), is_repeat=False)


def _store_reporter(conn: Connection, report: IncomingReport, *, now: datetime) -> None:
    if not report.facts.is_empty:
        reports.insert_reporter_facts(conn, report.id, report.facts)
    if report.sealed_address is not None:
        reporter_mails.insert_reporter_mail(
            conn,
            report.id,
            sealed_address=report.sealed_address,
            language=report.language,
            now=now,
            next_try_at=find_next_telling(now),
        )


def _named_in(report_id: UUID, item_id: UUID) -> NewEvent:
    return NewEvent(stream_of("item", item_id), "reported", {"report": str(report_id)})


def _waiting_state(remit: Remit) -> tuple[ItemState, Lane | None, str | None]:
    if remit.is_ours:
        return ItemState.RECEIVED, None, None
    return ItemState.AWAITING_HAND_ON, Lane.HAND_ON, OUT_OF_REMIT


def _arrival_events(item_id: UUID, report: IncomingReport, kind: ItemKind) -> list[NewEvent]:
    stream = stream_of("item", item_id)
    events = [NewEvent(stream, "received", {"kind": kind.value, "remit": report.remit.value})]
    if not report.remit.is_ours:
        events.append(NewEvent(stream, "out_of_remit"))
    elif kind is ItemKind.TEXT:
        events.append(NewEvent(stream, "text_only"))
    return events


def _store_urls(
    conn: Connection,
    report: IncomingReport,
    good: Sequence[tuple[int, NormalUrl]],
    events: list[NewEvent],
    *,
    now: datetime,
    limits: Limits,
) -> list[tuple[UUID, int]]:
    line_of: dict[bytes, int] = {}
    wanted: dict[bytes, NormalUrl] = {}
    for line, normal in good:
        key = bytes.fromhex(normal.key)
        wanted.setdefault(key, normal)
        line_of.setdefault(key, line)
    if not wanted:
        return []
    state, lane, reason = _waiting_state(report.remit)
    stored = items.insert_items(
        conn,
        [
            NewItem(
                kind=ItemKind.URL,
                state=state,
                remit=report.remit,
                danger=report.danger,
                is_top_level=True,
                url=normal.url,
                url_key=key,
                lane=lane,
                reason=reason,
                is_patient=place >= FIRST_OF_MANY,
                is_low=report.is_low,
            )
            for place, (key, normal) in enumerate(wanted.items())
        ],
        now=now,
    )
    fresh = {key: item_id for item_id, key in stored if key is not None}
    for item_id in fresh.values():
        events.extend(_arrival_events(item_id, report, ItemKind.URL))
    standing = items.lock_standing_items(conn, [key for key in wanted if key not in fresh])
    found: dict[Admission, list[UUID]] = {admission: [] for admission in Admission}
    for item in standing:
        admission = admit_again(
            item.state,
            report.remit,
            item.captured_at,
            item.closed_as,
            danger=report.danger,
            now=now,
            recapture_after_s=limits.recapture_after_s,
        )
        found[admission].append(item.id)
    for admission in (Admission.REPORTED_AGAIN, Admission.REPORTED_IN_REMIT):
        items.report_again(
            conn,
            found[admission],
            event=admission.value,
            remit=report.remit,
            now=now,
            is_low=report.is_low,
        )
        events.extend(NewEvent(stream_of("item", item_id), admission.value) for item_id in found[admission])
    items.raise_to_top(conn, [item.id for item in standing], danger=report.danger, is_low=report.is_low)
    places = {**fresh, **{bytes(item.url_key): item.id for item in standing if item.url_key}}
    return [(places[key], line_of[key]) for key in wanted]


def _store_uploads(
    conn: Connection, report: IncomingReport, events: list[NewEvent], *, now: datetime
) -> list[tuple[UUID, int]]:
    state, lane, reason = _waiting_state(report.remit)
    places = []
    for upload in report.uploads:
        new = NewItem(
            kind=ItemKind.UPLOAD,
            state=state,
            remit=report.remit,
            danger=report.danger,
            is_top_level=True,
            file_name=_UNFIT.sub("", upload.file_name)[:255],
            lane=lane,
            reason=reason,
            is_low=report.is_low,
        )
        ((item_id, _),) = items.insert_items(conn, [new], now=now)
        captures.insert_intake_object(conn, upload.name, item_id, upload.bytes, now=now)
        events.extend(_arrival_events(item_id, report, ItemKind.UPLOAD))
        places.append((item_id, 0))
    if report.hold_id is not None:
        upload_holds.end_hold(conn, report.hold_id)  # from here on the stored ones count
    return places


def _store_text(
    conn: Connection, report: IncomingReport, events: list[NewEvent], *, now: datetime
) -> list[tuple[UUID, int]]:
    state, lane, reason = ItemState.AWAITING_ASSESSMENT, Lane.LOOK, TEXT_ONLY
    if not report.remit.is_ours:
        state, lane, reason = ItemState.AWAITING_HAND_ON, Lane.HAND_ON, OUT_OF_REMIT
    new = NewItem(
        kind=ItemKind.TEXT,
        state=state,
        remit=report.remit,
        danger=report.danger,
        is_top_level=True,
        lane=lane,
        reason=reason,
        is_low=report.is_low,
    )
    ((item_id, _),) = items.insert_items(conn, [new], now=now)
    events.extend(_arrival_events(item_id, report, ItemKind.TEXT))
    return [(item_id, 0)]
