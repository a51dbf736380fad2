"""Files of public reports: strangers fill neither the disk nor all places, and lose nothing of what they wrote."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from selectolax.lexbor import LexborHTMLParser

from api.bodies import MAX_FILES
from api.catalogues.languages import LANGUAGES
from api.public.texts import TEXTS
from tests.intake import count
from tests.public_forms import read_receipt
from tests.public_server import add_token, run_public_surface
from triage.free_disk import measure_free
from triage.ids import new_id
from triage.store.upload_holds import take_hold
from triage.vault import ObjectVault

URL = "https://photos.example/a.png"
MIB = 2**20
FILE = bytes(range(256)) * 1200  # 300 KiB


@pytest.fixture
def start(database, tmp_path):
    """Start public surfaces of one deployment, each with a folder of its own."""
    with ExitStack() as stack:
        number = iter(range(9))

        def run(**settings):
            chosen = {
                "public_uploads": True,
                "upload_max_bytes": MIB,
                "public_uploads_waiting_mb": 4,
                "public_uploads_free_mb": 0,
                "trusted_proxies": ("127.0.0.0/8",),
                "form_age_min_s": 0.0,
            } | settings
            root = tmp_path / f"state{next(number)}"
            return stack.enter_context(run_public_surface(root, database.dsns["hotline_public"], **chosen))

        yield run


def send(surface, data=FILE, *, subnet=1, language="en", file_name="a.png", **fields):
    """Post a form with a file, from one subnet."""
    headers = {"x-forwarded-for": f"10.0.{subnet}.1"}
    with surface.client(None) as client:
        file = {"file": None} if data is None else {"file": (file_name, data, "image/png")}
        parts = {"lang": language, "urls": URL, "note": "what I saw"} | fields
        files = [(name, (None, value)) for name, value in parts.items()]
        files += [(name, value) for name, value in file.items() if value]
        return client.post("/report", files=files, headers=headers)


def assert_declined(answer, language="en", **kept):
    assert answer.status_code == 422, answer.text
    tree = LexborHTMLParser(answer.text)
    assert tree.css_first("#file-error").text() == TEXTS[language]["field_file_full"]
    assert [node.text() for node in tree.css("p.error")] == [TEXTS[language]["field_file_full"]]
    assert tree.css_first("#note").text().strip() == kept.get("note", "what I saw")
    assert tree.css_first("#urls").text().strip() == kept.get("urls", URL)


def read_bytes_held(conn):
    row = conn.execute("SELECT held, stored FROM public_upload_bytes").fetchone()
    conn.rollback()
    return row


def measure(*surfaces):
    return sum(path.stat().st_size for surface in surfaces for path in surface.list_objects())


def test_of_twenty_uploads_at_once_only_so_many_are_stored_as_the_cap_has_room_for(start, conn):
    surfaces = [start(), start()]
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(
                lambda number: send(surfaces[number % 2], subnet=number, note=f"note {number}"), range(20)
            )
        )
    stored = [answer for answer in answers if answer.status_code == 201]
    assert 1 <= len(stored) <= 4 * MIB // len(FILE)
    for number, answer in enumerate(answers):
        if answer not in stored:
            assert_declined(answer, note=f"note {number}")
    assert len(stored) == count(conn, "reports") == sum(len(one.list_objects()) for one in surfaces)
    assert measure(*surfaces) <= 4 * MIB
    held, counted = read_bytes_held(conn)
    assert held == 0
    assert measure(*surfaces) <= counted <= 4 * MIB
    assert all(not surface.tools.uploads_on_way.by_subnet for surface in surfaces)
    for number, answer in enumerate(answers):
        if answer not in stored:
            assert send(surfaces[0], None, subnet=number, note=f"note {number}").status_code == 201
    assert count(conn, "reports") == 20


def test_two_processes_that_ask_in_the_same_moment_never_hold_the_same_room(as_role):
    first, second = as_role("hotline_public"), as_role("hotline_public")

    def take(conn):
        return take_hold(conn, new_id(), size=6, most=10, free=None)

    assert take(first)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(take, second)
        with pytest.raises(TimeoutError):
            answer.result(timeout=0.3)
        first.commit()
        assert answer.result(timeout=5) is False


def fill(surface):
    """Send files until one is declined; how many were taken."""
    for number in range(20):
        answer = send(surface, subnet=number)
        if answer.status_code != 201:
            assert_declined(answer)
            return number
    raise AssertionError("none was declined")


def test_once_captured_and_deleted_they_make_room_and_not_before(start, conn):
    surface = start()
    assert fill(surface) >= 3
    conn.execute("UPDATE intake_objects SET consumed_at = now()")
    conn.commit()
    assert_declined(send(surface))
    conn.execute("UPDATE intake_objects SET deleted_at = now()")
    conn.commit()
    assert send(surface).status_code == 201


def test_files_of_machines_with_a_token_take_no_room(start, conn):
    surface = start(public_uploads_free_mb=10**9)
    add_token(conn)
    with surface.client() as client:
        answer = client.post("/api/v1/reports", files=[("file", ("a.png", FILE, "image/png"))])
    assert (answer.status_code, len(surface.list_objects())) == (201, 1)
    assert read_bytes_held(conn) == (0, 0)


def test_a_full_disk_declines_files_in_both_languages_and_keeps_every_field(start, conn):
    surface = start(public_uploads_free_mb=10**9)
    for language in LANGUAGES:
        answer = send(surface, language=language, danger="yes", email="ana@mail.example", city="vlore")
        assert_declined(answer, language)
        tree = LexborHTMLParser(answer.text)
        assert tree.css_first("#email").attributes["value"] == "ana@mail.example"
        assert tree.css_first("#city [selected]").attributes["value"] == "vlore"
        assert "129" in tree.css_first("section.danger").text()
    alone = send(surface, urls="", note="")
    assert_declined(alone, urls="", note="")
    assert (surface.list_objects(), count(conn, "reports"), count(conn, "upload_holds")) == ([], 0, 0)


def test_what_is_on_its_way_counts_against_the_disk(start, conn, monkeypatch):
    surface = start(public_uploads_waiting_mb=1000, public_uploads_free_mb=1)
    monkeypatch.setattr("api.public.uploads.measure_free", lambda _: 3 * MIB)
    conn.execute("INSERT INTO upload_holds (id, bytes) VALUES (uuidv7(), %s)", (MIB,))
    conn.commit()
    assert_declined(send(surface, b"x"))
    conn.execute("DELETE FROM upload_holds")
    conn.commit()
    assert send(surface, b"x").status_code == 201
    monkeypatch.setattr(
        "api.public.uploads.measure_free", lambda _: None
    )  # an S3-compatible store has no disk
    assert send(surface, b"y").status_code == 201


def test_a_folder_knows_what_its_disk_has_left(tmp_path):
    assert measure_free(ObjectVault(f"file://{tmp_path}").folder) > 0
    assert measure_free(ObjectVault("s3://bucket", {"endpoint": "https://store.example"}).folder) is None


def test_what_a_killed_process_held_lapses(start, conn):
    surface = start()
    conn.execute("INSERT INTO upload_holds (id, bytes) VALUES (uuidv7(), %s)", (4 * MIB,))
    conn.commit()
    assert_declined(send(surface))
    conn.execute("UPDATE upload_holds SET taken_at = now() - interval '46 minutes'")
    conn.commit()
    assert send(surface).status_code == 201
    assert count(conn, "upload_holds") == 0


def announce(surface, size, subnet):
    """Begin an upload that says it is so large, and send next to nothing of it."""
    connection = surface.connect()
    head = (
        f"POST /report HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 10.0.{subnet}.1\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {size}\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nxxxxxxxx'
    )
    connection.sendall(head.encode())
    return connection


def wait_for_hold(conn, held):
    for _ in range(200):
        if (read_bytes_held(conn)[0] > 0) is held:
            return
        conn.execute("SELECT pg_sleep(0.02)")
    raise AssertionError(f"held: {not held}")


def test_who_announces_much_and_sends_little_keeps_only_their_own_subnet_out(start, conn):
    surface = start(public_uploads_waiting_mb=16)
    slow = announce(surface, 5 * MIB // 2, subnet=1)
    wait_for_hold(conn, held=True)
    assert_declined(send(surface, subnet=1))
    assert send(surface, subnet=2).status_code == 201
    slow.close()
    wait_for_hold(conn, held=False)
    assert send(surface, subnet=1).status_code == 201
    assert not surface.tools.uploads_on_way.by_subnet


def test_an_announced_body_that_fits_nowhere_is_declined_before_a_byte_is_stored(start, conn):
    surface = start(public_uploads_waiting_mb=1, upload_max_bytes=2 * MIB)
    assert_declined(send(surface, bytes(MIB)))
    assert surface.list_objects() == []


def test_without_an_announced_length_no_more_than_one_largest_file_is_stored(start, conn):
    surface = start(public_uploads_waiting_mb=20)

    def stream(files):
        for name, value in (("urls", URL), ("note", "what I saw"), ("lang", "en")):
            yield f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for number in range(files):
            yield f'--x\r\nContent-Disposition: form-data; name="file"; filename="{number}"\r\n\r\n'.encode()
            yield from (FILE, b"\r\n")
        yield b"--x--\r\n"

    head = {"content-type": "multipart/form-data; boundary=x"}
    with surface.client(None) as client:
        assert_declined(client.post("/report", content=stream(4), headers=head))
        assert (surface.list_objects(), read_bytes_held(conn)) == ([], (0, 0))
        assert client.post("/report", content=stream(3), headers=head).status_code == 201
    assert len(surface.list_objects()) == 3


def test_a_refused_or_repeated_form_gives_its_room_back(start, conn):
    surface = start()
    assert send(surface, note="x" * 5000).status_code == 422
    assert send(surface, bytes(MIB + 1)).status_code in {413, 422}
    with surface.client(None) as client:
        token = client.get("/api/v1/public/form").json()["form"]
    receipts = {read_receipt(send(surface, form=token)) for _ in range(3)}
    assert (len(receipts), len(surface.list_objects())) == (1, 1)
    assert (count(conn, "upload_holds"), dict(surface.tools.uploads_on_way.by_subnet)) == (0, {})


# The same as JSON

REPORTS = "/api/v1/public/reports"
ORIGIN = "https://www.isigurt.example"


def send_json(client, body=None, files=((b"one", "a.png"),), *, as_blob=False, headers=None, extra=()):
    """Post a report with files the way the app does; `as_blob`: the way a page does."""
    text = json.dumps(body if body is not None else {"urls": [URL], "note": "n"})
    report = ("blob", text, "application/json") if as_blob else (None, text)
    parts = [("report", report), *(("file", (name, data, "image/png")) for data, name in files), *extra]
    return client.post(REPORTS, files=parts, headers=headers or {})


def read_codes(answer):
    errors = answer.json()["errors"]
    for one in errors:
        key = f"field_{one['code']}"
        assert (one["sq"], one["en"]) == (TEXTS["sq"][key], TEXTS["en"][key])
    return {(one["field"], one["code"]) for one in errors}


def test_the_json_twin_takes_files_once_and_says_what_may_come(start, conn):
    surface = start()
    with surface.client(None) as client:
        said = client.get("/api/v1/public/form").json()
        assert said["files"] == {"most": MAX_FILES, "bytes": MIB}
        body = {"form": said["form"], "urls": [URL], "danger": "yes"}
        files = [(b"one", "ë.png"), (b"two", "b.png")]
        first = send_json(client, body, files)
        again = send_json(client, body, files, as_blob=True)
        other = send_json(client, body, files[:1])
    assert [one.status_code for one in (first, again, other)] == [201] * 3
    assert first.json() == again.json()
    assert first.json()["receipt"] != other.json()["receipt"]
    assert [one["number"] for one in first.json()["phones"]] == ["129", "116 111"]
    clear = sorted(surface.open_object(path) for path in surface.list_objects())
    assert clear == [b"one", b"one", b"two"]
    rows = conn.execute("SELECT file_name FROM items WHERE kind = 'upload' ORDER BY file_name").fetchall()
    assert rows == [("b.png",), ("ë.png",), ("ë.png",)]
    assert count(conn, "upload_holds") == 0


def test_a_file_alone_is_a_report_for_the_json_twin_too(start, conn):
    with start().client(None) as client:
        assert send_json(client, {}).status_code == 201
    assert count(conn, "reports") == 1


def test_the_json_twin_declines_files_in_the_words_of_the_form(start, conn):
    surface = start(public_uploads_free_mb=10**9)
    with surface.client(None) as client:
        answer = send_json(client)
        assert (answer.status_code, read_codes(answer)) == (422, {("file", "file_full")})
        both = send_json(client, {"sex": "x"})
        assert read_codes(both) == {("file", "file_full"), ("sex", "choice_unknown")}
        assert send_json(client, files=()).status_code == 201
    assert surface.list_objects() == []


def test_where_uploads_are_off_the_json_twin_says_so_before_it_reads(start, conn):
    surface = start(public_uploads=False, public_origins=(ORIGIN,))
    with surface.client(None) as client:
        assert client.get("/api/v1/public/form").json()["files"] is None
        for files in ([(FILE * 30, "a.png")], ()):
            answer = send_json(client, files=files, headers={"origin": ORIGIN})
            assert (answer.status_code, read_codes(answer)) == (415, {("file", "files_off")})
            assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert (surface.list_objects(), count(conn, "reports")) == ([], 0)


def test_a_broken_report_with_files_leaves_nothing(start, conn):
    surface = start()
    with surface.client(None) as client:
        answers = {
            "no report": client.post(REPORTS, files=[("file", ("a", b"x"))]),
            "two reports": send_json(client, extra=[("report", (None, "{}"))]),
            "another field": send_json(client, extra=[("note", (None, "n"))]),
            "no object": send_json(client, []),
            "an unknown field": send_json(client, {"urls": [URL], "<script>": 1}),
            "too many files": send_json(
                client, files=[(b"x", str(number)) for number in range(MAX_FILES + 1)]
            ),
            "half a character": send_json(client, {"note": "\ud800"}),
        }
        for what, answer in answers.items():
            assert answer.status_code == 422, what
            assert answer.json()["errors"][0]["sq"], what
            assert "script" not in answer.text
        large = send_json(client, files=[(bytes(MIB + 1), "a.png")])
        assert (large.status_code, large.json()["errors"][0]["code"]) == (413, "413")
    assert (surface.list_objects(), count(conn, "reports"), count(conn, "upload_holds")) == ([], 0, 0)


def test_what_the_page_of_another_site_sends_with_files_waits_behind_others(start, conn):
    with start(public_origins=(ORIGIN,)).client(None) as client:
        for origin in ("https://evil.example", ORIGIN, None):
            headers = {"sec-fetch-site": "cross-site" if origin else "none"}
            headers |= {"origin": origin} if origin else {}
            form = client.get("/api/v1/public/form").json()["form"]
            assert send_json(client, {"form": form, "urls": [URL]}, headers=headers).status_code == 201
    rows = conn.execute("SELECT is_low FROM reports ORDER BY received_at, id").fetchall()
    assert rows == [(True,), (False,), (False,)]
