"""Confirm that pictures of one item or page are the same as one that a person looked at and judged: without a look.

1. The person looked at the one picture and said something of it that is not illegal; in the round that is open now.
2. Each other one is alike to that very picture (`rules/clusters.py`), waits for this person, and is on no trusted list.
3. It gets the same label, on the basis of facts, by the same step as any other judgement; one transaction each.

An illegal label is never handed on: what is new needs an own look.
"""

from datetime import datetime
from uuid import UUID

from triage.errors import NotAllowedError
from triage.model import Person
from triage.rules.assessing import ILLEGAL_LABELS, Judgement, Label
from triage.rules.clusters import measure_alike
from triage.rules.states import ImageState
from triage.steps.assess import assess_image, lock_shown_image
from triage.steps.settle_item import AssessPolicy
from triage.store import clusters, custody
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection


def read_own_label(conn: Connection, image_id: UUID, *, person: Person) -> Label:
    """Return what a person said of a picture in its present round, after a look.

    Raises:
        NotAllowedError: they did not look, or said nothing.
    """
    words = clusters.read_own_words(conn, [image_id], person.id)
    if not words:
        raise NotAllowedError("Look at one of these pictures and judge it first.")
    return words[0].label


def confirm_same(
    conn: Connection,
    item_id: UUID,
    image_id: UUID,
    *,
    like_id: UUID,
    person: Person,
    round_: int,
    now: datetime,
    policy: AssessPolicy,
) -> ImageState:
    """Say of a picture what the person said of another one that it is alike to; return its state after it.

    Args:
        image_id: the picture that nobody looks at.
        like_id: the one that the person looked at.
        round_: of `image_id`, that the person saw.

    Raises:
        NotAllowedError: the label is illegal, the two are not alike, or the picture is known by a list.
        StaleStateError, UnknownThingError: see `assess_image`.
    """
    locked = {one: lock_shown_image(conn, item_id, one) for one in sorted({like_id, image_id})}
    label = read_own_label(conn, like_id, person=person)
    if label in ILLEGAL_LABELS:
        raise NotAllowedError("An illegal label on a new picture needs your own look at it.")
    if locked[image_id].is_known_by_list:
        raise NotAllowedError("A known picture needs no look and gets none.")
    distance = measure_alike(like_id, clusters.read_prints(conn, [like_id, image_id])).get(image_id)
    if distance is None:
        raise NotAllowedError("These two pictures are not alike enough.")
    after = assess_image(
        conn,
        item_id,
        image_id,
        Judgement(label),
        person=person,
        round_=round_,
        now=now,
        policy=policy,
    )
    event = NewEvent(
        stream_of("image", image_id), "said_as_of", {"image": str(like_id), "distance": distance}
    )
    custody.append(conn, [event], actor=stream_of("person", person.id), now=now)
    return after
