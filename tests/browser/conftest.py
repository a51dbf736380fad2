"""Chromium for tests: one browser a run, a fresh context a window, and a furnished console to open."""

import asyncio
import importlib.util
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.chromium import CHROMIUM, open_chromium, open_window
from tests.conftest import copy_template
from tests.furnishing import House, open_house, report_hostile
from tests.reviewing import Review, Room, open_room
from tests.window import Window


def miss(what: str) -> None:
    """Skip a test for want of something; in the run of record that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"the run of record needs {what}, and there is none")
    pytest.skip(f"there is no {what} on this machine")


@dataclass(frozen=True, slots=True)
class Chromium:
    """The browser of this run, and the event loop that Playwright drives it with."""

    browser: Any
    loop: asyncio.AbstractEventLoop


def show_loop(loop: asyncio.AbstractEventLoop | None) -> None:
    """Let this loop be the one that runs in this thread, or none.

    Playwright keeps its loop running between its own calls; tests that run loops of their own may not see it.
    """
    asyncio.events._set_running_loop(loop)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for all tests of this run."""
    if CHROMIUM is None:
        miss("Chromium")
    if importlib.util.find_spec("playwright") is None:
        miss("Playwright")
    with open_chromium(tmp_path_factory.mktemp("home")) as browser:
        loop = asyncio.get_running_loop()
        show_loop(None)
        try:
            yield Chromium(browser, loop)
        finally:
            show_loop(loop)
    show_loop(None)


@pytest.fixture
def open_browser(chromium: Chromium) -> Iterator[Callable[..., Window]]:
    """Open windows: `open_browser(surface.url, language="sq", scheme="dark", width=320, script=False)`.

    At the end of the test every window must be clean: no violation of a policy, no request to a stranger,
    no uncaught error.
    """
    windows: list[Window] = []
    open_one = partial(open_window, chromium.browser)

    def open_another(address: str, **options: Any) -> Window:
        windows.append(open_one(address, **options))
        return windows[-1]

    show_loop(chromium.loop)
    try:
        yield open_another
        for window in windows:
            window.check()
    finally:
        for window in windows:
            window.context.close()
        show_loop(None)


@pytest.fixture(scope="session")
def house(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The furnished console, made once a run; tests open its pages and change nothing."""
    with (
        copy_template(servers) as fresh,
        open_house(fresh, servers.redis_url, tmp_path_factory.mktemp("house")) as furnished,
    ):
        report_hostile(furnished)
        yield furnished


@pytest.fixture(scope="module")
def room(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A console with a site beside it; tests take new pictures in and judge them."""
    with (
        copy_template(servers) as fresh,
        open_room(fresh, servers.redis_url, tmp_path_factory.mktemp("room")) as opened,
    ):
        yield opened


@pytest.fixture
def review(room: Room, open_browser: Callable[..., Window]) -> Review:
    """Somebody new, signed in, before the review page."""
    window = open_browser(room.surface.url, language="en")
    window.sign_in(room.surface.hire(f"Somebody {len(room.surface.people)}"))
    return Review(window)
