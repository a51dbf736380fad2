"""Ways around the rules that a random walk or a hostile reader found, one test each."""

from dataclasses import replace

import pytest

from hashsets.model import EntryClass
from tests.assessing import Assessors, approve_police
from tests.builders import list_entry, trust
from tests.captures import FIRST, capture, image_of, url
from triage.errors import NotAllowedError, StaleStateError
from triage.rules.assessing import SecondAssessor
from triage.rules.states import ImageState
from triage.steps import clear_item, reopen_item
from triage.steps.assess import skip
from triage.steps.record_hosting import IssuePolicy, take_item
from triage.store import evidence, queue_page
from workers.capture_item import capture_item


@pytest.fixture
def judges(desk, as_role):
    people = Assessors(as_role("hotline_staff"))
    approve_police(people.conn, people)
    return people


@pytest.fixture
def new(desk):
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    return item, image_of(desk, item)


def stand(desk, item):
    place = desk.place(item)
    return place.state, place.lane or place.closed_as


def lay_page(site, path, *pictures):
    html = "".join(f'<img src="{picture}">' for picture in pictures)
    site.lay_answer(path, f"<html><body>{html}</body></html>".encode(), "text/html")


def pass_over(judges, name, item, image):
    judges.act(
        skip,
        item,
        person=judges.people[name],
        image_id=image,
        round_=judges.round_of("images", image),
        policy=judges.policy,
    )


def part_with(judges, *names):
    for name in names:
        judges.conn.execute("UPDATE persons SET disabled_at = now() WHERE name = %s", (name,))
    judges.conn.commit()


# Nobody is their own second


def test_a_lead_who_passed_over_twice_does_not_decide_it_then(desk, judges, new):
    item, image = new
    for _ in range(2):
        pass_over(judges, "Lea", item, image)
    with pytest.raises(NotAllowedError, match="another lead"):
        judges.press("Lea", item, image, 1, lead=True)
    judges.press("Lin", item, image, 1, lead=True)
    assert stand(desk, item) == ("actionable", None)


def test_the_only_lead_cannot_be_unsure_and_then_settle_it_as_illegal_alone(desk, judges, new):
    item, image = new
    part_with(judges, "Lin")
    judges.press("Lea", item, image, 6)
    with pytest.raises(NotAllowedError, match="needs a second person"):
        judges.press("Lea", item, image, 1, lead=True)
    assert judges.press("Lea", item, image, 3, lead=True) is ImageState.SETTLED


def test_two_leads_who_differ_do_not_block_each_other_for_ever(desk, judges, new):
    item, image = new
    judges.press("Lea", item, image, 1)
    judges.press("Lin", item, image, 3)
    assert judges.press("Lin", item, image, 3, lead=True) is ImageState.SETTLED


def test_a_verdict_is_that_of_the_last_place_also_when_the_clock_was_set_back(desk, judges):
    (item,) = desk.report(note="words")
    judges.press_item("Ana", item, 1)
    judges.press_item("Ben", item, 3)
    judges.step = -judges.step.resolution * 3_600_000_000
    judges.press_item("Lea", item, 1, lead=True)
    assert stand(desk, item) == ("actionable", None)


def test_out_of_remit_on_what_a_trusted_list_knows_needs_a_second(desk, judges):
    desk.import_entries("practice", list_entry("k", data=FIRST))
    trust(desk.conn, "practice", EntryClass.BASELINE)
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    image = image_of(desk, item)
    assert judges.press("Ana", item, image, 4, look=False) is ImageState.JUDGED_ONCE
    assert judges.press("Ben", item, image, 4, look=False) is ImageState.SETTLED


# Police first


def test_police_first_said_with_a_confirmation_holds_what_was_judged_before(desk, judges, new):
    item, image = new
    for name in ("Ana", "Ben"):
        judges.press(name, item, image, 1)
    (again,) = desk.report(url("/again.jpg"))
    capture(desk, again)
    judges.confirm("Cen", again, police_hold=True, danger=True)
    assert stand(desk, again) == ("held_for_police", None)
    rows = judges.conn.execute(
        "SELECT is_held, is_urgent FROM sendings JOIN sending_items ON sending_id = sendings.id WHERE item_id = %s",
        (again,),
    ).fetchall()
    assert rows == [(True, True)]


def test_a_dead_link_takes_nothing_back_of_what_the_police_were_told_before(desk, judges, new, site):
    item, image = new
    for name in ("Ana", "Ben"):
        judges.press(name, item, image, 1)
    desk.conn.execute(
        "UPDATE items SET state = 'closed', closed_as = 'removed', next_try_at = NULL,"
        " captured_at = now() - interval '2 days' WHERE id = %s",
        (item,),
    )
    desk.conn.commit()
    before = judges.sendings(item)
    site.lay_answer("/first.jpg", b"gone", "text/plain", status=404)
    desk.report(url("/first.jpg"))
    capture(desk, item)
    judges.press_item("Ana", item, 5)
    assert stand(desk, item) == ("closed", "not_actionable")
    assert judges.sendings(item) == before


# Nothing is lost


def test_what_one_assessor_sent_ahead_comes_back_to_a_lead_also_when_it_is_closed(desk, judges, as_role):
    judges.policy = replace(judges.policy, second_assessor=SecondAssessor.BEFORE_SHARING)
    item, _ = desk.upload(FIRST)
    capture(desk, item)
    image = image_of(desk, item)
    judges.press("Ana", item, image, 1)
    worker = as_role("hotline_worker")
    take_item(worker, item, now=judges.clock(), issuing=IssuePolicy(judges.policy.sending, 3600.0))
    worker.commit()
    assert stand(desk, item) == ("closed", "referred")
    judges.press("Ben", item, image, 3)
    assert stand(desk, item) == ("awaiting_lead", "lead")


def test_a_picture_that_its_page_no_longer_shows_is_still_judged_with_it(desk, judges, site):
    lay_page(site, "/page", "/first.jpg", "/second.jpg")
    (page,) = desk.report(url("/page"), note="words")
    capture(desk, page)
    lay_page(site, "/page", "/first.jpg")
    judges.act(clear_item.request_recapture, page, person=judges.people["Ana"])
    capture(desk, page)
    rows = queue_page.list_lane(judges.conn, "look", after=None)
    assert [(row.url, row.pictures) for row in rows] == [(url("/page"), 2)]


def test_what_waits_because_a_picture_was_settled_waits_for_a_look_once_that_is_reopened(desk, judges, new):
    item, image = new
    for name in ("Ana", "Ben"):
        judges.press(name, item, image, 1)
    (again,) = desk.report(url("/again.jpg"))
    capture(desk, again)
    assert stand(desk, again) == ("awaiting_assessment", "no_look")
    judges.act(
        reopen_item.reopen_item,
        item,
        person=judges.people["Cen"],
        reason="a doubt",
        sending=judges.policy.sending,
    )
    assert stand(desk, again) == ("awaiting_assessment", "look")


def test_what_was_closed_as_not_judged_is_neither_judged_nor_kept(desk, judges, site):
    lay_page(site, "/page", "/first.jpg", "/second.jpg")
    (page,) = desk.report(url("/page"))
    capture(desk, page)
    children = desk.conn.execute("SELECT child_id FROM item_children ORDER BY place").fetchall()
    (one,), (other,) = children
    for name in ("Ana", "Ben"):
        judges.press(name, one, image_of(desk, one), 1)
    judges.press("Ana", other, image_of(desk, other), 1)
    judges.act(clear_item.say_rest_not_needed, page, person=judges.people["Ana"], policy=judges.policy)
    with pytest.raises(StaleStateError):
        judges.press("Ben", other, image_of(desk, other), 1)
    served = evidence.read_served_evidence(
        desk.conn, settled_before=judges.clock(), evidence_for_police=False, limit=99
    )
    assert image_of(desk, other) in {row[0] for row in served}


def test_an_item_of_another_remit_that_is_reported_in_ours_can_be_judged_again(desk, judges, site):
    site.lay_answer("/text", b"words", "text/html")
    (item,) = desk.report(url("/text"))
    capture(desk, item)
    judges.press_item("Ana", item, 4)
    assert stand(desk, item) == ("awaiting_hand_on", "hand_on")
    desk.report(url("/text"))
    capture(desk, item)
    judges.press_item("Ana", item, 3)
    assert stand(desk, item) == ("closed", "not_actionable")


def test_what_somebody_said_of_a_page_is_not_lost_when_its_picture_turns_out_harmless(
    desk, judges, new, site
):
    judges.press("Ana", *new, 3)
    lay_page(site, "/page", "/again.jpg")
    (page,) = desk.report(url("/page"))

    capture_item(desk.tools, page)
    judges.press_item("Ana", page, 1)
    capture(desk, *[row[0] for row in desk.conn.execute("SELECT child_id FROM item_children").fetchall()])
    assert stand(desk, page) == ("awaiting_assessment", "second")
