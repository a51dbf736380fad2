"""Every page of the console: without barriers in both languages and schemes, narrow, enlarged and with longer words."""

import pytest

from api.console.catalogue import TEXTS
from api.console.routes import OPEN_ROUTES, ROUTES
from tests.console_pages import NOBODY, SHOWN, SHOWS_NO_PAGE
from tests.furnishing import ADMIN, DESK
from tests.looking_over import NARROW, WIDE, find_overflow, look_over
from tests.pseudo_texts import stretched

pytestmark = pytest.mark.long


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
        window.sign_in(house.surface.hire(who), language=language)


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


def test_words_that_are_60_per_cent_longer_run_over_nothing(house, open_browser):
    window, wrong = open_browser(house.surface.url), {}
    with stretched(TEXTS):
        for who in (NOBODY, DESK, ADMIN):
            enter(window, house, who, "sq")
            assert "Konsola" + "ç" in window.page.title()
            for shown in SHOWN:
                if shown.who == who:
                    path = shown.path(house)
                    window.open(path)
                    found = find_overflow(window.page, NARROW) + find_overflow(window.page, WIDE)
                    wrong |= {path: found} if found else {}
    assert wrong == {}
