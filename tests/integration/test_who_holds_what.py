"""Who holds what: nothing is kept from others by who has nothing left on it, nor by who was put out or begins anew."""

import pyotp
import pytest

from tests.assessing import SESSION, Assessors
from tests.builders import list_entry, report, trust
from tests.captures import FIRST, capture, image_of, url
from tests.console import judge, listed, open_item, reference
from tests.staff_server import PASSWORD, current_step
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.ids import new_id
from triage.model import EvidenceKind
from triage.steps import assess, reveal_image
from triage.steps.change_persons import disable_person
from triage.steps.lease_item import free_leases, take_lease
from triage.steps.recover_person import recover_on_machine
from triage.steps.sign_in import new_token
from triage.store.leases import list_held
from triage.store.people import find_person

LEFT = "Nothing on this item is left for you to judge"


@pytest.fixture
def people(desk):
    return Assessors(desk.conn)


@pytest.fixture
def item(desk):
    (item_id,) = desk.report(url("/first.jpg"))
    capture(desk, item_id)
    return item_id


# Nothing left


def test_who_contradicted_a_list_reads_the_item_in_no_look_and_keeps_it_from_nobody(desk, surface):
    desk.import_entries("list", list_entry("a", data=FIRST))
    trust(desk.conn, "list")
    (known,) = desk.report(url("/first.jpg"))
    capture(desk, known)
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    open_item(ana, known, "no_look")
    judge(ana, 3)
    assert listed(ana, "no_look") == [reference(desk, known)]
    page = ana.open(f"/items/{known}?lane=no_look&lang=en")
    assert not page.has_form("open")
    assert "First, Ana, 3" in page.words
    refused = ana.post(f"/items/{known}/open", {"lane": "no_look"})
    assert (refused.status, LEFT in refused.words) == (403, True), refused.words
    assert desk.count("SELECT count(*) FROM item_leases WHERE ended_at IS NULL") == 0
    assert open_item(ben, known, "no_look").has_form("confirm")


def test_nothing_is_left_of_what_one_judged_or_what_only_a_lead_decides(desk, people, item):
    people.press("Ana", item, image_of(desk, item), 1)
    (text,) = report(desk.conn, note="a text")
    people.press_item("Ben", text, 6)
    for name, one in (("Ana", item), ("Ana", text), ("Ben", text)):
        with pytest.raises(NotAllowedError, match=LEFT):
            people.open(name, one)
        desk.conn.rollback()
    people.open("Ben", item)
    people.open("Lea", text)


def test_of_a_page_the_other_picture_is_left_and_what_one_passed_over_may_be_opened_again(desk, people, site):
    site.lay_answer("/page", b'<img src="/first.jpg"><img src="/second.jpg">', "text/html")
    (page,) = desk.report(url("/page"))
    capture(desk, page)
    first, second = (
        row[0]
        for row in desk.conn.execute(
            "SELECT image_id FROM shown_children JOIN shown_images ON item_id = child_id WHERE parent_id = %s"
            " ORDER BY place",
            (page,),
        ).fetchall()
    )
    people.press("Ana", page, first, 1)
    people.open("Ana", page)
    skipping = {"person": people.people["Ana"], "round_": 1, "policy": people.policy, "image_id": second}
    people.act(assess.skip, page, **skipping)
    people.act(_leave_all, page, person=people.people["Ana"])
    people.open("Ana", page)
    people.act(_leave_all, page, person=people.people["Ana"])
    people.press("Ana", page, second, 1)
    with pytest.raises(NotAllowedError, match=LEFT):
        people.open("Ana", page)


def _leave_all(conn, item, *, person, now):
    free_leases(conn, person.id, now=now)


# Put out, or beginning anew


def look_and_stay(conn, item, image, person):
    """Open an item, see its picture, and ask for another look that does not begin."""
    policy = Assessors.look_policy
    take_lease(conn, item, person=person, now=utcnow(), life_s=policy.lease_s)
    how = {"person": person, "policy": policy, "session": SESSION}
    for is_seen in (True, False):
        asked = reveal_image.ask_to_look(
            conn, item, image, rendering=EvidenceKind.GREY_HALF, now=utcnow(), **how
        )
        conn.commit()
        if is_seen:
            reveal_image.begin_look(conn, asked.token, now=utcnow(), **how)
            conn.commit()
    return asked.token


def use(surface, token, name):
    """Join anew by a link, with password and code."""
    browser = surface.browser()
    page = browser.open(f"/join/{token}?lang=en")
    code = pyotp.TOTP(page.tree.css_first("#secret").text()).generate_otp(current_step())
    password = f"{PASSWORD} of {name}"
    assert browser.submit("join", password=password, repeated=password, code=code).path == "/sign-in"


@pytest.mark.parametrize("way", ["disabled", "recovered", "joined anew", "signed out"])
def test_who_is_put_out_or_begins_anew_has_nothing_open_and_sees_nothing(desk, surface, item, way):
    ben = surface.sign_in("Ben")
    person, conn, image = find_person(desk.conn, "Ben"), desk.conn, image_of(desk, item)
    link, machine = new_token(), {"reason": "lost", "life_s": 3600, "actor": "cli"}
    if way == "joined anew":
        recover_on_machine(conn, new_id(), "Ben", token=link, now=utcnow(), **machine)
        conn.commit()
    token = look_and_stay(conn, item, image, person)
    assert list_held(conn, person.id, now=utcnow()) == [item]
    conn.rollback()
    if way == "disabled":
        disable_person(conn, "Ben", actor="cli", now=utcnow())
    elif way == "recovered":
        recover_on_machine(conn, new_id(), "Ben", token=link, now=utcnow(), **machine)
    elif way == "joined anew":
        use(surface, link, "Ben")
    else:
        ben.post("/sign-out")
    conn.commit()
    assert list_held(conn, person.id, now=utcnow()) == []
    assert desk.count("SELECT count(*) FROM looks WHERE fetched_at IS NOT NULL AND ended_at IS NULL") == 0
    ended = "SELECT count(*) FROM looks WHERE shown_ms BETWEEN 0 AND 10000"
    assert desk.count(ended) == 1
    with pytest.raises(NotAllowedError, match="This look is over"):
        reveal_image.begin_look(
            conn, token, person=person, now=utcnow(), policy=Assessors.look_policy, session=SESSION
        )


# Where one came from


def test_a_refusal_on_the_page_of_an_item_keeps_the_lane_that_one_came_from(desk, surface, people, item):
    image = image_of(desk, item)
    people.press("Ana", item, image, 1)
    people.press("Ben", item, image, 1)
    cen = surface.sign_in("Cen")
    page = cen.open(f"/items/{item}?lane=danger&lang=en")
    for form, words in (("reopen", {"reason": "  "}), ("custody", {})):
        fields = page.tree.css(f'form#{form} input[name="lane"]')
        assert [one.attributes["value"] for one in fields] == ["danger"], form
        if words:
            refused = cen.submit(form, **words)
            assert refused.status == 403
            assert refused.tree.css_first('a[href="/queue?lane=danger"]'), form
    refused = cen.post(f"/items/{item}/open", {"lane": "danger"})
    assert refused.status == 409
    assert refused.tree.css_first('a[href="/queue?lane=danger"]')
