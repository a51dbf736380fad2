"""Attacks on the entrance of staff: two at the same moment, a form that is held open, floods, addresses that leak."""

import socket
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from argon2 import PasswordHasher

from api.console.throttle import Throttle
from tests.soft_authenticator import PRESENT, SoftAuthenticator
from tests.staff_server import CHEAP, PASSWORD, StaffBrowser, current_step, run_staff_surface
from triage.clock import utcnow
from triage.errors import StaleStateError
from triage.ids import new_id
from triage.model import PersonRole
from triage.rules.passkeys import FreshPasskey
from triage.steps import step_up
from triage.steps.account import Own, remove_passkey
from triage.steps.change_persons import enable_person
from triage.steps.sign_in import Attempt, new_token, sign_in
from triage.store.custody import read_stream
from triage.store.passkeys import insert_passkey
from triage.store.people import digest_token, find_person
from triage.store.sign_in import end_session, find_session

COOKIE = "__Host-sid"


@pytest.fixture
def console(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


def events(conn, person):
    conn.rollback()
    return [event.event for event in read_stream(conn, f"person/{person.id}")]


@contextmanager
def held_open(console, browser, path, **fields):
    """A form of which all but the last byte was sent; what is yielded sends that byte, and returns the status line."""
    body = urlencode({"csrf": browser.read_csrf(), **fields}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{console.port}\r\nCookie: {COOKIE}={browser.cookies[COOKIE]}\r\n"
        f"Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", console.port), timeout=10) as connection:
        connection.sendall(head.encode() + body[:-1])
        time.sleep(0.3)  # what the server asks before it reads on, it has asked by now

        def finish():
            connection.sendall(body[-1:])
            return connection.recv(4096).partition(b"\r\n")[0].decode()

        yield finish


# What was let in and should be out


@pytest.mark.parametrize("cause", ["ended", "disabled", "demoted"])
def test_a_form_that_is_held_open_does_not_outlive_what_let_it_in(console, conn, cause) -> None:
    console.hire("Ana")
    lead = console.sign_in("Lea", PersonRole.LEAD)
    changes = {
        "ended": "UPDATE sessions SET ended_at = now()",
        "disabled": "UPDATE persons SET disabled_at = now() WHERE name = 'Lea'",
        "demoted": "DELETE FROM person_roles",
    }
    with held_open(console, lead, "/recovery", person="Ana", reason="x") as finish:
        conn.execute(changes[cause])
        conn.commit()
        said = finish()
    assert said.split()[1] == ("403" if cause == "demoted" else "401")
    assert conn.execute("SELECT count(*) FROM recoveries").fetchone() == (0,)


def test_a_session_that_ends_meanwhile_is_not_confirmed(console, database, monkeypatch) -> None:
    browser, lead = console.sign_in("Lea", PersonRole.LEAD), console.people["Lea"]
    digest = digest_token(browser.cookies[COOKIE])
    original = step_up.find_step

    def end_it(*values, **more):
        with database.connect() as other:
            end_session(other, digest, now=utcnow())
        return original(*values, **more)

    monkeypatch.setattr(step_up, "find_step", end_it)
    with database.connect("hotline_staff") as staff:
        outcome = step_up.confirm_by_code(
            staff,
            step_up.Proof(digest, lead.id),
            lead.next_code(),
            name="Lea",
            identity=console.tools.vault_identity,
            now=utcnow() + timedelta(seconds=1),
        )
    assert outcome is step_up.Outcome.ENDED


def test_a_session_that_has_ended_changes_no_way_in(console, conn, database) -> None:
    browser = console.sign_in("Lea", PersonRole.LEAD)
    own = Own(find_person(conn, "Lea"), digest_token(browser.cookies[COOKIE]))
    conn.execute("UPDATE sessions SET ended_at = now()")
    conn.commit()
    with database.connect("hotline_staff") as staff, pytest.raises(StaleStateError):
        remove_passkey(staff, own, new_id(), now=utcnow())


def test_who_signs_in_while_being_disabled_has_no_session_when_enabled_again(console, database) -> None:
    person = console.hire("Ana")
    with database.connect("hotline_staff") as slow, database.connect("hotline_staff") as admin:
        attempt = Attempt("Ana", PASSWORD, person.next_code())
        identity = console.tools.vault_identity
        assert sign_in(slow, attempt, identity=identity, now=utcnow(), hasher=CHEAP)
        admin.execute("UPDATE persons SET disabled_at = now() WHERE name = 'Ana'")  # as disabling does
        admin.commit()
        slow.commit()
        enable_person(admin, "Ana", actor="cli", now=utcnow())
        found = find_session(admin, digest_token(attempt.token))
    assert found is not None
    assert found[0].ended_at is not None


# Guesses


def test_whoever_knows_the_password_cannot_go_on_guessing_codes(console, conn) -> None:
    person = console.hire("Ana")
    identity, start = console.tools.vault_identity, utcnow()
    wrong = 0
    for minute in range(8):  # five a minute
        for _ in range(5):
            now = start - timedelta(minutes=8 - minute)
            attempt = Attempt("Ana", PASSWORD, "000000")
            sign_in(conn, attempt, identity=identity, now=now, hasher=CHEAP)
            wrong += 1
    assert wrong == 40
    counted = conn.execute("SELECT count(*) FROM sign_in_failures").fetchone()
    conn.commit()
    assert counted == (10,)
    browser = console.browser()
    assert browser.sign_in(person).status == 403  # for an hour; a passkey would still do
    conn.execute("UPDATE sign_in_failures SET failed_at = failed_at - interval '1 hour'")
    conn.commit()
    assert browser.sign_in(person).path == "/"
    # Who does not know the password keeps nobody out for longer than a minute.
    conn.execute("DELETE FROM sign_in_failures")
    for number in range(30):
        now = utcnow() - timedelta(minutes=40 - number)
        sign_in(conn, Attempt("Ana", "wrong password", "0"), identity=identity, now=now, hasher=CHEAP)
    conn.commit()
    person.last_step = current_step()
    assert browser.sign_in(person).path == "/"


def test_who_knows_the_id_of_a_passkey_keeps_nobody_out_and_fills_no_custody(console, conn) -> None:
    ana = console.hire("Ana")
    phone = SoftAuthenticator(f"http://localhost:{console.port}", handle=ana.id.bytes)
    fresh = FreshPasskey(phone.credential_id, phone.public_key(), 0, (), False)
    insert_passkey(conn, new_id(), ana.id, fresh, rp_id="localhost", name="phone", now=utcnow())
    conn.commit()
    browser = StaffBrowser(f"http://localhost:{console.port}")
    console.browsers.append(browser)

    def show(**lies):
        page = browser.open("/sign-in")
        options = page.find_form("sign-in-passkey").css_first("button").attributes["data-options"]
        return browser.submit("sign-in-passkey", credential=phone.get(options, **lies))

    for _ in range(8):
        assert show(flags=PRESENT).status == 403
    assert show().path == "/"
    assert events(conn, ana).count("sign_in_failed") == 5


# What strangers learn, and what they can hold up


def test_many_tries_at_once_under_a_name_that_is_known_queue_no_more_than_under_another(console) -> None:
    console.hire("Ana")
    console.tools.throttle._floor_s = 0.5
    statuses = {}
    for name in ("Ana", "Nobody"):
        answers = []

        def send(name=name, answers=answers):
            browser = console.browser()
            answers.append(
                browser._client.post("/sign-in", data={"name": name, "password": "wrong", "code": "0"})
            )

        threads = [threading.Thread(target=send) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses[name] = sorted({answer.status_code for answer in answers})
    assert statuses["Ana"] == statuses["Nobody"] == [403, 503]  # one at a time under one name
    assert console.tools.throttle.trying == set()


def test_the_cost_of_a_hash_is_measured_once_however_many_wait() -> None:
    class Slow(PasswordHasher):
        """Counts how many hash at once."""

        running = most = count = 0

        def hash(self, *values, **more):
            self.running += 1
            self.count += 1
            self.most = max(self.most, self.running)
            time.sleep(0.05)
            self.running -= 1
            return "x"

    throttle, hasher = Throttle(), Slow()
    threads = [threading.Thread(target=throttle.wait_out, args=(time.monotonic(), hasher)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (hasher.most, hasher.count) == (1, 1)


def test_an_address_with_one_slash_too_many_leads_nowhere(console) -> None:
    browser = console.browser()
    for path in (f"/join/{new_token()}/", "/sign-in/", "/people/"):
        answer = browser._client.get(path)
        assert answer.status_code == 404, path
        assert "location" not in answer.headers  # it would be one without TLS, behind a proxy that speaks it
