"""Debian's Chromium without a window, driven by Playwright, with nothing of its own to say to anybody."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.window import Window, served_origin

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None
)
"""The shell is the same browser without a window of its own, whose pages took a third of the processor's time."""
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--disable-extensions",
    "--password-store=basic",
    "--use-mock-keychain",
)
PATIENCE_MS = 60_000.0
"""How long a step of a test may take: the machine may be busy with other things."""


@contextmanager
def open_chromium(home: Path) -> Iterator[Any]:
    """Start the browser with a home folder of its own, and yield Playwright's object of it."""
    from playwright.sync_api import expect, sync_playwright  # an extra: the other tests run without it

    expect.set_options(timeout=PATIENCE_MS)
    # A short folder: Chromium makes a socket there, whose path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="win-") as short, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", short)
        driver = sync_playwright().start()
        try:
            with launch(driver.chromium, home, Path(short)) as browser:
                yield browser
        finally:
            driver.stop()


@contextmanager
def launch(kind: Any, home: Path, folder: Path, flags: Sequence[str] = ()) -> Iterator[Any]:
    """Launch one browser and close it at the end.

    Args:
        kind: Playwright's object of Chromium; `browser.browser_type` of one that runs already.
        home: its home folder.
        folder: where it may put its sockets; a short path.
        flags: more flags than all have.
    """
    browser = kind.launch(
        executable_path=CHROMIUM,
        args=[*FLAGS, *flags],
        env={"HOME": str(home), "PATH": os.environ["PATH"], "TMPDIR": str(folder)},
        chromium_sandbox=os.geteuid() != 0,
    )
    try:
        yield browser
    finally:
        browser.close()


def open_window(
    browser: Any,
    address: str,
    *,
    language: str = "sq",
    scheme: str = "light",
    width: int = 1280,
    height: int = 800,
    script: bool = True,
    **more: Any,
) -> Window:
    """Open a window with cookies of its own on a surface; it is watched from the start.

    Args:
        browser: from `open_chromium`.
        address: of the surface.
        language: what the browser asks for.
        scheme: light or dark.
        script: whether scripts run.
        more: other options of Playwright's `new_context`.
    """
    context = browser.new_context(
        locale=language,
        color_scheme=scheme,
        viewport={"width": width, "height": height},
        java_script_enabled=script,
        timezone_id="Europe/Tirane",
        **more,
    )
    context.set_default_timeout(PATIENCE_MS)
    window = Window(context, context.new_page(), served_origin(address))
    window.watch()
    return window
