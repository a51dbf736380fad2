"""Confirming by a passkey, against the running console and with an authenticator that tells the truth or lies."""

import os

import pytest

from api.console import guard as guarding
from api.console import recovery as recovering
from api.console import step_up as stepping
from tests.builders import Clock
from tests.soft_authenticator import PRESENT, SoftAuthenticator
from tests.staff_server import StaffBrowser, run_staff_surface
from triage.clock import utcnow
from triage.ids import new_id
from triage.model import PersonRole
from triage.rules.passkeys import FreshPasskey
from triage.store.custody import read_stream
from triage.store.passkeys import insert_passkey

PAGE = "/hand-on/export?lang=en"


@pytest.fixture
def console(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


@pytest.fixture
def clock(monkeypatch):
    patched = Clock()
    for module in (guarding, stepping, recovering):
        monkeypatch.setattr(module, "utcnow", patched)
    return patched


def give_passkey(console, conn, name):
    """A passkey of somebody, stored as one that was registered."""
    phone = SoftAuthenticator(f"http://localhost:{console.port}")
    phone.handle = console.hire(name, PersonRole.LEAD).id.bytes
    fresh = FreshPasskey(phone.credential_id, phone.public_key(), 0, ("internal",), False)
    assert insert_passkey(
        conn, new_id(), console.people[name].id, fresh, rp_id="localhost", name="phone", now=utcnow()
    )
    conn.commit()
    return phone


def sign_in_at_name(console, name):
    """A browser at the name that passkeys are for, in which somebody is signed in."""
    browser = StaffBrowser(f"http://localhost:{console.port}")
    console.browsers.append(browser)
    assert browser.sign_in(console.hire(name, PersonRole.LEAD)).status == 200
    return browser


def options_on(page):
    return page.tree.css_first("button[data-passkey]").attributes["data-options"]


def confirm(browser, credential):
    return browser.submit("step-up", confirm_code="", confirm_passkey=credential)


def test_a_passkey_confirms_and_the_form_goes_on_with_what_was_typed(console, conn, clock):
    phone, browser = give_passkey(console, conn, "Lea"), sign_in_at_name(console, "Lea")
    console.hire("Ana")
    clock.move_on(301)
    browser.open("/?lang=en")
    page = browser.post("/recovery", {"person": "Ana", "reason": "Face to face."})
    assert page.status == 403
    assert confirm(browser, phone.get(options_on(page))).path == "/recovery"
    conn.rollback()
    assert conn.execute("SELECT reason FROM recoveries").fetchone() == ("Face to face.",)
    told = [event.event for event in read_stream(conn, f"person/{console.people['Lea'].id}")]
    assert told[-1] == "confirmed"
    assert browser.open(PAGE).status == 200  # for five minutes


@pytest.mark.parametrize(
    "lies",
    [
        {"flags": PRESENT},
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"handle": b"somebody else"},
        {"challenge": "AAAA"},
    ],
    ids=lambda lies: next(iter(lies)),
)
def test_an_answer_that_does_not_hold_confirms_nothing(console, conn, clock, lies):
    phone, browser = give_passkey(console, conn, "Lea"), sign_in_at_name(console, "Lea")
    clock.move_on(301)
    page = confirm(browser, phone.get(options_on(browser.open(PAGE)), **lies))
    assert page.status == 403
    assert "does not count" in page.words


def test_neither_a_replay_nor_another_session_nor_another_person_nor_a_sign_in_confirms(console, conn, clock):
    phone, theirs = give_passkey(console, conn, "Lea"), give_passkey(console, conn, "Luan")
    browser, other = sign_in_at_name(console, "Lea"), sign_in_at_name(console, "Lea")
    stranger = StaffBrowser(f"http://localhost:{console.port}")
    console.browsers.append(stranger)
    clock.move_on(301)
    page = browser.open(PAGE)
    assert confirm(browser, theirs.get(options_on(page))).status == 403  # another person's
    answer = phone.get(options_on(other.open(PAGE)))
    ceremony = other.page.tree.css_first("input[name=confirm_ceremony]").attributes["value"]
    browser.open(PAGE)
    fields = {"to": PAGE, "confirm_ceremony": ceremony, "confirm_passkey": answer}
    assert browser.post("/step-up", fields).status == 403  # made for another session
    options = options_on(stranger.open("/sign-in?lang=en"))
    token = stranger.page.tree.css_first("input[name=ceremony]").attributes["value"]
    fields = {"to": PAGE, "confirm_ceremony": token, "confirm_passkey": phone.get(options)}
    assert browser.post("/step-up", fields).status == 403  # made to sign in
    page = browser.open(PAGE)
    answer = phone.get(options_on(page))
    fields = {
        "to": PAGE,
        "confirm_ceremony": page.tree.css_first("input[name=confirm_ceremony]").attributes["value"],
        "confirm_passkey": answer,
    }
    assert browser.post("/step-up", fields).status == 200
    clock.move_on(302)
    assert browser.post("/step-up", fields).status == 403  # taken once


def test_rubbish_in_place_of_a_passkey_is_one_more_wrong_confirmation(console, conn, clock):
    give_passkey(console, conn, "Lea")
    browser = sign_in_at_name(console, "Lea")
    clock.move_on(301)
    browser.open(PAGE)
    for tries, rubbish in enumerate(("{", "null", "[" * 5000, os.urandom(50).hex(), "x" * 15_000), 1):
        page = (
            confirm(browser, rubbish)
            if tries == 1
            else browser.post("/step-up", {"confirm_passkey": rubbish})
        )
        assert page.status == (403 if tries < 5 else 401)
    assert browser.open("/").path == "/sign-in"


def test_who_has_only_passkeys_is_asked_for_no_code(console, conn, clock):
    give_passkey(console, conn, "Lea")
    browser = sign_in_at_name(console, "Lea")
    conn.execute("DELETE FROM credentials")
    conn.commit()
    clock.move_on(301)
    page = browser.open(PAGE)
    assert page.tree.css_first("#confirm_code") is None
    assert page.tree.css_first("button[data-passkey]") is not None
