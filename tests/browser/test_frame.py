"""Every page of the console: without barriers in both languages and schemes, narrow and enlarged, on its own."""

import pytest

from api.console.catalogue import TEXTS
from api.console.routes import OPEN_ROUTES, ROUTES
from tests.axe import RULES_OF_COLOUR, find_barriers
from tests.console_pages import ADMIN, DESK, NOBODY, SHOWN, SHOWS_NO_PAGE
from tests.furnishing import ROLES
from triage.model import PersonRole


def test_every_page_of_the_table_is_looked_at():
    table = {route.path for route in (*ROUTES, *OPEN_ROUTES) if route.method == "GET"}
    table = {path for path in table if not path.startswith("/static/")}
    shown = {one.route for one in SHOWN if not one.route.startswith("no ")}
    assert shown | SHOWS_NO_PAGE.keys() == table
    assert not shown & SHOWS_NO_PAGE.keys()


def enter(window, house, who, language):
    """Let somebody sign in, or only choose the language."""
    if who == NOBODY:
        window.open(f"/sign-in?lang={language}")
    else:
        window.sign_in(
            house.surface.hire(who, *(ROLES if who == DESK else [PersonRole.ADMIN])), language=language
        )


def look_over(page):
    """What is wrong with the page that is open, in all the ways that it may be shown."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})
    wrong = find_barriers(page)
    page.emulate_media(color_scheme="dark")
    wrong += [f"dark: {one}" for one in find_barriers(page, *RULES_OF_COLOUR)]
    for width, percent in ((320, 100), (640, 200)):
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("(percent) => { document.documentElement.style.fontSize = `${percent}%`; }", percent)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wrong.append(f"{over} px too wide at {width} px and {percent} % text")
    return wrong


@pytest.mark.parametrize("language", ["sq", "en"])
@pytest.mark.parametrize("who", [NOBODY, DESK, ADMIN])
def test_no_page_has_a_barrier_or_runs_over(house, open_browser, language, who):
    window = open_browser(house.surface.url, language=language)
    enter(window, house, who, language)
    wrong = {}
    for shown in SHOWN:
        if shown.who != who:
            continue
        path = shown.path(house)
        answer = window.open(path)
        wanted = {"no route": 404, "no right": 403}.get(shown.route, 200)
        found = look_over(window.page)
        assert window.page.title() == TEXTS["console"][language]
        assert window.page.locator("html").get_attribute("lang") == language
        if answer.status != wanted or found:
            wrong[path] = [answer.status, *found]
    assert wrong == {}
