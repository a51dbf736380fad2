"""Failures by name: how often each is tried, how long it waits, and what a person reads and finds in the end."""

import json

import pytest

from tests.bare_captures import WAITS, BareWorker
from tests.builders import make_person, read_place, report
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.model import PersonRole
from triage.rules.fetch_failures import FAILURES, FetchFailure
from triage.steps.clear_item import request_recapture
from triage.store import custody
from triage.store.captures import Hop
from triage.store.checks import find_violations
from triage.store.hostings import read_captured_address
from triage.store.people import find_person

NOW = utcnow()
URL = "http://photos.example/a.jpg"


@pytest.fixture
def worker(as_role):
    return BareWorker(as_role("hotline_worker"), NOW)


@pytest.fixture
def staff(as_role):
    return as_role("hotline_staff")


@pytest.fixture
def person(conn):
    make_person(conn, "Ana", PersonRole.ANALYST)
    conn.commit()
    return find_person(conn, "Ana")


def fail_till_the_end(conn, worker, item, failure, **more):
    """Let an item fail whenever it is due; return the seconds of each wait."""
    waits, after_s = [], 0.0
    while read_place(conn, item).state == "received":
        worker.fail(item, failure, after_s=after_s, **more)
        place = read_place(conn, item)
        if place.next_try_at is not None:
            waits.append((place.next_try_at - worker.at(after_s)).total_seconds())
            after_s = (place.next_try_at - NOW).total_seconds()
    return waits


@pytest.mark.parametrize("failure", FetchFailure)
def test_each_failure_is_tried_as_often_as_its_row_says(conn, worker, failure):
    (item,) = report(conn, URL, now=NOW)
    waits = fail_till_the_end(conn, worker, item, failure)
    tries = FAILURES[failure].tries or len(WAITS) + 1
    assert waits == list(WAITS[: tries - 1])
    place = read_place(conn, item)
    assert (place.state, place.lane) == ("awaiting_assessment", "look")
    assert place.reason == f"could not be fetched: {FAILURES[failure].words}, {tries} tries"
    rows = conn.execute(
        "SELECT outcome::text, failure, reason FROM captures WHERE item_id = %s ORDER BY started_at", (item,)
    ).fetchall()
    named = (failure.value, FAILURES[failure].words)
    assert rows == [("failed", *named)] * (tries - 1) + [("gave_up", *named)]
    events = [event.event for event in custody.read_stream(conn, f"item/{item}")]
    assert events.count("capture_failed") == tries - 1
    assert events.count("capture_gave_up") == 1
    assert custody.verify(conn).broken == ()


@pytest.mark.parametrize(
    ("asked_s", "waited_s"), [(None, 10.0), (5.0, 10.0), (40.0, 40.0), (1e9, 3600.0), (-4.0, 10.0)]
)
def test_a_server_may_ask_for_a_longer_wait_but_for_no_shorter_and_no_endless_one(
    conn, worker, asked_s, waited_s
):
    (item,) = report(conn, URL, now=NOW)
    worker.fail(item, FetchFailure.ASKED_TO_WAIT, status=429, retry_after_s=asked_s)
    assert (read_place(conn, item).next_try_at - NOW).total_seconds() == waited_s


def test_what_answered_is_kept_of_each_try(conn, worker):
    (item,) = report(conn, URL, now=NOW)
    fail_till_the_end(conn, worker, item, FetchFailure.SERVER_ERROR, status=502)
    rows = conn.execute("SELECT status, hops -> 0 ->> 'address' FROM captures").fetchall()
    assert rows == [(502, "203.0.113.10")] * 4


def test_one_good_answer_forgets_the_tries_before(conn, worker):
    (item,) = report(conn, URL, now=NOW)
    worker.fail(item)
    worker.find_picture(item, b"a picture", after_s=10)
    row = conn.execute("SELECT tries, is_patient, has_turn FROM items WHERE id = %s", (item,)).fetchone()
    assert row == (0, False, False)


# Ways out


def test_a_person_asks_for_a_way_out_and_the_next_capture_takes_it(conn, worker, staff, person):
    (item,) = report(conn, URL, now=NOW)
    worker.find_page(item)
    request_recapture(staff, item, person=person, now=NOW, exit_name="abroad", exits=["abroad"])
    staff.commit()
    taken = worker.take(item)
    assert taken.exit_name == "abroad"
    events = custody.read_stream(conn, f"item/{item}")
    (asked,) = (one for one in events if one.event == "recapture_requested")
    assert json.loads(asked.record)["body"] == {"exit": "abroad"}
    assert find_violations(conn) == []


def test_a_way_out_is_kept_over_failed_tries_and_given_up_with_them(conn, worker, staff, person):
    (item,) = report(conn, URL, now=NOW)
    worker.find_page(item)
    request_recapture(staff, item, person=person, now=NOW, exit_name="abroad", exits=["abroad"])
    staff.commit()
    worker.fail(item, FetchFailure.NO_SUCH_NAME)
    worker.fail(item, FetchFailure.NO_SUCH_NAME, after_s=10)
    assert read_place(conn, item).state == "awaiting_assessment"
    assert conn.execute("SELECT asked_exit FROM items WHERE id = %s", (item,)).fetchone() == (None,)


@pytest.mark.parametrize("name", ["elsewhere", "", "ABROAD", "abroad,direct"])
def test_a_way_out_that_there_is_not_is_refused(conn, worker, staff, person, name):
    (item,) = report(conn, URL, now=NOW)
    worker.find_page(item)
    with pytest.raises(NotAllowedError, match=r"^There is no such way out\.$"):
        request_recapture(staff, item, person=person, now=NOW, exit_name=name, exits=["abroad"])
    staff.rollback()
    request_recapture(staff, item, person=person, now=NOW, exit_name="direct")
    staff.commit()


def test_the_pictures_of_a_page_take_the_way_out_of_their_page(conn, worker, staff, person):
    (page,) = report(conn, "http://photos.example/page", now=NOW)
    shown = ["http://photos.example/1.jpg", "http://photos.example/2.jpg", "http://photos.example/3.jpg"]
    worker.find_page(page, *shown[:2])
    failing, good = worker.children(page)
    worker.fail(failing, FetchFailure.NO_SUCH_NAME)
    worker.fail(failing, FetchFailure.NO_SUCH_NAME, after_s=10)
    worker.find_picture(good, b"a picture")
    request_recapture(staff, page, person=person, now=worker.at(20), exit_name="abroad", exits=["abroad"])
    staff.commit()
    worker.find_page(page, *shown, after_s=20)
    exits = {one: worker.take(one, after_s=21) for one in worker.children(page)}
    assert exits[failing].exit_name == "abroad"
    assert exits[good] is None  # it is there already
    assert {taken.exit_name for taken in exits.values() if taken} == {"abroad"}
    assert find_violations(conn) == []


def test_an_address_that_only_the_way_out_knows_is_none(conn, worker):
    (item,) = report(conn, URL, now=NOW)
    worker.find_page(item, hops=[Hop(URL, 200, "", exit_name="tor")])
    assert read_captured_address(conn, item) is None


def test_what_a_page_shows_is_fetched_as_the_page_was(conn, worker):
    (page,) = report(conn, "http://photos.example/page", now=NOW)
    top = worker.take(page)
    assert (len(top.isolation), top.referer, top.exit_name, top.may_be_left_out) == (32, "", "", False)
    worker.conn.execute("UPDATE captures SET lease_until = started_at + interval '1 ms'")
    worker.conn.commit()
    worker.find_page(page, "http://photos.example/1.jpg", after_s=1)
    (child,) = worker.children(page)
    taken = worker.take(child, after_s=1)
    assert taken.isolation == top.isolation
    assert taken.referer == "http://photos.example/page"
    assert taken.may_be_left_out
    (other,) = report(conn, "http://photos.example/other", now=NOW)
    assert worker.take(other).isolation != top.isolation
