"""Icons: what is too small to be anything is left out of a page, till somebody or a list means it."""

import pytest

from tests.assessing import Assessors
from tests.bare_captures import BareWorker, digest, embed
from tests.builders import (
    SENDING,
    import_entries,
    list_entry,
    make_person,
    read_place,
    report,
    settle_image,
    trust,
)
from triage.clock import utcnow
from triage.model import PersonRole
from triage.steps.change_hash_sets import restore_entry, withdraw_entry
from triage.steps.clear_item import request_recapture
from triage.steps.reopen_item import reopen_item
from triage.store import custody, items
from triage.store.checks import find_violations
from triage.store.people import find_person

NOW = utcnow()
PAGE = "http://photos.example/page"
ICON, PICTURE = "http://photos.example/icon.png", "http://photos.example/1.jpg"
SMALL = (16, 16)


@pytest.fixture
def worker(as_role):
    return BareWorker(as_role("hotline_worker"), NOW)


@pytest.fixture
def staff(as_role):
    return as_role("hotline_staff")


def lay_page(conn, worker, *, icon=b"icon"):
    """Capture a page with a picture and an icon; return page, picture and icon."""
    (page,) = report(conn, PAGE, now=NOW)
    worker.find_page(page, PICTURE, ICON)
    picture, small = worker.children(page)
    worker.find_picture(picture, b"picture")
    worker.find_picture(small, icon, size=SMALL, has_views=False)
    return page, picture, small


def test_an_icon_closes_by_itself_and_is_none_of_the_pages_pictures(conn, worker):
    page, picture, small = lay_page(conn, worker)
    assert read_place(conn, small).closed_as == "too_small"
    assert read_place(conn, page).reason == "a page: 1 pictures, 0 known"
    assert [child.id for child in items.read_children(conn, page)] == [picture]
    events = [event.event for event in custody.read_stream(conn, f"item/{small}")]
    assert events[-1] == "too_small"
    assert find_violations(conn) == []
    assert custody.verify(conn).broken == ()


@pytest.mark.parametrize("size", [(49, 52), (640, 480), (9, 2000)])
def test_what_is_large_enough_to_be_something_is_looked_at(conn, worker, size):
    (page,) = report(conn, PAGE, now=NOW)
    worker.find_page(page, ICON)
    (child,) = worker.children(page)
    worker.find_picture(child, b"small", size=size)
    assert read_place(conn, child).lane == "look"


def test_a_small_picture_that_was_reported_itself_is_looked_at_also_when_a_page_shows_it(conn, worker):
    page, icon = report(conn, PAGE, ICON, now=NOW)
    worker.find_picture(icon, b"icon", size=SMALL)
    worker.find_page(page, ICON)
    assert read_place(conn, icon).lane == "look"
    assert read_place(conn, page).reason == "a page: 1 pictures, 0 known"


def test_one_that_was_reported_while_it_was_captured_is_looked_at(conn, worker):
    (page,) = report(conn, PAGE, now=NOW)
    worker.find_page(page, ICON)
    (child,) = worker.children(page)
    report(conn, ICON, now=NOW)
    worker.find_picture(child, b"icon", size=SMALL)
    assert read_place(conn, child).state == "awaiting_assessment"


def test_a_report_of_its_own_brings_it_back_however_fresh_its_capture_is(conn, worker):
    _, _, small = lay_page(conn, worker)
    report(conn, ICON, now=worker.at(5))
    assert read_place(conn, small).state == "received"
    worker.find_picture(small, b"icon", size=SMALL, after_s=6)
    assert read_place(conn, small).reason == "new picture"
    assert find_violations(conn) == []


def test_a_page_that_is_captured_again_does_not_ask_for_its_icons_again(conn, worker):
    page, _, small = lay_page(conn, worker)
    make_person(conn, "Ana", PersonRole.ANALYST)
    request_recapture(conn, page, person=find_person(conn, "Ana"), now=worker.at(5))
    conn.commit()
    recorded = worker.find_page(page, PICTURE, ICON, after_s=6)
    assert recorded.due == ()
    assert read_place(conn, small).closed_as == "too_small"


def test_a_page_of_nothing_but_icons_waits_for_a_person(conn, worker):
    (page,) = report(conn, PAGE, now=NOW)
    worker.find_page(page, ICON)
    worker.find_picture(worker.children(page)[0], b"icon", size=SMALL, has_views=False)
    place = read_place(conn, page)
    assert (place.state, place.lane, place.reason) == (
        "awaiting_assessment",
        "look",
        "a page without pictures",
    )


def test_a_tracker_inside_the_page_is_left_out_too(conn, worker):
    (page,) = report(conn, PAGE, now=NOW)
    worker.find_page(page, embedded=[embed(b"dot", "gif")])
    (child,) = worker.children(page)
    worker.find_picture(child, b"dot", size=(1, 1), has_views=False)
    assert read_place(conn, child).closed_as == "too_small"
    assert find_violations(conn) == []


def test_an_icon_whose_bytes_we_know_is_no_icon(conn, worker):
    (other,) = report(conn, "http://photos.example/elsewhere.png", now=NOW)
    worker.find_picture(other, b"icon", size=SMALL)
    (image,) = conn.execute("SELECT id FROM images").fetchone()
    settle_image(conn, image, "illegal")
    page, _, small = lay_page(conn, worker)
    assert read_place(conn, small).lane == "no_look"
    assert read_place(conn, page).reason == "a page: 2 pictures, 1 known"


def test_an_icon_that_is_judged_illegal_elsewhere_comes_back_and_settles_its_page(conn, worker, staff):
    page, picture, small = lay_page(conn, worker)
    image_of = "SELECT image_id FROM item_images WHERE item_id = %s"
    desk = Assessors(staff, now=NOW)
    desk.press("Ana", page, conn.execute(image_of, (picture,)).fetchone()[0], 3)
    conn.rollback()
    (other,) = report(conn, "http://photos.example/elsewhere.png", now=NOW)
    worker.find_picture(other, b"icon", size=SMALL)
    image = conn.execute(image_of, (other,)).fetchone()[0]
    conn.rollback()
    assert read_place(conn, page).closed_as == "not_actionable"
    for name in ("Ana", "Ben"):
        desk.press(name, other, image, 1)
    assert read_place(conn, small).state == "actionable"
    assert read_place(conn, page).state == "actionable"
    assert find_violations(conn) == []
    assert custody.verify(conn).broken == ()


def test_an_icon_that_a_list_knows_again_is_captured_again(conn, worker):
    """Its entry was withdrawn by us when it was captured: it matched, and the match was not live."""
    import_entries(conn, "baseline", list_entry("k1", data=b"icon"), now=NOW)
    trust(conn, "baseline", now=NOW)
    page, picture, small = lay_page(conn, worker)
    fingerprint = conn.execute(
        "SELECT fingerprints.id, image_id, entry_id FROM fingerprints JOIN hash_entry_fingerprints"
        " ON hash_entry_fingerprints.value = fingerprints.value"
    ).fetchone()
    withdraw_entry(conn, "baseline", "k1", actor="cli", now=NOW, sending=SENDING)
    conn.execute(
        "INSERT INTO matches (id, fingerprint_id, image_id, entry_id, kind, distance, class, is_trusted,"
        " generation, matched_at) VALUES (gen_random_uuid(), %s, %s, %s, 'exact', 0, 'baseline', true, 1, now())",
        fingerprint,
    )
    conn.commit()
    conn.execute(
        "UPDATE images SET state = 'settled', verdict = 'not_illegal', verdict_basis = 'looked', settled_at = now()"
        " WHERE sha256 = %s",
        (digest(b"picture"),),
    )
    for item in (picture, page):
        conn.execute(
            "UPDATE items SET state = 'closed', closed_as = 'same_as_before', base_lane = NULL, reason = NULL"
            " WHERE id = %s",
            (item,),
        )
    conn.commit()
    restore_entry(conn, "baseline", "k1", actor="cli", now=NOW, sending=SENDING)
    conn.commit()
    assert read_place(conn, small).state == "received"
    assert read_place(conn, page).state == "awaiting_assessment"
    assert find_violations(conn) == []


def test_a_person_may_ask_to_see_one_all_the_same(conn, worker, staff):
    _, _, small = lay_page(conn, worker)
    make_person(conn, "Ana", PersonRole.ANALYST)
    conn.commit()
    person = find_person(conn, "Ana")
    reopen_item(staff, small, person=person, round_=1, reason="let me see it", now=NOW, sending=SENDING)
    staff.commit()
    assert read_place(conn, small).reason == "no longer known and no view was kept: capture it again"
    request_recapture(staff, small, person=person, now=NOW)
    staff.commit()
    taken = worker.take(small)
    assert not taken.may_be_left_out
    worker.conn.execute(
        "UPDATE captures SET lease_until = started_at + interval '1 ms' WHERE ended_at IS NULL"
    )
    worker.conn.commit()
    worker.find_picture(small, b"icon", size=SMALL, after_s=1)
    assert read_place(conn, small).reason == "new picture"
