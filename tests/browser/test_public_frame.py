"""The public pages in Chromium: no barrier, narrow and enlarged, light in weight, whole without any script."""

import re

import pytest

from api.catalogues.languages import LANGUAGES
from api.public.texts import TEXTS
from tests.axe import RULES_OF_COLOUR, find_barriers
from tests.intake import count
from tests.public_server import run_public_surface

URL = "https://photos.example/a.png"
WIDE = f"https://{'a' * 60}.example/{'b' * 900}\n{'c' * 900}"


@pytest.fixture
def surface(database, tmp_path):
    with run_public_surface(
        tmp_path / "state", database.dsns["hotline_public"], public_uploads=True, upload_max_bytes=1 << 20
    ) as running:
        yield running


def look_over(page):
    """What is wrong with the page that is open, in all the ways that it may be shown."""
    page.emulate_media(color_scheme="light")
    wrong = find_barriers(page)
    page.emulate_media(color_scheme="dark")
    wrong += [f"dark: {one}" for one in find_barriers(page, *RULES_OF_COLOUR)]
    for width, percent in ((320, 100), (640, 200)):
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("(percent) => { document.documentElement.style.fontSize = `${percent}%`; }", percent)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wrong.append(f"{over} px too wide at {width} px and {percent} % text")
    page.set_viewport_size({"width": 1280, "height": 800})
    return wrong


def fill_in(page, **fields):
    """Write into the form and send it."""
    for name, text in fields.items():
        if name in ("danger", "remit"):
            page.locator(f"input[name={name}][value={text}]").check()
        else:
            page.locator(f"[name={name}]").fill(text)
    page.locator("main form button").click()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_public_page_has_a_barrier_or_runs_over(surface, open_browser, language):
    window = open_browser(surface.url, language=language)
    page, form, wrong = window.page, f"/?lang={language}", {}

    def look_at(name):
        assert page.title() == TEXTS[language]["page_title"]
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("script, img, [style]").count() == 0
        found = look_over(page)
        if found:
            wrong[name] = found

    window.open(form)
    page.locator("details").evaluate("(one) => { one.open = true; }")
    look_at("the form")
    window.open(form)
    fill_in(page, urls="x" * 900, note="y", danger="yes", remit="csem")
    look_at("errors, or unreadable lines")
    window.open(form)
    fill_in(page, urls=WIDE, danger="yes")
    look_at("a receipt, with danger")
    receipt = page.locator(".receipt output").inner_text()
    window.open(f"/status?lang={language}")
    look_at("the status form")
    fill_in(page, receipt=receipt)
    look_at("a status")
    window.open(f"/status?lang={language}")
    fill_in(page, receipt="0000-0000-00000")
    look_at("no status")
    window.open(f"/nothing?lang={language}")
    look_at("no page")
    assert wrong == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_form_is_whole_without_script_and_weighs_at_most_15_kb(surface, conn, open_browser, language):
    window = open_browser(surface.url, language=language, script=False)
    page, weights = window.page, {}
    page.on("response", lambda one: weights.update({one.url: len(one.body())}))
    window.open(f"/?lang={language}")
    window.settle()
    assert len(weights) == 2, "the page and its style, nothing else"
    assert sum(weights.values()) <= 15_000, weights
    fill_in(page, urls="")
    assert page.locator("#urls-error").is_visible()
    fill_in(page, urls=f"{URL}\nwhat is this", note="ë <b>ç</b>", remit="csem", danger="yes")
    assert page.locator("h1").inner_text() == TEXTS[language]["receipt_heading"]
    assert page.locator("section.danger a").first.get_attribute("href") == "tel:129"
    receipt = page.locator(".receipt output").inner_text()
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z*~$=]{5}", receipt)
    window.open(f"/status?lang={language}")
    fill_in(page, receipt=receipt)
    assert page.locator("p.receipt").inner_text() == TEXTS[language]["status_received"]
    assert (count(conn, "reports"), count(conn, "items")) == (1, 1)


def test_the_way_out_is_first_to_the_keyboard_and_on_every_page(surface, open_browser):
    window = open_browser(surface.url, width=320)
    for path in ("/", "/status", "/nothing"):
        window.open(path)
        for _ in range(2):
            window.page.keyboard.press("Tab")
        focused = window.page.evaluate("document.activeElement.className")
        assert focused == "exit", path
        assert window.page.locator(".exit").get_attribute("rel") == "noreferrer nofollow"
        assert window.page.locator(".exit").bounding_box()["height"] >= 24


def test_numbers_stand_there_as_soon_as_danger_is_said_and_paper_has_no_buttons(surface, open_browser):
    window = open_browser(surface.url, script=False)
    window.open("/")
    numbers = window.page.locator(".when-danger")
    assert numbers.is_hidden()
    window.page.locator("input[name=danger][value=yes]").check()
    assert numbers.is_visible()
    window.page.emulate_media(media="print")
    for selector in ("button", ".exit", "header nav"):
        assert window.page.locator(selector).first.is_hidden(), selector
