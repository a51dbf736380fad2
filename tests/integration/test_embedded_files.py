"""Pictures inside a page's own text: each is an item once, none is lost, and a page is told of by what they come to."""

import hashlib

import pytest

from tests.assessing import Assessors
from tests.bare_captures import BareWorker, embed
from tests.builders import SENDING, read_place, report
from triage.clock import utcnow
from triage.errors import LeaseLostError
from triage.rules.due import FIRST_OF_MANY
from triage.rules.hosting import Judged
from triage.rules.states import Agreement
from triage.rules.urls import normalise_url
from triage.steps.record_capture import CaptureFindings
from triage.steps.record_hosting import IssuePolicy, record_hosting, take_item
from triage.store import captures, custody
from triage.store.checks import find_violations

NOW = utcnow()
PAGE = "http://photos.example/page"


@pytest.fixture
def worker(as_role):
    return BareWorker(as_role("hotline_worker"), NOW)


def read_rows(conn, query, *values):
    conn.rollback()
    rows = conn.execute(query, values).fetchall()
    conn.rollback()
    return rows


def test_each_picture_inside_a_page_becomes_an_upload_of_that_page(conn, worker):
    (page,) = report(conn, PAGE, now=NOW)
    one, two = embed(b"one"), embed(b"two", "gif")
    recorded = worker.find_page(page, "http://photos.example/1.jpg", embedded=[one, two, embed(b"one")])
    children = worker.children(page)
    rows = read_rows(conn, "SELECT id, kind::text, file_name, is_top_level FROM items WHERE id <> %s", page)
    found = {row[0]: row[1:] for row in rows}
    assert [found[child] for child in children] == [
        ("url", None, False),
        ("upload", "embedded-1.png", False),
        ("upload", "embedded-2.gif", False),
    ]
    assert set(recorded.due) == set(children)
    assert len(recorded.unused_intake) == 1  # the same bytes a second time
    assert captures.find_intake_object(conn, children[1]).name == one.object_name
    conn.rollback()
    assert find_violations(conn) == []


def test_the_same_bytes_on_the_same_page_are_the_same_item_and_an_object_that_is_not_needed_comes_back(
    conn, worker
):
    (page,) = report(conn, PAGE, now=NOW)
    worker.find_page(page, embedded=[embed(b"one")])
    (child,) = worker.children(page)
    reopen = (
        "UPDATE items SET state = 'received', base_lane = NULL, reason = NULL, next_try_at = %s WHERE id = %s"
    )
    for after_s in (10, 20):  # not captured yet, then waiting for a person
        conn.execute(reopen, (NOW, page))
        conn.commit()
        again = embed(b"one")
        recorded = worker.find_page(page, after_s=after_s, embedded=[again])
        assert worker.children(page) == [child]
        assert recorded.unused_intake == (again.object_name,)
        assert recorded.due == ()
        if after_s == 10:
            worker.find_picture(child, b"one", after_s=15)
    assert find_violations(conn) == []


def test_another_page_with_the_same_bytes_has_an_item_of_its_own(conn, worker):
    first, second = report(conn, PAGE, "http://photos.example/other", now=NOW)
    worker.find_page(first, embedded=[embed(b"one")])
    worker.find_page(second, embedded=[embed(b"one")])
    assert worker.children(first) != worker.children(second)


def test_what_was_closed_is_captured_again_from_its_new_object_when_it_is_old(conn, worker):
    (page,) = report(conn, PAGE, now=NOW)
    worker.find_page(page, embedded=[embed(b"one")])
    (child,) = worker.children(page)
    worker.find_picture(child, b"one")
    conn.execute(
        "UPDATE items SET state = 'closed', closed_as = 'not_actionable', base_lane = NULL, reason = NULL"
        " WHERE id = %s",
        (child,),
    )
    conn.execute(
        "UPDATE items SET state = 'received', base_lane = NULL, reason = NULL, next_try_at = %s WHERE id = %s",
        (NOW, page),
    )
    conn.commit()
    again = embed(b"one")
    recorded = worker.find_page(page, after_s=90_000, embedded=[again])
    assert (recorded.due, recorded.unused_intake) == ((child,), ())
    assert captures.find_intake_object(conn, child).name == again.object_name
    worker.find_picture(child, b"one", after_s=90_001)
    assert find_violations(conn) == []


def test_bytes_whose_digest_is_the_key_of_an_address_hide_nothing(conn, worker):
    (page,) = report(conn, PAGE, now=NOW)
    url = normalise_url("http://photos.example/1.jpg")
    twin = embed(url.url.encode())
    assert twin.sha256 == bytes.fromhex(url.key) == hashlib.sha256(url.url.encode()).digest()
    worker.find_page(page, url.url, embedded=[twin])
    kinds = read_rows(
        conn,
        "SELECT kind::text FROM items JOIN shown_children ON child_id = items.id"
        " WHERE parent_id = %s ORDER BY place",
        page,
    )
    assert kinds == [("url",), ("upload",)]
    assert find_violations(conn) == []


def test_files_and_addresses_together_are_counted_for_what_goes_first(conn, worker):
    (page,) = report(conn, PAGE, now=NOW)
    urls = [f"http://photos.example/{place}.jpg" for place in range(FIRST_OF_MANY - 1)]
    recorded = worker.find_page(page, *urls, embedded=[embed(b"one"), embed(b"two")])
    assert set(recorded.due) == set(worker.children(page)[:FIRST_OF_MANY])


def test_a_lease_that_was_lost_leaves_no_item_and_no_row_of_an_object(conn, worker):
    (page,) = report(conn, PAGE, now=NOW)
    taken = worker.take(page)
    captures.end_capture(
        worker.conn, taken.capture_id, captures.CaptureOutcome.FAILED, now=NOW, reason="another was faster"
    )
    worker.conn.commit()
    facts = captures.CaptureFacts(status=200, size=1, sha256=b"s" * 32)
    with pytest.raises(LeaseLostError):
        worker.record(taken, CaptureFindings(facts, embedded=[embed(b"one")]))
    worker.conn.rollback()
    assert read_rows(conn, "SELECT name FROM intake_objects") == []
    assert read_rows(conn, "SELECT item_id FROM embedded_files") == []


def test_a_page_is_noticed_for_a_picture_that_it_carries_inside_its_text(conn, worker, as_role):
    """The picture has no address: what is to be removed is the page, and its host is told that."""
    (page,) = report(conn, PAGE, now=NOW)
    worker.find_page(page, embedded=[embed(b"illegal")])
    (child,) = worker.children(page)
    worker.find_picture(child, b"illegal")
    (image,) = (row[0] for row in read_rows(conn, "SELECT id FROM images"))
    desk = Assessors(as_role("hotline_staff"), now=NOW)
    for name in ("Ana", "Ben"):
        desk.press(name, page, image, 1)
    assert read_place(conn, page).state == "actionable"
    issuing = IssuePolicy(SENDING, 3600.0)
    own = worker.conn
    assert take_item(own, child, now=worker.at(1), issuing=issuing) is None
    own.commit()
    assert read_place(conn, child).closed_as == "referred"
    located = take_item(own, page, now=worker.at(1), issuing=issuing)
    judged = Judged(Agreement.AGREED, "203.0.113.10", 64500, "Provider", "AL", None)
    record_hosting(own, located, judged, [], now=worker.at(1), issuing=issuing)
    own.commit()
    assert read_place(conn, page).state == "notified"
    told = read_rows(
        conn,
        "SELECT kind::text, host, item_id FROM sendings JOIN sending_items ON sending_id = sendings.id"
        " WHERE kind = 'notice'",
    )
    assert told == [("notice", "photos.example", page)]
    police = read_rows(
        conn,
        "SELECT item_id FROM sendings JOIN sending_items ON sending_id = sendings.id WHERE kind = 'police'",
    )
    assert {row[0] for row in police} == {page, child}
    assert find_violations(conn) == []
    assert custody.verify(conn).broken == ()
