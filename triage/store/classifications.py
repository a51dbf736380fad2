"""Classifications: what persons said in the detail panel, what is settled of it, and what still waits for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from triage.ids import new_id
from triage.model import Media
from triage.rules.classification import CHOICES, FIELDS, Detail, Word, settle_detail
from triage.store.rows import Connection, row_of


def insert_classification(
    conn: Connection,
    detail: Detail,
    *,
    person_id: UUID,
    item_id: UUID,
    image_id: UUID | None,
    round_: int,
    assessment_id: UUID | None,
    now: datetime,
) -> UUID:
    """Store what a person said; the database refuses it of what is not illegal, and from whom it is not to be taken.

    Args:
        item_id: on whose page it was said.
        image_id: None for an item that was judged itself.
        assessment_id: with which it was said; None: once the verdict was settled.
    """
    classification_id = new_id()
    conn.execute(
        "INSERT INTO classifications (id, item_id, image_id, round, assessment_id, person_id, severity_abc,"
        " age_band_youngest, maturity, sex, origin, recording, victim_known, language_clues, site_type,"
        " commerciality, payment, given_at) VALUES (%(id)s, %(item_id)s, %(image_id)s, %(round)s,"
        " %(assessment_id)s, %(person_id)s, %(severity_abc)s, %(age_band_youngest)s, %(maturity)s, %(sex)s,"
        " %(origin)s, %(recording)s, %(victim_known)s, %(language_clues)s, %(site_type)s, %(commerciality)s,"
        " %(payment)s, %(now)s)",
        {
            "id": classification_id,
            "item_id": item_id,
            "image_id": image_id,
            "round": round_,
            "assessment_id": assessment_id,
            "person_id": person_id,
            "now": now,
            **{name: _to_sql(getattr(detail, name)) for name in FIELDS},
        },
    )
    return classification_id


def _to_sql(value: Any) -> Any:
    return [str(one) for one in value] if isinstance(value, tuple) else str(value)


@dataclass(frozen=True, slots=True)
class SaidDetail:
    """All that counts towards the detail of one picture, or of one item itself, in its present round.

    Attributes:
        words: first, second, lead, then those said later, oldest first.
        deciding: label of the last assessment.
    """

    words: tuple[Word, ...]
    deciding: int

    def settle(self, item_id: UUID) -> Detail | None:
        """Return the settled detail as one item shows it."""
        return settle_detail(self.words, self.deciding, item_id)


def read_said_details(
    conn: Connection,
    *,
    image_ids: Sequence[UUID] = (),
    item_ids: Sequence[UUID] = (),
    before: datetime | None = None,
) -> dict[UUID, SaidDetail]:
    """Return what was said of pictures, and of items themselves, by the id of each; without an entry, nothing.

    Args:
        before: only what was said before this; None: all of it.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "WITH said AS (SELECT classifications.* FROM classifications JOIN images ON images.id = image_id"
            "  WHERE image_id = ANY(%(images)s) AND classifications.round = images.round"
            "  AND (%(before)s::timestamptz IS NULL OR given_at < %(before)s)"
            " UNION ALL SELECT classifications.* FROM classifications JOIN items ON items.id = item_id"
            "  WHERE image_id IS NULL AND item_id = ANY(%(items)s) AND classifications.round = items.round"
            "  AND (%(before)s::timestamptz IS NULL OR given_at < %(before)s))"
            " SELECT COALESCE(said.image_id, said.item_id) AS subject_id, said.item_id, own.label, last.label"
            " AS deciding, severity_abc, age_band_youngest, maturity, sex, origin, recording, victim_known,"
            " language_clues, site_type, commerciality, payment FROM said"
            " LEFT JOIN assessments AS own ON own.id = said.assessment_id"
            " CROSS JOIN LATERAL (SELECT label FROM assessments WHERE assessments.round = said.round"
            "  AND (assessments.image_id = said.image_id"
            "   OR said.image_id IS NULL AND assessments.item_id = said.item_id)"
            "  ORDER BY array_position(ARRAY['first', 'second', 'lead'], place) DESC LIMIT 1) AS last"
            " ORDER BY said.assessment_id IS NULL, array_position(ARRAY['first', 'second', 'lead'], own.place),"
            " said.given_at, said.id",
            {"images": list(image_ids), "items": list(item_ids), "before": before},
        ).fetchall()
    words: dict[UUID, list[Word]] = {}
    deciding: dict[UUID, int] = {}
    for row in rows:
        deciding[row["subject_id"]] = row["deciding"]
        words.setdefault(row["subject_id"], []).append(
            Word(_make_detail(row), row["item_id"], None if row["label"] is None else int(row["label"]))
        )
    return {subject: SaidDetail(tuple(said), deciding[subject]) for subject, said in words.items()}


def _make_detail(row: dict[str, Any]) -> Detail:
    answers: dict[str, Any] = {}
    for name in FIELDS:
        value, choices = row[name], CHOICES.get(name)
        if isinstance(value, list):
            answers[name] = tuple(choices(one) if choices else one for one in value)
        else:
            answers[name] = CHOICES[name](value)
    return Detail(**answers)


# What waits for it


@dataclass(frozen=True, slots=True)
class Describable:
    """A picture of an item, or an item itself, that is settled as illegal by somebody who saw it.

    Attributes:
        image_id: None for the item itself.
        has_word: whether this person assessed it in this round.
        has_detail: whether a detail counts for it.
    """

    image_id: UUID | None
    round: int
    label: int
    media: Media | None
    reference: str
    has_word: bool
    has_detail: bool


def list_describable(conn: Connection, item_id: UUID, person_id: UUID) -> list[Describable]:
    """Return what of an item, and of the pictures of a page, a detail can be said of; the item itself first."""
    with conn.cursor(row_factory=row_of(Describable)) as cursor:
        return cursor.execute(
            "SELECT NULL::uuid AS image_id, described.round, label, NULL AS media, items.reference, has_detail,"
            " EXISTS (SELECT FROM assessments WHERE assessments.item_id = items.id"
            "  AND assessments.round = described.round AND person_id = %(person)s) AS has_word"
            " FROM describable_items AS described JOIN items ON items.id = described.item_id"
            " WHERE items.id = %(item)s"
            " UNION ALL SELECT * FROM (SELECT DISTINCT ON (image_id) image_id, described.round, label,"
            "  media::text, items.reference, has_detail,"
            "  EXISTS (SELECT FROM assessments WHERE assessments.image_id = described.image_id"
            "   AND assessments.round = described.round AND person_id = %(person)s)"
            "  FROM (SELECT %(item)s::uuid AS id UNION ALL"
            "   SELECT child_id FROM shown_children WHERE parent_id = %(item)s) AS family"
            "  JOIN items ON items.id = family.id JOIN shown_images ON shown_images.item_id = items.id"
            "  JOIN describable_images AS described USING (image_id)"
            "  ORDER BY image_id, items.id) AS pictures",
            {"item": item_id, "person": person_id},
        ).fetchall()


def find_awaiting_detail(conn: Connection, item_ids: Sequence[UUID]) -> list[UUID]:
    """Return those items of which anything lacks its detail that is illegal and somebody saw, pictures of pages too."""
    rows = conn.execute(
        # Each part begins at the items: an OR of EXISTS would read every picture there is.
        "SELECT shown_images.item_id FROM shown_images JOIN describable_images USING (image_id)"
        " WHERE shown_images.item_id = ANY(%(items)s) AND NOT has_detail"
        " UNION SELECT parent_id FROM shown_children JOIN shown_images ON shown_images.item_id = child_id"
        " JOIN describable_images USING (image_id) WHERE parent_id = ANY(%(items)s) AND NOT has_detail"
        " UNION SELECT item_id FROM describable_items WHERE item_id = ANY(%(items)s) AND NOT has_detail"
        " ORDER BY 1",
        {"items": list(item_ids)},
    ).fetchall()
    return [row[0] for row in rows]
