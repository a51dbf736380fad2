"""Words of the console's tests: an item is opened, looked at and judged by its forms."""


def open_item(browser, item_id, lane="look"):
    """Open an item to work on it; the item's own page where that is not for this person now."""
    page = browser.open(f"/items/{item_id}?lane={lane}&lang=en")
    return browser.submit("open") if page.tree.css_first("form#open") else page


def leave_item(browser, item_id):
    """Leave an item to others, with a note in case one is asked for."""
    open_item(browser, item_id)
    return browser.submit("leave", done="looked at it")


def ask(browser, number=1, rendering="grey_half"):
    """Ask for a look and return (the page, the picture's one-use address)."""
    page = browser.submit(f"reveal-{number}", rendering=rendering)
    assert page.status == 200, page.words
    (source,) = [node.attributes["src"] for node in page.tree.css("figure.look img")]
    return page, source


def look(browser, number=1):
    page, source = ask(browser, number)
    picture = browser.open(source)
    assert picture.status == 200
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content[:2] == b"\xff\xd8"
    browser.page = page
    return page


def judge(browser, label, number=1, **more):
    return browser.submit(f"judge-{number}", label=str(label), **more)


def listed(browser, lane):
    page = browser.open(f"/queue?lane={lane}&lang=en")
    assert page.status == 200, page.words
    return [node.text() for node in page.tree.css("#rows tbody th [id^=open-]")]


def reference(desk, item_id):
    (row,) = desk.conn.execute("SELECT reference FROM items WHERE id = %s", (item_id,)).fetchall()
    desk.conn.rollback()
    return row[0]


def state_of(desk, item_id):
    return desk.place(item_id).state
