"""Judging: what a label says, which label is allowed on what, how many assessors it takes, and what follows.

Nothing here knows a person's name or a database: places and labels come in, an event of the tables of states
comes out.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from uuid import UUID

from triage.errors import NotAllowedError
from triage.rules.classification import Detail
from triage.rules.states import Basis, ClosedAs, ImageState, ItemState


class NationalVerdict(StrEnum):
    """What the national law says of an image or item."""

    ILLEGAL = "illegal"
    NOT_ILLEGAL = "not_illegal"
    OUT_OF_SCOPE = "out_of_scope"
    DOUBTFUL = "doubtful"


class Label(IntEnum):
    """The key that an assessor presses."""

    BASELINE = 1
    NATIONAL = 2
    NOT_ILLEGAL = 3
    OUT_OF_REMIT = 4
    DEAD_LINK = 5
    UNSURE = 6


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a label says, by national law and by the baseline criteria."""

    national: NationalVerdict | None
    baseline: bool | None


MEANINGS: dict[Label, Meaning] = {
    Label.BASELINE: Meaning(NationalVerdict.ILLEGAL, True),
    Label.NATIONAL: Meaning(NationalVerdict.ILLEGAL, False),
    Label.NOT_ILLEGAL: Meaning(NationalVerdict.NOT_ILLEGAL, False),
    Label.OUT_OF_REMIT: Meaning(NationalVerdict.OUT_OF_SCOPE, False),
    Label.DEAD_LINK: Meaning(None, None),
    Label.UNSURE: Meaning(NationalVerdict.DOUBTFUL, None),
}
ILLEGAL_LABELS = frozenset({Label.BASELINE, Label.NATIONAL})


class Place(StrEnum):
    """The place of an assessment in its round."""

    FIRST = "first"
    SECOND = "second"
    LEAD = "lead"


class SecondAssessor(StrEnum):
    """What two assessors gate: every notice on a new picture, or only what is shared with partners."""

    BEFORE_NOTICE = "before_notice"
    BEFORE_SHARING = "before_sharing"


class ReasonCode(StrEnum):
    """Why, in one key; it may be left out."""

    AGE_CLEAR = "age_clear"
    AGE_UNCLEAR = "age_unclear"
    NO_CHILD = "no_child"
    ART_OR_VIRTUAL = "art_or_virtual"
    NEEDS_LAW_CHECK = "needs_law_check"


REASON_KEYS: dict[str, ReasonCode] = dict(zip("QWERT", ReasonCode, strict=True))
"""The key of each."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one person says.

    Attributes:
        danger: a child may be at risk now: the police referral leaves after this first assessment.
        police_hold: the police decide when a notice may follow.
        reason: in their own words.
        detail: what they said in the detail panel, if anything.
    """

    label: Label
    danger: bool = False
    police_hold: bool = False
    reason: str = ""
    reason_code: ReasonCode | None = None
    detail: Detail | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """An assessment of this round that stands already."""

    place: Place
    person_id: UUID
    label: Label
    basis: Basis
    danger: bool
    police_hold: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged.

    Attributes:
        state: of the image; of an item that is judged itself, the state that its assessments amount to.
        is_known_by_list: an exact digest of a trusted set.
        can_be_shown: there is a view that a person can look at; an item that is judged itself was captured,
            or is a text.
        is_image: False for an item that is judged itself.
    """

    state: ImageState
    is_known_by_list: bool
    can_be_shown: bool
    is_image: bool = True


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a judgement amounts to: its place and basis, and the event of the table of images."""

    place: Place
    basis: Basis
    event: str


def rule(
    subject: Subject,
    given: Sequence[Given],
    judgement: Judgement,
    person_id: UUID,
    *,
    has_looked: bool,
    is_lead_word: bool,
    is_drawn: bool,
) -> Ruling:
    """Rule on a judgement.

    Args:
        given: the assessments of this round.
        has_looked: a logged look of this person at this image in this round.
        is_lead_word: a lead decides a dispute.
        is_drawn: drawn by lot for a second assessor, should it be judged not illegal.

    Raises:
        NotAllowedError: the rules of states do not allow it; says why.
    """
    label = judgement.label
    place = _find_place(subject.state, given, person_id, is_lead_word=is_lead_word)
    basis = _find_basis(subject, label, has_looked=has_looked)
    if label is Label.DEAD_LINK and subject.is_image:
        raise NotAllowedError("Dead link is said of an address, not of a picture.")
    if label is Label.UNSURE and place is Place.LEAD:
        if subject.can_be_shown:
            raise NotAllowedError(
                "A lead decides; only what nobody could see may go to the police as not viewed."
            )
        if not judgement.police_hold:
            raise NotAllowedError("It goes to the police as not viewed: tick police first too.")
        return Ruling(place, Basis.FACTS, "lead_decides")
    if judgement.police_hold and label not in ILLEGAL_LABELS:
        raise NotAllowedError("Police first goes with an illegal label.")
    if judgement.danger and label not in ILLEGAL_LABELS | {Label.UNSURE}:
        raise NotAllowedError("A child at risk goes with an illegal label, or with unsure.")
    if place is Place.LEAD:
        return Ruling(place, basis, "lead_decides")
    if label is Label.UNSURE:
        return Ruling(place, basis, "unsure")
    if place is Place.SECOND:
        first = next(one for one in given if one.place is Place.FIRST)
        return Ruling(place, basis, "second_agrees" if first.label is label else "second_differs")
    needs_second = _needs_second(subject, label, is_drawn=is_drawn)
    return Ruling(place, basis, "assessed_second_needed" if needs_second else "assessed_one_suffices")


def _find_place(state: ImageState, given: Sequence[Given], person_id: UUID, *, is_lead_word: bool) -> Place:
    if state is ImageState.SETTLED:
        raise NotAllowedError("This is settled; reopen it to judge it anew.")
    if is_lead_word != (state is ImageState.DISPUTED):
        raise NotAllowedError("A lead decides what is disputed, and only that.")
    if any(one.place is Place.LEAD for one in given):
        raise NotAllowedError("A lead has decided this already; what is left to judge are its pictures.")
    if state is ImageState.DISPUTED:
        return Place.LEAD
    if any(one.person_id == person_id for one in given):
        raise NotAllowedError("You have judged this already; nobody is their own second.")
    return Place.SECOND if state is ImageState.JUDGED_ONCE else Place.FIRST


def _find_basis(subject: Subject, label: Label, *, has_looked: bool) -> Basis:
    if has_looked or (subject.can_be_shown and not subject.is_image):
        return Basis.LOOKED
    if label not in ILLEGAL_LABELS:
        return Basis.FACTS
    if subject.is_known_by_list:
        return Basis.EXACT_HASH
    if not subject.can_be_shown:
        raise NotAllowedError(
            "What cannot be displayed here cannot be judged illegal; press unsure for a lead."
        )
    raise NotAllowedError("Look at the picture first: an illegal label on a new picture needs your own look.")


def _needs_second(subject: Subject, label: Label, *, is_drawn: bool) -> bool:
    if label in ILLEGAL_LABELS:
        return not (subject.is_image and subject.is_known_by_list)
    if label in (Label.NOT_ILLEGAL, Label.OUT_OF_REMIT) and subject.is_known_by_list:
        return True  # who contradicts a trusted list needs a second voice
    return label is Label.NOT_ILLEGAL and is_drawn


def is_drawn_for_second(image_id: UUID, round_: int, share: float) -> bool:
    """Whether a picture is drawn by lot for a second assessor; the same answer whenever it is asked.

    Args:
        share: of all pictures, 0 to 1.
    """
    digest = hashlib.sha256(image_id.bytes + round_.to_bytes(8, "big")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2.0**64


def state_of_given(given: Sequence[Given]) -> ImageState:
    """Return the state that the assessments of an item itself amount to, by the table of images."""
    labels = {one.place: one.label for one in given}
    if Place.LEAD in labels:
        return ImageState.SETTLED
    first, second = labels.get(Place.FIRST), labels.get(Place.SECOND)
    if first is None:
        return ImageState.UNJUDGED
    if Label.UNSURE in (first, second):
        return ImageState.DISPUTED
    if second is not None:
        return ImageState.SETTLED if first is second else ImageState.DISPUTED
    return ImageState.JUDGED_ONCE if first in ILLEGAL_LABELS else ImageState.SETTLED


def choose_verdict(
    given: Sequence[Given], label: Label, basis: Basis
) -> tuple[NationalVerdict, bool | None, Basis]:
    """Return the verdict that the last assessment settles: national, baseline, and on what it stands.

    Args:
        given: what stood before it in its round.
        label, basis: of the last one.
    """
    meaning = MEANINGS[label]
    if meaning.national is None:
        raise NotAllowedError("A dead link settles an address, not a picture.")
    bases = {basis, *(one.basis for one in given if one.label is label)}
    strongest = next(one for one in (Basis.LOOKED, Basis.EXACT_HASH, Basis.FACTS) if one in bases)
    return meaning.national, meaning.baseline, strongest


# What an item comes to, once everything it shows is judged


class Outcome(StrEnum):
    """What an item or page comes to; the gravest first."""

    POLICE_FIRST = "settled_police_first"
    ACTIONABLE = "settled_actionable"
    OUT_OF_REMIT = "out_of_remit"
    NOT_ACTIONABLE = "settled_not_actionable"


_GRAVITY = tuple(Outcome)


def find_gravest(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the gravest of outcomes; of none, not actionable."""
    return min(outcomes, key=_GRAVITY.index, default=Outcome.NOT_ACTIONABLE)


def outcome_of_verdict(national: NationalVerdict | None, *, police_hold: bool) -> Outcome:
    """Return what one settled verdict leads to.

    Args:
        national: None for a dead link.
        police_hold: one of its assessors said police first.
    """
    if national is NationalVerdict.ILLEGAL:
        return Outcome.POLICE_FIRST if police_hold else Outcome.ACTIONABLE
    if national is NationalVerdict.DOUBTFUL:
        return Outcome.POLICE_FIRST  # a lead sends it to the police as not viewed, and never as a notice
    if national is NationalVerdict.OUT_OF_SCOPE:
        return Outcome.OUT_OF_REMIT
    return Outcome.NOT_ACTIONABLE


_OPEN = frozenset({ItemState.RECEIVED, ItemState.AWAITING_ASSESSMENT, ItemState.AWAITING_LEAD})
_ACTED_ON = frozenset({ItemState.ACTIONABLE, ItemState.AWAITING_HOSTING, ItemState.NOTIFIED})
_REMOVED = frozenset({ClosedAs.REMOVED, ClosedAs.REMOVED_BEFORE_NOTICE, ClosedAs.REFERRED})


def outcome_of_child(state: ItemState, closed_as: ClosedAs | None) -> Outcome | None:
    """Return what a picture of a page has come to; None while it is open."""
    if state in _OPEN:
        return None
    if state is ItemState.HELD_FOR_POLICE:
        return Outcome.POLICE_FIRST
    if state in _ACTED_ON or closed_as in _REMOVED:
        return Outcome.ACTIONABLE
    if state is ItemState.AWAITING_HAND_ON or closed_as is ClosedAs.HANDED_ON:
        return Outcome.OUT_OF_REMIT
    return Outcome.NOT_ACTIONABLE
