"""Ways around the rules that a random walk or a hostile reader found, one test each."""

from dataclasses import replace
from datetime import timedelta

import pytest

from api.console.review_view import build_view
from api.console.signed_in import SignedIn
from hashsets.model import EntryClass
from tests.assessing import Assessors, approve_police
from tests.builders import SENDING, list_entry, report, trust
from tests.captures import FIRST, capture, image_of, url
from triage.errors import NotAllowedError, StaleStateError
from triage.ids import new_id
from triage.rules.assessing import SecondAssessor
from triage.rules.rights import rights_of
from triage.rules.sign_in import Session
from triage.rules.states import ImageState, Lane
from triage.steps import clear_item, reopen_item
from triage.steps.assess import skip
from triage.steps.change_hash_sets import withdraw_entry
from triage.steps.lease_item import HELD_AT_MOST, take_next
from triage.steps.record_hosting import IssuePolicy, take_item
from triage.store import evidence, queue_page
from workers.capture_item import capture_item
from workers.rematch import rematch


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
    viewer = queue_page.Viewer(judges.people["Ana"].id, assesses=True, now=judges.clock())
    rows = queue_page.list_lane(judges.conn, Lane.LOOK, viewer).rows
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
        round_=1,
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


@pytest.mark.parametrize("taken_back", ["by hand", "by its list"])
def test_what_was_not_needed_beside_an_illegal_picture_waits_again_when_that_one_does(
    desk, judges, site, taken_back
):
    """Else its page would be closed as harmless although nobody ever saw the other picture."""
    if taken_back == "by its list":
        desk.import_entries("list", list_entry("a", data=FIRST))
        trust(desk.conn, "list")
    lay_page(site, "/page", "/first.jpg", "/second.jpg")
    (page,) = desk.report(url("/page"))
    capture(desk, page)
    (one,), (other,) = desk.conn.execute("SELECT child_id FROM item_children ORDER BY place").fetchall()
    for name in ("Ana", "Ben")[: 1 if taken_back == "by its list" else 2]:
        judges.press(name, one, image_of(desk, one), 1, look=taken_back == "by hand")
    judges.act(clear_item.say_rest_not_needed, page, person=judges.people["Ana"], policy=judges.policy)
    assert [stand(desk, item) for item in (page, other)] == [("actionable", None), ("closed", "not_judged")]
    if taken_back == "by its list":
        withdraw_entry(judges.conn, "list", "a", actor="cli", now=judges.clock(), sending=SENDING)
        judges.conn.commit()
    else:
        again = {"person": judges.people["Cen"], "round_": 1, "reason": "a doubt"}
        judges.act(reopen_item.reopen_item, one, sending=judges.policy.sending, **again)
    waits = ("awaiting_assessment", "look")
    assert [stand(desk, item) for item in (page, one, other)] == [waits] * 3
    judges.press("Cen", one, image_of(desk, one), 3, look=taken_back == "by hand")
    assert stand(desk, page) == waits
    judges.press("Cen", other, image_of(desk, other), 3)
    assert stand(desk, page) == ("closed", "not_actionable")


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
    ben, now = judges.people["Ben"], judges.clock()
    assert take_next(judges.conn, Lane.SECOND, person=ben, now=now, life_s=900.0) == page
    signed_in = SignedIn(ben, rights_of(ben.roles), "", "en", Session(now, now, None), b"", now)
    view = build_view(judges.conn, page, signed_in)
    assert (view.form, view.has_work) == ("assess", True), "the page itself waits for a second word"
    judges.conn.rollback()


def test_a_picture_that_a_page_shows_twice_waits_while_it_waits_in_one_place(desk, judges, site):
    lay_page(site, "/page", "/first.jpg", "/again.jpg")
    (page,) = desk.report(url("/page"))
    capture(desk, page)
    (one,), (other,) = desk.conn.execute("SELECT child_id FROM item_children ORDER BY place").fetchall()
    assert image_of(desk, one) == image_of(desk, other)
    judges.act(clear_item.request_recapture, one, person=judges.people["Ana"])
    ben, now = judges.people["Ben"], judges.clock()
    assert take_next(judges.conn, Lane.LOOK, person=ben, now=now, life_s=900.0) == page
    signed_in = SignedIn(ben, rights_of(ben.roles), "", "en", Session(now, now, None), b"", now)
    view = build_view(judges.conn, page, signed_in)
    assert ([one.picture.item_id for one in view.pictures], view.has_work) == ([other], True)
    judges.conn.rollback()


def test_a_page_of_which_only_its_own_word_is_left_has_work_for_a_lead(desk, judges, site):
    lay_page(site, "/page", "/first.jpg")
    (page,) = desk.report(url("/page"))
    capture(desk, page)
    (one,) = desk.conn.execute("SELECT child_id FROM item_children").fetchone()
    judges.press_item("Ana", page, 6)
    judges.press("Ben", one, image_of(desk, one), 3)
    assert stand(desk, page) == ("awaiting_lead", "lead")
    lead, now = judges.people["Lin"], judges.clock()
    assert take_next(judges.conn, Lane.LEAD, person=lead, now=now, life_s=900.0) == page
    signed_in = SignedIn(lead, rights_of(lead.roles), "", "en", Session(now, now, None), b"", now)
    view = build_view(judges.conn, page, signed_in)
    assert (view.form, view.has_work) == ("decide", True)
    judges.conn.rollback()


@pytest.mark.parametrize("label", [1, 3])
def test_a_page_stands_in_the_second_lane_whatever_the_first_said_of_its_picture(desk, judges, site, label):
    """At a desk that acts on one assessor the picture is acted on by one word, and waits by the other."""
    judges.policy = replace(
        judges.policy, second_assessor=SecondAssessor.BEFORE_SHARING, second_look_share=1.0
    )
    desk.import_entries("list", list_entry("a", data=FIRST))
    trust(desk.conn, "list")
    lay_page(site, "/page", "/first.jpg", "/second.jpg")
    (page,) = desk.report(url("/page"))
    capture_item(desk.tools, page)
    children = [
        row[0] for row in desk.conn.execute("SELECT child_id FROM item_children ORDER BY place").fetchall()
    ]
    capture(desk, *children)
    judges.look("Ana", children[1], image_of(desk, children[1]))
    judges.press("Ana", children[1], image_of(desk, children[1]), label, look=False)
    assert stand(desk, page) == ("awaiting_assessment", "second")
    judges.press("Ben", children[1], image_of(desk, children[1]), label)
    assert stand(desk, page) == ("awaiting_assessment", "no_look")


def test_the_clock_of_a_second_opinion_in_a_later_round_tells_nothing_of_the_first(desk, judges, new):
    """A word that was acted on moved the item, and its time in the queue began anew; the other word left it."""
    judges.policy = replace(judges.policy, second_assessor=SecondAssessor.BEFORE_SHARING)
    item, image = new
    judges.press("Ana", item, image, 3)
    judges.step += timedelta(hours=3)
    judges.act(
        reopen_item.reopen_item,
        item,
        person=judges.people["Cen"],
        round_=1,
        reason="a doubt",
        sending=judges.policy.sending,
    )
    began = judges.clock()
    judges.step += timedelta(hours=5)
    judges.press("Ana", item, image, 1)
    assert stand(desk, item) == ("actionable", None)
    viewer = queue_page.Viewer(judges.people["Ben"].id, assesses=True, now=judges.clock())
    (row,) = queue_page.list_lane(judges.conn, Lane.SECOND, viewer).rows
    assert timedelta(0) <= began - row.since < timedelta(minutes=1)


# Lists that come and go


def test_one_word_after_a_look_falls_with_the_list_that_made_one_word_enough(desk, judges, new):
    item, image = new
    judges.look("Ana", item, image)
    desk.import_entries("list", list_entry("a", data=FIRST))
    trust(desk.conn, "list")
    rematch(desk.tools, new_id())
    assert judges.press("Ana", item, image, 1, look=False) is ImageState.SETTLED
    assert stand(desk, item) == ("actionable", None)
    withdraw_entry(judges.conn, "list", "a", actor="cli", now=judges.clock(), sending=SENDING)
    judges.conn.commit()
    assert stand(desk, item) == ("awaiting_assessment", "look")
    assert desk.count("SELECT count(*) FROM images WHERE verdict = 'illegal'") == 0


# Leases, and clocks that are set back


def test_next_does_not_open_what_is_to_be_handed_on_although_it_stands_in_the_lane_of_danger(desk, judges):
    (urgent,) = report(desk.conn, note="now", danger=True)
    judges.press_item("Ana", urgent, 4)
    assert stand(desk, urgent) == ("awaiting_hand_on", "danger")
    (other,) = report(desk.conn, note="later", danger=True)
    for expected in (other, None):
        found = take_next(
            judges.conn, Lane.DANGER, person=judges.people["Ben"], now=judges.clock(), life_s=900.0
        )
        judges.conn.commit()
        assert found == expected
        if found:
            judges.press_item("Ben", other, 3)


def test_what_was_just_opened_stays_open_also_when_the_clock_was_set_back(desk, judges):
    for number in range(HELD_AT_MOST + 1):
        (item,) = report(desk.conn, note=f"text {number}")
        judges.step += timedelta(seconds=1 if number < HELD_AT_MOST else -60)
        judges.open("Ana", item)
    held = desk.count("SELECT count(*) FROM item_leases WHERE item_id = %s AND ended_at IS NULL", item)
    assert held == 1
    assert desk.count("SELECT count(*) FROM item_leases WHERE ended_at IS NULL") == HELD_AT_MOST


def test_a_look_that_is_still_to_come_by_a_clock_that_was_set_back_is_no_look(desk, judges, new):
    judges.look("Ana", *new)
    judges.step -= timedelta(minutes=5)
    with pytest.raises(NotAllowedError, match="needs your own look"):
        judges.press("Ana", *new, 1, look=False)
    assert judges.press("Ana", *new, 3, look=False) is ImageState.SETTLED
