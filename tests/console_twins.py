"""Twins: a first assessor says one thing, then another; whoever may be the second gets the very same pages.

1. Each word is said in a savepoint and taken back; where a desk acts on it at once, the item may go on further.
2. The pages are those of the console, byte for byte: the rows of the lanes in which it could stand, the pages of the
   item and of one of its family, and the review page after opening each.
3. Every act that somebody could try there is answered alike: its status, its words, and where it leads.
"""

import difflib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from starlette.requests import Request

from api.console import detail_form, held, hosting, item_page, look, open_item, review_acts
from api.console.deps import StaffTools
from api.console.queue import show_rows
from api.console.renderer import ConsoleRenderer
from api.console.review import show_review
from api.console.signed_in import Form, SignedIn
from tests.builders import SENDING
from triage.errors import HotlineError
from triage.index_holder import IndexHolder
from triage.model import Hosting
from triage.rules.hosting import Judged
from triage.rules.rights import rights_of
from triage.rules.sign_in import Session
from triage.rules.states import Agreement, ClosedAs, ItemState, Lane
from triage.settings import Settings, load_settings
from triage.steps.issue_sendings import issue_for_item
from triage.steps.lease_item import free_leases, take_lease
from triage.steps.watch_exposure import read_standing
from triage.store import hostings, items

LIFE_S = 900.0
_ANOTHER_EACH_TIME = re.compile(r"/looks/[\w-]+|/sendings/[\w-]+\">[A-Z]{2}-\w{4}-\w{4}")
"""Addresses of looks, and of messages that are issued here; that there is one stays."""


def find_leak(
    desk: Any,
    pair: tuple[UUID, UUID],
    viewer: Any,
    words: Sequence[Any],
    say: Callable[[Any, Any], None],
    *,
    number: int,
) -> str | None:
    """Return in what the pages of a viewer differ, empty when in nothing.

    Args:
        desk: of a walk (`tests/console_machine.py`).
        pair: an item and the picture of it that is judged.
        words: what the first assessor might say.
        say: says one of them.
        number: chooses how far the item goes on and what the viewer tries.

    Returns:
        None where no two of the words leave the picture to a second assessor.
    """
    conn, found = desk.staff, []
    go_on, act = GOINGS_ON[number % len(GOINGS_ON)], ACTS[number % len(ACTS)]
    conn.rollback()
    try:
        for one in words:
            conn.execute("SAVEPOINT twins")
            try:
                say(conn, one)
                for person in desk.people:
                    free_leases(conn, person.id, now=desk.now)
                if _waits_for(conn, pair[1], viewer):
                    go_on(conn, pair[0], desk.now)
                    conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
                    conn.execute("SET CONSTRAINTS ALL DEFERRED")
                    found.append("\n".join(_open_pages(desk, conn, pair, viewer, number)))
            except HotlineError:
                pass
            conn.execute("ROLLBACK TO SAVEPOINT twins")
            conn.execute("SET CONSTRAINTS ALL DEFERRED")
    finally:
        conn.rollback()
    if len(found) < 2:
        return None
    for other in found[1:]:
        if other != found[0]:
            lines = difflib.unified_diff(found[0].splitlines(), other.splitlines(), lineterm="", n=2)
            return "\n".join([f"{go_on.__name__}, {act.__name__}", *list(lines)[:60]])
    return ""


# How what was acted on goes on


def stay(conn: Any, item_id: UUID, now: Any) -> None:
    """Leave it as the first word left it."""


def stay_unlocated(conn: Any, item_id: UUID, now: Any) -> None:
    """Let the sources of its hosting disagree."""
    for one, state in _list_family(conn, item_id):
        if state is ItemState.ACTIONABLE:
            _find_host(
                conn, one, Judged(Agreement.DISPUTED, reason="its capture came from another operator"), now
            )
            items.move_item(conn, one, state, "hosting_unclear", now=now)


def be_notified(conn: Any, item_id: UUID, now: Any) -> None:
    """Let its host be found, and a notice be issued; what the worker notes of it beside is on no page here."""
    for one, state in _list_family(conn, item_id):
        if state is ItemState.ACTIONABLE:
            item, host = items.lock_item(conn, one), Judged(Agreement.AGREED, None, 64500, "Provider", "AL")
            issue_for_item(conn, item, _find_host(conn, one, host, now), now=now, policy=SENDING)
            items.move_item(conn, one, state, "notices_issued", now=now, next_try_at=now + timedelta(days=1))


def be_removed(conn: Any, item_id: UUID, now: Any) -> None:
    """Let it be gone before anybody was told."""
    gone = ClosedAs.REMOVED_BEFORE_NOTICE
    for one, state in _list_family(conn, item_id):
        if state in (ItemState.ACTIONABLE, ItemState.HELD_FOR_POLICE):
            items.move_item(conn, one, state, "found_removed", now=now, closed_as=gone)


GOINGS_ON = (stay, stay_unlocated, be_notified, be_removed)


def _find_host(conn: Any, item_id: UUID, judged: Judged, now: Any) -> Hosting:
    (round_,) = conn.execute("SELECT round FROM items WHERE id = %s", (item_id,)).fetchone()
    return hostings.insert_hosting(conn, item_id, round_=round_, sources=[], now=now, **asdict(judged))


def _list_family(conn: Any, item_id: UUID) -> list[tuple[UUID, ItemState]]:
    rows = conn.execute(
        "SELECT id, state::text FROM items WHERE id = %(id)s OR id IN (SELECT child_id FROM shown_children"
        " WHERE parent_id = %(id)s) OR id IN (SELECT parent_id FROM shown_children WHERE child_id = %(id)s)"
        " ORDER BY id",
        {"id": item_id},
    ).fetchall()
    return [(row[0], ItemState(row[1])) for row in rows]


ACTS: tuple[Callable[..., Any], ...] = (
    review_acts.skip_item,
    review_acts.skip_image,
    review_acts.recapture,
    review_acts.drop_rest,
    review_acts.confirm,
    review_acts.confirm_known,
    review_acts.assess_item,
    review_acts.decide_item,
    review_acts.decide_image,
    review_acts.undo,
    review_acts.reopen,
    held.lift,
    hosting.decide,
    detail_form.give_of_item,
    open_item.leave,
    item_page.send_custody,
    look.reveal,
)
"""What somebody could try on an item; a second opinion itself is not among it."""
WAYS = len(GOINGS_ON) * len(ACTS)
"""How often two words can be compared in another way."""
_FIELDS = {
    "label": "1",
    "reason": "a doubt",
    "rendering": "grey_half",
    "asked": "0",
    "said_so": "Inspector K.",
    "operator": "Net",
    "country": "AL",
}


def _waits_for(conn: Any, image_id: UUID, viewer: Any) -> bool:
    """Whether a picture was judged once, and not by this viewer."""
    (found,) = conn.execute(
        "SELECT EXISTS (SELECT FROM images JOIN assessments ON image_id = images.id"
        " AND assessments.round = images.round AND person_id <> %(person)s"
        " WHERE images.id = %(image)s AND state = 'judged_once')",
        {"image": image_id, "person": viewer.id},
    ).fetchone()
    return bool(found)


def _open_pages(desk: Any, conn: Any, pair: tuple[UUID, UUID], viewer: Any, number: int) -> Iterator[str]:
    tools, (item_id, image_id) = _make_tools(desk, conn), pair
    act = ACTS[number % len(ACTS)]
    others = [one for one, _ in _list_family(conn, item_id) if one != item_id]
    family = [item_id, *others[number % max(1, len(others)) :][:1]]
    with _at(desk.now):
        for lane in (Lane.DANGER, Lane.LOOK, Lane.NO_LOOK, Lane.SECOND):
            yield _read(show_rows(_ask(desk, conn, tools, viewer, f"lane={lane.value}")))
        for one in family:
            asked = _ask(desk, conn, tools, viewer, form={"lane": ["second"]})
            yield _answer(item_page.show_item_page, asked, one, Lane.SECOND)
            yield _answer(open_item.open_item, asked, one)
            yield _answer(show_review, asked, one, Lane.SECOND)
        tools.database.run(lambda db: take_lease(db, item_id, person=viewer, now=desk.now, life_s=LIFE_S))
        (round_,) = conn.execute("SELECT round FROM images WHERE id = %s", (image_id,)).fetchone()
        if act not in (review_acts.skip_image, review_acts.decide_image, look.reveal):
            (round_,) = conn.execute("SELECT round FROM items WHERE id = %s", (item_id,)).fetchone()
        form = {name: [value] for name, value in (_FIELDS | {"round": str(round_)}).items()}
        asked = _ask(desk, conn, tools, viewer, form=form)
        ids = pair if "image_id" in inspect.signature(act).parameters else pair[:1]
        yield _answer(act, asked, *ids)
        if _waits_for(conn, image_id, viewer):  # who passes over it as another did before brings it to a lead
            yield _answer(show_review, _ask(desk, conn, tools, viewer), item_id, Lane.SECOND)


def _answer(work: Callable[..., Any], *args: Any) -> str:
    """Return what a page or an act answers: status, where it leads, words; or as what it was refused."""
    try:
        answer = work(*args)
    except HotlineError as error:
        return f"{type(error).__name__}: {error}"
    return f"{answer.status_code} {answer.headers.get('location', '')}\n{_read(answer)}"


def _read(answer: Any) -> str:
    return re.sub(r"\n+", "\n", _ANOTHER_EACH_TIME.sub("", answer.body.decode()))


@cache
def _settings(second_assessor: str) -> Settings:
    return load_settings({"SECOND_ASSESSOR": second_assessor})


def _run(conn: Any, work: Callable[[Any], Any]) -> Any:
    """Run a transaction within this one: what it defers to its commit is asked, and of a refusal nothing stays."""
    with conn.transaction():
        found = work(conn)
        conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
        conn.execute("SET CONSTRAINTS ALL DEFERRED")
        return found


@cache
def _renderer() -> ConsoleRenderer:
    return ConsoleRenderer(is_practice=False)


def _make_tools(desk: Any, conn: Any) -> StaffTools:
    """Return what the pages need, with a database that is this very transaction."""
    return StaffTools(
        live=SimpleNamespace(current=_settings(desk.second.value)),
        database=SimpleNamespace(run=lambda work: _run(conn, work)),
        vault=None,
        vault_identity="",
        intake_recipient="",
        renderer=_renderer(),
        index=IndexHolder(Path("none")),
        is_practice=False,
        throttle=None,
    )


def _ask(
    desk: Any,
    conn: Any,
    tools: StaffTools,
    viewer: Any,
    query: str = "",
    *,
    form: dict[str, list[str]] | None = None,
) -> Request:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/items",
        "headers": [],
        "query_string": f"{query}&lang=en".encode(),
        "app": SimpleNamespace(state=SimpleNamespace(tools=tools)),
        "state": {},
        "server": ("localhost", 8701),
    }
    request = Request(scope)
    request.state.form = Form(form or {})
    session = Session(desk.now, desk.now, None)
    standing = read_standing(conn, viewer.id, now=desk.now, policy=desk.looks.exposure)
    request.state.signed_in = SignedIn(
        viewer,
        rights_of(viewer.roles),
        "0" * 64,
        "en",
        session,
        b"",
        desk.now + timedelta(minutes=30),
        standing,
    )
    return request


@contextmanager
def _at(now: Any) -> Iterator[None]:
    """Let the pages think that it is this moment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith("api.console.") and hasattr(module, "utcnow"):
                patch.setattr(module, "utcnow", lambda: now)
        yield
