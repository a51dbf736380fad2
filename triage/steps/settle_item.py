"""Settle an item: move it as far as what is judged of it allows, and the pages that show it.

1. A picture's item follows its image: disputed goes to a lead, settled moves on, half judged waits for a second.
2. An item that is judged itself (a text, a page, a dead link) follows its own assessments.
3. A page moves in the transaction of its last open picture, by the gravest outcome.
4. With an illegal verdict the police referral is written in the same transaction, held or not; where the
   verdict is not illegal any more, what was queued or sent is taken back.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from triage.model import Item
from triage.rules.assessing import (
    ILLEGAL_LABELS,
    MEANINGS,
    Given,
    Label,
    NationalVerdict,
    Outcome,
    SecondAssessor,
    find_gravest,
    outcome_of_child,
    outcome_of_verdict,
    state_of_given,
)
from triage.rules.lanes import DISPUTED, OUT_OF_REMIT, SECOND, Placing, ShownChild
from triage.rules.sending import SendingPolicy
from triage.rules.states import Basis, ClosedAs, ImageState, ItemState, Lane
from triage.settings import Settings
from triage.steps.close_sendings import withdraw_for_items
from triage.steps.issue_sendings import issue_police
from triage.steps.place_item import bring_back, choose_place
from triage.store import assessments, captures, holds, items
from triage.store.assessments import JudgedImage
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection

_JUDGEABLE = (ItemState.AWAITING_ASSESSMENT, ItemState.AWAITING_LEAD)


@dataclass(frozen=True, slots=True)
class AssessPolicy:
    """What of the settings judging needs."""

    second_assessor: SecondAssessor
    second_look_share: float
    undo_s: float
    look_max_s: float
    sending: SendingPolicy

    @classmethod
    def from_settings(cls, settings: Settings) -> "AssessPolicy":
        """Return the policy that the settings say."""
        return cls(
            second_assessor=SecondAssessor(settings.second_assessor),
            second_look_share=settings.second_look_share,
            undo_s=settings.undo_s,
            look_max_s=settings.look_max_s,
            sending=SendingPolicy.from_settings(settings),
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What an item comes to: an outcome, or that it still waits, and on what the verdict stands."""

    outcome: Outcome | None
    is_disputed: bool = False
    basis: Basis = Basis.LOOKED
    has_danger: bool = False
    is_illegal: bool = False


@dataclass(frozen=True, slots=True)
class Settling:
    """One transaction of settling: who judges, when, and the custody events that it gathers.

    Attributes:
        danger, police_hold: said with a confirmation; they count also for what was settled before.
    """

    conn: Connection
    events: list[NewEvent]
    person_id: UUID
    now: datetime
    policy: AssessPolicy
    danger: bool = False
    police_hold: bool = False

    @property
    def actor(self) -> str:
        """The actor of the custody events."""
        return f"person/{self.person_id}"


def settle_items(settling: Settling, item_ids: list[UUID]) -> None:
    """Settle items that wait, then the pages that show them; all are locked in the order of their ids."""
    conn = settling.conn
    parent_ids = {parent for item_id in item_ids for parent in items.read_parent_ids(conn, item_id)}
    locked = {item.id: item for item in items.lock_items(conn, sorted({*item_ids, *parent_ids}))}
    if _bring_back_small(settling, [locked[item_id] for item_id in sorted(set(item_ids))]):
        locked = {item.id: item for item in items.lock_items(conn, sorted(locked))}
    for item_id in sorted(item_ids):
        _settle(settling, locked[item_id])
    settled = set(item_ids)
    while parent_ids - settled:  # a page may itself be what another page shows
        above = items.lock_items(conn, sorted(parent_ids - settled))
        for page in above:
            _settle(settling, page)
        settled |= parent_ids
        parent_ids = {parent for page in above for parent in items.read_parent_ids(conn, page.id)}


def _bring_back_small(settling: Settling, shown_by: list[Item]) -> bool:
    """Bring back pictures of pages that were left out as too small and are illegal after all."""
    back = [
        item
        for item in shown_by
        if item.closed_as is ClosedAs.TOO_SMALL
        and any(
            image.illegal_labels or image.verdict is NationalVerdict.ILLEGAL
            for image in assessments.read_shown(settling.conn, item.id)
        )
    ]
    for item in back:
        bring_back(settling.conn, item, settling.events, now=settling.now, is_captured_again=False)
    return bool(back)


def _settle(settling: Settling, item: Item) -> None:
    if item.state not in _JUDGEABLE:
        return
    standing = _read_standing(settling, item)
    if standing.has_danger and standing.outcome is None:
        _refer_to_police(settling, item, standing, is_held=False)
    if standing.outcome is not None:
        _move(settling, item, standing)
    elif standing.is_disputed and item.state is ItemState.AWAITING_ASSESSMENT:
        items.move_item(
            settling.conn, item.id, item.state, "unsure", now=settling.now, lane=Lane.LEAD, reason=DISPUTED
        )
        settling.events.append(NewEvent(stream_of("item", item.id), "awaits_lead"))
    elif item.state is ItemState.AWAITING_ASSESSMENT:
        _place_again(settling, item)


def _place_again(settling: Settling, item: Item) -> None:
    conn = settling.conn
    given = assessments.read_given(conn, round_=item.round, item_id=item.id)
    place = (
        Placing(Lane.SECOND, SECOND)
        if state_of_given(given) is ImageState.JUDGED_ONCE
        else choose_place(conn, item.id, status=captures.read_last_status(conn, item.id))
    )
    if (
        items.set_lane(conn, item.id, lane=place.lane, reason=place.reason, now=settling.now)
        and place.lane != item.base_lane
    ):
        settling.events.append(NewEvent(stream_of("item", item.id), "placed", {"lane": place.lane.value}))


# What an item comes to


def _read_standing(settling: Settling, item: Item) -> Standing:
    conn = settling.conn
    own = _standing_of_given(assessments.read_given(conn, round_=item.round, item_id=item.id), item)
    shown = [
        replace(
            image,
            has_danger=image.has_danger or settling.danger,
            has_hold=image.has_hold or settling.police_hold,
        )
        for image in assessments.read_shown(conn, item.id)
    ]
    if own is None and shown:
        own = _standing_of_images(shown, settling.policy.second_assessor)
    children = items.read_children(conn, item.id)
    if children:
        return _standing_of_page(settling, item, own, children)
    return own or Standing(None)


def _standing_of_given(given: list[Given], item: Item) -> Standing | None:
    if not given:
        return None
    state = state_of_given(given)
    last = given[-1]
    has_danger = any(one.danger for one in given if one.label in ILLEGAL_LABELS)
    if state is ImageState.SETTLED:
        national = MEANINGS[last.label].national
        hold = any(one.police_hold for one in given)
        is_illegal = national is NationalVerdict.ILLEGAL
        outcome = (
            Outcome.NOT_ACTIONABLE
            if last.label is Label.DEAD_LINK
            else outcome_of_verdict(national, police_hold=hold)
        )
        basis = Basis.FACTS if national is NationalVerdict.DOUBTFUL else Basis.LOOKED
        return Standing(outcome, basis=basis, has_danger=has_danger and is_illegal, is_illegal=is_illegal)
    is_disputed = state is ImageState.DISPUTED or item.state is ItemState.AWAITING_LEAD
    return Standing(None, is_disputed=is_disputed, has_danger=has_danger)


def _standing_of_images(shown: list[JudgedImage], second: SecondAssessor) -> Standing:
    has_danger = any(
        image.has_danger and (image.illegal_labels or image.verdict is NationalVerdict.ILLEGAL)
        for image in shown
    )
    if any(image.state is ImageState.DISPUTED for image in shown):
        return Standing(None, is_disputed=True, has_danger=has_danger)
    # A desk of one may act at home on one assessor; partners and the hash feed still wait for the second.
    ahead = [image for image in shown if image.state is ImageState.JUDGED_ONCE and image.illegal_labels]
    acts_alone = second is SecondAssessor.BEFORE_SHARING
    if any(image.state is not ImageState.SETTLED and not (acts_alone and image in ahead) for image in shown):
        return Standing(None, has_danger=has_danger)
    outcomes = [
        outcome_of_verdict(
            NationalVerdict.ILLEGAL if image in ahead else image.verdict, police_hold=image.has_hold
        )
        for image in shown
    ]
    illegal = [image for image in shown if image in ahead or image.verdict is NationalVerdict.ILLEGAL]
    bases = {image.verdict_basis or Basis.LOOKED for image in illegal}
    basis = Basis.LOOKED if Basis.LOOKED in bases else Basis.EXACT_HASH if bases else Basis.FACTS
    return Standing(
        find_gravest(outcomes), basis=basis, has_danger=has_danger and bool(illegal), is_illegal=bool(illegal)
    )


def _standing_of_page(
    settling: Settling,
    item: Item,
    own: Standing | None,
    children: list[ShownChild],
) -> Standing:
    outcomes = [outcome_of_child(child.state, child.closed_as) for child in children]
    danger = own is not None and own.has_danger
    if own is not None and own.outcome is None:
        return own
    open_states = {child.state for child, outcome in zip(children, outcomes, strict=True) if outcome is None}
    if open_states:
        return Standing(None, is_disputed=open_states == {ItemState.AWAITING_LEAD}, has_danger=danger)
    judged = [outcome for outcome in outcomes if outcome is not None]
    if own is not None and own.outcome is not None:
        judged.append(own.outcome)
    bases = items.read_child_bases(settling.conn, item.id)
    is_illegal = bool(bases) or (own is not None and own.is_illegal)
    looked = (own is not None and own.is_illegal) or "looked" in bases
    basis = Basis.LOOKED if looked else Basis.EXACT_HASH if "exact_hash" in bases else Basis.FACTS
    return Standing(find_gravest(judged), basis=basis, has_danger=danger, is_illegal=is_illegal)


# What follows


def _move(settling: Settling, item: Item, standing: Standing) -> None:
    outcome = standing.outcome
    if outcome is None:
        raise TypeError("an item without an outcome does not move")
    conn, now = settling.conn, settling.now
    is_held = outcome is Outcome.POLICE_FIRST
    hand_on = outcome is Outcome.OUT_OF_REMIT
    after = items.move_item(
        conn,
        item.id,
        item.state,
        outcome.value,
        now=now,
        lane=Lane.HAND_ON if hand_on else None,
        reason=OUT_OF_REMIT if hand_on else None,
        closed_as=ClosedAs.NOT_ACTIONABLE if outcome is Outcome.NOT_ACTIONABLE else None,
        is_settled=True,
    )
    settling.events.append(
        NewEvent(
            stream_of("item", item.id), outcome.value, {"basis": standing.basis.value, "state": after.value}
        )
    )
    if is_held:
        holds.set_hold(conn, item.id, item.round, settling.person_id, now=now)
    if outcome in (Outcome.POLICE_FIRST, Outcome.ACTIONABLE):
        _refer_to_police(settling, item, standing, is_held=is_held)
    else:
        _take_back_danger(settling, item)


def _take_back_danger(settling: Settling, item: Item) -> None:
    """Take back what was told ahead because a child might be at risk, if that was in this round.

    What was told in an earlier round was true then: that an address is gone now takes nothing of it back.
    """
    since = assessments.read_danger_since(settling.conn, item.id)
    if since is None:
        return
    settling.events.extend(
        withdraw_for_items(
            settling.conn,
            [item],
            now=settling.now,
            reason="judged not illegal",
            policy=settling.policy.sending,
            since=since,
        )
    )


def _refer_to_police(settling: Settling, item: Item, standing: Standing, *, is_held: bool) -> None:
    settling.events.extend(
        issue_police(
            settling.conn,
            item,
            basis=standing.basis,
            is_held=is_held,
            is_urgent=standing.has_danger,
            now=settling.now,
            policy=settling.policy.sending,
        )
    )
