"""A disabled person is recovered: the old ways in stay shut meanwhile, the link opens, and only a link that may."""

import pyotp
import pytest

from tests.builders import make_person
from tests.staff_server import current_step, run_staff_surface
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.ids import new_id
from triage.model import PersonRole
from triage.steps.change_persons import add_person, disable_person, enable_person, renew_link
from triage.steps.recover_person import recover_on_machine
from triage.steps.sign_in import new_token
from triage.store.custody import read_stream
from triage.store.people import find_person

REASON = "I spoke to her face to face."
NEW_PASSWORD = "a wholly new password"


@pytest.fixture
def console(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


def switch(conn, change, name="Ana"):
    change(conn, name, actor="cli", now=utcnow())
    conn.commit()


def recover(conn, name="Ana"):
    token = new_token()
    recover_on_machine(
        conn, new_id(), name, reason=REASON, token=token, life_s=3600, actor="cli", now=utcnow()
    )
    conn.commit()
    return token


def join(console, token):
    browser = console.browser()
    page = browser.open(f"/join/{token}?lang=en")
    if page.status == 200:
        code = pyotp.TOTP(page.tree.css_first("#secret").text()).generate_otp(current_step())
        page = browser.submit("join", password=NEW_PASSWORD, repeated=NEW_PASSWORD, code=code)
    return page


def is_disabled(conn, name="Ana"):
    conn.rollback()
    return find_person(conn, name).disabled_at is not None


def test_two_people_recover_who_was_disabled_and_using_the_link_enables(console, conn):
    ana = console.sign_in("Ana")
    lead, admin = console.sign_in("Lea", PersonRole.LEAD), console.sign_in("Ada", PersonRole.ADMIN)
    switch(conn, disable_person)
    page = lead.open("/recovery?lang=en")
    assert "have an admin disable the person first" in page.words
    assert "Ana (disabled since" in page.words
    page = lead.submit("ask", person="Ana", reason=REASON)
    assert "Using the link enables the person again" in page.words
    (action,) = admin.open("/recovery?lang=en").list_actions("/recovery/.*/refuse")
    page = admin.post(action.replace("refuse", "approve"), {"reason": REASON})
    assert "Using the link enables the person again" in page.tree.css_first("section").text()
    token = page.tree.css_first("#link").text().rpartition("/")[2]
    assert ana.open("/").path == "/sign-in"
    assert console.browser().sign_in(console.people["Ana"]).status == 403  # not even until the link is used
    assert is_disabled(conn)  # an approval alone enables nobody
    assert join(console, token).path == "/sign-in"
    assert not is_disabled(conn)
    told = [event.event for event in read_stream(conn, f"person/{make_person(conn, 'Ana')}")]
    assert told[-4:] == ["link_made", "recovery_approved", "enabled", "joined"]
    assert "disabled since" not in lead.open("/recovery?lang=en").words


def test_who_is_disabled_after_the_approval_stays_so(console, conn):
    console.hire("Ana")
    token = recover(conn)
    switch(conn, disable_person)
    assert join(console, token).status == 403
    switch(conn, enable_person)
    switch(conn, disable_person)
    assert join(console, token).status == 403
    assert is_disabled(conn)
    switch(conn, enable_person)  # it was never used up
    assert join(console, token).path == "/sign-in"


def test_who_was_enabled_and_disabled_anew_since_the_approval_stays_so(console, conn):
    console.hire("Ana")
    switch(conn, disable_person)
    token = recover(conn)
    switch(conn, enable_person)
    switch(conn, disable_person)
    assert join(console, token).status == 403
    assert is_disabled(conn)


def test_disabling_and_using_the_link_at_one_moment_leaves_disabled(console, conn, monkeypatch):
    from triage.steps import join as joining

    console.hire("Ana")
    switch(conn, disable_person)
    token = recover(conn)
    real = joining.passkeys.lock_ways_in

    def change_meanwhile(*args):
        with console.database.connect() as owner:
            switch(owner, enable_person)
            switch(owner, disable_person)
        monkeypatch.setattr(joining.passkeys, "lock_ways_in", real)
        return real(*args)

    monkeypatch.setattr(joining.passkeys, "lock_ways_in", change_meanwhile)
    page = join(console, token)
    assert page.status == 403
    assert is_disabled(conn)
    assert conn.execute("SELECT count(*) FROM join_links WHERE used_at IS NOT NULL").fetchone() == (0,)


def test_a_plain_link_and_one_that_a_newer_took_the_place_of_enable_nobody(console, conn):
    token = new_token()
    add_person(conn, "Ana", [PersonRole.ANALYST], token=token, life_s=3600, actor="cli", now=utcnow())
    switch(conn, disable_person)
    assert join(console, token).status == 403
    with pytest.raises(NotAllowedError, match="enable them first"):
        renew_link(conn, "Ana", token=new_token(), life_s=60, actor="cli", now=utcnow())
    conn.rollback()
    older, newer = recover(conn), recover(conn)
    assert join(console, older).status == 403
    assert is_disabled(conn)
    assert join(console, newer).path == "/sign-in"
    assert not is_disabled(conn)
