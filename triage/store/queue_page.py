"""What the queue shows of one lane, for one person. Reads only.

The second lane is blind: it does not list to a person what that person judged first, and nothing that the first
assessor said (not even that a child may be at risk) is read for it. A desk that acts on one assessor finds there
also what was acted on already and still shows a picture that was judged once. In every other lane the same holds for
an item of which this person could be the second.

Each page is read by an index; a filter looks through a bounded number of items, and goes on from there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from triage.rules.priority import Part
from triage.rules.queue_filter import QueueFilter
from triage.rules.states import ItemKind, ItemState, Lane
from triage.store.hand_overs import HandOver, list_handed_over
from triage.store.rows import Connection, row_of

PAGE_SIZE = 50
LOOKED_THROUGH = 5000
"""Items that a filter looks through for one page."""


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One item as the queue lists it to one person.

    Attributes:
        reason: why it waits, in words; None for what was acted on already, and where it would tell the second how much.
        is_urgent: a child may be at risk; where this person could be the second, only if a report says so.
        is_low: every report of it looks like a machine's work; it stands last.
        is_blind: this person could be the second assessor of it.
        score, parts: as this person may know them.
        note_flags: what the notes of its reports speak of.
        pictures, known: distinct pictures of it and of its page, and how many of them are known.
        since: when its clock began.
        held_by, held_since: who has it open, and since when.
        is_own: this person has it open.
    """

    id: UUID
    reference: str
    kind: ItemKind
    url: str | None
    file_name: str | None
    state: ItemState
    lane: Lane | None
    reason: str | None
    is_urgent: bool
    is_low: bool
    is_blind: bool
    score: int
    parts: dict[str, int]
    note_flags: list[str]
    host: str | None
    country: str | None
    pictures: int
    known: int
    reports: int
    received_at: datetime
    since: datetime
    held_by: str | None
    held_since: datetime | None
    is_own: bool

    def has(self, part: Part) -> bool:
        """Whether a part of the score is there."""
        return part.value in self.parts


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom the queue is listed, and when.

    Attributes:
        assesses: whether they judge, and so could be a second assessor.
        decides: whether they decide on what is disputed.
    """

    person_id: UUID
    assesses: bool
    now: datetime
    decides: bool = False


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Rows of a lane.

    Attributes:
        next_after: the item to go on behind; None on the last page.
        is_cut: the filter stopped before its page was full; there may be more behind `next_after`.
        handed: of an item that is listed because somebody left it to who goes on, their note.
    """

    rows: list[QueueRow]
    next_after: UUID | None = None
    is_cut: bool = False
    handed: Mapping[UUID, HandOver] = field(default_factory=dict)


def list_lane(
    conn: Connection,
    lane: Lane,
    viewer: Viewer,
    *,
    after: UUID | None = None,
    wanted: QueueFilter | None = None,
    limit: int = PAGE_SIZE,
) -> QueuePage:
    """Return the top-level items of a lane: danger first, low last, then by score, then oldest first.

    Args:
        after: the last item of the page before; it may have left the lane by now, its place is known still, as this
            person may know it.
        wanted: what the list is narrowed to.
    """
    wanted = wanted or QueueFilter()
    looked_through = LOOKED_THROUGH if wanted.is_narrow else limit + 1
    found, last, number = _find(conn, lane, viewer, after, wanted, limit + 1, looked_through)
    rows = _read_rows(conn, found[:limit], viewer, is_second=lane is Lane.SECOND)
    if len(found) > limit:
        return QueuePage(rows, found[limit - 1])
    if number >= looked_through and wanted.is_narrow:
        return QueuePage(rows, last, is_cut=True)
    return QueuePage(rows)


def list_mine(conn: Connection, viewer: Viewer, *, undo_since: datetime, limit: int = PAGE_SIZE) -> QueuePage:
    """Return what a person has open, what they judged since a moment and so may take back, and what was handed over.

    What others left with a note for who goes on stands behind the rest, the newest note first.
    """
    rows = conn.execute(
        "SELECT item_id FROM item_leases WHERE person_id = %(person)s AND ended_at IS NULL"
        " AND is_live_lease(kept_at, until, %(now)s)"
        " UNION SELECT top.id FROM ("
        "  SELECT item_id, image_id FROM assessments WHERE person_id = %(person)s AND assessed_at > %(since)s"
        "  ORDER BY assessed_at DESC, id LIMIT %(limit)s) AS said"
        " CROSS JOIN LATERAL (SELECT said.item_id AS id WHERE said.item_id IS NOT NULL"
        "  UNION SELECT shown_images.item_id FROM shown_images WHERE shown_images.image_id = said.image_id"
        "  UNION SELECT parent_id FROM shown_children JOIN shown_images ON shown_images.item_id = child_id"
        "   WHERE shown_images.image_id = said.image_id) AS top"
        " JOIN items ON items.id = top.id AND items.is_top_level ORDER BY 1 LIMIT %(limit)s",
        {"person": viewer.person_id, "now": viewer.now, "since": undo_since, "limit": limit},
    ).fetchall()
    own = [row[0] for row in rows]
    handed: dict[UUID, HandOver] = {}
    if viewer.assesses:
        left = list_handed_over(
            conn, viewer.person_id, decides=viewer.decides, now=viewer.now, limit=limit - len(own)
        )
        handed = {one.item_id: one for one in left}
    listed = list(dict.fromkeys([*own, *handed]))
    return QueuePage(_read_rows(conn, listed, viewer, is_second=False), handed=handed)


def _find(
    conn: Connection,
    lane: Lane,
    viewer: Viewer,
    after: UUID | None,
    wanted: QueueFilter,
    limit: int,
    looked_through: int,
) -> tuple[list[UUID], UUID | None, int]:
    """Return the items that fit, the last one that was looked at, and how many those were."""
    is_second = lane is Lane.SECOND
    values: dict[str, object] = {
        "lane": lane,
        "person": viewer.person_id,
        "limit": limit,
        "looked_through": looked_through,
        "below": _write_pattern(wanted.host.lstrip("."), before="%.") if wanted.host else None,
        "host": wanted.host,
        "new": wanted.is_new,
        "known": wanted.is_known,
        "danger": wanted.is_danger,
        "kind": wanted.kind,
        "texts": [_write_pattern(text, before="%", behind="%") for text in wanted.texts],
    }
    behind = ""
    if after is not None:
        start = conn.execute(
            "SELECT CASE WHEN %(is_second)s OR %(assesses)s AND waits_second"
            "  AND first_by IS DISTINCT FROM %(person)s THEN second_place ELSE queue_place END, received_at"
            " FROM items WHERE id = %(id)s",
            {
                "id": after,
                "is_second": is_second,
                "assesses": viewer.assesses,
                "person": viewer.person_id,
            },
        ).fetchone()
        if start is None:
            return [], None, 0
        values |= {"place": start[0], "received_at": start[1], "after": after}
        behind = _BEHIND_BLIND if is_second else _BEHIND
    if is_second:
        query = _IN_BLIND_ORDER + _FITS + _OF_SECOND + behind + _ANSWER_IN_BLIND_ORDER + _ANSWER
    else:
        query = _IN_ORDER + _FITS + _OF_LANE + behind + _ANSWER_IN_ORDER + _ANSWER
    row = conn.execute(query, values).fetchone()
    return (row[0] or [], row[1], int(row[2])) if row else ([], None, 0)


def _write_pattern(text: str, *, before: str, behind: str = "") -> str:
    r"""Return a text as LIKE matches just that."""
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, "\\" + sign)
    return before + text + behind


_IN_ORDER = (
    "WITH looked AS MATERIALIZED (SELECT id,"
    " row_number() OVER (ORDER BY queue_place, received_at, id) AS number,"
)
_IN_BLIND_ORDER = (
    "WITH looked AS MATERIALIZED (SELECT id,"
    " row_number() OVER (ORDER BY second_place, received_at, id) AS number,"
)
# Of danger only a report's word is asked: a filter must not tell what an assessor said.
_FITS = (
    " (%(host)s::text IS NULL OR url_host LIKE %(below)s OR url_host = %(host)s)"
    " AND (%(new)s::boolean IS NULL OR (score_parts ? 'new') = %(new)s)"
    " AND (%(known)s::boolean IS NULL OR has_known = %(known)s)"
    " AND (%(danger)s::boolean IS NULL OR is_danger_reported = %(danger)s)"
    " AND (%(kind)s::item_kind IS NULL OR kind = %(kind)s)"
    " AND (cardinality(%(texts)s::text[]) = 0"
    "  OR lower(concat_ws(' ', reference, url, file_name)) LIKE ALL (%(texts)s::text[])) AS fits"
)
_OF_LANE = " FROM items WHERE is_top_level AND lane = %(lane)s"
_OF_SECOND = " FROM items WHERE is_in_second AND first_by IS DISTINCT FROM %(person)s"
_BEHIND = " AND (queue_place, received_at, id) > (%(place)s, %(received_at)s, %(after)s)"
_BEHIND_BLIND = " AND (second_place, received_at, id) > (%(place)s, %(received_at)s, %(after)s)"
_ANSWER_IN_ORDER = " ORDER BY queue_place, received_at, id"
_ANSWER_IN_BLIND_ORDER = " ORDER BY second_place, received_at, id"
_ANSWER = (
    " LIMIT %(looked_through)s) SELECT"
    " (SELECT array_agg(id ORDER BY number) FROM"
    "  (SELECT id, number FROM looked WHERE fits ORDER BY number LIMIT %(limit)s) AS fitting),"
    " (SELECT id FROM looked ORDER BY number DESC LIMIT 1), (SELECT count(*) FROM looked)"
)


def _read_rows(
    conn: Connection, item_ids: Sequence[UUID], viewer: Viewer, *, is_second: bool
) -> list[QueueRow]:
    """Return the rows of these items, in their order."""
    with conn.cursor(row_factory=row_of(QueueRow)) as cursor:
        return cursor.execute(
            "SELECT items.id, items.reference, items.kind, items.url, items.file_name, items.state, items.lane,"
            " CASE WHEN NOT blind.is_blind OR items.base_lane NOT IN ('lead', 'second')"
            "  THEN items.reason END AS reason,"
            " items.received_at, blind.is_blind,"
            " COALESCE(items.round_began_at, items.received_at) AS since,"
            " CASE WHEN blind.is_blind THEN items.is_danger_reported ELSE items.danger END AS is_urgent,"
            " items.is_low AND (blind.is_blind OR NOT items.danger) AS is_low,"
            " CASE WHEN blind.is_blind THEN items.blind_score ELSE items.score END AS score,"
            " CASE WHEN blind.is_blind THEN items.score_parts - 'danger_said' ELSE items.score_parts END AS parts,"
            " items.note_flags, items.url_host AS host, items.host_country AS country,"
            " shown.pictures, shown.known, items.report_count AS reports,"
            " persons.name AS held_by, held.taken_at AS held_since,"
            " held.person_id IS NOT DISTINCT FROM %(person)s AND held.person_id IS NOT NULL AS is_own"
            " FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS listed (id, place) JOIN items ON items.id = listed.id"
            " CROSS JOIN LATERAL (SELECT %(is_second)s OR %(assesses)s AND items.waits_second"
            "  AND items.first_by IS DISTINCT FROM %(person)s AS is_blind) AS blind"
            " LEFT JOIN item_leases AS held ON held.item_id = items.id AND held.ended_at IS NULL"
            "  AND is_live_lease(held.kept_at, held.until, %(now)s)"
            " LEFT JOIN persons ON persons.id = held.person_id"
            " CROSS JOIN LATERAL ("
            "  SELECT count(*) AS pictures, count(*) FILTER (WHERE is_known) AS known FROM ("
            "   SELECT DISTINCT image_id, is_known FROM (SELECT items.id AS item_id"
            "    UNION ALL SELECT child_id FROM shown_children JOIN items AS child ON child.id = child_id"
            "    WHERE parent_id = items.id AND child.closed_as IS DISTINCT FROM 'too_small') AS family"
            "   JOIN shown_images USING (item_id)) AS distinct_ones"
            " ) AS shown ORDER BY listed.place",
            {
                "ids": list(item_ids),
                "is_second": is_second,
                "assesses": viewer.assesses,
                "person": viewer.person_id,
                "now": viewer.now,
            },
        ).fetchall()
