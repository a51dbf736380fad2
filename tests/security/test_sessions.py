"""Sessions hold: no cookie is adopted, none comes back, none outlives its time, and no proof counts twice."""

import re
from datetime import timedelta
from pathlib import Path

import httpx2
import pyotp
import pytest

from api.console import guard as guarding
from api.console import session as sessions
from api.console import sign_in as signing
from api.console import step_up as stepping
from api.console.routes import ROUTES, find_way_on
from tests.builders import Clock
from tests.staff_server import PASSWORD, current_step, run_staff_surface
from triage.clock import utcnow
from triage.model import PersonRole
from triage.rules.sign_in import Session, csrf_of, is_confirmed
from triage.steps.sign_in import new_token
from triage.store.custody import read_stream

COOKIE = "__Host-sid"
NEEDS_PROOF = "Confirm that it is you"


@pytest.fixture
def console(database, tmp_path):
    with run_staff_surface(database, root=tmp_path, session_idle_s=600.0, session_max_s=3600.0) as running:
        yield running


@pytest.fixture
def clock(monkeypatch):
    patched = Clock()
    for module in (guarding, sessions, signing, stepping):
        monkeypatch.setattr(module, "utcnow", patched)
    return patched


def code_at(person, clock):
    """A code of the moment that the patched clock shows, not used yet."""
    return pyotp.TOTP(person.secret).generate_otp(current_step() + int(clock.step.total_seconds()) // 30)


def events(conn, person):
    conn.rollback()
    return [event.event for event in read_stream(conn, f"person/{person.id}")]


def lead_whose_proof_is_old(console, clock):
    """A lead who signed in more than five minutes ago, and is still in."""
    browser = console.sign_in("Lea", PersonRole.LEAD)
    clock.move_on(301)
    browser.open("/?lang=en")
    return browser, console.people["Lea"]


# Sessions


def test_a_cookie_that_was_there_before_signing_in_is_never_adopted(console, conn) -> None:
    browser, planted = console.browser(), new_token()
    browser.cookies[COOKIE] = planted
    browser.sign_in(console.hire("Ana"))
    assert browser.cookies[COOKIE] != planted
    conn.rollback()
    assert conn.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
    thief = console.browser()
    thief.cookies[COOKIE] = planted
    assert thief.open("/").path == "/sign-in"


def test_a_cookie_that_was_signed_out_stays_worthless(console) -> None:
    browser = console.sign_in("Ana")
    kept, csrf = browser.cookies[COOKIE], browser.read_csrf()
    browser.submit("sign-out")
    browser.cookies[COOKIE] = kept
    assert browser.open("/").path == "/sign-in"
    for path in ("/session/extend", "/sign-out", "/step-up"):
        assert browser.post(path, {"csrf": csrf}).status == 401


def test_a_session_without_use_ends_at_the_edge_and_asking_for_the_time_is_no_use(console, clock) -> None:
    browser = console.sign_in("Ana")
    clock.move_on(500)
    assert 95 <= int(browser.open("/session").text) <= 100
    clock.move_on(98)
    assert browser.open("/session").status == 200
    clock.move_on(3)
    assert browser.open("/session").status == 401
    assert browser.open("/").path == "/sign-in"


def test_extending_counts_as_use_but_the_longest_life_wins(console, clock) -> None:
    browser = console.sign_in("Ana")
    for _ in range(6):
        clock.move_on(590)
        assert browser.submit("extend").status == 200
    assert 0 < int(browser.open("/session").text) <= 60  # of an hour, ten minutes less one each time
    clock.move_on(61)
    assert browser.open("/").path == "/sign-in"


def test_pages_say_when_the_session_ends_in_words_and_to_their_script(console) -> None:
    page = console.sign_in("Ana").open("/?lang=en")
    assert 590 <= int(page.tree.css_first("body").attributes["data-session-ends-in"]) <= 600
    assert "you are signed out at" in page.tree.css_first("#session").text()
    assert "hidden" in page.tree.css_first("#session-warning").attributes
    stranger = console.browser().open("/sign-in")
    assert "data-session-ends-in" not in stranger.text


def test_a_cookie_without_the_prefix_or_beside_ours_opens_nothing(console) -> None:
    browser = console.sign_in("Ana")
    token = browser.cookies[COOKIE]
    for cookies in (
        f"sid={token}",
        f"__host-sid={token}",
        f"__Secure-sid={token}",
        f"{COOKIE}={new_token()}; sid={token}",
        f"{COOKIE}=; {COOKIE}x={token}",
    ):
        said = browser._client.get("/", headers={"cookie": cookies})
        assert (said.status_code, said.headers["location"]) == (303, "/sign-in"), cookies


# Where a request comes from


def test_only_our_own_origin_and_no_host_trick_sends_a_form(console) -> None:
    browser = console.sign_in("Ana")
    browser.open("/?lang=en")
    refused = (
        {"origin": "null", "sec_fetch_site": "cross-site"},
        {"origin": "http://localhost.evil.example", "sec_fetch_site": ""},
        {"origin": "http://127.0.0.1.evil.example", "sec_fetch_site": ""},
        {"origin": console.url + "@evil.example", "sec_fetch_site": ""},
        {"origin": console.url.replace("http", "ftp"), "sec_fetch_site": ""},
        {"origin": console.url, "sec_fetch_site": "same-site"},
        {"origin": "https://evil.example", "x_forwarded_host": "evil.example", "sec_fetch_site": ""},
    )
    for headers in refused:
        assert browser.post("/session/extend", {}, **headers).status == 403, headers
    assert browser.post("/session/extend", {}).status == 200


def test_a_forwarded_header_is_worth_nothing_and_a_foreign_host_is_not_served(console) -> None:
    browser = console.sign_in("Ana")
    cookie = {"cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
    tricks = {
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "x-forwarded-prefix": "//evil.example",
        "forwarded": "host=evil.example;proto=https",
        "x-original-url": "/people",
        "x-http-method-override": "DELETE",
    }
    said = browser._client.get("/", headers=cookie | tricks)
    assert said.status_code == 200
    assert "evil.example" not in said.text
    assert browser._client.get("/", headers=tricks).headers["location"] == "/sign-in"
    for host in (
        "evil.example",
        "localhost.evil.example",
        "evil.example:80@localhost",
        "localhost:80@evil.example",
        "",
    ):
        assert browser._client.get("/", headers=cookie | {"host": host}).status_code == 421, host


def test_a_form_needs_the_token_of_its_very_session(console) -> None:
    browser, other = console.sign_in("Ana"), console.sign_in("Ana")
    for token in ("", "x", csrf_of(""), csrf_of("x"), other.read_csrf()):
        assert browser.post("/session/extend", {"csrf": token}).status == 403
    assert browser.post("/session/extend", {"x": "y"}, csrf=False).status == 403


# Proving again


def test_a_fresh_sign_in_is_proof_and_five_minutes_later_it_is_not(console, clock) -> None:
    browser = console.sign_in("Lea", PersonRole.LEAD)
    clock.move_on(299)
    assert browser.open("/hand-on/export").headers["content-disposition"].startswith("attachment")
    clock.move_on(2)
    page = browser.open("/hand-on/export?lang=en")
    assert page.status == 403
    assert NEEDS_PROOF in page.words
    assert "content-disposition" not in page.headers


def test_every_route_that_needs_a_proof_asks_for_it_and_does_nothing_without(console, clock) -> None:
    browser, _ = lead_whose_proof_is_old(console, clock)
    admin = console.hire("Ada", PersonRole.ADMIN)
    second = console.browser()
    second.open("/sign-in")
    second.submit("sign-in", name="Ada", password=PASSWORD, code=code_at(admin, clock))
    clock.move_on(301)
    second.open("/?lang=en")
    asked = 0
    for route in (one for one in ROUTES if one.is_confirmed):
        path = re.sub(r"\{\w+\}", "00000000-0000-7000-8000-000000000000", route.path)
        for one in (browser, second):
            page = one.open(path) if route.method == "GET" else one.post(path, {"x": "y"})
            assert page.status == 403, route
            asked += NEEDS_PROOF in page.words
    assert asked >= len([one for one in ROUTES if one.is_confirmed])


def test_what_was_typed_is_sent_again_and_the_proof_reaches_no_route(console, clock, monkeypatch) -> None:
    from api.console import recovery

    seen = {}
    original = recovery.get_form
    monkeypatch.setattr(recovery, "get_form", lambda request: seen.setdefault("form", original(request)))
    browser, lead = lead_whose_proof_is_old(console, clock)
    console.hire("Ben", PersonRole.ANALYST)
    hostile = "\"><script>alert(1)</script>\r\n<b>é\u2028ç</b> & '{{ 7*7 }}'"
    page = browser.post("/recovery", {"person": "Ben", "reason": hostile, '"><b>': "x", "_": ["1", "2"]})
    assert page.status == 403
    assert NEEDS_PROOF in page.words
    assert "<script>alert" not in page.text
    assert "<b>" not in page.text
    page = browser.submit("step-up", confirm_code=code_at(lead, clock))
    assert page.path == "/recovery", page.words
    fields = seen["form"].fields
    # A browser writes line ends as CRLF again when it sends; the one of these tests does not.
    assert fields["reason"] == [hostile.replace("\r\n", "\n")]
    assert fields["_"] == ["1", "2"]
    assert fields['"><b>'] == ["x"]
    assert not [name for name in fields if name.startswith("confirm_")]


def test_no_page_repeats_a_password_or_its_code_and_both_are_asked_for_again(console, clock) -> None:
    browser, lead = lead_whose_proof_is_old(console, clock)
    browser.open("/account/password")
    browser.submit("step-up", confirm_code=code_at(lead, clock))
    secret = browser.page.tree.css_first("#secret").text()
    sealed = browser.page.tree.css_first("input[name=sealed]").attributes["value"]
    clock.move_on(301)
    typed = {"password": "a fine new password", "repeated": "a fine new passw0rd", "code": "135790"}
    page = browser.post("/account/password", typed | {"sealed": sealed})
    assert page.status == 403
    assert "not repeated on this page" in page.words
    assert not [value for value in typed.values() if value in page.text]
    page = browser.submit("step-up", confirm_code=code_at(lead, clock))
    assert page.status == 422
    assert "Type the password and the code again" in page.words
    assert page.tree.css_first("#secret").text() == secret  # the key in the phone still fits
    code = pyotp.TOTP(secret).generate_otp(current_step())
    password = "a fine new password"
    page = browser.post(
        "/account/password", {"password": password, "repeated": password, "code": code, "sealed": sealed}
    )
    assert page.path == "/account", page.words


def test_every_field_of_a_secret_is_among_those_that_no_page_repeats() -> None:
    templates = Path(stepping.__file__).parent / "templates"
    fields = re.findall(r"<input[^>]*>", "".join(one.read_text() for one in templates.glob("*.html")))
    secret = {
        re.search(r'name="([^"]+)"', one).group(1)
        for one in fields
        if 'type="password"' in one or "one-time-code" in one
    }
    assert secret - set(stepping.PROOF_FIELDS) == set(stepping.NOT_KEPT)


def test_a_form_of_a_thousand_fields_survives_and_one_more_does_not(console, clock) -> None:
    browser, lead = lead_whose_proof_is_old(console, clock)
    many = {f"f{number}": "v" for number in range(997)}
    page = browser.post("/recovery", many | {"person": "Nobody", "reason": "x"})  # and the token
    assert page.status == 403
    assert len(page.tree.css("#step-up input[type=hidden]")) == 1000
    page = browser.submit("step-up", confirm_code=code_at(lead, clock))
    assert page.status == 404
    assert "no person of that name" in page.words
    assert browser.post("/recovery", {f"f{number}": "v" for number in range(1010)}).status == 422


def test_a_long_form_is_capped_with_and_without_a_proof(console, clock) -> None:
    browser, _ = lead_whose_proof_is_old(console, clock)
    assert browser.post("/recovery", {"reason": "x" * 70_000}).status == 413
    assert browser.post("/recovery", {"reason": "x" * 90_000, "confirm_code": "123456"}).status == 413
    assert browser.post("/recovery", {"confirm_code": "9" * 75_000}).status == 403


def test_a_code_confirms_once_and_not_for_longer_than_five_minutes(console, clock, conn) -> None:
    browser, lead = lead_whose_proof_is_old(console, clock)
    code = code_at(lead, clock)
    browser.open("/hand-on/export?lang=en")
    assert browser.submit("step-up", confirm_code=code).headers["content-disposition"]
    other = console.browser()
    other.cookies.update(browser.cookies)
    clock.move_on(301)
    other.open("/hand-on/export?lang=en")
    page = other.submit("step-up", confirm_code=code)  # replayed
    assert page.status == 403
    assert "does not count" in page.words
    assert events(conn, lead) == ["signed_in", "confirmed", "confirmation_failed"]


def test_the_code_that_signed_in_does_not_confirm(console, clock) -> None:
    lead = console.hire("Lea", PersonRole.LEAD)
    browser, code = console.browser(), lead.next_code()
    browser.open("/sign-in")
    browser.submit("sign-in", name="Lea", password=PASSWORD, code=code)
    console.tools.database.run(
        lambda conn: conn.execute("UPDATE sessions SET failed_confirmations = 0")  # a right of this role
    )
    clock.move_on(301)
    browser.open("/hand-on/export?lang=en")
    assert browser.submit("step-up", confirm_code=code).status == 403


def test_five_wrong_confirmations_end_the_session_and_count_as_failures(console, clock, conn) -> None:
    browser, lead = lead_whose_proof_is_old(console, clock)
    for tries in range(1, 6):
        page = browser.post("/recovery", {"person": "x", "reason": "y", "confirm_code": "000000"})
        assert page.status == (403 if tries < 5 else 401)
    assert browser.open("/").path == "/sign-in"
    assert events(conn, lead)[-2:] == ["confirmation_failed", "session_ended"]
    browser.open("/sign-in")
    page = browser.submit("sign-in", name="Lea", password=PASSWORD, code=code_at(lead, clock))
    assert page.status == 403  # they count as failures to sign in


def test_strangers_who_fail_at_the_door_keep_nobody_from_confirming(console, clock) -> None:
    browser, lead = lead_whose_proof_is_old(console, clock)
    stranger = console.browser()
    stranger.open("/sign-in")
    for _ in range(7):
        stranger.submit("sign-in", name="Lea", password="wrong password", code="000000")
    browser.open("/hand-on/export?lang=en")
    assert browser.submit("step-up", confirm_code=code_at(lead, clock)).status == 200


ELSEWHERE = (
    "//evil.example/",
    "https://evil.example/hand-on/export",
    "/\\evil.example",
    "\\\\evil.example",
    "/hand-on/export\r\nSet-Cookie: x=y",
    "/hand-on/export?x\\y",
    "/hand-on/export?x y",
    "/hand-on/export#x",
    "/hand-on//export",
    "/hand-on/export/",
    "/hand-on/export/../../people",
    "hand-on/export",
    " /hand-on/export",
    "javascript:alert(1)",
    "/looks/abc",
    "/sign-out",
    "/%2f/evil.example",
    "",
    "x" * 10_000,
)


def test_a_confirmation_leads_to_pages_of_the_table_and_nowhere_else(console) -> None:
    browser = console.sign_in("Lea", PersonRole.LEAD)
    for to in ELSEWHERE:
        assert find_way_on(to) == "/", to
    for to in ELSEWHERE[:4]:
        answer = browser._client.post(
            "/step-up",
            data={"csrf": browser.read_csrf(), "to": to},
            headers={"cookie": f"{COOKIE}={browser.cookies[COOKIE]}"},
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert find_way_on("/hand-on/export?lang=en") == "/hand-on/export?lang=en"


# The door


def test_strangers_cannot_occupy_the_hasher_and_learn_nothing_by_time(console, monkeypatch) -> None:
    from triage.steps import sign_in as steps

    hashed = []
    original = steps._fits
    monkeypatch.setattr(steps, "_fits", lambda *values: hashed.append(1) or original(*values))
    console.hire("Ana")
    floor = 0.05
    console.tools.throttle._floor_s = floor
    took = {}
    for number in range(14):
        answer = _fail(console, f"Nobody {number}")
        took[f"nobody {number}"] = answer.elapsed.total_seconds()
        assert answer.status_code == 403
    assert len(hashed) in {10, 11}
    took["ana"] = _fail(console, "Ana").elapsed.total_seconds()
    assert len(hashed) in {11, 12}  # who is known is still hashed
    assert min(took.values()) >= floor
    assert console.sign_in("Ana").is_signed_in


def _fail(console, name) -> httpx2.Response:
    return console.browser()._client.post(
        "/sign-in", data={"name": name, "password": "wrong password", "code": "000000"}
    )


def test_trying_links_fast_is_slowed_down_but_never_refused_for_others(console) -> None:
    links = console.tools.throttle.links
    while links.take():
        pass
    answer = console.browser()._client.get(f"/join/{new_token()}")
    assert answer.status_code == 403
    assert answer.elapsed.total_seconds() >= 1.0


@pytest.mark.parametrize(
    ("started", "confirmed", "holds"),
    [
        (0, None, True),
        (300, None, True),
        (301, None, False),
        (9000, 300, True),
        (9000, 301, False),
        (9000, -301, False),
    ],
)
def test_a_proof_counts_for_its_time_and_a_clock_that_was_set_back_makes_it_no_longer(
    started, confirmed, holds
) -> None:
    now = utcnow()

    def ago(seconds):
        return None if seconds is None else now - timedelta(seconds=seconds)

    session = Session(ago(started), now, None, ago(confirmed))
    assert is_confirmed(session, 300.0, now=now) is holds
