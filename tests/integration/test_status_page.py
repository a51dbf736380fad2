"""What a receipt tells: three coarse words, a day late, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.public_server import TOKEN, add_token, run_public_surface
from triage.rules.receipts import ReceiptStatus, find_last_midnight, tell_status
from triage.rules.states import ItemState

NOW = datetime(2026, 7, 5, 10, 0, tzinfo=UTC)
EARLIER, TODAY = NOW - timedelta(days=2), NOW - timedelta(hours=1)
RECEIVED, WAITING, CLOSED = ItemState.RECEIVED, ItemState.AWAITING_ASSESSMENT, ItemState.CLOSED


@pytest.mark.parametrize(
    ("items", "status"),
    [
        ([(RECEIVED, EARLIER)], ReceiptStatus.RECEIVED),
        ([(WAITING, TODAY)], ReceiptStatus.RECEIVED),
        ([(CLOSED, TODAY)], ReceiptStatus.RECEIVED),
        ([(WAITING, EARLIER)], ReceiptStatus.BEING_CHECKED),
        ([(CLOSED, EARLIER), (WAITING, EARLIER)], ReceiptStatus.BEING_CHECKED),
        ([(CLOSED, EARLIER), (CLOSED, TODAY)], ReceiptStatus.BEING_CHECKED),
        ([(CLOSED, EARLIER), (CLOSED, EARLIER)], ReceiptStatus.CLOSED),
        ([(ItemState.NOTIFIED, EARLIER)], ReceiptStatus.BEING_CHECKED),
    ],
)
def test_today_is_never_told(items, status):
    assert tell_status(items, now=NOW) is status


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
