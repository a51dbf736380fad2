"""Signing in, sessions and joining, in a browser and against a real database."""

from datetime import timedelta

import pyotp
import pytest

from api.console import guard as guarding
from api.console import join as joining
from api.console import sign_in as signing
from tests.builders import Clock, make_person, prepare_practice
from tests.deployments import find_spec, is_answering, make_deployment, run_spec
from tests.processes import wait_until
from tests.staff_server import CHEAP, PASSWORD, StaffBrowser, current_step, run_staff_surface
from triage.cli.practice.running import find_ports
from triage.clock import utcnow
from triage.model import PersonRole
from triage.rules.rights import Right, rights_of
from triage.steps.change_persons import disable_person
from triage.steps.code_secrets import offer_secret
from triage.steps.join import JoinForm, join
from triage.steps.sign_in import Attempt, make_link, new_token, sign_in
from triage.store.custody import read_stream


@pytest.fixture
def console(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


@pytest.fixture
def clock(monkeypatch):
    patched = Clock()
    for module in (guarding, joining, signing):
        monkeypatch.setattr(module, "utcnow", patched)
    return patched


def events(conn, person_id):
    conn.rollback()
    return [event.event for event in read_stream(conn, f"person/{person_id}")]


def link_for(conn, name, *roles, now=None, life_s=3600.0):
    """Make a link for a person, who is made if new, and return its token."""
    token = new_token()
    person_id = make_person(conn, name, *roles)
    make_link(conn, person_id, token=token, now=now or utcnow(), life_s=life_s, actor="cli")
    conn.commit()
    return token


def code_of(secret, ahead=0):
    return pyotp.TOTP(secret).generate_otp(current_step() + ahead)


def submit_join(browser, *, password=PASSWORD, repeated=None, code=None):
    secret = browser.page.tree.css_first("#secret").text()
    browser.submit("join", password=password, repeated=repeated or password, code=code or code_of(secret, -1))
    return secret


# Signing in


def test_what_is_wrong_is_never_told(console, conn):
    ana = console.hire("Ana")
    browser = console.browser()
    browser.open("/sign-in?lang=en")
    for wrong, value in (("name", "Nobody"), ("password", "another password"), ("code", "000000")):
        typed = {"name": "Ana", "password": PASSWORD, "code": ana.next_code(), wrong: value}
        page = browser.submit("sign-in", **typed)
        assert page.status == 403, wrong
        assert "Name, password or code is not right" in page.words
        assert page.tree.css_first("input[name=name]").attributes["value"] == typed["name"]
        assert not browser.is_signed_in
        assert PASSWORD not in page.text
    assert events(conn, ana.id) == ["sign_in_failed"] * 2  # nobody is not a person


def test_signing_in_leads_to_a_page_that_says_who_one_is(console, conn):
    browser = console.sign_in("Ana", PersonRole.ANALYST)
    assert "Keni hyrë si Ana (analist)" in browser.page.words
    assert "të shihni radhën" in browser.page.words
    assert browser.open("/sign-in").headers["cache-control"] == "no-store"
    assert events(conn, console.people["Ana"].id) == ["signed_in"]
    stored = conn.execute("SELECT token_digest FROM sessions").fetchone()[0]
    assert browser.cookies["__Host-sid"].encode() not in bytes(stored)


def test_the_cookie_is_for_this_host_over_tls_and_no_script(console):
    ana = console.hire("Ana")
    browser = console.browser()
    said = browser._client.post(
        "/sign-in", data={"name": "Ana", "password": PASSWORD, "code": ana.next_code()}
    )
    cookie = said.headers["set-cookie"]
    assert cookie.startswith("__Host-sid=")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        "httponly",
        "path=/",
        "samesite=strict",
        "secure",
    }


def test_a_code_counts_once_and_an_older_one_no_more(console):
    ana = console.hire("Ana")
    code = ana.next_code()
    older = code_of(ana.secret, -2)
    assert console.browser().sign_in(ana).status == 200  # uses the code after `code`
    for used in (code, older):
        browser = console.browser()
        browser.open("/sign-in")
        assert browser.submit("sign-in", name="Ana", password=PASSWORD, code=used).status == 403


def test_two_who_use_one_code_at_once_do_not_both_get_in(console, database):
    ana = console.hire("Ana")
    code, now = ana.next_code(), utcnow()
    identity = console.tools.vault_identity
    with database.connect("hotline_staff") as one, database.connect("hotline_staff") as two:
        one.execute("SET lock_timeout = '5s'")
        first = Attempt("Ana", PASSWORD, code)
        assert sign_in(one, first, identity=identity, now=now, hasher=CHEAP)
        two.execute("SET lock_timeout = '200ms'")
        with pytest.raises(Exception, match="lock timeout"):
            sign_in(two, Attempt("Ana", PASSWORD, code), identity=identity, now=now, hasher=CHEAP)
        two.rollback()
        one.commit()
        assert not sign_in(two, Attempt("Ana", PASSWORD, code), identity=identity, now=now, hasher=CHEAP)
        # The first one, run again after a lost commit, still stands.
        assert sign_in(two, first, identity=identity, now=now, hasher=CHEAP)
        assert two.execute("SELECT count(*) FROM sessions").fetchone() == (1,)


def test_after_five_failures_even_the_right_password_waits_a_minute(console, conn, clock):
    ana = console.hire("Ana")
    browser = console.browser()
    browser.open("/sign-in?lang=en")
    for _ in range(5):
        assert browser.submit("sign-in", name="Ana", password="wrong password", code="123456").status == 403
    page = browser.submit("sign-in", name="Ana", password=PASSWORD, code=ana.next_code())
    assert page.status == 403
    assert "wait a minute" in page.words
    assert events(conn, ana.id) == ["sign_in_failed"] * 5
    assert console.sign_in("Blerim").is_signed_in  # others are not kept waiting
    clock.move_on(61)
    ana.last_step = 0
    page = browser.submit("sign-in", name="Ana", password=PASSWORD, code=code_of(ana.secret, 2))
    assert page.status == 200


def test_a_disabled_person_neither_signs_in_nor_stays_in(console, conn):
    browser = console.sign_in("Ana")
    assert disable_person(conn, "Ana", actor="cli", now=utcnow()) == 1
    conn.commit()
    assert browser.open("/").path == "/sign-in"
    assert console.browser().sign_in(console.people["Ana"]).status == 403
    conn.execute("UPDATE sessions SET ended_at = NULL")  # even one that nobody ended lets nobody in
    conn.commit()
    assert browser.open("/").path == "/sign-in"


def test_a_session_ends_when_idle_when_old_and_when_one_says_so(console, conn, clock):
    ana = console.sign_in("Ana")
    kept = ana.cookies["__Host-sid"]
    assert ana.submit("sign-out").path == "/sign-in"
    assert not ana.is_signed_in
    ana.cookies["__Host-sid"] = kept  # the cookie alone brings nothing back
    assert ana.open("/").path == "/sign-in"
    assert events(conn, console.people["Ana"].id) == ["signed_in", "signed_out"]

    blerim = console.sign_in("Blerim")
    for _ in range(20):
        clock.move_on(1750)
        if blerim.open("/").path != "/":
            break
    else:
        clock.move_on(1750)
        assert blerim.open("/").path == "/sign-in"  # ten hours, however busy
    dritan_clock = clock.step
    dritan = console.browser()
    person = console.hire("Dritan")
    dritan.open("/sign-in")
    ahead = int(dritan_clock.total_seconds()) // 30
    assert (
        dritan.submit("sign-in", name="Dritan", password=PASSWORD, code=code_of(person.secret, ahead)).status
        == 200
    )
    clock.move_on(1801)
    assert dritan.open("/").path == "/sign-in"


def test_use_is_written_down_once_a_minute(console, conn, clock):
    browser = console.sign_in("Ana")

    def seen():
        conn.rollback()
        return conn.execute("SELECT seen_at FROM sessions").fetchone()[0]

    first = seen()
    clock.move_on(30)
    browser.open("/")
    assert seen() == first
    clock.move_on(31)
    browser.open("/")
    assert seen() - first > timedelta(seconds=60)


def test_several_sessions_stand_side_by_side(console):
    ana = console.hire("Ana")
    first, second = console.browser(), console.browser()
    assert first.sign_in(ana).status == second.sign_in(ana).status == 200
    second.submit("sign-out")
    assert first.open("/").path == "/"


# Joining


def test_joining_sets_password_and_code_and_uses_the_link_up(console, conn):
    token = link_for(conn, "Ana", PersonRole.ANALYST)
    browser = console.browser()
    for _ in range(2):  # looking at the form does not use it up
        page = browser.open(f"/join/{token}?lang=en")
        assert page.status == 200
    assert "otpauth://totp/" in page.words
    secret = browser.page.tree.css_first("#secret").text()
    used, unused = code_of(secret, -1), code_of(secret)
    submit_join(browser, code=used)
    assert browser.page.path == "/sign-in"
    assert "Password and code are stored" in browser.page.words
    browser.submit("sign-in", name="Ana", password=PASSWORD, code=used)
    assert browser.page.status == 403  # the code that joined is used up too
    assert browser.submit("sign-in", name="Ana", password=PASSWORD, code=unused).status == 200
    assert console.browser().open(f"/join/{token}").status == 403
    person_id = make_person(conn, "Ana")
    assert events(conn, person_id) == ["link_made", "joined", "sign_in_failed", "signed_in"]
    row = conn.execute("SELECT password_hash, sealed_secret FROM credentials").fetchone()
    assert row[0].startswith("$argon2id$")
    assert secret.encode() not in bytes(row[1])


def test_a_fault_is_said_and_keeps_link_and_key(console, conn):
    browser = console.browser()
    browser.open(f"/join/{link_for(conn, 'Ana-Marinela')}?lang=en")
    secret = browser.page.tree.css_first("#secret").text()
    for typed, said in (
        ({"password": "short"}, "at least 12 characters"),
        ({"password": PASSWORD, "repeated": PASSWORD + "x"}, "not the same"),
        ({"password": "ana-marinela"}, "cannot be your name"),
        ({"code": "000000"}, "The code is not right"),
    ):
        assert submit_join(browser, **typed) == secret
        assert browser.page.status == 422
        assert said in browser.page.words
    assert submit_join(browser) == secret
    assert browser.page.path == "/sign-in"


def test_links_that_are_used_old_superseded_or_made_up_are_refused(console, conn):
    old = link_for(conn, "Ana", now=utcnow() - timedelta(hours=2), life_s=3600)
    superseded, good = link_for(conn, "Blerim"), link_for(conn, "Blerim")
    disabled = link_for(conn, "Dritan")
    disable_person(conn, "Dritan", actor="cli", now=utcnow())
    conn.commit()
    browser = console.browser()
    for token in (old, superseded, disabled, new_token()):
        page = browser.open(f"/join/{token}?lang=en")
        assert page.status == 403
        assert "ask for a new link" in page.words
    browser.open(f"/join/{good}")
    submit_join(browser)
    for token in (superseded, good):  # a link that was superseded does not come back
        assert browser.open(f"/join/{token}").status == 403


def test_a_key_cannot_be_moved_to_another_link(console, conn):
    theirs, ours = link_for(conn, "Ana"), link_for(conn, "Blerim")
    browser = console.browser()
    browser.open(f"/join/{theirs}")
    secret = browser.page.tree.css_first("#secret").text()
    sealed = browser.page.tree.css_first("input[name=sealed]").attributes["value"]
    assert secret not in sealed
    for brought in (sealed, "bm90IHNlYWxlZA==", "é", ""):
        fields = {"password": PASSWORD, "repeated": PASSWORD, "code": code_of(secret), "sealed": brought}
        assert browser.post(f"/join/{ours}", fields, csrf=False).status == 403
    conn.rollback()
    assert conn.execute("SELECT count(*) FROM credentials").fetchone() == (0,)


def test_a_new_link_replaces_the_credentials_and_ends_the_sessions(console, conn):
    browser = console.sign_in("Ana")
    token = link_for(conn, "Ana")
    assert browser.open("/").path == "/"  # only using it changes anything
    other = console.browser()
    other.open(f"/join/{token}")
    submit_join(other, password="a wholly new password")
    assert browser.open("/").path == "/sign-in"
    assert console.browser().sign_in(console.people["Ana"]).status == 403


def test_joining_twice_in_one_moment_is_one_joining(console, database, conn):
    token, now = link_for(conn, "Ana"), utcnow()
    identity = console.tools.vault_identity
    offered = offer_secret(token, name="Ana", issuer="x", identity=identity)
    form = JoinForm(PASSWORD, PASSWORD, code_of(offered.secret), offered.sealed)
    with database.connect("hotline_staff") as staff:
        for _ in range(2):  # a commit whose answer was lost is run again
            assert join(staff, token, form, identity=identity, now=now, hasher=CHEAP) is None
            staff.commit()
    assert events(conn, make_person(conn, "Ana")) == ["link_made", "joined"]


# The frame


def test_the_bar_leads_only_where_one_may_go(console):
    shown = {
        role: {
            node.attributes["href"]
            for node in console.sign_in(f"person {role}", role).page.tree.css("header nav a")
        }
        for role in PersonRole
    }
    assert {"/people", "/recipients"} <= shown[PersonRole.ADMIN]
    assert {"/hand-on", "/sendings", "/recipients"} <= shown[PersonRole.CLERK]
    assert "/people" not in shown[PersonRole.LEAD]
    for role in PersonRole:
        for path, right in (("/queue", Right.SEE_QUEUE), ("/people", Right.SEE_PEOPLE)):
            assert (path in shown[role]) == (right in rights_of([role]))


def test_the_language_is_kept_and_albanian_comes_first(console):
    browser = console.browser()
    assert 'lang="sq"' in browser.open("/sign-in").text
    assert "Sign in" in browser.open("/sign-in?lang=en").words
    assert "Sign in" in browser.open("/sign-in").words
    assert "Hyr" in browser.open("/sign-in?lang=sq").words
    assert 'lang="sq"' in browser.open("/sign-in?lang=xx").text


def test_people_are_listed_for_admins(console):
    console.hire("Zana", PersonRole.CLERK)
    page = console.sign_in("Teuta", PersonRole.ADMIN).open("/people?lang=en")
    assert "Zana clerk" in page.words


def test_practice_is_marked_on_every_page(database, tmp_path):
    prepare_practice(database, [("photos.example", "203.0.113.10", "127.0.0.1", 80)])
    with run_staff_surface(database, root=tmp_path) as console:
        for path in ("/sign-in", "/no-such-page"):
            assert "PRAKTIKË" in console.browser().open(path).text


def test_the_staff_process_locked_as_it_is_lets_people_join_and_sign_in(database, servers, conn, tmp_path):
    deployment = make_deployment(tmp_path, database.dsns, servers.redis_url)
    (port,) = find_ports(1)
    token = link_for(conn, "Ana", PersonRole.ANALYST)
    browser = StaffBrowser(f"http://127.0.0.1:{port}")
    with run_spec(deployment, find_spec(deployment, "staff", STAFF_PORT=str(port))):
        wait_until(lambda: is_answering(port), 30)
        assert browser.open("/").path == "/sign-in"
        browser.open(f"/join/{token}")
        secret = submit_join(browser)
        page = browser.submit("sign-in", name="Ana", password=PASSWORD, code=code_of(secret))
        assert page.path == "/", page.words
        browser.close()
    (password_hash,) = conn.execute("SELECT password_hash FROM credentials").fetchone()
    assert "$m=65536,t=3,p=4$" in password_hash
