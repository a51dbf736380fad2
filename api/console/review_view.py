"""What one person may see and do on the review page: put together from what is stored, in one transaction.

1. Read the item, its reports, captures, pictures and matches.
2. Give each picture its group, and its form if this person may judge it now.
3. A person who will be the second assessor sees nothing of the first: no assessment, no verdict, no state that the
   item reached by it, and no danger that no report spoke of. Nor is a form offered to them, or left out, by that state:
   what is done with the item as a whole waits for their opinion, unless something on it waits that nobody judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from api.console.signed_in import SignedIn
from triage.errors import UnknownThingError
from triage.model import Hosting, Item
from triage.rules.assessing import Label, NationalVerdict, Place, ReasonCode, state_of_given
from triage.rules.flags import Flag, RaisedFlags, list_flags, note_flags
from triage.rules.rights import Right
from triage.rules.states import ClosedAs, ImageState, ItemKind, ItemState
from triage.store import assessments, hostings, review
from triage.store.capture_facts import LastCapture, count_icons, read_last_capture
from triage.store.review import (
    BareChild,
    CaptureFound,
    MatchFound,
    Picture,
    ReportWords,
    Said,
    UnreadableLine,
)
from triage.store.rows import Connection
from triage.store.second_opinions import find_blind
from triage.store.sendings_page import SendingRow, list_of_item

ALL_LABELS = (Label.BASELINE, Label.NATIONAL, Label.NOT_ILLEGAL, Label.OUT_OF_REMIT, Label.UNSURE)
UNSEEN_LABELS = (Label.NOT_ILLEGAL, Label.OUT_OF_REMIT, Label.UNSURE)
FLAGGED_REPORTS = 50
"""The newest reports whose words are read for flags."""

GROUPS = ("near", "new", "judged", "known")
_WAITING = (ItemState.AWAITING_ASSESSMENT, ItemState.AWAITING_LEAD)


@dataclass(frozen=True, slots=True)
class PictureView:
    """One picture on the page.

    Attributes:
        number: its place on the page, from 1; the only name that it has there.
        group: one of GROUPS.
        form: assess, decide, or empty where this person may not judge it now.
        labels: what that form offers.
        flags: what lists and reporters say of it, to be read before a look.
        may_look, shows_thumb: whether this person may ask for a look, and sees the grey thumb.
        said: what was said of it, empty for whoever must not know.
    """

    number: int
    picture: Picture
    group: str
    form: str
    labels: tuple[Label, ...]
    may_look: bool
    shows_thumb: bool
    matches: tuple[MatchFound, ...]
    flags: RaisedFlags
    said: tuple[Said, ...]

    @property
    def waits(self) -> bool:
        """Whether it waits for this person, and a look may be needed."""
        return bool(self.form) and self.group != "known"

    @property
    def reasons(self) -> list[tuple[Place, ReasonCode]]:
        """The reasons in one key of those who spoke, in their order."""
        return [(one.place, one.reason_code) for one in self.said if one.reason_code is not None]


@dataclass(frozen=True, slots=True)
class ReviewView:
    """The page of one item, for one person.

    Attributes:
        is_blind: this person is asked for a second opinion and sees nothing of the first.
        form: assess or decide for the item itself, or empty.
        has_work: whether something on it still waits for this person.
        icons: pictures of it that are left out because they are too small to be anything.
    """

    item: Item
    is_blind: bool
    has_danger: bool
    reports: list[ReportWords]
    unreadable: list[UnreadableLine]
    captures: list[CaptureFound]
    hosting: Hosting | None
    messages: list[SendingRow]
    last_capture: LastCapture | None
    icons: int
    pictures: list[PictureView]
    bare_children: list[BareChild]
    form: str
    labels: tuple[Label, ...]
    said: tuple[Said, ...]
    may_confirm: bool
    may_confirm_known: bool
    may_skip: bool
    may_recapture: bool
    may_drop_rest: bool
    has_work: bool

    def group(self, name: str) -> list[PictureView]:
        """Return the pictures of one group."""
        return [one for one in self.pictures if one.group == name]

    @property
    def list_hits(self) -> list[tuple[int, MatchFound]]:
        """Every match of its pictures, with the number of the picture."""
        return [(one.number, match) for one in self.pictures for match in one.matches]

    def find_next(self, image_id: UUID) -> int:
        """Return the number of the next picture after one that waits for this person, from the top again; 0: none."""
        waiting = [one for one in self.pictures if one.waits]
        here = next((one.number for one in self.pictures if one.picture.image_id == image_id), 0)
        others = [one.number for one in waiting if one.picture.image_id != image_id]
        return min((number for number in others if number > here), default=others[0] if others else 0)


def build_view(conn: Connection, item_id: UUID, signed_in: SignedIn) -> ReviewView:
    """Return the page of an item for one person.

    Raises:
        UnknownThingError: there is no such item.
    """
    item = review.read_item(conn, item_id)
    if item is None:
        raise UnknownThingError("There is no such item.")
    person_id = signed_in.person.id
    pictures = review.read_pictures(conn, item_id, person_id)
    image_ids = [picture.image_id for picture in pictures]
    matches = review.read_matches(conn, image_ids)
    said = review.read_said(conn, item_id, image_ids)
    given = assessments.read_given(conn, round_=item.round, item_id=item.id)
    own_state = ImageState.DISPUTED if item.state is ItemState.AWAITING_LEAD else state_of_given(given)
    has_judged_item = any(one.person_id == person_id for one in given)
    assesses = signed_in.may(Right.ASSESS)
    waits_for_second = own_state is ImageState.JUDGED_ONCE and not has_judged_item
    children = review.read_bare_children(conn, item_id)
    has_half_judged = assesses and any(_is_half_judged(one) for one in pictures)
    is_blind = assesses and bool(find_blind(conn, [item_id], person_id))
    waits_anyhow = not has_half_judged or _waits_anyhow(pictures, children)
    reports = review.read_reports(conn, item_id)
    reported = note_flags(one.note for one in reports[-FLAGGED_REPORTS:])
    views = [
        _view_picture(number, picture, signed_in, matches, said, reported)
        for number, picture in enumerate(pictures, start=1)
    ]
    form, labels = _item_form(
        item,
        pictures,
        signed_in,
        has_judged=has_judged_item or not waits_anyhow,
        is_decided=any(one.place is Place.LEAD for one in given) or not waits_anyhow,
    )
    may_confirm = (
        assesses
        and state_of_given(given) in (ImageState.UNJUDGED, ImageState.SETTLED)
        and _may_confirm(item, pictures, children)
    )
    return ReviewView(
        item=item,
        is_blind=is_blind,
        has_danger=any(one.danger for one in reports) if is_blind else item.danger,
        reports=reports,
        unreadable=review.read_unreadable(conn, [one.id for one in reports]),
        captures=review.read_captures(conn, item_id),
        last_capture=read_last_capture(conn, item_id),
        icons=count_icons(conn, item_id),
        hosting=None if is_blind else hostings.find_newest(conn, item_id, round_=item.round),
        messages=[] if is_blind or not signed_in.may(Right.SEE_SENDINGS) else list_of_item(conn, item_id),
        pictures=views,
        bare_children=children,
        form=form,
        labels=labels,
        said=tuple(one for one in said if one.image_id is None and may_hear(own_state, signed_in)),
        may_confirm=may_confirm,
        may_confirm_known=assesses and not may_confirm and _has_known_pictures(item, pictures),
        may_skip=assesses
        and waits_anyhow
        and item.state is ItemState.AWAITING_ASSESSMENT
        and _is_bare(item, pictures),
        may_recapture=assesses
        and waits_anyhow
        and not waits_for_second
        and item.state is ItemState.AWAITING_ASSESSMENT
        and item.kind is ItemKind.URL,
        may_drop_rest=assesses
        and not has_half_judged
        and item.state in _WAITING
        and _has_rest(item, pictures, children)
        and any(one.verdict is NationalVerdict.ILLEGAL for one in pictures),
        has_work=may_confirm
        or any(one.waits for one in views)
        or form == "decide"
        or (bool(form) and (waits_for_second or not (pictures or children)))
        or (assesses and item.state in _WAITING and any(one.state in _WAITING for one in children)),
    )


# Pictures


def _is_open(picture: Picture) -> bool:
    """Whether a picture waits for a judgement that is not this person's already."""
    if picture.has_judged or picture.state is ImageState.SETTLED:
        return False
    if picture.state is ImageState.JUDGED_ONCE:  # also of what was acted on already
        return picture.closed_as is not ClosedAs.NOT_JUDGED
    return picture.item_state in _WAITING


def _is_half_judged(picture: Picture) -> bool:
    """Whether somebody else judged a picture once, and this person could be the second."""
    return picture.state is ImageState.JUDGED_ONCE and _is_open(picture)


def _waits_anyhow(pictures: Sequence[Picture], children: Sequence[BareChild]) -> bool:
    """Whether a page waits whatever was said of the pictures that were judged once: something else on it does."""
    return any(
        one.item_state is ItemState.RECEIVED
        or (one.item_state is ItemState.AWAITING_ASSESSMENT and one.state is not ImageState.JUDGED_ONCE)
        for one in pictures
    ) or any(one.state in (ItemState.RECEIVED, ItemState.AWAITING_ASSESSMENT) for one in children)


def _view_picture(
    number: int,
    picture: Picture,
    signed_in: SignedIn,
    matches: Sequence[MatchFound],
    said: Sequence[Said],
    reported: frozenset[Flag],
) -> PictureView:
    form = ""
    own_matches = tuple(one for one in matches if one.image_id == picture.image_id)
    if picture.state is ImageState.DISPUTED and picture.item_state in _WAITING:
        form = "decide" if signed_in.may(Right.DECIDE) else ""
    elif _is_open(picture) and signed_in.may(Right.ASSESS):
        form = "assess"
    is_open = picture.state is not ImageState.SETTLED and not picture.is_known_by_list
    can_look = is_open and picture.can_be_shown and picture.has_views
    return PictureView(
        number=number,
        picture=picture,
        group=_choose_group(picture),
        form=form,
        labels=_choose_labels(picture, form),
        may_look=can_look and bool(form) and signed_in.may(Right.LOOK),
        shows_thumb=is_open and picture.has_thumb and signed_in.may(Right.LOOK),
        matches=own_matches,
        flags=RaisedFlags(list_flags(one for one in own_matches if not one.is_negative), reported),
        said=tuple(
            one for one in said if one.image_id == picture.image_id and may_hear(picture.state, signed_in)
        ),
    )


def _choose_group(picture: Picture) -> str:
    if picture.state is ImageState.SETTLED:
        return "judged"
    if picture.is_known_by_list and picture.state is not ImageState.DISPUTED:
        return "known"
    return "near" if picture.nearest is not None else "new"


def _choose_labels(picture: Picture, form: str) -> tuple[Label, ...]:
    if not form:
        return ()
    can_be_seen = picture.can_be_shown and (picture.has_views or picture.has_looked)
    if not (can_be_seen or picture.is_known_by_list):
        return UNSEEN_LABELS
    return ALL_LABELS[:-1] if form == "decide" else ALL_LABELS


def may_hear(state: ImageState, signed_in: SignedIn) -> bool:
    """Whether a person may know what was said: when it is settled, a lead when it is disputed, who never judges."""
    if state is ImageState.SETTLED or not signed_in.may(Right.ASSESS):
        return True
    return state is ImageState.DISPUTED and signed_in.may(Right.DECIDE)


# The item itself


def _is_bare(item: Item, pictures: Sequence[Picture]) -> bool:
    """Whether the item shows no picture of its own: it is judged itself."""
    return all(picture.item_id != item.id for picture in pictures)


def _item_form(
    item: Item, pictures: Sequence[Picture], signed_in: SignedIn, *, has_judged: bool, is_decided: bool
) -> tuple[str, tuple[Label, ...]]:
    if item.state is ItemState.AWAITING_LEAD:
        form = "decide" if signed_in.may(Right.DECIDE) and not is_decided else ""
    elif item.state is ItemState.AWAITING_ASSESSMENT and not has_judged:
        form = "assess" if signed_in.may(Right.ASSESS) else ""
    else:
        form = ""
    if not form:
        return "", ()
    if not _is_bare(item, pictures):
        return "", ()  # the picture is judged instead
    dead = (Label.DEAD_LINK,) if item.kind is ItemKind.URL else ()
    if item.kind is not ItemKind.TEXT and item.captured_at is None:  # nobody could see it
        return form, (*UNSEEN_LABELS[:-1], *dead, Label.UNSURE)
    unsure = (Label.UNSURE,) if form == "assess" else ()
    return form, (*ALL_LABELS[:-1], *dead, *unsure)


def _may_confirm(item: Item, pictures: Sequence[Picture], children: Sequence[BareChild]) -> bool:
    """Whether one key settles all of it: every picture is known by a list or was judged before.

    Of what was judged once that is so whatever became of the item: a list may have come to know it since.
    """
    waits = item.state in _WAITING or any(_is_half_judged(one) for one in pictures)
    if not waits or item.captured_at is None or not pictures:
        return False
    if any(child.state is ItemState.RECEIVED for child in children):
        return False
    if any(picture.item_state is ItemState.RECEIVED for picture in pictures):
        return False
    if any(one.state is not ImageState.SETTLED and not one.is_known_by_list for one in pictures):
        return False
    pending = [one for one in pictures if one.state is not ImageState.SETTLED]
    if any(one.has_judged or one.state is ImageState.DISPUTED for one in pending):
        return False  # another one must confirm it, or a lead decides
    return any(one.item_state in _WAITING or _is_half_judged(one) for one in pictures) or not any(
        child.state in _WAITING for child in children
    )


def _has_known_pictures(item: Item, pictures: Sequence[Picture]) -> bool:
    """Whether a page shows pictures that are known among others that are not."""
    return item.state in _WAITING and any(
        one.item_id != item.id
        and one.item_state is ItemState.AWAITING_ASSESSMENT
        and one.is_known_by_list
        and one.state is ImageState.UNJUDGED
        for one in pictures
    )


def _has_rest(item: Item, pictures: Sequence[Picture], children: Sequence[BareChild]) -> bool:
    waiting = [one for one in pictures if one.item_id != item.id]
    return any(one.item_state is ItemState.AWAITING_ASSESSMENT for one in waiting) or any(
        one.state is ItemState.AWAITING_ASSESSMENT for one in children
    )
