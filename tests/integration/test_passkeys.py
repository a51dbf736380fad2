"""Passkeys against the running console and a real database, with an authenticator that tells the truth or lies."""

import json
import os
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from api.console import account as own_account
from api.console import guard as guarding
from api.console import join as joining
from api.console import passkeys as own_passkeys
from api.console import sign_in as signing
from tests.builders import Clock, make_person
from tests.soft_authenticator import PRESENT, SoftAuthenticator, encode
from tests.staff_server import PASSWORD, StaffBrowser, run_staff_surface
from triage.clock import utcnow
from triage.rules.passkeys import PASSKEYS_MAX, Purpose, RelyingParty
from triage.steps.change_persons import disable_person
from triage.steps.passkeys import PasskeyAnswer, begin_assertion, verify_assertion
from triage.steps.sign_in import make_link, new_token, sign_in_by_passkey
from triage.store.custody import read_stream
from triage.store.people import digest_token

REFUSED = "This passkey did not let you in"


@pytest.fixture
def console(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


@pytest.fixture
def clock(monkeypatch):
    patched = Clock()
    for module in (guarding, joining, signing, own_account, own_passkeys):
        monkeypatch.setattr(module, "utcnow", patched)
    return patched


@pytest.fixture
def open_browser(console):
    """Open browsers at the name that passkeys are for."""

    def open_one():
        browser = StaffBrowser(f"http://localhost:{console.port}")
        console.browsers.append(browser)
        browser.open("/sign-in?lang=en")
        return browser

    return open_one


@pytest.fixture
def phone(console):
    return SoftAuthenticator(f"http://localhost:{console.port}")


def options_of(page, form):
    node = page.find_form(form)
    return node.css_first("button[data-passkey]").attributes["data-options"]


def link_for(conn, name, *roles):
    token = new_token()
    make_link(conn, make_person(conn, name, *roles), token=token, now=utcnow(), life_s=3600, actor="cli")
    conn.commit()
    return token


def join(browser, token, phone, name="Phone", **lies):
    browser.open(f"/join/{token}")
    credential = phone.create(options_of(browser.page, "join-passkey"), **lies)
    return browser.submit("join-passkey", credential=credential, passkey_name=name)


def sign_in(browser, phone, **lies):
    browser.open("/sign-in")
    credential = phone.get(options_of(browser.page, "sign-in-passkey"), **lies)
    return browser.submit("sign-in-passkey", credential=credential)


def add(browser, phone, name="Laptop", **lies):
    browser.open("/account/passkey")
    credential = phone.create(options_of(browser.page, "add-passkey"), **lies)
    return browser.submit("add-passkey", credential=credential, passkey_name=name)


@pytest.fixture
def ana(conn, open_browser, phone):
    """Somebody who joined with a passkey only; the browser is not signed in yet."""
    browser = open_browser()
    assert join(browser, link_for(conn, "Ana"), phone).path == "/sign-in"
    return browser


def events(conn, name):
    conn.rollback()
    return [event.event for event in read_stream(conn, f"person/{make_person(conn, name)}")]


def last_body(conn, name):
    conn.rollback()
    return json.loads(read_stream(conn, f"person/{make_person(conn, name)}")[-1].record)["body"]


def count(conn, table):
    conn.rollback()
    return conn.execute(
        psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(table))
    ).fetchone()[0]


# Joining and coming in


def test_a_person_joins_and_signs_in_with_a_passkey_alone(conn, ana, phone):
    assert "The passkey is stored" in ana.page.words
    page = sign_in(ana, phone)
    assert (page.status, page.path) == (200, "/")
    assert "Ana" in page.words
    assert events(conn, "Ana") == ["link_made", "passkey_added", "joined", "signed_in"]
    assert last_body(conn, "Ana")["way"] == "passkey"
    assert count(conn, "credentials") == 0
    assert count(conn, "passkey_challenges") <= 3  # of the pages that nobody answered
    assert "Add a second" in ana.open("/account").words


def test_a_link_is_used_once_and_only_by_a_good_answer(conn, open_browser, phone):
    browser, token = open_browser(), link_for(conn, "Ana")
    for lies in ({"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"flags": PRESENT}):
        page = join(browser, token, phone, **lies)
        assert page.status == 422, lies
        assert "was not taken" in page.words
    page = join(browser, token, phone, name="  ")
    assert (page.status, "1 to 60 characters" in page.words) == (422, True)
    assert join(browser, token, phone).path == "/sign-in"
    for _ in range(2):
        assert browser.open(f"/join/{token}").status == 403
    answer = browser.post(f"/join/{token}", {"credential": "{}", "ceremony": "x"}, csrf=False)
    assert answer.status == 403
    assert count(conn, "passkeys") == 1


def test_a_challenge_of_one_link_does_not_answer_another(conn, open_browser, phone):
    browser = open_browser()
    theirs, ours = link_for(conn, "Ana"), link_for(conn, "Blerim")
    browser.open(f"/join/{theirs}")
    ceremony = browser.page.find_form("join-passkey").css_first("input[name=ceremony]").attributes["value"]
    credential = phone.create(options_of(browser.page, "join-passkey"))
    fields = {"ceremony": ceremony, "credential": credential, "passkey_name": "x"}
    for link in (ours, theirs):  # the wrong form used the challenge up
        assert browser.post(f"/join/{link}", fields, csrf=False).status == 422
    assert count(conn, "passkeys") == 0


def test_a_new_link_drops_every_way_in_of_before(conn, console, open_browser, ana, phone):
    console.hire("Ana")  # gives her a password too
    assert sign_in(ana, phone).path == "/"
    browser, new_phone = open_browser(), SoftAuthenticator(phone.origin)
    assert join(browser, link_for(conn, "Ana"), new_phone).path == "/sign-in"
    assert ana.open("/").path == "/sign-in"
    assert sign_in(ana, phone).status == 403
    assert console.browser().sign_in(console.people["Ana"]).status == 403
    assert sign_in(browser, new_phone).path == "/"
    assert events(conn, "Ana")[-4:] == ["passkey_removed", "passkey_added", "joined", "signed_in"]


def test_one_passkey_cannot_be_registered_by_two_persons(conn, open_browser, ana, phone):
    browser, token = open_browser(), link_for(conn, "Blerim")
    page = join(browser, token, phone)
    assert (page.status, "registered already" in page.words) == (422, True)
    assert browser.open(f"/join/{token}").status == 200  # the link is as good as before


# What does not let one in


def test_every_refusal_says_the_same(conn, open_browser, ana, phone):
    stranger = SoftAuthenticator(phone.origin, handle=phone.handle)
    answers = [
        sign_in(ana, stranger),
        sign_in(ana, phone, origin="http://localhost:1"),
        sign_in(ana, phone, rp_id="evil.example"),
        sign_in(ana, phone, flags=PRESENT),
        sign_in(ana, phone, handle=os.urandom(16)),
    ]
    ana.open("/sign-in")
    answers += [ana.submit("sign-in-passkey", credential=text) for text in ("", "{", "[" * 9000, "é")]
    disabled = open_browser()
    other = SoftAuthenticator(phone.origin)
    join(disabled, link_for(conn, "Blerim"), other)
    disable_person(conn, "Blerim", actor="cli", now=utcnow())
    conn.commit()
    answers.append(sign_in(disabled, other))
    assert {(page.status, page.path) for page in answers} == {(403, "/sign-in/passkey")}
    assert {page.tree.css_first("p.error").text() for page in answers} == {
        answers[0].tree.css_first("p.error").text()
    }
    assert REFUSED in answers[0].words
    assert not any(browser.is_signed_in for browser in (ana, disabled))
    # A stranger's key is nobody's; the lies of Ana's own one are hers. One who is disabled is nobody, too.
    assert events(conn, "Ana").count("sign_in_failed") == 4
    assert "sign_in_failed" not in events(conn, "Blerim")


def test_an_answer_counts_once_and_not_for_another_challenge(ana, phone):
    ana.open("/sign-in")
    first = ana.page.find_form("sign-in-passkey").css_first("input[name=ceremony]").attributes["value"]
    credential = phone.get(options_of(ana.page, "sign-in-passkey"))
    fields = {"ceremony": first, "credential": credential}
    assert ana.post("/sign-in/passkey", fields, csrf=False).path == "/"
    ana.submit("sign-out")
    assert ana.post("/sign-in/passkey", fields, csrf=False).status == 403
    ana.open("/sign-in")
    assert (
        ana.submit("sign-in-passkey", credential=credential).status == 403
    )  # a fresh challenge, an old answer
    assert not ana.is_signed_in


def test_a_challenge_is_used_up_by_a_failure(ana, phone):
    ana.open("/sign-in")
    form = ana.page.find_form("sign-in-passkey")
    ceremony = form.css_first("input[name=ceremony]").attributes["value"]
    credential = phone.get(options_of(ana.page, "sign-in-passkey"))
    for sent in ("{}", credential):
        fields = {"ceremony": ceremony, "credential": sent}
        assert ana.post("/sign-in/passkey", fields, csrf=False).status == 403


def test_a_challenge_expires(ana, phone, clock):
    ana.open("/sign-in")
    credential = phone.get(options_of(ana.page, "sign-in-passkey"))
    page = ana.page
    clock.move_on(301)
    ana.page = page
    assert ana.submit("sign-in-passkey", credential=credential).status == 403
    assert sign_in(ana, phone).path == "/"


def test_a_count_that_goes_back_is_refused_recorded_and_shown(conn, open_browser, ana, phone):
    assert sign_in(ana, phone, count=7).path == "/"
    thief = open_browser()
    for behind in (7, 3, 0):
        assert sign_in(thief, phone, count=behind).status == 403
    assert events(conn, "Ana")[-3:] == ["passkey_doubted"] * 3
    body = last_body(conn, "Ana")
    assert (body["known"], body["told"]) == (7, 0)
    assert "There may be a copy" in ana.open("/account").words
    assert sign_in(thief, phone, count=8).path == "/"


def test_failures_with_a_passkey_do_not_count_for_the_password_nor_the_other_way(console, ana, phone):
    person = console.hire("Ana")
    for _ in range(6):
        assert sign_in(ana, phone, flags=PRESENT).status == 403
    assert console.browser().sign_in(person).status == 200
    stranger = console.browser()
    stranger.open("/sign-in")
    for _ in range(6):
        stranger.submit("sign-in", name="Ana", password="wrong password", code="123456")
    assert sign_in(ana, phone).path == "/"


def test_a_hundred_kilobytes_are_not_read(ana):
    ana.open("/sign-in")
    page = ana.submit("sign-in-passkey", credential="x" * 100_000)
    assert page.status in {403, 413}
    assert not ana.is_signed_in


def test_a_bare_address_offers_no_passkey_and_takes_none(console, ana, phone):
    bare = console.browser()
    bare.open("/sign-in")
    assert bare.page.list_forms() == ["sign-in"]
    ana.open("/sign-in")
    form = ana.page.find_form("sign-in-passkey")
    fields = {
        "ceremony": form.css_first("input[name=ceremony]").attributes["value"],
        "credential": phone.get(options_of(ana.page, "sign-in-passkey")),
    }
    assert bare.post("/sign-in/passkey", fields, csrf=False).status == 403
    assert not bare.is_signed_in


def test_a_form_of_another_site_does_not_sign_one_in(ana, phone):
    ana.open("/sign-in")
    form = ana.page.find_form("sign-in-passkey")
    fields = {
        "ceremony": form.css_first("input[name=ceremony]").attributes["value"],
        "credential": phone.get(options_of(ana.page, "sign-in-passkey")),
    }
    page = ana.post("/sign-in/passkey", fields, csrf=False, sec_fetch_site="cross-site")
    assert "another site" in page.words
    assert not ana.is_signed_in


# Sessions


def test_each_sign_in_makes_a_new_session_and_ends_the_one_of_this_browser(console, conn, ana, phone):
    sign_in(ana, phone)
    first = ana.cookies["__Host-sid"]
    sign_in(ana, phone)
    second = ana.cookies["__Host-sid"]
    assert first != second
    ana.cookies["__Host-sid"] = first
    assert ana.open("/").path == "/sign-in"
    assert events(conn, "Ana")[-3:] == ["signed_in", "signed_out", "signed_in"]
    ana.cookies["__Host-sid"] = "set-by-somebody-else"  # fixation: what was there before is never adopted
    sign_in(ana, phone)
    assert ana.cookies["__Host-sid"] not in {"set-by-somebody-else", first, second}
    person = console.hire("Ana")
    assert ana.sign_in(person).path == "/"  # by password it is the same
    conn.rollback()
    # Besides this one only `second` stands, whose cookie this browser lost before it signed in again.
    assert conn.execute("SELECT count(*) FROM sessions WHERE ended_at IS NULL").fetchone() == (2,)


def test_others_sessions_end_when_one_says_so(open_browser, ana, phone):
    sign_in(ana, phone)
    forgotten = open_browser()
    sign_in(forgotten, phone)
    assert len(ana.open("/account").tree.css("#sessions tbody tr")) == 2
    page = ana.submit("end-others")
    assert "other sessions were ended" in page.words
    assert len(page.tree.css("#sessions tbody tr")) == 1
    assert forgotten.open("/").path == "/sign-in"
    assert ana.open("/account?said=<b>").status == 200


# The own account


def test_a_second_passkey_is_added_renamed_and_removed(conn, open_browser, ana, phone):
    sign_in(ana, phone)
    laptop = SoftAuthenticator(phone.origin)
    ana.open("/account/passkey")
    asked = json.loads(options_of(ana.page, "add-passkey"))
    assert [one["id"] for one in asked["excludeCredentials"]] == [encode(phone.credential_id)]
    assert "passkey was added" in add(ana, laptop).words
    ana.submit("rename-2", passkey_name="My <b>laptop</b>")
    assert "My &lt;b&gt;laptop" in ana.page.text
    assert ana.submit("rename-2", passkey_name="\u202e").status == 422
    other = open_browser()
    assert sign_in(other, laptop).path == "/"
    ana.open("/account")
    assert "was removed" in ana.submit("remove-2").words
    assert other.open("/").path == "/sign-in"
    assert sign_in(other, laptop).status == 403
    assert events(conn, "Ana")[-4:] == ["passkey_added", "passkey_renamed", "signed_in", "passkey_removed"]


def test_the_last_way_in_stays(console, conn, ana, phone):
    sign_in(ana, phone)
    page = ana.open("/account")
    assert not page.has_form("remove-1")
    (passkey,) = conn.execute("SELECT id FROM passkeys").fetchone()
    page = ana.post(f"/account/passkeys/{passkey}/remove")
    assert (page.status, "only way in" in page.words) == (422, True)
    console.hire("Ana")  # with a password there is another one
    ana.open("/account")
    assert "was removed" in ana.submit("remove-1").words
    assert count(conn, "passkeys") == 0


def test_two_who_remove_the_last_two_at_once_leave_one(console, conn, database, ana, phone):
    from triage.steps.account import Own, remove_passkey
    from triage.store.people import find_person

    sign_in(ana, phone)
    add(ana, SoftAuthenticator(phone.origin))
    person = find_person(conn, "Ana")
    one_id, two_id = [
        row[0] for row in conn.execute("SELECT id FROM passkeys ORDER BY created_at").fetchall()
    ]
    own = Own(person, digest_token(ana.cookies["__Host-sid"]))
    with database.connect("hotline_staff") as one, database.connect("hotline_staff") as two:
        assert remove_passkey(one, own, one_id, now=utcnow()) is None
        two.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            remove_passkey(two, own, two_id, now=utcnow())
        two.rollback()
        one.commit()
        assert remove_passkey(two, own, two_id, now=utcnow()) == "last_way_in"


def test_no_more_than_ten_and_none_of_somebody_else(conn, open_browser, ana, phone):
    sign_in(ana, phone)
    blerim, blerims = open_browser(), SoftAuthenticator(phone.origin)
    join(blerim, link_for(conn, "Blerim"), blerims)
    sign_in(blerim, blerims)
    assert "registered already" in add(ana, replace(blerims)).words
    (theirs,) = conn.execute(
        "SELECT passkeys.id FROM passkeys JOIN persons ON persons.id = person_id WHERE persons.name = 'Blerim'"
    ).fetchone()
    conn.rollback()
    add(ana, SoftAuthenticator(phone.origin))
    assert ana.post(f"/account/passkeys/{theirs}/rename", {"passkey_name": "mine"}).status == 404
    ana.post(f"/account/passkeys/{theirs}/remove")
    assert sign_in(blerim, blerims).path == "/"
    for number in range(2, PASSKEYS_MAX):
        assert add(ana, SoftAuthenticator(phone.origin), name=str(number)).path == "/account"
    page = add(ana, SoftAuthenticator(phone.origin))
    assert (page.status, "ten passkeys" in page.words) == (422, True)
    assert not ana.open("/account").tree.css("a[href='/account/passkey']")


def test_a_registration_is_bound_to_its_session(conn, open_browser, ana, phone):
    sign_in(ana, phone)
    other = open_browser()
    sign_in(other, phone)
    laptop = SoftAuthenticator(phone.origin)
    ana.open("/account/passkey")
    form = ana.page.find_form("add-passkey")
    fields = {
        "ceremony": form.css_first("input[name=ceremony]").attributes["value"],
        "credential": laptop.create(options_of(ana.page, "add-passkey")),
        "passkey_name": "x",
    }
    assert other.post("/account/passkeys", fields).status == 422
    assert ana.post("/account/passkeys", fields).status == 422  # and it is used up
    assert count(conn, "passkeys") == 1


def test_a_passkey_changes_nothing_without_a_fresh_proof_of_who_it_is(conn, console, ana, phone):
    sign_in(ana, phone)
    old = utcnow() - timedelta(minutes=6)
    conn.execute("UPDATE sessions SET started_at = %(old)s, confirmed_at = NULL", {"old": old})
    conn.commit()
    (passkey,) = conn.execute("SELECT id FROM passkeys").fetchone()
    assert ana.open("/account").status == 200
    for path in ("/account/passkey", "/account/password"):
        assert ana.open(path).status == 403
        assert "data-options" not in ana.page.text or not ana.page.has_form("add-passkey")
    for path in ("passkeys", "password", f"passkeys/{passkey}/rename", f"passkeys/{passkey}/remove"):
        assert ana.post(f"/account/{path}", {"passkey_name": "x"}).status == 403
    assert conn.execute("SELECT name FROM passkeys").fetchone() == ("Phone",)


def test_a_password_is_set_and_changed_beside_the_passkey(console, conn, ana, phone):
    import pyotp

    from tests.staff_server import current_step

    sign_in(ana, phone)
    assert "You have no password" in ana.open("/account").words
    page = ana.open("/account/password")
    secret = page.tree.css_first("#secret").text()
    code = pyotp.TOTP(secret).generate_otp(current_step() - 1)
    typed = {"password": PASSWORD, "repeated": PASSWORD, "code": code}
    page = ana.submit("change-password", **typed | {"repeated": "another password"})
    assert (page.status, "not the same" in page.words) == (422, True)
    assert page.tree.css_first("#secret").text() == secret
    assert "Password and code are stored" in ana.submit("change-password", **typed).words
    assert "also sign in with password" in ana.page.words
    stranger = console.browser()
    stranger.open("/sign-in")
    fields = {"name": "Ana", "password": PASSWORD}
    assert stranger.submit("sign-in", **fields, code=code).status == 403  # the code that set it is used up
    fresh = pyotp.TOTP(secret).generate_otp(current_step())
    stranger.open("/sign-in")
    assert stranger.submit("sign-in", **fields, code=fresh).path == "/"
    assert sign_in(ana, phone).path == "/"
    sealed = ana.open("/account/password").tree.css_first("input[name=sealed]").attributes["value"]
    assert stranger.post("/account/password", typed | {"sealed": sealed}).status == 403  # of another session


# What runs twice


def test_signing_in_run_again_after_a_lost_commit_is_one_signing_in(conn, database, ana, phone):
    party, now, token = RelyingParty("localhost", phone.origin), utcnow(), new_token()
    with database.connect("hotline_staff") as staff:
        ceremony = begin_assertion(staff, Purpose.SIGN_IN, party=party, now=now)
        answer = PasskeyAnswer(ceremony.token, phone.get(ceremony.options))
        for _ in range(2):
            assert sign_in_by_passkey(staff, answer, token=token, party=party, now=now)
            staff.commit()
    assert events(conn, "Ana").count("signed_in") == 1


def test_a_confirmation_is_of_this_session_and_of_this_person(conn, database, open_browser, ana, phone):
    blerims = SoftAuthenticator(phone.origin)
    join(open_browser(), link_for(conn, "Blerim"), blerims)
    party, now = RelyingParty("localhost", phone.origin), utcnow()
    session, ana_id = os.urandom(32), make_person(conn, "Ana")

    def confirm(staff, key, *, bound_to=session, purpose=Purpose.CONFIRM, **lies):
        ceremony = begin_assertion(
            staff, Purpose.CONFIRM, party=party, now=now, bound_to=session, person_id=ana_id
        )
        answer = PasskeyAnswer(ceremony.token, key.get(ceremony.options, **lies))
        return verify_assertion(
            staff, answer, purpose, party=party, now=now, bound_to=bound_to, person_id=ana_id
        )

    with database.connect("hotline_staff") as staff:
        assert confirm(staff, phone).person_id == ana_id
        assert confirm(staff, phone, handle=None).person_id == ana_id  # it was asked for by its id
        assert confirm(staff, blerims) is None
        assert confirm(staff, phone, bound_to=os.urandom(32)) is None
        assert confirm(staff, phone, purpose=Purpose.SIGN_IN, bound_to=None) is None
        staff.commit()


def test_no_other_role_reads_passkeys(as_role):
    for role in ("hotline_public", "hotline_worker", "hotline_outbound"):
        for table in ("passkeys", "passkey_challenges"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_role(role).execute(psycopg.sql.SQL("SELECT FROM {}").format(psycopg.sql.Identifier(table)))
