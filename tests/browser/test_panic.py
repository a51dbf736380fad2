"""The panic key in Chromium: an empty page within a tenth of a second, from any focus, and no way back to it."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.furnishing import DESK
from tests.looking_over import look_over
from tests.reviewing import CLEAR
from tests.staff_server import run_staff_surface
from triage.model import PersonRole

MOST_MS = 100
NOTE_PRESS = """
addEventListener("keydown", (event) => { if (event.key === "Escape") window.pressed = event.timeStamp; }, true);
"""
"""Runs before the page's own scripts: nothing sees the key after them."""

NOTE_EMPTY = """() => new MutationObserver(() => {
  if (document.body.childElementCount || localStorage.getItem("took")) return;
  localStorage.setItem("took", performance.now() - window.pressed);
  localStorage.setItem("title", document.title);
}).observe(document.body, { childList: true })"""
OPEN_DIALOG = """() => {
  const dialog = document.createElement("dialog");
  dialog.innerHTML = "<button>x</button>";
  document.querySelector("main").append(dialog);
  dialog.showModal();
}"""
STAYS = "() => { navigation.addEventListener('navigate', (event) => { event.preventDefault(); }); }"
"""What the page leads to never comes, so that what it left on the screen can be measured."""
COMES_BACK = "() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"


@pytest.fixture
def console(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


def press_and_measure(window) -> float:
    """Press Esc; return the milliseconds until nothing stood on the page any more."""
    window.page.evaluate("() => localStorage.clear()")
    window.page.evaluate(NOTE_EMPTY)
    with window.page.expect_request(lambda one: one.url.endswith("/panic")) as told:
        window.page.keyboard.press("Escape")
    window.page.wait_for_url("**/notes")
    assert told.value.method == "POST"
    assert window.page.title() == "Notes"
    assert window.page.evaluate("() => localStorage.getItem('title')") == "Notes"
    return float(window.page.evaluate("() => localStorage.getItem('took')"))


def find_quickest(window, path, focus="body") -> float:
    """Press Esc on a page, again where it took too long: the machine may be busy with something else."""
    took = []
    while len(took) < 3 and not (took and took[-1] <= MOST_MS):
        window.open(path)
        if focus == "dialog":
            window.page.evaluate(OPEN_DIALOG)
        else:
            window.page.locator(focus if focus == "body" else f"main {focus}").first.focus()
        took.append(press_and_measure(window))
    return min(took)


def test_the_page_is_empty_at_once_whatever_has_the_focus(house, open_browser) -> None:
    window = open_browser(house.surface.url)
    window.context.add_init_script(NOTE_PRESS)
    window.sign_in(house.surface.hire(DESK))
    for path, focus in (
        ("/", "body"),
        ("/recipients", "input[name=name]"),
        ("/recipients", "select"),
        ("/recipients", "dialog"),
        ("/hand-on", "a"),
        (house.open_path("new"), "button"),
    ):
        assert find_quickest(window, path, focus) <= MOST_MS, focus


def measure_all(page) -> int:
    """Return the largest step of grey between two neighbours anywhere in the window."""
    grey = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"), dtype=int)
    return int(max(abs(np.diff(grey, axis=0)).max(), abs(np.diff(grey, axis=1)).max()))


def test_nothing_clear_is_left_one_frame_after_the_key_though_a_picture_was_held(room, review) -> None:
    from playwright.sync_api import expect

    review.window.context.add_init_script(NOTE_PRESS)
    review.open(room.take_in())
    page = review.page
    page.evaluate(STAYS)
    page.evaluate(NOTE_EMPTY)
    review.hold()
    expect(review.clear).to_be_visible()
    page.keyboard.press("Escape")
    page.wait_for_timeout(40)
    assert page.title() == "Notes"
    assert measure_all(page) == 0, "the window is of one grey"
    assert page.locator("img").count() == 0
    assert float(page.evaluate("() => localStorage.getItem('took')")) <= MOST_MS
    review.let_go()


def test_a_page_out_of_the_browsers_store_shows_no_picture_that_was_looked_at(room, review) -> None:
    from playwright.sync_api import expect

    review.open(room.take_in())
    page = review.page
    review.hold()
    expect(review.clear).to_be_visible()
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    assert page.locator("img[src]").count() == 0, (
        "what the browser would keep holds no picture, no thumb either"
    )
    review.let_go()
    before = review.count_reveals()
    with page.expect_navigation():
        page.evaluate(COMES_BACK)
    page.locator("#review").wait_for()
    assert page.locator("img.clear[src]").count() == 0
    assert review.measure() < CLEAR
    assert review.count_reveals() == before
    page.goto(f"{review.window.origin}/queue?lang=en")
    page.go_back()
    page.locator("#review").wait_for()
    assert page.locator("img.clear[src]").count() == 0
    assert review.count_reveals() == before


def test_a_page_out_of_the_browsers_store_is_asked_for_anew_after_the_key(room, review) -> None:
    item = room.take_in()
    review.window.open(f"/items/{item}?lang=en")
    page = review.page
    page.locator("form#open button").click()
    page.locator("#review").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_url("**/notes")
    for _ in range(100):  # the answer to a beacon reaches no page
        if not room.count("SELECT count(*) FROM item_leases WHERE item_id = %s AND ended_at IS NULL", item):
            break
        page.wait_for_timeout(50)
    page.go_back()
    page.wait_for_load_state("load")
    assert page.locator("#review").count() == 0, "the item was freed: it is opened anew, if at all"
    assert page.locator("img.clear[src]").count() == 0
    with page.expect_navigation():
        page.evaluate(COMES_BACK)


def test_nothing_of_a_page_is_shown_before_the_key_works(console, open_browser) -> None:
    window, held = open_browser(console.url), []
    window.sign_in(console.hire("Ana"))
    window.context.route("**/panic*.js", lambda route: held.append(route))
    window.page.goto(f"{window.origin}/queue?lang=en", wait_until="commit")
    window.page.wait_for_timeout(300)
    assert window.page.locator("main").count() == 0, "the script that takes the key has not come"
    held[0].continue_()
    window.page.locator("main h1").wait_for()
    window.page.keyboard.press("Escape")
    window.page.wait_for_url("**/notes")


def test_going_back_does_not_show_the_page_that_was_left(console, open_browser) -> None:
    window = open_browser(console.url)
    window.context.add_init_script(NOTE_PRESS)
    window.sign_in(console.hire("Ana", PersonRole.LEAD))
    window.open("/queue?lang=en")
    window.open("/recipients?lang=en")
    press_and_measure(window)
    window.page.go_back()
    assert "/recipients" not in window.page.url
    with console.database.connect() as conn:
        left = conn.execute("SELECT count(*) FROM custody_events WHERE event = 'left_at_once'").fetchone()
    assert left == (1,)


def test_when_the_server_does_not_answer_the_page_is_empty_all_the_same(console, open_browser) -> None:
    window = open_browser(console.url)
    window.context.add_init_script(NOTE_PRESS)
    window.sign_in(console.hire("Ana"))
    window.context.route("**/panic", lambda route: route.abort())
    assert find_quickest(window, "/") <= MOST_MS


def test_the_button_at_the_same_place_does_the_same_with_a_script_and_without(console, open_browser) -> None:
    places = set()
    for script in (True, False):
        window = open_browser(console.url, script=script)
        window.sign_in(console.hire("Ana"))
        for path in ("/", "/queue", "/account"):
            window.open(path)
            box = window.page.locator("#panic button").bounding_box()
            places.add((round(box["x"]), round(box["y"])))
        window.page.locator("#panic button").click()
        window.page.wait_for_url("**/notes")
    assert len(places) == 1, places
    with console.database.connect() as conn:
        left = conn.execute("SELECT count(*) FROM custody_events WHERE event = 'left_at_once'").fetchone()
    assert left == (2,)


def test_the_button_leads_to_the_neutral_page_once_the_session_has_ended(console, open_browser) -> None:
    for script in (True, False):
        window = open_browser(console.url, language="en", script=script)
        window.sign_in(console.hire("Ana"))
        window.open("/account")
        with console.database.connect() as conn:
            conn.execute("DELETE FROM sessions")
            conn.commit()
        window.page.locator("#panic button").click()
        window.page.wait_for_url("**/notes")
        assert window.page.title() == "Notes"


def test_the_neutral_page_and_the_break_have_no_barriers(console, open_browser) -> None:
    for language in ("sq", "en"):
        window = open_browser(console.url, language=language)
        window.sign_in(console.hire(f"Ana {language}"), language=language)
        window.open("/notes")
        assert look_over(window.page) == []
        window.open("/")
        window.page.locator("#break button").click()
        window.page.wait_for_url("**/break")
        assert look_over(window.page) == []
        assert window.page.locator("img, nav, table").count() == 0
