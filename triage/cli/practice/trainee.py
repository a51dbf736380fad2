"""How a scripted person passes the training set: they look at each drawing and answer by what is agreed there.

Everything goes through the pages and their forms; nothing here knows which answer is right before it sees the drawing.
"""

import re

from triage.cli.practice.staff_browser import Page, PracticeStuckError, StaffBrowser
from triage.rules.clusters import ALIKE_BITS
from triage.rules.training import RIGHT_ANSWERS, ROUND_TASKS, SKIP, Drawing

_TASK = r"/training/\d+"
_ROUNDS = 3
"""Rounds after which something is wrong."""


def pass_training(browser: StaffBrowser) -> None:
    """Answer the tasks of the training set until it is passed; nothing for whoever looks at no pictures.

    Raises:
        PracticeStuckError: it could not be passed.
    """
    page = browser.open("/training")
    if page.status == 403:
        return
    for _ in range(_ROUNDS * ROUND_TASKS):
        if page.list_links("/queue", selector="main a[href]"):
            return
        _answer(browser, page)
        page = browser.open("/training")
    raise PracticeStuckError(f"the training set could not be passed: {page.words[:200]}")


def _answer(browser: StaffBrowser, page: Page) -> Page:
    """Open the next task and answer it.

    Args:
        page: the list of tasks.
    """
    (path, *_) = page.list_links(_TASK, selector="a.button[href]")
    page = browser.open(path)
    ticks = page.tree.css("#judge-1 input[name=same]")
    if ticks:
        alike = [
            tick.attributes.get("value") or ""
            for tick in ticks
            if _read_bits(page, tick.attributes.get("id") or "") <= ALIKE_BITS
        ]
        return browser.submit("judge-1", same=alike)
    shown = browser.submit("reveal-1", rendering="colour")
    picture = shown.tree.css_first("figure.look img")
    drawing = browser.fetch((picture.attributes.get("src") or "") if picture else "").text
    answer = RIGHT_ANSWERS[name_drawing(drawing)]
    if answer != SKIP:
        return browser.submit("judge", label=answer)
    browser.open(path)
    return browser.submit("skip-1")


def _read_bits(page: Page, tick: str) -> int:
    label = page.tree.css_first(f"label[for={tick}]")
    found = re.search(r"(\d+) bit", label.text()) if label is not None else None
    if found is None:
        raise PracticeStuckError("a task of the training set says no distance")
    return int(found[1])


def name_drawing(svg: str) -> Drawing:
    """Say what a drawing of the training set shows, by its shapes and colours."""
    circles = re.findall(r'<circle [^>]*fill="#(..)(..)(..)"', svg)
    corners = [len(points.split()) for points in re.findall(r'<polygon points="([^"]*)"', svg)]
    if 3 in corners:
        return Drawing.TRIANGLE
    if corners:
        return Drawing.LANDSCAPE
    if len(circles) > 1:
        return Drawing.FOG
    if not circles:
        return Drawing.CHECKERBOARD
    red, _, blue = (int(part, 16) for part in circles[0])
    return Drawing.RED_CIRCLE if red > blue else Drawing.BLUE_CIRCLE
