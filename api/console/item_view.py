"""What one person may read of one item on its own page: put together from what is stored, in one transaction.

1. Read the item, what came in, its captures, files and matches: everybody who sees the queue reads those.
2. A person who could still be the second assessor reads nothing of what the first one said, nor of what follows from
   it: no assessment, verdict, look of others, note, hosting, message or check, no state that the item reached by it.
   That is the rule of the review page. One word stands for every state: a desk may act on some labels at once, and on
   others not. Who assesses nothing reads all.
3. What was said of one file is heard by assessors once it is settled; one's own words always.
4. The chain of custody is held against its hashes, at once where it is short.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api.console.review_view import may_hear
from api.console.signed_in import SignedIn
from api.console.timeline import Moment, Told, make_timeline
from triage.errors import NotAllowedError, UnknownThingError
from triage.model import Item
from triage.rules.assessing import state_of_given
from triage.rules.leases import can_be_opened
from triage.rules.rights import Right
from triage.rules.states import ImageState, ItemState
from triage.steps.reopen_item import is_in_time, is_settled
from triage.store import assessments, custody, item_history, item_page, leases, review
from triage.store.classifications import find_awaiting_detail
from triage.store.custody import Verification, stream_of
from triage.store.hand_over_notes import HandOverNote, read_notes
from triage.store.item_history import HostingSeen, ImageSeen, MatchSeen
from triage.store.item_page import SHOWN, CaptureSeen, Relative, Some
from triage.store.leases import Lease, find_lease
from triage.store.review import ReportWords, UnreadableLine
from triage.store.rows import Connection
from triage.store.second_opinions import find_blind
from triage.store.sendings_page import SendingRow, list_of_item

GIVE_FIRST = "A second opinion on this item may be asked of you: give that first."
QUICK_CHAIN = 2000
"""Events that are held against their hashes whenever the page is opened; a longer chain is checked when asked."""


@dataclass(frozen=True, slots=True)
class ItemView:
    """The page of one item, for one person.

    Attributes:
        is_blind: this person could still be the second assessor.
        blind: pages and pictures of it of which the same holds.
        numbers: image → its number on the page.
        left_out: kind of moment → how many of them the timeline leaves out.
        awaits_detail: a partner referral waits for the detail of what is settled.
        lease: who has it open.
        chain: what became of checking its chain; None while nobody asked for it, or it is not for this person.
        chain_events: how long that chain is.
    """

    item: Item
    is_blind: bool
    has_danger: bool
    blind: frozenset[UUID]
    reports: Some[ReportWords]
    unreadable: list[UnreadableLine]
    captures: Some[CaptureSeen]
    images: Some[ImageSeen]
    numbers: dict[UUID, int]
    heard: frozenset[UUID]
    matches: Some[MatchSeen]
    hostings: Some[HostingSeen]
    messages: list[SendingRow]
    awaits_detail: bool
    notes: list[HandOverNote]
    children: Some[Relative]
    parents: Some[Relative]
    timeline: list[Moment]
    left_out: dict[str, int]
    lease: Lease | None
    may_open: bool
    may_undo: bool
    may_reopen: bool
    chain: Verification | None
    chain_events: int


def list_streams(item_id: UUID, images: Iterable[ImageSeen]) -> list[str]:
    """Return the streams of custody of an item and of the files that it showed."""
    return [stream_of("item", item_id), *(stream_of("image", one.id) for one in images)]


def is_blind_to(conn: Connection, item_id: UUID, signed_in: SignedIn) -> bool:
    """Whether a person could still be the second assessor of an item."""
    return signed_in.may(Right.ASSESS) and bool(find_blind(conn, [item_id], signed_in.person.id))


def require_heard(conn: Connection, item_id: UUID, signed_in: SignedIn) -> None:
    """Refuse an act on what became of an item, whatever that is, to who could still be its second assessor.

    Raises:
        NotAllowedError: they could.
    """
    if is_blind_to(conn, item_id, signed_in):
        raise NotAllowedError(GIVE_FIRST)


def build_item_view(
    conn: Connection,
    item_id: UUID,
    signed_in: SignedIn,
    *,
    now: datetime,
    undo_s: float,
    wants_chain: bool = False,
) -> ItemView:
    """Return the page of an item for one person.

    Args:
        wants_chain: also a long chain of custody is checked.

    Raises:
        UnknownThingError: there is no such item.
    """
    item = review.read_item(conn, item_id)
    if item is None:
        raise UnknownThingError("There is no such item.")
    assesses = signed_in.may(Right.ASSESS)
    reports = item_page.list_reports(conn, item_id)
    captures = item_page.list_captures(conn, item_id)
    images = item_history.list_images(conn, item_id)
    children, parents = item_page.list_children(conn, item_id), item_page.list_parents(conn, item_id)
    related = [one.id for one in (*children.rows, *parents.rows)]
    blind = find_blind(conn, [item_id, *related], signed_in.person.id) if assesses else frozenset[UUID]()
    is_blind = item_id in blind
    heard = frozenset(one.id for one in images.rows if may_hear(one.state, signed_in))
    numbers = {one.id: number for number, one in enumerate(images.rows, start=1) if one.is_shown}
    matches = item_history.list_matches(conn, [one.id for one in images.rows])
    looks = item_history.list_looks(conn, [one.id for one in images.rows])
    said = item_history.list_assessments(conn, item_id, [one.id for one in images.rows])
    hostings = item_history.list_hostings(conn, item_id, limit=0 if is_blind else SHOWN)
    checks = item_history.list_checks(conn, item_id, limit=0 if is_blind else SHOWN)
    messages = [] if is_blind or not signed_in.may(Right.SEE_SENDINGS) else list_of_item(conn, item_id)
    notes = [] if is_blind else read_notes(conn, item_id)
    given = assessments.read_given(conn, round_=item.round, item_id=item.id)
    own_state = ImageState.DISPUTED if item.state is ItemState.AWAITING_LEAD else state_of_given(given)
    hears_item = may_hear(own_state, signed_in)
    holds = item_history.list_holds(conn, item_id, limit=0 if is_blind else SHOWN)
    hand_ons = item_history.list_hand_ons(conn, item_id, limit=0 if is_blind else SHOWN)
    person_id = signed_in.person.id
    told = Told(
        reports=reports.rows,
        captures=captures.rows,
        matches=matches.rows,
        looks=[one for one in looks.rows if one.image_id in heard or one.person_id == person_id],
        assessments=[
            one
            for one in said.rows
            if one.person_id == person_id or (hears_item if one.image_id is None else one.image_id in heard)
        ],
        settled=[one for one in images.rows if one.state is ImageState.SETTLED],
        hostings=hostings.rows,
        holds=holds.rows,
        notes=notes,
        hand_ons=hand_ons.rows,
        messages=messages,
        checks=checks.rows,
    )
    streams = list_streams(item_id, images.rows)
    chain_events = 0 if is_blind else custody.count_chain(conn, streams)
    checks_chain = not is_blind and (wants_chain or chain_events <= QUICK_CHAIN)
    may_reopen = is_settled(item) and not is_blind
    return ItemView(
        item=item,
        is_blind=is_blind,
        has_danger=item_page.has_danger_reported(conn, item_id) if is_blind else item.danger,
        blind=blind,
        reports=reports,
        unreadable=review.read_unreadable(conn, [one.id for one in reports.rows]),
        captures=captures,
        images=images,
        numbers=numbers,
        heard=heard,
        matches=matches,
        hostings=hostings,
        messages=messages,
        awaits_detail=not is_blind and bool(find_awaiting_detail(conn, [item_id])),
        notes=notes,
        children=children,
        parents=parents,
        timeline=make_timeline(told, numbers),
        left_out={
            kind: more
            for kind, more in (
                ("report", reports.more),
                ("capture", captures.more),
                ("match", matches.more),
                ("look", 0 if is_blind else looks.more),
                ("assessment", 0 if is_blind else said.more),
                ("located", hostings.more),
                ("check", checks.more),
                ("hold", holds.more),
                ("handed_on", hand_ons.more),
            )
            if more
        },
        lease=find_lease(conn, item_id, now),
        may_open=assesses and _may_open(conn, item_id, signed_in),
        may_undo=assesses
        and may_reopen
        and is_in_time(item, now=now, undo_s=undo_s)
        and assessments.has_judged(conn, item.id, person_id),
        may_reopen=may_reopen and signed_in.may(Right.REOPEN),
        chain=custody.verify(conn, streams=streams) if checks_chain else None,
        chain_events=chain_events,
    )


def _may_open(conn: Connection, item_id: UUID, signed_in: SignedIn) -> bool:
    """Whether an item waits, and something on it for this person; where nobody has it open they may."""
    found = leases.read_leasable(conn, item_id)
    if found is None or not can_be_opened(found.state, waits_second=found.waits_second):
        return False
    return leases.has_left(conn, item_id, signed_in.person.id, decides=signed_in.may(Right.DECIDE))
