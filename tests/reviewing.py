"""Words of the browser tests of the review page: a room with pictures to judge, and hands on its keys.

1. `open_room(…)` gives a surface with a site beside it; `room.take_in(n)` makes an item with n new pictures.
2. `Review(window)` opens an item through its real form, holds keys, and measures what is to be seen.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from PIL import Image

from tests.builders import Desk, open_desk
from tests.captures import capture
from tests.drawn_images import make_jpeg
from tests.local_sites import LocalSite
from tests.staff_server import StaffSurface, run_staff_surface
from triage.sandbox.decoder import Decoder, DecoderLimits
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.door import Fetcher
from workers.fetcher.wire import FetchLimits

HOST = "foto.shembull.example"
SIZE = (640, 480)
CLEAR = 60
"""Steps of grey between two neighbours that only a clear checkerboard has; its grey thumb has far fewer."""


@dataclass
class Room:
    """A console with a site beside it, from which new pictures come."""

    surface: StaffSurface
    desk: Desk
    site: LocalSite
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def lay_picture(self) -> str:
        """Lay a new checkerboard on the site and return its path."""
        number = next(self.numbers)
        self.site.lay_answer(f"/{number}.jpg", make_jpeg(number, "checkerboard", SIZE), "image/jpeg")
        return f"/{number}.jpg"

    def take_in(self, pictures: int = 1, **report: Any) -> UUID:
        """Return a captured item: one picture, or a page of several."""
        paths = [self.lay_picture() for _ in range(pictures)]
        path = paths[0]
        if pictures > 1:
            path = f"/page-{next(self.numbers)}"
            body = "".join(f'<img src="{one}">' for one in paths)
            self.site.lay_answer(path, f"<!doctype html>{body}".encode(), "text/html")
        (item_id,) = self.desk.report(f"http://{HOST}{path}", **report)
        capture(self.desk, item_id)
        return UUID(str(item_id))

    def count(self, query: str, *values: Any) -> int:
        """Return the number that a query gives."""
        return self.desk.count(query, *values)


@contextmanager
def open_room(database: Any, redis_url: str, root: Path, **settings: Any) -> Iterator[Room]:
    """Serve a console until the block ends; `settings` as for the surface."""
    with LocalSite() as site:
        names = [(HOST, "192.0.2.10", "127.0.0.1", site.port)]
        with (
            Fetcher(FetchLimits(total_s=10.0, connect_s=5.0), PracticeNames.from_rows(names)) as fetcher,
            Decoder(DecoderLimits(wall_s=30.0)) as decoder,
            open_desk(database, redis_url, root, fetcher=fetcher, decoder=decoder, names=names) as desk,
            run_staff_surface(
                database,
                root=desk.root,
                vault_identity=desk.vault_identity,
                **({"second_look_share": 0.0} | settings),
            ) as surface,
        ):
            yield Room(surface, desk, site)


@dataclass
class Review:
    """A person in front of the review page."""

    window: Any
    presses: int = 0

    @property
    def page(self) -> Any:
        """Playwright's page."""
        return self.window.page

    @property
    def clear(self) -> Any:
        """The clear picture of the picture that is shown."""
        return self.page.locator("article.picture:not([hidden]) img.clear")

    def open(self, item_id: UUID, lane: str = "look") -> None:
        """Open an item through its page."""
        self.window.open(f"/items/{item_id}?lane={lane}&lang=en")
        button = self.page.locator("form#open button")
        if button.count():
            button.click()
        self.page.locator("#review").wait_for()
        self.page.wait_for_load_state("load")

    def press(self, key: str) -> None:
        """Press a key and count it."""
        self.presses += 1
        self.page.keyboard.press(key)

    def hold(self, key: str = "Space") -> None:
        """Press a key and keep it down."""
        self.presses += 1
        self.page.keyboard.down(key)

    def let_go(self, key: str = "Space") -> None:
        """Let a key go."""
        self.page.keyboard.up(key)

    def measure(self) -> int:
        """Return the largest step of grey between two neighbours in the frame, as it is on the screen now."""
        box = self.page.locator("article.picture:not([hidden]) .window").bounding_box()
        clip = {"x": box["x"] + 6, "y": box["y"] + 6, "width": box["width"] - 12, "height": 150}
        grey = np.asarray(Image.open(io.BytesIO(self.page.screenshot(clip=clip))).convert("L"), dtype=int)
        return int(max(abs(np.diff(grey, axis=0)).max(), abs(np.diff(grey, axis=1)).max()))

    def count_reveals(self) -> int:
        """Return how many clear pictures were asked for so far."""
        return sum(one.startswith("GET /looks/") for one in self.window.asked)
