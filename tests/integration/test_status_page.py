"""What a receipt tells: three coarse words, a day late, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.intake import RECEIPT_KEY, close_item, hand_in, read_item_ids
from tests.public_server import TOKEN, add_token, run_public_surface
from triage.clock import utcnow
from triage.rules.receipts import (
    ItemCounts,
    ReceiptStatus,
    find_last_midnight,
    find_next_telling,
    read_receipt,
    tell_status,
)
from triage.steps.receive_report import digest_receipt
from triage.store.reports import count_items_of_receipt

NOW = datetime(2026, 7, 5, 10, 0, tzinfo=UTC)
EARLIER, TODAY = NOW - timedelta(days=2), NOW - timedelta(hours=1)
LONG_AGO = NOW - timedelta(days=3)


@pytest.mark.parametrize(
    ("items", "status"),
    [
        ([("received", EARLIER)], ReceiptStatus.RECEIVED),
        ([("awaiting_assessment", TODAY)], ReceiptStatus.RECEIVED),
        ([("closed", TODAY)], ReceiptStatus.RECEIVED),
        ([("awaiting_assessment", EARLIER)], ReceiptStatus.BEING_CHECKED),
        ([("closed", EARLIER), ("awaiting_assessment", EARLIER)], ReceiptStatus.BEING_CHECKED),
        ([("closed", EARLIER), ("closed", TODAY)], ReceiptStatus.BEING_CHECKED),
        ([("closed", EARLIER), ("closed", EARLIER)], ReceiptStatus.CLOSED),
    ],
)
def test_today_is_never_told(conn, items, status):
    urls = [f"https://a.example/{place}" for place in range(len(items))]
    receipt = hand_in(conn, *urls, now=LONG_AGO).receipt
    for place, (state, moved_at) in enumerate(items):
        waits = {"received": (None, None, NOW), "closed": (None, "removed", None)}
        lane, closed_as, due = waits.get(state, ("look", None, None))
        conn.execute(
            "UPDATE items SET state = %(state)s, base_lane = %(lane)s, reason = %(reason)s, closed_as = %(closed_as)s,"
            " next_try_at = %(due)s, moved_at = %(moved_at)s WHERE url = %(url)s",
            {"state": state, "lane": lane, "closed_as": closed_as, "due": due}
            | {"url": f"https://a.example/{place}", "moved_at": moved_at, "reason": lane},
        )
    digest = digest_receipt(receipt, RECEIPT_KEY)
    counts = count_items_of_receipt(conn, digest, before=find_last_midnight(NOW))
    assert (counts.items, tell_status(counts)) == (len(items), status)
    assert count_items_of_receipt(conn, bytes(32), before=NOW) == ItemCounts(0, 0, 0)


def test_a_fresh_report_does_not_tell_that_its_address_was_known(surface, conn):
    known, unknown = "https://known.example/a", "https://unknown.example/a"
    with surface.client(TOKEN) as client:
        client.post("/api/v1/reports", json={"urls": [known]})
        (item_id,) = read_item_ids(conn)
        now = utcnow()
        close_item(conn, item_id, now=now - timedelta(days=9), captured_at=now - timedelta(hours=1))
        for url in (known, unknown):
            receipt = client.post("/api/v1/reports", json={"urls": [url]}).json()["receipt"]
            assert "Received" in ask(client, receipt).text, url
            # Just before a midnight that has passed: the next minute must not tell it either.
            digest = digest_receipt(receipt, surface.tools.receipt_key)
            for later, word in ((timedelta(hours=23), "received"), (timedelta(hours=25), "closed")):
                counts = count_items_of_receipt(conn, digest, before=now + later)
                assert tell_status(counts) == (word if url == known else "received")


def test_a_receipt_is_read_as_people_write_it():
    typed = (
        "7awc-djba-4f0f1",
        "7AWC DJBA 4FOFI",
        " 7awc\u2013djba\u20134fofl. ",
        "7AWC\u200bDJBA\u00a04F0F1",
    )
    assert {read_receipt(text) for text in typed} == {"7AWCDJBA4F0F1"}
    assert read_receipt("7AWC-DJBA-4F9F~") == "7AWCDJBA4F9F~"


def test_mails_to_reporters_leave_at_nine_in_albania():
    assert find_next_telling(NOW) == datetime(2026, 7, 6, 7, 0, tzinfo=UTC)
    assert find_next_telling(datetime(2026, 1, 5, 1, 0, tzinfo=UTC)) == datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
    eve = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)  # the clocks go forward that night
    assert find_next_telling(eve) == datetime(2026, 3, 29, 7, 0, tzinfo=UTC)


def test_the_day_begins_at_midnight_in_albania():
    assert find_last_midnight(NOW) == datetime(2026, 7, 4, 22, 0, tzinfo=UTC)
    assert find_last_midnight(datetime(2026, 1, 5, 22, 59, tzinfo=UTC)) == datetime(
        2026, 1, 4, 23, tzinfo=UTC
    )


@pytest.fixture
def surface(state_root, database, conn):
    add_token(conn)
    with run_public_surface(state_root, database.dsns["hotline_public"]) as running:
        yield running


def ask(client, receipt, language="en"):
    return client.post("/status", files={"receipt": (None, receipt), "lang": (None, language)})


def test_a_receipt_opens_its_status_however_it_is_typed(surface, conn):
    with surface.client(TOKEN) as client:
        said = client.post("/api/v1/reports", json={"urls": ["http://photos.example/a.jpg"]}).json()[
            "receipt"
        ]
        typed = said.replace("-", " ").lower().replace("0", "o").replace("1", "l")
        for receipt in (said, said.lower(), typed):
            answer = ask(client, receipt)
            assert (answer.status_code, "Received" in answer.text) == (200, True), receipt
        conn.execute(
            "UPDATE items SET state = 'awaiting_assessment', base_lane = 'look', reason = 'x',"
            " next_try_at = NULL, moved_at = now() - interval '3 days'"
        )
        conn.execute("UPDATE reports SET received_at = now() - interval '4 days'")
        conn.commit()
        answer = ask(client, said, "sq")
        assert "Po kontrollohet" in answer.text
        assert said not in answer.text


def test_no_other_code_tells_anything(surface):
    with surface.client(None) as client:
        for receipt in ("", "x", "7AWC-DJBA-4F9F3", "%", "' OR 1=1 --", "\N{SNOWMAN}" * 13):
            answer = ask(client, receipt)
            assert answer.status_code == 404
            assert "There is no report with this code" in answer.text
        assert ask(client, "A" * 10_000).status_code == 413
        assert client.get("/status?lang=sq").status_code == 200
