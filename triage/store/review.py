"""What the review page shows of one item: reports, captures, pictures, matches, assessments. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hashsets.model import EntryClass, HitKind
from triage.model import Channel, Item, Media
from triage.rules.assessing import NationalVerdict, Place, ReasonCode
from triage.rules.states import Basis, CaptureOutcome, ClosedAs, ImageState, ItemState, Remit
from triage.store.rows import Connection, row_of

LAST_CAPTURES = 10
EARLIER_ITEMS = 5


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """A line of a report that is no web address."""

    report_id: UUID
    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReportWords:
    """What one reporter said."""

    id: UUID
    reference: str
    channel: Channel
    remit: Remit
    danger: bool
    is_low: bool
    note: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class CaptureFound:
    """One attempt to fetch an item, and what answered."""

    started_at: datetime
    outcome: CaptureOutcome | None
    reason: str | None
    status: int | None
    address: str | None
    final_url: str | None
    content_type: str | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Picture:
    """One distinct picture that an item or its page shows now, as one person may see it.

    Attributes:
        item_id, reference, url, item_state, closed_as: of the item whose own picture it is.
        nearest: bits to the nearest listed picture, None without one.
        looks: how often this person asked to see it in this round.
        seen_ms: how long this person saw it in this round, as far as it is counted.
        has_looked, has_judged: whether this person did, in this round.
        has_sheet: whether the frames of an animation are kept side by side.
    """

    item_id: UUID
    reference: str
    url: str | None
    item_state: ItemState
    closed_as: ClosedAs | None
    image_id: UUID
    state: ImageState
    round: int
    media: Media
    can_be_shown: bool
    finding: str | None
    verdict: NationalVerdict | None
    verdict_baseline: bool | None
    verdict_basis: Basis | None
    is_known_by_list: bool
    nearest: int | None
    has_views: bool
    has_thumb: bool
    has_sheet: bool
    looks: int
    seen_ms: int
    has_looked: bool
    has_judged: bool


@dataclass(frozen=True, slots=True)
class BareChild:
    """A picture's item of a page that shows no file: not captured yet, or it could not be fetched."""

    id: UUID
    reference: str
    url: str | None
    state: ItemState
    reason: str | None
    closed_as: ClosedAs | None


@dataclass(frozen=True, slots=True)
class EarlierItem:
    """Another item of the same host; where it stands is on its own page."""

    id: UUID
    reference: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class MatchFound:
    """A match of a picture with an entry of a hash set that is neither withdrawn nor disputed.

    Attributes:
        is_contested: another list says the opposite of the same bytes; advisory at most.
        is_negative: the set lists harmless files.
        is_silenced: such a set has the same picture, so that this near hit does not count.
    """

    image_id: UUID
    set_name: str
    entry_class: EntryClass
    raw_scheme: str
    raw_value: str
    kind: HitKind
    distance: int
    is_trusted: bool
    is_contested: bool
    is_negative: bool
    is_silenced: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What one person said of a picture or item in its present round."""

    image_id: UUID | None
    place: Place
    name: str
    label: int
    danger: bool
    police_hold: bool
    reason: str
    reason_code: ReasonCode | None
    basis: Basis
    assessed_at: datetime


def read_item(conn: Connection, item_id: UUID) -> Item | None:
    """Return an item as it stands."""
    with conn.cursor(row_factory=row_of(Item)) as cursor:
        return cursor.execute(
            "SELECT id, reference, kind, state, remit, url, file_name, is_top_level, danger, base_lane, lane,"
            " reason, closed_as, received_at, captured_at, tries, next_try_at, round, settled_at, asked_exit,"
            " has_turn, is_low"
            " FROM items"
            " WHERE id = %(id)s",
            {"id": item_id},
        ).fetchone()


def read_reports(conn: Connection, item_id: UUID) -> list[ReportWords]:
    """Return the reports of an item, oldest first; those of its pages if nobody reported it itself."""
    with conn.cursor(row_factory=row_of(ReportWords)) as cursor:
        return cursor.execute(
            "SELECT DISTINCT reports.id, reference, channel, remit, danger, is_low, note, received_at"
            " FROM reports"
            " JOIN report_items ON report_id = reports.id WHERE item_id = ANY(CASE"
            "  WHEN EXISTS (SELECT FROM report_items AS own WHERE own.item_id = %(id)s) THEN ARRAY[%(id)s::uuid]"
            "  ELSE ARRAY(SELECT parent_id FROM shown_children WHERE child_id = %(id)s) END)"
            " ORDER BY received_at, reports.id",
            {"id": item_id},
        ).fetchall()


def read_unreadable(conn: Connection, report_ids: Sequence[UUID]) -> list[UnreadableLine]:
    """Return the unreadable lines of reports, in their order."""
    with conn.cursor(row_factory=row_of(UnreadableLine)) as cursor:
        return cursor.execute(
            "SELECT report_id, line, text, reason FROM report_unreadable_lines WHERE report_id = ANY(%(ids)s)"
            " ORDER BY report_id, line",
            {"ids": list(report_ids)},
        ).fetchall()


def read_captures(conn: Connection, item_id: UUID) -> list[CaptureFound]:
    """Return the last captures of an item, newest first."""
    with conn.cursor(row_factory=row_of(CaptureFound)) as cursor:
        return cursor.execute(
            "SELECT started_at, outcome, reason, status,"
            " jsonb_path_query_array(hops, '$[*] ? (!(@.led_by == \"frame\"))') -> -1 ->> 'address' AS address,"
            " final_url, content_type, bytes FROM captures WHERE item_id = %(id)s ORDER BY started_at DESC, id DESC"
            " LIMIT %(limit)s",
            {"id": item_id, "limit": LAST_CAPTURES},
        ).fetchall()


def read_pictures(conn: Connection, item_id: UUID, person_id: UUID) -> list[Picture]:
    """Return the distinct pictures that an item shows now, itself or by its page, in their order on it.

    Those of a page that are too small to be anything are left out. Of a picture that several items of a page show, one
    is named in which it waits, if there is any; of one that was judged once none by what became of it.
    """
    with conn.cursor(row_factory=row_of(Picture)) as cursor:
        return cursor.execute(
            "WITH shown AS (SELECT DISTINCT ON (image_id) image_id, family.item_id,"
            "  min(place) OVER (PARTITION BY image_id) AS place FROM ("
            "  SELECT %(id)s::uuid AS item_id, -1 AS place"
            "  UNION ALL SELECT child_id, place FROM shown_children JOIN items ON items.id = child_id"
            "   WHERE parent_id = %(id)s AND items.closed_as IS DISTINCT FROM 'too_small') AS family"
            "  JOIN shown_images ON shown_images.item_id = family.item_id"
            "  JOIN items ON items.id = family.item_id JOIN images ON images.id = image_id"
            "  ORDER BY image_id, images.state IN ('unjudged', 'disputed')"
            "   AND items.state NOT IN ('awaiting_assessment', 'awaiting_lead'),"
            "  items.state = 'received' OR items.closed_as IS NOT DISTINCT FROM 'not_judged',"
            "  family.place, family.item_id)"
            " SELECT shown.item_id, items.reference, items.url, items.state AS item_state, items.closed_as,"
            " images.id AS image_id, images.state, images.round, images.media, images.can_be_shown,"
            " images.finding, images.verdict, images.verdict_baseline, images.verdict_basis,"
            " EXISTS (SELECT FROM live_matches WHERE live_matches.image_id = images.id AND is_trusted)"
            "  AS is_known_by_list,"
            " (SELECT min(distance) FROM live_matches WHERE live_matches.image_id = images.id"
            "  AND kind = 'near') AS nearest,"
            " EXISTS (SELECT FROM evidence_objects WHERE evidence_objects.image_id = images.id"
            "  AND kind <> 'bytes') AS has_views,"
            " EXISTS (SELECT FROM evidence_objects WHERE evidence_objects.image_id = images.id"
            "  AND kind = 'thumb') AS has_thumb,"
            " EXISTS (SELECT FROM evidence_objects WHERE evidence_objects.image_id = images.id"
            "  AND kind = 'sheet') AS has_sheet,"
            " mine.looks, mine.seen_ms, mine.has_looked,"
            " EXISTS (SELECT FROM assessments WHERE assessments.image_id = images.id"
            "  AND assessments.round = images.round AND person_id = %(person)s) AS has_judged"
            " FROM shown JOIN images ON images.id = shown.image_id JOIN items ON items.id = shown.item_id"
            " LEFT JOIN LATERAL (SELECT count(*) AS looks, count(fetched_at) > 0 AS has_looked,"
            "  coalesce(sum(shown_ms), 0)::integer AS seen_ms FROM looks"
            "  WHERE looks.image_id = images.id AND looks.round = images.round"
            "  AND looks.person_id = %(person)s) AS mine ON true"
            " ORDER BY shown.place, images.id",
            {"id": item_id, "person": person_id},
        ).fetchall()


def read_bare_children(conn: Connection, item_id: UUID) -> list[BareChild]:
    """Return the pictures' items of a page that show no file now, in their order on it."""
    with conn.cursor(row_factory=row_of(BareChild)) as cursor:
        return cursor.execute(
            "SELECT items.id, items.reference, items.url, items.state, items.reason, items.closed_as"
            " FROM shown_children JOIN items ON items.id = child_id WHERE parent_id = %(id)s"
            " AND NOT EXISTS (SELECT FROM shown_images WHERE shown_images.item_id = items.id)"
            " ORDER BY place, items.id",
            {"id": item_id},
        ).fetchall()


def read_matches(conn: Connection, image_ids: Sequence[UUID]) -> list[MatchFound]:
    """Return what these images match today, also what does not count: trusted ones first, then the nearest."""
    with conn.cursor(row_factory=row_of(MatchFound)) as cursor:
        return cursor.execute(
            "SELECT image_id, hash_sets.name AS set_name, hash_entries.class AS entry_class,"
            " hash_entries.raw_scheme, hash_entries.raw_value, present_matches.kind, min(distance) AS distance,"
            " bool_or(is_trusted) AS is_trusted, bool_or(present_matches.is_contested) AS is_contested,"
            " bool_or(present_matches.is_negative) AS is_negative, bool_and(is_silenced) AS is_silenced"
            " FROM present_matches JOIN hash_entries ON hash_entries.id = entry_id"
            " JOIN hash_sets ON hash_sets.id = hash_entries.set_id WHERE image_id = ANY(%(ids)s)"
            " GROUP BY image_id, hash_sets.name, hash_entries.id, hash_entries.class, hash_entries.raw_scheme,"
            " hash_entries.raw_value, present_matches.kind"
            " ORDER BY image_id, bool_or(is_trusted) DESC, min(distance), hash_sets.name, hash_entries.id",
            {"ids": list(image_ids)},
        ).fetchall()


def read_said(conn: Connection, item_id: UUID, image_ids: Sequence[UUID]) -> list[Said]:
    """Return all that was said of an item and of these images in their present rounds, oldest first."""
    with conn.cursor(row_factory=row_of(Said)) as cursor:
        return cursor.execute(
            "SELECT image_id, place, persons.name, label, assessments.danger, police_hold,"
            " assessments.reason, reason_code, basis, assessed_at FROM assessments"
            " JOIN persons ON persons.id = person_id"
            " LEFT JOIN images ON images.id = image_id LEFT JOIN items ON items.id = item_id"
            " WHERE image_id = ANY(%(ids)s) AND assessments.round = images.round"
            " OR item_id = %(id)s AND assessments.round = items.round ORDER BY assessed_at, assessments.id",
            {"id": item_id, "ids": list(image_ids)},
        ).fetchall()


def count_looks(conn: Connection, image_id: UUID, person_id: UUID) -> int:
    """Return how often a person asked to see an image in its present round."""
    row = conn.execute(
        "SELECT count(*) FROM looks JOIN images ON images.id = image_id AND images.round = looks.round"
        " WHERE image_id = %(image)s AND person_id = %(person)s",
        {"image": image_id, "person": person_id},
    ).fetchone()
    return int(row[0]) if row else 0


def read_earlier(conn: Connection, item_id: UUID) -> list[EarlierItem]:
    """Return the last items of the same host that came in before an item, newest first."""
    with conn.cursor(row_factory=row_of(EarlierItem)) as cursor:
        return cursor.execute(
            "SELECT others.id, others.reference, others.received_at FROM items CROSS JOIN LATERAL ("
            "  SELECT id, reference, received_at FROM items AS before WHERE before.url_host = items.url_host"
            "   AND before.id < items.id AND before.is_top_level ORDER BY before.id DESC LIMIT %(limit)s) AS others"
            " WHERE items.id = %(id)s ORDER BY others.id DESC",
            {"id": item_id, "limit": EARLIER_ITEMS},
        ).fetchall()
