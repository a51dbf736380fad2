"""The report API over a real web server: what it refuses, what it keeps, and what it leaves behind."""

import contextlib
import hashlib
import json
import logging
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import httpx2
import psycopg
import pytest

from api.bodies import MAX_FILES, MAX_TEXT_BYTES
from api.deps import open_public_tools
from api.security import HEADERS
from tests.intake import count
from tests.processes import REPOSITORY, wait_until
from tests.public_server import TOKEN, add_token, lay_out_keys, run_public_surface
from triage.clock import utcnow
from triage.errors import KeyMissingError
from triage.keys import INTAKE_RECIPIENT, RECEIPT_KEY, ProcessKeys
from triage.log import _UtcFormatter
from triage.settings import load_settings
from triage.steps.receive_report import Answer, digest_receipt
from triage.store.pool import Database

ROUTE = "/api/v1/reports"
URL = "https://photos.example/a.png"
MARKER = b"clear-bytes-of-an-upload-" * 4
FILE_LIMIT = 1 << 20
NOTHING = {"reports": 0, "items": 0, "intake_objects": 0, "custody_events": 0}


@pytest.fixture
def surface(database, conn, tmp_path):
    add_token(conn)
    with run_public_surface(
        tmp_path / "state", database.dsns["hotline_public"], upload_max_bytes=FILE_LIMIT
    ) as running:
        yield running


@pytest.fixture
def client(surface):
    with surface.client() as opened:
        yield opened


def count_all(conn):
    return {table: count(conn, table) for table in NOTHING}


def say(response):
    """The one sentence of a refusal; it must be all there is."""
    assert list(response.json()) == ["error"]
    sentence = response.json()["error"]
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence


def file_part(data=b"bytes", name="a.png", field="file"):
    return (field, (name, data, "image/png"))


def draw_upload(size):
    """Bytes that hold the marker again and again."""
    return (MARKER * (size // len(MARKER) + 1))[:size]


def open_request(surface, *lines, length=None, headers=()):
    """Send the head of a request by hand."""
    head = [
        f"POST {ROUTE} HTTP/1.1",
        f"Host: 127.0.0.1:{surface.port}",
        f"Authorization: Bearer {TOKEN}",
        *headers,
        *lines,
    ]
    if length is not None:
        head.append(f"Content-Length: {length}")
    peer = surface.connect()
    peer.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
    return peer


def read_status(peer):
    """The status of the answer, without sending anything more."""
    received = b""
    while b"\r\n" not in received:
        chunk = peer.recv(4096)
        assert chunk, "the server hung up without an answer"
        received += chunk
    return int(received.split()[1])


def is_hung_up(peer):
    with contextlib.suppress(ConnectionError):
        while peer.recv(65536):
            pass
    return True


FORM = "Content-Type: multipart/form-data; boundary=edge"
FILE_HEAD = (
    b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\n"
)
URLS_PART = b'--edge\r\nContent-Disposition: form-data; name="urls"\r\n\r\nhttps://a.example/\r\n'


# Who asks


def test_without_a_token_in_force_nothing_is_read(surface, conn, caplog):
    add_token(conn, "expired-token", days=-1)
    add_token(conn, "wrong-scope", "match")
    add_token(conn, "revoked-token")
    conn.execute("UPDATE api_tokens SET revoked_at = now() WHERE name LIKE '%%revoked%%'")
    conn.commit()
    wrong = [
        None,
        "wrong",
        "expired-token",
        "wrong-scope",
        "revoked-token",
        TOKEN[:-1],
        hashlib.sha256(TOKEN.encode()).hexdigest(),
    ]
    answers = []
    for token in wrong:
        with surface.client(token) as client:
            answers.append(client.post(ROUTE, json={"urls": [URL]}))
    with surface.client(None) as client:
        for value in ("Bearer", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN} x"):
            answers.append(client.post(ROUTE, json={"urls": [URL]}, headers={"authorization": value}))
    assert {answer.status_code for answer in answers} == {401}
    assert {say(answer) for answer in answers} == {"A valid token with the scope `intake` is needed."}
    assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
    assert count_all(conn) == NOTHING
    with surface.client() as client:
        assert client.post(ROUTE, json={"urls": [URL]}).status_code == 201
        assert client.post(
            ROUTE, json={"urls": [URL]}, headers={"authorization": f"bearer  {TOKEN}"}
        ).is_success


# What is no report


def test_an_announced_giant_is_refused_before_any_of_it_is_read(surface, conn, monkeypatch):
    monkeypatch.setattr("api.lingering.LINGER_S", 0.1)
    json_kind = "Content-Type: application/json"
    for kind, size in (
        (json_kind, 5 * 10**9),
        (json_kind, MAX_TEXT_BYTES + 1),
        (FORM, 5 * 10**9),
        (FORM, MAX_TEXT_BYTES + MAX_FILES * FILE_LIMIT + 1),
    ):
        with open_request(surface, kind, length=size) as peer:
            assert read_status(peer) == 413
            assert is_hung_up(peer)
    assert count_all(conn) == NOTHING


def test_the_answer_arrives_while_the_sender_still_sends(surface, conn):
    with open_request(surface, "Content-Type: application/json", length=5 * 10**9) as peer:
        for _ in range(64):
            peer.sendall(b" " * 2**20)
        assert read_status(peer) == 413
    assert count_all(conn) == NOTHING


def test_bodies_that_are_no_report_get_one_clear_line(client, surface, conn):
    def post(body, kind="application/json"):
        return client.post(ROUTE, content=body, headers={"content-type": kind})

    deep = b"[" * 200_000
    unfit = {
        b"": "not JSON",
        b"{": "not JSON",
        b"\xff\xfe": "not JSON",
        deep: "not JSON",
        b"9" * 5000: "not JSON",
        b"[]": "`the body` is not",
        b"null": "`the body` is not",
        b'"https://a.example/"': "`the body` is not",
        b'{"urls": "https://a.example/"}': "`urls` is not",
        b'{"urls": [1]}': "`urls.0` is not",
        b'{"urls": [null]}': "`urls.0` is not",
        b'{"urls": ["https://a.example/"], "danger": "yes"}': "`danger` is not",
        b'{"urls": ["https://a.example/"], "surprise": 1}': "`surprise` is not",
        b'{"urls": ["https://a.example/"], "remit": "everything"}': "`remit` must be one of: csam, csem",
        b'{"urls": ["https://a.example/"], "note": "\\ud800"}': "not valid text",
        b'{"urls": ["https://a.example/\\u0000"]}': "no text may hold",
        b'{"urls": []}': "nothing in this report",
        b"{}": "nothing in this report",
        b'{"urls": ["secret words", "ftp://a.example/"]}': "line 1: ",
        json.dumps({"note": "x" * 20_001}).encode(): "at most 20000",
        json.dumps({"urls": [URL] * 5001}).encode(): "at most 5000",
    }
    for body, words in unfit.items():
        response = post(body)
        assert response.status_code == 422, body[:80]
        assert words in say(response), body[:80]
        assert "secret" not in say(response)
    for kind in ("text/plain", "", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x"):
        assert post(b"urls=x", kind).status_code == 415
        say(post(b"urls=x", kind))
    assert post(b"x", "multipart/form-data").status_code == 415
    assert post(b" " * (MAX_TEXT_BYTES + 1)).status_code == 413
    for key in ("", "x" * 201, "tab\tin it"):
        assert client.post(ROUTE, json={"urls": [URL]}, headers={"idempotency-key": key}).status_code == 422
    assert client.get(ROUTE).status_code == 405
    assert client.get("/api/v1/nothing").status_code == 404
    assert count_all(conn) == NOTHING
    assert surface.list_objects() == []


def test_broken_forms_leave_nothing(client, surface, conn):
    file = FILE_HEAD + draw_upload(300_000)
    not_text = b'--edge\r\nContent-Disposition: form-data; name="note"\r\n\r\n\xff\xfe\r\n--edge--\r\n'
    bad_name = file.replace(b"a.png", b"\xff.png") + b"\r\n--edge--\r\n"
    broken = {
        "no end": file,
        "cut in the last mark": file + b"\r\n--edge",
        "cut in the head of a part": file + b"\r\n--edge\r\nContent-Disp",
        "no boundary at all": b"x" * 100_000,
        "nothing": b"",
        "no name": file + b"\r\n--edge\r\nContent-Disposition: form-data\r\n\r\nx\r\n--edge--\r\n",
        "endless head": b"--edge\r\nX: " + b"y" * 100_000,
        "too many parts": URLS_PART * 101 + b"--edge--\r\n",
        "a field that is not text": file + b"\r\n" + not_text,
        "a name that is not text": bad_name,
        "an unfit remit": file
        + b'\r\n--edge\r\nContent-Disposition: form-data; name="remit"\r\n\r\nall\r\n--edge--\r\n',
        "a danger that is neither yes nor no": file
        + b'\r\n--edge\r\nContent-Disposition: form-data; name="danger"\r\n\r\nmaybe\r\n--edge--\r\n',
        "a misspelt field": file
        + b'\r\n--edge\r\nContent-Disposition: form-data; name="dangr"\r\n\r\nyes\r\n--edge--\r\n',
    }
    for name, body in broken.items():
        response = client.post(ROUTE, content=body, headers={"content-type": FORM.partition(": ")[2]})
        assert response.status_code == 422, name
        say(response)
        assert surface.list_objects() == [], name
    assert count_all(conn) == NOTHING


def test_bytes_after_the_end_of_a_form_are_not_read_for_ever(surface, conn):
    body = URLS_PART + b"--edge--\r\n"
    with open_request(surface, FORM, "Transfer-Encoding: chunked") as peer:
        peer.sendall(b"%x\r\n%s\r\n" % (len(body), body))
        with contextlib.suppress(ConnectionError):
            for _ in range(400):
                peer.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            peer.sendall(b"0\r\n\r\n")
        assert read_status(peer) in {413, 422}
    assert count_all(conn) == NOTHING


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=edge"])
def test_a_chunked_body_over_the_cap_is_refused_on_the_way(surface, conn, kind):
    def chunks():
        yield b'--edge\r\nContent-Disposition: form-data; name="note"\r\n\r\n'
        for _ in range(MAX_TEXT_BYTES // 2**20 + 2):
            yield b"x" * 2**20

    with surface.client() as client, contextlib.suppress(httpx2.WriteError):
        assert client.post(ROUTE, content=chunks(), headers={"content-type": kind}).status_code == 413
    assert count_all(conn) == NOTHING


def test_a_file_over_the_limit_leaves_nothing_in_the_store(client, surface, conn):
    parts = [file_part(b"small"), file_part(draw_upload(FILE_LIMIT + 1)), ("urls", (None, URL))]
    response = client.post(ROUTE, files=parts)
    assert response.status_code == 413
    assert say(response) == f"A file may have at most {FILE_LIMIT} bytes."
    assert surface.list_objects() == []
    assert count_all(conn) == NOTHING
    assert client.post(ROUTE, files=[file_part(draw_upload(FILE_LIMIT))]).status_code == 201


def test_more_files_than_allowed_leave_nothing(client, surface, conn):
    response = client.post(ROUTE, files=[file_part(name=f"{n}.png") for n in range(MAX_FILES + 1)])
    assert response.status_code == 422
    assert say(response) == f"A report may hold at most {MAX_FILES} files."
    assert surface.list_objects() == []
    assert count_all(conn) == NOTHING
    assert client.post(ROUTE, files=[file_part(name=f"{n}.png") for n in range(MAX_FILES)]).status_code == 201
    assert len(surface.list_objects()) == count(conn, "intake_objects") == MAX_FILES


@pytest.mark.parametrize("is_reset", [False, True])
def test_a_sender_who_goes_away_leaves_nothing(surface, conn, is_reset):
    sealing = {thread.name for thread in threading.enumerate()}
    peer = open_request(surface, FORM, length=FILE_LIMIT)
    peer.sendall(URLS_PART + FILE_HEAD + draw_upload(FILE_LIMIT // 2))
    wait_until(lambda: any(thread.name == "seal-upload" for thread in threading.enumerate()))
    if is_reset:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    wait_until(lambda: not any(thread.name == "seal-upload" for thread in threading.enumerate()))
    assert "seal-upload" not in sealing
    wait_until(lambda: surface.list_objects() == [])
    assert count_all(conn) == NOTHING


# What is a report


def test_json_and_forms_say_the_same(client, surface, conn):
    plain = client.post(ROUTE, json={"urls": [URL, "what is this"], "note": "words", "danger": True})
    form = client.post(
        ROUTE,
        files=[
            ("urls", (None, f"{URL}\r\n")),
            ("urls", (None, "what is this")),
            ("note", (None, "words")),
            ("danger", (None, "yes")),
            ("remit", (None, "csem")),
            file_part(b"", name=""),
            file_part(b"some bytes", name="ë/../\\x.png"),
        ],
    )
    for response in (plain, form):
        assert response.status_code == 201
        assert list(response.json()) == ["receipt", "unreadable"]
        assert response.json()["unreadable"] == [
            {"line": 2, "reason": response.json()["unreadable"][0]["reason"]}
        ]
    assert count_all(conn) == {"reports": 2, "items": 2, "intake_objects": 1, "custody_events": 7}
    rows = conn.execute("SELECT channel, remit, note, danger FROM reports ORDER BY id").fetchall()
    assert rows == [("api", "csam", "words", True), ("api", "csem", "words", True)]
    (sealed,) = surface.list_objects()
    assert surface.open_object(sealed) == b"some bytes"
    assert b"some bytes" not in sealed.read_bytes()
    (name,) = conn.execute("SELECT file_name FROM items WHERE kind = 'upload'").fetchone()
    assert name.endswith("x.png")


def test_an_empty_file_is_kept_as_it_came(client, surface, conn):
    assert client.post(ROUTE, files=[file_part(b"")]).status_code == 201
    (sealed,) = surface.list_objects()
    assert surface.open_object(sealed) == b""
    assert conn.execute("SELECT bytes FROM intake_objects").fetchone() == (0,)


def test_a_repeated_request_stores_nothing_and_leaves_no_second_copy(client, surface, conn):
    headers = {"idempotency-key": "upload-1"}
    parts = [("urls", (None, URL)), file_part(b"first file"), file_part(b"second file", "b.png")]
    first = client.post(ROUTE, files=parts, headers=headers)
    kept = surface.list_objects()
    assert (first.status_code, len(kept)) == (201, 2)
    again = client.post(ROUTE, files=parts, headers=headers)  # with another boundary
    assert (again.status_code, again.content) == (201, first.content)
    assert surface.list_objects() == kept
    parts[1] = file_part(b"another file")
    other = client.post(ROUTE, files=parts, headers=headers)
    assert other.status_code == 409
    assert say(other) == "This idempotency key was used before with another body."
    assert surface.list_objects() == kept
    assert client.post(ROUTE, json={"urls": [URL]}, headers=headers).status_code == 409
    assert count(conn, "reports") == 1
    assert client.post(ROUTE, files=parts).status_code == 201
    assert len(surface.list_objects()) == 4


def test_the_same_request_many_times_at_once_is_one_report(surface, conn):
    answers = []
    gate = threading.Barrier(6)

    def post(body):
        with surface.client() as client:
            client.get("/healthz")
            gate.wait(10)
            answers.append(client.post(ROUTE, json=body, headers={"idempotency-key": "k"}))

    bodies = [{"urls": [URL]}] * 5 + [{"urls": ["https://other.example/"]}]
    threads = [threading.Thread(target=post, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    good = [answer for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} == {201, 409}
    assert len(good) in {1, 5}
    assert len({answer.content for answer in good}) == 1
    assert (count(conn, "reports"), count(conn, "items")) == (1, 1)


def test_known_and_unknown_addresses_get_the_same_answer(client, conn):
    client.post(ROUTE, json={"urls": ["https://known.example/"]})
    known = client.post(ROUTE, json={"urls": ["https://known.example/"]})
    unknown = client.post(ROUTE, json={"urls": ["https://other.example/"]})
    assert known.status_code == unknown.status_code == 201
    assert known.json()["unreadable"] == unknown.json()["unreadable"] == []
    assert len(known.content) == len(unknown.content)

    def list_names(response):
        return [name for name, _ in response.headers.multi_items()]

    assert list_names(known) == list_names(unknown)
    assert (count(conn, "items"), count(conn, "reports")) == (2, 3)


# What stays behind


def list_clear_files(*folders):
    """Files below the folders, and files that this process holds open without a name, with the marker."""
    paths = [path for folder in folders for path in Path(folder).rglob("*") if path.is_file()]
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if "(deleted)" in os.readlink(entry) and entry.stat().st_mode & 0o170000 == 0o100000:
                paths.append(entry)
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            if MARKER in path.read_bytes():
                found.append(path)
    return found


@pytest.mark.parametrize("ends_well", [True, False])
def test_an_upload_of_20_mb_leaves_no_clear_byte_on_any_disk(
    database, conn, tmp_path, monkeypatch, ends_well
):
    add_token(conn)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    folders = (temporary, tmp_path, "/dev/shm")
    whole = draw_upload(20 * 2**20)
    with run_public_surface(
        tmp_path / "state", database.dsns["hotline_public"], upload_max_bytes=32 * 2**20
    ) as surface:
        with open_request(surface, FORM, length=len(URLS_PART + FILE_HEAD + whole) + 12) as peer:
            peer.sendall(URLS_PART + FILE_HEAD + whole[: 12 * 2**20])
            wait_until(lambda: sum(path.stat().st_size for path in surface.list_objects()) > 4 * 2**20)
            assert list_clear_files(*folders) == []
            if ends_well:
                peer.sendall(whole[12 * 2**20 :] + b"\r\n--edge--\r\n")
                assert read_status(peer) == 201
        wait_until(lambda: len(surface.list_objects()) == int(ends_well))
        assert list_clear_files(*folders) == []
        if ends_well:
            assert surface.open_object(surface.list_objects()[0]) == whole
    assert count(conn, "intake_objects") == int(ends_well)
    assert list(temporary.iterdir()) == []


def test_the_log_never_holds_what_was_written(client, surface, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    caplog.handler.setFormatter(_UtcFormatter("%(name)s %(message)s"))
    secret = "https://logged-host.example/logged-path"
    client.post(ROUTE, json={"urls": [secret, "logged line"], "note": "logged note"})
    client.post(ROUTE, files=[("urls", (None, secret)), file_part(b"logged bytes", "logged-name.png")])
    client.post(
        ROUTE + "?logged=query", json={"urls": ["logged line"]}, headers={"idempotency-key": "logged key"}
    )
    client.post("/report", files=[("urls", (None, secret)), ("note", (None, "logged note"))])
    client.get(f"/logged-page?{secret}")

    def fail(*_, **__):
        raise ValueError(f"{secret} logged {TOKEN}")

    monkeypatch.setattr("api.deps.receive_report", fail)
    response = client.post(ROUTE, json={"urls": [secret], "note": "logged note"})
    assert response.status_code == 500
    assert say(response) == "Something went wrong here; nothing was stored."
    assert logging.getLogger("uvicorn.access").propagate is False  # pytest listens to it all the same
    not_ours = ("httpx2", "httpcore2", "uvicorn.access")
    ours = [record for record in caplog.records if not record.name.startswith(not_ours)]
    for record in ours:
        record.exc_text = None  # kept by a formatter of pytest
    text = "\n".join(caplog.handler.format(record) for record in ours)
    assert "ValueError at " in text
    assert "api POST /api/v1/reports 201" in text
    assert "logged" not in text
    assert TOKEN not in text


def test_every_answer_carries_the_headers_and_none_names_the_server(client, surface, monkeypatch):
    monkeypatch.setattr("api.public.report.split_lines", None)  # a mistake of our own in one route
    answers = {
        200: client.get("/"),
        201: client.post(ROUTE, json={"urls": [URL]}),
        401: client.post(ROUTE, headers={"authorization": "Bearer no"}),
        404: client.get("/nothing"),
        405: client.get("/report"),
        413: client.post(
            ROUTE, content=b" " * (MAX_TEXT_BYTES + 1), headers={"content-type": "application/json"}
        ),
        415: client.post(ROUTE),
        421: client.get("/", headers={"host": "elsewhere.example"}),
        422: client.post(ROUTE, json={}),
        500: client.post("/report", files=[("urls", (None, URL))]),
    }
    assert {status: answer.status_code for status, answer in answers.items()} == {
        status: status for status in answers
    }
    for status, answer in answers.items():
        for name, value in HEADERS.items():
            assert answer.headers.get(name) == value, (status, name)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'"), status
        assert "server" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert "Traceback" not in answer.text
        assert "TypeError" not in answer.text
    assert answers[405].headers["allow"] == "POST"


def test_a_foreign_host_is_not_served(surface, client):
    for host in ("elsewhere.example", "127.0.0.1.elsewhere.example", "localhost.", "[::2]:80", ""):
        response = client.get("/", headers={"host": host})
        assert response.status_code == 421, host
        assert response.text == "This host is not served here.\n"
    assert client.get("/", headers={"host": f"LOCALHOST:{surface.port}"}).status_code == 200


# What is broken on our side


def test_a_database_that_is_away_is_503_and_comes_back(servers, database, surface, client, conn):
    surface.tools.database._pool.timeout = 1.5

    def send():
        return client.post(ROUTE, files=[file_part(MARKER)])

    assert send().status_code == 201
    kept = surface.list_objects()
    conn.rollback()

    def let_in(is_open):
        with psycopg.connect(servers.postgres.superuser_dsn(), autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS {is_open}')
            if not is_open:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = %(name)s AND usename = 'hotline_public'",
                    {"name": database.name},
                )

    let_in(False)
    try:
        response = send()
    finally:
        let_in(True)
    assert response.status_code == 503
    assert say(response).startswith("PostgreSQL does not answer")
    assert surface.list_objects() == kept
    wait_until(lambda: send().status_code == 201, 30)


def test_a_connection_that_was_cut_is_not_noticed_by_the_reporter(servers, database, client, conn):
    assert client.post(ROUTE, json={"urls": [URL]}).status_code == 201
    with psycopg.connect(servers.postgres.superuser_dsn(), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %(name)s AND usename = 'hotline_public'",
            {"name": database.name},
        )
    assert client.post(ROUTE, json={"urls": [URL]}).status_code == 201
    assert count(conn, "reports") == 2


class LostAtCommit:
    """Lets transactions commit and then says so many times that the connection was lost."""

    def __init__(self, monkeypatch, times):
        self.left = times
        run_once = Database._run_once

        def run(database, work):
            found = run_once(database, work)
            if isinstance(found, Answer) and self.left:
                self.left -= 1
                raise psycopg.OperationalError("the connection was lost")
            return found

        monkeypatch.setattr(Database, "_run_once", run)


def test_a_connection_lost_at_the_commit_neither_loses_nor_doubles_a_report(
    client, surface, conn, monkeypatch
):
    lost = LostAtCommit(monkeypatch, 1)
    parts = [("urls", (None, URL)), file_part()]
    first = client.post(ROUTE, files=parts)
    assert (first.status_code, lost.left) == (201, 0)
    assert (count(conn, "reports"), count(conn, "items"), len(surface.list_objects())) == (1, 2, 1)
    (stored,) = conn.execute("SELECT receipt_hmac FROM reports").fetchone()
    assert bytes(stored) == digest_receipt(first.json()["receipt"], surface.tools.receipt_key)
    lost.left = 1
    assert client.post(ROUTE, files=parts, headers={"idempotency-key": "k"}).status_code == 201
    assert len(surface.list_objects()) == count(conn, "intake_objects") == 2
    lost.left = 2
    assert client.post(ROUTE, files=parts).status_code == 503
    names = {row[0] for row in conn.execute("SELECT name FROM intake_objects").fetchall()}
    assert {path.name for path in surface.list_objects()} == names
    assert len(names) == 3


@pytest.mark.parametrize("size", [1000, 700_000])
def test_a_store_that_cannot_be_written_is_507_and_no_row(surface, client, conn, size):
    folder = surface.state.root / "intake"
    folder.rmdir()
    folder.write_bytes(b"a file where the folder should be")
    response = client.post(ROUTE, files=[("urls", (None, URL)), file_part(draw_upload(size))])
    assert response.status_code == 507
    assert say(response) == "The evidence store cannot be written; is the disk full?"
    assert count_all(conn) == NOTHING
    assert client.post(ROUTE, json={"urls": [URL]}).status_code == 201
    folder.unlink()
    folder.mkdir(0o700)
    assert client.post(ROUTE, files=[file_part()]).status_code == 201


# The process itself


def web_command(state, port):
    environment = {
        "PATH": os.environ["PATH"],
        "STATE_DIR": str(state.root),
        "KEYS_DIR": str(state.keys("public")),
        "PUBLIC_PORT": str(port),
    }
    return {
        "args": [sys.executable, "-m", "api", "--surface", "public"],
        "env": environment,
        "cwd": REPOSITORY,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def find_free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_without_a_key_file_the_process_says_so_in_one_line(tmp_path):
    for name in (INTAKE_RECIPIENT, "evidence-url", "database-url", RECEIPT_KEY):
        state = lay_out_keys(tmp_path / name, "postgresql:///nowhere")
        (state.keys("public") / name).unlink()
        settings = load_settings({}, state_dir=state.root)
        with pytest.raises(KeyMissingError) as missing:
            open_public_tools(settings, ProcessKeys(state.keys("public"), settings))
        assert str(missing.value) == f"The key file {name} is missing in KEYS_DIR."
    ended = subprocess.run(**web_command(state, find_free_port()), timeout=30)
    assert ended.returncode == 1
    said = [line for line in ended.stderr.splitlines() if not line[:4].isdigit()]  # without the log
    assert said == [f"hotline web: {missing.value}"]


def test_a_full_disk_is_507_until_there_is_room_again(database, conn, tmp_path):
    add_token(conn)
    state = lay_out_keys(tmp_path / "state", database.dsns["hotline_public"])
    port = find_free_port()
    with subprocess.Popen(**web_command(state, port)) as process:
        try:
            with httpx2.Client(
                base_url=f"http://127.0.0.1:{port}",
                headers={"authorization": f"Bearer {TOKEN}"},
                trust_env=False,
                timeout=30,
            ) as client:

                def is_up():
                    with contextlib.suppress(httpx2.TransportError):
                        return client.get("/healthz").status_code == 200

                wait_until(is_up, 30)
                _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1 << 20, hard))
                for size in (2 << 20, 12 << 20):
                    response = client.post(ROUTE, files=[("urls", (None, URL)), file_part(draw_upload(size))])
                    assert response.status_code == 507
                    say(response)
                    wait_until(lambda: not any((state.root / "intake").iterdir()))
                assert count_all(conn) == NOTHING
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
                response = client.post(ROUTE, files=[file_part(draw_upload(12 << 20))])
                assert response.status_code == 201
                assert "server" not in response.headers
                assert [path.stat().st_size > 12 << 20 for path in (state.root / "intake").iterdir()] == [
                    True
                ]
        finally:
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=20)
    assert "Traceback" not in log
    assert TOKEN not in log
    assert "127.0.0.1:" not in log.replace(f"//127.0.0.1:{port}", "")  # no address of a reporter
    assert "api POST /api/v1/reports 507" in log
    assert utcnow().strftime("%Y-%m-%d") in log
