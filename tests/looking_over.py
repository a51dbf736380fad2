"""A page in all the ways in which it may be shown: what is wrong with it, in words."""

from typing import Any

from tests.axe import RULES_OF_COLOUR, find_barriers

NARROW, WIDE = 320, 1280
_HEIGHT = 800

_FIND_CUT = """() => [...document.querySelectorAll("body *")]
.filter((one) => !one.closest(".hidden, .trap, .skip, figure, input, textarea, select"))
.filter((one) => one.clientWidth && ["hidden", "clip"].includes(getComputedStyle(one).overflowX)
  && one.scrollWidth > one.clientWidth + 1)
.map((one) => one.outerHTML.slice(0, 120))"""


def look_over(page: Any) -> list[str]:
    """Return what is wrong with the page that is open: barriers in light and dark, overflow narrow and enlarged."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": WIDE, "height": _HEIGHT})
    wrong = find_barriers(page)
    page.emulate_media(color_scheme="dark")
    wrong += [f"dark: {one}" for one in find_barriers(page, *RULES_OF_COLOUR)]
    wrong += find_overflow(page, NARROW) + find_overflow(page, 2 * NARROW, percent=200)
    page.set_viewport_size({"width": WIDE, "height": _HEIGHT})
    return wrong


def find_overflow(page: Any, width: int, *, percent: int = 100) -> list[str]:
    """Return what does not fit, one line each; tables scroll in boxes of their own, and nothing is cut off.

    Args:
        page: Playwright's page.
        width: of the window, in CSS pixels.
        percent: size of the text.
    """
    page.set_viewport_size({"width": width, "height": _HEIGHT})
    set_size = "(percent) => { document.documentElement.style.fontSize = `${percent}%`; }"
    page.evaluate(set_size, percent)
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    cut = page.evaluate(_FIND_CUT)
    page.evaluate(set_size, 100)
    wrong = [f"{over} px too wide"] if over > 0 else []
    return [f"{one}, at {width} px and {percent} % text" for one in wrong + [f"cut: {one}" for one in cut]]
