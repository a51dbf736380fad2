"""Audit: hostile terms find nothing, pages follow each other, a broken chain is seen, each search is an event."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import rfc8785

from tests.builders import count_rows
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.model import PersonRole
from triage.steps import search_audit
from triage.store import custody
from triage.store.audit import AuditMark, AuditTerms, find_faults, search_events
from triage.store.custody import SYSTEM, NewEvent

HOSTILE = [
    "%",
    "%25%27--",
    "' OR 1=1 --",
    '"><script>',
    "a\u202eb",
    "x" * 5000,
    "item/%",
    "../..",
    "😀",
]

UNREADABLE = [
    "event=a%00b",
    "actor=%00",
    "id=%00",
    "before=99999999999999999999.system.1",
    "before=1.system.99999999999999999999",
    "before=1.system",
    "since=01.13.2025",
    "since=30.02.2025 10:00",
    "since=22.11.2025 24:00",
    "since=00.00.2025",
    "until=31.12.9999",
]


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


@pytest.fixture
def admin(surface):
    return surface.sign_in("Arta", PersonRole.ADMIN)


def search(browser, **terms):
    browser.open("/audit?lang=en")
    return browser._go("GET", f"/audit?{urlencode(terms)}", None, {})


def listed(page):
    return [node.text().strip() for node in page.tree.css("#found tbody th code")]


def append(conn, stream, *names, at=None, actor="cli"):
    for name in names:
        custody.append(conn, [NewEvent(stream, name)], actor=actor, now=at or utcnow())
    conn.commit()


def searches_of(conn):
    conn.rollback()
    rows = conn.execute(
        "SELECT record FROM custody_events WHERE event = 'audit_searched' ORDER BY seq"
    ).fetchall()
    return [json.loads(row[0])["body"] for row in rows]


# What is refused


def test_what_cannot_be_read_is_refused_and_shown_escaped(admin, conn):
    admin.open("/?lang=en")
    for term in ("kind", "id", "actor", "event", "since", "until", "before"):
        for text in HOSTILE:
            page = admin._send("GET", f"/audit?{urlencode({term: text})}", None, {})
            assert page.status == 422, (term, text)
            assert page.tree.css("#found") == []
            assert "<script>" not in page.text
    for query in UNREADABLE:
        assert admin.open(f"/audit?{query}").status == 422, query
    fields = dict.fromkeys(("kind", "id", "actor", "event", "since", "until"), "")
    for text in HOSTILE:
        assert admin.post("/audit/download", fields | {"event": text}).status == 422
    assert searches_of(conn) == []
    assert count_rows(conn, "SELECT count(*) FROM custody_events WHERE event = 'audit_exported'") == 0


def test_no_page_is_larger_than_a_hundred(admin, conn):
    append(conn, SYSTEM, *["made"] * 130)
    page = admin.open("/audit?event=made&limit=100000&page=99999999&lang=en")
    assert len(listed(page)) == 100
    older = page.tree.css_first("main a[href*='before=']").attributes["href"]
    rest = admin.open(older)
    assert len(listed(rest)) == 30
    assert rest.tree.css("main a[href*='before=']") == []
    assert "Nothing was found" in admin.open("/audit?event=made&before=1.system.1&lang=en").words


def test_only_those_with_the_right_search(surface, conn):
    for name, role in (("Ana", PersonRole.ANALYST), ("Klea", PersonRole.CLERK)):
        browser = surface.sign_in(name, role)
        assert browser.open("/audit?event=signed_in").status == 403
        assert browser.post("/audit/download", {}).status == 403
    for name, role in (("Eva", PersonRole.AUDITOR), ("Lena", PersonRole.LEAD)):
        browser = surface.sign_in(name, role)
        assert browser.open("/audit?event=signed_in").status == 200
    assert len(searches_of(conn)) == 2


def test_a_lead_sees_ids_where_others_see_names(surface, admin):
    lead = surface.sign_in("Lena", PersonRole.LEAD)
    admin_id = surface.people["Arta"].id
    seen = search(admin, event="signed_in")
    assert "Arta" in seen.tree.css_first("#found").text()
    hidden = search(lead, event="signed_in")
    assert "Arta" not in hidden.tree.css_first("#found").text()
    assert str(admin_id) in hidden.text
    assert search(admin, actor="Arta").status == 200
    for name in ("Arta", "Nobody"):  # a name is no oracle for who works here
        assert search(lead, actor=name).status == 422
    assert search(lead, actor=f"person/{admin_id}").status == 200


# What is found


def test_terms_narrow_the_search_together(admin, conn):
    item = uuid4()
    append(conn, f"item/{item}", "made", "changed")
    append(conn, f"image/{item}", "made")
    append(conn, f"item/{uuid4()}", "made", actor="staff")
    assert sorted(listed(search(admin, id=str(item)))) == ["changed", "made", "made"]
    assert listed(search(admin, id=str(item), kind="image")) == ["made"]
    assert listed(search(admin, kind="item", event="made", actor="staff")) == ["made"]
    assert listed(search(admin, kind="item", actor="worker")) == []
    assert len(listed(search(admin, event="made"))) == 3


def test_times_are_those_of_tirane(admin, conn):
    append(conn, SYSTEM, "in_winter", at=datetime(2025, 1, 10, 12, 0, tzinfo=UTC))
    append(conn, SYSTEM, "in_summer", at=datetime(2025, 7, 10, 12, 0, tzinfo=UTC))
    assert listed(search(admin, since="10.01.2025 13:00", until="10.01.2025 13:01")) == ["in_winter"]
    assert listed(search(admin, since="10.07.2025 14:00", until="10.07.2025 14:01")) == ["in_summer"]
    assert listed(search(admin, since="10.07.2025 14:01", until="1.8.2025")) == []
    assert listed(search(admin, since="10.07.2025 00:00", until="10.07.2025 14:00")) == []


def test_pages_follow_each_other_without_a_gap(conn):
    start = datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(12):
        append(conn, f"item/{uuid4()}", "made", at=start + timedelta(microseconds=number // 4))
    everything = search_events(conn, AuditTerms(event="made"), limit=50)
    seen, mark = [], None
    while page := search_events(conn, AuditTerms(event="made"), limit=5, before=mark):
        seen += page
        mark = AuditMark(page[-1].at, page[-1].stream, page[-1].seq)
    assert seen == everything
    assert len(seen) == 12


def test_a_search_is_an_event_of_counts_without_terms(surface, admin, conn):
    item = uuid4()
    append(conn, f"item/{item}", "made")
    search(admin, id=str(item), event="made")
    assert searches_of(conn) == [{"terms": 2, "found": 1, "faults": 0}]
    row = conn.execute(
        "SELECT stream, actor, record FROM custody_events WHERE event = 'audit_searched'"
    ).fetchone()
    assert row[:2] == ("system", f"person/{surface.people['Arta'].id}")
    assert str(item) not in row[2]
    admin.open("/audit")  # the empty form is no search
    assert len(searches_of(conn)) == 1


# The chain


@pytest.mark.breaks_invariants
@pytest.mark.parametrize(
    ("harm", "broken"),
    [
        ("UPDATE custody_events SET record = replace(record, 'second', 'seconx') WHERE seq = 2", {2}),
        ("UPDATE custody_events SET record = 'no json' WHERE seq = 2", {1, 2}),
        ("UPDATE custody_events SET actor = 'staff' WHERE seq = 3", {3}),
        ("DELETE FROM custody_events WHERE seq = 2", {1, 3}),
        ("DELETE FROM custody_events WHERE seq = 3", {2}),
        ("UPDATE custody_heads SET hash = sha256('x') WHERE stream LIKE 'item/%'", {3}),
    ],
)
def test_a_broken_chain_is_seen_where_it_is_broken(conn, harm, broken):
    stream = f"item/{uuid4()}"
    append(conn, stream, "first", "second", "third")
    assert find_faults(conn, custody.read_stream(conn, stream)) == {}
    conn.execute("ALTER TABLE custody_events DISABLE TRIGGER USER")
    conn.execute(harm.encode())
    conn.execute("ALTER TABLE custody_events ENABLE TRIGGER USER")
    assert {seq for _, seq in find_faults(conn, custody.read_stream(conn, stream))} == broken


@pytest.mark.breaks_invariants
def test_a_record_that_was_changed_with_its_hash_is_seen_by_the_one_after_it(admin, conn):
    stream = f"item/{uuid4()}"
    append(conn, stream, "first", "second")
    (record,) = conn.execute(
        "SELECT record FROM custody_events WHERE stream = %s AND seq = 1", (stream,)
    ).fetchone()
    body = json.loads(record) | {"body": {"forged": True}}
    forged = rfc8785.dumps(body)
    conn.execute("ALTER TABLE custody_events DISABLE TRIGGER USER")
    conn.execute(
        "UPDATE custody_events SET record = %s, hash = %s WHERE stream = %s AND seq = 1",
        (forged.decode(), hashlib.sha256(forged).digest(), stream),
    )
    conn.execute("ALTER TABLE custody_events ENABLE TRIGGER USER")
    conn.commit()
    page = search(admin, event="first")
    assert "The chain is broken at 1 event" in page.words
    assert "does not follow" in page.tree.css_first("#found").text()


# The copy


def test_a_copy_can_be_held_against_its_hashes(surface, admin, conn):
    append(conn, SYSTEM, "made", "made")
    search(admin, event="made")
    copy = admin.submit("download")
    assert copy.headers["content-type"].startswith("application/jsonl")
    assert copy.headers["content-disposition"].startswith("attachment")
    lines = [json.loads(line) for line in copy.text.splitlines()]
    assert [line["record"]["event"] for line in lines] == ["made", "made"]
    for line in lines:
        assert hashlib.sha256(rfc8785.dumps(line["record"])).hexdigest() == line["hash"]
    conn.rollback()
    (record,) = conn.execute("SELECT record FROM custody_events WHERE event = 'audit_exported'").fetchone()
    assert json.loads(record)["body"] == {"terms": 1, "events": 2}


def test_a_copy_of_too_much_is_refused(admin, conn, monkeypatch):
    monkeypatch.setattr(search_audit, "MAX_EXPORT", 1)
    append(conn, SYSTEM, "made", "made")
    search(admin, event="made")
    refused = admin.submit("download")
    assert refused.status == 422
    assert "narrow the search" in refused.words
    assert count_rows(conn, "SELECT count(*) FROM custody_events WHERE event = 'audit_exported'") == 0
