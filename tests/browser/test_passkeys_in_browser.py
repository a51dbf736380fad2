"""Passkeys in Chromium with a virtual authenticator: joining, a second one, signing in, and none after removal."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.builders import make_person
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.steps.sign_in import make_link, new_token


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


@dataclass
class Device:
    """The authenticators of one window, over the DevTools protocol."""

    cdp: Any

    def plug_in(self, *, verifies=True):
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": True,
        }
        return self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def unplug(self, authenticator):
        """Take an authenticator away; what it holds comes back by `plug_in_with`."""
        self.cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": authenticator})

    def list_credentials(self, authenticator):
        return self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]

    def plug_in_with(self, credentials):
        authenticator = self.plug_in()
        for credential in credentials:
            self.cdp.send(
                "WebAuthn.addCredential", {"authenticatorId": authenticator, "credential": credential}
            )
        return authenticator


def open_device(window):
    cdp = window.context.new_cdp_session(window.page)
    cdp.send("WebAuthn.enable")
    return Device(cdp)


def make_token(conn, name):
    token = new_token()
    make_link(conn, make_person(conn, name), token=token, now=utcnow(), life_s=3600, actor="cli")
    conn.commit()
    return token


def press_and_go(page, form, path):
    page.locator(f"form#{form} button[data-passkey]").click()
    page.wait_for_url(lambda address: address.partition("?")[0].endswith(path))


def join(window, token, name="Phone"):
    window.open(f"/join/{token}?lang=en")
    window.page.locator("form#join-passkey [name=passkey_name]").fill(name)
    press_and_go(window.page, "join-passkey", "/sign-in")


def test_a_passkey_from_the_link_to_its_removal(surface, conn, open_browser):
    window = open_browser(surface.url, language="en")
    page, device = window.page, open_device(window)
    first = device.plug_in()
    join(window, make_token(conn, "Ana"))
    assert "The passkey is stored" in page.inner_text("main")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{window.origin}/")
    assert "You are signed in as Ana" in page.inner_text("main")

    # The same authenticator takes no second one; another does.
    window.open("/account/passkey")
    page.locator("[name=passkey_name]").fill("Again")
    page.locator("form#add-passkey button").click()
    page.get_by_text("holds a passkey of yours already").wait_for()
    kept = device.list_credentials(first)
    device.unplug(first)
    second = device.plug_in()
    press_and_go(page, "add-passkey", "/account")
    assert page.locator("#passkeys tbody tr").count() == 2

    # The second is removed: it does not let her in any more, the first does.
    page.locator("form#remove-2 button").click()
    page.get_by_text("The passkey was removed").wait_for()
    page.locator("form#sign-out button").click()
    page.wait_for_url(lambda address: address.endswith("/sign-in"))
    press_and_go(page, "sign-in-passkey", "/sign-in/passkey")
    assert "did not let you in" in page.inner_text("main")
    device.unplug(second)
    device.plug_in_with(kept)
    page.locator("form#sign-in-passkey button").click()
    page.wait_for_url(f"{window.origin}/")


def test_without_verifying_the_person_there_is_no_passkey(surface, conn, open_browser):
    window = open_browser(surface.url, language="en")
    open_device(window).plug_in(verifies=False)
    window.open(f"/join/{make_token(conn, 'Ana')}?lang=en")
    window.page.locator("form#join-passkey [name=passkey_name]").fill("Phone")
    window.page.locator("form#join-passkey button").click()
    window.page.get_by_text("Try again").wait_for()
    conn.rollback()
    assert conn.execute("SELECT count(*) FROM passkeys").fetchone() == (0,)


def test_where_there_are_no_passkeys_the_page_is_whole_without(surface, conn, open_browser):
    plain = open_browser(surface.url, language="en", script=False)
    bare = open_browser(surface.url, language="en")
    bare.context.add_init_script("delete window.PublicKeyCredential")
    for window in (plain, bare):
        for path in ("/sign-in", f"/join/{make_token(conn, 'Ana')}"):
            window.open(path)
            assert window.page.locator("[data-passkey-part]").is_hidden()
            assert window.page.locator("input[name=password]").is_visible()
        window.sign_in(surface.hire("Blerim"))
        assert "Blerim" in window.page.inner_text("header")
