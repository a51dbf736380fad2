"""The warning before a session ends, in Chromium: typed words stay, extending works, and at the end one is out."""

import pytest

from tests.looking_over import look_over
from tests.staff_server import run_staff_surface
from triage.model import PersonRole


@pytest.fixture
def console(database, tmp_path):
    with run_staff_surface(database, root=tmp_path, session_idle_s=122.0, session_max_s=3600.0) as running:
        yield running


def test_the_warning_comes_and_extending_keeps_what_was_typed(console, open_browser) -> None:
    from playwright.sync_api import expect

    window = open_browser(console.url)
    window.sign_in(console.hire("Ada", PersonRole.ADMIN))
    window.open("/recovery")
    warning = window.page.locator("#session-warning")
    expect(warning).to_be_hidden()
    window.page.locator("#reason").fill("half a sentence")
    expect(warning).to_be_visible(timeout=8000)
    window.page.locator("#extend button").click()
    expect(warning).to_be_hidden()
    expect(window.page.locator("#reason")).to_have_value("half a sentence")
    assert "POST /session/extend" in window.asked
    assert len(window.context.pages) == 1


def test_the_page_of_recoveries_has_no_barriers(console, open_browser) -> None:
    console.hire("Ben")
    for name, role in (("Lea", PersonRole.LEAD), ("Ada", PersonRole.ADMIN)):
        window = open_browser(console.url)
        window.sign_in(console.hire(name, role))
        window.open("/recovery")
        if role is PersonRole.LEAD:
            window.page.locator("#person").select_option("Ben")
            window.page.locator("#reason").fill("Face to face.")
            window.page.locator("#ask button").click()
        else:
            window.page.locator("textarea").first.fill("On a number that I know.")
            window.page.locator("button[formaction$=approve]").click()
            window.page.locator("#link").wait_for()
        assert look_over(window.page) == []


def test_when_the_session_is_over_the_page_is_left(console, open_browser) -> None:
    from playwright.sync_api import expect

    window = open_browser(console.url)
    window.sign_in(console.hire("Ada", PersonRole.ADMIN))
    window.open("/recovery")
    with console.database.connect() as conn:
        conn.execute("UPDATE sessions SET ended_at = now()")
    expect(window.page.get_by_role("heading", name="You are signed out")).to_be_visible(timeout=8000)
    assert window.page.url.endswith("/signed-out")


def test_without_script_the_line_and_the_button_are_enough(console, open_browser) -> None:
    from playwright.sync_api import expect

    window = open_browser(console.url, script=False)
    window.sign_in(console.hire("Ada", PersonRole.ADMIN))
    window.open("/recovery")
    expect(window.page.locator("#session")).to_contain_text("you are signed out at")
    window.page.locator("#reason").fill("half a sentence")
    with window.context.expect_page() as opened:
        window.page.locator("#extend button").click()
    expect(opened.value.get_by_role("status")).to_contain_text("You stay signed in until")
    expect(window.page.locator("#reason")).to_have_value("half a sentence")
