"""Assess: what a person says of an image or of an item itself, in one transaction with all that follows.

1. Lock what is judged; the round that the person saw must still be the one that is open.
2. Rule (`rules/assessing.py`): place, basis, event. The database refuses again what it must refuse.
3. Store the assessment, move the image, settle every item that shows it and every page that shows those.
"""

from datetime import datetime, timedelta
from uuid import UUID

from triage.errors import NotAllowedError, StaleStateError, UnknownThingError
from triage.model import Item, Person
from triage.rules.assessing import (
    ILLEGAL_LABELS,
    Judgement,
    Ruling,
    Subject,
    choose_verdict,
    is_drawn_for_second,
    rule,
    state_of_given,
)
from triage.rules.jurisdiction import check_detail
from triage.rules.lanes import SKIPPED
from triage.rules.states import Basis, ImageState, ItemKind, ItemState, Lane
from triage.steps.issue_sendings import release_for_image
from triage.steps.reopen_item import reopen_ahead
from triage.steps.settle_item import AssessPolicy, Settling, settle_items
from triage.store import assessments, classifications, custody, images, items, leases, looks
from triage.store.assessments import JudgedImage
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection


def assess_image(
    conn: Connection,
    item_id: UUID,
    image_id: UUID,
    judgement: Judgement,
    *,
    person: Person,
    round_: int,
    now: datetime,
    policy: AssessPolicy,
    is_lead_word: bool = False,
) -> ImageState:
    """Store what a person says of an image that an item (or a picture of its page) shows.

    Args:
        round_: the image's round that the person saw.
        is_lead_word: a lead decides a dispute; the route has checked the right.

    Returns:
        The state of the image after it.

    Raises:
        UnknownThingError: the item does not show this image.
        NotAllowedError: the rules do not allow it; says why.
        StaleStateError: it was reopened or judged in the meantime.
    """
    image = lock_shown_image(conn, item_id, image_id)
    if image.round != round_ or not images.is_waited_for(conn, image.id):
        raise StaleStateError
    settling = Settling(conn, [], person.id, now, policy)
    after = _judge_image(settling, image, judgement, item_id=item_id, is_lead_word=is_lead_word)
    custody.append(conn, settling.events, actor=settling.actor, now=now)
    return after


def lock_shown_image(conn: Connection, item_id: UUID, image_id: UUID) -> JudgedImage:
    """Lock an image that an item shows, itself or by a picture of its page.

    Raises:
        UnknownThingError: there is no such item, or it does not show this image.
    """
    if not images.is_shown_by(conn, image_id, item_id):
        raise UnknownThingError("This item does not show such a picture.")
    image = assessments.lock_image(conn, image_id)
    if image is None:
        raise UnknownThingError("There is no such picture.")
    return image


def _judge_image(
    settling: Settling, image: JudgedImage, judgement: Judgement, *, item_id: UUID, is_lead_word: bool
) -> ImageState:
    conn, person_id, now = settling.conn, settling.person_id, settling.now
    _end_looks(settling)
    given = assessments.read_given(conn, round_=image.round, image_id=image.id)
    if is_lead_word:
        voices = assessments.read_voices(conn, round_=image.round, image_id=image.id)
        _refuse_own_dispute(conn, voices, person_id, judgement)
    ruling = rule(
        Subject(image.state, image.is_known_by_list, can_be_shown=image.can_be_shown and image.has_views),
        given,
        judgement,
        person_id,
        has_looked=looks.has_looked(
            conn, image_id=image.id, person_id=person_id, round_=image.round, now=now
        ),
        is_lead_word=is_lead_word,
        is_drawn=is_drawn_for_second(image.id, image.round, settling.policy.second_look_share),
    )
    more = _store(settling, judgement, ruling, image.round, item_id=item_id, image_id=image.id)
    is_settling = ruling.event in ("assessed_one_suffices", "second_agrees", "lead_decides")
    verdict = choose_verdict(given, judgement.label, ruling.basis) if is_settling else None
    after = assessments.move_image(conn, image, ruling.event, now=now, verdict=verdict)
    settling.events.append(
        NewEvent(
            stream_of("image", image.id),
            ruling.event,
            {"label": int(judgement.label), "place": ruling.place.value, "basis": ruling.basis.value, **more},
        )
    )
    shown_by = images.find_items_showing_now(conn, image.id)
    if judgement.danger:
        items.mark_danger(conn, shown_by)
    if after is ImageState.DISPUTED:
        reopen_ahead(settling, shown_by)
    settle_items(settling, shown_by)
    if after is ImageState.SETTLED:
        settling.events.extend(release_for_image(conn, shown_by, now=now, policy=settling.policy.sending))
    return after


def assess_item(
    conn: Connection,
    item_id: UUID,
    judgement: Judgement,
    *,
    person: Person,
    round_: int,
    now: datetime,
    policy: AssessPolicy,
    is_lead_word: bool = False,
) -> ItemState:
    """Store what a person says of an item itself: a text, a page, a dead link.

    Raises:
        NotAllowedError: the rules do not allow it, or the item shows a picture: that is judged instead.
        StaleStateError, UnknownThingError: see `assess_image`.
    """
    item = lock_waiting_item(conn, item_id, round_)
    if assessments.read_shown(conn, item.id):
        raise NotAllowedError("This item is a picture: judge the picture.")
    settling = Settling(conn, [], person.id, now, policy)
    given = assessments.read_given(conn, round_=item.round, item_id=item.id)
    if is_lead_word:
        voices = assessments.read_voices(conn, round_=item.round, item_id=item.id)
        _refuse_own_dispute(conn, voices, person.id, judgement)
    state = ImageState.DISPUTED if item.state is ItemState.AWAITING_LEAD else state_of_given(given)
    could_be_seen = item.kind is ItemKind.TEXT or item.captured_at is not None
    subject = Subject(state, is_known_by_list=False, can_be_shown=could_be_seen, is_image=False)
    ruling = rule(
        subject, given, judgement, person.id, has_looked=False, is_lead_word=is_lead_word, is_drawn=False
    )
    more = _store(settling, judgement, ruling, item.round, item_id=item.id, image_id=None)
    settling.events.append(
        NewEvent(
            stream_of("item", item.id),
            "assessed",
            {"label": int(judgement.label), "place": ruling.place.value, **more},
        )
    )
    if judgement.danger:
        items.mark_danger(conn, [item.id])
    settle_items(settling, [item.id])
    custody.append(conn, settling.events, actor=settling.actor, now=now)
    after = items.lock_item(conn, item.id)
    return after.state if after else item.state


def confirm_item(
    conn: Connection,
    item_id: UUID,
    *,
    person: Person,
    round_: int,
    now: datetime,
    policy: AssessPolicy,
    danger: bool = False,
    police_hold: bool = False,
) -> None:
    """Confirm without a look: every image of the item is known, or was judged before.

    Raises:
        NotAllowedError: some image of it is not known, or a picture of the page is not captured yet.
        StaleStateError, UnknownThingError: see `assess_image`.
    """
    item = _lock_item_to_confirm(conn, item_id, round_)
    own = state_of_given(assessments.read_given(conn, round_=item.round, item_id=item.id))
    if own in (ImageState.JUDGED_ONCE, ImageState.DISPUTED):
        raise NotAllowedError("Somebody judged the item itself: that must be settled first.")
    settling = Settling(conn, [], person.id, now, policy, danger=danger, police_hold=police_hold)
    children = items.lock_items(conn, [child.id for child in items.read_children(conn, item.id)])
    if item.captured_at is None or any(child.state is ItemState.RECEIVED for child in children):
        raise NotAllowedError("Not all of it is captured yet.")
    _confirm_images(settling, [item, *children], danger=danger, police_hold=police_hold)
    settling.events.append(NewEvent(stream_of("item", item.id), "confirmed_without_look"))
    if danger:
        items.mark_danger(conn, [item.id, *(child.id for child in children)])
    waiting = [child.id for child in children if child.state is ItemState.AWAITING_ASSESSMENT]
    settle_items(settling, [*waiting, item.id])
    custody.append(conn, settling.events, actor=settling.actor, now=now)


def _lock_item_to_confirm(conn: Connection, item_id: UUID, round_: int) -> Item:
    """Lock an item that waits, or that a second assessor confirms: a list may know its pictures since it went on."""
    found = leases.read_leasable(conn, item_id)
    if found is None or not found.waits_second:
        return lock_waiting_item(conn, item_id, round_)
    item = items.lock_item(conn, item_id)
    if item is None or item.round != round_:
        raise StaleStateError
    return item


def confirm_known_pictures(
    conn: Connection, page_id: UUID, *, person: Person, round_: int, now: datetime, policy: AssessPolicy
) -> int:
    """Confirm without a look those pictures of a page that are known, and leave the others; return how many.

    Raises:
        NotAllowedError: none of them is known.
        StaleStateError, UnknownThingError: see `assess_image`.
    """
    page = lock_waiting_item(conn, page_id, round_)
    settling = Settling(conn, [], person.id, now, policy)
    known = [child.id for child in items.read_children(conn, page.id) if child.lane is Lane.NO_LOOK]
    if not known:
        raise NotAllowedError("No picture of this page is known.")
    children = items.lock_items(conn, sorted(known))
    _confirm_images(settling, children, danger=False, police_hold=False)
    settling.events.extend(
        NewEvent(stream_of("item", child.id), "confirmed_without_look") for child in children
    )
    settle_items(settling, [child.id for child in children])
    custody.append(conn, settling.events, actor=settling.actor, now=now)
    return len(children)


def _confirm_images(settling: Settling, shown_by: list[Item], *, danger: bool, police_hold: bool) -> None:
    """Judge each image by the trusted lists that know it; refuse all if one is neither known nor settled."""
    conn = settling.conn
    shown_on = {image.id: one.id for one in shown_by for image in assessments.read_shown(conn, one.id)}
    if not shown_on:
        raise NotAllowedError("There is no picture here to confirm.")
    locked = (assessments.lock_image(conn, one) for one in sorted(shown_on))
    shown = [image for image in locked if image is not None]
    if any(not image.is_known_by_list and image.state is not ImageState.SETTLED for image in shown):
        raise NotAllowedError("Not every picture of this item is known: look at those that are not.")
    for image in shown:
        if image.state is not ImageState.SETTLED:
            judgement = Judgement(image.list_label, danger=danger, police_hold=police_hold)
            _judge_image(settling, image, judgement, item_id=shown_on[image.id], is_lead_word=False)


def skip(
    conn: Connection,
    item_id: UUID,
    *,
    person: Person,
    round_: int,
    now: datetime,
    policy: AssessPolicy,
    image_id: UUID | None = None,
) -> None:
    """Pass over an item or one image of it, without a reason; the second time it goes to a lead.

    An image that was judged once is passed over whatever became of the item meanwhile: a desk may have acted on it.
    """
    settling = Settling(conn, [], person.id, now, policy)
    _end_looks(settling)
    if image_id is None:
        item = lock_waiting_item(conn, item_id, round_)
        _refuse_to_skip_lead(item)
        skips = assessments.insert_skip(
            conn, person_id=person.id, round_=item.round, item_id=item.id, now=now
        )
        settling.events.append(NewEvent(stream_of("item", item.id), "skipped"))
        if skips >= 2:
            _send_to_lead(settling, item)
    else:
        items.lock_item(conn, item_id)
        image = lock_shown_image(conn, item_id, image_id)
        if image.round != round_ or image.state not in (ImageState.UNJUDGED, ImageState.JUDGED_ONCE):
            raise StaleStateError
        if image.state is ImageState.UNJUDGED:
            _refuse_to_skip_lead(lock_waiting_item(conn, item_id, None))
        elif not images.is_waited_for(conn, image.id):
            raise StaleStateError
        skips = assessments.insert_skip(
            conn, person_id=person.id, round_=image.round, image_id=image.id, now=now
        )
        settling.events.append(NewEvent(stream_of("image", image.id), "skipped"))
        if skips >= 2:
            assessments.move_image(conn, image, "unsure", now=now)
            shown_by = images.find_items_showing_now(conn, image.id)
            reopen_ahead(settling, shown_by)
            settle_items(settling, shown_by)
    custody.append(conn, settling.events, actor=settling.actor, now=now)


def _refuse_to_skip_lead(item: Item) -> None:
    if item.state is ItemState.AWAITING_LEAD:
        raise NotAllowedError("A lead has the last word here; leave it for another one.")


def lock_waiting_item(conn: Connection, item_id: UUID, round_: int | None) -> Item:
    """Lock an item that waits for an assessment or a lead, in the round that the person saw.

    Raises:
        UnknownThingError: there is no such item.
        StaleStateError: it does not wait any more, or was reopened in the meantime.
    """
    item = items.lock_item(conn, item_id)
    if item is None:
        raise UnknownThingError("There is no such item.")
    if item.state not in (ItemState.AWAITING_ASSESSMENT, ItemState.AWAITING_LEAD):
        raise StaleStateError
    if round_ is not None and item.round != round_:
        raise StaleStateError
    return item


def _send_to_lead(settling: Settling, item: Item) -> None:
    items.move_item(
        settling.conn, item.id, item.state, "unsure", now=settling.now, lane=Lane.LEAD, reason=SKIPPED
    )
    settling.events.append(NewEvent(stream_of("item", item.id), "awaits_lead"))


def _store(
    settling: Settling,
    judgement: Judgement,
    ruling: Ruling,
    round_: int,
    *,
    item_id: UUID,
    image_id: UUID | None,
) -> dict[str, str]:
    """Store what a person said, and its detail; return what the custody event says beside the label.

    Args:
        item_id: the item on whose page it is said.
        image_id: None: the item itself is judged.
    """
    if judgement.detail is not None:
        check_detail(judgement.label, judgement.detail)
        if ruling.basis is not Basis.LOOKED:
            raise NotAllowedError("You have not looked at it, so its detail stays open.")
    assessment_id = assessments.insert_assessment(
        settling.conn,
        judgement,
        person_id=settling.person_id,
        place=ruling.place,
        basis=ruling.basis,
        round_=round_,
        now=settling.now,
        image_id=image_id,
        item_id=item_id if image_id is None else None,
    )
    more = {} if judgement.reason_code is None else {"reason_code": judgement.reason_code.value}
    if judgement.detail is None:
        return more
    classification_id = classifications.insert_classification(
        settling.conn,
        judgement.detail,
        person_id=settling.person_id,
        item_id=item_id,
        image_id=image_id,
        round_=round_,
        assessment_id=assessment_id,
        now=settling.now,
    )
    return more | {"detail": str(classification_id)}


def _refuse_own_dispute(conn: Connection, voices: set[UUID], person_id: UUID, judgement: Judgement) -> None:
    """Refuse a lead's word on what this lead said or passed over, while there is a lead who did neither.

    Without one a lead may decide between others and themselves, but never settle as illegal what nobody else has
    met: being unsure, or passing over twice, must not make one person first and second.
    """
    if person_id not in voices:
        return
    if assessments.count_other_leads(conn, voices) > 0:
        raise NotAllowedError("You are a party to this dispute; another lead decides it.")
    if voices == {person_id} and judgement.label in ILLEGAL_LABELS:
        raise NotAllowedError("Nobody but you has met this: an illegal label needs a second person.")


def _end_looks(settling: Settling) -> None:
    looks.end_looks(
        settling.conn,
        settling.person_id,
        now=settling.now,
        longest=timedelta(seconds=settling.policy.look_max_s),
    )
