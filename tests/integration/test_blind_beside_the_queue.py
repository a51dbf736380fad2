"""Who could still be the second assessor learns nothing on the pages beside the queue, and acts on nothing unheard."""

import pytest

from tests.assessing import Assessors
from tests.captures import FIRST, SECOND, capture, image_of, url
from tests.console import listed, look, open_item, reference, state_of
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.model import PersonRole
from triage.rules.states import Agreement, ItemState
from triage.steps import clear_item
from triage.store import hostings, items


@pytest.fixture
def alone(desk, database):
    """A console of a desk that acts on one assessor."""
    with run_staff_surface(
        database, root=desk.root, vault_identity=desk.vault_identity, second_assessor="before_sharing"
    ) as running:
        yield running


@pytest.fixture
def item(desk):
    (item_id,) = desk.report(url("/first.jpg"))
    capture(desk, item_id)
    return item_id


def press(browser, item_id, label="1", **more):
    open_item(browser, item_id, "second")
    look(browser)
    browser.submit("judge", label=label, **more)


def leave_unlocated(desk, item_id):
    hostings.insert_hosting(
        desk.conn,
        item_id,
        round_=1,
        address=None,
        asn=None,
        operator=None,
        country=None,
        sources=[{"source": "dns", "finding": "the host name has no address"}],
        agreement=Agreement.DISPUTED,
        reason="its capture came from another operator",
        now=utcnow(),
    )
    items.move_item(desk.conn, item_id, ItemState.ACTIONABLE, "hosting_unclear", now=utcnow())
    desk.conn.commit()


@pytest.mark.parametrize(
    ("page", "hold", "act", "form"),
    [
        ("/held", "yes", "lift", {"said_so": "Inspector K."}),
        ("/hosting", "", "hosting", {"operator": "Net", "country": "AL", "asn": "", "address": ""}),
    ],
)
def test_what_one_assessor_set_going_is_listed_to_no_second_and_moved_by_none(
    alone, desk, item, page, hold, act, form
):
    ana, ben, lea = alone.sign_in("Ana"), alone.sign_in("Ben"), alone.sign_in("Lea", PersonRole.LEAD)
    press(ana, item, **({"police_hold": hold} if hold else {}))
    if not hold:
        leave_unlocated(desk, item)
    before, name = state_of(desk, item), reference(desk, item)
    assert before == ("held_for_police" if hold else "awaiting_hosting")
    for browser in (ben, lea):
        assert name not in browser.open(f"{page}?lang=en").words
        for path, fields in ((act, form), ("reopen", {"reason": "what happens?"})):
            refused = browser.post(f"/items/{item}/{path}", fields)
            assert (refused.status, "second opinion" in refused.words) == (403, True), path
    assert state_of(desk, item) == before
    for browser in (ana, alone.sign_in("Rea", PersonRole.AUDITOR)):
        assert name in browser.open(f"{page}?lang=en").words
    press(ben, item, **({"police_hold": hold} if hold else {}))
    assert name in lea.open(f"{page}?lang=en").words
    assert lea.post(f"/items/{item}/{act}", form).status == 200
    assert state_of(desk, item) == "actionable"


def test_no_word_of_where_it_stands_tells_which_label_a_desk_has_acted_on(alone, desk, item):
    ana, ben = alone.sign_in("Ana"), alone.sign_in("Ben")
    press(ana, item)
    assert state_of(desk, item) == "actionable"
    acted = {
        path: ben.open(path.format(item)) for path in ("/items/{}/history?lang=en", "/search?lang=en&q=/x")
    }
    acted_words = acted["/items/{}/history?lang=en"].tree.css_first("h1 ~ p .tag").text()
    # What was called harmless, and drawn by lot, waits in its state.
    desk.conn.execute(
        "UPDATE items SET state = 'awaiting_assessment', base_lane = 'second', settled_at = NULL,"
        " reason = 'waits for a second assessor', next_try_at = NULL WHERE id = %s",
        (item,),
    )
    desk.conn.commit()
    waits = ben.open(f"/items/{item}/history?lang=en")
    assert waits.tree.css_first("h1 ~ p .tag").text() == acted_words == "waits for a second assessor"
    for query in ("state=awaiting_assessment", "lane=second"):
        page = ben.open(f"/search?lang=en&{query}")
        assert reference(desk, item) not in page.words, query
    assert reference(desk, item) in ana.open("/search?lang=en&state=awaiting_assessment").words
    assert reference(desk, item) in ben.open("/queue?lane=second&lang=en").words


def test_no_form_and_no_refusal_tells_whether_a_desk_has_acted_on_a_picture(alone, desk, item):
    """What was called harmless and drawn by lot would still wait; see also `test_console_twins.py`."""
    ana, ben = alone.sign_in("Ana"), alone.sign_in("Ben")
    press(ana, item)
    assert state_of(desk, item) == "actionable"
    page = open_item(ben, item, "second")
    for form in ("recapture", "skip", "rest", "confirm", "judge-item", "reopen", "undo"):
        assert not page.tree.css(f"form#{form}"), form
    for act in ("recapture", "skip", "rest", "confirm", "assess", "undo", "reopen"):
        refused = ben.post(f"/items/{item}/{act}", {"label": "1", "round": "1", "reason": "what happens?"})
        assert (refused.status, "give that first" in refused.words) == (403, True), act
    # Passing over is always allowed; the second time a lead finds it, and what was set going is taken back.
    open_item(ben, item, "second")
    assert ben.submit("skip-1").path == "/queue"
    assert state_of(desk, item) == "actionable"
    cen = alone.sign_in("Cen")
    open_item(cen, item, "second")
    assert cen.submit("skip-1").path == "/queue"
    assert state_of(desk, item) == "awaiting_lead"


def test_a_picture_of_a_page_is_opened_by_its_second_whatever_became_of_it(alone, desk, site):
    site.lay_answer("/page", b'<img src="/first.jpg"><img src="/second.jpg">', "text/html")
    (page,) = desk.report(url("/page"))
    capture(desk, page)
    (child,) = desk.conn.execute(
        "SELECT child_id FROM shown_children WHERE parent_id = %s ORDER BY place LIMIT 1", (page,)
    ).fetchone()
    desk.conn.rollback()
    ana, ben = alone.sign_in("Ana"), alone.sign_in("Ben")
    press(ana, child)
    assert state_of(desk, child) == "actionable"
    assert open_item(ben, child).has_form("judge-1")
    # The other picture waits whatever was said of this one, and so does the page.
    assert open_item(ben, page).has_form("recapture")


def test_a_lead_who_could_be_second_finds_no_event_of_it_in_the_audit(surface, desk, item):
    people = Assessors(desk.conn)
    people.press("Ana", item, image_of(desk, item), 1, danger=True)
    image = image_of(desk, item)
    lea = surface.sign_in("Lea", PersonRole.LEAD)
    rea = surface.sign_in("Rea", PersonRole.AUDITOR)
    both = surface.sign_in("Eda", PersonRole.AUDITOR, PersonRole.ANALYST)
    queries = (
        "event=assessed_second_needed",
        f"kind=image&id={image}",
        f"kind=item&id={item}",
        "event=looked",
    )
    for query in queries:
        assert rea.open(f"/audit?lang=en&{query}").tree.css("#found tbody tr"), query
        for browser in (lea, both):
            assert browser.open(f"/audit?lang=en&{query}").tree.css("#found tbody tr") == [], query
    # Its report, and what is no item, are found as ever.
    assert lea.open("/audit?lang=en&kind=report").tree.css("#found tbody tr")
    taken = lea.post("/audit/download", {"event": "assessed_second_needed"})
    assert (taken.status, taken.text) == (200, "")
    people.press("Lea", item, image, 1)
    for query in queries:
        assert lea.open(f"/audit?lang=en&{query}").tree.css("#found tbody tr"), query


def test_a_copy_of_the_chain_leaves_out_a_former_picture_that_waits_for_a_second_elsewhere(
    surface, desk, site, item
):
    people = Assessors(desk.conn)
    site.lay_answer("/changing.jpg", FIRST, "image/jpeg")
    (other,) = desk.report(url("/changing.jpg"))
    capture(desk, other)
    clear_item.request_recapture(desk.conn, other, person=people.people["Ben"], now=utcnow())
    desk.conn.commit()
    site.lay_answer("/changing.jpg", SECOND, "image/jpeg")
    capture(desk, other)
    people.press("Ana", item, image_of(desk, item), 1)
    for name, tells in (("Ben", False), ("Ana", True)):
        browser = surface.sign_in(name)
        browser.open("/account")
        taken = browser.post(f"/items/{other}/custody")
        assert taken.status == 200, taken.words
        assert ("assessed_second_needed" in taken.text) is tells, name


def test_what_is_put_into_an_address_is_no_surprise(alone, desk, item):
    ana = alone.sign_in("Ana")
    press(ana, item)
    leave_unlocated(desk, item)
    for address in (f"/hosting?item={item}&source={'9' * 5000}", "/sendings?host=%00a", "/sendings?host=%00"):
        assert ana.open(address).status == 200, address[:40]


def test_where_a_lane_goes_on_behind_an_item_tells_nothing_of_danger_that_only_the_first_said(surface, desk):
    older, item = (desk.report(url(path))[0] for path in ("/second.jpg", "/first.jpg"))
    capture(desk, older, item)
    people = Assessors(desk.conn)
    people.press("Ana", item, image_of(desk, item), 1, danger=True)
    assert listed(surface.sign_in("Ana"), f"look&after={item}") == [reference(desk, older)]
    assert listed(surface.sign_in("Ben"), f"look&after={item}") == []
    assert listed(surface.sign_in("Rea", PersonRole.AUDITOR), f"look&after={item}") == [
        reference(desk, older)
    ]
