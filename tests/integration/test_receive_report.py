"""Receiving a report with the public role: one item a URL, nothing lost, nothing told, nothing doubled."""

import hashlib
import json
import threading
import time
from datetime import timedelta

import psycopg
import pytest

from tests.intake import (
    NOW,
    RECEIPT_KEY,
    close_item,
    count,
    hand_in,
    make_capture,
    place_for_assessment,
    read_item_ids,
)
from triage.errors import IdempotencyConflictError, InvalidReportError
from triage.ids import new_object_name
from triage.model import Channel
from triage.rules.states import ItemKind, ItemState, Lane, Remit
from triage.steps.receive_report import SealedUpload, digest_receipt
from triage.store import custody, items
from triage.store.tokens import insert_token

PUBLIC = "hotline_public"
WORKER = "hotline_worker"
URL = "https://photos.example/a.png"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def public(as_role):
    return as_role(PUBLIC)


@pytest.fixture
def worker(as_role):
    return as_role(WORKER)


def read_items(conn):
    """Kind, state, lane, remit, danger of each item, oldest first."""
    rows = conn.execute(
        "SELECT kind, state, lane, remit, danger FROM items ORDER BY received_at, id"
    ).fetchall()
    conn.commit()
    return rows


def read_item(conn):
    (item,) = read_items(conn)
    return item


def read_due(conn):
    """The items that the sweep would put on the queue an hour later."""
    rows = conn.execute(
        "SELECT id FROM items WHERE state = 'received' AND next_try_at <= %(now)s AND nudged_at IS NULL"
        " ORDER BY id",
        {"now": LATER},
    ).fetchall()
    conn.commit()
    return [row[0] for row in rows]


def read_events(conn, item_id):
    events = [event.event for event in custody.read_stream(conn, f"item/{item_id}")]
    conn.commit()
    return events


def add_token(conn, name="desk", scope="intake"):
    digest = hashlib.sha256(name.encode()).digest()
    token_id = insert_token(conn, name, scope, digest, now=NOW, expires_at=NOW + timedelta(days=1))
    conn.commit()
    return token_id


def by_token(token_id, key, body):
    return {
        "channel": Channel.API,
        "actor": f"token/{token_id}",
        "token_id": token_id,
        "idempotency_key": key,
        "body_digest": hashlib.sha256(body).digest(),
    }


UNFIT = (
    ((), {}, "There is nothing in this report"),
    (("", "  ", "\n"), {"note": " \n"}, "There is nothing in this report"),
    ((URL,) * 4, {"max_urls": 3}, "at most 3 addresses"),
    ((URL,), {"note": "x" * 20_001}, "at most 20000 characters"),
    ((URL,), {"note": "a\x00b"}, "no text may hold"),
    ((URL,), {"note": "a\ud800b"}, "no text may hold"),
    ((URL + "\x00",), {}, "no text may hold"),
    ((URL, "\udcff"), {}, "no text may hold"),
    (("", "not an address", "ftp://a.example/"), {}, "line 2: "),
)


def test_what_cannot_be_a_report_is_refused_and_stores_nothing(conn, public):
    for lines, values, words in UNFIT:
        with pytest.raises(InvalidReportError, match=words):
            hand_in(public, *lines, **values)
        public.rollback()
    assert count(conn, "reports") == count(conn, "items") == count(conn, "custody_events") == 0


def test_a_refusal_never_repeats_what_was_written(public):
    with pytest.raises(InvalidReportError) as caught:
        hand_in(public, "a private sentence", note="")
    assert "private" not in str(caught.value)


def test_one_url_twice_is_one_item_with_two_reports(conn, public):
    first, second = hand_in(public, URL), hand_in(public, URL, now=LATER)
    assert first.receipt != second.receipt
    assert (count(conn, "reports"), count(conn, "items"), count(conn, "report_items")) == (2, 1, 2)
    assert read_item(conn) == ("url", "received", None, "csam", False)
    (item_id,) = read_item_ids(conn)
    assert read_events(conn, item_id) == ["received", "reported", "reported"]


def test_every_spelling_of_one_address_is_one_item(conn, public):
    spellings = (
        "https://www.photos.example/a.png",
        "hxxps://www.photos.example/a.png",
        "https://www[.]photos[.]example/a.png",
        "https://ëëë.photos.example/a.png",
        "  <https://WWW.Photos.Example:443/a.png#top>, ",
        "https://somebody:secret@www.photos.example./a.png",
    )
    hand_in(public, *spellings)
    for spelling in spellings:
        hand_in(public, spelling, now=LATER)
    assert (count(conn, "reports"), count(conn, "items")) == (7, 1)
    (line,) = conn.execute("SELECT DISTINCT line FROM report_items ORDER BY line").fetchall()
    assert line == (1,)
    (url,) = conn.execute("SELECT url FROM items").fetchone()
    assert url == "https://www.photos.example/a.png"


def test_good_lines_are_stored_and_the_others_kept_as_they_are(conn, public):
    lines = ("https://a.example/1", "", "call me", "https://b.example/2", "x" * 5000, "ftp://c.example/")
    answer = hand_in(public, *lines)
    assert [line.line for line in answer.unreadable] == [3, 5, 6]
    kept = conn.execute("SELECT line, text, reason FROM report_unreadable_lines ORDER BY line").fetchall()
    assert [row[0] for row in kept] == [3, 5, 6]
    assert kept[0][1] == "call me"
    assert kept[1][1] == "x" * 4096
    assert all(row[2] == line.reason for row, line in zip(kept, answer.unreadable, strict=True))
    placed = conn.execute(
        "SELECT url, line FROM report_items JOIN items ON items.id = item_id ORDER BY line"
    ).fetchall()
    assert placed == [("https://a.example/1", 1), ("https://b.example/2", 4)]


def test_unreadable_lines_do_not_hide_a_note(conn, public):
    answer = hand_in(public, "no address here", note="Somebody writes to children in a game.")
    assert [line.line for line in answer.unreadable] == [1]
    assert read_item(conn)[:3] == ("text", "awaiting_assessment", "look")
    assert count(conn, "report_unreadable_lines") == 1


@pytest.mark.parametrize("remit", Remit)
def test_a_report_of_words_alone_has_one_text_item(conn, public, remit):
    hand_in(public, note="Somebody writes to children in a game.", remit=remit)
    place = ("awaiting_assessment", "look") if remit.is_ours else ("awaiting_hand_on", "hand_on")
    assert read_item(conn) == ("text", *place, remit, False)
    (item_id,) = read_item_ids(conn)
    told = "text_only" if remit.is_ours else "out_of_remit"
    assert read_events(conn, item_id) == ["received", told, "reported"]


@pytest.mark.parametrize("remit", [Remit.HATE_SPEECH, Remit.OTHER])
def test_another_remit_waits_to_be_handed_on_and_is_never_due(conn, public, remit):
    name = new_object_name()
    hand_in(public, URL, remit=remit, uploads=[SealedUpload(name, "a.png", 7)])
    expected = ("awaiting_hand_on", "hand_on", remit, False)
    assert sorted(read_items(conn)) == [("upload", *expected), ("url", *expected)]
    assert read_due(conn) == []
    for item_id in read_item_ids(conn):
        assert read_events(conn, item_id) == ["received", "out_of_remit", "reported"]
    hand_in(public, URL, remit=remit, now=LATER)
    assert {item[1] for item in read_items(conn)} == {"awaiting_hand_on"}


@pytest.mark.parametrize("remit", [Remit.CSAM, Remit.CSEM])
def test_a_report_of_ours_outranks_a_hand_on(conn, public, remit):
    hand_in(public, URL, remit=Remit.OTHER)
    hand_in(public, URL, remit=remit, now=LATER)
    assert read_item(conn) == ("url", "received", None, remit, False)
    (item_id,) = read_item_ids(conn)
    assert read_events(conn, item_id)[-2:] == ["reported_in_remit", "reported"]
    assert read_due(conn) == [item_id]
    hand_in(public, URL, remit=Remit.OTHER, now=LATER)
    assert read_item(conn) == ("url", "received", None, remit, False)


@pytest.mark.parametrize(
    ("captured_ago_s", "remit", "state"),
    [
        (None, Remit.CSAM, ItemState.RECEIVED),
        (86_400, Remit.CSAM, ItemState.RECEIVED),
        (90_000, Remit.CSEM, ItemState.RECEIVED),
        (86_399, Remit.CSAM, ItemState.CLOSED),
        (90_000, Remit.OTHER, ItemState.CLOSED),
    ],
)
def test_a_closed_item_is_opened_again_only_when_its_capture_is_old(
    conn, public, worker, captured_ago_s, remit, state
):
    hand_in(public, URL)
    (item_id,) = read_item_ids(conn)
    captured_at = None if captured_ago_s is None else LATER - timedelta(seconds=captured_ago_s)
    close_item(worker, item_id, captured_at=captured_at)
    hand_in(public, URL, remit=remit, now=LATER)
    assert read_item(conn)[1] == state
    assert count(conn, "reports") == 2
    tail = read_events(conn, item_id)[2:]
    assert tail == (["reported_again", "reported"] if state is ItemState.RECEIVED else ["reported"])
    assert read_due(conn) == ([item_id] if state is ItemState.RECEIVED else [])


def test_an_item_that_waits_for_a_person_stays_where_it_is(conn, public, worker):
    hand_in(public, URL)
    (item_id,) = read_item_ids(conn)
    place_for_assessment(worker, item_id)
    conn.execute("UPDATE items SET captured_at = captured_at - interval '30 days'")
    conn.commit()
    hand_in(public, URL)
    assert read_item(conn) == ("url", "awaiting_assessment", "look", "csam", False)


def test_danger_raises_the_lane_and_is_never_unsaid(conn, public, worker):
    hand_in(public, URL)
    (item_id,) = read_item_ids(conn)
    place_for_assessment(worker, item_id)
    hand_in(public, URL, danger=True, now=LATER)
    assert read_item(conn)[1:] == ("awaiting_assessment", "danger", "csam", True)
    hand_in(public, URL, danger=False, now=LATER)
    assert read_item(conn)[2:] == ("danger", "csam", True)


def test_danger_is_kept_when_an_item_is_opened_again_or_handed_back(conn, public, worker):
    hand_in(public, URL, danger=True)
    (item_id,) = read_item_ids(conn)
    close_item(worker, item_id)
    hand_in(public, URL, now=LATER)
    assert read_item(conn) == ("url", "received", None, "csam", True)
    hand_in(public, note="words", danger=True, now=LATER)
    assert read_items(conn)[1] == ("text", "awaiting_assessment", Lane.DANGER, "csam", True)


def test_a_picture_of_a_page_that_is_reported_comes_to_the_top(conn, public, worker):
    hand_in(public, "https://photos.example/page")
    (page,) = read_item_ids(conn)
    child = items.NewItem(
        kind=ItemKind.URL,
        state=ItemState.RECEIVED,
        remit=Remit.CSAM,
        danger=False,
        is_top_level=False,
        url=URL,
        url_key=hashlib.sha256(URL.encode()).digest(),
    )
    ((child_id, _),) = items.insert_items(worker, [child], now=NOW)
    items.link_children(worker, page, [child_id], capture_id=make_capture(worker, page))
    custody.append(worker, [custody.NewEvent(f"item/{child_id}", "received")], actor="worker", now=NOW)
    worker.commit()
    hand_in(public, URL, now=LATER)
    assert conn.execute("SELECT count(*) FROM items WHERE is_top_level").fetchone() == (2,)
    assert count(conn, "items") == 2


def test_five_thousand_addresses_are_one_report_and_one_more_is_refused(conn, public):
    lines = [f"https://photos.example/{number}.png" for number in range(5000)]
    started = time.monotonic()
    answer = hand_in(public, *lines)
    elapsed = time.monotonic() - started
    assert answer.unreadable == ()
    assert (count(conn, "items"), count(conn, "report_items")) == (5000, 5000)
    started = time.monotonic()
    hand_in(public, *lines, now=LATER)
    again = time.monotonic() - started
    assert count(conn, "items") == 5000
    assert max(elapsed, again) < 15, (elapsed, again)
    with pytest.raises(InvalidReportError, match="at most 5000 addresses"):
        hand_in(public, *lines, "https://photos.example/one-more.png")
    public.rollback()
    assert count(conn, "reports") == 2


def test_a_repeated_request_gets_the_same_answer_and_stores_nothing(conn, public):
    token_id = add_token(conn)
    values = by_token(token_id, "key-1", b"one")
    first = hand_in(public, URL, "unreadable", **values)
    again = hand_in(public, URL, "unreadable", now=LATER, **values)
    assert (again.receipt, again.unreadable) == (first.receipt, first.unreadable)
    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert (count(conn, "reports"), count(conn, "custody_events")) == (1, 3)
    with pytest.raises(IdempotencyConflictError):
        hand_in(public, URL, **by_token(token_id, "key-1", b"two"))
    public.rollback()
    other = hand_in(public, URL, **by_token(add_token(conn, "other"), "key-1", b"one"))
    fresh = hand_in(public, URL, **by_token(token_id, "key-2", b"one"))
    assert len({first.receipt, other.receipt, fresh.receipt}) == 3
    assert count(conn, "reports") == 3


def test_a_receipt_is_stored_only_as_its_keyed_digest(conn, public):
    receipt = hand_in(public, URL).receipt
    (stored,) = conn.execute("SELECT receipt_hmac FROM reports").fetchone()
    assert bytes(stored) == digest_receipt(receipt.lower().replace("-", " "), RECEIPT_KEY)
    assert bytes(stored) != digest_receipt(receipt, bytes(32))
    plain = receipt.replace("-", "").encode()
    for table in ("reports", "items", "custody_events"):
        for (row,) in conn.execute(f"SELECT {table}::text FROM {table}").fetchall():
            assert plain not in row.encode()
            assert receipt not in row


def test_custody_says_who_and_what_and_never_what_was_written(conn, public):
    token_id = add_token(conn)
    hand_in(public, "https://marker-host.example/marker-path", "marker line", note="marker note", danger=True)
    upload = SealedUpload(new_object_name(), "marker-file.png", 5)
    hand_in(public, uploads=[upload], now=LATER, **by_token(token_id, "marker-key", b""))
    rows = conn.execute("SELECT stream, actor, event, record FROM custody_events").fetchall()
    assert {row[1] for row in rows} == {"public", f"token/{token_id}"}
    assert all("marker" not in row[3] for row in rows)
    streams = {row[0].partition("/")[0]: row[0] for row in rows}
    assert set(streams) == {"report", "item"}
    assert count(conn, "custody_heads") == 4
    named = [json.loads(row[3])["body"]["report"] for row in rows if row[2] == "reported"]
    reports = [str(row[0]) for row in conn.execute("SELECT id FROM reports").fetchall()]
    assert sorted(named) == sorted(reports)
    assert custody.verify(conn).broken == ()


class CountingCursor(psycopg.Cursor):
    """Keeps the text of every statement that its connection runs."""

    def execute(self, query, *args, **kwargs):
        self.connection.statements.append(query)
        return super().execute(query, *args, **kwargs)

    def executemany(self, query, *args, **kwargs):
        self.connection.statements.append(query)
        return super().executemany(query, *args, **kwargs)


def test_known_and_unknown_addresses_run_the_same_statements(conn, public, worker):
    states = {}
    for name in ("fresh-capture", "closed", "waiting", "foreign"):
        url = f"https://{name}.example/"
        hand_in(public, url, remit=Remit.OTHER if name == "foreign" else Remit.CSAM)
        states[name] = next(item for item in read_item_ids(conn) if item not in states.values())
    close_item(worker, states["fresh-capture"], captured_at=NOW)
    close_item(worker, states["closed"])
    place_for_assessment(worker, states["waiting"])
    public.cursor_factory = CountingCursor
    runs = []
    for name in (*states, "never-heard-of"):
        public.statements = []
        answer = hand_in(public, f"https://{name}.example/", "unreadable", now=LATER)
        runs.append((public.statements, len(answer.receipt), answer.unreadable, answer.is_repeat))
    assert len(runs[0][0]) >= 9
    assert all(run == runs[0] for run in runs)


def run_together(*works):
    """Run each in a thread of its own, started at the same moment; return what they raised."""
    gate = threading.Barrier(len(works))
    failures = []

    def run(work):
        try:
            gate.wait(10)
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return failures


def test_two_reports_of_the_same_addresses_in_opposite_order_neither_deadlock_nor_double(conn, as_role):
    first, second, third = (as_role(PUBLIC) for _ in range(3))
    for turn in range(4):
        lines = [f"https://photos.example/{turn}/{number}" for number in range(200)]
        shuffled = lines[1::2] + lines[::2]
        failures = run_together(
            lambda lines=lines: hand_in(first, *lines, now=NOW),
            lambda lines=lines: hand_in(second, *lines[::-1], now=NOW, danger=True),
            lambda lines=shuffled: hand_in(third, *lines, now=NOW, remit=Remit.OTHER),
        )
        assert failures == []
    assert (count(conn, "items"), count(conn, "reports"), count(conn, "report_items")) == (800, 12, 2400)
    assert {item[4] for item in read_items(conn)} == {True}
    assert {item[1] for item in read_items(conn)} == {"received"}
    assert custody.verify(conn).broken == ()


def test_two_reporters_of_a_closed_item_open_it_once(conn, as_role, worker):
    first, second = as_role(PUBLIC), as_role(PUBLIC)
    hand_in(first, URL)
    (item_id,) = read_item_ids(conn)
    close_item(worker, item_id)
    hand_in(first, URL, now=LATER, commit=False)
    failures = []

    def report_too():
        try:
            hand_in(second, URL, now=LATER)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=report_too)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive(), "the second did not wait for the first"
    first.commit()
    thread.join(20)
    assert (failures, thread.is_alive()) == ([], False)
    assert read_events(conn, item_id)[2:] == ["reported_again", "reported", "reported"]
    assert (read_item(conn)[1], count(conn, "reports")) == ("received", 3)


def test_reports_and_captures_at_the_same_moment_do_not_deadlock(conn, as_role):
    public, worker = as_role(PUBLIC), as_role(WORKER)
    lines = [f"https://photos.example/{number}" for number in range(40)]
    hand_in(public, *lines)
    ids = list(read_item_ids(conn))

    def work_off():
        for item_id in ids[::-1]:
            with worker.transaction():
                items.lock_item(worker, item_id)
                items.move_item(
                    worker,
                    item_id,
                    ItemState.RECEIVED,
                    "capture_refused",
                    now=NOW,
                    lane=Lane.LOOK,
                    reason="refused",
                )
                event = custody.NewEvent(f"item/{item_id}", "capture_refused")
                custody.append(worker, [event], actor="worker", now=NOW)

    def report_again():
        for turn in range(10):
            hand_in(public, *lines, danger=turn == 5, now=LATER)

    assert run_together(work_off, report_again) == []
    assert {item[1:] for item in read_items(conn)} == {("awaiting_assessment", "danger", "csam", True)}
    assert count(conn, "reports") == 11


def test_an_upload_names_its_sealed_object_and_its_file_name_is_cut(conn, public):
    names = [new_object_name() for _ in range(3)]
    uploads = [SealedUpload(name, "x\x00\udcff" * 300, 5) for name in names]
    hand_in(public, URL, uploads=uploads)
    assert sorted(item[0] for item in read_items(conn)) == ["upload", "upload", "upload", "url"]
    stored = conn.execute("SELECT name, bytes FROM intake_objects").fetchall()
    assert sorted(stored) == sorted((name, 5) for name in names)
    cut = conn.execute("SELECT DISTINCT file_name FROM items WHERE kind = 'upload'").fetchall()
    assert [set(row[0]) for row in cut] == [{"x"}]
