"""Looks in Chromium: nothing clear comes before it is wanted, and nothing clear stays one frame after it is let go."""

import re

import pytest

from tests.conftest import copy_template
from tests.reviewing import CLEAR, Review, open_room

ONE_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def test_nothing_clear_comes_by_loading_hovering_or_going_through_the_pictures(room, review):
    from playwright.sync_api import expect

    item = room.take_in(3)
    review.open(item)
    page = review.page
    expect(page.locator("article.picture:not([hidden])")).to_have_count(1)
    page.locator(".window:visible").hover()
    for key in ("j", "j", "k", "1", "Tab", "Tab"):
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    assert review.count_reveals() == 0
    assert not any("/reveal" in one for one in review.window.asked)
    assert page.locator("img.clear[src]").count() == 0
    assert review.measure() < CLEAR
    assert room.count("SELECT count(*) FROM looks WHERE item_id = %s", item) == 0


@pytest.mark.parametrize("latency_ms", [0, 400, 2000])
def test_one_frame_after_letting_go_nothing_clear_is_left(room, review, latency_ms):
    from playwright.sync_api import expect

    review.open(room.take_in())
    page = review.page
    page.route(re.compile(r"/reveal$|/looks/[\w-]{43}$"), late_by(latency_ms))
    page.locator(".window:visible .thumb").evaluate("(one) => one.decode()")
    hidden = review.measure()
    assert hidden < CLEAR
    review.hold()
    expect(review.clear).to_be_visible(timeout=8000)
    assert review.measure() >= CLEAR, "it was clear while the key was held"
    review.let_go()
    page.evaluate(ONE_FRAME)
    assert review.measure() == hidden
    assert page.locator("img.clear[src]").count() == 0
    expect(page.locator(".seen:visible")).to_have_text(re.compile(r"Seen: \d+ s"))


def late_by(ms):
    """Handle requests later, without holding up the browser's own clock."""

    def handle(route):
        if ms:
            route.request.frame.page.wait_for_timeout(ms)
        route.continue_()

    return handle


def test_a_tap_shorter_than_the_way_of_the_token_shows_nothing_and_fetches_nothing(room, review):
    item = room.take_in()
    review.open(item)
    review.page.route("**/reveal", late_by(400))
    review.press("Space")
    seen = [review.clear.is_visible() or review.page.wait_for_timeout(50) for _ in range(16)]
    assert not any(seen)
    assert review.count_reveals() == 0
    assert room.count("SELECT count(*) FROM looks WHERE item_id = %s AND fetched_at IS NULL", item) == 1


HIDES = {
    "the window loses the focus": "() => window.dispatchEvent(new Event('blur'))",
    "the tab is hidden": """() => {
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
    }""",
    "the page is left": "() => window.dispatchEvent(new Event('pagehide'))",
}


@pytest.mark.parametrize("cause", HIDES)
def test_whatever_happens_hides_at_once(room, review, cause):
    from playwright.sync_api import expect

    review.open(room.take_in())
    review.hold()
    expect(review.clear).to_be_visible()
    review.page.evaluate(HIDES[cause])
    assert not review.clear.is_visible()
    assert review.clear.get_attribute("src") is None
    review.let_go()


def test_a_look_is_timed_by_the_browser_and_logged(room, review):
    from playwright.sync_api import expect

    item = room.take_in()
    review.open(item)
    review.hold()
    expect(review.clear).to_be_visible()
    review.page.wait_for_timeout(700)
    with review.page.expect_response(re.compile("/looks/[0-9a-f-]+/end$")):
        review.let_go()
    ms = room.count("SELECT shown_ms FROM looks WHERE item_id = %s", item)
    assert 600 <= ms <= 2500
    assert room.count("SELECT count(*) FROM looks WHERE item_id = %s AND rendering = 'grey_half'", item) == 1


def test_colour_is_a_key_of_its_own_and_the_pointer_holds_too(room, review):
    from playwright.sync_api import expect

    item = room.take_in()
    review.open(item)
    review.hold("Shift")
    review.hold()
    expect(review.clear).to_be_visible()
    review.let_go("Space")
    review.let_go("Shift")
    expect(review.clear).to_be_hidden()
    review.page.locator(".window:visible").hover()
    review.page.mouse.down()
    expect(review.clear).to_be_visible()
    review.page.mouse.up()
    assert not review.clear.is_visible()
    found = [
        room.count(f"SELECT count(*) FROM looks WHERE item_id = %s AND rendering = '{one}'", item)
        for one in ("colour", "grey_half")
    ]
    assert found == [1, 1]
    assert review.page.url.endswith(f"/items/{item}?lane=look"), "no form was sent"


def test_it_hides_by_itself_at_the_longest_look(servers, tmp_path, open_browser):
    from playwright.sync_api import expect

    with (
        copy_template(servers) as fresh,
        open_room(fresh, servers.redis_url, tmp_path, look_max_s=3.0) as room,
    ):
        window = open_browser(room.surface.url, language="en")
        window.sign_in(room.surface.hire("Ana"))
        review = Review(window)
        review.open(room.take_in())
        review.hold()
        expect(review.clear).to_be_visible()
        expect(review.clear).to_be_hidden(timeout=4000)
        review.let_go()


def test_who_cannot_hold_presses_and_it_hides_by_itself(room, review):
    from playwright.sync_api import expect

    review.window.open("/account?lang=en")
    review.page.locator("#reveal-toggle").check()
    review.page.locator("#preferences button").click()
    review.page.locator(".said").wait_for()
    review.open(room.take_in())
    expect(review.page.locator(".seen:visible")).to_have_text("Hidden. Press Space to look.")
    review.press("Space")
    expect(review.clear).to_be_visible()
    review.page.wait_for_timeout(1000)
    assert review.clear.is_visible(), "letting the key go does not hide"
    expect(review.clear).to_be_hidden(timeout=4000)
    review.press("Space")
    expect(review.clear).to_be_visible()
    review.press("Space")
    assert not review.clear.is_visible()


def test_a_refused_look_says_why_in_one_sentence(room, review):
    from playwright.sync_api import expect

    item = room.take_in()
    review.open(item)
    room.desk.conn.execute(
        "UPDATE item_leases SET ended_at = now(), ended_as = 'left' WHERE ended_at IS NULL"
    )
    room.desk.conn.commit()
    review.hold()
    expect(review.page.locator("#said")).to_have_text("Open this item first.")
    review.let_go()
    assert review.count_reveals() == 0


def test_a_picture_is_asked_for_without_saying_where_from(room, review):
    from playwright.sync_api import expect

    requests = []
    review.page.on("request", lambda one: requests.append(one))
    review.open(room.take_in())
    review.hold()
    expect(review.clear).to_be_visible()
    review.let_go()
    review.page.wait_for_timeout(200)
    headers = [(one.url, one.all_headers()) for one in requests]
    (token,) = {url.rpartition("/")[2] for url, _ in headers if re.search(r"/looks/[\w-]{43}$", url)}
    assert [url for url, one in headers if one.get("referer")] == []
    assert not any(token in str(one) for _, one in headers)
    assert sum(token in url for url, _ in headers) == 1


def test_after_ten_minutes_without_an_act_the_page_hides_and_is_opened_again(room, review):
    from playwright.sync_api import expect

    item = room.take_in()
    review.page.clock.install()
    review.open(item)
    review.page.clock.run_for("05:00")
    assert review.window.asked.count(f"POST /items/{item}/heartbeat") == 5
    expect(review.page.locator("#review")).to_be_visible()
    review.page.clock.run_for("06:30")
    expect(review.page.locator("#review")).to_be_hidden()
    expect(review.page.locator("#asleep button")).to_be_focused()
    review.page.locator("#asleep button").click()
    expect(review.page.locator("#review")).to_be_visible()


def test_without_script_each_picture_is_looked_at_on_a_page_of_its_own(room, open_browser):
    window = open_browser(room.surface.url, language="en", script=False)
    window.sign_in(room.surface.hire("Plain"))
    review = Review(window)
    review.open(room.take_in(2))
    page = review.page
    assert page.locator("article.picture").count() == 2
    assert all(one.is_visible() for one in page.locator("article.picture").all())
    page.locator("#reveal-2 .window").click()
    page.locator("figure.look img").wait_for()
    page.locator("#judge-3").check()
    page.locator("#judge button").click()
    page.locator("#review").wait_for()
    assert room.count("SELECT count(*) FROM looks WHERE fetched_at IS NOT NULL AND ended_at IS NOT NULL") > 0
