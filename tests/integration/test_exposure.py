"""Locks on looks, by real requests: each cap, each break, the end of a shift; and stopping at once."""

import threading
from datetime import timedelta

import pytest

from tests.builders import list_entry, make_person, pass_training, trust
from tests.captures import FIRST, capture, image_of, url
from tests.console import ask, look, open_item
from tests.exposure import be_experienced, begin_shift, set_caps, work_in_lane
from triage.clock import utcnow
from triage.model import PersonRole
from triage.rules.exposure import ExposurePolicy, ExposureState
from triage.steps.watch_exposure import read_standing

JPEG = b"\xff\xd8\xff"


@pytest.fixture
def item(desk):
    """One new picture, captured."""
    (item_id,) = desk.report(url("/second.jpg"))
    capture(desk, item_id)
    return item_id


@pytest.fixture
def ana(surface, desk):
    """Somebody who has done this for years, signed in."""
    browser = surface.sign_in("Ana")
    be_experienced(desk.conn, surface.people["Ana"].id)
    return browser


def person_of(surface, name="Ana"):
    return surface.people[name].id


def reveal(browser, desk, item_id, **more):
    path = f"/items/{item_id}/images/{image_of(desk, item_id)}/reveal"
    fields = {"rendering": "grey_half", "asked": "0", "lane": "look"} | more
    return browser.post(path, fields)


def standing_of(desk, person_id):
    found = read_standing(desk.conn, person_id, now=utcnow(), policy=ExposurePolicy())
    desk.conn.rollback()
    return found


def refuse(browser, desk, item_id, words):
    """Hold that a look is refused with these words, and that nothing of it is stored."""
    open_item(browser, item_id)
    before = desk.count("SELECT count(*) FROM looks")
    refused = reveal(browser, desk, item_id, asked=str(before))
    assert refused.status == 403
    assert words in refused.text
    assert refused.tree.css("figure.look img") == []
    as_script = browser.post(
        f"/items/{item_id}/images/{image_of(desk, item_id)}/reveal",
        {"rendering": "grey_half"},
        accept="application/json",
    )
    assert as_script.status == 403
    assert "token" not in as_script.text
    assert desk.count("SELECT count(*) FROM looks") == before


# The locks


def test_over_the_hard_cap_no_picture_is_shown_until_tomorrow(surface, desk, item, ana):
    for n in range(4):
        work_in_lane(desk.conn, person_of(surface), item, ago=310 - 70 * n, minutes=60)
    standing = standing_of(desk, person_of(surface))
    if standing.lane_s_today < 14_400:
        pytest.skip("it is just after midnight in Tiranë: yesterday's work does not count")
    refuse(ana, desk, item, "until tomorrow")
    assert "until tomorrow" in ana.open("/?lang=en").text


def test_at_the_soft_cap_a_word_is_asked_for_and_noted(surface, desk, item, ana):
    set_caps(desk.conn, person_of(surface), surface.hire("Lea", PersonRole.LEAD).id)
    for n in range(3):
        work_in_lane(desk.conn, person_of(surface), item, ago=230 - 70 * n, minutes=60)
    if standing_of(desk, person_of(surface)).lane_s_today < 10_800:
        pytest.skip("it is just after midnight in Tiranë: yesterday's work does not count")
    refuse(ana, desk, item, "say that you go on")
    ana.open(f"/items/{item}?lang=en")
    after = ana.submit("go-on")
    assert after.path == f"/items/{item}"
    assert desk.count("SELECT count(*) FROM look_go_ons") == 1
    assert desk.count("SELECT count(*) FROM custody_events WHERE event = 'went_on'") == 1
    assert reveal(ana, desk, item).status == 200
    again = ana.post("/go-on", {"back": "https://elsewhere.example/"})
    assert again.status == 403, "nobody goes on ahead of the cap"
    assert desk.count("SELECT count(*) FROM look_go_ons") == 1


def test_after_an_hour_a_break_is_due_and_work_without_pictures_stays_open(surface, desk, item, ana):
    desk.import_entries("list", list_entry("a", data=FIRST))
    trust(desk.conn, "list")
    (known,) = desk.report(url("/first.jpg"))
    capture(desk, known)
    work_in_lane(desk.conn, person_of(surface), item, ago=62, minutes=61)
    refuse(ana, desk, item, "A break is due")
    open_item(ana, known, "no_look")
    assert ana.submit("confirm").status == 200
    assert desk.place(known).state == "actionable"


def test_work_without_pictures_brings_no_break_nearer(surface, desk, item, ana):
    work_in_lane(desk.conn, person_of(surface), item, ago=122, minutes=120, lane="no_look")
    open_item(ana, item)
    assert look(ana).status == 200


def test_near_the_end_of_the_shift_no_picture_is_shown(surface, desk, item, ana):
    begin_shift(desk.conn, person_of(surface), ago=7 * 60 + 16)
    refuse(ana, desk, item, "Your shift is ending")


def test_a_newcomer_has_an_hour_a_day(surface, desk, item):
    browser = surface.sign_in("Ana")
    for n in range(2):
        work_in_lane(desk.conn, person_of(surface), item, ago=91 - 45 * n, minutes=31)
    if standing_of(desk, person_of(surface)).lane_s_today < 3600:
        pytest.skip("it is just after midnight in Tiranë: yesterday's work does not count")
    refuse(browser, desk, item, "until tomorrow")
    be_experienced(desk.conn, person_of(surface))
    assert standing_of(desk, person_of(surface)).state is not ExposureState.HARD


def test_taking_the_role_away_and_giving_it_again_begins_no_new_first_weeks(surface, desk):
    surface.hire("Ana")
    be_experienced(desk.conn, person_of(surface))
    desk.conn.execute("DELETE FROM person_roles")
    desk.conn.execute("INSERT INTO person_roles (person_id, role) VALUES (%s, 'lead')", (person_of(surface),))
    desk.conn.commit()
    assert desk.count("SELECT count(*) FROM look_starts WHERE since < '2021-01-01Z'") == 1


def test_a_look_that_was_asked_for_counts_before_it_is_fetched(surface, desk, item, ana):
    set_caps(desk.conn, person_of(surface), surface.hire("Lea", PersonRole.LEAD).id, looks=1)
    open_item(ana, item)
    _, source = ask(ana)
    assert reveal(ana, desk, item, asked="1").status == 403
    assert ana.open(source).content.startswith(JPEG)
    refuse(ana, desk, item, "until tomorrow")


def test_two_windows_at_the_cap_get_one_look(surface, desk, item, ana):
    set_caps(desk.conn, person_of(surface), surface.hire("Lea", PersonRole.LEAD).id, looks=1)
    open_item(ana, item)
    other = surface.browser()
    other.cookies.update(ana.cookies)
    other.page = ana.page
    answers, ready = [], threading.Barrier(2)

    def press(browser):
        ready.wait()
        answers.append(reveal(browser, desk_of[browser], item).status)

    desk_of = {ana: _Read(image_of(desk, item)), other: _Read(image_of(desk, item))}
    threads = [threading.Thread(target=press, args=(browser,)) for browser in (ana, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 403]
    assert desk.count("SELECT count(*) FROM looks") == 1


class _Read:
    """An image that was read before: a connection is not for two threads."""

    def __init__(self, image_id):
        self.conn = self
        self._image_id = image_id

    def execute(self, *_):
        return self

    def fetchall(self):
        return [(self._image_id,)]

    def rollback(self):
        pass


def test_a_clock_that_steps_back_opens_nothing(surface, desk, item, ana, monkeypatch):
    begin_shift(desk.conn, person_of(surface), ago=61)
    work_in_lane(desk.conn, person_of(surface), item, ago=61, minutes=60.5)
    refuse(ana, desk, item, "A break is due")
    for minutes in (1, 10, 25):
        earlier = utcnow() - timedelta(minutes=minutes)
        found = read_standing(desk.conn, person_of(surface), now=earlier, policy=ExposurePolicy())
        assert found.state is ExposureState.BREAK_DUE
    desk.conn.rollback()


# Breaks


def test_a_break_frees_everything_and_says_until_when(surface, desk, item, ana):
    open_item(ana, item)
    _, source = ask(ana)
    page = ana.post("/break", {})
    assert page.path == "/break"
    until = desk.conn.execute(
        "SELECT to_char(ends_at AT TIME ZONE 'Europe/Tirane', 'HH24:MI') FROM breaks"
    ).fetchone()
    desk.conn.rollback()
    assert until[0] in page.words
    assert page.tree.css("img") == []
    assert len(page.tree.css("a")) == 1
    assert ana.open(source).status == 403
    assert desk.count("SELECT count(*) FROM item_leases WHERE ended_at IS NULL") == 0
    assert ana.post("/break", {}).path == "/break"
    assert desk.count("SELECT count(*) FROM breaks") == 1
    refuse(ana, desk, item, "You are on a break")


def test_a_break_ends_the_look_that_is_shown(surface, desk, item, ana):
    open_item(ana, item)
    look(ana)
    ana.post("/break", {})
    assert desk.count("SELECT count(*) FROM looks WHERE ended_at IS NULL") == 0
    assert desk.count("SELECT count(*) FROM custody_events WHERE event = 'look_ended'") == 1


def test_without_a_break_its_page_says_so(ana):
    assert "There is no break now" in ana.open("/break?lang=en").words


# Leaving at once


def test_leaving_at_once_ends_looks_tokens_and_leases_and_leads_to_notes(surface, desk, item, ana):
    open_item(ana, item)
    _, source = ask(ana)
    left = ana.submit("panic")
    assert left.path == "/notes"
    assert ana.open(source).status == 403
    assert JPEG not in ana.open(source).content
    assert desk.count("SELECT count(*) FROM looks WHERE fetched_at IS NOT NULL") == 0
    assert desk.count("SELECT count(*) FROM item_leases WHERE ended_at IS NULL") == 0
    open_item(ana, item)
    look(ana, number=1)
    ana.post("/panic", {})
    assert desk.count("SELECT count(*) FROM looks WHERE fetched_at IS NOT NULL AND ended_at IS NULL") == 0


def test_the_neutral_page_names_nothing_and_needs_no_session(surface, ana):
    for browser in (ana, surface.browser()):
        for language, title in (("sq", "Shënime"), ("en", "Notes")):
            page = browser.open(f"/notes?lang={language}")
            assert page.status == 200
            assert page.tree.css_first("title").text() == title
            for word in ("Konsola", "Console", "iSIGURT", "Ana", "Hotline", "csrf"):
                assert word not in page.text, word
            assert page.tree.css("script") == []
            assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("ended", ["UPDATE sessions SET ended_at = now()", "DELETE FROM sessions"])
def test_who_leaves_once_the_session_has_ended_reads_a_page_that_names_nothing(surface, desk, ana, ended):
    ana.open("/?lang=en")
    desk.conn.execute(ended)
    desk.conn.commit()
    page = ana.submit("panic")
    assert (page.status, page.path) == (200, "/notes")
    for word in ("Konsola", "Console", "iSIGURT", "Ana", "Hotline"):
        assert word not in page.text, word
    assert desk.count("SELECT count(*) FROM custody_events WHERE event = 'left_at_once'") == 0
    assert "/sign-in" in ana.open("/").path


def test_that_somebody_left_at_once_is_found_by_them_and_by_an_auditor_only(surface, desk, ana):
    ana.open("/?lang=en")
    ana.submit("panic")
    lea = surface.sign_in("Lea", PersonRole.LEAD)
    lea.open("/?lang=en")
    lea.submit("panic")
    for name, role, own in (
        ("Lea", PersonRole.LEAD, 1),
        ("Ada", PersonRole.ADMIN, 0),
        ("Eva", PersonRole.AUDITOR, 2),
    ):
        page = surface.sign_in(name, role).open("/audit?event=left_at_once&lang=en")
        assert page.status == 200
        found = [row for row in page.tree.css("tbody tr") if "left_at_once" in row.text()]
        assert len(found) == own, name


def test_a_stranger_cannot_make_anybody_leave(surface, desk, ana):
    ana.open("/?lang=en")
    assert surface.browser().post("/panic", {}, csrf=False).path == "/notes"
    assert ana.post("/panic", {"csrf": "0" * 64}).path == "/notes"
    assert ana.post("/panic", {}, sec_fetch_site="cross-site", csrf=False).status == 403
    assert desk.count("SELECT count(*) FROM custody_events WHERE event = 'left_at_once'") == 0


# What the person sees


def test_the_bar_says_what_was_seen_and_when_a_break_is_due(surface, desk, item, ana):
    open_item(ana, item)
    look(ana)
    ana.submit("hide")
    desk.conn.execute("UPDATE looks SET shown_ms = 4200")
    desk.conn.commit()
    text = ana.open("/?lang=en").text
    assert "Seen today: 4 s" in text
    assert "Next break:" in text
    assert 'href="tel:116111"' in text
    clerk = surface.sign_in("Klea", PersonRole.CLERK).open("/?lang=en").text
    assert "Seen today" not in clerk
    assert 'href="tel:116111"' in clerk


def test_who_has_seen_much_is_offered_no_further_picture_and_opens_one_themself(surface, desk, item, ana):
    lea = surface.hire("Lea", PersonRole.LEAD)
    set_caps(desk.conn, person_of(surface), lea.id, looks=2)
    open_item(ana, item)
    look(ana)
    ana.submit("hide")
    set_caps(desk.conn, person_of(surface), lea.id, looks=1)
    ana.open("/?lang=en")
    assert not ana.page.has_form("next")
    refused = ana.post("/queue/next", {"lane": "look"})
    assert refused.status == 403
    assert "until tomorrow" in refused.words
    assert open_item(ana, item).status == 200
    assert ana.post("/queue/next", {"lane": "no_look"}).status == 200


def test_before_the_training_set_is_passed_no_picture_is_shown(surface, desk, item):
    make_person(desk.conn, "Ana", is_trained=False)
    desk.conn.commit()
    ana = surface.sign_in("Ana")
    refuse(ana, desk, item, "Pass the training set first")
    pass_training(desk.conn, person_of(surface))
    desk.conn.commit()
    open_item(ana, item)
    assert look(ana).status == 200
