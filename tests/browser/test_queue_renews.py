"""The queue renews its rows where scripts run: the focus stays, the session is not used, and one can stop it."""

import pytest

from tests.builders import report
from tests.staff_server import run_staff_surface

QUICK = 'hx-trigger="every 15s"', 'hx-trigger="every 300ms"'


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


def open_queue(window, path="/queue?lane=danger"):
    """Open the queue as it is, but renewed oftener, so that a test need not wait."""

    def hurry(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace(*QUICK))

    window.page.route("**/queue?*", hurry)
    window.open(path)


def test_new_rows_come_and_the_focus_stays(surface, conn, open_browser):
    (first,) = report(conn, note="one", danger=True)
    window = open_browser(surface.url)
    window.sign_in(surface.hire("Ana"))
    open_queue(window)
    page = window.page
    link = page.locator(f"#open-{first}")
    link.focus()
    page.locator("#scroll").evaluate("(box) => { box.mark = 'the same element'; }")
    (second,) = report(conn, note="two", danger=True)
    page.locator(f"#row-{second}").wait_for()
    assert page.evaluate("document.activeElement.id") == f"open-{first}"
    assert page.locator("#scroll").evaluate("(box) => box.mark") == "the same element"
    assert "(2)" in page.locator("#lane-danger").inner_text()
    assert page.locator("html").get_attribute("class") is None


def test_an_empty_lane_fills_and_the_rows_of_a_past_session_do_not_vanish(surface, conn, open_browser):
    window = open_browser(surface.url)
    window.sign_in(surface.hire("Ana"))
    open_queue(window)
    assert window.page.locator("#rows").count() == 0
    (item,) = report(conn, note="one", danger=True)
    row = window.page.locator(f"#row-{item}")
    row.wait_for()
    conn.execute("UPDATE sessions SET ended_at = now()")
    conn.commit()
    for _ in range(2):  # when it is refused again, what the first refusal changes has changed
        with window.page.expect_response(lambda one: "/queue/rows" in one.url and one.status == 401):
            pass
    assert row.count() == 1


def test_asking_for_rows_is_no_use_of_the_session(surface, conn, open_browser):
    window = open_browser(surface.url)
    window.sign_in(surface.hire("Ana"))
    open_queue(window)
    conn.execute(
        "UPDATE sessions SET seen_at = seen_at - interval '5 minutes', started_at = started_at - interval '6 minutes'"
    )
    conn.commit()
    (before,) = conn.execute("SELECT seen_at FROM sessions").fetchone()
    conn.rollback()
    for _ in range(2):
        with window.page.expect_response("**/queue/rows?*") as answer:
            pass
        assert answer.value.status == 200
    assert conn.execute("SELECT seen_at FROM sessions").fetchone() == (before,)


def test_who_wants_it_still_has_it_still_and_without_script_nothing_is_promised(surface, open_browser):
    window = open_browser(surface.url, language="en")
    window.sign_in(surface.hire("Ana"))
    window.open("/queue?lane=look&lang=en")
    assert window.page.locator("#lane").get_attribute("hx-trigger") == "every 15s"
    window.page.get_by_role("link", name="Keep it still").click()
    assert window.page.locator("#lane").get_attribute("hx-trigger") is None
    assert window.page.get_by_role("link", name="Let it renew itself").is_visible()
    plain = open_browser(surface.url, language="en", script=False)
    plain.sign_in(surface.hire("Ben"))
    plain.open("/queue?lane=look&lang=en")
    assert plain.page.locator(".with-script").count() > 0
    assert plain.page.locator(".with-script:visible").count() == 0
