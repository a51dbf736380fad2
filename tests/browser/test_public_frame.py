"""The public pages in Chromium: no barrier, narrow and enlarged, light in weight, whole without any script."""

import re

import pytest

from api.catalogues.languages import LANGUAGES
from api.public.texts import TEXTS
from tests.intake import count
from tests.looking_over import NARROW, WIDE, find_overflow, look_over
from tests.pseudo_texts import stretched
from tests.public_server import run_public_surface

URL = "https://photos.example/a.png"
WIDE_LINES = f"https://{'a' * 60}.example/{'b' * 900}\n{'c' * 900}"


@pytest.fixture
def surface(database, tmp_path):
    with run_public_surface(
        tmp_path / "state", database.dsns["hotline_public"], public_uploads=True, upload_max_bytes=1 << 20
    ) as running:
        yield running


def fill_in(page, **fields):
    """Write into the form and send it."""
    for name, text in fields.items():
        if name in ("danger", "remit"):
            page.locator(f"input[name={name}][value={text}]").check()
        else:
            page.locator(f"[name={name}]").fill(text)
    page.locator("main form button").click()


def go_through(window, language):
    """Open every public page one after another, and yield its name."""
    page, form = window.page, f"/?lang={language}"
    window.open(form)
    page.locator("details").evaluate("(one) => { one.open = true; }")
    page.locator("input[name=danger][value=yes]").check()
    yield "the form"
    window.open(form)
    page.locator("details").evaluate("(one) => { one.open = true; }")
    fill_in(page, urls="x" * 900, email="z" * 90, danger="yes", remit="csem")
    yield "errors beside their fields"
    window.open(form)
    fill_in(page, urls=WIDE_LINES, danger="yes")
    yield "a receipt, with danger"
    receipt = page.locator(".receipt output").inner_text()
    window.open(f"/status?lang={language}")
    yield "the status form"
    fill_in(page, receipt=receipt)
    yield "a status"
    window.open(f"/status?lang={language}")
    fill_in(page, receipt="0000-0000-00000")
    yield "no status"
    window.open(f"/nothing?lang={language}")
    yield "no page"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_public_page_has_a_barrier_or_runs_over(surface, open_browser, language):
    window = open_browser(surface.url, language=language)
    page, wrong = window.page, {}
    for name in go_through(window, language):
        assert page.title() == TEXTS[language]["page_title"]
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("script, img, [style]").count() == 0
        wrong |= {name: found} if (found := look_over(page)) else {}
    assert wrong == {}


def test_words_that_are_60_per_cent_longer_run_over_nothing(surface, open_browser):
    window, wrong = open_browser(surface.url), {}
    with stretched(TEXTS):
        for name in go_through(window, "sq"):
            assert window.page.title() == TEXTS["sq"]["page_title"] == "Formular" + "ëëëëë"
            found = find_overflow(window.page, NARROW) + find_overflow(window.page, WIDE)
            wrong |= {name: found} if found else {}
    assert wrong == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_script_a_report_is_made_and_looked_up_and_the_form_weighs_at_most_15_kb(
    surface, conn, open_browser, language
):
    t = TEXTS[language]
    window = open_browser(surface.url, language=language, script=False, width=320)
    page, weights = window.page, {}
    page.on("response", lambda one: weights.update({one.url: len(one.body())}))
    window.open(f"/?lang={language}")
    window.settle()
    assert len(weights) == 2, "the page and its style, nothing else"
    assert sum(weights.values()) <= 15_000, weights
    assert page.locator(".when-danger").is_hidden()
    page.get_by_label(t["danger_yes"], exact=True).check()
    assert page.locator(".when-danger a").first.get_attribute("href") == "tel:129"
    assert page.locator(".when-danger").is_visible()
    page.get_by_text(t["about_heading"]).click()
    page.get_by_label(t["city_label"]).select_option("vlore")
    page.get_by_label(t["email_label"]).fill("not an address")
    fill_in(page, note="ë <b>ç</b>")
    assert page.locator("#email-error").is_visible()
    assert page.locator("main .danger").first.is_visible()
    assert page.locator("#city").input_value() == "vlore"
    assert page.locator("#note").input_value() == "ë <b>ç</b>"
    page.locator(".errors a[href='#email']").click()
    fill_in(page, email="", urls=f"{URL}\nwhat is this")
    assert page.locator("h1").inner_text() == t["receipt_heading"]
    assert page.locator("section.danger a").first.get_attribute("href") == "tel:129"
    receipt = page.locator(".receipt output").inner_text()
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z*~$=]{5}", receipt)
    window.open(f"/status?lang={language}")
    fill_in(page, receipt=receipt.lower().replace("-", " "))
    assert page.locator("p.receipt").inner_text() == t["status_received"]
    assert window.context.cookies() == []
    assert (count(conn, "reports"), count(conn, "items")) == (1, 1)
    assert conn.execute("SELECT danger, is_low FROM reports").fetchall() == [(True, False)]
    assert conn.execute("SELECT city FROM reporter_facts").fetchall() == [("vlore",)]


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


def test_paper_has_no_buttons_and_no_way_out(surface, open_browser):
    window = open_browser(surface.url)
    window.open("/")
    window.page.emulate_media(media="print")
    for selector in ("button", ".exit", "header nav"):
        assert window.page.locator(selector).first.is_hidden(), selector
