"""Mine, of what others left: the note of who had it before, and never to who could be the second assessor."""

import pytest

from tests.captures import capture, url
from tests.console import look, open_item
from triage.model import PersonRole
from triage.store import hand_overs


@pytest.fixture
def item(desk):
    (found,) = desk.report(url("/first.jpg"))
    capture(desk, found)
    return found


def hand_over(browser, item, **words):
    """Work on an item and leave it with a note."""
    open_item(browser, item)
    look(browser)
    browser.submit("hide")
    assert browser.submit("leave", **words).path == "/queue"


def mine(browser, item):
    """What the row of an item in "mine" says of a note; None without the row."""
    page = browser.open("/queue?mine=1&lang=en")
    assert page.status == 200
    assert page.tree.css("img") == []
    if page.tree.css_first(f"#row-{item}") is None:
        return None
    note = page.tree.css_first(f"#handed-{item}")
    return note.text() if note else ""


def test_what_somebody_left_is_everybody_elses_to_go_on_with_until_it_is_taken(surface, desk, item):
    ana, ben, cen = (surface.sign_in(name) for name in ("Ana", "Ben", "Cen"))
    eva = surface.sign_in("Eva", PersonRole.AUDITOR)
    hand_over(ana, item, done="one\ntwo", next="\n <b>ask</b> for a capture\nthen more")
    assert mine(ana, item) is None
    assert mine(eva, item) is None
    assert mine(ben, item) == mine(cen, item) == "Handed over by Ana: <b>ask</b> for a capture"
    assert "&lt;b&gt;ask" in ben.page.text
    open_item(ben, item)
    assert mine(ben, item) == "Handed over by Ana: <b>ask</b> for a capture"
    assert mine(cen, item) is None
    open_item(ben, item)
    look(ben)
    ben.submit("hide")
    ben.submit("leave", watch_out="it moves")
    assert mine(ben, item) is None
    assert mine(ana, item) == mine(cen, item) == "Handed over by Ben: it moves"
    open_item(cen, item)
    cen.submit("skip-1")
    assert mine(cen, item) is None
    desk.conn.execute("UPDATE items SET round = round + 1 WHERE id = %s", (item,))
    desk.conn.commit()
    assert mine(ana, item) is None, "what was left in another round is history"


def test_who_could_be_the_second_is_not_told_that_there_is_a_note(surface, desk, site):
    body = f'<img src="{url("/first.jpg")}"><img src="{url("/second.jpg")}">'
    site.lay_answer("/page", body.encode(), "text/html")
    (page_item,) = desk.report(url("/page"))
    capture(desk, page_item)
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    lea = surface.sign_in("Lea", PersonRole.LEAD)
    open_item(ana, page_item)
    look(ana)
    ana.submit("judge", label="1")
    assert ana.submit("leave", done="the first one is label one").path == "/queue"
    for browser in (ben, lea):
        assert mine(browser, page_item) is None
        assert "label one" not in browser.page.words


def test_the_newest_note_counts_and_the_list_is_read_by_an_index(desk, item, surface):
    hand_over(surface.sign_in("Ana"), item, next="first")
    (ana,) = desk.conn.execute("SELECT id FROM persons WHERE name = 'Ana'").fetchone()
    desk.conn.execute(
        "INSERT INTO hand_over_notes (id, item_id, person_id, round, done, next, watch_out, written_at)"
        " SELECT gen_random_uuid(), %s, %s, 1, 'n', '', 'old ' || n, now() - n * interval '1 minute'"
        " FROM generate_series(1, 5000) AS n",
        (item, ana),
    )
    desk.conn.commit()
    desk.conn.execute("ANALYZE hand_over_notes")
    desk.conn.commit()
    assert mine(surface.sign_in("Ben"), item) == "Handed over by Ana: first"
    plans = []

    class Watched:
        """The connection, which has each statement explained before it runs."""

        def cursor(self, **more):
            self.own = desk.conn.cursor(**more)
            return self

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.own.close()

        def execute(self, query, values):
            plans.append("\n".join(row[0] for row in desk.conn.execute("EXPLAIN " + query, values)))
            return self.own.execute(query, values)

    now = desk.conn.execute("SELECT now()").fetchone()[0]
    found = hand_overs.list_handed_over(Watched(), item, decides=True, now=now, limit=50)
    desk.conn.rollback()
    assert [one.first_line for one in found] == ["first"]
    assert "hand_over_notes_by_time" in plans[0], plans[0]
