"""The console in a browser whose scripts are off: in, to the queue, judge an item, out."""

import pytest

from tests.builders import report
from tests.staff_server import run_staff_surface


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


def test_one_gets_in_judges_an_item_and_leaves(surface, conn, open_browser):
    (item,) = report(conn, note="a child is asked for pictures", danger=True)
    window = open_browser(surface.url, language="en", script=False)
    page = window.page
    assert page.goto(f"{window.origin}/queue").url.endswith("/sign-in")
    window.sign_in(surface.hire("Ana"))
    window.open("/queue?lane=danger&lang=en")
    page.locator("#rows tbody th button").click()
    page.locator("#judge-item-3").check()
    page.locator("#judge-item button").click()
    page.locator(".said").wait_for()
    (label,) = conn.execute("SELECT label FROM assessments WHERE item_id = %s", (item,)).fetchone()
    conn.rollback()
    assert str(label) in {"3", "not_illegal"}
    page.locator("#sign-out button").click()
    assert page.url.endswith("/sign-in")
    window.open("/queue")
    assert page.url.endswith("/sign-in")
