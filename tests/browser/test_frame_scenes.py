"""What no address leads to: a look, a confirmation, what a form answers; on paper, in a reader's own colours."""

import pytest

from tests.axe import find_barriers
from tests.bare_captures import BareWorker
from tests.builders import report
from tests.furnishing import ROLES
from tests.looking_over import look_over
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.model import PersonRole

LANGUAGES = ["sq", "en"]


def open_signed_in(house, open_browser, *roles, language="en", **more):
    """Open a window of somebody new; a code app gives one person only three codes a minute."""
    window = open_browser(house.surface.url, language=language, **more)
    name = f"Somebody {len(house.surface.people)}"
    window.sign_in(house.surface.hire(name, *(roles or ROLES)), language=language)
    return window


SEND_PLAINLY = """(form) => {
  form.append(Object.assign(document.createElement("input"), { name: "rendering", value: "grey_half" }));
  form.submit();
}"""
"""As a look is asked for where no script runs."""


def open_review(window, house, name, lane="look"):
    """Open an item for who signed in last."""
    window.open(house.open_path(name, lane, who=list(house.surface.people)[-1]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_look_and_a_confirmation_have_no_barrier(house, open_browser, language):
    window = open_signed_in(house, open_browser, language=language)
    page = window.page
    open_review(window, house, "lead", "lead")
    with page.expect_response(lambda one: "/looks/" in one.url):
        page.locator("form[data-reveal]").first.evaluate(SEND_PLAINLY)
    house.desk.conn.execute(
        "UPDATE sessions SET started_at = started_at - interval '1 hour', confirmed_at = NULL"
    )
    house.desk.conn.commit()
    assert look_over(page) == []
    window.open("/account/password")
    page.locator("#step-up").wait_for()
    assert look_over(page) == []


def send(page, form, **fields):
    """Fill in a form of the page that is open, and send it."""
    for name, text in fields.items():
        page.locator(f"{form} [name={name}]").fill(text)
    page.locator(f"{form} button:not([data-passkey])").first.click()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_forms_answer_has_no_barrier(house, open_browser, language):
    stranger = open_browser(house.surface.url, language=language)
    stranger.open(f"/sign-in?lang={language}")
    send(stranger.page, "#sign-in", name="Nobody", password="x" * 12, code="123456")
    stranger.page.locator("main .error").wait_for()
    assert look_over(stranger.page) == []

    window = open_signed_in(house, open_browser, PersonRole.ADMIN, language=language)
    page = window.page
    window.open("/settings")
    page.locator("#setting-session_idle_s summary").click()
    send(page, "#change-session_idle_s", value="9", reason="x")
    page.locator("#error-session_idle_s").wait_for()
    assert look_over(page) == []
    window.open("/tokens")
    send(page, "#make", name=f"desk {language}")
    page.locator("#new-token").wait_for()
    assert look_over(page) == []
    window.open("/people")
    page.locator("#role-clerk").check()
    send(page, "#add", name=f"Somebody of {language}")
    page.locator("#new-link").wait_for()
    assert look_over(page) == []
    with window.context.expect_page() as opened:
        page.evaluate("document.getElementById('extend').submit()")  # as it is sent where no script runs
    opened.value.get_by_role("status").wait_for()
    assert look_over(opened.value) == []


def test_the_password_is_the_quieter_way_in_where_there_are_passkeys(house, open_browser):
    for script, is_quiet in ((True, True), (False, False)):
        window = open_browser(house.surface.url, script=script)
        window.open("/sign-in?lang=en")
        assert window.page.locator("#sign-in-passkey button").is_visible() is script
        button = window.page.locator("#sign-in button")
        is_clear = button.evaluate("(one) => getComputedStyle(one).backgroundColor") == "rgba(0, 0, 0, 0)"
        assert is_clear is is_quiet
        assert window.page.get_by_text("Lost every way in? Ask an admin or a lead.").is_visible()


def test_a_session_that_ends_is_seen_and_hides_no_focus(house, open_browser):
    window = open_signed_in(house, open_browser)
    page = window.page
    page.route("**/session", lambda route: route.fulfill(body="100", content_type="text/plain"))
    page.clock.install()
    window.open("/recipients")
    page.clock.fast_forward("40:00")
    warning = page.locator("#session.is-ending")
    warning.wait_for()
    assert find_barriers(page) == []
    box = warning.bounding_box()
    assert box["y"] + box["height"] <= 800, "in sight, wherever the page stands"
    for field in ("#name", "#contact", "#asns"):
        page.locator(field).focus()
        page.locator(field).evaluate("(one) => one.scrollIntoView({block: 'nearest'})")
        focused = page.locator(field).bounding_box()
        assert focused["y"] + focused["height"] <= warning.bounding_box()["y"] + 1, field


def test_no_picture_and_no_form_is_printed(house, open_browser):
    window = open_signed_in(house, open_browser)
    open_review(window, house, "page")
    page = window.page
    page.locator("figure img").first.wait_for()
    page.emulate_media(media="print")
    for selector in ("img", "figure", "button", "nav", "form", "#session"):
        assert page.locator(selector).count() > 0
        assert not any(one.is_visible() for one in page.locator(selector).all()), selector
    assert page.locator("#url").is_visible()


def test_in_a_readers_own_colours_choice_and_place_are_still_seen(house, open_browser):
    window = open_signed_in(house, open_browser, forced_colors="active")
    open_review(window, house, "new")
    page = window.page
    page.locator(".choice input[type=radio]").first.check()
    choice = page.locator(".choice:has(:checked)").first
    assert choice.evaluate("(one) => getComputedStyle(one).outlineStyle") == "solid"
    window.open("/queue")
    here = page.locator("nav.pages [aria-current]")
    assert here.evaluate("(one) => getComputedStyle(one).borderBottomStyle") == "solid"
    assert find_barriers(page) == []


def test_targets_are_large_and_nothing_moves(house, open_browser):
    window = open_signed_in(house, open_browser, reduced_motion="no-preference", width=320)
    window.open("/queue?lane=look")
    small = window.page.evaluate(
        """() => [...document.querySelectorAll("header a, nav a, button, tbody a")]
        .map((one) => [one.textContent.trim(), one.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.height < 24 || box.width < 24)).map(([text]) => text)"""
    )
    assert small == []
    moving = window.page.evaluate("document.getAnimations().length")
    assert moving == 0


def test_a_queue_of_fifty_weighs_less_than_100_kb_without_htmx(
    database, tmp_path, conn, as_role, open_browser
):
    addresses = [f"http://photos-{number}.example/{'a' * 90}/{number}.jpg" for number in range(51)]
    items = report(conn, *addresses)
    worker = BareWorker(as_role("hotline_worker"), utcnow())
    for number, item_id in enumerate(items):
        worker.find_picture(item_id, b"%d" % number)
    with run_staff_surface(database, root=tmp_path) as surface:
        window = open_browser(surface.url)
        window.sign_in(surface.hire("Ana"))
        weights = {}
        window.page.on("response", lambda one: weights.update({one.url: len(one.body())}))
        window.open("/queue?lane=look")
        window.settle()
        assert window.page.locator("#rows tbody tr").count() == 50
        parts = {url: size for url, size in weights.items() if "htmx" not in url}
        assert any("console" in url for url in parts), "its style counts"
        assert sum(parts.values()) <= 100_000, parts
