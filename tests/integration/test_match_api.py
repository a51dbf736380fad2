"""POST /api/v1/match over a real web server: an answer for each hash, or one clear refusal; never an empty guess."""

import hashlib
import json
import logging
from datetime import timedelta

import httpx2
import pytest

from hashsets.model import Algorithm, Entry, EntryClass
from tests.builders import SENDING, count_rows, import_entries, list_entry
from tests.public_server import TOKEN, add_token, run_public_surface
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.steps.change_hash_sets import withdraw_entry
from triage.store import tokens
from triage.store.people import digest_token
from triage.store.questions import Quota, count_question, find_generation_for

ROUTE = "/api/v1/match"
PDQ = hashlib.sha256(b"a pdq").hexdigest()
SHA256 = hashlib.sha256(b"listed").hexdigest()
OTHER = hashlib.sha256(b"not listed").hexdigest()
BLANK = "0" * 64


def turn_bits(value, bits):
    return f"{int(value, 16) ^ ((1 << bits) - 1):064x}"


def ask_for(*pairs):
    return {"hashes": [{"algorithm": algorithm, "value": value} for algorithm, value in pairs]}


@pytest.fixture
def surface(database, conn, tmp_path):
    add_token(conn, scope="match")
    import_entries(
        conn,
        "practice",
        list_entry("a", data=b"listed"),
        list_entry("b", pdq=PDQ, entry_class=EntryClass.NATIONAL_ILLEGAL),
    )
    with run_staff_surface(database, root=tmp_path, match_per_minute=2500, match_per_day=4000) as running:
        yield running


@pytest.fixture
def client(surface):
    with open_client(surface) as opened:
        yield opened


def open_client(surface, token=TOKEN):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx2.Client(base_url=surface.url, headers=headers, trust_env=False, timeout=30)


def say(response, status):
    assert response.status_code == status, response.text
    assert list(response.json()) == ["error"]
    return response.json()["error"]


# Who may not ask


def test_whatever_is_wrong_with_a_token_is_answered_alike(surface, conn):
    for name, scope, days in (("intake", "intake", 1), ("old", "match", -1), ("back", "match", 1)):
        add_token(conn, f"hotline_{name}", scope, days=days)
    tokens.revoke_token(conn, "token hotline_back", now=utcnow())
    conn.commit()
    answers = set()
    for token in (None, "", "hotline_unknown", "hotline_intake", "hotline_old", "hotline_back", "x" * 5000):
        with open_client(surface, token) as client:
            for body in (b"not JSON", json.dumps(ask_for(("sha256", SHA256))).encode()):
                response = client.post(ROUTE, content=body, headers={"content-type": "application/json"})
                answers.add((response.status_code, response.text, response.headers["www-authenticate"]))
    assert answers == {(401, '{"error":"A valid token with the scope `match` is needed."}', "Bearer")}
    assert count_rows(conn, "SELECT count(*) FROM match_questions") == 0


def test_a_token_that_was_just_good_is_refused_as_soon_as_it_is_taken_back(client, conn):
    assert client.post(ROUTE, json=ask_for(("sha256", SHA256))).status_code == 200
    tokens.revoke_token(conn, f"token {TOKEN[-20:]}", now=utcnow())
    conn.commit()
    for _ in range(2):
        assert client.post(ROUTE, json=ask_for(("sha256", SHA256))).status_code == 401
        assert client.post(ROUTE, content=b"not JSON").status_code == 401
    assert count_rows(conn, "SELECT count(*) FROM match_questions") == 1


def test_a_session_of_a_person_is_no_token(surface):
    browser = surface.sign_in("Ana")
    assert browser.post(ROUTE, {"hashes": "[]"}).status == 401


def test_the_public_surface_has_no_such_route(database, conn, tmp_path):
    add_token(conn, scope="match")
    with run_public_surface(tmp_path / "state", database.dsns["hotline_public"]) as running:
        with running.client() as client:
            assert client.post(ROUTE, json=ask_for(("sha256", SHA256))).status_code == 404
            assert client.get(ROUTE).status_code == 404


def test_the_public_role_cannot_read_a_list_or_ask(as_role):
    import psycopg

    public = as_role("hotline_public")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        find_generation_for(public, b"", now=utcnow())


# What is no question


UNREADABLE = [
    b"",
    b"nul\0",
    b"[" * 100_000,
    b"[]",
    b'{"hashes": []}',
    b'{"hashes": {}}',
    b'{"hashes": [1]}',
    b'{"hashes": [{"algorithm": "pdq"}]}',
    b'{"hashes": [{"algorithm": ["pdq"], "value": "00"}]}',
    b'{"hashes": [{"algorithm": "photodna", "value": "00"}]}',
    json.dumps({"hashes": [{"algorithm": "pdq", "value": PDQ[:-1]}]}).encode(),
    json.dumps({"hashes": [{"algorithm": "sha256", "value": "g" * 64}]}).encode(),
    json.dumps({"hashes": [{"algorithm": "sha256", "value": SHA256, "quality": 3}]}).encode(),
    json.dumps({"hashes": [{"algorithm": "pdq", "value": PDQ, "quality": True}]}).encode(),
    json.dumps({"hashes": [{"algorithm": "pdq", "value": PDQ, "more": 1}]}).encode(),
    json.dumps({"hashes": [{"algorithm": "pdq", "value": PDQ}], "more": 1}).encode(),
    json.dumps(ask_for(*[("md5", "ab" * 16)] * 1001)).encode(),
]


def test_what_cannot_be_read_is_refused_in_one_line_without_a_value(client):
    for body in UNREADABLE:
        response = client.post(ROUTE, content=body, headers={"content-type": "application/json"})
        sentence = say(response, 422)
        assert "\n" not in sentence
        assert not any(value[:-1] in sentence for value in (PDQ, SHA256, "g" * 64))


def test_too_much_and_another_type_are_refused(client):
    too_large = b" " * (256 * 1024 + 1)
    say(client.post(ROUTE, content=too_large, headers={"content-type": "application/json"}), 413)
    say(client.post(ROUTE, content=b"hashes=1"), 415)


# What is answered


def test_each_hash_has_its_answer_in_order_and_the_nearest_first(client, conn):
    near = turn_bits(PDQ, 7)
    asked = ask_for(
        ("sha256", SHA256.upper()), ("pdq", near), ("sha256", OTHER), ("pdq", BLANK), ("pdq", near)
    )
    asked["hashes"].append({"algorithm": "pdq", "value": PDQ, "quality": 49})
    response = client.post(ROUTE, json=asked)
    assert response.status_code == 200, response.text
    exact, first, other, blank, again, poor = response.json()["answers"]
    rest = {"contested": False, "negative": False, "set": "practice"}
    assert exact == {
        "compared": True,
        "hits": [rest | {"class": "baseline", "kind": "exact", "distance": 0, "band": "exact"}],
    }
    nearly = {"class": "national_illegal", "kind": "near", "distance": 7, "band": "strong"}
    assert first == {"compared": True, "hits": [rest | nearly]}
    assert again == first
    assert other == {"compared": True, "hits": []}
    assert blank == poor == {"compared": False, "hits": []}
    rows = conn.execute("SELECT hashes, hits FROM match_questions").fetchall()
    assert rows == [(6, 3)]


def test_an_entry_that_was_withdrawn_is_silent_at_once_and_a_new_one_speaks_at_once(client, conn):
    def count_hits(value):
        return len(client.post(ROUTE, json=ask_for(("sha256", value))).json()["answers"][0]["hits"])

    assert (count_hits(SHA256), count_hits(OTHER)) == (1, 0)
    withdraw_entry(conn, "practice", "a", actor="cli", now=utcnow(), sending=SENDING)
    conn.commit()
    import_entries(conn, "practice", list_entry("c", data=b"not listed"))
    assert (count_hits(SHA256), count_hits(OTHER)) == (0, 1)


def test_what_lists_contradict_and_what_they_call_harmless_is_said(client, conn):
    entry = Entry("n", EntryClass.NOT_ILLEGAL, "csv", "x", frozenset({(Algorithm.MD5, "ab" * 16)}))
    import_entries(conn, "harmless", entry)
    conn.execute("UPDATE hash_sets SET is_negative = true WHERE name = 'harmless'")
    conn.execute("UPDATE hash_entries SET is_contested = true WHERE source_key = 'a'")
    conn.commit()
    answers = client.post(ROUTE, json=ask_for(("sha256", SHA256), ("md5", "ab" * 16))).json()["answers"]
    assert answers[0]["hits"][0]["contested"] is True
    assert (answers[1]["hits"][0]["class"], answers[1]["hits"][0]["negative"]) == ("not_illegal", True)


def test_a_thousand_hashes_are_one_question(client, conn):
    values = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(999)]
    response = client.post(ROUTE, json=ask_for(*[("sha256", one) for one in values], ("sha256", SHA256)))
    answers = response.json()["answers"]
    assert [len(one["hits"]) for one in answers] == [0] * 999 + [1]
    assert conn.execute("SELECT hashes, hits FROM match_questions").fetchall() == [(1000, 1)]


# Quotas, and an index that does not work


def test_a_token_asks_no_more_than_its_quota_and_another_one_is_not_held_up(surface, client, conn):
    thousand = ask_for(*[("md5", "ab" * 16)] * 1000)
    assert [client.post(ROUTE, json=thousand).status_code for _ in range(3)] == [200, 200, 429]
    assert client.post(ROUTE, json=ask_for(("sha256", SHA256))).status_code == 200
    assert say(client.post(ROUTE, json=thousand), 429)
    conn.execute("UPDATE match_quotas SET minute = minute + interval '1 minute'")
    conn.commit()
    assert say(
        client.post(ROUTE, json=thousand), 429
    )  # a question that comes late finds the quota as it stands
    conn.execute("UPDATE match_quotas SET minute = minute - interval '2 minutes'")
    conn.commit()
    assert client.post(ROUTE, json=thousand).status_code == 200
    conn.execute("UPDATE match_quotas SET minute = minute - interval '1 minute'")
    conn.commit()
    assert say(client.post(ROUTE, json=thousand), 429)  # the day is spent
    assert count_rows(conn, "SELECT sum(hashes) FROM match_questions") == 3001
    add_token(conn, "hotline_second", "match")
    with open_client(surface, "hotline_second") as second:
        assert second.post(ROUTE, json=thousand).status_code == 200


def test_a_new_day_begins_a_new_quota(conn, as_role):
    add_token(conn, scope="match")
    staff, now = as_role("hotline_staff"), utcnow()
    digest, quota = digest_token(TOKEN), Quota(5, 5)

    def ask(days):
        at = now + timedelta(days=days)
        counted = count_question(staff, digest, hashes=5, hits=0, generation=0, quota=quota, now=at)
        return counted.is_in_force, counted.is_stored

    # The token of the test lives for a day: on the next one it is not in force any more.
    assert [ask(days) for days in (0, 0, 1)] == [(True, True), (True, False), (False, False)]
    staff.commit()
    conn.execute("UPDATE api_tokens SET expires_at = expires_at + interval '9 days'")
    conn.commit()
    assert [ask(1), ask(1)] == [(True, True), (True, False)]


def test_an_answer_older_than_the_lists_is_not_counted(conn, as_role):
    add_token(conn, scope="match")
    import_entries(conn, "practice", list_entry("a", data=b"listed"))
    staff, digest = as_role("hotline_staff"), digest_token(TOKEN)
    old = count_question(staff, digest, hashes=1, hits=0, generation=0, quota=Quota(5, 5), now=utcnow())
    assert (old.is_in_force, old.is_stored, old.generation) == (True, False, 1)
    staff.commit()
    assert count_rows(conn, "SELECT count(*) FROM match_questions") == 0


def test_an_index_that_cannot_be_opened_is_an_error_and_never_no_match(surface, client, conn):
    asked = ask_for(("sha256", SHA256))
    assert client.post(ROUTE, json=asked).status_code == 200
    folder = surface.tools.index._folder
    folder.rename(folder.with_name("aside"))
    folder.write_bytes(b"not a folder")
    sentence = say(client.post(ROUTE, json=asked), 503)
    assert "nothing was matched" in sentence
    assert str(folder) not in sentence
    assert count_rows(conn, "SELECT count(*) FROM match_questions") == 1
    assert count_rows(conn, "SELECT in_minute FROM match_quotas") == 1  # what was not answered is not counted
    folder.unlink()
    folder.with_name("aside").rename(folder)
    assert client.post(ROUTE, json=asked).json()["answers"][0]["hits"]


def test_the_log_and_the_rows_hold_no_value(client, conn, caplog):
    caplog.set_level(logging.DEBUG)
    client.post(ROUTE, json=ask_for(("sha256", SHA256), ("pdq", PDQ)))
    client.post(ROUTE, json=ask_for(("sha256", SHA256[:-1])))
    assert not any(value[:-1] in caplog.text for value in (SHA256, PDQ, TOKEN))
    rows = conn.execute("SELECT match_questions::text FROM match_questions").fetchall()
    assert not any(value in str(rows) for value in (SHA256, PDQ))
