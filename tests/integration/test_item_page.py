"""The page of one item: its timeline, bounds and chain; and a second assessor reads nothing of the first."""

import json

import pytest

from tests.assessing import Assessors
from tests.builders import report
from tests.captures import capture, image_of, url
from triage.clock import utcnow
from triage.ids import new_id
from triage.model import PersonRole
from triage.store.second_opinions import find_blind

WORDS = "I saw <b>this</b> at http://other.example/x"


@pytest.fixture
def people(desk):
    return Assessors(desk.conn)


def take_in(desk, path="/first.jpg", **more):
    (item_id,) = desk.report(url(path), **more)
    capture(desk, item_id)
    return item_id


def history(browser, item_id, more=""):
    page = browser.open(f"/items/{item_id}/history?lang=en{more}")
    assert page.status == 200, page.words
    return page


def moments(page):
    return [" ".join(node.text().split()) for node in page.tree.css("ol.timeline li")]


def test_the_timeline_tells_all_in_its_order_and_shows_no_picture(desk, surface, people):
    item = take_in(desk, note=WORDS)
    people.press("Ana", item, image_of(desk, item), 1, reason="age clear")
    people.press("Ben", item, image_of(desk, item), 1)
    page = history(surface.sign_in("Rea", PersonRole.AUDITOR), item)
    kinds = [node.text() for node in page.tree.css("ol.timeline strong")]
    # Report and capture first; two looks and two assessments follow each other, then what was made of it.
    assert kinds[:2] == ["Report", "Capture"]
    assert kinds[2:6] == ["Look", "Assessment", "Look", "Assessment"]
    assert {"Verdict", "Message made"} <= set(kinds[6:])
    times = [node.attributes["datetime"] for node in page.tree.css("ol.timeline time")]
    assert times == sorted(times)
    assert "Ana, 1 · " in page.words
    assert "age clear" in page.words
    assert "seconds seen: " in page.words
    assert page.tree.css("img, figure") == []
    assert "<b>this</b>" in page.words  # a stranger's words stay words
    assert "http://photos" not in page.text
    assert not page.has_form("open")
    assert not page.has_form("custody")


def test_who_could_be_second_reads_nothing_of_the_first_on_any_page_of_it(desk, surface, people):
    desk.import_entries("list")
    item = take_in(desk, danger=False)
    people.press("Ana", item, image_of(desk, item), 1, danger=True, reason="a word of Ana")
    for name, role in (("Ben", PersonRole.ANALYST), ("Lea", PersonRole.LEAD)):
        browser = surface.sign_in(name, role)
        page = history(browser, item)
        for word in (
            "Ana",
            "Assessment",
            "Look ",
            "Verdict",
            "Message",
            "PR-",
            "a word of",
            "at risk",
            "Chain",
        ):
            assert word not in page.words, (name, word)
        assert page.has_form("open")
        assert "A second opinion on this item may be asked of you" in page.words
        browser.open("/account")
        refused = browser.post(f"/items/{item}/custody")
        assert (refused.status, "second opinion" in refused.words) == (403, True), refused.words
    for name, role in (("Ana", PersonRole.ANALYST), ("Rea", PersonRole.AUDITOR)):
        page = history(surface.sign_in(name, role), item)
        assert "a word of Ana" in page.words
        assert "PR-" in page.words
    # Once the second has spoken there is nothing to hide.
    people.press("Ben", item, image_of(desk, item), 1)
    assert "a word of Ana" in history(surface.sign_in("Cen", PersonRole.ANALYST), item).words


def test_a_page_is_hidden_with_its_picture_and_a_list_of_relatives_says_no_more(desk, surface, people, site):
    site.lay_answer(
        "/page.html", b'<!doctype html><img src="/first.jpg"><img src="/second.jpg">', "text/html"
    )
    page_id = take_in(desk, "/page.html")
    children = [
        row[0] for row in desk.conn.execute("SELECT child_id FROM shown_children ORDER BY place").fetchall()
    ]
    desk.conn.rollback()
    people.press("Ana", children[0], image_of(desk, children[0]), 1)
    people.press("Ana", children[1], image_of(desk, children[1]), 3)
    ben = people.people["Ben"].id
    assert find_blind(desk.conn, [page_id, *children], ben) == {page_id, children[0]}
    assert find_blind(desk.conn, [page_id, *children], people.people["Ana"].id) == frozenset()
    desk.conn.rollback()
    browser = surface.sign_in("Ben")
    shown = history(browser, page_id)
    assert "Pictures of this page: 2" in shown.words
    assert "Ana, 1" not in shown.words
    assert len(history(browser, children[0]).list_links(r"/items/[0-9a-f-]{36}/history")) == 1


def test_a_page_is_hidden_whose_child_without_a_picture_was_itself_judged_once(desk, surface, people, site):
    site.lay_answer("/page.html", b'<!doctype html><img src="/words"><img src="/second.jpg">', "text/html")
    site.lay_answer("/words", b"<!doctype html><p>words alone</p>", "text/html")
    page_id = take_in(desk, "/page.html")
    (child,) = desk.conn.execute("SELECT child_id FROM shown_children ORDER BY place LIMIT 1").fetchone()
    desk.conn.rollback()
    people.press_item("Ana", child, 1, reason="what Ana thinks")
    ben, ana = people.people["Ben"].id, people.people["Ana"].id
    assert find_blind(desk.conn, [page_id, child], ben) == {page_id, child}
    assert find_blind(desk.conn, [page_id, child], ana) == frozenset()
    desk.conn.rollback()
    hint = "A second opinion on this item may be asked of you"
    assert hint in history(surface.sign_in("Ben"), page_id).words
    assert hint not in history(surface.sign_in("Ana"), page_id).words


def test_a_text_that_one_person_judged_is_hidden_too(desk, surface, people):
    (item,) = desk.report(note="words alone")
    people.press_item("Ana", item, 1, reason="what Ana thinks")
    assert "what Ana thinks" not in history(surface.sign_in("Ben"), item).words
    assert "what Ana thinks" in history(surface.sign_in("Ana"), item).words


def test_every_list_has_its_bound_and_says_what_it_leaves_out(desk, surface):
    item = take_in(desk)
    desk.conn.execute(
        "WITH more AS (INSERT INTO reports (id, reference, channel, remit, danger, note, receipt_hmac, received_at)"
        " SELECT gen_random_uuid(), 'R-' || n, 'cli', 'csam', false, 'n' || n, sha256(('x' || n)::bytea), now()"
        " FROM generate_series(1, 9999) AS n RETURNING id)"
        " INSERT INTO report_items (report_id, item_id, line) SELECT id, %s, 0 FROM more",
        (item,),
    )
    desk.conn.execute(
        "INSERT INTO online_checks (id, item_id, result, checked_at)"
        " SELECT gen_random_uuid(), %s, 'online', now() + n * interval '1 second' FROM generate_series(1, 300) AS n",
        (item,),
    )
    ana = surface.sign_in("Ana")
    desk.conn.execute(
        "INSERT INTO hand_ons (item_id, to_whom, person_id, handed_on_at)"
        " SELECT %s, 'Police', (SELECT id FROM persons WHERE name = 'Ana'), now() + n * interval '1 second'"
        " FROM generate_series(1, 60) AS n",
        (item,),
    )
    desk.conn.execute(
        "INSERT INTO police_holds (id, item_id, round, set_by, set_at, lifted_by, lifted_at, said_so)"
        " SELECT gen_random_uuid(), %s, n, persons.id, now() + n * interval '1 minute', persons.id,"
        "  now() + n * interval '1 minute' + interval '1 second', 'Inspector'"
        " FROM persons, generate_series(1, 70) AS n WHERE name = 'Ana'",
        (item,),
    )
    desk.conn.commit()
    page = history(ana, item)
    assert "And 9,950 more." in page.words
    assert "Report: 9950" in page.words
    assert "Online check: 250" in page.words
    assert "Police hold: 20" in page.words
    assert "Handed on: 10" in page.words
    assert len(moments(page)) < 400
    assert len(page.content) < 120_000


def test_the_chain_is_checked_counted_and_taken_along(desk, surface):
    item = take_in(desk)
    ana = surface.sign_in("Ana")
    page = history(ana, item)
    (count,) = desk.conn.execute(
        "SELECT sum(seq) FROM custody_heads WHERE stream IN ('item/' || %s, 'image/' || %s)",
        (item, image_of(desk, item)),
    ).fetchone()
    desk.conn.rollback()
    assert f"The chain is whole, {count} events." in page.words
    sent = ana.submit("custody")
    assert sent.headers["content-type"].startswith("application/jsonl")
    lines = [json.loads(line) for line in sent.text.splitlines()]
    assert len(lines) == count
    assert {line["record"]["stream"].partition("/")[0] for line in lines} == {"item", "image"}
    assert f"The chain is whole, {count + 1} events." in history(ana, item).words  # that it was taken is one


@pytest.mark.breaks_invariants("an event was changed by hand")
def test_a_broken_chain_is_said(desk, surface, database):
    item = take_in(desk)
    desk.conn.execute("ALTER TABLE custody_events DISABLE TRIGGER custody_is_append_only")
    desk.conn.execute(
        "UPDATE custody_events SET record = replace(record, 'cli', 'web') WHERE stream = %s AND seq = 1",
        (f"item/{item}",),
    )
    desk.conn.commit()
    page = history(surface.sign_in("Ana"), item)
    assert "The chain is broken in 1 place." in page.words
    assert "event 1 was changed" in page.words


def test_a_stranger_to_the_queue_and_a_wrong_id_are_refused(surface, conn):
    (item,) = report(conn, url("/first.jpg"))
    assert surface.sign_in("Klea", PersonRole.CLERK).open(f"/items/{item}/history").status == 403
    ana = surface.sign_in("Ana")
    assert ana.open(f"/items/{new_id()}/history").status == 404
    assert ana.open("/items/nothing/history").status == 404
    assert ana.post(f"/items/{new_id()}/custody").status == 404
    assert surface.sign_in("Rea", PersonRole.AUDITOR).post(f"/items/{item}/custody").status == 403


def test_who_holds_it_is_said_to_others(desk, surface, people):
    item = take_in(desk)
    now = utcnow()
    desk.conn.execute(
        "INSERT INTO item_leases (id, item_id, person_id, lane, taken_at, kept_at, until)"
        " VALUES (%s, %s, %s, 'look', %s, %s, %s + interval '15 minutes')",
        (new_id(), item, people.people["Ana"].id, now, now, now),
    )
    desk.conn.commit()
    page = history(surface.sign_in("Ben"), item)
    assert "Ana has it open since" in page.words
    assert not page.has_form("open")
