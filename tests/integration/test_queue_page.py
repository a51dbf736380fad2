"""The queue: its order, pages, filter and words, at any length; blind where a person could be the second."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import sleep

import pytest

from tests.assessing import Assessors
from tests.builders import import_entries, list_entry, report, settle_image
from tests.captures import FIRST, capture, image_of, url
from tests.console import listed, reference
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.ids import new_id
from triage.model import PersonRole
from triage.rules.assessing import Judgement, Label
from triage.rules.queue_filter import QueueFilter, read_filter
from triage.rules.states import Lane
from triage.steps.assess import assess_image
from triage.steps.lease_item import take_lease
from triage.steps.score_items import score_due
from triage.store import queue_page
from triage.store.home import COUNTED_AT_MOST, count_lanes
from triage.store.leases import lock_next
from triage.store.pool import Database
from triage.store.queue_page import Viewer, list_lane, list_mine
from workers import score_due as scoring

LIFE = {"life_s": 900.0}


@pytest.fixture
def people(as_role):
    return Assessors(as_role("hotline_staff"))


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


def score_all(as_role, now=None):
    """Score what is due as the sweep does, until nothing is."""
    with as_role("hotline_worker") as worker:
        while score_due(worker, now=now or utcnow(), limit=100):
            worker.commit()


def rows(people, name, lane, wanted=None, **more):
    assesses = people.people[name].roles != (PersonRole.AUDITOR,)
    viewer = Viewer(people.people[name].id, assesses=assesses, now=people.clock())
    found = list_lane(people.conn, lane, viewer, wanted=wanted or QueueFilter(), **more)
    people.conn.rollback()
    return found


def ids(people, name, lane, line="", **more):
    return [row.id for row in rows(people, name, lane, read_filter(line), **more).rows]


def read_score(conn, item):
    conn.rollback()
    found = conn.execute(
        "SELECT score, blind_score, score_parts - 'age', score_due_at FROM items WHERE id = %s", (item,)
    ).fetchone()
    conn.rollback()
    return found


def fill_lane(conn, number, lane="look"):
    """Lay many items into a lane at once, as if they had been reported and scored."""
    conn.execute(
        "WITH laid AS (INSERT INTO items (id, reference, kind, state, remit, url, url_key, is_top_level, base_lane,"
        " reason, received_at, moved_at, score, score_due_at)"
        " SELECT gen_random_uuid(), 'X-' || n, 'url', 'awaiting_assessment', 'csam',"
        " made.url, sha256(convert_to(made.url, 'UTF8')), true, %(lane)s::lane, 'new picture',"
        " now() - n * interval '1 second', now(), n %% 60, NULL FROM generate_series(1, %(number)s) AS n"
        " CROSS JOIN LATERAL (SELECT 'https://h' || n %% 997 || CASE WHEN n %% 49 = 0 THEN '.al/'"
        "  ELSE '.example/' END || 'pictures/of/a/usual/length/' || n AS url) AS made RETURNING id)"
        " SELECT count(*) FROM laid",
        {"number": number, "lane": lane},
    )
    conn.execute("UPDATE items SET score_due_at = NULL")
    conn.commit()
    conn.execute("ANALYZE items")
    conn.commit()


# The score


def test_the_sweep_scores_what_changed_and_a_lost_one_loses_nothing(desk, conn, people, as_role):
    (item,) = desk.report(url("/first.jpg"))
    assert read_score(conn, item)[3] is None
    capture(desk, item)
    assert read_score(conn, item)[:3] == (0, 0, {})
    with as_role("hotline_worker") as worker:
        score_due(worker, now=utcnow(), limit=100)
        worker.rollback()  # the sweep dies before its commit
    assert read_score(conn, item)[:3] == (0, 0, {})
    score_all(as_role)
    assert read_score(conn, item)[:3] == (25, 25, {"new": 25})
    for _ in range(3):
        desk.report(url("/first.jpg"))
    score_all(as_role)
    assert read_score(conn, item)[:3] == (35, 35, {"new": 25, "reports": 10})
    desk.report(url("/first.jpg"), danger=True)
    score_all(as_role)
    assert read_score(conn, item)[2] == {"new": 25, "reports": 11, "danger": 40}
    assert read_score(conn, item)[0] == 90
    assert conn.execute("SELECT count(*) FROM score_dues").fetchone() == (0,)


def test_a_match_that_comes_later_and_a_host_at_home_change_the_score(desk, conn, people, as_role):
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    score_all(as_role)
    conn.execute("UPDATE items SET score_due_at = NULL")
    import_entries(conn, "list", list_entry("one", data=FIRST))
    image = image_of(desk, item)
    conn.execute(
        "INSERT INTO matches (id, fingerprint_id, image_id, entry_id, kind, distance, class, is_trusted, generation,"
        " matched_at) SELECT gen_random_uuid(), fingerprints.id, image_id, hash_entries.id, 'exact', 0, 'baseline',"
        " false, 1, now() FROM fingerprints, hash_entries WHERE image_id = %s AND algorithm = 'sha256'",
        (image,),
    )
    conn.execute(
        "INSERT INTO hostings (id, item_id, operator, country, sources, agreement, located_at)"
        " VALUES (gen_random_uuid(), %s, 'Example', 'AL', '[]', 'agreed', now())",
        (item,),
    )
    conn.commit()
    score_all(as_role)
    assert read_score(conn, item)[2] == {"albania": 10}
    (row,) = rows(people, "Ana", Lane.LOOK).rows
    assert (row.host, row.country) == ("site.example", "AL") or row.country == "AL"


def test_age_comes_step_by_step_and_then_no_more(conn, people, as_role):
    start = utcnow()
    (item,) = report(conn, note="a text", now=start)
    score_all(as_role, start)
    for hours, points in ((2.3, 0), (2.5, 1), (12, 5), (25, 10)):
        score_all(as_role, start + timedelta(hours=hours))
        assert read_score(conn, item)[0] == points
    assert read_score(conn, item)[3] is None


def test_a_round_of_the_sweep_ends_when_its_time_is_over_and_the_next_one_goes_on(
    database, conn, monkeypatch
):
    for number in range(6):
        report(conn, note=f"text {number}")
    monkeypatch.setattr(scoring, "BATCH", 2)
    with Database(database.dsns["hotline_worker"], role="hotline_worker", size=1) as worker:
        scoring.score_all_due(worker, now=utcnow(), budget_s=0.0)
        left = conn.execute("SELECT count(*) FROM items WHERE score_due_at <= '1970-01-01Z'").fetchone()[0]
        conn.rollback()
        assert 0 < left < 6
        scoring.score_all_due(worker, now=utcnow())
    assert conn.execute("SELECT count(*) FROM items WHERE score_due_at <= '1970-01-01Z'").fetchone() == (0,)


# Order and blindness


def test_danger_stands_first_low_last_and_between_them_the_score_then_the_oldest(conn, people):
    start = utcnow()
    oldest, second, third, low = (
        report(conn, note=f"text {number}", now=start + timedelta(seconds=number))[0] for number in range(4)
    )
    conn.execute("UPDATE items SET is_low = true, score = 99 WHERE id = %s", (low,))
    conn.execute("UPDATE items SET score = 20 WHERE id = %s", (third,))
    conn.commit()
    assert ids(people, "Ana", Lane.LOOK) == [third, oldest, second, low]
    first = rows(people, "Ana", Lane.LOOK, limit=2)
    assert [row.id for row in first.rows] == [third, oldest]
    assert first.next_after == oldest
    rest = rows(people, "Ana", Lane.LOOK, limit=2, after=oldest)
    assert ([row.id for row in rest.rows], rest.next_after) == ([second, low], None)
    assert ids(people, "Ana", Lane.LOOK, after=new_id()) == []


def test_a_second_assessor_learns_nothing_of_danger_that_only_the_first_said(desk, conn, people, as_role):
    quiet, said = (desk.report(url(path))[0] for path in ("/second.jpg", "/first.jpg"))
    for item in (quiet, said):
        capture(desk, item)
    people.press("Ana", said, image_of(desk, said), 1, danger=True)
    people.press("Ana", quiet, image_of(desk, quiet), 1)
    score_all(as_role)
    assert read_score(conn, said)[0] == 90
    assert ids(people, "Ana", Lane.SECOND) == []
    assert ids(people, "Ben", Lane.SECOND) == [quiet, said]
    one, other = rows(people, "Ben", Lane.SECOND).rows
    hidden = (other.is_urgent, other.score, other.parts.keys() - {"age"}, other.reason, other.is_blind)
    assert hidden == (one.is_urgent, one.score, one.parts.keys() - {"age"}, one.reason, one.is_blind)
    assert hidden[0] is False
    assert ids(people, "Ben", Lane.SECOND, "danger:yes") == []
    desk.report(url("/first.jpg"), danger=True)
    assert ids(people, "Ben", Lane.SECOND) == [said, quiet]


def test_whose_picture_was_settled_is_in_nobodys_second_lane_any_more(desk, conn, people):
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    people.press("Ana", item, image_of(desk, item), 1)
    assert count_lanes(people.conn, people.people["Ben"].id)[Lane.SECOND] == 1
    assert count_lanes(people.conn, people.people["Ana"].id)[Lane.SECOND] == 0
    people.press("Ben", item, image_of(desk, item), 1)
    assert count_lanes(people.conn)[Lane.SECOND] == 0
    settle_image(conn, image_of(desk, item))


def test_two_who_judge_pictures_of_one_page_at_once_leave_both_for_a_third(desk, people, as_role, site):
    pictures = "".join(f'<img src="{path}">' for path in ("/first.jpg", "/second.jpg"))
    site.lay_answer("/page", f"<html><body>{pictures}</body></html>".encode(), "text/html")
    (page,) = desk.report(url("/page"))
    capture(desk, page)
    children = [
        row[0]
        for row in desk.conn.execute(
            "SELECT child_id FROM shown_children WHERE parent_id = %s ORDER BY place", (page,)
        )
    ]
    desk.conn.rollback()
    for child in children:
        capture(desk, child)
    images = [image_of(desk, child) for child in children]
    other = Assessors(as_role("hotline_staff"))
    for name, judge, image in (("Ana", people, images[0]), ("Ben", other, images[1])):
        judge.look(name, page, image)
    first = {"person": people.people["Ana"], "round_": 1, "policy": people.policy, "now": people.clock()}
    assess_image(people.conn, page, images[0], Judgement(Label(1)), **first)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(other.press, "Ben", page, images[1], 1, look=False)
        sleep(0.3)
        people.conn.commit()
        waiting.result(20)
    stands = desk.conn.execute("SELECT waits_second, first_by FROM items WHERE id = %s", (page,)).fetchone()
    desk.conn.rollback()
    assert stands == (True, None)
    assert all(page in ids(people, name, Lane.SECOND) for name in ("Ana", "Ben", "Cen"))


# The filter, and mine


def test_a_filter_narrows_by_what_is_stored_and_its_signs_mean_nothing(conn, people):
    lines = ["http://a.al/x_1", "http://b.a.al/y", "http://ball.example/100%25", "http://b.xal/"]
    items = report(conn, *lines)
    conn.execute(
        "UPDATE items SET state = 'awaiting_assessment', base_lane = 'look', reason = 'new picture', next_try_at = NULL"
    )
    conn.execute(
        "UPDATE items SET score_parts = '{\"new\": 25}', has_known = true WHERE id = %s", (items[1],)
    )
    (text,) = report(conn, note="words")
    conn.commit()

    def fits(line):
        return {items.index(one) if one in items else "text" for one in ids(people, "Ana", Lane.LOOK, line)}

    assert fits("host:.al") == {0, 1}
    assert fits("host:a.al") == {0, 1}
    assert fits("host:.a.al") == {1}
    assert fits("host:al") == {0, 1}
    assert fits("new:yes") == fits("known:yes") == {1}
    assert fits("new:no kind:url") == {0, 2, 3}
    assert fits("kind:text") == {"text"}
    assert fits("x_1") == {0}
    assert fits("/x1") == set()
    assert fits("%") == {2}
    assert fits("HTTP://B.A") == {1}
    assert fits("' OR 1=1 --") == set()
    assert text in ids(people, "Ana", Lane.LOOK)


@pytest.mark.breaks_invariants
def test_a_filter_that_finds_little_says_so_and_goes_on_from_where_it_stopped(conn, people, monkeypatch):
    fill_lane(conn, 300)
    monkeypatch.setattr(queue_page, "LOOKED_THROUGH", 100)
    found, after, pages = [], None, 0
    while True:
        page = rows(people, "Ana", Lane.LOOK, read_filter("host:.al"), after=after)
        found += [row.url for row in page.rows]
        after, pages = page.next_after, pages + 1
        if after is None:
            break
    assert pages >= 3
    assert len(found) == len(set(found)) == 6


def test_mine_is_what_i_have_open_and_what_i_may_take_back(desk, conn, people):
    text = report(conn, note="a text")[0]
    judged = report(conn, note="judged")[0]
    report(conn, note="nobody's")
    people.act(take_lease, text, person=people.people["Ana"], **LIFE)
    people.press_item("Ana", judged, 3)

    def mine(name, undo_since):
        viewer = Viewer(people.people[name].id, assesses=True, now=people.clock())
        return {row.id for row in list_mine(people.conn, viewer, undo_since=undo_since).rows}

    assert mine("Ana", people.clock() - timedelta(seconds=60)) == {text, judged}
    assert mine("Ana", people.clock() + timedelta(seconds=60)) == {text}
    assert mine("Ben", people.clock() - timedelta(seconds=60)) == set()


# The page


def test_the_page_says_why_how_long_and_who_and_offers_what_one_may_open(surface, conn, as_role):
    (item,) = report(conn, note="late", now=utcnow() - timedelta(hours=27, minutes=5))
    (soon,) = report(conn, note="soon", now=utcnow() - timedelta(hours=20))
    (known,) = report(conn, note="fresh")
    conn.execute(
        'UPDATE items SET score_parts = \'{"new": 25, "albania": 10}\', report_count = 4 WHERE id = %s',
        (known,),
    )
    conn.commit()
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    ana.open("/queue?lane=look&lang=en")
    assert ana.post(f"/items/{item}/open", {"lane": "look"}).status in (200, 303)
    words = ben.open("/queue?lane=look&lang=en").words
    for said in ("late by 3 h", "3 h left", "New · in Albania · 4 reports", "Held by Ana, 1 min"):
        assert said in words, (said, words)
    assert ben.page.tree.css(f"button#open-{item}") == []
    assert len(ben.page.tree.css(f"a#open-{item}")) == 1
    assert len(ben.page.tree.css(f"button#open-{soon}")) == 1
    assert ben.page.tree.css(f"#row-{soon} .soon")
    assert ben.page.tree.css(f"#row-{item} .late")
    assert "You have it open" in ana.open("/queue?mine=1&lang=en").words
    assert "Nothing waits in this lane" in ben.open("/queue?lane=partner&lang=en").words
    conn.execute("UPDATE reports SET note = 'x'")
    conn.execute("UPDATE items SET report_count = 1 WHERE id = %s", (known,))
    conn.commit()


def test_hostile_lines_are_shown_as_words_and_an_auditor_opens_nothing(surface, conn):
    (item,) = report(conn, note="a text")
    browser = surface.sign_in("Ana")
    typed = "a:<script>alert(1)</script> colour:red"
    page = browser.open(
        "/queue?lane=look&lang=en&q=" + typed.replace("<", "%3C").replace(">", "%3E").replace(" ", "+")
    )
    assert page.status == 200
    assert "<script>alert" not in page.content.decode()
    assert "colour:red" in page.words
    for line in ("%00", "%FF%FE", "'" * 300, "%25" * 90, "host:%5B", "%F0%9F%92%A9"):
        assert browser.open(f"/queue?lane=look&q={line}").status == 200, line
    auditor = surface.sign_in("Eva", PersonRole.AUDITOR)
    page = auditor.open("/queue?lane=look")
    assert page.tree.css(f"a#open-{item}")
    assert not page.tree.css("#rows button, #open-next")
    assert auditor.post(f"/items/{item}/free", {}).status == 403


def test_a_lead_frees_an_item_from_the_queue(surface, conn):
    (item,) = report(conn, note="a text")
    ana, lea = surface.sign_in("Ana"), surface.sign_in("Lea", PersonRole.LEAD)
    ana.open("/queue?lane=look")
    ana.post(f"/items/{item}/open", {"lane": "look"})
    assert lea.open("/queue?lane=look").tree.css(f"#free-{item}")
    assert lea.post(f"/items/{item}/free", {"lane": "look"}).status in (200, 303)
    assert lea.open("/queue?lane=look").tree.css(f"button#open-{item}")
    assert ana.post(f"/items/{item}/free", {"lane": "look"}).status == 403


# Many


@pytest.mark.breaks_invariants
def test_fifty_thousand_items_are_listed_counted_and_narrowed_by_index(conn, people, surface):
    fill_lane(conn, 50_000)
    seen = []
    statements = []
    original = people.conn.execute

    class Watched:
        """The connection, which keeps what was asked."""

        def __getattr__(self, name):
            return getattr(people.conn, name)

        def execute(self, query, values=None, **more):
            statements.append((query, values))
            return original(query, values, **more)

    viewer = Viewer(people.people["Ana"].id, assesses=True, now=people.clock())
    assert count_lanes(Watched(), viewer.person_id)[Lane.LOOK] == COUNTED_AT_MOST + 1
    first = list_lane(Watched(), Lane.LOOK, viewer)
    behind = list_lane(Watched(), Lane.LOOK, viewer, after=first.next_after, wanted=read_filter("host:.al"))
    list_lane(Watched(), Lane.SECOND, viewer, after=first.next_after)
    for lane in (Lane.LOOK, Lane.PARTNER, Lane.SECOND):
        lock_next(Watched(), lane, person_id=viewer.person_id, decides=False, now=viewer.now, passed=[])
    assert len(first.rows) == 50
    assert first.rows[0].score == 59
    assert behind.rows
    for query, values in statements:
        plan = "\n".join(row[0] for row in original("EXPLAIN " + query, values))
        seen.append(plan)
        assert "Seq Scan on items" not in plan, plan
    assert any("items_queue" in plan for plan in seen)
    people.conn.rollback()
    conn.execute(
        "UPDATE items SET score_parts = '{\"new\": 25, \"albania\": 10}', report_count = 4, host_country = 'AL',"
        " reason = 'near a listed picture: 12 bits of 256' WHERE score = 59"
    )
    conn.commit()
    ana = surface.sign_in("Ana")
    assert "look (1,000+)" in ana.open("/queue?lane=look&lang=en").words
    page = ana.open("/queue?lane=look&lang=sq")
    assert len(page.tree.css("#rows tbody tr")) == 50
    assets = sum(
        len(ana.open(node.attributes.get("src") or node.attributes["href"]).content)
        for node in page.tree.css("script[src], link[rel=stylesheet]")
    )
    assert len(page.content) + assets <= 100_000, (len(page.content), assets)


def test_the_navigator_finds_rows_by_their_reference(surface, desk, conn):
    (item,) = report(conn, note="a text")
    assert listed(surface.sign_in("Ana"), "look") == [reference(desk, item)]
