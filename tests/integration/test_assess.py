"""Assessing on a real database: looks come first, nobody is their own second, and what follows is one transaction."""

import threading
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from hashsets.model import EntryClass
from tests.assessing import LOOK_POLICY, POLICY, SESSION, Assessors, approve_police
from tests.builders import SENDING, list_entry, trust
from tests.captures import FIRST, SECOND, capture, image_of, url
from tests.drawn_images import make_jpeg, make_video_file
from triage.errors import NotAllowedError, StaleStateError, UnknownThingError
from triage.model import EvidenceKind
from triage.rules.assessing import SecondAssessor
from triage.rules.states import ImageState, Remit
from triage.steps import clear_item, reopen_item, reveal_image
from triage.steps.assess import assess_image, skip
from triage.steps.change_hash_sets import withdraw_entry
from triage.steps.reveal_image import ask_to_look, begin_look, find_thumb
from triage.store import custody


@pytest.fixture
def judges(desk, as_role):
    people = Assessors(as_role("hotline_staff"))
    approve_police(people.conn, people)
    return people


@pytest.fixture
def new(desk):
    """An item that shows a new picture, and that picture."""
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    return item, image_of(desk, item)


def know(desk, *data, entry_class=EntryClass.BASELINE):
    desk.import_entries(
        "practice", *(list_entry(f"k{n}", data=one, entry_class=entry_class) for n, one in enumerate(data))
    )
    trust(desk.conn, "practice", entry_class)


def lay_page(site, path, *pictures):
    html = "".join(f'<img src="{picture}">' for picture in pictures)
    site.lay_answer(path, f"<html><body>{html}</body></html>".encode(), "text/html")


def state_of(desk, item):
    place = desk.place(item)
    return place.state, place.lane or place.closed_as


def image_state(desk, image):
    row = desk.conn.execute(
        "SELECT state::text, verdict::text, verdict_baseline, verdict_basis FROM images WHERE id = %s",
        (image,),
    ).fetchone()
    desk.conn.rollback()
    return row


# New pictures


def test_an_illegal_label_without_a_look_is_refused_and_changes_nothing(desk, judges, new):
    with pytest.raises(NotAllowedError, match="Look at the picture first"):
        judges.press("Ana", *new, 1, look=False)
    assert image_state(desk, new[1])[0] == "unjudged"
    assert desk.count("SELECT count(*) FROM assessments") == 0


def test_two_who_looked_and_agree_settle_it_and_the_police_are_told(desk, judges, new):
    item, image = new
    assert judges.press("Ana", item, image, 1) is ImageState.JUDGED_ONCE
    assert state_of(desk, item) == ("awaiting_assessment", "second")
    assert judges.sendings(item) == []
    assert judges.press("Ben", item, image, 1) is ImageState.SETTLED
    assert image_state(desk, image) == ("settled", "illegal", True, "looked")
    assert state_of(desk, item) == ("actionable", None)
    assert judges.sendings(item) == [("police", "first", "queued")]


def test_nobody_is_their_own_second_and_the_database_refuses_it_too(desk, judges, new):
    item, image = new
    judges.press("Ana", item, image, 1)
    with pytest.raises(NotAllowedError, match="own second"):
        judges.press("Ana", item, image, 1, look=False)
    with pytest.raises(psycopg.errors.UniqueViolation):
        judges.conn.execute(
            "INSERT INTO assessments (id, image_id, round, place, person_id, label, national, baseline, basis,"
            " assessed_at) SELECT gen_random_uuid(), image_id, round, 'second', person_id, label, national,"
            " baseline, basis, assessed_at FROM assessments"
        )
    judges.conn.rollback()


def test_the_database_refuses_a_look_that_never_was_and_a_person_without_the_role(desk, judges, new):
    insert = (
        "INSERT INTO assessments (id, image_id, round, place, person_id, label, national, baseline, basis,"
        " assessed_at) VALUES (gen_random_uuid(), %s, 1, %s, %s, 1, 'illegal', true, %s, now())"
    )
    ana, lea = judges.people["Ana"].id, judges.people["Lea"].id
    for place, person, basis, error in (
        ("first", ana, "looked", psycopg.errors.CheckViolation),
        ("first", ana, "exact_hash", psycopg.errors.CheckViolation),
        ("first", ana, "facts", psycopg.errors.CheckViolation),
        ("lead", ana, "looked", psycopg.errors.InsufficientPrivilege),
    ):
        with pytest.raises(error):
            judges.conn.execute(insert, (new[1], place, person, basis))
        judges.conn.rollback()
    judges.look("Lea", *new)
    judges.conn.execute(insert, (new[1], "lead", lea, "looked"))
    judges.conn.rollback()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        judges.conn.execute("UPDATE assessments SET label = 3")
    judges.conn.rollback()


def test_the_look_of_another_person_does_not_count(desk, judges, new):
    judges.look("Ben", *new)
    with pytest.raises(NotAllowedError, match="Look at the picture first"):
        judges.press("Ana", *new, 2, look=False)


def test_two_who_differ_bring_it_to_a_lead_who_decides(desk, judges, new):
    item, image = new
    judges.press("Ana", item, image, 1)
    assert judges.press("Ben", item, image, 3, look=False) is ImageState.DISPUTED
    assert state_of(desk, item) == ("awaiting_lead", "lead")
    for name, lead in (("Cen", False), ("Ben", False)):
        with pytest.raises(NotAllowedError):
            judges.press(name, item, image, 1, lead=lead)
    assert judges.press("Lea", item, image, 2, lead=True) is ImageState.SETTLED
    assert image_state(desk, image) == ("settled", "illegal", False, "looked")
    assert state_of(desk, item) == ("actionable", None)


def test_a_lead_who_is_a_party_leaves_the_decision_to_another_lead(desk, judges, new):
    item, image = new
    judges.press("Lea", item, image, 1)
    judges.press("Ben", item, image, 3)
    with pytest.raises(NotAllowedError, match="another lead"):
        judges.press("Lea", item, image, 1, lead=True)
    judges.press("Lin", item, image, 3, look=False, lead=True)
    assert state_of(desk, item) == ("closed", "not_actionable")
    assert judges.sendings(item) == []


def test_not_illegal_takes_one_and_every_item_that_shows_it_closes(desk, judges, new):
    item, image = new
    (other,) = desk.report(url("/again.jpg"))
    capture(desk, other)
    judges.press("Ana", item, image, 3, look=False)
    assert state_of(desk, item) == state_of(desk, other) == ("closed", "not_actionable")


def test_what_is_drawn_by_lot_waits_for_a_second(desk, judges, new):
    judges.policy = replace(POLICY, second_look_share=1.0)
    assert judges.press("Ana", *new, 3) is ImageState.JUDGED_ONCE
    assert judges.press("Ben", *new, 3) is ImageState.SETTLED


def test_out_of_remit_waits_to_be_handed_on_and_is_closed_only_with_to_whom(desk, judges, new):
    item, image = new
    judges.press("Ana", item, image, 4, look=False)
    assert state_of(desk, item) == ("awaiting_hand_on", "hand_on")
    for words in ("", "  ", "x" * 201):
        with pytest.raises(NotAllowedError):
            judges.act(
                clear_item.hand_on, item, person=judges.people["Ana"], to_whom=words, recipient_id=None
            )
    judges.act(
        clear_item.hand_on, item, person=judges.people["Ana"], to_whom="ALO 116-111", recipient_id=None
    )
    assert state_of(desk, item) == ("closed", "handed_on")
    with pytest.raises(StaleStateError):
        judges.act(clear_item.hand_on, item, person=judges.people["Ana"], to_whom="again", recipient_id=None)


def test_unsure_or_passed_over_twice_goes_to_a_lead(desk, judges, new):
    item, image = new
    words = {"image_id": image, "round_": 1, "policy": POLICY}
    judges.act(skip, item, person=judges.people["Ana"], **words)
    assert image_state(desk, image)[0] == "unjudged"
    judges.act(skip, item, person=judges.people["Ben"], **words)
    assert image_state(desk, image)[0] == "disputed"
    assert state_of(desk, item) == ("awaiting_lead", "lead")
    (other,) = desk.report(url("/second.jpg"))
    capture(desk, other)
    judges.press("Ana", other, image_of(desk, other), 6, look=False)
    assert state_of(desk, other) == ("awaiting_lead", "lead")


def test_a_picture_that_is_disputed_brings_a_further_item_to_the_lead_at_once(desk, judges, new):
    judges.press("Ana", *new, 6, look=False)
    (other,) = desk.report(url("/again.jpg"))
    capture(desk, other)
    assert state_of(desk, other) == ("awaiting_lead", "lead")
    judges.press("Lea", *new, 3, lead=True, look=False)
    assert state_of(desk, other) == ("closed", "not_actionable")


def test_a_child_at_risk_is_told_to_the_police_after_the_first_assessment(desk, judges, new):
    item, image = new
    judges.press("Ana", item, image, 1, danger=True)
    assert image_state(desk, image)[0] == "judged_once"
    assert judges.sendings(item) == [("police", "first", "queued")]
    urgent = desk.count("SELECT count(*) FROM sendings WHERE is_urgent")
    assert urgent == 1
    assert desk.count("SELECT count(*) FROM items WHERE danger") == 1
    judges.press("Ben", item, image, 1)
    assert judges.sendings(item) == [("police", "first", "queued")]  # told once
    assert state_of(desk, item) == ("actionable", None)


def test_a_referral_that_went_ahead_is_taken_back_when_the_verdict_is_not_illegal(desk, judges, new):
    judges.press("Ana", *new, 1, danger=True)
    judges.press("Ben", *new, 3)
    judges.press("Lea", *new, 3, lead=True)
    assert judges.sendings(new[0]) == [("police", "first", "withdrawn")]
    assert state_of(desk, new[0]) == ("closed", "not_actionable")


def test_a_desk_of_one_acts_at_home_on_one_assessor_and_is_corrected_by_the_second(desk, judges, new):
    item, image = new
    judges.policy = replace(POLICY, second_assessor=SecondAssessor.BEFORE_SHARING)
    assert judges.press("Ana", item, image, 1) is ImageState.JUDGED_ONCE
    assert state_of(desk, item) == ("actionable", None)
    assert judges.sendings(item) == [("police", "first", "queued")]
    assert judges.press("Ben", item, image, 3) is ImageState.DISPUTED
    assert state_of(desk, item) == ("awaiting_lead", "lead")
    assert judges.sendings(item) == [("police", "first", "withdrawn")]


# Police first


def test_police_first_holds_it_until_somebody_there_says_so(desk, judges, new):
    item, image = new
    judges.press("Ana", item, image, 1, police_hold=True)
    judges.press("Ben", item, image, 1)
    assert state_of(desk, item) == ("held_for_police", None)
    assert desk.count("SELECT count(*) FROM sendings WHERE is_held") == 1
    with pytest.raises(NotAllowedError):
        judges.act(clear_item.lift_hold, item, person=judges.people["Ana"], said_so=" ")
    judges.act(clear_item.lift_hold, item, person=judges.people["Ana"], said_so="Inspektor Praktikë")
    assert state_of(desk, item) == ("actionable", None)
    with pytest.raises(StaleStateError):
        judges.act(clear_item.lift_hold, item, person=judges.people["Ana"], said_so="again")


def test_a_file_that_cannot_be_shown_goes_to_the_police_unseen_and_never_to_a_host(desk, judges, site):
    site.lay_answer("/v.mp4", make_video_file(b"one"), "video/mp4")
    (item,) = desk.report(url("/v.mp4"))
    capture(desk, item)
    image = image_of(desk, item)
    with pytest.raises(NotAllowedError, match="cannot be displayed"):
        judges.press("Ana", item, image, 1, look=False)
    judges.press("Ana", item, image, 6, look=False)
    with pytest.raises(NotAllowedError):
        judges.press("Lea", item, image, 6, look=False, lead=True)
    judges.press("Lea", item, image, 6, look=False, lead=True, police_hold=True)
    assert state_of(desk, item) == ("held_for_police", None)
    row = desk.conn.execute("SELECT kind, basis, is_held FROM sendings").fetchall()
    desk.conn.rollback()
    assert row == [("police", "facts", True)]
    judges.act(clear_item.lift_hold, item, person=judges.people["Ana"], said_so="Inspektor Praktikë")
    assert state_of(desk, item) == ("closed", "referred")


# Known


def test_a_known_picture_is_confirmed_by_one_key_without_a_look(desk, judges):
    know(desk, FIRST)
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    image = image_of(desk, item)
    with pytest.raises(NotAllowedError, match="needs no look"):
        judges.look("Ana", item, image)
    judges.confirm("Ana", item)
    assert image_state(desk, image) == ("settled", "illegal", True, "exact_hash")
    assert state_of(desk, item) == ("actionable", None)
    assert judges.sendings(item) == [("police", "first", "queued")]
    assert desk.count("SELECT count(*) FROM looks") == 0


def test_confirming_is_refused_if_any_picture_of_the_page_is_not_known(desk, judges, site):
    know(desk, FIRST)
    lay_page(site, "/p", "/first.jpg", "/second.jpg")
    (page,) = desk.report(url("/p"))
    capture(desk, page)
    with pytest.raises(NotAllowedError, match="Not every picture"):
        judges.confirm("Ana", page)
    assert desk.count("SELECT count(*) FROM assessments") == 0


def test_a_list_that_loses_its_trust_between_page_and_key_refuses_the_key(desk, judges):
    know(desk, FIRST)
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    withdraw_entry(desk.conn, "practice", "k0", actor="cli", now=judges.clock(), sending=SENDING)
    desk.conn.commit()
    with pytest.raises(NotAllowedError, match="Not every picture"):
        judges.confirm("Ana", item)


def test_a_withdrawn_entry_reopens_what_stood_on_it_alone_and_takes_it_back(desk, judges):
    know(desk, FIRST)
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    judges.confirm("Ana", item)
    withdraw_entry(desk.conn, "practice", "k0", actor="cli", now=judges.clock(), sending=SENDING)
    desk.conn.commit()
    assert image_state(desk, image_of(desk, item))[0] == "unjudged"
    assert state_of(desk, item) == ("awaiting_assessment", "look")
    assert judges.sendings(item) == [("police", "first", "withdrawn")]


def test_who_contradicts_the_list_is_heard_and_needs_a_second(desk, judges):
    know(desk, FIRST)
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    image = image_of(desk, item)
    assert judges.press("Ana", item, image, 3, look=False) is ImageState.JUDGED_ONCE
    assert judges.press("Ben", item, image, 3, look=False) is ImageState.SETTLED
    assert state_of(desk, item) == ("closed", "not_actionable")


# Pages, texts, dead links


def lay_gallery(desk, site, *data):
    paths = []
    for number, body in enumerate(data):
        site.lay_answer(f"/g{number}.jpg", body, "image/jpeg")
        paths.append(f"/g{number}.jpg")
    lay_page(site, "/gallery", *paths)
    (page,) = desk.report(url("/gallery"))
    capture(desk, page)
    rows = desk.conn.execute(
        "SELECT child_id FROM item_children WHERE parent_id = %s ORDER BY place", (page,)
    ).fetchall()
    desk.conn.rollback()
    return page, [row[0] for row in rows]


def test_a_page_moves_with_its_last_picture_by_the_gravest(desk, judges, site):
    page, children = lay_gallery(desk, site, FIRST, SECOND, make_jpeg(7))
    images = [image_of(desk, child) for child in children]
    judges.press("Ana", page, images[0], 3)
    judges.press("Ana", page, images[1], 1)
    assert state_of(desk, page)[0] == "awaiting_assessment"
    judges.press("Ben", page, images[1], 1)
    assert state_of(desk, children[1]) == ("actionable", None)
    assert state_of(desk, page)[0] == "awaiting_assessment"
    judges.press("Ana", page, images[2], 3)
    assert state_of(desk, page) == ("actionable", None)
    assert [state_of(desk, child)[0] for child in children] == ["closed", "actionable", "closed"]
    assert judges.sendings(page) == [("police", "first", "queued")]
    assert desk.count("SELECT count(*) FROM sendings") == 1  # one host, one referral


def test_the_rest_is_not_needed_once_one_picture_is_illegal(desk, judges, site):
    page, children = lay_gallery(desk, site, FIRST, SECOND, make_jpeg(7))
    first = image_of(desk, children[0])
    words = {"person": judges.people["Ana"], "policy": POLICY}
    with pytest.raises(NotAllowedError):
        judges.act(clear_item.say_rest_not_needed, page, **words)
    judges.press("Ana", page, first, 1)
    judges.press("Ben", page, first, 1)
    assert judges.act(clear_item.say_rest_not_needed, page, **words) == 2
    assert state_of(desk, children[2]) == ("closed", "not_judged")
    assert image_state(desk, image_of(desk, children[2]))[0] == "unjudged"
    assert state_of(desk, page) == ("actionable", None)


def test_a_page_of_known_pictures_is_confirmed_whole(desk, judges, site):
    know(desk, FIRST, SECOND)
    page, children = lay_gallery(desk, site, FIRST, SECOND)
    judges.confirm("Ana", page, police_hold=True)
    assert {state_of(desk, one) for one in (page, *children)} == {("held_for_police", None)}
    judges.act(clear_item.lift_hold, page, person=judges.people["Ana"], said_so="Inspektor Praktikë")
    assert {state_of(desk, one) for one in (page, *children)} == {("actionable", None)}


def test_a_page_goes_to_the_lead_when_only_disputes_are_left(desk, judges, site):
    page, children = lay_gallery(desk, site, FIRST, SECOND)
    first, second = (image_of(desk, child) for child in children)
    judges.press("Ana", page, first, 6, look=False)
    assert state_of(desk, page)[0] == "awaiting_assessment"
    judges.press("Ana", page, second, 3)
    assert state_of(desk, page) == ("awaiting_lead", "lead")
    judges.press("Lea", page, first, 3, lead=True)
    assert state_of(desk, page) == ("closed", "not_actionable")


def test_a_dead_link_and_a_text_are_judged_themselves(desk, judges):
    (gone,) = desk.report(url("/gone.jpg"))
    capture(desk, gone)
    judges.press_item("Ana", gone, 5)
    assert state_of(desk, gone) == ("closed", "not_actionable")
    (text,) = desk.report(remit=Remit.CSEM, note="Practice: words only.")
    judges.press_item("Ana", text, 2)
    assert state_of(desk, text) == ("awaiting_assessment", "second")
    with pytest.raises(NotAllowedError, match="own second"):
        judges.press_item("Ana", text, 2)
    judges.press_item("Ben", text, 2)
    assert state_of(desk, text) == ("actionable", None)
    assert judges.sendings(text) == [("police", "first", "queued")]


def test_what_nobody_could_see_is_never_judged_illegal_and_goes_to_the_police_as_not_viewed(desk, judges):
    (refused,) = desk.report("http://10.0.0.5/a.jpg")
    capture(desk, refused)
    with pytest.raises(NotAllowedError, match="cannot be displayed"):
        judges.press_item("Ana", refused, 1)
    judges.press_item("Ana", refused, 6)
    with pytest.raises(NotAllowedError, match="cannot be displayed"):
        judges.press_item("Lea", refused, 1, lead=True)
    judges.press_item("Lea", refused, 6, lead=True, police_hold=True)
    assert state_of(desk, refused) == ("held_for_police", None)
    assert desk.conn.execute("SELECT kind, basis FROM sendings").fetchall() == [("police", "facts")]
    desk.conn.rollback()
    judges.act(clear_item.lift_hold, refused, person=judges.people["Ana"], said_so="Inspektor Praktikë")
    assert state_of(desk, refused) == ("closed", "referred")


def test_a_file_whose_views_are_gone_takes_the_way_of_what_cannot_be_shown(desk, judges):
    know(desk, FIRST)
    item, _ = desk.upload(FIRST)
    capture(desk, item)
    judges.confirm("Ana", item)
    withdraw_entry(desk.conn, "practice", "k0", actor="cli", now=judges.clock(), sending=SENDING)
    desk.conn.commit()
    image = image_of(desk, item)
    with pytest.raises(NotAllowedError, match="cannot be displayed"):
        judges.press("Ana", item, image, 1, look=False)
    judges.press("Ana", item, image, 6, look=False, danger=True)
    assert desk.count("SELECT count(*) FROM items WHERE danger") == 1
    judges.press("Lea", item, image, 6, look=False, lead=True, police_hold=True)
    assert state_of(desk, item) == ("held_for_police", None)


def test_a_picture_is_judged_as_a_picture_and_not_as_its_address(desk, judges, new):
    with pytest.raises(NotAllowedError, match="judge the picture"):
        judges.press_item("Ana", new[0], 3)
    with pytest.raises(UnknownThingError):
        (other,) = desk.report(url("/second.jpg"))
        judges.press("Ana", other, new[1], 3, look=False)


# Undo and reopen


def settle(judges, new):
    judges.press("Ana", *new, 1)
    judges.press("Ben", *new, 1)


def test_undo_takes_everything_back_before_it_leaves(desk, judges, new):
    settle(judges, new)
    words = {"round_": 1, "undo_s": 60.0, "sending": SENDING}
    with pytest.raises(NotAllowedError, match="Only who judged"):
        judges.act(reopen_item.undo, new[0], person=judges.people["Cen"], **words)
    judges.act(reopen_item.undo, new[0], person=judges.people["Ben"], **words)
    assert state_of(desk, new[0]) == ("awaiting_assessment", "look")
    assert image_state(desk, new[1]) == ("unjudged", None, None, None)
    assert judges.sendings(new[0]) == [("police", "first", "withdrawn")]
    with pytest.raises(NotAllowedError, match="Look at the picture first"):
        judges.press("Ana", *new, 1, look=False)  # the look of the old round does not count
    settle(judges, new)
    assert state_of(desk, new[0]) == ("actionable", None)


def test_undo_is_over_after_its_window_and_reopening_takes_a_reason(desk, judges, new):
    settle(judges, new)
    undone = {"person": judges.people["Ben"], "round_": 1, "undo_s": 60.0, "sending": SENDING}
    words = {"person": judges.people["Cen"], "round_": 1, "reason": "a new view", "sending": SENDING}
    judges.step = timedelta(seconds=61)
    with pytest.raises(NotAllowedError, match="over"):
        judges.act(reopen_item.undo, new[0], **undone)
    with pytest.raises(NotAllowedError, match="why"):
        judges.act(reopen_item.reopen_item, new[0], **words | {"reason": " "})
    judges.act(reopen_item.reopen_item, new[0], **words)
    assert desk.place(new[0]).state == "awaiting_assessment"
    with pytest.raises(StaleStateError):
        judges.act(reopen_item.reopen_item, new[0], **words)
    settle(judges, new)
    with pytest.raises(
        StaleStateError
    ):  # a page of the first round takes nothing back that was said in the second
        judges.act(reopen_item.reopen_item, new[0], **words)
    with pytest.raises(StaleStateError):
        judges.act(reopen_item.undo, new[0], **undone)


# Looks


def test_a_look_is_one_use_one_person_and_a_few_seconds(desk, judges, new):
    ana, ben = judges.people["Ana"], judges.people["Ben"]
    judges.open("Ana", new[0])

    def ask():
        asked = ask_to_look(
            judges.conn,
            *new,
            person=ana,
            rendering=EvidenceKind.COLOUR,
            now=judges.clock(),
            policy=LOOK_POLICY,
            session=SESSION,
        )
        judges.conn.commit()
        return asked.token

    token = ask()
    with pytest.raises(NotAllowedError):
        begin_look(judges.conn, token, person=ben, now=judges.clock(), policy=LOOK_POLICY, session=SESSION)
    begin_look(judges.conn, token, person=ana, now=judges.clock(), policy=LOOK_POLICY, session=SESSION)
    judges.conn.commit()
    with pytest.raises(NotAllowedError):
        begin_look(judges.conn, token, person=ana, now=judges.clock(), policy=LOOK_POLICY, session=SESSION)
    late = ask()
    for step_s in (11, -60):  # too late, or by a clock that was set back
        with pytest.raises(NotAllowedError):
            begin_look(
                judges.conn,
                late,
                person=ana,
                now=judges.clock() + timedelta(seconds=step_s),
                policy=LOOK_POLICY,
                session=SESSION,
            )
        judges.conn.rollback()


@pytest.mark.parametrize(("after_s", "ms"), [(3.0, 3000), (500.0, 10_000), (-5.0, 10_000)])
def test_a_look_counts_its_time_and_never_more_than_the_longest(desk, judges, new, after_s, ms):
    start = judges.clock()
    judges.now = start
    judges.open("Ana", new[0])
    asked = ask_to_look(
        judges.conn,
        *new,
        person=judges.people["Ana"],
        rendering=EvidenceKind.GREY_HALF,
        now=start,
        policy=LOOK_POLICY,
        session=SESSION,
    )
    begin_look(
        judges.conn, asked.token, person=judges.people["Ana"], now=start, policy=LOOK_POLICY, session=SESSION
    )
    ended = reveal_image.end_looks(
        judges.conn, judges.people["Ana"], now=start + timedelta(seconds=after_s), look_max_s=10.0
    )
    assert [look.shown_ms for look in ended] == [ms]
    judges.conn.commit()
    events = [event.event for event in custody.read_stream(judges.conn, f"image/{new[1]}")]
    assert events[-2:] == ["looked", "look_ended"]


def test_only_what_waits_is_looked_at_and_only_where_it_is_shown(desk, judges, new):
    judges.press("Ana", *new, 3, look=False)
    with pytest.raises(StaleStateError):
        judges.look("Ben", *new)
    judges.conn.rollback()
    (other,) = desk.report(url("/second.jpg"))
    capture(desk, other)
    with pytest.raises(UnknownThingError):
        judges.look("Ben", other, new[1])
    judges.conn.rollback()
    with pytest.raises(UnknownThingError):
        find_thumb(judges.conn, other, new[1])
    assert find_thumb(judges.conn, other, image_of(desk, other)) is not None
    judges.conn.rollback()


# Races


def test_two_assessors_pressing_at_once_are_first_and_second(desk, judges, new, as_role):
    people = [judges, Assessors(as_role("hotline_staff"))]
    for name, person in zip(("Ana", "Ben"), people, strict=True):
        person.look(name, *new)
    failed = []

    def press(name, person):
        try:
            person.press(name, *new, 1, look=False)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=press, args=pair) for pair in zip(("Ana", "Ben"), people, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert image_state(desk, new[1])[0] == "settled"
    assert judges.sendings(new[0]) == [("police", "first", "queued")]


def test_the_same_key_twice_is_said_once(desk, judges, new):
    judges.press("Ana", *new, 1)
    for _ in range(3):
        with pytest.raises(NotAllowedError):
            judges.press("Ana", *new, 1, look=False)
    assert desk.count("SELECT count(*) FROM assessments") == 1


def test_a_page_that_shows_an_old_round_is_refused(desk, judges, new):
    settle(judges, new)
    words = {"person": judges.people["Cen"], "round_": 1, "reason": "a new view", "sending": SENDING}
    judges.act(reopen_item.reopen_item, new[0], **words)
    with pytest.raises(StaleStateError):
        judges.press("Cen", *new, 3, look=False, round_=1)


def test_what_was_closed_and_comes_back_is_judged_in_a_new_round(desk, judges):
    (gone,) = desk.report(url("/gone.jpg"))
    capture(desk, gone)
    judges.press_item("Ana", gone, 5)
    desk.report(url("/gone.jpg"), now=judges.clock() + timedelta(days=2))
    assert judges.round_of("items", gone) == 2
    assert desk.place(gone).state == "received"


def test_assessing_needs_the_picture_to_be_shown_by_that_item(desk, judges, new):
    with pytest.raises(UnknownThingError):
        assess_image(
            judges.conn,
            new[1],
            new[1],
            None,
            person=judges.people["Ana"],
            round_=1,
            now=judges.clock(),
            policy=POLICY,
        )
    judges.conn.rollback()


def test_a_reopened_picture_brings_its_page_back_from_being_handed_on(desk, judges, site):
    page, children = lay_gallery(desk, site, make_jpeg(301), make_jpeg(302))
    images = [image_of(desk, child) for child in children]
    judges.press("Ana", children[0], images[0], 3)
    judges.press("Ana", children[1], images[1], 4)
    assert state_of(desk, page)[0] == "awaiting_hand_on"
    words = {"person": judges.people["Ben"], "round_": 1, "reason": "seen again", "sending": SENDING}
    judges.act(reopen_item.reopen_item, children[0], **words)
    assert [state_of(desk, one)[0] for one in (children[0], page)] == ["awaiting_assessment"] * 2
    judges.press("Ben", children[0], images[0], 3)
    assert state_of(desk, page)[0] == "awaiting_hand_on"


def test_what_is_known_needs_no_look_when_it_cannot_be_captured_once_more(desk, judges, site):
    know(desk, FIRST)
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    assert desk.place(item).lane == "no_look"
    judges.act(clear_item.request_recapture, item, person=judges.people["Ana"])
    site.lay_redirect("/first.jpg", "http://127.0.0.1/inside")
    capture(desk, item)
    place = desk.place(item)
    assert place.lane == "no_look"
    assert place.reason.startswith("refused: the address is this machine; known: ")
