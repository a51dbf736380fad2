"""Looks by their forms and addresses: one person, one picture, once, for a few seconds."""

import re
from datetime import timedelta

import pytest

from tests.builders import list_entry, trust
from tests.captures import FIRST, capture, image_of, url
from tests.console import ask, judge, look, open_item
from triage.clock import utcnow
from triage.model import PersonRole


@pytest.fixture
def item(desk):
    """One new picture, captured."""
    (item_id,) = desk.report(url("/first.jpg"))
    capture(desk, item_id)
    return item_id


def test_a_new_picture_is_not_judged_illegal_unseen(surface, desk, item):
    browser = surface.sign_in("Ana")
    page = open_item(browser, item)
    assert len(page.tree.css("figure img.thumb")) == 1
    assert page.tree.css("figure.look img") == []
    assert all("src" not in node.attributes for node in page.tree.css("img.clear"))
    refused = judge(browser, 1)
    assert refused.status == 403
    assert "Look at the picture first" in refused.words
    assert refused.has_form("judge-1"), "the page is still there to go on with"
    assert desk.count("SELECT count(*) FROM assessments") == 0
    assert desk.place(item).lane == "look"


def test_a_picture_is_sent_once_and_to_no_other(surface, desk, item):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    open_item(ana, item)
    _, source = ask(ana)
    stranger = ben.open(source)
    assert stranger.status == 403
    assert b"\xff\xd8\xff" not in stranger.content
    first, second = ana.open(source), ana.open(source)
    assert (first.status, second.status) == (200, 403)
    assert b"\xff\xd8\xff" not in second.content
    assert first.headers["cache-control"] == "no-store"
    token = source.rpartition("/")[2]
    assert desk.count("SELECT count(*) FROM looks WHERE fetched_at IS NOT NULL") == 1
    assert desk.count("SELECT count(*) FROM custody_events WHERE event = 'looked'") == 1
    assert desk.count("SELECT count(*) FROM custody_events WHERE position(%s in record) > 0", token) == 0


def test_a_token_that_nobody_used_in_time_is_over(surface, desk, item, monkeypatch):
    browser = surface.sign_in("Ana")
    open_item(browser, item)
    _, source = ask(browser)
    monkeypatch.setattr("api.console.look.utcnow", lambda: utcnow() + timedelta(seconds=11))
    late = browser.open(source)
    assert late.status == 403
    assert desk.count("SELECT count(*) FROM looks WHERE fetched_at IS NOT NULL") == 0


def test_a_look_hides_by_itself_and_counts_no_longer_than_it_may(surface, desk, item, monkeypatch):
    browser = surface.sign_in("Ana")
    open_item(browser, item)
    page = look(browser)
    seconds, hidden = re.fullmatch(
        r"(\d+); url=(/looks/[0-9a-f-]+/page\?lane=look)", page.headers["refresh"]
    ).groups()
    assert int(seconds) == 10
    monkeypatch.setattr("api.console.look.utcnow", lambda: utcnow() + timedelta(hours=1))
    after = browser.open(hidden)
    assert after.path == f"/items/{item}"
    assert after.tree.css("figure.look img") == []
    assert desk.count("SELECT shown_ms FROM looks") == 10_000


def test_a_look_ends_by_its_button_and_its_page_cannot_be_had_again(surface, desk, item):
    browser = surface.sign_in("Ana")
    before = open_item(browser, item)
    look(browser)
    assert browser.submit("hide").path == f"/items/{item}"
    assert 0 <= desk.count("SELECT shown_ms FROM looks") < 10_000
    browser.page = before  # the same form once more, as a reload sends it
    again = browser.submit("reveal-1", rendering="grey_half")
    assert again.status == 403
    assert again.tree.css("figure.look img") == []
    assert desk.count("SELECT count(*) FROM looks") == 1
    look(browser)
    assert desk.count("SELECT count(*) FROM looks") == 2


def test_a_known_picture_and_a_settled_one_get_no_look(surface, desk, item):
    desk.import_entries("list", list_entry("a", data=FIRST))
    trust(desk.conn, "list")
    capture(desk, *desk.report(url("/again.jpg")))
    browser = surface.sign_in("Ana")
    page = open_item(browser, item)
    assert not page.has_form("reveal-1")
    assert page.tree.css("figure img.thumb") == []
    path = f"/items/{item}/images/{image_of(desk, item)}/reveal"
    refused = browser.post(path, {"rendering": "colour", "asked": "0"})
    assert refused.status == 403
    assert desk.count("SELECT count(*) FROM looks") == 0


def test_who_only_reads_sees_neither_thumb_nor_form(surface, desk, item):
    browser = surface.sign_in("Eva", PersonRole.AUDITOR)
    page = open_item(browser, item)
    assert page.status == 200
    assert page.tree.css("main img") == []
    assert page.tree.css("main form") == []
    image_id = image_of(desk, item)
    assert browser.open(f"/items/{item}/images/{image_id}/thumb").status == 403
    assert browser.post(f"/items/{item}/images/{image_id}/assess", {"label": "3", "round": "1"}).status == 403
    looker = surface.sign_in("Ana")
    thumb = looker.open(f"/items/{item}/images/{image_id}/thumb")
    assert (thumb.status, thumb.headers["content-type"]) == (200, "image/jpeg")
    assert len(thumb.content) < 2000
