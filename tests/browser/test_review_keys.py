"""The keyboard on the review page and in the queue: how many keys a decision takes, and switching each of them off."""

from pathlib import Path

import pytest

from tests.axe import find_barriers
from tests.builders import list_entry, trust
from tests.captures import capture
from tests.conftest import copy_template
from tests.drawn_images import make_jpeg
from tests.looking_over import NARROW, find_overflow
from tests.reviewing import HOST, SIZE, Review, open_room

MOST_BYTES = 100 * 1024
ROOT = Path(__file__).parents[2]


def test_a_new_picture_takes_three_keys(room, review):
    from playwright.sync_api import expect

    item = room.take_in()
    review.open(item)
    review.hold()
    expect(review.clear).to_be_visible()
    review.let_go()
    review.press("1")
    review.press("Enter")
    review.page.wait_for_url(lambda address: f"/items/{item}" not in address)
    assert review.presses == 3
    said = "SELECT count(*) FROM looks JOIN assessments USING (image_id, person_id, round) WHERE looks.item_id = %s"
    assert room.count(said, item) == 1


def test_a_known_picture_takes_one_key_and_no_look(room, review):
    known = make_jpeg(9000, "checkerboard", SIZE)
    room.site.lay_answer("/known.jpg", known, "image/jpeg")
    room.desk.import_entries("list", list_entry("a", data=known))
    trust(room.desk.conn, "list")
    (item,) = room.desk.report(f"http://{HOST}/known.jpg")
    capture(room.desk, item)
    review.open(item, "no_look")
    review.press("Enter")
    review.page.wait_for_url("**/queue?*")
    assert review.presses == 1
    assert room.desk.place(item).state == "actionable"
    assert room.count("SELECT count(*) FROM looks WHERE item_id = %s", item) == 0


def test_keys_press_what_can_be_seen_and_space_keeps_its_use_on_buttons(room, review):
    from playwright.sync_api import expect

    review.open(room.take_in(3))
    page = review.page
    shown = page.locator("article.picture:not([hidden])")
    expect(shown).to_have_attribute("id", "picture-1")
    for key, number in (("j", 2), ("j", 3), ("j", 3), ("k", 2)):
        review.press(key)
        expect(shown).to_have_attribute("id", f"picture-{number}")
    review.press("2")
    expect(page.locator("#judge-2-2")).to_be_checked()
    expect(page.locator("#said")).to_have_text("2 · National")
    review.press("e")
    expect(page.locator("#judge-2 .reasons input:checked")).to_have_attribute("value", "no_child")
    review.press("p")
    expect(page.locator("#judge-2-danger")).to_be_checked()
    review.press("d")
    expect(page.locator("#judge-2 details.detail")).to_have_attribute("open", "")
    expect(page.locator("#judge-2 [data-detail]")).to_have_count(0)
    review.press("n")
    expect(page.locator("#judge-2-reason")).to_be_focused()
    page.keyboard.type("2 words, j k ?")
    expect(page.locator("#judge-2-reason")).to_have_value("2 words, j k ?")
    expect(shown).to_have_attribute("id", "picture-2")
    page.locator("#judge-2-3").focus()
    review.press("Space")
    expect(page.locator("#judge-2-3")).to_be_checked()
    assert not any("/reveal" in one for one in review.window.asked)
    page.locator("#judge-2-reason").focus()
    with page.expect_response(
        lambda one: one.url.endswith("/assess")
    ):  # not cut off: others share this queue
        review.press("Control+Enter")
    expect(page.locator("p.error")).to_be_visible()


def test_the_list_of_keys_opens_and_its_switch_turns_them_off(room, review):
    from playwright.sync_api import expect

    item = room.take_in()
    review.open(item)
    page = review.page
    review.press("?")
    dialog = page.locator("dialog#keys")
    expect(dialog).to_be_visible()
    review.press("1")
    expect(page.locator("#judge-1-1")).not_to_be_checked()
    assert find_barriers(page) == []
    assert find_overflow(page, NARROW) == []
    page.locator("#keys-off button").click()
    page.wait_for_load_state("load")
    assert page.url.endswith(f"/items/{item}")
    assert page.locator("dialog#keys").count() == 0
    for key in ("1", "j", "p", "s", "?", "Space"):
        review.press(key)
    page.wait_for_timeout(100)
    expect(page.locator("input:checked:not([value=''])")).to_have_count(0)
    assert not any("/reveal" in one for one in review.window.asked)
    page.locator(".window").focus()
    review.hold()
    expect(review.clear).to_be_visible()
    review.let_go()
    assert not review.clear.is_visible()


def test_the_queue_is_walked_and_opened_by_keys_and_a_word_is_taken_back(servers, tmp_path, open_browser):
    with (
        copy_template(servers) as fresh,
        open_room(fresh, servers.redis_url, tmp_path) as room,
    ):
        window = open_browser(room.surface.url, language="en")
        window.sign_in(room.surface.hire("Ana"))
        walk_the_queue(room, Review(window))


def walk_the_queue(room, review):
    from playwright.sync_api import expect

    for _ in range(2):
        room.take_in()
    review.window.open("/queue?lane=look&still=1&lang=en")
    page = review.page
    page.wait_for_load_state("load")
    rows = page.locator("[data-row]")
    for at in (0, 1, 0):
        review.press("k" if at == 0 and review.presses else "j")
        expect(rows.nth(at).locator("button, a").first).to_be_focused()
    review.press("o")
    page.locator("#review").wait_for()
    page.wait_for_load_state("load")
    first = page.url.partition("?")[0].rpartition("/")[2]
    review.press("3")
    review.press("Enter")
    page.wait_for_url(lambda address: first not in address.partition("?")[0])
    page.wait_for_load_state("load")
    review.press("z")
    page.wait_for_url(f"**/items/{first}*")
    page.locator("#review").wait_for()
    assert (
        room.count("SELECT count(*) FROM items WHERE id = %s AND state = 'awaiting_assessment'", first) == 1
    )


@pytest.mark.parametrize("language", ["sq", "en"])
def test_the_review_page_fits_and_weighs_at_most_100_kb(room, review, language):
    review.open(room.take_in(note="x" * 400))
    weights = {}
    review.page.on("response", lambda one: weights.update({one.url: len(one.body())}))
    review.page.goto(review.page.url.replace("lang=en", "") + f"&lang={language}")
    review.window.settle()
    for width, percent in ((320, 100), (640, 200), (1280, 100)):
        assert find_overflow(review.page, width, percent=percent) == []
    shell = {url: size for url, size in weights.items() if "/thumb" not in url}
    assert any("review" in url and url.endswith(".js") for url in shell)
    assert sum(shell.values()) <= MOST_BYTES, shell
    columns = "(one) => getComputedStyle(one).gridTemplateColumns.split(' ').length"
    review.page.set_viewport_size({"width": 320, "height": 800})
    assert review.page.locator("#review").evaluate(columns) == 1
    review.page.set_viewport_size({"width": 1280, "height": 800})
    assert review.page.locator("#review").evaluate(columns) == 2
    assert review.page.locator("article.picture").first.evaluate(columns) == 2


def test_every_waiting_picture_gets_its_own_detail_from_the_one_panel(room, review):
    from playwright.sync_api import expect

    item = room.take_in(4)
    review.open(item)
    page = review.page
    assert page.locator("details.detail").count() == 1
    assert page.locator("[data-detail]").count() == 3
    review.press("d")
    page.locator("#judge-1-sex").select_option("male")
    for _ in range(3):
        page.locator("h1").click()
        review.press("j")
    page.locator("#judge-4 [data-detail]").click()
    expect(page.locator("#judge-4 details.detail summary")).to_be_focused()
    expect(page.locator("#judge-4-sex")).to_have_value("")
    page.locator("#judge-4-sex").select_option("female")
    page.locator("#judge-4-language_clues").fill("sq")
    assert find_barriers(page) == []
    assert find_overflow(page, NARROW) == []
    page.locator("h1").click()
    review.hold()
    expect(review.clear).to_be_visible()
    review.let_go()
    review.press("2")
    review.press("Enter")
    page.locator("#review").wait_for()
    expect(page.locator("article.picture:not([hidden]) h3")).not_to_contain_text("Picture 4")
    said = "SELECT count(*) FROM classifications WHERE item_id = %s AND sex = 'female' AND language_clues = '{sq}'"
    assert room.count(said, item) == 1
    assert room.count("SELECT count(*) FROM classifications WHERE item_id = %s", item) == 1


def test_the_panel_of_a_form_goes_with_no_other_forms_words(room, review):
    """What was chosen for one picture is not sent with another one."""
    from playwright.sync_api import expect

    item = room.take_in(2)
    review.open(item)
    page = review.page
    review.press("d")
    page.locator("#judge-1-sex").select_option("male")
    page.locator("h1").click()
    review.press("j")
    review.hold()
    expect(review.clear).to_be_visible()
    review.let_go()
    review.press("2")
    with page.expect_request(lambda one: one.url.endswith("/assess")) as sent:
        review.press("Enter")
    assert "detail_" not in sent.value.post_data
    expect(page.locator("#judge-2")).to_have_count(0)


def test_a_refused_form_is_shown_again_with_its_words_and_gives_none_of_them_to_another(room, review):
    from playwright.sync_api import expect

    review.open(room.take_in(2))
    page = review.page
    review.press("j")
    page.locator("#judge-2 [data-detail]").click()
    page.locator("#judge-2-sex").select_option("female")
    page.locator("#judge-2-payment").select_option(["visa"])
    page.locator("#judge-2-language_clues").fill("sq")
    page.locator("h1").click()
    review.press("1")
    review.press("Enter")
    expect(page.locator("p.error")).to_contain_text("your own look")
    page.wait_for_load_state("load")
    expect(page.locator("article.picture:not([hidden])")).to_have_attribute("id", "picture-2")
    expect(page.locator("#judge-2-1")).to_be_checked()
    expect(page.locator("#judge-2-sex")).to_have_value("female")
    expect(page.locator("#judge-2-sex")).to_be_visible()
    review.press("k")
    review.press("d")
    expect(page.locator("#judge-1-sex")).to_have_value("")
    expect(page.locator("#judge-1-payment")).to_have_values([])
    expect(page.locator("#judge-1-language_clues")).to_have_value("")


@pytest.mark.parametrize("pictures", [1, 6])
def test_one_panel_keeps_the_page_light(room, review, pictures):
    review.open(room.take_in(pictures))
    html = review.page.goto(review.page.url).body()
    assert html.count(b'name="detail_sex"') == 1
    assert html.count(b"data-detail=") == pictures - 1
    assert len(html) < 60 * 1024


def test_our_own_scripts_together_are_at_most_10_kb():
    own = [one for one in (ROOT / "api/console/static").glob("*.js") if not one.name.startswith("htmx")]
    assert len(own) >= 4
    assert sum(one.stat().st_size for one in own) <= 10_000


def test_full_size_is_a_switch_and_changes_no_picture(room, review):
    from playwright.sync_api import expect

    review.open(room.take_in())
    review.press("f")
    expect(review.page.locator("[data-key=f]:visible")).to_be_checked()
    review.hold()
    expect(review.clear).to_be_visible()
    assert review.clear.bounding_box()["width"] >= 300
    review.let_go()
    assert not review.clear.is_visible()
    review.press("f")
    expect(review.page.locator("[data-key=f]:visible")).not_to_be_checked()
