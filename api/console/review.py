"""Review: one item with its pictures, text first, and where an act on it leads (the acts: review_acts.py).

1. The page is for who has the item open; everybody else gets the item's own page.
2. An act leads back to the item while something on it waits for this person; else the item is freed and the next one of
   the lane one came from is opened, its pictures hidden; else to the queue.
3. A refusal is one sentence on the page it belongs to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.alike_view import AlikeView, read_alike
from api.console.deps import StaffTools, get_staff
from api.console.item_page import show_item_page
from api.console.last_action import LastAction, read_last_action
from api.console.queue import find_lane, queue_of
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.review_view import GROUPS, ReviewView, build_view
from api.console.signed_in import SignedIn, get_form, get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.errors import NotAllowedError, StaleStateError
from triage.ids import read_id
from triage.rules.exits import DIRECT, can_be_direct, read_exit_rules, read_exits
from triage.rules.states import Lane
from triage.settings import Settings
from triage.steps.lease_item import free_leases, take_lease, take_next
from triage.steps.watch_exposure import ExposurePolicy, read_standing
from triage.store.hand_over_notes import HandOverNote, read_notes
from triage.store.leases import find_lease
from triage.store.preferences import Preferences, read_preferences
from triage.store.review import EarlierItem, read_earlier
from triage.store.rows import Connection

TOGGLED_S = 3.0
"""Seconds after which a picture hides by itself for who presses instead of holding."""

IDLE_S = 600.0
"""Seconds without an act of the person after which the page hides."""

router = APIRouter()


# The page


@dataclass(frozen=True, slots=True)
class OpenedPage:
    """What the review page shows beside the item.

    Attributes:
        notes: of who had it before; empty for who could be the second assessor.
        earlier: other items of the same host.
        alike: which of its pictures are alike.
    """

    view: ReviewView
    alike: AlikeView
    preferences: Preferences
    notes: list[HandOverNote]
    earlier: list[EarlierItem]
    done: LastAction | None


@router.get("/items/{item_id}")
def show_item(request: Request, item_id: UUID) -> Response:
    """Show an item: to be judged, to who has it open."""
    return show_review(request, item_id, find_lane(request.query_params.get("lane", "")))


def show_review(
    request: Request,
    item_id: UUID,
    lane: Lane | None,
    *,
    status: int = HTTPStatus.OK,
    error: str = "",
    is_leaving: bool = False,
) -> Response:
    """Return the review page of an item that this person has open; else the item's own page.

    Args:
        lane: the queue that this person came from.
        error: why what was asked was not done, one sentence.
        is_leaving: whether a note for who goes on is asked for.
    """
    tools, now = get_staff(request), utcnow()
    page = _read_page(request, item_id)
    if page is None:
        return show_item_page(request, item_id, lane, status=status, error=error)
    return render(
        request,
        "review.html",
        status=status,
        view=page.view,
        alike=page.alike,
        ready=_find_ready(request),
        preferences=page.preferences,
        notes=page.notes,
        earlier=page.earlier,
        done=page.done,
        groups=GROUPS,
        refused=_find_refused(request, page.view),
        lane=lane,
        error=error,
        is_leaving=is_leaving,
        look_max_s=tools.settings.look_max_s,
        toggled_s=min(TOGGLED_S, tools.settings.look_max_s),
        idle_s=IDLE_S,
        exits=list_exits(tools.settings),
        **words_for(choose_language(request), now),
    )


def _read_page(request: Request, item_id: UUID) -> OpenedPage | None:
    """Return what the page shows; None where the person does not have the item open."""
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()
    undo_s = tools.settings.undo_s

    def work(conn: Connection) -> OpenedPage | None:
        lease = find_lease(conn, item_id, now)
        if lease is None or lease.person_id != signed_in.person.id:
            return None
        view = build_view(conn, item_id, signed_in)
        done = request.query_params.get("done", "")
        like_id = _find_ready(request)
        return OpenedPage(
            view,
            read_alike(conn, view, signed_in.person.id, like_id=like_id),
            read_preferences(conn, signed_in.person.id),
            [] if view.is_blind else read_notes(conn, item_id),
            read_earlier(conn, item_id),
            read_last_action(conn, done, signed_in, now=now, undo_s=undo_s),
        )

    return tools.database.run(work)


def _find_ready(request: Request) -> UUID | None:
    """Return the picture from which the person goes through others, also of a form that was refused."""
    return read_id(request.query_params.get("ready", "") or get_form(request).get("ready"))


def _find_refused(request: Request, view: ReviewView) -> int:
    """Return the number of the picture whose form this answer refuses; 0: none."""
    named = request.path_params.get("image_id")
    return next((one.number for one in view.pictures if str(one.picture.image_id) == named), 0)


def list_exits(settings: Settings) -> list[str]:
    """Return the ways out that a person may choose from; none where there is only the direct one."""
    exits = read_exits(settings.fetch_exits)
    is_direct = can_be_direct(read_exit_rules(settings.fetch_exit_rules, exits))
    return [*([DIRECT] if is_direct else []), *(one.name for one in exits)] if exits else []


# Leading on


def lead_on(
    request: Request,
    item_id: UUID,
    lane: Lane | None,
    act: Callable[[Connection], None] | None = None,
    *,
    skipped: UUID | None = None,
) -> Response:
    """Lead on from an item that something was done with: back to it while it has work, else to the next one.

    Args:
        act: what is done in the same transaction; None: it is done.
        skipped: the item or picture that the person passes over: they go on to another one.
    """
    tools, signed_in, now = get_staff(request), get_signed_in(request), utcnow()
    like_id = read_id(get_form(request).get("ready"))

    def stay(conn: Connection) -> int | None:
        """Return the number of the picture to go on with, 0 for any; None: this person has done with the item."""
        if act is not None:
            act(conn)
        view = build_view(conn, item_id, signed_in)
        number = view.find_next(skipped) if skipped and skipped != item_id else 0
        if (number or (view.has_work and not skipped)) and try_to_open(conn, item_id, tools, signed_in, now):
            if like_id is not None and not skipped:
                number = read_alike(conn, view, signed_in.person.id, like_id=like_id).find_next(view)
            return number
        free_leases(conn, signed_in.person.id, now=now, item_id=item_id)
        return None

    def go_on(conn: Connection) -> UUID | None:
        after = item_id if skipped else None
        return _take_next(conn, tools.settings, lane, signed_in, after=after, now=now)

    try:
        number = tools.database.run(stay)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return show_review(request, item_id, lane, status=status, error=sentence)
    if number is not None:
        return lead_back(item_id, lane, number=number, like_id=like_id)
    opened = tools.database.run(go_on)  # what waits in which lane is said by the commit before
    if opened is not None:
        return lead_back(opened, lane, done=item_id)
    return RedirectResponse(f"{queue_of(lane)}{'&' if lane else '?'}done={item_id}", HTTPStatus.SEE_OTHER)


def try_to_open(
    conn: Connection, item_id: UUID, tools: StaffTools, signed_in: SignedIn, now: datetime
) -> bool:
    """Open an item for a person, or keep it open; what moved to another lane must be opened anew."""
    try:
        take_lease(conn, item_id, person=signed_in.person, now=now, life_s=tools.settings.lease_s)
    except (NotAllowedError, StaleStateError):
        return False
    return True


def _take_next(
    conn: Connection,
    settings: Settings,
    lane: Lane | None,
    signed_in: SignedIn,
    *,
    after: UUID | None,
    now: datetime,
) -> UUID | None:
    """Open the next item of a lane for a person who goes on; none where they should look at nothing more for now."""
    if lane is None:
        return None
    person = signed_in.person
    if lane is not Lane.NO_LOOK:
        policy = ExposurePolicy.from_settings(settings)
        if not read_standing(conn, person.id, now=now, policy=policy).is_offered:
            return None
    return take_next(conn, lane, person=person, now=now, life_s=settings.lease_s, after=after)


def lead_back(
    item_id: UUID,
    lane: Lane | None,
    *,
    done: UUID | None = None,
    number: int = 0,
    like_id: UUID | None = None,
) -> Response:
    """Lead to an item's page.

    Args:
        done: an item that the page says something was stored of.
        number: of the picture to begin with.
        like_id: the picture from which the person goes through others that are alike.
    """
    carried = {
        "lane": lane.value if lane else "",
        "done": str(done) if done else "",
        "ready": str(like_id) if like_id else "",
    }
    query = urlencode({name: value for name, value in carried.items() if value})
    path = f"/items/{item_id}" + (f"?{query}" if query else "") + (f"#picture-{number}" if number else "")
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)
