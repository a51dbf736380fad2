"""Queue and review, by their forms only, as a browser without scripts sends them."""

from threading import Thread

import pytest

from tests.builders import list_entry, trust
from tests.captures import FIRST, capture, image_of, url
from tests.console import judge, listed, look, open_item, reference, state_of
from tests.drawn_images import make_video_file
from tests.staff_server import run_staff_surface
from triage.model import PersonRole

pytestmark = pytest.mark.long

NOTE = "seen on a <b>board</b>"


@pytest.fixture
def item(desk):
    """One new picture, captured."""
    (item_id,) = desk.report(url("/first.jpg"), note=NOTE)
    capture(desk, item_id)
    return item_id


@pytest.fixture
def page_item(desk, site):
    """A page with two new pictures, captured."""
    body = f'<img src="{url("/first.jpg")}"><img src="{url("/second.jpg")}">'
    site.lay_answer("/page", body.encode(), "text/html")
    (item_id,) = desk.report(url("/page"))
    capture(desk, item_id)
    return item_id


# Judging


def test_text_comes_first_and_is_never_a_link(surface, desk, item):
    page = open_item(surface.sign_in("Ana"), item)
    words = page.words
    assert "hxxp://photos[.]example/first.jpg" in words
    assert "http://photos.example" not in page.text
    assert words.index("seen on a <b>board</b>") < words.index("Picture 1")
    assert "&lt;b&gt;board" in page.text


def test_two_who_agree_settle_a_new_picture_and_the_second_is_blind(surface, desk, item):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    name = reference(desk, item)
    open_item(ana, item)
    look(ana)
    after = ana.submit("judge", label="1", danger="yes", reason="the first one’s words")
    assert after.path == "/queue", after.words
    assert listed(ana, "second") == []
    assert listed(ben, "second") == [name]
    queue = ben.open("/queue?lane=second&lang=en")
    page = open_item(ben, item, "second")
    for seen in (queue, page):
        assert "Ana" not in seen.words
        assert "danger now" not in seen.tree.css_first("#rows, h1 + p").text()
        assert "first one’s words" not in seen.words
    assert ben.submit("leave").path == "/queue"
    mine = open_item(ana, item, "second")
    assert not mine.has_form("judge-1")
    assert "waits for a second assessor" in mine.words
    open_item(ben, item, "second")
    look(ben)
    assert ben.submit("judge", label="1").path == "/queue"
    assert state_of(desk, item) == "actionable"
    settled = open_item(ben, item)
    assert "the first one’s words" in settled.words
    assert desk.count("SELECT count(*) FROM looks WHERE ended_at IS NULL") == 0


def test_a_dispute_is_decided_by_a_lead_who_sees_both(surface, desk, item):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    lead = surface.sign_in("Lena", PersonRole.LEAD)
    open_item(ana, item)
    look(ana)
    ana.submit("judge", label="1", reason="because of this")
    open_item(ben, item, "second")
    judge(ben, 3, reason="because of that")
    assert desk.place(item).lane == "lead"
    assert listed(lead, "lead") == [reference(desk, item)]
    assert "lead" not in [node.text() for node in ben.open("/queue?lang=en").tree.css(".tabs a")]
    open_item(ben, item)
    assert "because of this" not in ben.page.words
    page = open_item(lead, item, "lead")
    assert "because of this" in page.words
    assert "because of that" in page.words
    assert not page.has_form("skip-1")
    look(lead)
    assert lead.submit("judge", label="2").path == "/queue"
    assert state_of(desk, item) == "actionable"


def test_unsure_and_two_skips_go_to_a_lead(surface, desk, page_item):
    ana = surface.sign_in("Ana")
    open_item(ana, page_item)
    judge(ana, 6, number=1)
    assert ana.page.path == f"/items/{page_item}"
    for _ in range(2):
        open_item(ana, page_item)
        ana.submit("skip-2")
    assert desk.count("SELECT count(*) FROM images WHERE state = 'disputed'") == 2
    assert desk.place(page_item).lane == "lead"


def test_two_presses_of_one_form_count_once(surface, desk, item):
    browser = surface.sign_in("Ana")
    form = open_item(browser, item)
    answers = []
    path = f"/items/{item}/images/{image_of(desk, item)}/assess"
    fields = {"label": "3", "round": "1", "csrf": browser.read_csrf(), "lane": "look"}
    assert form.has_form("judge-1")

    def press():
        answers.append(
            browser._send("POST", path, fields, {"origin": "null", "sec-fetch-site": "same-origin"})
        )

    presses = [Thread(target=press) for _ in range(2)]
    for one in presses:
        one.start()
    for one in presses:
        one.join()
    assert sorted(one.status for one in answers) == [303, 403]
    assert desk.count("SELECT count(*) FROM assessments") == 1
    assert state_of(desk, item) == "closed"


def test_a_form_of_an_old_round_is_refused(surface, desk, item):
    ana = surface.sign_in("Ana")
    before = open_item(ana, item)
    judge(ana, 3)
    done = ana.page
    assert done.path == "/queue"
    open_item(ana, item)
    assert ana.submit("undo").path == f"/items/{item}"
    assert state_of(desk, item) == "awaiting_assessment"
    ana.page = before
    stale = judge(ana, 3)
    assert stale.status == 409
    assert "Somebody else was quicker" in stale.words


def test_a_known_item_is_confirmed_without_a_look(surface, desk):
    desk.import_entries("list", list_entry("a", data=FIRST))
    trust(desk.conn, "list")
    (item_id,) = desk.report(url("/first.jpg"))
    capture(desk, item_id)
    assert desk.place(item_id).lane == "no_look"
    browser = surface.sign_in("Ana")
    page = open_item(browser, item_id, "no_look")
    assert len(page.tree.css("#group-known .picture")) == 1
    assert browser.submit("confirm").path == "/queue"
    assert state_of(desk, item_id) == "actionable"
    assert desk.count("SELECT count(*) FROM looks") == 0
    assert desk.count("SELECT count(*) FROM assessments WHERE basis = 'exact_hash'") == 1


def test_the_known_pictures_of_a_page_are_confirmed_and_the_new_one_waits(surface, desk, site):
    desk.import_entries("list", list_entry("a", data=FIRST))
    trust(desk.conn, "list")
    body = f'<img src="{url("/first.jpg")}"><img src="{url("/second.jpg")}">'
    site.lay_answer("/page", body.encode(), "text/html")
    (item_id,) = desk.report(url("/page"))
    capture(desk, item_id)
    browser = surface.sign_in("Ana")
    assert not open_item(browser, item_id).has_form("confirm")
    after = browser.submit("confirm-known")
    assert after.path == f"/items/{item_id}"
    assert not after.has_form("confirm-known")
    assert after.has_form("reveal-2")
    assert desk.count("SELECT count(*) FROM items WHERE state = 'actionable'") == 1
    assert desk.count("SELECT count(*) FROM assessments WHERE basis = 'exact_hash'") == 1


def test_who_does_not_agree_with_a_list_needs_a_second(surface, desk):
    desk.import_entries("list", list_entry("a", data=FIRST))
    trust(desk.conn, "list")
    (item_id,) = desk.report(url("/first.jpg"))
    capture(desk, item_id)
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    open_item(ana, item_id, "no_look")
    judge(ana, 3)
    assert not open_item(ana, item_id).has_form("confirm")
    open_item(ben, item_id)
    ben.submit("confirm")
    assert desk.count("SELECT count(*) FROM images WHERE state = 'disputed'") == 1


def test_the_rest_of_a_page_is_not_needed(surface, desk, page_item):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    assert not open_item(ana, page_item).has_form("rest")
    ana.submit("leave")
    for browser in (ana, ben):
        open_item(browser, page_item)
        look(browser)
        browser.submit("judge", label="1")
        assert browser.page.path == f"/items/{page_item}", "its second picture still waits"
        if browser is ana:
            browser.submit("leave", next="the second picture")
    ben.submit("rest")
    assert state_of(desk, page_item) == "actionable"
    assert desk.count("SELECT count(*) FROM items WHERE closed_as = 'not_judged'") == 1


def test_a_dead_link_a_text_and_a_page_without_pictures_are_judged_themselves(surface, desk, site):
    site.lay_answer("/empty", b"<p>nothing</p>", "text/html")
    gone, empty = desk.report(url("/nothing.jpg"), url("/empty"))
    (text,) = desk.report(note=NOTE)
    capture(desk, gone, empty)
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    for item_id, label in ((gone, 5), (empty, 3)):
        open_item(ana, item_id)
        assert ana.submit("judge-item", label=str(label)).status == 200
        assert state_of(desk, item_id) == "closed"
    page = open_item(ana, text)
    assert page.tree.css("input[name=label][value='5']") == []
    ana.submit("judge-item", label="2", police_hold="yes")
    assert listed(ana, "second") == []
    assert listed(ben, "second") == [reference(desk, text)]
    open_item(ben, text, "second")
    ben.submit("judge-item", label="2")
    assert state_of(desk, text) == "held_for_police"


def test_what_was_acted_on_by_one_still_finds_its_blind_second(desk, database, item):
    with run_staff_surface(
        database,
        root=desk.root,
        vault_identity=desk.vault_identity,
        second_assessor="before_sharing",
    ) as surface:
        ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
        open_item(ana, item)
        look(ana)
        ana.submit("judge", label="1")
        assert state_of(desk, item) == "actionable"
        assert listed(ana, "second") == []
        assert listed(ben, "second") == [reference(desk, item)]
        page = open_item(ben, item, "second")
        assert "being located" not in page.words
        assert not page.has_form("reopen")
        look(ben)
        ben.submit("judge", label="1")
        assert listed(ben, "second") == []
        assert desk.count("SELECT count(*) FROM images WHERE state = 'settled'") == 1


def test_it_is_captured_again_and_reopened_with_a_reason(surface, desk, item):
    ana = surface.sign_in("Ana")
    open_item(ana, item)
    ana.submit("recapture")
    assert state_of(desk, item) == "received"
    capture(desk, item)
    open_item(ana, item)
    judge(ana, 3)
    open_item(ana, item)
    assert ana.submit("reopen", reason="  ").status == 403
    open_item(ana, item)
    refused = ana.submit("reopen", reason="x" * 2001)
    assert (refused.status, refused.tree.css_first("#reopen-reason").text()) == (422, "x" * 2001)
    open_item(ana, item)
    assert ana.submit("reopen", reason="a new fact").path == f"/items/{item}"
    assert state_of(desk, item) == "awaiting_assessment"


def test_what_cannot_be_displayed_goes_to_the_police_only_by_a_lead_and_as_not_viewed(surface, desk, site):
    site.lay_answer("/clip.mp4", make_video_file(1), "video/mp4")
    (item_id,) = desk.report(url("/clip.mp4"))
    capture(desk, item_id)
    ana, lead = surface.sign_in("Ana"), surface.sign_in("Lena", PersonRole.LEAD)
    page = open_item(ana, item_id)
    assert "Cannot be displayed here." in page.words
    assert [node.attributes["value"] for node in page.tree.css("#judge-1 input[name=label]")] == [
        "3",
        "4",
        "6",
    ]
    path = f"/items/{item_id}/images/{image_of(desk, item_id)}"
    assert ana.post(f"{path}/assess", {"label": "1", "round": "1"}).status == 403
    assert ana.post(f"{path}/reveal", {"rendering": "colour", "asked": "0"}).status == 403
    open_item(ana, item_id)
    judge(ana, 6)
    assert ana.post(f"{path}/decide", {"label": "6", "round": "1", "police_hold": "yes"}).status == 403
    open_item(lead, item_id, "lead")
    assert judge(lead, 6).status == 403
    judge(lead, 6, police_hold="yes")
    assert state_of(desk, item_id) == "held_for_police"
    assert desk.count("SELECT count(*) FROM images WHERE verdict = 'doubtful'") == 1


def test_a_text_that_two_pass_over_goes_to_a_lead(surface, desk):
    (text,) = desk.report(note=NOTE)
    ana, lead = surface.sign_in("Ana"), surface.sign_in("Lena", PersonRole.LEAD)
    for browser in (ana, lead):
        open_item(browser, text)
        assert browser.submit("skip").path == "/queue"
    assert desk.place(text).lane == "lead"
    assert not open_item(ana, text).has_form("judge-item")
    open_item(lead, text, "lead")
    lead.submit("judge-item", label="4")
    assert state_of(desk, text) == "awaiting_hand_on"


def test_who_passes_over_the_only_picture_goes_on_to_the_queue(surface, desk, item):
    ana = surface.sign_in("Ana")
    open_item(ana, item)
    assert ana.submit("skip-1").path == "/queue"
    assert open_item(ana, item).has_form("judge-1")


def test_what_was_never_captured_is_reopened_with_its_old_reason_and_nobody_is_said_to_have_looked(
    surface, desk
):
    (refused,) = desk.report("http://10.0.0.1/a.jpg")
    (text,) = desk.report(note=NOTE)
    capture(desk, refused)
    ana = surface.sign_in("Ana")
    for item_id, reason in (
        (refused, "refused: the address is a private network"),
        (text, "a report without an address or a file"),
    ):
        assert reason in open_item(ana, item_id).words
        ana.submit("judge-item", label="3")
        page = open_item(ana, item_id)
        assert "Not illegal (looked at" not in page.words
        assert "First, Ana, 3" in page.words
        assert reason in ana.submit("reopen", reason="a new fact").words


def test_what_is_not_shown_by_an_item_cannot_be_reached_through_it(surface, desk, item):
    (other,) = desk.report(url("/second.jpg"))
    capture(desk, other)
    path = f"/items/{item}/images/{image_of(desk, other)}"
    browser = surface.sign_in("Ana")
    assert browser.open(f"{path}/thumb").status == 404
    open_item(browser, item)
    for what, fields in (
        ("reveal", {"rendering": "colour", "asked": "0"}),
        ("assess", {"label": "3", "round": "1"}),
    ):
        assert browser.post(f"{path}/{what}", fields).status == 404
    for wrong in ({"label": "9", "round": "1"}, {"label": "3", "round": "x"}, {"label": "3"}, {"round": "1"}):
        mine = f"/items/{item}/images/{image_of(desk, item)}/assess"
        assert browser.post(mine, wrong).status == 422, wrong
    assert desk.count("SELECT count(*) FROM looks") + desk.count("SELECT count(*) FROM assessments") == 0


# The queue


def test_the_queue_is_cut_into_pages_with_danger_first(surface, desk, monkeypatch):
    monkeypatch.setattr("triage.store.queue_page.PAGE_SIZE", 2)
    ids = [desk.report(note=f"note {number}")[0] for number in range(3)]
    ids += desk.report(note="now", danger=True)
    browser = surface.sign_in("Ana")
    assert listed(browser, "danger") == [reference(desk, ids[3])]
    assert listed(browser, "look") == [reference(desk, one) for one in ids[:3]]
    empty = browser.open("/queue?lane=partner&lang=en")
    assert "Nothing waits in this lane." in empty.words
    assert browser.open("/queue?lane=nonsense&after=nonsense").status == 200
    tabs = [node.text() for node in browser.open("/queue?lang=en").tree.css(".tabs a")]
    assert tabs == ["danger now (1)", "look (3)", "no look (0)", "second look (0)", "partner (0)"]


def test_every_page_speaks_albanian_too(surface, desk, item):
    browser = surface.sign_in("Ana")
    for path in ("/queue?lang=sq", f"/items/{item}?lang=sq"):
        page = browser.open(path)
        assert page.status == 200
        assert page.tree.css_first("html").attributes["lang"] == "sq"
    assert "imazh i ri" in browser.open("/queue?lane=look&lang=sq").words
    open_item(browser, item)
    refused = browser.open(f"/items/{item}?lang=sq") and judge(browser, 1)
    assert "Shikojeni imazhin më parë" in refused.words
