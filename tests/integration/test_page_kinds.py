"""Kinds of pages: named first, never believed where they hide something, and what was left out is said."""

import pytest

from tests.bare_captures import BareWorker
from tests.builders import read_place, report, settle_image
from triage.clock import utcnow
from triage.rules.page_kinds import PageKind, describe_kind, hides_content
from triage.store.checks import find_violations

NOW = utcnow()
PAGE = "http://photos.example/page"
PICTURE = "http://photos.example/1.jpg"


@pytest.fixture
def worker(as_role):
    return BareWorker(as_role("hotline_worker"), NOW)


def lay_page(conn, worker, verdict=None, **more):
    """Capture a page with one picture, which was settled before if a verdict is given."""
    (page,) = report(conn, PAGE, now=NOW)
    if verdict is not None:
        (before,) = report(conn, "http://photos.example/before.jpg", now=NOW)
        worker.find_picture(before, b"picture")
        image = conn.execute("SELECT id FROM images").fetchone()[0]
        settle_image(conn, image, verdict)
    worker.find_page(page, PICTURE, **more)
    worker.find_picture(worker.children(page)[0], b"picture")
    return page


@pytest.mark.parametrize("kind", PageKind)
def test_the_kind_is_said_first(conn, worker, kind):
    page = lay_page(conn, worker, kind=kind.value)
    assert read_place(conn, page).reason == f"{describe_kind(kind, None)}; a page: 1 pictures, 0 known"
    assert read_place(conn, page).lane == "look"


@pytest.mark.parametrize("kind", PageKind)
def test_what_hides_something_never_waits_in_no_look(conn, worker, kind):
    page = lay_page(conn, worker, "illegal", kind=kind.value)
    assert read_place(conn, page).lane == ("look" if hides_content(kind) else "no_look")
    assert find_violations(conn) == []


@pytest.mark.parametrize("kind", [*PageKind, None])
def test_a_page_of_a_kind_is_never_closed_because_its_pictures_were_harmless(conn, worker, kind):
    page = lay_page(conn, worker, "not_illegal", kind=kind.value if kind else None)
    place = read_place(conn, page)
    assert (place.state, place.closed_as) == (
        ("awaiting_assessment", None) if kind else ("closed", "same_as_before")
    )


@pytest.mark.parametrize("verdict", ["illegal", "not_illegal"])
def test_a_page_with_more_than_was_taken_is_neither_closed_nor_confirmed_unseen(conn, worker, verdict):
    page = lay_page(conn, worker, verdict, left=120)
    place = read_place(conn, page)
    assert (place.state, place.lane) == ("awaiting_assessment", "look")
    assert place.reason == "a page with more pictures than are taken: 120 left out"


def test_a_wall_with_an_error_says_both(conn, worker):
    (page,) = report(conn, PAGE, now=NOW)
    worker.find_page(page, kind="geo_block", status=451)
    assert read_place(conn, page).reason == "a page shut to our country; the address answers 451"


def test_a_page_that_is_captured_well_later_loses_its_kind(conn, worker):
    page = lay_page(conn, worker, kind="login_wall")
    conn.execute(
        "UPDATE items SET state = 'received', base_lane = NULL, reason = NULL, next_try_at = %s WHERE id = %s",
        (NOW, page),
    )
    conn.commit()
    worker.find_page(page, PICTURE, after_s=5)
    assert read_place(conn, page).reason == "a page: 1 pictures, 0 known"
