"""What became of one item: its files, and all that was matched, seen, said, located and checked. Reads only.

Whoever calls leaves out what a person must not know (`api/console/item_view.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hashsets.model import EntryClass, HitKind
from triage.model import EvidenceKind, Media
from triage.rules.assessing import NationalVerdict, Place
from triage.rules.states import Agreement, Basis, ImageState, OnlineResult
from triage.store.item_page import SHOWN, Some, bound
from triage.store.rows import Connection, row_of

MAX_IMAGES = 1000
"""Images whose history one page tells: more than a page of 500 pictures shows."""

# Images


@dataclass(frozen=True, slots=True)
class ImageSeen:
    """One distinct file that an item showed, itself or by its page.

    Attributes:
        sha256: hex digits.
        item_id, reference: of the item whose own file it is.
        is_shown: whether the last capture showed it.
    """

    id: UUID
    sha256: str
    item_id: UUID
    reference: str
    media: Media
    bytes: int
    width: int | None
    height: int | None
    state: ImageState
    verdict: NationalVerdict | None
    verdict_baseline: bool | None
    verdict_basis: Basis | None
    settled_at: datetime | None
    is_shown: bool


def list_images(conn: Connection, item_id: UUID, *, limit: int = MAX_IMAGES) -> Some[ImageSeen]:
    """Return all files that an item or its page ever showed, each once, those of now first, in their order on it."""
    found = conn.execute(
        "WITH family AS (SELECT %(id)s::uuid AS item_id, -1 AS place"
        "  UNION ALL SELECT child_id, place FROM item_children JOIN items ON items.id = child_id"
        "   WHERE parent_id = %(id)s AND items.closed_as IS DISTINCT FROM 'too_small'),"
        " seen AS (SELECT DISTINCT ON (image_id) image_id, family.item_id, place,"
        "   items.capture_id IS NOT DISTINCT FROM item_images.capture_id AS is_shown"
        "  FROM family JOIN item_images ON item_images.item_id = family.item_id"
        "  JOIN items ON items.id = family.item_id"
        "  ORDER BY image_id, is_shown DESC, place, family.item_id)"
        " SELECT image_id, seen.item_id, is_shown, count(*) OVER () FROM seen"
        " ORDER BY is_shown DESC, place, image_id LIMIT %(limit)s",
        {"id": item_id, "limit": limit},
    ).fetchall()
    with conn.cursor(row_factory=row_of(ImageSeen)) as cursor:
        rows = cursor.execute(
            "SELECT images.id, encode(images.sha256, 'hex') AS sha256, seen.item_id, items.reference, images.media,"
            " images.bytes, images.width, images.height, images.state, images.verdict, images.verdict_baseline,"
            " images.verdict_basis, images.settled_at, seen.is_shown"
            " FROM unnest(%(ids)s::uuid[], %(items)s::uuid[], %(shown)s::boolean[]) WITH ORDINALITY"
            "  AS seen (id, item_id, is_shown, place) JOIN images ON images.id = seen.id"
            " JOIN items ON items.id = seen.item_id ORDER BY seen.place",
            {
                "ids": [row[0] for row in found],
                "items": [row[1] for row in found],
                "shown": [row[2] for row in found],
            },
        ).fetchall()
    return bound(found, rows)


@dataclass(frozen=True, slots=True)
class MatchSeen:
    """A match of an image with an entry of a set, as it was found and as it counts today."""

    image_id: UUID
    set_name: str
    entry_class: EntryClass
    kind: HitKind
    distance: int
    matched_at: datetime
    is_live: bool
    is_trusted: bool


def list_matches(conn: Connection, image_ids: Sequence[UUID], *, limit: int = SHOWN) -> Some[MatchSeen]:
    """Return what images matched, oldest first: one row for each image and entry, at its least distance."""
    found = conn.execute(
        "SELECT matches.image_id, hash_sets.name, hash_entries.class, matches.kind, min(matches.distance),"
        " min(matches.matched_at), EXISTS (SELECT FROM live_matches WHERE live_matches.image_id = matches.image_id"
        "  AND live_matches.entry_id = hash_entries.id),"
        " EXISTS (SELECT FROM live_matches WHERE live_matches.image_id = matches.image_id"
        "  AND live_matches.entry_id = hash_entries.id AND live_matches.is_trusted), count(*) OVER ()"
        " FROM matches JOIN hash_entries ON hash_entries.id = entry_id JOIN hash_sets ON hash_sets.id = set_id"
        " WHERE matches.image_id = ANY(%(ids)s)"
        " GROUP BY matches.image_id, hash_sets.name, hash_entries.id, hash_entries.class, matches.kind"
        " ORDER BY min(matches.matched_at), matches.image_id, hash_sets.name, hash_entries.id, matches.kind"
        " LIMIT %(limit)s",
        {"ids": list(image_ids), "limit": limit},
    ).fetchall()
    rows = [
        MatchSeen(row[0], row[1], EntryClass(row[2]), HitKind(row[3]), row[4], row[5], row[6], row[7])
        for row in found
    ]
    return bound(found, rows)


# What people did


@dataclass(frozen=True, slots=True)
class LookSeen:
    """One look of a person; `shown_ms` is None where nobody ended it."""

    image_id: UUID
    person_id: UUID
    name: str
    rendering: EvidenceKind
    at: datetime
    shown_ms: int | None


def list_looks(conn: Connection, image_ids: Sequence[UUID], *, limit: int = SHOWN) -> Some[LookSeen]:
    """Return who saw these images and how long, oldest first; what was asked for and never fetched is no look."""
    found = conn.execute(
        "SELECT image_id, person_id, persons.name, rendering, fetched_at, shown_ms, count(*) OVER () FROM looks"
        " JOIN persons ON persons.id = person_id WHERE image_id = ANY(%(ids)s) AND fetched_at IS NOT NULL"
        " ORDER BY fetched_at, looks.id LIMIT %(limit)s",
        {"ids": list(image_ids), "limit": limit},
    ).fetchall()
    rows = [LookSeen(row[0], row[1], row[2], EvidenceKind(row[3]), row[4], row[5]) for row in found]
    return bound(found, rows)


@dataclass(frozen=True, slots=True)
class AssessmentSeen:
    """What one person said of an image, or of the item itself (no image), in whatever round."""

    image_id: UUID | None
    person_id: UUID
    name: str
    place: Place
    label: int
    danger: bool
    police_hold: bool
    reason: str
    basis: Basis
    at: datetime


def list_assessments(
    conn: Connection, item_id: UUID, image_ids: Sequence[UUID], *, limit: int = SHOWN
) -> Some[AssessmentSeen]:
    """Return all that was said of an item and of these images, oldest first."""
    found = conn.execute(
        "SELECT image_id, person_id, persons.name, place, label, danger, police_hold, reason, basis, assessed_at,"
        " count(*) OVER () FROM assessments JOIN persons ON persons.id = person_id"
        " WHERE item_id = %(id)s OR image_id = ANY(%(ids)s) ORDER BY assessed_at, assessments.id LIMIT %(limit)s",
        {"id": item_id, "ids": list(image_ids), "limit": limit},
    ).fetchall()
    rows = [
        AssessmentSeen(
            row[0], row[1], row[2], Place(row[3]), row[4], row[5], row[6], row[7], Basis(row[8]), row[9]
        )
        for row in found
    ]
    return bound(found, rows)


@dataclass(frozen=True, slots=True)
class Held:
    """A hold that the police asked for, and who lifted it."""

    set_by: str
    set_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None
    said_so: str | None


def list_holds(conn: Connection, item_id: UUID, *, limit: int = SHOWN) -> Some[Held]:
    """Return the holds of an item, one a round, oldest first."""
    found = conn.execute(
        "SELECT setter.name, set_at, lifter.name, lifted_at, said_so, count(*) OVER () FROM police_holds"
        " JOIN persons AS setter ON setter.id = set_by LEFT JOIN persons AS lifter ON lifter.id = lifted_by"
        " WHERE item_id = %(id)s ORDER BY set_at, police_holds.id LIMIT %(limit)s",
        {"id": item_id, "limit": limit},
    ).fetchall()
    return bound(found, [Held(*row[:-1]) for row in found])


@dataclass(frozen=True, slots=True)
class HandedOn:
    """To whom an item was handed on, and by whom."""

    to_whom: str
    name: str
    at: datetime


def list_hand_ons(conn: Connection, item_id: UUID, *, limit: int = SHOWN) -> Some[HandedOn]:
    """Return to whom an item was handed on, oldest first."""
    found = conn.execute(
        "SELECT to_whom, persons.name, handed_on_at, count(*) OVER () FROM hand_ons"
        " JOIN persons ON persons.id = person_id WHERE item_id = %(id)s ORDER BY handed_on_at LIMIT %(limit)s",
        {"id": item_id, "limit": limit},
    ).fetchall()
    return bound(found, [HandedOn(*row[:-1]) for row in found])


# Who hosts it, and whether it is still there


@dataclass(frozen=True, slots=True)
class HostingSeen:
    """Who hosted an item, by each source as it was found; `decided_by` is the name of a person, if one did."""

    address: str | None
    asn: int | None
    operator: str | None
    country: str | None
    sources: list[dict[str, Any]]
    agreement: Agreement
    reason: str | None
    decided_by: str | None
    located_at: datetime


def list_hostings(conn: Connection, item_id: UUID, *, limit: int = SHOWN) -> Some[HostingSeen]:
    """Return what was found of who hosts an item, newest first."""
    found = conn.execute(
        "SELECT host(address), asn, operator, country, sources, agreement, hostings.reason, persons.name, located_at,"
        " count(*) OVER () FROM hostings LEFT JOIN persons ON persons.id = decided_by WHERE item_id = %(id)s"
        " ORDER BY located_at DESC, hostings.id DESC LIMIT %(limit)s",
        {"id": item_id, "limit": limit},
    ).fetchall()
    rows = [
        HostingSeen(
            row[0], row[1], row[2], row[3], list(row[4] or ()), Agreement(row[5]), row[6], row[7], row[8]
        )
        for row in found
    ]
    return bound(found, rows)


@dataclass(frozen=True, slots=True)
class CheckSeen:
    """One test whether an item is still up."""

    result: OnlineResult
    status: int | None
    reason: str | None
    at: datetime


def list_checks(conn: Connection, item_id: UUID, *, limit: int = SHOWN) -> Some[CheckSeen]:
    """Return the newest online checks of an item, newest first."""
    found = conn.execute(
        "SELECT result, status, reason, checked_at, count(*) OVER () FROM online_checks WHERE item_id = %(id)s"
        " ORDER BY checked_at DESC, id DESC LIMIT %(limit)s",
        {"id": item_id, "limit": limit},
    ).fetchall()
    return bound(found, [CheckSeen(OnlineResult(row[0]), row[1], row[2], row[3]) for row in found])
