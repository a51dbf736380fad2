"""Match stored fingerprints against the lists of today, a batch of images in one transaction.

1. One batch at a time; the lists are held still, and the index that was searched must be of their generation.
2. Search with what is stored: the bytes of most pictures are gone, and are not needed.
3. Lock the items that show a hit, then the fingerprints. Captures lock in this order too; an image that one of them
   holds just now is left to it.
4. Store new matches with their custody events, and raise all fingerprints of the batch. A batch without hits writes
   nothing else: the generation on the rows says that it was matched.
5. What waits is placed anew. What was closed as harmless comes back, its pictures to be judged anew; where a look
   is needed and no view is left it is captured again. An illegal verdict stands as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hashsets import store as hash_sets
from hashsets.errors import IndexBehindError
from hashsets.model import Fingerprint, Hit
from triage.model import Item
from triage.rules.lanes import LATER_LIST
from triage.rules.states import ImageState, ItemState
from triage.steps.place_item import JUDGED_HARMLESS, bring_back, refresh_items, refresh_pages
from triage.steps.record_matches import record_matches
from triage.store import custody, images, items, rematches
from triage.store.custody import NewEvent, stream_of
from triage.store.rematches import BehindFingerprint
from triage.store.rows import Connection

Search = Callable[[Sequence[Fingerprint]], list[Hit]]
_FINDS_PICTURES = (ItemState.RECEIVED, ItemState.AWAITING_ASSESSMENT, ItemState.AWAITING_LEAD)


@dataclass(frozen=True, slots=True)
class Rematched:
    """What a batch did: images matched, matches that are new, items that came back."""

    images: int = 0
    matches: int = 0
    brought_back: int = 0


def rematch_images(
    conn: Connection, image_ids: Sequence[UUID], search: Search, *, generation: int, now: datetime
) -> Rematched | None:
    """Match the stored fingerprints of these images that are behind.

    Args:
        image_ids: a batch; images that are not behind any more are passed over.
        search: finds the hits of fingerprints in an opened index.
        generation: of that index.

    Returns:
        What was done; None when another worker has the place.

    Raises:
        IndexBehindError: a list changed since the index was opened; nothing was matched.
    """
    if not rematches.try_begin(conn):
        return None
    hash_sets.share_verdicts(conn)
    if hash_sets.read_generation(conn) != generation:
        raise IndexBehindError
    behind = rematches.read_behind(conn, image_ids, generation=generation)
    hits: dict[Fingerprint, list[Hit]] = {}
    for hit in search(list({one.fingerprint: None for one in behind})):
        hits.setdefault(hit.fingerprint, []).append(hit)
    hit_images = sorted({one.image_id for one in behind if one.fingerprint in hits})
    items.lock_items(conn, images.find_items_showing(conn, hit_images))
    taken = _take(conn, behind, generation)
    events: list[NewEvent] = []
    added = 0
    if hit_images:
        entries = hash_sets.read_entries(
            conn, sorted({hit.entry_id for found in hits.values() for hit in found})
        )
        trusted = frozenset(hash_sets.list_trusted(conn))
    for image_id in [one for one in hit_images if one in taken]:
        new, event = record_matches(
            conn,
            image_id,
            {one.fingerprint: one.id for one in taken[image_id]},
            [hit for one in taken[image_id] for hit in hits.get(one.fingerprint, ())],
            entries=entries,
            trusted=trusted,
            generation=generation,
            now=now,
        )
        added += new
        if new:
            events.append(event)
    ids = [one.id for found in taken.values() for one in found]
    rematches.raise_fingerprints(conn, ids, generation=generation)
    since = {
        image_id: min(one.since for one in taken[image_id]) for image_id in hit_images if image_id in taken
    }
    brought_back = _follow(conn, since, events, now=now) if since else 0
    custody.append(conn, events, actor="worker", now=now)
    return Rematched(len(taken), added, brought_back)


def _take(
    conn: Connection, behind: Sequence[BehindFingerprint], generation: int
) -> dict[UUID, list[BehindFingerprint]]:
    """Lock the fingerprints, and return them by image; an image of which one is held elsewhere is left out."""
    locked = rematches.lock_behind(conn, [one.id for one in behind], generation=generation)
    held = {one.image_id for one in behind if one.id not in locked}
    taken: dict[UUID, list[BehindFingerprint]] = {}
    for one in behind:
        if one.image_id not in held:
            taken.setdefault(one.image_id, []).append(one)
    return taken


def _follow(conn: Connection, since: Mapping[UUID, int], events: list[NewEvent], *, now: datetime) -> int:
    """Place anew what shows an image of which a match is news and counts; return how many items came back."""
    brought_back = 0
    waiting: set[UUID] = set()
    for image_id in rematches.find_newly_matched(conn, since, matched_at=now):
        shown_by = items.lock_items(conn, images.find_items_showing_now(conn, image_id))
        closed = [item for item in shown_by if _comes_back(conn, item)]
        waits = [item for item in shown_by if item.state is ItemState.AWAITING_ASSESSMENT]
        if (closed or waits) and rematches.reopen_matched_image(conn, image_id):
            events.append(NewEvent(stream_of("image", image_id), "reopened"))
        for item in closed:
            _bring_back(conn, item, events, now=now)
        refresh_pages(conn, [item.id for item in closed], events, now=now)
        brought_back += len(closed)
        waiting.update(item.id for item in shown_by if item not in closed)
    refresh_items(conn, sorted(waiting), events, now=now, because=LATER_LIST)
    return brought_back


def _comes_back(conn: Connection, item: Item) -> bool:
    """Whether an item was put aside as harmless, and a person would find it again: in the queue or by its page."""
    is_handed_on_soon = item.state is ItemState.AWAITING_HAND_ON and item.remit.is_ours
    if item.closed_as not in JUDGED_HARMLESS and not is_handed_on_soon:
        return False
    pages = items.lock_items(conn, items.read_parent_ids(conn, item.id))
    return item.is_top_level or any(
        page.state in _FINDS_PICTURES or page.closed_as in JUDGED_HARMLESS for page in pages
    )


def _bring_back(conn: Connection, item: Item, events: list[NewEvent], *, now: datetime) -> None:
    needs_view = any(
        one.can_be_shown and not one.has_views and not one.is_known and one.state is not ImageState.SETTLED
        for one in images.read_standings(conn, item.id)
    )
    is_captured_again = needs_view and item.state is ItemState.CLOSED
    bring_back(conn, item, events, now=now, is_captured_again=is_captured_again, because=LATER_LIST)
