"""Search of items: every kind of term, hostile ones, pages, the event that it leaves, its indexes, and blindness."""

import json
import time
from datetime import timedelta
from urllib.parse import urlencode

import psycopg
import pytest

from tests.assessing import Assessors, approve_police
from tests.builders import count_rows, report
from tests.captures import capture, image_of, url
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.ids import new_id
from triage.model import PersonRole
from triage.rules.search_terms import SearchTerms, read_terms
from triage.rules.states import ItemState
from triage.store import search
from triage.store.search import find_few, search_items, write_query, write_values

NOW = utcnow()


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


@pytest.fixture
def ana(surface):
    return surface.sign_in("Ana")


def ask(browser, **typed):
    return browser.open("/search?" + urlencode(typed | {"lang": "en"}))


def found(browser, **typed):
    page = ask(browser, **typed)
    assert page.status == 200, page.words
    return [node.text() for node in page.tree.css("#found tbody th a")]


def reference(conn, item_id):
    (row,) = conn.execute("SELECT reference FROM items WHERE id = %s", (item_id,)).fetchall()
    conn.rollback()
    return row[0]


def test_every_kind_of_term_finds_its_items_and_no_others(conn, ana):
    lines = (
        "http://www.example.al/a?x=1",
        "https://example.al/b",
        "http://example.al.evil.example/c",
        "http://notexample.al/d",
        "http://[2001:db8::1]/e",
        "http://192.0.2.7:8080/f",
    )
    ids = report(conn, *lines, now=NOW - timedelta(days=3))
    (text,) = report(conn, note="words", now=NOW)
    a, b, c, d, e, f, g = (reference(conn, one) for one in (*ids, text))
    (report_reference,) = conn.execute(
        "SELECT reference FROM reports ORDER BY received_at LIMIT 1"
    ).fetchone()
    conn.execute(
        "INSERT INTO hostings (id, item_id, asn, operator, country, sources, agreement, located_at)"
        " VALUES (%s, %s, 64496, 'Rrjeti Shembull shpk', 'AL', '[]', 'agreed', now())",
        (new_id(), ids[0]),
    )
    conn.commit()
    assert found(ana, q=a.lower()) == [a]
    assert set(found(ana, q=report_reference)) == {a, b, c, d, e, f}
    assert found(ana, q="hxxps://www[.]example[.]al/a?x=1") == [a]
    assert found(ana, q="http://example.al/") == []
    assert set(found(ana, q="example.al")) == {a, b}
    assert found(ana, q="www.example.al") == [a]
    assert set(found(ana, host=".al")) == {a, b, d}
    assert found(ana, q="[2001:db8::1]") == [e]
    assert found(ana, q="192.0.2.7") == [f]
    assert found(ana, q="AS64496") == found(ana, operator="rrjeti") == [a]
    assert found(ana, operator="rrjeti%") == []
    assert found(ana, since=f"{NOW:%d.%m.%Y}", until=f"{NOW + timedelta(days=1):%d.%m.%Y}") == [g]
    assert set(found(ana, state="received")) == {a, b, c, d, e, f}
    assert found(ana, lane="look") == [g]
    assert found(ana, q="example.al", state="closed") == []
    assert ask(ana).tree.css("#found") == []
    assert "Nothing fits." in ask(ana, q="NT-0000-0000").words


@pytest.mark.parametrize(
    "typed",
    [
        {"q": "\0"},
        {"q": "' OR 1=1 --"},
        {"q": "a\ud7ff\u202e"},
        {"host": "%"},
        {"state": "x"},
        {"since": "1.1.25"},
        {"before": "1.2"},
        {"before": "9" * 16 + "." + "0" * 36},
        {"q": "/" * 2000},
        {"q": "x" * 9000},
    ],
)
def test_hostile_terms_find_nothing_and_break_nothing(conn, ana, typed):
    report(conn, "http://example.al/a")
    page = ask(ana, **typed)
    assert page.status in (200, 422)
    assert page.tree.css("#found tbody tr") == [] or "before" in typed
    assert "<script" not in page.text.replace('<script src="/static/', "")


def test_pages_of_fifty_follow_each_other_also_where_times_are_equal(conn, ana):
    ids = report(conn, *(f"http://example.al/{number}" for number in range(120)), now=NOW)
    seen, path = [], "/search?q=example.al&lang=en"
    while path:
        page = ana.open(path)
        rows = [node.text() for node in page.tree.css("#found tbody th a")]
        assert len(rows) <= 50
        seen += rows
        links = [
            node.attributes["href"]
            for node in page.tree.css("main a")
            if "before=" in node.attributes["href"]
        ]
        path = links[0] if links else None
    assert len(seen) == len(set(seen)) == len(ids)


def test_who_searched_is_an_event_without_the_terms(conn, surface, ana):
    report(conn, "http://example.al/a")
    ask(ana, q="http://secret.example/path", state="received")
    ask(ana, q="Somebody")
    rows = conn.execute(
        "SELECT stream, actor, record FROM custody_events WHERE event = 'searched' ORDER BY seq"
    ).fetchall()
    person = f"person/{surface.people['Ana'].id}"
    assert [(row[0], row[1]) for row in rows] == [(person, person)] * 2
    assert [json.loads(row[2])["body"] for row in rows] == [
        {"by": "url", "terms": 2, "found": 0},
        {"by": "operator", "terms": 1, "found": 0},
    ]
    assert "secret" not in rows[0][2]
    conn.rollback()
    assert surface.sign_in("Klea", PersonRole.CLERK).open("/search").status == 403
    assert surface.sign_in("Rea", PersonRole.AUDITOR).open("/search").status == 200


def test_a_search_that_takes_too_long_is_given_up_in_one_sentence(conn, ana, monkeypatch):
    def give_up(*_, **__):
        raise psycopg.errors.QueryCanceled

    monkeypatch.setattr(search, "search_items", give_up)
    page = ask(ana, q="example.al")
    assert (page.status, "takes too long" in page.words) == (422, True)
    assert count_rows(conn, "SELECT count(*) FROM custody_events WHERE event = 'searched'") == 0


def test_the_second_assessor_finds_nothing_by_what_the_first_said(desk, database):
    people = Assessors(desk.conn)
    approve_police(desk.conn, people)
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    people.press("Ana", item, image_of(desk, item), 1, danger=True)
    desk.conn.execute(
        "INSERT INTO hostings (id, item_id, asn, operator, country, sources, agreement, located_at)"
        " VALUES (%s, %s, 64496, 'Rrjeti', 'AL', '[]', 'agreed', now())",
        (new_id(), item),
    )
    # A desk that acts on one assessor has moved it on already.
    desk.conn.execute(
        "UPDATE items SET state = 'notified', base_lane = NULL, reason = NULL, settled_at = now(),"
        " next_try_at = now() WHERE id = %s",
        (item,),
    )
    desk.conn.execute(
        "INSERT INTO sendings (id, kind, reference, message_id, state, basis, host, created_at, reason)"
        " VALUES (%s, 'notice', 'NT-AAAA-BBBB', '<n@h.example>', 'waiting_approval', 'looked', 'h', now(), 'x')",
        (notice := new_id(),),
    )
    desk.conn.execute("INSERT INTO sending_items VALUES (%s, %s)", (notice, item))
    desk.conn.commit()
    name = reference(desk.conn, item)
    with run_staff_surface(database, root=desk.root) as surface:
        ben, ana = surface.sign_in("Ben"), surface.sign_in("Ana")
        auditor = surface.sign_in("Rea", PersonRole.AUDITOR)
        for typed in (
            {"state": "notified"},
            {"q": "AS64496"},
            {"operator": "Rrjeti"},
            {"q": "NT-AAAA-BBBB"},
            {"lane": "danger"},
        ):
            assert found(ben, **typed) == [], typed
            if "lane" not in typed:
                assert found(ana, **typed) == found(auditor, **typed) == [name], typed
        page = ask(ben, q="photos.example")
        (row,) = page.tree.css("#found tbody tr")
        assert "second" in row.text()
        for word in ("noti", "Rrjeti", "64496", "risk", "danger"):
            assert word not in row.text().lower(), word


@pytest.mark.breaks_invariants("rows without reports")
def test_fifty_thousand_items_are_searched_by_an_index_in_no_time(conn):
    conn.execute(
        "INSERT INTO items (id, reference, kind, state, remit, url, url_key, is_top_level, closed_as, received_at,"
        " moved_at) SELECT gen_random_uuid(), 'IS-' || n, 'url', 'closed', 'csam', u, sha256(convert_to(u, 'UTF8')),"
        " true, 'not_actionable', now() - n * interval '1 minute', now() FROM (SELECT n, 'http://h' || n % 5000 ||"
        " CASE WHEN n % 4 = 0 THEN '.al' ELSE '.example' END || '/' || n AS u FROM generate_series(1, 50000) AS n)"
    )
    conn.execute(
        "INSERT INTO hostings (id, item_id, asn, operator, country, sources, agreement, located_at)"
        " SELECT gen_random_uuid(), id, 64500 + (random() * 500)::int, 'Operator ' || (random() * 500)::int, 'AL',"
        " '[]', 'agreed', now() FROM items"
    )
    conn.execute("ANALYZE items")
    conn.execute("ANALYZE hostings")
    conn.commit()
    person = new_id()
    searches = (
        {"q": "http://h8.al/8"},
        {"q": "h8.al"},
        {"q": ".al"},
        {"q": ".nowhere"},
        {"q": "AS64600"},
        {"operator": "operator 77"},
        {"since": f"{NOW - timedelta(days=3):%d.%m.%Y}", "until": f"{NOW - timedelta(days=2):%d.%m.%Y}"},
        {"state": "closed"},
        {"state": "notified"},
        {"state": "closed", "host": ".al"},
        {"lane": "look"},
        {"q": "IS-77AA-0000"},
    )
    for typed in searches:
        terms = read_terms(typed)
        values = write_values(terms, before=None, person_id=person, assesses=True, limit=50)
        few = find_few(conn, values, terms)
        query = "EXPLAIN " + write_query(terms, before=None, few=few)
        plan = "\n".join(row[0] for row in conn.execute(query, values, prepare=False).fetchall())
        assert "Seq Scan" not in plan, (typed, plan)
        if typed.get("q") == ".al":
            assert few is None
            assert "items_by_time" in plan, (
                "an ending that many have is met on the walk, its index is not read"
            )
        spent = []
        for _ in range(3):
            began = time.perf_counter()
            search_items(conn, terms, before=None, person_id=person, assesses=True)
            spent.append(time.perf_counter() - began)
        assert min(spent) < 0.05, (typed, spent)
    conn.rollback()


def test_no_term_reaches_the_statement(conn):
    hostile = SearchTerms(
        operator="'; DROP TABLE items; --", host="a'b", reference="x", state=ItemState.CLOSED
    )
    assert "DROP" not in write_query(hostile, before=None, few=None)
    assert search_items(conn, hostile, before=None, person_id=new_id(), assesses=True) == []
