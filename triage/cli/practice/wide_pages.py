"""Practice pages that show many pictures, in every way in which a page can show one.

1. `kornize` has a `base href`, a picture by each kind of element, one inside its own text, a frame with two more, three
   icons and a tracker.
2. `dyzet` has forty addresses, under which lie a few files.
3. `/freskim` is nothing but a refresh to a page with a picture.
"""

import base64

from triage.cli.practice.catalogue import FORTY_FILES, ICONS, Catalogue
from triage.cli.practice.replies import Maker, Reply, make_page, make_picture, picture_path, serve_pictures

FORTY = 40
"""Pictures that the page of forty shows."""

SHOWN_WAYS = (
    "shown-srcset", "shown-lazy", "shown-source", "shown-noscript", "shown-background", "shown-og", "shown-poster",
)  # fmt: skip
"""Pictures of the page with frames by the way in which it shows them; one more lies in its own text."""

IN_FRAME = ("shown-frame-1", "shown-frame-2")
_BASE = "/lart/"


def serve_every_way(catalogue: Catalogue) -> dict[str, Maker]:
    """Return the page that shows a picture in every way, its frame, and all their pictures."""
    routes = {
        _lay(name): make_picture(catalogue, name) for name in (*SHOWN_WAYS, *IN_FRAME, *ICONS, "tracker")
    }
    routes["/albumi"] = lambda: _show_every_way(catalogue)
    routes[_BASE + "korniza.html"] = lambda: make_page(
        "Kornizë", "".join(f'<img src="{_name(name)}" alt="">' for name in IN_FRAME)
    )
    return routes


def _lay(name: str) -> str:
    return _BASE + _name(name)


def _name(name: str) -> str:
    """Return the address of a picture as the page writes it: relative, so that it hangs on the base."""
    return picture_path(name).removeprefix("/")


def _show_every_way(catalogue: Catalogue) -> Reply:
    srcset, lazy, source, noscript, background, og, poster = (_name(name) for name in SHOWN_WAYS)
    inside = base64.b64encode(catalogue.read("shown-inside")).decode()
    icons = "".join(f'<img src="{_name(name)}" alt="" width="16" height="16">' for name in ICONS)
    head = (
        f'<base href="{_BASE}"><meta property="og:image" content="{og}"><link rel="icon" href="/favicon.ico">'
    )
    body = f"""
<img srcset="{srcset} 480w" alt=""><img class="lazy" data-src="{lazy}" alt="">
<picture><source srcset="{source}" type="image/jpeg"><img alt=""></picture>
<noscript><img src="{noscript}" alt=""></noscript>
<div style="background-image: url('{background}')"></div>
<video poster="{poster}"></video>
<img src="data:image/jpeg;base64,{inside}" alt="">
<iframe src="korniza.html"></iframe>
{icons}<img src="{_name("tracker")}" width="1" height="1" alt="">
"""
    return make_page("Kornizë", body, head)


def serve_forty(catalogue: Catalogue) -> dict[str, Maker]:
    """Return the page of forty addresses, and the few files that lie under them."""
    routes = {
        f"/foto/{number:02}.jpg": make_picture(catalogue, f"forty-{number % FORTY_FILES}")
        for number in range(FORTY)
    }
    shown = "".join(f'<img src="{path}" width="480" height="360" alt="">' for path in routes)
    return {"/": lambda: make_page("Dyzet", shown), **routes}


def serve_refresh(catalogue: Catalogue) -> dict[str, Maker]:
    """Return a page that leads on by a refresh, and the page that it leads to."""
    head = '<meta http-equiv="refresh" content="0; url=/faqja">'
    shown = f'<img src="{picture_path("refreshed")}" alt="">'
    return {
        "/freskim": lambda: make_page("Prit", "<p>Prit pak. Wait.</p>", head),
        "/faqja": lambda: make_page("Faqja", shown),
        **serve_pictures(catalogue, "refreshed"),
    }
