"""Welfare: sums for a lead, one person's figures for a reason that they read, other caps; the first page."""

import pytest

from tests.builders import list_entry, trust
from tests.captures import FIRST, capture, image_of, url
from tests.console import look, open_item
from tests.exposure import be_experienced, work_in_lane
from triage.model import PersonRole

WHY = "Ana asked me to <b>look</b> with her."


@pytest.fixture
def item(desk):
    """One new picture, captured."""
    (item_id,) = desk.report(url("/second.jpg"))
    capture(desk, item_id)
    return item_id


@pytest.fixture
def lea(surface):
    return surface.sign_in("Lea", PersonRole.LEAD)


def person_of(surface, name="Ana"):
    return str(surface.hire(name).id)


def numbers(page, table="#totals"):
    """The numbers of the newest day."""
    return [node.text() for node in page.tree.css(f"{table} tbody tr")[0].css("td")]


def see(browser, person_id, reason=WHY):
    browser.open("/welfare?lang=en")
    return browser.submit("see-figures", person=person_id, reason=reason)


def test_only_a_lead_opens_it(surface):
    for role in (PersonRole.ANALYST, PersonRole.CLERK, PersonRole.ADMIN, PersonRole.AUDITOR):
        browser = surface.sign_in(f"person {role}", role)
        assert browser.open("/welfare").status == 403
        assert browser.post("/welfare/figures", {"person": person_of(surface), "reason": "x"}).status == 403


def test_what_one_person_saw_stands_in_no_sum(surface, desk, item, lea):
    ana = surface.sign_in("Ana")
    open_item(ana, item)
    look(ana)
    ana.submit("hide")
    assert numbers(lea.open("/welfare?lang=en"))[:5] == ["–"] * 5
    work_in_lane(desk.conn, surface.people["Lea"].id, item, ago=2, minutes=1)
    assert numbers(lea.open("/welfare?lang=en"))[:5] == ["–"] * 5, "who reads it knows their own share"
    work_in_lane(desk.conn, surface.hire("Ben").id, item, ago=1, minutes=1)
    looks, seconds, *rest = numbers(lea.open("/welfare?lang=en"))
    assert looks == "1"
    assert int(seconds) <= 10
    assert rest == ["0", "0", "0", "0"]


def test_looks_that_were_avoided_are_counted(surface, desk, lea):
    desk.import_entries("list", list_entry("a", data=FIRST))
    trust(desk.conn, "list")
    (known,) = desk.report(url("/first.jpg"))
    capture(desk, known)
    ana = surface.sign_in("Ana")
    open_item(ana, known, "no_look")
    ana.submit("confirm")
    assert numbers(lea.open("/welfare?lang=en"))[-1] == "1"


def test_figures_of_one_person_want_a_reason_and_the_person_reads_it(surface, desk, item, lea):
    ana = surface.sign_in("Ana")
    refused = see(lea, person_of(surface), " ")
    assert refused.status == 403
    assert "Say why" in refused.words
    assert refused.tree.css("#figures") == []
    assert see(lea, person_of(surface), "x" * 501).status == 422
    assert desk.count("SELECT count(*) FROM figures_seen") == 0
    shown = see(lea, person_of(surface))
    assert "Figures of Ana" in shown.words
    told = ana.open("/?lang=en")
    assert "Lea looked at your figures on" in told.words
    assert WHY in told.words, "as it was typed, and not as markup"
    assert "looked at your figures" not in lea.open("/?lang=en").words
    assert desk.count("SELECT count(*) FROM custody_events WHERE event = 'figures_seen'") == 1
    assert desk.count("SELECT count(*) FROM custody_events WHERE position('Ana asked' in record) > 0") == 0
    assert lea.open("/welfare/figures").status in {403, 404, 405}, "a reload shows nobody's figures"


def test_own_figures_are_on_the_first_page_and_no_lead_judges_themself(surface, desk, item, lea):
    own = str(surface.people["Lea"].id)
    page = lea.open("/welfare?lang=en")
    assert own not in [node.attributes["value"] for node in page.tree.css("option")]
    assert lea.post("/welfare/figures", {"person": own, "reason": WHY}).status == 403
    assert (
        lea.post("/welfare/allow", {"person": own, "minutes": "300", "looks": "600", "reason": WHY}).status
        == 403
    )
    work_in_lane(desk.conn, surface.people["Lea"].id, item, ago=2, minutes=2)
    assert numbers(lea.open("/?lang=en"), "#own")[2] in {"1", "2"}
    assert desk.count("SELECT count(*) FROM figures_seen") == 0
    assert desk.count("SELECT count(*) FROM exposure_overrides") == 0


def test_another_cap_holds_for_today_and_never_above_the_ceiling(surface, desk, item, lea):
    ana = surface.sign_in("Ana")
    be_experienced(desk.conn, surface.people["Ana"].id)
    for wrong in (
        {"minutes": "301"},
        {"looks": "601"},
        {"minutes": "-1"},
        {"minutes": "many"},
        {"reason": ""},
    ):
        lea.open("/welfare?lang=en")
        fields = {"person": person_of(surface), "minutes": "60", "looks": "1", "reason": WHY} | wrong
        refused = lea.submit("allow", **fields)
        assert refused.status in {403, 422}, wrong
        for name in ("minutes", "looks", "reason"):
            assert refused.tree.css_first(f"#allow [name={name}]").attributes["value"] == fields[name]
    assert desk.count("SELECT count(*) FROM exposure_overrides") == 0
    lea.open("/welfare?lang=en")
    done = lea.submit("allow", person=person_of(surface), minutes="60", looks="1", reason=WHY)
    assert "The caps of today are set" in done.words
    told = ana.open("/?lang=en").words
    assert "Lea set your caps of a day" in told
    assert WHY in told
    open_item(ana, item)
    look(ana)
    ana.submit("hide")
    path = f"/items/{item}/images/{image_of(desk, item)}/reveal"
    assert "until tomorrow" in ana.post(path, {"rendering": "grey_half", "asked": "1"}).text


def test_the_ways_of_a_lead_want_a_fresh_proof(surface, desk, lea):
    desk.conn.execute("UPDATE sessions SET started_at = started_at - interval '10 minutes'")
    desk.conn.commit()
    asked = see(lea, person_of(surface))
    assert asked.status == 403
    assert asked.tree.css("#figures") == []
    assert desk.count("SELECT count(*) FROM figures_seen") == 0


def test_a_person_who_sees_no_pictures_has_no_figures(surface, lea):
    clerk = str(surface.hire("Klea", PersonRole.CLERK).id)
    lea.open("/welfare?lang=en")
    for person in (clerk, "nobody", "0" * 32):
        assert lea.post("/welfare/figures", {"person": person, "reason": WHY}).status in {404, 422}


# The first page


def test_what_became_of_ones_items_is_said_and_can_be_hidden(surface, desk, item):
    ana = surface.sign_in("Ana")
    assert "Gone:" not in ana.open("/?lang=en").words
    open_item(ana, item)
    look(ana)
    assert ana.submit("judge", label="1").status == 200
    assert "Your items of this week: 1. Gone: 0." in ana.open("/?lang=en").words
    desk.conn.execute(
        "UPDATE items SET state = 'closed', base_lane = NULL, reason = NULL, closed_as = 'removed'"
    )
    desk.conn.commit()
    assert "Your items of this week: 1. Gone: 1." in ana.open("/?lang=en").words
    assert "Gone:" not in surface.sign_in("Ben").open("/?lang=en").words
    ana.open("/?lang=en")
    ana.submit("outcome", to="hide")
    assert "Gone:" not in ana.open("/?lang=en").words
    ana.submit("outcome", to="show")
    assert "Gone: 1." in ana.open("/?lang=en").words


def test_the_next_step_is_one_button_and_without_pictures_where_none_is_shown(surface, desk, item):
    desk.import_entries("list", list_entry("a", data=FIRST))
    trust(desk.conn, "list")
    (known,) = desk.report(url("/first.jpg"))
    capture(desk, known)
    ana = surface.sign_in("Ana")
    be_experienced(desk.conn, surface.people["Ana"].id)

    def lane_of(page):
        return [node.attributes["value"] for node in page.tree.css("#next input[name=lane]")]

    assert lane_of(ana.open("/?lang=en")) == ["look"]
    ana.post("/break", {})
    page = ana.open("/?lang=en")
    assert lane_of(page) == ["no_look"]
    assert ana.submit("next").path == f"/items/{known}"
    clerk = surface.sign_in("Klea", PersonRole.CLERK)
    assert lane_of(clerk.open("/?lang=en")) == []
