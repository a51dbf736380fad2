"""Opening items: one person works on one, everybody else reads; going on to the next; leaving with a note."""

import pytest

from tests.captures import capture, image_of, url
from tests.console import judge, look, open_item, reference, state_of
from tests.drawn_images import make_jpeg
from triage.model import PersonRole


@pytest.fixture
def items(desk, site):
    """Three new pictures, captured, in the order of their queue."""
    site.lay_answer("/third.jpg", make_jpeg(3), "image/jpeg")
    found = []
    for name in ("/first.jpg", "/second.jpg", "/third.jpg"):
        found += desk.report(url(name))
    capture(desk, *found)
    return found


def expire(desk):
    """Let every lease run out."""
    back = "interval '2 hours'"
    desk.conn.execute(
        f"UPDATE item_leases SET taken_at = taken_at - {back}, kept_at = kept_at - {back}, until = until - {back}"
    )
    desk.conn.commit()


def test_only_who_has_it_open_sees_the_review_page_and_acts(surface, desk, items):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    assert not ana.open(f"/items/{items[0]}?lang=en").has_form("judge-1")
    assert open_item(ana, items[0]).has_form("judge-1")
    page = open_item(ben, items[0])
    assert not page.has_form("open")
    assert not page.has_form("judge-1")
    path, image = f"/items/{items[0]}", image_of(desk, items[0])
    acts = ("assess", "confirm", "confirm-known", "skip", "recapture", f"images/{image}/assess")
    for act in (*acts, f"images/{image}/skip"):
        refused = ben.post(f"{path}/{act}", {"label": "3", "round": "1"})
        assert refused.status == 403, act
        assert "Open this item first." in refused.words
    assert ben.post(f"{path}/images/{image}/decide", {"label": "3", "round": "1"}).status == 403
    assert ben.post(f"{path}/open").status == 403
    assert desk.count("SELECT count(*) FROM assessments") + desk.count("SELECT count(*) FROM skips") == 0
    assert judge(ana, 3).status == 200
    assert state_of(desk, items[0]) == "closed"


def test_who_stayed_away_too_long_opens_it_again_if_nobody_else_did(surface, desk, items):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    before = open_item(ana, items[0])
    expire(desk)
    assert judge(ana, 3).status == 403
    assert ana.post(f"/items/{items[0]}/heartbeat").status == 403
    assert open_item(ben, items[0]).has_form("judge-1")
    ana.page = before
    assert judge(ana, 3).status == 403
    assert desk.count("SELECT count(*) FROM assessments") == 0


def test_a_role_that_judges_nothing_opens_nothing(surface, items):
    eva = surface.sign_in("Eva", PersonRole.AUDITOR)
    assert not eva.open(f"/items/{items[0]}").has_form("open")
    for path in (f"/items/{items[0]}/open", "/queue/next", f"/items/{items[0]}/heartbeat"):
        assert eva.post(path).status == 403


def test_a_heartbeat_keeps_the_item_and_is_no_use_of_the_session(surface, desk, items):
    ana = surface.sign_in("Ana")
    open_item(ana, items[0])
    desk.conn.execute("UPDATE item_leases SET until = until - interval '10 minutes'")
    desk.conn.execute(
        "UPDATE sessions SET seen_at = seen_at - interval '5 minutes', started_at = started_at - interval '6 minutes'"
    )
    desk.conn.commit()
    seen_at = "SELECT extract(epoch FROM seen_at) FROM sessions"
    seen = desk.count(seen_at)
    assert ana.post(f"/items/{items[0]}/heartbeat", {"csrf": csrf_of(ana)}, csrf=False).status == 204
    left_s = desk.count("SELECT extract(epoch FROM until - now()) FROM item_leases WHERE ended_at IS NULL")
    assert 890 < left_s <= 900
    assert desk.count(seen_at) == seen


def csrf_of(browser):
    return browser.page.tree.css_first("#sign-out input[name=csrf]").attributes["value"]


def test_after_a_word_the_next_of_the_lane_is_open_and_hidden_and_then_the_queue(surface, desk, items):
    ana = surface.sign_in("Ana")
    ana.open("/queue?lang=en")
    page = ana.post("/queue/next", {"lane": "look"})
    for here, after in zip(items, [*items[1:], None], strict=True):
        assert page.path == f"/items/{here}"
        assert all("src" not in node.attributes for node in page.tree.css("img.clear"))
        page = judge(ana, 3)
        assert page.status == 200, page.words
        assert page.path == (f"/items/{after}" if after else "/queue")
        if after:
            assert reference(desk, here) in page.tree.css_first(".done").text()
    assert desk.count("SELECT count(*) FROM item_leases WHERE ended_at IS NULL") == 0
    assert ana.post("/queue/next", {"lane": "look"}).path == "/queue"


def test_the_last_word_is_undone_from_the_next_item(surface, desk, items):
    ana = surface.sign_in("Ana")
    open_item(ana, items[0])
    assert judge(ana, 3).path == f"/items/{items[1]}"
    page = ana.submit("undo")
    assert page.path == f"/items/{items[0]}"
    assert page.has_form("judge-1"), "it is open to who took their word back"
    assert state_of(desk, items[0]) == "awaiting_assessment"


def test_who_passes_over_an_item_comes_to_another_one(surface, items):
    ana = surface.sign_in("Ana")
    open_item(ana, items[0])
    assert ana.submit("skip-1").path == f"/items/{items[1]}"
    assert ana.submit("skip-1").path == f"/items/{items[2]}"
    assert ana.submit("skip-1").path == "/queue"


def test_two_who_ask_for_the_next_get_two_items(surface, items):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    paths = {browser.post("/queue/next", {"lane": "look"}).path for browser in (ana, ben)}
    assert paths == {f"/items/{items[0]}", f"/items/{items[1]}"}


def test_who_did_nothing_leaves_without_a_word(surface, desk, items):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    open_item(ana, items[0])
    assert ana.submit("leave").path == "/queue"
    assert desk.count("SELECT count(*) FROM hand_over_notes") == 0
    assert open_item(ben, items[0]).has_form("judge-1")


def test_who_worked_on_it_leaves_a_note_and_the_next_one_reads_it(surface, desk, items):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    open_item(ana, items[0])
    look(ana)
    ana.submit("hide")
    refused = ana.submit("leave")
    assert refused.status == 403
    assert "leave a note for who goes on" in refused.words
    assert refused.tree.css_first("#leave details").attributes.keys() == {"open"}
    refused = ana.submit("leave", done="x" * 1001, next="the host")
    assert refused.status == 422
    assert [refused.tree.css_first(f"#leave-{name}").text() for name in ("done", "next")] == [
        "x" * 1001,
        "the host",
    ]
    assert ana.submit("leave", done="<b>hosting</b>", watch_out="it moves").path == "/queue"
    page = open_item(ben, items[0])
    assert "<b>hosting</b>" in page.words
    assert "it moves" in page.words
    assert "&lt;b&gt;hosting" in page.text
    assert desk.count("SELECT count(*) FROM custody_events WHERE position('hosting' in record) > 0") == 0


def test_who_could_be_the_second_never_reads_a_note(surface, desk, site):
    body = f'<img src="{url("/first.jpg")}"><img src="{url("/second.jpg")}">'
    site.lay_answer("/page", body.encode(), "text/html")
    (page_item,) = desk.report(url("/page"))
    capture(desk, page_item)
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    open_item(ana, page_item)
    look(ana)
    ana.submit("judge", label="1")
    assert ana.submit("leave", done="the first one is label one").path == "/queue"
    page = open_item(ben, page_item)
    assert page.has_form("judge-1")
    assert "label one" not in page.words
    assert "label one" not in ben.open(f"/items/{page_item}/history").words


def test_preferences_are_in_force_at_once_and_their_keys_are_named(surface, desk, items):
    ana = surface.sign_in("Ana")
    page = open_item(ana, items[0])
    assert page.tree.css_first("#review").attributes["data-by"] == "hold"
    assert page.tree.css("dialog#keys")
    assert ana.submit("keys-off").path == f"/items/{items[0]}"
    assert ana.page.tree.css("dialog#keys") == []
    ana.open("/account?lang=en")
    assert "It is stored" in ana.submit("preferences", reveal="toggle", keys="yes").words
    assert ana.post("/account/preferences", {"reveal": "always"}).status == 422
    page = open_item(ana, items[0])
    assert page.tree.css_first("#review").attributes["data-by"] == "toggle"
    assert page.tree.css("dialog#keys")
    ben = surface.sign_in("Ben")
    assert open_item(ben, items[1]).tree.css_first("#review").attributes["data-by"] == "hold"
    changes = "SELECT count(*) FROM custody_events WHERE event = 'preferences_changed'"
    assert desk.count(changes) == 2
    elsewhere = ana.post("/account/preferences", {"reveal": "hold", "item": "//evil.example"})
    assert elsewhere.path == "/account"
