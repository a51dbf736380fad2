"""Images, their fingerprints and matches, and which of them are known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hashsets.model import Algorithm, EntryClass, Fingerprint, HitKind
from triage.ids import new_id
from triage.model import Image, Media
from triage.rules.states import ImageState
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class NewImage:
    """A distinct file that was not seen before; undecided: its decoder took too much, so decode it again."""

    id: UUID
    sha256: bytes
    media: Media
    can_be_shown: bool
    finding: str | None
    bytes: int
    format: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    is_undecided: bool = False


@dataclass(frozen=True, slots=True)
class NewMatch:
    """A fingerprint hit an entry; `is_trusted` is said as it was at that moment."""

    fingerprint_id: UUID
    image_id: UUID
    entry_id: UUID
    kind: HitKind
    distance: int
    entry_class: EntryClass
    is_trusted: bool


@dataclass(frozen=True, slots=True)
class ImageStanding:
    """What decides the lane of an item that shows this image.

    Attributes:
        has_views: whether sealed views of it are kept.
        is_known: exact hit on a live, trusted, alerting entry, or settled as illegal by our own.
        is_same_as_before: settled as not illegal.
        nearest: smallest distance in bits of a perceptual hit on a live entry, None without one.
        has_untrusted_exact: exact hit on a live entry that is not trusted.
        has_newer_match: a live match, or trust in it, that came after its verdict.
        width, height: in pixels, None for what was not decoded.
    """

    image_id: UUID
    state: ImageState
    media: Media
    can_be_shown: bool
    finding: str | None
    has_views: bool
    is_known: bool
    is_same_as_before: bool
    nearest: int | None
    has_untrusted_exact: bool
    has_newer_match: bool
    width: int | None
    height: int | None

    @property
    def has_match(self) -> bool:
        """Whether any live entry was hit, or we know it ourselves."""
        return self.is_known or self.has_untrusted_exact or self.nearest is not None


def find_image(conn: Connection, sha256: bytes) -> Image | None:
    """Return the image of these bytes, if it was seen before."""
    with conn.cursor(row_factory=row_of(Image)) as cursor:
        return cursor.execute(
            "SELECT id, sha256, state, media, can_be_shown, is_undecided, finding, verdict FROM images"
            " WHERE sha256 = %(sha256)s",
            {"sha256": sha256},
        ).fetchone()


def insert_image(conn: Connection, image: NewImage, *, now: datetime) -> bool:
    """Store an image; return False when another worker stored the same bytes first."""
    cursor = conn.execute(
        "INSERT INTO images (id, sha256, media, can_be_shown, is_undecided, finding, bytes, format, width,"
        " height, frames, first_seen_at) VALUES (%(id)s, %(sha256)s, %(media)s, %(can_be_shown)s,"
        " %(is_undecided)s, %(finding)s, %(bytes)s, %(format)s, %(width)s, %(height)s, %(frames)s, %(now)s)"
        " ON CONFLICT (sha256) DO NOTHING",
        {name: getattr(image, name) for name in NewImage.__slots__} | {"now": now},
    )
    return cursor.rowcount == 1


def decide_image(conn: Connection, image_id: UUID, image: NewImage) -> None:
    """Complete an image that was undecided with what another decoding found."""
    conn.execute(
        "UPDATE images SET media = %(media)s, can_be_shown = %(can_be_shown)s, is_undecided = %(is_undecided)s,"
        " finding = %(finding)s, format = %(format)s, width = %(width)s, height = %(height)s,"
        " frames = %(frames)s WHERE id = %(image_id)s AND is_undecided",
        {name: getattr(image, name) for name in NewImage.__slots__} | {"image_id": image_id},
    )


def link_image(conn: Connection, item_id: UUID, image_id: UUID, capture_id: UUID) -> None:
    """Say that an item showed an image in a capture; what it showed before is no longer what it shows."""
    conn.execute(
        "INSERT INTO item_images (item_id, image_id, capture_id) VALUES (%(item)s, %(image)s, %(capture)s)"
        " ON CONFLICT (item_id, image_id) DO UPDATE SET capture_id = EXCLUDED.capture_id",
        {"item": item_id, "image": image_id, "capture": capture_id},
    )


def insert_fingerprints(
    conn: Connection,
    image_id: UUID,
    fingerprints: Sequence[Fingerprint],
    *,
    generation: int,
    is_new: bool = False,
) -> dict[Fingerprint, UUID]:
    """Store the fingerprints of an image, matched at this index generation; return their ids.

    One of the same frame, orientation and algorithm that stands already is kept as it is.

    Args:
        is_new: the image was stored in this transaction, so that none can stand.
    """
    ids = {fingerprint: new_id() for fingerprint in fingerprints}
    conn.execute(
        "INSERT INTO fingerprints (id, image_id, algorithm, version, frame, orientation, value, quality,"
        " matched_generation) SELECT id, %(image_id)s, algorithm, version, frame, orientation, value, quality,"
        " %(generation)s FROM unnest(%(ids)s::uuid[], %(algorithms)s::text[], %(versions)s::smallint[],"
        " %(frames)s::smallint[], %(orientations)s::text[], %(values)s::bytea[], %(qualities)s::smallint[])"
        " AS new (id, algorithm, version, frame, orientation, value, quality)"
        " ON CONFLICT (image_id, algorithm, version, frame, orientation) DO NOTHING",
        {
            "image_id": image_id,
            "generation": generation,
            "ids": list(ids.values()),
            "algorithms": [fingerprint.algorithm.value for fingerprint in ids],
            "versions": [fingerprint.version for fingerprint in ids],
            "frames": [fingerprint.frame for fingerprint in ids],
            "orientations": [fingerprint.orientation for fingerprint in ids],
            "values": [bytes.fromhex(fingerprint.value) for fingerprint in ids],
            "qualities": [fingerprint.quality for fingerprint in ids],
        },
    )
    return ids if is_new else read_fingerprints(conn, image_id)


def read_fingerprints(conn: Connection, image_id: UUID) -> dict[Fingerprint, UUID]:
    """Return the fingerprints of an image with their ids."""
    rows = conn.execute(
        "SELECT algorithm, value, version, frame, orientation, quality, id FROM fingerprints"
        " WHERE image_id = %(id)s ORDER BY algorithm, frame, orientation",
        {"id": image_id},
    ).fetchall()
    return {
        Fingerprint(Algorithm(row[0]), bytes(row[1]).hex(), row[2], row[3], row[4], row[5]): row[6]
        for row in rows
    }


def raise_generation(conn: Connection, image_id: UUID, *, generation: int) -> None:
    """Say that the fingerprints of an image were matched at this index generation."""
    conn.execute(
        "UPDATE fingerprints SET matched_generation = %(generation)s"
        " WHERE image_id = %(id)s AND matched_generation < %(generation)s",
        {"id": image_id, "generation": generation},
    )


def insert_matches(conn: Connection, matches: Iterable[NewMatch], *, generation: int, now: datetime) -> int:
    """Store matches as dated facts; one that stands already is kept. Return how many are new."""
    added = 0
    for match in matches:
        added += conn.execute(
            "INSERT INTO matches (id, fingerprint_id, image_id, entry_id, kind, distance, class, is_trusted,"
            " generation, matched_at) VALUES (%(id)s, %(fingerprint_id)s, %(image_id)s, %(entry_id)s, %(kind)s,"
            " %(distance)s, %(class)s, %(is_trusted)s, %(generation)s, %(now)s)"
            " ON CONFLICT (fingerprint_id, entry_id) DO NOTHING",
            {
                "id": new_id(),
                "fingerprint_id": match.fingerprint_id,
                "image_id": match.image_id,
                "entry_id": match.entry_id,
                "kind": match.kind,
                "distance": match.distance,
                "class": match.entry_class,
                "is_trusted": match.is_trusted,
                "generation": generation,
                "now": now,
            },
        ).rowcount
    return added


def read_standings(conn: Connection, item_id: UUID) -> list[ImageStanding]:
    """Return what an item shows now: the images of its last capture, each with what is known of it.

    Trust and withdrawals are read as they are now, not as they were when the match was made.
    """
    with conn.cursor(row_factory=row_of(ImageStanding)) as cursor:
        return cursor.execute(
            "SELECT images.id AS image_id, images.state, images.media, images.can_be_shown, images.finding,"
            " images.width, images.height, shown_images.is_known,"
            " EXISTS (SELECT FROM evidence_objects WHERE evidence_objects.image_id = images.id"
            "  AND evidence_objects.kind <> 'bytes') AS has_views,"
            " COALESCE(images.verdict = 'not_illegal', false) AS is_same_as_before,"
            " (SELECT min(distance) FROM live_matches WHERE live_matches.image_id = images.id"
            "  AND kind = 'near') AS nearest,"
            " EXISTS (SELECT FROM live_matches WHERE live_matches.image_id = images.id"
            "  AND kind = 'exact' AND NOT is_trusted) AS has_untrusted_exact,"
            " EXISTS (SELECT FROM live_matches WHERE live_matches.image_id = images.id"
            "  AND (is_trusted OR matched_at > images.settled_at)) AS has_newer_match"
            " FROM shown_images JOIN images ON images.id = shown_images.image_id"
            " WHERE shown_images.item_id = %(id)s ORDER BY images.id",
            {"id": item_id},
        ).fetchall()


def find_items_showing(conn: Connection, image_ids: Sequence[UUID]) -> list[UUID]:
    """Return the items that show any of these images, in the order of their ids."""
    rows = conn.execute(
        "SELECT DISTINCT item_id FROM item_images WHERE image_id = ANY(%(ids)s) ORDER BY item_id",
        {"ids": list(image_ids)},
    ).fetchall()
    return [row[0] for row in rows]


def find_items_showing_now(conn: Connection, image_id: UUID) -> list[UUID]:
    """Return the items whose last capture showed this image, in the order of their ids."""
    rows = conn.execute(
        "SELECT item_id FROM shown_images WHERE image_id = %(id)s ORDER BY item_id", {"id": image_id}
    ).fetchall()
    return [row[0] for row in rows]


def find_unneeded(conn: Connection, page_ids: Sequence[UUID]) -> list[UUID]:
    """Return the pictures of these pages that were not needed beside an illegal one, where a page shows none now."""
    rows = conn.execute(
        "SELECT DISTINCT rest.child_id FROM shown_children AS rest JOIN items ON items.id = rest.child_id"
        " WHERE rest.parent_id = ANY(%(ids)s) AND items.closed_as = 'not_judged' AND NOT EXISTS ("
        "  SELECT FROM shown_children AS other JOIN shown_images ON shown_images.item_id = other.child_id"
        "  JOIN images ON images.id = shown_images.image_id AND images.verdict = 'illegal'"
        "  WHERE other.parent_id = rest.parent_id) ORDER BY 1",
        {"ids": list(page_ids)},
    ).fetchall()
    return [row[0] for row in rows]


def is_waited_for(conn: Connection, image_id: UUID) -> bool:
    """Whether an item that shows an image now still needs its verdict.

    A settled one answers for itself; what was closed as not judged has no use for a verdict, and nothing that is
    judged for it alone would ever be told to anybody.
    """
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM shown_images JOIN items ON items.id = item_id JOIN images ON images.id = image_id"
        " WHERE image_id = %(id)s AND (items.state <> 'closed' OR images.state = 'settled'"
        "  OR images.state <> 'unjudged' AND items.closed_as <> 'not_judged'))",
        {"id": image_id},
    ).fetchone()
    return bool(row and row[0])


def is_shown_by(conn: Connection, image_id: UUID, item_id: UUID) -> bool:
    """Whether an item shows this image now, itself or by a picture of its page."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM shown_images WHERE image_id = %(image_id)s AND (item_id = %(item_id)s"
        " OR item_id IN (SELECT child_id FROM shown_children WHERE parent_id = %(item_id)s)))",
        {"image_id": image_id, "item_id": item_id},
    ).fetchone()
    return bool(row and row[0])


def find_images_leaning_on(
    conn: Connection,
    *,
    generation: int | None = None,
    set_name: str | None = None,
    entry_class: str | None = None,
) -> list[UUID]:
    """Return the images that matched entries of one change, or the entries of one class of a set."""
    rows = conn.execute(
        "SELECT DISTINCT matches.image_id FROM matches"
        " JOIN hash_entries ON hash_entries.id = matches.entry_id"
        " JOIN hash_sets ON hash_sets.id = hash_entries.set_id"
        " WHERE (%(generation)s::bigint IS NULL OR hash_entries.generation = %(generation)s)"
        " AND (%(set_name)s::text IS NULL OR hash_sets.name = %(set_name)s)"
        " AND (%(class)s::text IS NULL OR hash_entries.class = %(class)s) ORDER BY matches.image_id",
        {"generation": generation, "set_name": set_name, "class": entry_class},
    ).fetchall()
    return [row[0] for row in rows]


def has_views_kept(conn: Connection, image_id: UUID) -> bool:
    """Whether sealed views of an image are kept."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM evidence_objects WHERE image_id = %(id)s AND kind <> 'bytes')",
        {"id": image_id},
    ).fetchone()
    return bool(row and row[0])
