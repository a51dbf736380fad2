"""After lists or trust have changed: place anew what leans on the change, recall decisions that leaned on what is gone.

1. Wait for the captures that are being recorded, and let none begin until the commit.
2. Reopen verdicts that stood without a look on entries that no longer speak for them; what was queued for those is
   withdrawn, what was sent is retracted.
3. Write a recall for every decided picture that had matched an entry which lost its weight: a person goes through them.
4. Place waiting items anew.
"""

from dataclasses import dataclass
from datetime import datetime

from hashsets import store as hash_sets
from triage.rules.sending import SendingPolicy
from triage.steps.place_item import refresh_items
from triage.steps.reopen_item import reopen_images
from triage.store import assessments, hash_recalls, images
from triage.store.custody import NewEvent
from triage.store.hash_recalls import Recall
from triage.store.rows import Connection

WITHDRAWN = "the list entry that it stood on was withdrawn"
MAX_RECALLS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What followed from a change.

    Attributes:
        moved: waiting items that changed their lane.
        recalls: past decisions that leaned on it, at most MAX_RECALLS_SHOWN of them.
    """

    moved: int
    recalls: tuple[Recall, ...] = ()

    @property
    def references(self) -> list[str]:
        """Public numbers of the items that show those pictures."""
        return sorted({reference for one in self.recalls for reference in one.references})


def refresh_changed(
    conn: Connection, events: list[NewEvent], *, generation: int, now: datetime, sending: SendingPolicy
) -> Refreshed:
    """Do what follows from a change of entries.

    Args:
        events: custody events of this transaction; what happens here is added.
        generation: of the change: the entries that it touched carry that number.
    """
    hash_sets.lock_verdicts(conn)
    image_ids = images.find_images_leaning_on(conn, generation=generation)
    unfounded = assessments.find_images_leaning_on_lists(conn, image_ids)
    hash_recalls.end_recalls(conn, generation=generation, now=now)
    hash_recalls.insert_recalls(conn, unfounded, generation=generation, now=now)
    reopen_images(conn, unfounded, events, reason=WITHDRAWN, now=now, sending=sending)
    moved = refresh_items(conn, images.find_items_showing(conn, image_ids), events, now=now)
    recalls = hash_recalls.list_recalls(conn, generation=generation, limit=MAX_RECALLS_SHOWN)
    return Refreshed(moved, tuple(recalls))


def refresh_trusted(
    conn: Connection, events: list[NewEvent], *, set_name: str, entry_class: str, now: datetime
) -> int:
    """Place anew what matched a class that is trusted now; return how many waiting items changed their lane."""
    hash_sets.lock_verdicts(conn)
    image_ids = images.find_images_leaning_on(conn, set_name=set_name, entry_class=entry_class)
    return refresh_items(conn, images.find_items_showing(conn, image_ids), events, now=now)
