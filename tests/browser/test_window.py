"""The windows of these tests themselves: what they promise to notice, they notice."""

import asyncio

import pytest

from tests.local_sites import LocalSite
from tests.staff_server import run_staff_surface

POLICY = "default-src 'none'; style-src 'self'"


def test_a_window_notices_broken_policies_strangers_and_faults(open_browser):
    with LocalSite() as site:
        page = b"<!doctype html><title>x</title><p style='color:red'>x</p>"
        site.lay_answer("/broken", page, "text/html", headers=f"Content-Security-Policy: {POLICY}\r\n")
        site.lay_answer(
            "/far", b"<!doctype html><title>x</title><img src='http://127.0.0.1:1/'>", "text/html"
        )
        site.lay_answer("/throws", b"<!doctype html><title>x</title><script>nothing()</script>", "text/html")
        for path, noted in (("/broken", "violations"), ("/far", "strangers"), ("/throws", "faults")):
            window = open_browser(f"http://127.0.0.1:{site.port}")
            window.open(path)
            window.settle()
            assert getattr(window, noted), path
            with pytest.raises(AssertionError):
                window.check()
            getattr(window, noted).clear()
            window.check()


def test_a_person_signs_in_through_the_form_with_and_without_script(open_browser, database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as surface:
        for name, script in (("Ana", True), ("Ben", False)):
            window = open_browser(surface.url, script=script)
            window.sign_in(surface.hire(name))
            assert name in window.page.locator("main").inner_text()
            (cookie,) = [one for one in window.context.cookies() if one["name"] == "__Host-sid"]
            assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")


def test_no_loop_is_seen_outside_of_a_windows_test(chromium):
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
