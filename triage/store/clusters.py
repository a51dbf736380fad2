"""The PDQ hashes by which the pictures of one item or page are compared, and what a person said of one. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hashsets.model import UPRIGHT, EntryClass
from hashsets.thresholds import PDQ_MIN_QUALITY
from triage.rules.assessing import Label
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class OwnWord:
    """What a person said of a picture that they looked at, in its present round."""

    image_id: UUID
    label: Label


@dataclass(frozen=True, slots=True)
class NearThumb:
    """A listed picture that we have ourselves, as the near match of another one; its thumb is still kept.

    Attributes:
        image_id: of the picture that is near it.
        like_id: of the listed one.
        shown_by: an item that shows the listed one now.
    """

    image_id: UUID
    like_id: UUID
    shown_by: UUID
    set_name: str
    entry_class: EntryClass
    distance: int


def read_prints(conn: Connection, image_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return the PDQ hashes of images, of their first frame and upright, as 64 hex digits.

    Left out are images without one, and hashes that say too little to be compared.
    """
    rows = conn.execute(
        "SELECT image_id, encode(value, 'hex') FROM (SELECT DISTINCT ON (image_id, version) image_id, version,"
        "  value, quality FROM fingerprints WHERE image_id = ANY(%(ids)s) AND algorithm = 'pdq' AND frame = 0"
        "  AND orientation IN ('r0', %(upright)s) ORDER BY image_id, version, orientation = %(upright)s DESC) AS own"
        " WHERE quality >= %(quality)s ORDER BY image_id, version",
        {"ids": list(image_ids), "upright": UPRIGHT, "quality": PDQ_MIN_QUALITY},
    ).fetchall()
    found: dict[UUID, list[str]] = {}
    for image_id, value in rows:
        found.setdefault(image_id, []).append(value)
    return found


def read_own_words(conn: Connection, image_ids: Sequence[UUID], person_id: UUID) -> list[OwnWord]:
    """Return what a person said of those of the images that they looked at, the last word first."""
    rows = conn.execute(
        "SELECT image_id, label FROM assessments JOIN images ON images.id = image_id"
        " AND images.round = assessments.round WHERE image_id = ANY(%(ids)s) AND person_id = %(person)s"
        " AND basis = 'looked' ORDER BY assessed_at DESC, assessments.id DESC",
        {"ids": list(image_ids), "person": person_id},
    ).fetchall()
    return [OwnWord(image_id, Label(label)) for image_id, label in rows]


def read_near_thumbs(conn: Connection, image_ids: Sequence[UUID]) -> list[NearThumb]:
    """Return of each image the nearest listed picture that we have too and whose thumb is still kept.

    That we have it says a hit of no distance on the same entry. What counts no more (a silenced, withdrawn or disputed
    entry) is left out.
    """
    with conn.cursor(row_factory=row_of(NearThumb)) as cursor:
        return cursor.execute(
            "SELECT DISTINCT ON (near.image_id) near.image_id, own.image_id AS like_id, shown.item_id AS shown_by,"
            " hash_sets.name AS set_name, hash_entries.class AS entry_class, near.distance"
            " FROM live_matches AS near JOIN live_matches AS own ON own.entry_id = near.entry_id"
            "  AND own.image_id <> near.image_id AND own.distance = 0"
            " JOIN evidence_objects ON evidence_objects.image_id = own.image_id AND evidence_objects.kind = 'thumb'"
            " JOIN LATERAL (SELECT item_id FROM shown_images WHERE shown_images.image_id = own.image_id"
            "  ORDER BY item_id LIMIT 1) AS shown ON true"
            " JOIN hash_entries ON hash_entries.id = near.entry_id JOIN hash_sets ON hash_sets.id = hash_entries.set_id"
            " WHERE near.image_id = ANY(%(ids)s) AND near.kind = 'near' AND near.distance > 0"
            " ORDER BY near.image_id, near.distance, hash_sets.name, own.image_id",
            {"ids": list(image_ids)},
        ).fetchall()
