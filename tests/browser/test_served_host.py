"""The console under a host name of its own, behind a proxy that speaks TLS: cookie, forms, links and passkeys hold."""

import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import show_loop
from tests.browser.test_passkeys_in_browser import join, make_token, open_device, press_and_go
from tests.chromium import launch, open_window
from tests.staff_server import run_staff_surface
from tests.tls_proxy import run_tls_proxy
from triage.model import PersonRole

HOST = "console.hotline.example"


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path, served_hosts=(HOST,)) as running:
        yield running


@pytest.fixture
def window(surface, chromium, tmp_path):
    show_loop(chromium.loop)
    try:
        with (
            run_tls_proxy(HOST, surface.port) as proxy,
            tempfile.TemporaryDirectory(prefix="win-") as short,
            # The name is known to this browser alone: nothing asks for its address.
            launch(
                chromium.browser.browser_type,
                tmp_path,
                Path(short),
                (
                    f"--host-resolver-rules=MAP {HOST}:443 127.0.0.1:{proxy.port}",
                    f"--ignore-certificate-errors-spki-list={proxy.key_pin}",
                ),
            ) as browser,
        ):
            window = open_window(browser, f"https://{HOST}", language="en")
            yield window
            window.check()
    finally:
        show_loop(None)


def test_a_passkey_made_by_the_served_name_lets_in_by_it(surface, window, conn):
    open_device(window).plug_in()
    join(window, make_token(conn, "Ana"))
    press_and_go(window.page, "sign-in-passkey", "/")
    assert "You are signed in as Ana" in window.page.inner_text("main")
    (cookie,) = [one for one in window.context.cookies() if one["name"].startswith("__Host-")]
    assert (cookie["domain"], cookie["secure"], cookie["httpOnly"]) == (HOST, True, True)


def test_forms_and_one_time_links_keep_the_served_name(surface, window):
    window.sign_in(surface.hire("Blerim", PersonRole.ADMIN))
    window.open("/people?lang=en")
    assert urlsplit(window.page.url).netloc == HOST
    form = window.page.locator("form#add")
    form.locator("[name=name]").fill("Drita")
    form.locator("[name=role]").first.check()
    form.locator("button").click()
    assert f"https://{HOST}/join/" in window.page.inner_text("main")


def test_another_name_behind_the_same_proxy_is_not_served(surface, window):
    answer = window.context.request.get(
        f"http://127.0.0.1:{surface.port}/sign-in", headers={"Host": "console.stranger.example"}
    )
    assert answer.status == 421
