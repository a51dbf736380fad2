"""Assessments, skips and verdicts: what persons said of an image or item, and what it came to."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.errors import StaleStateError
from triage.ids import new_id
from triage.rules.assessing import (
    MEANINGS,
    Given,
    Judgement,
    Label,
    NationalVerdict,
    Place,
)
from triage.rules.states import IMAGE_MOVES, Basis, ImageState, find_move
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class JudgedImage:
    """One image as its judging stands, in the round that is open or was last settled.

    Attributes:
        is_known_by_list: an exact digest of a trusted set, by today's lists.
        has_views: whether there is something to look at.
        has_hold, has_danger: said by one of the assessors of this round.
        illegal_labels: how many assessors of this round said illegal.
        list_label: label that today's trusted lists give it, None without one.
    """

    id: UUID
    state: ImageState
    round: int
    verdict: NationalVerdict | None
    verdict_baseline: bool | None
    verdict_basis: Basis | None
    can_be_shown: bool
    has_views: bool
    is_known_by_list: bool
    list_is_baseline: bool
    has_hold: bool
    has_danger: bool
    illegal_labels: int
    settled_at: datetime | None

    @property
    def list_label(self) -> Label:
        """The label that the trusted lists speak for."""
        return Label.BASELINE if self.list_is_baseline else Label.NATIONAL


_JUDGED = (
    "SELECT images.id, images.state, images.round, images.verdict, images.verdict_baseline, images.verdict_basis,"
    " images.can_be_shown, images.settled_at,"
    " EXISTS (SELECT FROM evidence_objects WHERE image_id = images.id AND kind <> 'bytes') AS has_views,"
    " EXISTS (SELECT FROM live_matches WHERE image_id = images.id AND is_trusted) AS is_known_by_list,"
    " EXISTS (SELECT FROM live_matches JOIN hash_entries ON hash_entries.id = entry_id"
    "  WHERE image_id = images.id AND is_trusted AND class = 'baseline') AS list_is_baseline,"
    " COALESCE(said.has_hold, false) AS has_hold, COALESCE(said.has_danger, false) AS has_danger,"
    " COALESCE(said.illegal_labels, 0) AS illegal_labels"
    " FROM images LEFT JOIN LATERAL ("
    "  SELECT bool_or(police_hold) AS has_hold, bool_or(danger) AS has_danger,"
    "  count(*) FILTER (WHERE national = 'illegal') AS illegal_labels FROM assessments"
    "  WHERE assessments.image_id = images.id AND assessments.round = images.round) AS said ON true"
)


def lock_image(conn: Connection, image_id: UUID) -> JudgedImage | None:
    """Return an image as its judging stands, and lock it."""
    conn.execute("SELECT id FROM images WHERE id = %(id)s FOR NO KEY UPDATE", {"id": image_id})
    with conn.cursor(row_factory=row_of(JudgedImage)) as cursor:
        return cursor.execute(_JUDGED + " WHERE images.id = %(id)s", {"id": image_id}).fetchone()


def read_shown(conn: Connection, item_id: UUID) -> list[JudgedImage]:
    """Return the images that an item shows now, as their judging stands; not those of a page's pictures."""
    with conn.cursor(row_factory=row_of(JudgedImage)) as cursor:
        return cursor.execute(
            _JUDGED + " JOIN shown_images ON shown_images.image_id = images.id"
            " WHERE shown_images.item_id = %(id)s ORDER BY images.id",
            {"id": item_id},
        ).fetchall()


def read_given(
    conn: Connection, *, round_: int, image_id: UUID | None = None, item_id: UUID | None = None
) -> list[Given]:
    """Return the assessments of one round, of an image or of an item itself: first, second, lead."""
    rows = conn.execute(
        "SELECT place, person_id, label, basis, danger, police_hold FROM assessments"
        " WHERE round = %(round)s AND (image_id = %(image_id)s OR item_id = %(item_id)s)"
        " ORDER BY array_position(ARRAY['first', 'second', 'lead'], place)",  # a clock may be set back between two
        {"round": round_, "image_id": image_id, "item_id": item_id},
    ).fetchall()
    return [Given(Place(row[0]), row[1], Label(row[2]), Basis(row[3]), row[4], row[5]) for row in rows]


def read_voices(
    conn: Connection, *, round_: int, image_id: UUID | None = None, item_id: UUID | None = None
) -> set[UUID]:
    """Return who judged or passed over an image or an item itself in one round."""
    rows = conn.execute(
        "SELECT person_id FROM assessments"
        " WHERE round = %(round)s AND (image_id = %(image_id)s OR item_id = %(item_id)s)"
        " UNION SELECT person_id FROM skips"
        " WHERE round = %(round)s AND (image_id = %(image_id)s OR item_id = %(item_id)s)",
        {"round": round_, "image_id": image_id, "item_id": item_id},
    ).fetchall()
    return {row[0] for row in rows}


def insert_assessment(
    conn: Connection,
    judgement: Judgement,
    *,
    person_id: UUID,
    place: Place,
    basis: Basis,
    round_: int,
    now: datetime,
    image_id: UUID | None = None,
    item_id: UUID | None = None,
) -> UUID:
    """Store what a person said; the database refuses a look that never was and a second by the same person."""
    meaning = MEANINGS[judgement.label]
    assessment_id = new_id()
    conn.execute(
        "INSERT INTO assessments (id, image_id, item_id, round, place, person_id, label, national, baseline,"
        " danger, police_hold, reason, reason_code, basis, assessed_at)"
        " VALUES (%(id)s, %(image_id)s, %(item_id)s, %(round)s,"
        " %(place)s, %(person_id)s, %(label)s, %(national)s, %(baseline)s, %(danger)s, %(police_hold)s,"
        " %(reason)s, %(reason_code)s, %(basis)s, %(now)s)",
        {
            "id": assessment_id,
            "image_id": image_id,
            "item_id": item_id,
            "round": round_,
            "place": place,
            "person_id": person_id,
            "label": int(judgement.label),
            "national": meaning.national,
            "baseline": meaning.baseline,
            "danger": judgement.danger,
            "police_hold": judgement.police_hold,
            "reason": judgement.reason,
            "reason_code": judgement.reason_code,
            "basis": basis,
            "now": now,
        },
    )
    return assessment_id


def move_image(
    conn: Connection,
    image: JudgedImage,
    event: str,
    *,
    now: datetime,
    verdict: tuple[NationalVerdict, bool | None, Basis] | None = None,
) -> ImageState:
    """Make one move of the table of images and return the state after it.

    Args:
        verdict: national, baseline and basis, for a move that settles it.

    Raises:
        StaleStateError: it is no longer in the state or round that the caller saw.
    """
    after = find_move(IMAGE_MOVES, image.state, event).after
    national, baseline, basis = verdict or (None, None, None)
    moved = conn.execute(
        "UPDATE images SET state = %(after)s, verdict = %(national)s, verdict_baseline = %(baseline)s,"
        " verdict_basis = %(basis)s, settled_at = %(settled_at)s,"
        " round = round + CASE WHEN %(event)s = 'reopened' THEN 1 ELSE 0 END"
        " WHERE id = %(id)s AND state = %(before)s AND round = %(round)s",
        {
            "id": image.id,
            "before": image.state,
            "after": after,
            "round": image.round,
            "event": event,
            "national": national,
            "baseline": baseline,
            "basis": basis,
            "settled_at": now if after is ImageState.SETTLED else None,
        },
    )
    if moved.rowcount != 1:
        raise StaleStateError
    return ImageState(after)


def insert_skip(
    conn: Connection,
    *,
    person_id: UUID,
    round_: int,
    now: datetime,
    image_id: UUID | None = None,
    item_id: UUID | None = None,
) -> int:
    """Store that a person passed over something; return how often that happened in this round."""
    conn.execute(
        "INSERT INTO skips (id, image_id, item_id, round, person_id, skipped_at)"
        " VALUES (%(id)s, %(image_id)s, %(item_id)s, %(round)s, %(person_id)s, %(now)s)",
        {
            "id": new_id(),
            "image_id": image_id,
            "item_id": item_id,
            "round": round_,
            "person_id": person_id,
            "now": now,
        },
    )
    row = conn.execute(
        "SELECT count(*) FROM skips WHERE round = %(round)s AND (image_id = %(image_id)s OR item_id = %(item_id)s)",
        {"round": round_, "image_id": image_id, "item_id": item_id},
    ).fetchone()
    return int(row[0]) if row else 0


def count_other_leads(conn: Connection, person_ids: Collection[UUID]) -> int:
    """Return how many leads work here beside these persons."""
    row = conn.execute(
        "SELECT count(*) FROM person_roles JOIN persons ON persons.id = person_id"
        " WHERE role = 'lead' AND disabled_at IS NULL AND person_id <> ALL(%(ids)s)",
        {"ids": list(person_ids)},
    ).fetchone()
    return int(row[0]) if row else 0


def find_images_leaning_on_lists(conn: Connection, image_ids: Sequence[UUID]) -> list[UUID]:
    """Return those of these images whose illegal verdict stands on a list alone that no longer speaks for it.

    So does what one person said after a look, if that was enough because a list knew the picture by then.
    """
    rows = conn.execute(
        "SELECT id FROM images WHERE id = ANY(%(ids)s) AND verdict = 'illegal' AND (verdict_basis = 'exact_hash'"
        "  OR 1 = (SELECT count(*) FROM ("
        "   SELECT person_id FROM assessments WHERE image_id = images.id AND assessments.round = images.round"
        "   UNION SELECT person_id FROM skips WHERE image_id = images.id AND skips.round = images.round) AS voices))"
        " AND NOT EXISTS (SELECT FROM live_matches WHERE image_id = images.id AND is_trusted) ORDER BY id",
        {"ids": list(image_ids)},
    ).fetchall()
    return [row[0] for row in rows]


def read_danger_since(conn: Connection, item_id: UUID) -> datetime | None:
    """Return when it was first said in the present round that a child is at risk in an item; None if it was not."""
    row = conn.execute(
        "SELECT min(assessed_at) FROM ("
        " SELECT assessed_at, assessments.danger, national FROM items JOIN assessments"
        "  ON assessments.item_id = items.id AND assessments.round = items.round WHERE items.id = %(item_id)s"
        " UNION ALL SELECT assessed_at, danger, national FROM shown_images JOIN images ON images.id = image_id"
        "  JOIN assessments ON assessments.image_id = images.id AND assessments.round = images.round"
        "  WHERE shown_images.item_id = %(item_id)s) AS said WHERE danger AND national = 'illegal'",
        {"item_id": item_id},
    ).fetchone()
    return row[0] if row else None


def has_judged(conn: Connection, item_id: UUID, person_id: UUID) -> bool:
    """Whether a person judged an item, or an image of it or of its page's pictures, in the present round."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM items JOIN assessments ON assessments.item_id = items.id"
        "  AND assessments.round = items.round WHERE items.id = %(item_id)s AND person_id = %(person_id)s)"
        " OR EXISTS (SELECT FROM (SELECT %(item_id)s::uuid AS item_id"
        "   UNION ALL SELECT child_id FROM shown_children WHERE parent_id = %(item_id)s) AS family"
        "  JOIN shown_images USING (item_id) JOIN images ON images.id = shown_images.image_id"
        "  JOIN assessments ON assessments.image_id = images.id AND assessments.round = images.round"
        "  WHERE person_id = %(person_id)s)",
        {"item_id": item_id, "person_id": person_id},
    ).fetchone()
    return bool(row and row[0])
