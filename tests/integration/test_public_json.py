"""The form as JSON: the same limits, the same checks; only named origins may read it from a page."""

import json
import time

import pytest

from api.public.texts import TEXTS
from tests.intake import count
from tests.public_forms import RECEIPT, post, read_receipt
from tests.public_server import run_public_surface

ORIGIN = "https://www.isigurt.example"
REPORTS, STATUS, FORM = (f"/api/v1/public/{name}" for name in ("reports", "status", "form"))
URL = "https://photos.example/a.png"


@pytest.fixture
def surface(database, tmp_path):
    with run_public_surface(
        tmp_path / "state",
        database.dsns["hotline_public"],
        form_age_min_s=0.0,
        report_max_urls=3,
        public_origins=(ORIGIN,),
    ) as running:
        yield running


@pytest.fixture
def client(surface):
    with surface.client(None) as opened:
        yield opened


def send(client, **body):
    return client.post(REPORTS, json={"form": client.get(FORM).json()["form"]} | body)


def read_errors(answer):
    errors = answer.json()["errors"]
    assert all(one["sq"] and one["en"] and one["sq"] != one["en"] for one in errors)
    return {(one["field"], one["code"]) for one in errors}


def test_a_report_gets_its_receipt_and_the_receipt_its_status(client, conn):
    answer = send(client, urls=[URL, "what is this"], remit="csem", note="ë", language="en", age_band="18_24")
    assert answer.status_code == 201
    said = answer.json()
    assert RECEIPT.fullmatch(said["receipt"])
    assert [(one["line"], one["code"]) for one in said["unreadable"]] == [(2, "scheme")] or said["unreadable"]
    assert "phones" not in said
    assert conn.execute("SELECT channel, remit, note, danger, is_low FROM reports").fetchall() == [
        ("public", "csem", "ë", False, False)
    ]
    typed = said["receipt"].lower().replace("-", " ").replace("0", "o")
    status = client.post(STATUS, json={"receipt": typed})
    assert (status.status_code, status.json()["status"], status.json()["en"]) == (200, "received", "Received")


def test_danger_is_answered_with_the_numbers(client):
    said = send(client, urls=[URL], danger="yes").json()
    assert [(one["name"], one["number"]) for one in said["phones"]] == [
        ("police", "129"),
        ("helpline", "116 111"),
    ]


def test_every_field_is_checked_as_the_form_does(client, conn):
    wrong = [
        ({}, {("urls", "urls_missing")}),
        ({"urls": ["what is"]}, {("urls", "urls_unreadable")}),
        ({"urls": [f"{URL}{number}" for number in range(4)]}, {("urls", "urls_many")}),
        ({"urls": [URL], "note": "x" * 4001}, {("note", "note_long")}),
        (
            {"urls": [URL], "note": "a\x00b", "email": "a@b"},
            {("note", "unfit"), ("email", "email_unreadable")},
        ),
        (
            {"urls": [URL], "remit": "all", "sex": "x"},
            {("remit", "choice_unknown"), ("sex", "choice_unknown")},
        ),
        ({"urls": URL}, {("urls", "body_unreadable")}),
        ({"urls": [URL], "danger": True}, {("danger", "body_unreadable")}),
        ({"urls": [URL], "<script>": 1}, {(None, "body_unreadable")}),
    ]
    for body, errors in wrong:
        answer = send(client, **body)
        assert (answer.status_code, read_errors(answer)) == (422, errors), body
        assert "script" not in answer.text
    for content in (
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"urls": ["\\ud800"], "note": "x"}',
        b"[" * 100_000,
        b"\xff",
    ):
        answer = client.post(REPORTS, content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 422, content[:20]
    assert (
        client.post(REPORTS, content=b'{"urls": []}', headers={"content-type": "text/plain"}).status_code
        == 415
    )
    assert client.post(REPORTS, files={"urls": (None, URL)}).status_code == 415
    assert client.post(REPORTS, json={"note": "x" * 2_000_000}).status_code == 413
    assert count(conn, "reports") == 0


def test_a_body_of_nothing_but_faults_costs_no_more_than_its_reading(client):
    head = {"content-type": "application/json"}
    bodies = {
        "urls": b'{"urls": [' + b",".join([b"1"] * 500_000) + b"]}",
        None: b"{" + b",".join(b'"k%d":1' % number for number in range(80_000)) + b"}",
    }
    for field, body in bodies.items():
        started = time.perf_counter()
        answer = client.post(REPORTS, content=body, headers=head)
        assert (answer.status_code, read_errors(answer)) == (422, {(field, "body_unreadable")})
        assert time.perf_counter() - started < 3, field


def test_a_receipt_that_is_none_is_unknown_whatever_it_is(client):
    for receipt in ("", "x", "7AWC-DJBA-4F9F3", "\N{SNOWMAN}" * 100, "\x00"):
        answer = client.post(STATUS, json={"receipt": receipt})
        assert (answer.status_code, read_errors(answer)) == (404, {("receipt", "receipt_unknown")})
    answer = client.post(
        STATUS, content=b'{"receipt": "\\ud800"}', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 404


def test_the_same_report_again_is_one_and_another_one_is_not(client, conn):
    form = client.get(FORM).json()["form"]
    receipts = [
        client.post(REPORTS, json={"form": form, "urls": [url]}).json()["receipt"]
        for url in (URL, URL, URL + "x")
    ]
    assert receipts[0] == receipts[1] != receipts[2]
    assert count(conn, "reports") == 2


def test_without_the_token_of_a_form_it_waits_behind_others(client, conn):
    assert client.post(REPORTS, json={"urls": [URL]}).status_code == 201
    assert conn.execute("SELECT is_low FROM reports").fetchall() == [(True,)]


def test_only_named_origins_may_read_the_answers_and_nobody_sends_credentials(client):
    for origin, may in (
        (ORIGIN, True),
        ("https://evil.example", False),
        ("null", False),
        (ORIGIN + ".evil.example", False),
    ):
        headers = {"origin": origin}
        answers = [
            client.get(FORM, headers=headers),
            client.post(REPORTS, json={"urls": [URL]}, headers=headers),
            client.post(REPORTS, json={"urls": 1}, headers=headers),
            client.post(STATUS, json={"receipt": "x"}, headers=headers),
            client.post(REPORTS, content=b"x", headers=headers),
            client.options(REPORTS, headers=headers | {"access-control-request-method": "POST"}),
        ]
        assert [answer.status_code for answer in answers] == [200, 201, 422, 404, 415, 204]
        for answer in answers:
            assert answer.headers.get("access-control-allow-origin") == (origin if may else None)
            assert "access-control-allow-credentials" not in answer.headers
            assert "set-cookie" not in answer.headers
            assert answer.headers["vary"] == "Origin"
            assert answer.headers["cache-control"] == "no-store"
        assert ("access-control-allow-methods" in answers[-1].headers) == may
    for path in ("/", "/status", "/api/v1/reports"):
        assert "access-control-allow-origin" not in client.get(path, headers={"origin": ORIGIN}).headers


def test_the_choices_are_those_of_the_form(client):
    said = client.get(FORM).json()
    page = client.get("/?lang=en").text
    for name, values in said["choices"].items():
        assert all(f'value="{value}"' in page for value in values), name


def test_the_answer_tells_nothing_of_what_is_known(client):
    known = send(client, urls=["https://known.example/"])
    answers = [
        known,
        send(client, urls=["https://known.example/"]),
        send(client, urls=["https://other.example/"]),
    ]
    assert {json.dumps(answer.json() | {"receipt": ""}) for answer in answers} == {
        '{"receipt": "", "unreadable": []}'
    }
    assert len({len(answer.content) for answer in answers}) == 1
    assert read_receipt(post(client, urls="https://known.example/"))


def test_every_code_has_words(client):
    assert {key for key in TEXTS["en"] if key.startswith("field_")} >= {
        *("field_body_unreadable", "field_choice_unknown", "field_unfit", "field_receipt_unknown"),
    }
