"""Hand-on, held, hosting, sendings and recipients, by their forms only, as a browser without scripts sends them."""

import pytest

from tests.builders import list_entry, report, trust
from tests.captures import FIRST, capture, url
from tests.console import open_item
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.model import PersonRole
from triage.rules.states import Agreement, ItemState, Remit
from triage.store import hostings, items
from triage.vault import new_identity

WORDS = "the exact words <i>of</i> a reporter"
MAIL = "desk@police.example"


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


@pytest.fixture
def desk_surface(desk, database):
    with run_staff_surface(database, root=desk.root, vault_identity=desk.vault_identity) as running:
        yield running


@pytest.fixture
def known(desk):
    """A picture that a trusted list knows, captured."""
    desk.import_entries("list", list_entry("a", data=FIRST))
    trust(desk.conn, "list")
    (item_id,) = desk.report(url("/first.jpg"))
    capture(desk, item_id)
    return item_id


def read_one(conn, query, *values):
    conn.rollback()
    (row,) = conn.execute(query.encode(), values).fetchall()
    conn.rollback()
    return row


def state_of(conn, item_id):
    return read_one(conn, "SELECT state::text FROM items WHERE id = %s", item_id)[0]


def reference(conn, item_id):
    return read_one(conn, "SELECT reference FROM items WHERE id = %s", item_id)[0]


def confirm(browser, item_id, **more):
    open_item(browser, item_id, "no_look")
    page = browser.submit("confirm", **more)
    assert page.status == 200, page.words


def enter_police(browser, **changes):
    browser.open("/recipients?lang=en")
    fields = {
        "name": "Police desk",
        "kind": "police",
        "language": "sq+en",
        "channel": "mail",
        "contact": MAIL,
    }
    return browser.submit("enter", **(fields | changes))


# Hand-on


def test_what_is_handed_on_is_closed_with_to_whom(surface, conn):
    first, second = (report(conn, note=WORDS, remit=Remit.HATE_SPEECH)[0] for _ in range(2))
    clerk = surface.sign_in("Klea", PersonRole.CLERK)
    page = clerk.open("/hand-on?lang=en")
    assert WORDS in page.words
    refused = clerk.submit(f"hand-on-{reference(conn, first)}", to_whom=" ")
    assert refused.status == 403
    assert "Say to whom" in refused.words
    clerk.submit(f"hand-on-{reference(conn, first)}", to_whom="the ombudsman")
    assert (state_of(conn, first), state_of(conn, second)) == ("closed", "awaiting_hand_on")
    assert read_one(conn, "SELECT to_whom FROM hand_ons") == ("the ombudsman",)
    clerk.page = page  # the same form once more
    again = clerk.submit(f"hand-on-{reference(conn, first)}", to_whom="somebody else")
    assert again.status == 409


def test_only_an_approved_helpline_is_offered(surface, conn):
    (item_id,) = report(conn, note=WORDS, remit=Remit.OTHER)
    ana, lead = surface.sign_in("Ana"), surface.sign_in("Lena", PersonRole.LEAD)
    enter_police(ana, name="Helpline", kind="helpline", contact="line@help.example")
    name = f"hand-on-{reference(conn, item_id)}"
    assert ana.open("/hand-on").tree.css("select[name=recipient]") == []
    recipient_id = str(read_one(conn, "SELECT id FROM recipients")[0])
    path = f"/items/{item_id}/hand-on"
    refused = ana.post(path, {"recipient": recipient_id, "to_whom": "the helpline"})
    assert refused.status == 403
    assert refused.tree.css_first(f"#to-{item_id}").attributes["value"] == "the helpline"
    lead.open("/recipients")
    lead.submit("/approve")
    ana.open("/hand-on")
    ana.submit(name, recipient=recipient_id)
    assert read_one(conn, "SELECT to_whom, recipient_id::text FROM hand_ons") == ("Helpline", recipient_id)


def test_the_export_has_the_exact_words_and_is_in_the_chain(surface, conn):
    (item_id,) = report(conn, "https://forum.example/thread?a=1", note=WORDS, remit=Remit.HATE_SPEECH)
    ana = surface.sign_in("Ana")
    export = ana.open("/hand-on/export")
    assert export.headers["content-type"].startswith("text/plain")
    assert "attachment" in export.headers["content-disposition"]
    assert WORDS in export.text
    assert "hxxps://forum[.]example/thread?a=1" in export.text
    assert "https://forum" not in export.text
    assert reference(conn, item_id) in export.text
    event = read_one(conn, "SELECT stream, actor FROM custody_events WHERE event = 'exported'")
    assert event == (f"item/{item_id}", f"person/{surface.people['Ana'].id}")
    assert state_of(conn, item_id) == "awaiting_hand_on"
    clerk = surface.sign_in("Klea", PersonRole.CLERK)
    assert clerk.open("/hand-on/export").status == 403


# Held


def test_a_hold_is_lifted_with_who_said_so(desk_surface, desk, known):
    ana = desk_surface.sign_in("Ana")
    confirm(ana, known, police_hold="yes", danger="yes")
    assert state_of(desk.conn, known) == "held_for_police"
    page = ana.open("/held?lang=en")
    assert "no approved police" in page.words or "waits for approval" in page.words
    form = f"lift-{reference(desk.conn, known)}"
    assert ana.submit(form, said_so=" ").status == 403
    ana.open("/held?lang=en")
    refused = ana.submit(form, said_so="K" * 201)
    assert refused.status == 403
    assert refused.tree.css_first(f"#said-{known}").attributes["value"] == "K" * 201
    ana.open("/held?lang=en")
    done = ana.submit(form, said_so="Inspector K.")
    assert "Nothing is held." in done.words
    assert state_of(desk.conn, known) == "actionable"
    assert read_one(desk.conn, "SELECT said_so FROM police_holds") == ("Inspector K.",)
    auditor = desk_surface.sign_in("Eva", PersonRole.AUDITOR)
    assert auditor.open("/held").tree.css("main form") == []


# Hosting


def test_who_hosts_it_is_decided_by_a_person(desk_surface, desk, known):
    ana = desk_surface.sign_in("Ana")
    confirm(ana, known)
    source = {
        "source": "dns",
        "address": "203.0.113.10",
        "asn": 64500,
        "operator": "Practice Net",
        "country": "AL",
    }
    hostings.insert_hosting(
        desk.conn,
        known,
        round_=1,
        address=None,
        asn=None,
        operator=None,
        country=None,
        sources=[source, {"source": "capture", "finding": "the host name has no address"}],
        agreement=Agreement.DISPUTED,
        reason="its capture came from another operator",
        now=utcnow(),
    )
    items.move_item(desk.conn, known, ItemState.ACTIONABLE, "hosting_unclear", now=utcnow())
    desk.conn.commit()
    page = ana.open("/hosting?lang=en")
    assert "its capture came from another operator" in page.words
    form = f"hosting-{reference(desk.conn, known)}"
    for wrong in ({"country": "Albania"}, {"asn": "many"}, {"operator": " "}, {"address": "somewhere"}):
        fields = {"operator": "Net", "country": "AL", "asn": "64500", "address": ""} | wrong
        refused = ana.submit(form, **fields)
        assert refused.status == 403, wrong
        assert refused.tree.css("p.error")
    ana.open(f"/hosting?lang=en&item={known}&source=0")
    assert ana.open(f"/hosting?item={known}&source=99&lang=en").status == 200
    ana.open(f"/hosting?lang=en&item={known}&source=0")
    ana.submit(form)
    assert state_of(desk.conn, known) == "actionable"
    decided = read_one(
        desk.conn, "SELECT operator, asn, country, host(address) FROM hostings WHERE decided_by IS NOT NULL"
    )
    assert decided == ("Practice Net", 64500, "AL", "203.0.113.10")


# Recipients


def test_a_recipient_is_approved_by_another(surface, conn):
    lena = surface.sign_in("Lena", PersonRole.LEAD)
    mira = surface.sign_in("Mira", PersonRole.LEAD)
    ana = surface.sign_in("Ana")
    enter_police(lena)
    assert not ana.open("/recipients").has_form("/approve")
    lena.open("/recipients?lang=en")
    refused = lena.submit("/approve")
    assert refused.status == 403
    assert "another lead approves it" in refused.words
    mira.open("/recipients?lang=en")
    assert "approved by Mira" in mira.submit("/approve").words
    assert "not approved" in mira.submit("/disapprove").words
    assert mira.submit("/disable").status == 200
    assert not mira.page.has_form("/approve")
    assert read_one(conn, "SELECT approved_by, disabled_at IS NOT NULL FROM recipients") == (None, True)


def test_a_recipient_that_cannot_be_used_is_refused_and_its_fields_are_kept(surface, conn):
    ana = surface.sign_in("Ana")
    for wrong, words in (
        ({"contact": "nowhere"}, "This is not a mail address."),
        ({"kind": "isp"}, "AS numbers"),
        ({"kind": "isp", "asns": "AS1, x"}, "AS numbers are numbers"),
        ({"kind": "hotline", "contact": "partner", "channel": "outbox"}, "age key"),
        ({"public_key": "age1nonsense"}, "The key cannot be read"),
    ):
        refused = enter_police(ana, **wrong)
        assert refused.status == 403, wrong
        assert words in refused.words
        kept = refused.tree.css_first("#enter input[name=name]")
        assert kept.attributes["value"] == "Police desk"
    assert read_one(conn, "SELECT count(*) FROM recipients") == (0,)
    enter_police(
        ana, kind="hotline", contact="partner", channel="outbox", country="de", public_key=new_identity()[1]
    )
    enter_police(ana, name="Net", kind="isp", asns="AS64500, 64501", contact="abuse@net.example")
    rows = read_one(conn, "SELECT array_agg(asns ORDER BY name) FROM recipients WHERE kind = 'isp'")
    assert rows == ([[64500, 64501]],)


def test_a_recipient_is_changed_in_its_own_form_and_approved_as_it_was_read(surface, conn):
    ana, lead = surface.sign_in("Ana"), surface.sign_in("Lena", PersonRole.LEAD)
    auditor = surface.sign_in("Odi", PersonRole.AUDITOR)
    enter_police(ana)
    lead.open("/recipients?lang=en")
    ana.open("/recipients?lang=en")
    refused = ana.submit("/change", contact="nowhere", name="Desk")
    assert refused.status == 403
    assert "This is not a mail address." in refused.words
    kept = refused.tree.css_first("form[action$='/change'] input[name=name]")
    assert kept.attributes["value"] == "Desk"
    assert "open" in refused.tree.css_first("details").attributes
    assert refused.tree.css_first("#enter input[name=name]").attributes["value"] == ""
    assert "desk2@" in ana.submit("/change", contact="desk2@police.example", name="Police desk").words
    stale = lead.submit("/approve")
    assert stale.status == 409, "what the lead read is not what stands there now"
    lead.open("/recipients?lang=en")
    assert "approved by Lena" in lead.submit("/approve").words
    same = ana.submit("/change")
    assert "Nothing of it is changed." in same.words
    assert not auditor.open("/recipients").has_form("/change")
    assert read_one(conn, "SELECT contact, approved_by IS NOT NULL FROM recipients") == (
        "desk2@police.example",
        True,
    )


# Sendings


def test_nothing_leaves_without_police_and_the_page_says_so(desk_surface, desk, known):
    ana, lead = desk_surface.sign_in("Ana"), desk_surface.sign_in("Lena", PersonRole.LEAD)
    confirm(ana, known)
    page = ana.open("/sendings?lang=en")
    assert "Nothing can leave: no police recipient is approved." in page.words
    assert "waits for approval (1)" in page.words
    assert ana.open(page.tree.css_first("#rows tbody th a").attributes["href"]).status == 200
    enter_police(ana)
    lead.open("/recipients?lang=en")
    lead.submit("/approve")
    page = ana.open("/sendings?state=queued&lang=en")
    assert page.tree.css("#no-police") == []
    assert "Police desk" in page.words
    detail = ana.open(page.tree.css_first("#rows tbody th a").attributes["href"])
    words = detail.tree.css_first("#words").text()
    assert "hxxp" in words
    assert "http://photos" not in words
    assert "referral.json" in detail.words
    assert detail.tree.css("main img") == []


def test_an_answer_is_noted_once_and_unclear_ones_are_settled_by_a_person(desk_surface, desk, known):
    ana, lead = desk_surface.sign_in("Ana"), desk_surface.sign_in("Lena", PersonRole.LEAD)
    clerk = desk_surface.sign_in("Klea", PersonRole.CLERK)
    enter_police(ana)
    lead.open("/recipients")
    lead.submit("/approve")
    confirm(ana, known)
    sending_id = read_one(desk.conn, "SELECT id FROM sendings WHERE kind = 'police'")[0]

    def say(state, more=""):
        desk.conn.execute(
            f"UPDATE sendings SET state = '{state}', started_at = now() {more} WHERE id = %s".encode(),
            (sending_id,),
        )
        desk.conn.commit()

    def state():
        return read_one(desk.conn, "SELECT state::text FROM sendings WHERE id = %s", sending_id)[0]

    say("unclear", ", reason = 'it stopped'")
    clerk.open(f"/sendings/{sending_id}?lang=en")
    assert not clerk.page.has_form("answer")
    assert clerk.submit("found", sent="no").status == 200
    assert state() == "queued"
    say("rejected", ", reason = 'refused'")
    clerk.open(f"/sendings/{sending_id}?lang=en")
    assert not clerk.page.has_form("withdraw"), "notices wait for the police"
    clerk.submit("again")
    assert state() == "queued"
    say("sent", ", sent_at = now(), left_as = 'mail'")
    clerk.open(f"/sendings/{sending_id}?lang=en")
    assert {"removed", "not_ours"}.isdisjoint(clerk.page.list_choices("answer", "answer"))
    assert clerk.submit("answer").status == 422
    refused = clerk.submit("answer", answer="not_ours", note="they say no")
    assert (refused.status, refused.tree.css_first("#note").text()) == (403, "they say no")
    before = clerk.open(f"/sendings/{sending_id}?lang=en")
    clerk.submit("answer", answer="acknowledged")
    assert state() == "acknowledged"
    clerk.page = before
    twice = clerk.submit("answer", answer="acknowledged")
    assert twice.status == 403
    assert "noted already" in twice.words
    stale = clerk.post(f"/sendings/{sending_id}/again")
    assert stale.status == 409


def test_every_page_speaks_both_languages_and_names_nothing_twice(desk_surface, known):
    lead = desk_surface.sign_in("Lena", PersonRole.LEAD)
    for path in ("/queue", "/hand-on", "/held", "/hosting", "/sendings", "/recipients", f"/items/{known}"):
        for language in ("sq", "en"):
            page = lead.open(f"{path}?lang={language}")
            assert page.status == 200, path
            assert page.tree.css("script:not([src]), [style], [onclick]") == []
            ids = [node.attributes["id"] for node in page.tree.css("[id]")]
            assert len(ids) == len(set(ids)), path
            named = {node.attributes.get("for") for node in page.tree.css("label")}
            shown = [
                node.attributes.get("id")
                for node in page.tree.css("main input:not([type=hidden]), main textarea, main select")
            ]
            assert set(shown) <= named, path
