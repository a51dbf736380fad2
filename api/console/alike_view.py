"""Which open pictures of a page are alike to one that this person judged, and which lie near a listed one.

A reader of the review page and of the page that confirms several at once; it shows what the person said, never what
somebody else did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from api.console.review_view import PictureView, ReviewView
from triage.rules.assessing import ILLEGAL_LABELS, Label
from triage.rules.clusters import group_alike, measure_alike
from triage.store.clusters import NearThumb, read_near_thumbs, read_own_words, read_prints
from triage.store.rows import Connection


@dataclass(frozen=True, slots=True)
class Alike:
    """An open picture that is alike to one that the person looked at and judged.

    Attributes:
        like: that one.
        label: what they said of it.
        distance: bits between the two.
    """

    like: PictureView
    label: Label
    distance: int


@dataclass(frozen=True, slots=True)
class AlikeView:
    """What a page says of alike pictures.

    Attributes:
        judged: image → the picture of the person's own that it is alike to, the last they judged first.
        clusters: image → how many more open pictures are alike, of clusters of which none is judged yet.
        ready: image → the label that stands ready in its form, from the one that the person goes on from.
        near: image → the listed picture of our own that it is near.
    """

    judged: Mapping[UUID, Alike]
    clusters: Mapping[UUID, int]
    ready: Mapping[UUID, Label]
    near: Mapping[UUID, NearThumb]

    def find_next(self, view: ReviewView) -> int:
        """Return the number of the first picture with a label that stands ready; 0: there is none."""
        return next((one.number for one in view.pictures if one.picture.image_id in self.ready), 0)


NOTHING_ALIKE = AlikeView({}, {}, {}, {})


def list_open(view: ReviewView) -> list[PictureView]:
    """Return the pictures that this person may judge as a first or second assessor and that no trusted list knows."""
    return [one for one in view.pictures if one.waits and one.form == "assess"]


def read_alike(
    conn: Connection, view: ReviewView, person_id: UUID, *, like_id: UUID | None = None
) -> AlikeView:
    """Return what is alike on a page.

    Args:
        like_id: the picture from which the person goes through others that are alike; None: none.
    """
    waiting = list_open(view)
    if not waiting:
        return NOTHING_ALIKE
    open_ids = [one.picture.image_id for one in waiting]
    near = {one.image_id: one for one in read_near_thumbs(conn, _list_near(waiting))}
    if len(view.pictures) < 2:
        return AlikeView({}, {}, {}, near)
    by_id = {one.picture.image_id: one for one in view.pictures}
    words = read_own_words(conn, [one for one in by_id if one not in set(open_ids)], person_id)
    prints = read_prints(conn, [*open_ids, *(one.image_id for one in words)])
    open_prints = {one: prints[one] for one in open_ids if one in prints}
    judged: dict[UUID, Alike] = {}
    ready: dict[UUID, Label] = {}
    for word in words:
        compared = {**open_prints, word.image_id: prints.get(word.image_id, [])}
        for image_id, distance in measure_alike(word.image_id, compared).items():
            judged.setdefault(image_id, Alike(by_id[word.image_id], word.label, distance))
            if word.image_id == like_id and word.label in ILLEGAL_LABELS:
                ready[image_id] = word.label
    rest = {one: values for one, values in open_prints.items() if one not in judged}
    clusters = {one: len(members) - 1 for members in group_alike(rest) for one in members}
    return AlikeView(judged, clusters, ready, near)


def _list_near(waiting: Sequence[PictureView]) -> list[UUID]:
    return [one.picture.image_id for one in waiting if one.picture.nearest is not None]
