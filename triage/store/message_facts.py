"""Reads all that one message may say, in one go, with the rights of the process that sends it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from triage.errors import UnknownThingError
from triage.rules.classification_tables import NO_VOCABULARY, Vocabulary
from triage.rules.message_facts import HotlineFacts, ImageFacts, ItemFacts, MessageFacts
from triage.rules.states import Basis, ItemKind, Remit, SendingKind, SendingPart
from triage.store.classifications import SaidDetail, read_said_details
from triage.store.rows import Connection, row_of

_NO_ANALYST = "A-000000"


@dataclass(frozen=True, slots=True)
class _Head:
    kind: SendingKind
    part: SendingPart
    number: int
    reference: str
    message_id: str
    basis: Basis
    host: str
    is_urgent: bool
    is_held: bool
    written_at: datetime
    recipient_name: str
    recipient_contact: str
    recipient_language: str
    recipient_key: str | None
    first_message_id: str | None
    first_sent_at: datetime | None
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class _ItemRow:
    id: UUID
    reference: str
    kind: ItemKind
    remit: Remit
    url: str | None
    file_name: str | None
    danger: bool
    received_at: datetime
    captured_at: datetime | None
    settled_at: datetime | None
    address: str | None
    asn: int | None
    operator: str | None
    country: str | None
    online_at: datetime | None
    judged_at: datetime | None
    is_illegal_itself: bool
    is_baseline_itself: bool
    is_danger_itself: bool


def read_message_facts(
    conn: Connection,
    sending_id: UUID,
    *,
    hotline: HotlineFacts,
    asked_within_s: float,
    is_practice: bool,
    keeps_evidence: bool = False,
    vocabulary: Vocabulary = NO_VOCABULARY,
) -> MessageFacts:
    """Return the facts of a message; it has a recipient.

    Args:
        hotline: who we are.
        asked_within_s: seconds from when it may leave until the removal that a notice asks for.
        keeps_evidence: whether bytes that are there now are also kept (the setting EVIDENCE_FOR_POLICE).
        vocabulary: INHOPE's schema as far as it is loaded.

    Raises:
        UnknownThingError: there is no such message, or it has no recipient.
    """
    head = _read_head(conn, sending_id)
    rows = _read_items(conn, sending_id)
    ids = [row.id for row in rows]
    images = _read_images(conn, ids, head.basis, head.told_at, keeps_evidence=keeps_evidence)
    said = read_said_details(conn, item_ids=ids)
    told = read_said_details(conn, item_ids=ids, before=head.told_at) if head.told_at else {}
    custody = _read_custody(conn, ids)
    return MessageFacts(
        kind=head.kind,
        part=head.part,
        number=head.number,
        reference=head.reference,
        message_id=head.message_id,
        first_message_id=head.first_message_id,
        basis=head.basis,
        host=head.host,
        is_danger=head.is_urgent or any(row.danger for row in rows),
        is_held=head.is_held,
        recipient_name=head.recipient_name,
        recipient_contact=head.recipient_contact,
        recipient_language=head.recipient_language,
        recipient_key=head.recipient_key,
        written_at=head.written_at,
        asked_until=head.written_at + timedelta(seconds=asked_within_s),
        police_sent_at=_read_police_sent_at(conn, ids),
        first_sent_at=head.first_sent_at,
        last_online_at=max((row.online_at for row in rows if row.online_at), default=None),
        analyst_code=_read_analyst_code(conn, ids),
        items=tuple(
            _make_item(
                row,
                head.basis,
                images.get(row.id, ()),
                custody.get(row.id, ()),
                said.get(row.id),
                told.get(row.id),
            )
            for row in rows
        ),
        hotline=hotline,
        is_practice=is_practice,
        vocabulary=vocabulary,
    )


def _make_item(
    row: _ItemRow,
    basis: Basis,
    images: Sequence[ImageFacts],
    custody: Sequence[str],
    said: SaidDetail | None,
    told: SaidDetail | None,
) -> ItemFacts:
    bases = {image.basis for image in images} | ({Basis.LOOKED} if row.is_illegal_itself else set())
    return ItemFacts(
        reference=row.reference,
        kind=row.kind,
        remit=row.remit,
        url=row.url,
        file_name=row.file_name,
        first_seen_at=row.received_at,
        verified_at=max((at for at in (row.captured_at, row.online_at) if at), default=None),
        address=row.address,
        asn=row.asn,
        operator=row.operator,
        country=row.country,
        is_baseline=row.is_baseline_itself or any(image.baseline for image in images),
        basis=next((one for one in (Basis.LOOKED, Basis.EXACT_HASH) if one in bases), basis),
        images=tuple(images),
        custody=tuple(custody),
        captured_at=row.captured_at,
        settled_at=row.settled_at if row.settled_at else row.judged_at,
        detail=said.settle(row.id) if said is not None and row.is_illegal_itself else None,
        told_detail=told.settle(row.id) if told is not None and row.is_illegal_itself else None,
        is_danger=row.is_danger_itself,
    )


def _read_head(conn: Connection, sending_id: UUID) -> _Head:
    with conn.cursor(row_factory=row_of(_Head)) as cursor:
        head = cursor.execute(
            "SELECT sendings.kind, sendings.part, sendings.number, sendings.reference, sendings.message_id,"
            " sendings.basis, sendings.host, sendings.is_urgent, sendings.is_held,"
            # One that waited long for an approval must not ask for removal by yesterday.
            " GREATEST(sendings.created_at, sendings.queued_at) AS written_at,"
            " recipients.name AS recipient_name, recipients.contact AS recipient_contact,"
            " recipients.language AS recipient_language, recipients.public_key AS recipient_key,"
            " first.message_id AS first_message_id, first.sent_at AS first_sent_at,"
            # What they know is what stood when the message before an update was begun, or a little later.
            " (SELECT max(told.started_at) FROM sendings AS told WHERE sendings.part = 'update'"
            "  AND told.reference = sendings.reference AND told.part IN ('first', 'update')"
            "  AND told.sent_at IS NOT NULL AND told.created_at < sendings.created_at) AS told_at"
            " FROM sendings JOIN recipients ON recipients.id = sendings.recipient_id"
            " LEFT JOIN sendings AS first ON first.reference = sendings.reference AND first.part = 'first'"
            "  AND first.id <> sendings.id"
            " WHERE sendings.id = %(id)s",
            {"id": sending_id},
        ).fetchone()
    if head is None:
        raise UnknownThingError("There is no message of that id that has a recipient.")
    return head


def _read_items(conn: Connection, sending_id: UUID) -> list[_ItemRow]:
    with conn.cursor(row_factory=row_of(_ItemRow)) as cursor:
        return cursor.execute(
            "SELECT items.id, items.reference, items.kind, items.remit, items.url, items.file_name, items.danger,"
            " items.received_at, items.captured_at, items.settled_at, hosting.address, hosting.asn,"
            " hosting.operator, hosting.country, checks.online_at, said.judged_at,"
            " COALESCE(said.is_illegal, false) AS is_illegal_itself,"
            " COALESCE(said.is_baseline, false) AS is_baseline_itself, COALESCE(said.danger, false) AS is_danger_itself"
            " FROM sending_items JOIN items ON items.id = sending_items.item_id"
            " LEFT JOIN LATERAL ("
            "  SELECT host(hostings.address) AS address, hostings.asn, hostings.operator, hostings.country"
            "  FROM hostings WHERE hostings.item_id = items.id"
            "  AND (hostings.agreement = 'agreed' OR hostings.decided_by IS NOT NULL)"
            "  ORDER BY hostings.located_at DESC, hostings.id DESC LIMIT 1) AS hosting ON true"
            " LEFT JOIN LATERAL ("
            "  SELECT max(checked_at) AS online_at FROM online_checks"
            "  WHERE online_checks.item_id = items.id AND result = 'online') AS checks ON true"
            " LEFT JOIN LATERAL ("
            "  SELECT max(assessed_at) AS judged_at, bool_or(national = 'illegal') AS is_illegal,"
            "  bool_or(national = 'illegal' AND baseline) AS is_baseline,"
            "  bool_or(national = 'illegal' AND danger) AS danger FROM assessments"
            "  WHERE assessments.item_id = items.id AND assessments.round = items.round) AS said ON true"
            " WHERE sending_items.sending_id = %(id)s ORDER BY items.received_at, items.id",
            {"id": sending_id},
        ).fetchall()


def _read_images(
    conn: Connection, ids: list[UUID], basis: Basis, told_at: datetime | None, *, keeps_evidence: bool
) -> dict[UUID, list[ImageFacts]]:
    """Return the images that each item shows now, a page those of its pictures too.

    Of a message that stands on facts alone these are the ones that nobody could look at, of all others the
    ones that are illegal: settled so, or by the word of a first assessor whose second is to come.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "WITH shown AS ("
            " SELECT shown_images.item_id, shown_images.image_id FROM shown_images"
            "  WHERE shown_images.item_id = ANY(%(ids)s)"
            " UNION SELECT shown_children.parent_id, shown_images.image_id FROM shown_children"
            "  JOIN shown_images ON shown_images.item_id = shown_children.child_id"
            "  WHERE shown_children.parent_id = ANY(%(ids)s))"
            " SELECT shown.item_id, images.id, encode(images.sha256, 'hex') AS sha256, images.media, images.bytes,"
            " images.verdict, images.verdict_baseline, images.verdict_basis, images.settled_at, said.assessed_at,"
            " said.baseline, said.basis, said.danger, prints.sha1, prints.md5, prints.pdq,"
            " EXISTS (SELECT FROM evidence_objects WHERE evidence_objects.image_id = images.id"
            "  AND evidence_objects.kind = 'bytes') AS has_bytes"
            " FROM shown JOIN images ON images.id = shown.image_id"
            " LEFT JOIN LATERAL ("
            "  SELECT max(assessed_at) AS assessed_at, bool_or(national = 'illegal') AS is_illegal,"
            "  bool_or(assessments.baseline) FILTER (WHERE national = 'illegal') AS baseline,"
            "  max(assessments.basis) FILTER (WHERE national = 'illegal') AS basis,"
            "  COALESCE(bool_or(danger) FILTER (WHERE national = 'illegal'), false) AS danger FROM assessments"
            "  WHERE assessments.image_id = images.id AND assessments.round = images.round) AS said ON true"
            " LEFT JOIN LATERAL ("
            "  SELECT max(encode(value, 'hex')) FILTER (WHERE algorithm = 'sha1') AS sha1,"
            "  max(encode(value, 'hex')) FILTER (WHERE algorithm = 'md5') AS md5,"
            "  max(encode(value, 'hex')) FILTER (WHERE algorithm = 'pdq') AS pdq FROM fingerprints"
            "  WHERE fingerprints.image_id = images.id AND frame = 0"
            "  AND orientation IN ('bytes', 'r0')) AS prints ON true"
            " WHERE images.verdict = 'illegal' OR (images.state = 'judged_once' AND said.is_illegal)"
            "  OR (%(facts)s AND COALESCE(images.verdict NOT IN ('illegal', 'not_illegal', 'out_of_scope'), true))"
            " ORDER BY shown.item_id, images.sha256",
            {"ids": ids, "facts": basis == Basis.FACTS},
        ).fetchall()
    shown = [row["id"] for row in rows]
    lists, said = _read_lists(conn, shown), read_said_details(conn, image_ids=shown)
    told = read_said_details(conn, image_ids=shown, before=told_at) if told_at else {}
    found: dict[UUID, list[ImageFacts]] = {}
    for row in rows:
        image = _make_image(
            row,
            basis,
            lists.get(row["id"], ()),
            said.get(row["id"]),
            told.get(row["id"]),
            keeps_evidence=keeps_evidence,
        )
        found.setdefault(row["item_id"], []).append(image)
    return found


def _make_image(
    row: dict[str, Any],
    basis: Basis,
    lists: Sequence[str],
    said: SaidDetail | None,
    told: SaidDetail | None,
    *,
    keeps_evidence: bool,
) -> ImageFacts:
    is_illegal = row["verdict"] == "illegal"
    return ImageFacts(
        sha256=row["sha256"],
        sha1=row["sha1"],
        md5=row["md5"],
        pdq=row["pdq"],
        media=row["media"],
        bytes=row["bytes"],
        baseline=row["verdict_baseline"] if is_illegal else row["baseline"],
        basis=Basis((row["verdict_basis"] if is_illegal else row["basis"]) or basis),
        settled_at=row["settled_at"] if is_illegal else None,
        lists=tuple(lists),
        is_kept=keeps_evidence and row["has_bytes"],
        assessed_at=row["assessed_at"],
        detail=None if said is None else said.settle(row["item_id"]),
        told_detail=None if told is None else told.settle(row["item_id"]),
        is_danger=row["danger"],
    )


def _read_lists(conn: Connection, image_ids: list[UUID]) -> dict[UUID, list[str]]:
    """Return the trusted sets that hold the exact digest of each image, by today's lists."""
    rows = conn.execute(
        "SELECT DISTINCT live_matches.image_id, hash_sets.name FROM live_matches"
        " JOIN hash_entries ON hash_entries.id = live_matches.entry_id"
        " JOIN hash_sets ON hash_sets.id = hash_entries.set_id"
        " WHERE live_matches.image_id = ANY(%(ids)s) AND is_trusted ORDER BY live_matches.image_id, hash_sets.name",
        {"ids": image_ids},
    ).fetchall()
    found: dict[UUID, list[str]] = {}
    for image_id, name in rows:
        found.setdefault(image_id, []).append(name)
    return found


def _read_police_sent_at(conn: Connection, ids: list[UUID]) -> datetime | None:
    """Return when the police had been told of the last of these items; None while they lack one of them."""
    row = conn.execute(
        "SELECT CASE WHEN bool_and(told.at IS NOT NULL) THEN max(told.at) END"
        " FROM unnest(%(ids)s::uuid[]) AS wanted (id) LEFT JOIN LATERAL ("
        "  SELECT max(sendings.sent_at) AS at FROM sending_items"
        "  JOIN sendings ON sendings.id = sending_items.sending_id"
        "  WHERE sending_items.item_id = wanted.id AND sendings.kind = 'police' AND sendings.part = 'first'"
        "  AND sendings.state IN ('sent', 'acknowledged', 'resolved')) AS told ON true",
        {"ids": ids},
    ).fetchone()
    return row[0] if row else None


def _read_analyst_code(conn: Connection, ids: list[UUID]) -> str:
    """Return a code that stands for the first who judged any of this; the same person always has the same."""
    row = conn.execute(
        "SELECT person_id FROM assessments WHERE item_id = ANY(%(ids)s) OR image_id IN ("
        "  SELECT image_id FROM shown_images WHERE item_id = ANY(%(ids)s)"
        "  UNION SELECT image_id FROM shown_images JOIN shown_children"
        "   ON shown_children.child_id = shown_images.item_id WHERE shown_children.parent_id = ANY(%(ids)s))"
        " ORDER BY round DESC, assessed_at, id LIMIT 1",
        {"ids": ids},
    ).fetchone()
    if row is None:
        return _NO_ANALYST
    return "A-" + hashlib.sha256(str(row[0]).encode()).hexdigest()[:6]


def _read_custody(conn: Connection, ids: list[UUID]) -> dict[UUID, list[str]]:
    rows = conn.execute(
        "SELECT stream, record FROM custody_events WHERE stream = ANY(%(streams)s) ORDER BY stream, seq",
        {"streams": [f"item/{item_id}" for item_id in ids]},
    ).fetchall()
    found: dict[UUID, list[str]] = {}
    for stream, record in rows:
        found.setdefault(UUID(stream.removeprefix("item/")), []).append(record)
    return found
