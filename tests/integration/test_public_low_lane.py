"""The low lane: what looks like a machine's work is never refused, gets the same answer, and is served last."""

from datetime import timedelta

import pytest

from tests.console import open_item
from tests.intake import close_item, count, hand_in, place_for_assessment, read_item_ids
from tests.public_forms import ask_token, post, read_receipt
from tests.public_server import run_public_surface
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.ids import new_id
from triage.rules.form_token import make_form_token
from triage.rules.states import ItemState
from triage.store import items

URL = "https://photos.example/a.png"


@pytest.fixture
def surface(database, tmp_path):
    with run_public_surface(
        tmp_path / "state",
        database.dsns["hotline_public"],
        subnet_burst=1000,
        trusted_proxies=("127.0.0.0/8",),
    ) as running:
        yield running


@pytest.fixture
def client(surface):
    with surface.client(None) as opened:
        yield opened


def token_of_age(surface, seconds):
    at = utcnow() - timedelta(seconds=seconds)
    return make_form_token(new_id().bytes, surface.tools.receipt_key, now=at)


def read_lows(conn):
    rows = conn.execute("SELECT is_low FROM reports ORDER BY received_at, id").fetchall()
    conn.rollback()
    return [row[0] for row in rows]


def test_a_person_s_form_is_not_low_and_a_machine_s_is(client, surface, conn):
    fitting = token_of_age(surface, 60)
    tried = [
        ({"token": fitting}, False),
        ({"token": fitting, "website": "http://spam.example"}, True),
        ({"token": fitting, "website": ["", "x"]}, True),
        ({"token": ask_token(client)}, True),
        ({"token": token_of_age(surface, 90_000)}, True),
        ({"token": ""}, True),
        ({"token": "forged"}, True),
        ({"token": fitting, "website": "x", "danger": "yes"}, False),
        ({"token": "", "danger": "yes"}, False),
    ]
    pages = []
    for number, (fields, _) in enumerate(tried):
        answer = post(client, urls=f"https://photos.example/{number}", **fields)
        words = answer.text.replace(read_receipt(answer), "")
        pages += [words] if "danger" not in fields else []
    assert read_lows(conn) == [low for _, low in tried]
    assert len(set(pages)) == 1


def test_a_form_that_was_shown_again_keeps_its_age(client, surface, conn):
    token = token_of_age(surface, 60)
    refused = post(client, token=token)
    assert (refused.status_code, f'value="{token}"' in refused.text) == (422, True)
    old = token_of_age(surface, 90_000)
    assert f'value="{old}"' not in post(client, token=old).text


def test_too_many_from_one_subnet_wait_and_their_neighbours_do_not(database, tmp_path, conn):
    with (
        run_public_surface(
            tmp_path / "state",
            database.dsns["hotline_public"],
            trusted_proxies=("127.0.0.0/8",),
            subnet_burst=3,
        ) as surface,
        surface.client(None) as client,
    ):
        for number in range(7):
            token = token_of_age(surface, 60)
            address = f"192.0.2.{number}" if number < 5 else "198.51.100.1"
            header = {"x-forwarded-for": f"203.0.113.{number}, {address}"}
            read_receipt(post(client, token=token, urls=f"https://a.example/{number}", headers=header))
        read_receipt(
            post(client, token=token, urls=URL, danger="yes", headers={"x-forwarded-for": "192.0.2.1"})
        )
    assert read_lows(conn) == [False, False, False, True, True, False, False, False]


def test_a_stranger_s_header_changes_nothing(database, tmp_path, conn):
    dsn = database.dsns["hotline_public"]
    with (
        run_public_surface(tmp_path / "state", dsn, subnet_burst=1) as surface,
        surface.client(None) as client,
    ):
        for number in range(3):
            headers = {"x-forwarded-for": f"198.51.{number}.1", "forwarded": f"for=198.51.{number}.1"}
            read_receipt(post(client, token=token_of_age(surface, 60), urls=URL, headers=headers))
    assert read_lows(conn) == [False, True, True]


def test_what_a_machine_sends_keeps_no_mail_address_in_danger_or_not(client, surface, conn):
    for danger in ("no", "yes"):
        read_receipt(post(client, token="", urls=URL, email="a@b.example", age_band="18_24", danger=danger))
    assert (count(conn, "reporter_mails"), count(conn, "reporter_facts")) == (0, 2)
    read_receipt(post(client, token=token_of_age(surface, 60), urls=URL, email="a@b.example"))
    assert count(conn, "reporter_mails") == 1


def test_a_form_that_the_page_of_another_site_sends_is_low(client, surface, conn):
    token = token_of_age(surface, 60)  # anybody can ask for one and put it into a page of his own
    for number, site in enumerate(("same-origin", "none", "cross-site", "same-site")):
        headers = {"sec-fetch-site": site}
        read_receipt(post(client, token=token, urls=f"{URL}{number}", headers=headers))
    assert read_lows(conn) == [False, False, True, True]


def take(conn, *, late):
    now = utcnow() + timedelta(seconds=1)
    found = items.take_due(conn, [ItemState.RECEIVED], now=now, nudged_before=now, limit=50, late=late)
    conn.rollback()
    return [row[0] for row in found]


def test_low_items_are_captured_after_all_others_and_none_is_lost(conn, as_role):
    public, worker = as_role("hotline_public"), as_role("hotline_worker")
    hand_in(public, "https://a.example/low", is_low=True)
    hand_in(public, *(f"https://a.example/{number}" for number in range(27)))
    hand_in(public, "https://a.example/danger", danger=True)
    low, *rest = read_item_ids(conn)
    assert low not in take(worker, late=False)
    late = take(worker, late=True)
    assert len(late) == 3
    assert low in late
    assert set(take(worker, late=False)) | set(late) == {low, *rest}


def is_low(conn, item_id):
    row = conn.execute("SELECT is_low FROM items WHERE id = %s", (item_id,)).fetchone()
    conn.rollback()
    return row[0]


def test_any_other_report_raises_a_low_item_and_no_low_one_lowers_it(conn, as_role):
    public = as_role("hotline_public")
    for raising in ({}, {"danger": True}):
        url = f"https://a.example/{len(raising)}"
        hand_in(public, url, is_low=True)
        item_id = read_item_ids(conn)[-1]
        assert is_low(conn, item_id)
        hand_in(public, url, is_low=True)
        assert is_low(conn, item_id)
        hand_in(public, url, **raising)
        assert not is_low(conn, item_id)
        hand_in(public, url, is_low=True)
        assert not is_low(conn, item_id)


def test_a_closed_item_that_comes_again_by_a_low_report_is_low(conn, as_role):
    public = as_role("hotline_public")
    hand_in(public, URL)
    (item_id,) = read_item_ids(conn)
    close_item(as_role("hotline_worker"), item_id)
    hand_in(public, URL, is_low=True)
    assert is_low(conn, item_id)
    assert conn.execute("SELECT state FROM items").fetchone() == ("received",)
    hand_in(public, URL, danger=True)
    close_item(as_role("hotline_worker"), item_id)
    hand_in(public, URL, is_low=True)
    assert not is_low(conn, item_id)


def test_the_queue_shows_low_items_last_and_says_so(conn, database, tmp_path, as_role):
    hand_in(conn, "https://a.example/low", is_low=True, note="words")
    hand_in(conn, "https://a.example/first", now=utcnow())
    hand_in(conn, "https://a.example/danger", now=utcnow(), danger=True)
    low, *_ = ids = read_item_ids(conn)
    for item_id in ids:
        place_for_assessment(as_role("hotline_worker"), item_id)
    with run_staff_surface(database, root=tmp_path) as staff:
        ana = staff.sign_in("Ana")
        rows = ana.open("/queue?lane=look&lang=en").tree.css("#rows tbody tr")
        assert ["last: may be by a machine" in row.text() for row in rows] == [False, True]
        assert "last: may be by a machine" in open_item(ana, low).words
        ana.submit("recapture")
    assert not is_low(conn, low)
