"""Looks as the page asks for them by script: a token for within seconds, for one person, session and opened item."""

import json
import logging
from datetime import timedelta

import pytest

from tests.builders import list_entry, trust
from tests.captures import FIRST, capture, image_of, url
from tests.console import leave_item, open_item
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.model import PersonRole

JPEG = b"\xff\xd8\xff"


@pytest.fixture
def item(desk):
    """One new picture, captured."""
    (item_id,) = desk.report(url("/first.jpg"))
    capture(desk, item_id)
    return item_id


@pytest.fixture
def path(desk, item):
    """The address of its picture."""
    return f"/items/{item}/images/{image_of(desk, item)}"


def reveal(browser, path, rendering="grey_half"):
    """Ask as the script does; return (status, what was said)."""
    answer = browser.post(f"{path}/reveal", {"rendering": rendering}, accept="application/json")
    is_json = answer.headers["content-type"] == "application/json"
    return answer.status, json.loads(answer.text) if is_json else {}


def fetched(desk):
    return desk.count("SELECT count(*) FROM looks WHERE fetched_at IS NOT NULL")


def test_a_token_gives_the_picture_once(surface, desk, item, path):
    ana = surface.sign_in("Ana")
    open_item(ana, item)
    status, said = reveal(ana, path)
    assert (status, set(said)) == (200, {"look", "token"})
    first, second = (ana.fetch(f"/looks/{said['token']}") for _ in range(2))
    assert (first.status, second.status) == (200, 403)
    assert first.headers["content-type"] == "image/jpeg"
    assert first.headers["cache-control"] == "no-store"
    assert first.content.startswith(JPEG)
    assert JPEG not in second.content
    assert fetched(desk) == 1


def test_a_stolen_token_is_worth_nothing_not_even_in_another_session_of_the_same_person(
    surface, desk, item, path
):
    ana, also_ana, ben = surface.sign_in("Ana"), surface.sign_in("Ana"), surface.sign_in("Ben")
    open_item(ana, item)
    _, said = reveal(ana, path)
    for thief in (also_ana, ben, surface.browser()):
        stolen = thief.fetch(f"/looks/{said['token']}")
        assert stolen.status in (401, 403)
        assert JPEG not in stolen.content
    assert fetched(desk) == 0
    assert ana.fetch(f"/looks/{said['token']}").status == 200, "nobody used it up"


def test_an_old_token_and_one_of_an_item_that_was_left_are_worth_nothing(
    surface, desk, item, path, monkeypatch
):
    ana = surface.sign_in("Ana")
    open_item(ana, item)
    _, said = reveal(ana, path)
    with monkeypatch.context() as patch:
        patch.setattr("api.console.look.utcnow", lambda: utcnow() + timedelta(seconds=11))
        assert ana.fetch(f"/looks/{said['token']}").status == 403
    _, said = reveal(ana, path)
    leave_item(ana, item)
    assert ana.fetch(f"/looks/{said['token']}").status == 403
    assert fetched(desk) == 0


def test_who_has_not_opened_the_item_gets_no_token(surface, desk, item, path):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    refusal = (403, {"error": "Open this item first."})
    ana.open("/queue?lang=en")
    assert reveal(ana, path) == refusal
    open_item(ben, item)
    assert reveal(ana, path) == refusal
    assert desk.count("SELECT count(*) FROM looks") == 0


@pytest.mark.parametrize("role", [PersonRole.AUDITOR, PersonRole.CLERK, PersonRole.ADMIN])
def test_a_role_without_pictures_gets_no_token(surface, desk, item, path, role):
    assert reveal(surface.sign_in("Eva", role), path)[0] == 403
    assert desk.count("SELECT count(*) FROM looks") == 0


def test_a_known_picture_and_a_view_that_is_none_get_no_token(surface, desk, item, path):
    ana = surface.sign_in("Ana")
    open_item(ana, item)
    assert reveal(ana, path, "bytes")[0] in (403, 422)
    assert reveal(ana, path, "sheet")[0] == 403
    desk.import_entries("list", list_entry("a", data=FIRST))
    trust(desk.conn, "list")
    capture(desk, *desk.report(url("/again.jpg")))
    status, said = reveal(ana, path)
    assert (status, list(said)) == (403, ["error"])
    assert desk.count("SELECT count(*) FROM looks") == 0


def test_over_the_cap_there_is_no_token(desk, database, item, path):
    with run_staff_surface(
        database, root=desk.root, vault_identity=desk.vault_identity, looks_soft=20, looks_hard=20
    ) as surface:
        ana = surface.sign_in("Ana")
        open_item(ana, item)
        for _ in range(20):
            _, said = reveal(ana, path)
            assert ana.fetch(f"/looks/{said['token']}").status == 200
        status, said = reveal(ana, path)
        assert (status, list(said)) == (403, ["error"])
        assert desk.count("SELECT count(*) FROM looks") == 20


@pytest.mark.parametrize(
    ("reported", "least", "most"),
    [
        ("4500", 4500, 4500),
        ("100", 3000, 3900),
        ("999999", 5000, 6900),
        ("-7", 5000, 6900),
        (None, 5000, 6900),
    ],
)
def test_what_the_browser_says_is_believed_only_within_bounds(
    surface, desk, item, path, reported, least, most
):
    ana = surface.sign_in("Ana")
    open_item(ana, item)
    _, said = reveal(ana, path)
    ana.fetch(f"/looks/{said['token']}")
    back = (
        "UPDATE looks SET started_at = started_at - interval '5 s', fetched_at = fetched_at - interval '5 s'"
    )
    desk.conn.execute(back)
    desk.conn.commit()
    fields = {} if reported is None else {"ms": reported}
    answer = ana.post(f"/looks/{said['look']}/end", fields, accept="application/json")
    assert (answer.status, answer.content) == (204, b"")
    assert least <= desk.count("SELECT shown_ms FROM looks") <= most
    again = ana.post(f"/looks/{said['look']}/end", {"ms": "0"}, accept="application/json")
    assert again.status == 204
    assert least <= desk.count("SELECT shown_ms FROM looks") <= most, "it ends once"


def test_nobody_ends_the_look_of_another(surface, desk, item, path):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    open_item(ana, item)
    _, said = reveal(ana, path)
    ana.fetch(f"/looks/{said['token']}")
    assert ben.post(f"/looks/{said['look']}/end", {"ms": "0"}).status == 404
    assert desk.count("SELECT count(*) FROM looks WHERE ended_at IS NOT NULL") == 0


def test_no_log_and_no_referrer_ever_carries_a_token(surface, desk, item, path, caplog):
    ana = surface.sign_in("Ana")
    page = open_item(ana, item)
    with caplog.at_level(logging.DEBUG):
        _, said = reveal(ana, path)
        picture = ana.fetch(f"/looks/{said['token']}")
        ana.fetch(f"/looks/{said['token']}")
    assert logging.getLogger("uvicorn.access").propagate is False  # pytest listens to it all the same
    ours = [one for one in caplog.records if one.name.split(".")[0] in ("api", "triage")]
    assert any("/looks/{token}" in one.getMessage() for one in ours)
    assert [one for one in ours if said["token"] in one.getMessage()] == []
    for answer in (page, picture):
        assert answer.headers["referrer-policy"] == "no-referrer"
    query = "SELECT count(*) FROM custody_events WHERE position(%s in record) > 0"
    assert desk.count(query, said["token"]) == 0
