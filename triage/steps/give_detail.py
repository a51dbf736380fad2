"""Give the detail of what is settled as illegal, in one transaction; a partner referral that waited for it may leave.

Only what somebody saw has one, and only an assessor of it or a lead says it. What was said before stays stored; what
is said now counts. Where that changes what the police or a partner were told, they are told anew.
"""

from datetime import datetime
from uuid import UUID

from triage.errors import NotAllowedError, StaleStateError, UnknownThingError
from triage.model import Person
from triage.rules.assessing import ILLEGAL_LABELS, Label, NationalVerdict, state_of_given
from triage.rules.classification import Detail
from triage.rules.jurisdiction import check_detail
from triage.rules.rights import Right, rights_of
from triage.rules.sending import AWAITS_DETAIL, SendingPolicy
from triage.rules.states import Basis, ImageState
from triage.steps.assess import lock_shown_image
from triage.steps.update_sendings import update_for_items
from triage.store import assessments, classifications, custody, images, items, recipients, sendings
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection
from triage.store.sending_moves import delay_sending


def give_detail(
    conn: Connection,
    item_id: UUID,
    image_id: UUID | None,
    detail: Detail,
    *,
    person: Person,
    now: datetime,
    policy: SendingPolicy,
) -> None:
    """Store the detail of a picture that an item shows, or of an item that was judged itself.

    Args:
        image_id: None for the item itself.

    Raises:
        UnknownThingError: there is no such item, or it does not show this picture.
        StaleStateError: it is not settled as illegal any more.
        NotAllowedError: nobody looked at it, this person may not say it, or it contradicts the label.
    """
    if image_id is None:
        round_, label, voices = _lock_item(conn, item_id)
        shown_by = [item_id]
    else:
        round_, label, voices = _lock_image(conn, item_id, image_id)
        shown_by = images.find_items_showing_now(conn, image_id)
    if person.id not in voices and Right.DECIDE not in rights_of(person.roles):
        raise NotAllowedError("Only who assessed it, or a lead, says its detail.")
    check_detail(label, detail)
    above = {parent for one in shown_by for parent in items.read_parent_ids(conn, one)}
    told = sorted({*shown_by, *above}) if image_id else [item_id]
    before = _settle_for(conn, image_id, told)
    classification_id = classifications.insert_classification(
        conn,
        detail,
        person_id=person.id,
        item_id=item_id,
        image_id=image_id,
        round_=round_,
        assessment_id=None,
        now=now,
    )
    stream = stream_of("item", item_id) if image_id is None else stream_of("image", image_id)
    events = [NewEvent(stream, "detail_given", {"detail": str(classification_id)})]
    recipients.hold_recipients(conn)
    _wake(conn, sorted({*shown_by, *above}), now=now, policy=policy)
    after = _settle_for(conn, image_id, told)
    changed = [one for one in told if before[one] is not None and before[one] != after[one]]
    events += update_for_items(conn, changed, now=now, policy=policy)
    custody.append(conn, events, actor=f"person/{person.id}", now=now)


def _lock_image(conn: Connection, item_id: UUID, image_id: UUID) -> tuple[int, Label, set[UUID]]:
    image = lock_shown_image(conn, item_id, image_id)
    if image.state is not ImageState.SETTLED or image.verdict is not NationalVerdict.ILLEGAL:
        raise StaleStateError
    if image.verdict_basis is not Basis.LOOKED:
        raise NotAllowedError("Nobody looked at it: what is known of it is what its list says.")
    given = assessments.read_given(conn, round_=image.round, image_id=image.id)
    label = Label.BASELINE if image.verdict_baseline else Label.NATIONAL
    return image.round, label, {one.person_id for one in given}


def _lock_item(conn: Connection, item_id: UUID) -> tuple[int, Label, set[UUID]]:
    item = items.lock_item(conn, item_id)
    if item is None:
        raise UnknownThingError("There is no such item.")
    given = assessments.read_given(conn, round_=item.round, item_id=item.id)
    is_settled = item.settled_at is not None and state_of_given(given) is ImageState.SETTLED
    if not is_settled or given[-1].label not in ILLEGAL_LABELS:
        raise StaleStateError
    return item.round, given[-1].label, {one.person_id for one in given}


def _settle_for(conn: Connection, image_id: UUID | None, item_ids: list[UUID]) -> dict[UUID, Detail | None]:
    """Return the settled detail of a picture as each item shows it; without a picture, of the item itself."""
    if image_id is None:
        said = classifications.read_said_details(conn, item_ids=item_ids)
        return {one: said[one].settle(one) if one in said else None for one in item_ids}
    found = classifications.read_said_details(conn, image_ids=[image_id]).get(image_id)
    return {one: found.settle(one) if found else None for one in item_ids}


def _wake(conn: Connection, item_ids: list[UUID], *, now: datetime, policy: SendingPolicy) -> None:
    """Let the messages look again that waited for a detail of these items."""
    for sending in sendings.lock_of_items(conn, item_ids):
        if sending.reason == AWAITS_DETAIL:
            delay_sending(conn, sending.id, next_try_at=policy.leaves_at(now))
