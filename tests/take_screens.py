"""Take the pictures of docs/screens/: `python -m tests.take_screens [FOLDER]`; tests/browser tries it on one page.

1. Enter a network namespace with only loopback (the import of tests.conftest does), start servers, furnish a
   practice console with drawn pictures and example addresses.
2. Open the pages that the README shows, in Albanian and English, light and dark.
3. Keep each as a PNG of few colours, at most MAX_BYTES large.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
from PIL import Image

from tests.chromium import open_chromium, open_window
from tests.conftest import copy_template
from tests.console_pages import find_alike
from tests.furnishing import DESK, House, open_house
from tests.public_server import run_public_surface
from tests.window import Window
from triage.cli.embedded import start_servers
from triage.cli.state_dir import StateDir
from triage.store import migrate

Looks = tuple[tuple[str, str], ...]
FOLDER = Path(__file__).parent.parent / "docs" / "screens"
COLOURS = 64
MAX_BYTES = 60_000
LOOKS: Looks = (("sq", "light"), ("sq", "dark"), ("en", "light"), ("en", "dark"))


def keep(window: Window, file: Path) -> None:
    """Store what a window shows; text on plain ground needs few colours.

    Raises:
        ValueError: the picture is larger than MAX_BYTES.
    """
    small = io.BytesIO()
    with Image.open(io.BytesIO(window.page.screenshot())) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    if small.tell() > MAX_BYTES:
        raise ValueError(f"{file.name} has {small.tell()} bytes")
    file.write_bytes(small.getvalue())


def take_staff(house: House, open_one: Callable[..., Window], folder: Path, *, looks: Looks = LOOKS) -> None:
    """Take the pages of the console."""
    pages = {
        "home": "/?",
        "queue": "/queue?lane=look",
        "review": house.open_path("page"),
        "alike": find_alike(house),
        "item": f"/items/{house.items['sent']}/history?",
        "search": "/search?q=.example",
        "sendings": "/sendings?",
        "sending": f"/sendings/{house.find_sending()}?",
        "hash-sets": "/hash-sets?",
        "look-up": "/hash-sets/look-up?",
        "training": "/training/1?",
        "welfare": "/welfare?",
        "account": "/account?",
    }
    window = open_one(house.surface.url)
    for names in (("sign-in",), tuple(pages)):
        for language, scheme in looks:
            window.page.emulate_media(color_scheme=scheme)
            for name in names:
                window.open(f"{pages.get(name, '/sign-in?')}&lang={language}")
                window.page.wait_for_load_state("networkidle")
                keep(window, folder / f"{name}-{language}-{scheme}.png")
        if names == ("sign-in",):
            window.sign_in(house.surface.hire(DESK))


def take_public(address: str, open_one: Callable[..., Window], folder: Path, *, looks: Looks = LOOKS) -> None:
    """Take the public form and the receipt."""
    for language, scheme in looks:
        window = open_one(address, language=language, scheme=scheme)
        window.open(f"/?lang={language}")
        keep(window, folder / f"form-{language}-{scheme}.png")
        window.page.locator("[name=urls]").fill("https://foto.shembull.example/5.jpg")
        window.page.locator("main form button").click()
        window.page.locator(".receipt").wait_for()
        keep(window, folder / f"receipt-{language}-{scheme}.png")


def main(folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scr-") as short:
        root = Path(short)
        with start_servers(StateDir(root / "state"), fast=True) as servers:
            with psycopg.connect(servers.dsns[migrate.OWNER], autocommit=True) as conn:
                migrate.migrate(conn)
            with (
                copy_template(servers) as fresh,
                open_house(fresh, servers.redis_url, root / "house") as house,
                run_public_surface(root / "public", fresh.dsns["hotline_public"]) as public,
                open_chromium(root) as browser,
            ):
                open_one = partial(open_window, browser, width=1100, height=720)
                take_staff(house, open_one, folder)
                take_public(public.url, open_one, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
