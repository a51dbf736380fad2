"""Look-up of hashes, pasted or by a file that goes through intake: nothing stays but that somebody asked."""

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from hashsets.errors import IndexBehindError
from tests.builders import SENDING, count_rows, list_entry, make_person
from tests.captures import FIRST, SECOND, capture, find_pdq, url
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.errors import DecoderUnavailableError, HostilePictureError, StorageError
from triage.ids import new_id
from triage.index_holder import IndexHolder
from triage.model import PersonRole
from triage.rules.due import FILE_JOBS
from triage.steps import answer_file, look_up_hashes
from triage.steps.change_hash_sets import dispute_entry
from triage.store import file_questions
from triage.vault import INTAKE, ObjectVault
from workers.look_up_file import look_up_file
from workers.purge_expired import purge_expired
from workers.sweep_due import sweep_once

PATH = "/hash-sets/look-up"


@pytest.fixture
def surface(desk, database):
    with run_staff_surface(
        database,
        root=desk.root,
        vault_identity=desk.vault_identity,
        intake_recipient=desk.intake_recipient,
        upload_max_bytes=2 * 2**20,
    ) as running:
        yield running


@pytest.fixture
def ana(surface):
    return surface.sign_in("Ana")


@pytest.fixture
def listed(desk):
    desk.import_entries("listed", list_entry("a", data=FIRST), list_entry("b", data=b"other"))


@contextmanager
def working(desk):
    """Do what the sweep and a worker would, in a thread, until the block ends."""
    stop = threading.Event()

    def work():
        while not stop.is_set():
            now = utcnow()
            for question_id in desk.tools.database.run(
                lambda conn, now=now: file_questions.take_due(conn, now=now, nudged_before=now, limit=10)
            ):
                look_up_file(desk.tools, question_id)
            time.sleep(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def paste(browser, text):
    browser.open(f"{PATH}?lang=en")
    return browser.submit("look-up", hashes=text)


def send_file(browser, data, *, name="x.jpg", csrf=None, **headers):
    """Send the form as a browser does; return the answer and where it leads."""
    files = [("csrf", (None, csrf if csrf is not None else browser.read_csrf()))]
    files += [("file", (name, one)) for one in (data if isinstance(data, list) else [data])]
    cookies = "; ".join(f"{key}={value}" for key, value in browser.cookies.items())
    sent = {"origin": "null", "sec-fetch-site": "same-origin", "cookie": cookies} | headers
    answer = browser._client.post(f"{PATH}/file?lang=en", files=files, headers=sent)
    browser._client.cookies.clear()
    return answer


def events(desk, name):
    rows = desk.conn.execute(
        "SELECT record::json->'body' FROM custody_events WHERE event = %s ORDER BY at, seq", (name,)
    ).fetchall()
    desk.conn.rollback()
    return [row[0] for row in rows]


# Pasted


def test_pasted_hashes_are_answered_and_never_shown_nor_kept(desk, listed, ana):
    sha256, md5 = hashlib.sha256(FIRST).hexdigest(), hashlib.md5(b"other").hexdigest()
    page = paste(ana, f"\n{sha256.upper()}\r\n  sha256:{sha256} \n{md5}\n{'ab' * 20}\npdq:{'0' * 64}\n")
    assert page.status == 200, page.words
    lines = [" ".join(node.text().split()) for node in page.tree.css("#lines > li")]
    assert lines[0].startswith("Line 2 (SHA-256, PDQ): listed: baseline, SHA-256, the same bytes")
    assert lines[1].startswith("Line 3 (SHA-256): listed: baseline")
    assert lines[2:4] == ["Line 4 (MD5): Not listed.", "Line 5 (SHA-1): Not listed."]
    assert lines[4] == "Line 6 (says nothing, not compared):"
    assert sha256 not in page.text.lower()
    assert events(desk, "hashes_asked") == [{"hashes": 5, "hits": 2}]
    assert (
        count_rows(desk.conn, "SELECT count(*) FROM custody_events WHERE record ILIKE %s", f"%{sha256}%") == 0
    )


def test_a_near_picture_is_found_with_its_distance_and_a_disputed_entry_is_not(desk, surface):
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    pdq = find_pdq(desk, item)
    flipped = f"{int(pdq[0], 16) ^ 1:x}{pdq[1:]}"
    desk.import_entries("near", list_entry("n", pdq=flipped))
    ana = surface.sign_in("Ana")
    assert "near: baseline, PDQ, 1 bit of 256 apart" in paste(ana, f"PDQ: {pdq}").words
    make_person(desk.conn, "Lea", PersonRole.LEAD)
    dispute_entry(desk.conn, "near", "n", by="Lea", reason="a logo", now=utcnow(), sending=SENDING)
    desk.conn.commit()
    assert "Not listed." in paste(ana, pdq).words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one"),
        (" \n \n", "at least one"),
        ("f" * 31, "Line 1 is no"),
        ("\n<script>alert(1)</script>", "Line 2 is no"),
        ("phash:" + "f" * 16, "Line 1 is no"),
        ("md5:" + "f" * 64, "Line 1 is no"),
        (":" + "f" * 64, "Line 1 is no"),
        ("ａ" * 32, "Line 1 is no"),
        ("\n".join(["f" * 32] * 101), "At most 100"),
    ],
)
def test_what_is_no_hash_is_refused_in_one_sentence_without_it(ana, text, words):
    page = paste(ana, text)
    assert page.status == 422
    (error,) = page.tree.css(".error")
    assert words in error.text()
    assert "script" not in error.text()
    assert page.tree.css_first("#hashes").text() == text


def test_who_asks_too_often_waits_and_a_search_that_fails_is_no_answer(desk, listed, ana, monkeypatch):
    monkeypatch.setattr(look_up_hashes, "ALLOWANCE", replace(look_up_hashes.ALLOWANCE, per_minute=2))
    assert [paste(ana, "f" * 32).status for _ in range(3)] == [200, 200, 429]
    assert len(events(desk, "hashes_asked")) == 2
    monkeypatch.undo()

    def fail(*_, **__):
        raise IndexBehindError

    monkeypatch.setattr(IndexHolder, "find_current", lambda *_: None)
    monkeypatch.setattr(IndexHolder, "get", fail)
    page = paste(ana, "f" * 32)
    assert (page.status, "cannot be searched just now" in page.words) == (503, True)
    assert "Not listed" not in page.words


def test_who_has_spent_a_day_is_not_told_to_wait_a_minute(desk, listed, ana, monkeypatch):
    for step in (look_up_hashes, answer_file):
        spent = replace(step.ALLOWANCE, per_minute=1, per_day=1)
        monkeypatch.setattr(step, "ALLOWANCE", spent)
    assert paste(ana, "f" * 32).status == 200
    refused = paste(ana, "f" * 32)
    assert (refused.status, "as one person may in 24 hours" in refused.words) == (429, True)
    assert send_file(ana, FIRST).status_code == 303
    again = send_file(ana, FIRST)
    assert (again.status_code, "as one person may in 24 hours" in again.text) == (429, True)


def test_only_who_looks_or_assesses_may_ask(surface, listed):
    for role in PersonRole:
        browser = surface.sign_in(f"person {role}", role)
        may = role in (PersonRole.ANALYST, PersonRole.LEAD)
        assert browser.open(PATH).status == (200 if may else 403)
        assert browser.post(PATH, {"hashes": "f" * 32}).status == (200 if may else 403)
        assert browser.open(f"{PATH}/{new_id()}").status == (404 if may else 403)
        assert send_file(browser, b"x").status_code == (303 if may else 403)


# A file


def test_a_file_is_compared_within_two_seconds_and_nothing_of_it_stays(desk, listed, ana):
    with working(desk):
        began = time.monotonic()
        answer = send_file(ana, FIRST)
        assert answer.status_code == 303
        page = ana.open(answer.headers["location"] + "?lang=en")
        assert time.monotonic() - began <= 2.0
    assert page.status == 200
    (hit,) = page.tree.css("#hits > li")
    assert " ".join(hit.text().split()) == "listed: baseline, SHA-256, the same bytes"
    assert "fingerprints were compared" in page.words
    assert desk.objects(INTAKE) == set()
    for table in ("items", "reports", "images", "intake_objects", "fingerprints", "matches"):
        assert count_rows(desk.conn, f"SELECT count(*) FROM {table}") == 0
    (asked,), (told,) = events(desk, "file_asked"), events(desk, "file_answered")
    assert asked["question"] == told["question"] == answer.headers["location"].rpartition("/")[2]
    assert told["bytes"] == len(FIRST)
    assert (told["outcome"], told["hits"], told["sets"]) == ("compared", 1, 1)
    ana.open(answer.headers["location"])
    assert len(events(desk, "file_answered")) == 1
    later = utcnow() + timedelta(seconds=61)
    assert purge_expired(desk.tools.database, desk.tools.vault, desk.tools.settings, now=later).files == 1
    gone = ana.open(answer.headers["location"] + "?lang=en")
    assert (gone.status, count_rows(desk.conn, "SELECT count(*) FROM file_questions")) == (404, 0)
    assert "nothing of it was kept" in gone.words


def test_an_answer_is_only_for_who_asked(desk, listed, surface, ana):
    with working(desk):
        answer = send_file(ana, SECOND)
        assert "Not listed." in ana.open(answer.headers["location"] + "?lang=en").words
    assert surface.sign_in("Ben").open(answer.headers["location"]).status == 404


def test_without_a_worker_the_page_says_so_in_two_seconds_and_leads_on(desk, listed, ana):
    answer = send_file(ana, FIRST)
    began = time.monotonic()
    page = ana.open(answer.headers["location"] + "?lang=en")
    assert 1.9 <= time.monotonic() - began <= 3.0
    assert "still being worked on" in page.words
    assert page.list_links(rf"{PATH}/[0-9a-f-]{{36}}") == [answer.headers["location"]]
    # The queue was lost as well: the sweep asks for it again, on both queues.
    swept = sweep_once(desk.tools.database, desk.tools.queue, desk.tools.settings, now=utcnow())
    assert swept.nudged == len(FILE_JOBS)
    for job in FILE_JOBS:
        assert desk.tools.queue.count_waiting(job.queue) == 1
    later = utcnow() + timedelta(seconds=6)
    assert sweep_once(desk.tools.database, desk.tools.queue, desk.tools.settings, now=later).nudged == 2
    # Nobody ever comes: file and question are gone after three minutes.
    late = utcnow() + timedelta(seconds=file_questions.LIFE_S + 1)
    assert purge_expired(desk.tools.database, desk.tools.vault, desk.tools.settings, now=late).files == 1
    assert desk.objects(INTAKE) == set()


@pytest.mark.parametrize("point", ["decoder", "commit", "delete"])
def test_a_killed_worker_leaves_nothing_behind(desk, listed, ana, monkeypatch, point):
    answer = send_file(ana, FIRST)
    question_id = answer.headers["location"].rpartition("/")[2]

    class KilledError(BaseException):
        pass

    def die(*_, **__):
        raise KilledError

    target = {
        "decoder": (type(desk.tools.decoder), "open_picture"),
        "commit": (file_questions, "answer_compared"),
        "delete": ("workers.look_up_file", "delete_objects"),
    }[point]
    if isinstance(target[0], str):
        monkeypatch.setattr(".".join(target), die)
    else:
        monkeypatch.setattr(*target, die)
    now = utcnow()
    for tries in (1, 2):
        with pytest.raises(KilledError):
            monkeypatch.setattr(
                "workers.look_up_file.utcnow", lambda now=now, n=tries: now + timedelta(seconds=46 * n)
            )
            look_up_file(desk.tools, question_id)
        if point == "delete":
            break
        look_up_file(desk.tools, question_id)  # its lease stands: nobody else takes it
    assert len(desk.objects(INTAKE)) == 1
    purge_expired(
        desk.tools.database, desk.tools.vault, desk.tools.settings, now=now + timedelta(seconds=140)
    )
    page = ana.open(answer.headers["location"] + "?lang=en")
    said = "the same bytes" if point == "delete" else "a worker stopped over this file, twice"
    assert said in page.words
    purge_expired(
        desk.tools.database, desk.tools.vault, desk.tools.settings, now=now + timedelta(seconds=400)
    )
    assert (desk.objects(INTAKE), count_rows(desk.conn, "SELECT count(*) FROM file_questions")) == (set(), 0)


def test_a_question_stays_with_its_worker_for_as_long_as_decoding_may_take(desk, listed, ana):
    question_id = send_file(ana, FIRST).headers["location"].rpartition("/")[2]
    slow = replace(desk.tools, settings=replace(desk.tools.settings, decode_wall_s=60.0))
    began, shown = utcnow(), []
    with pytest.MonkeyPatch.context() as patched:

        def decode(*_, **__):
            patched.undo()
            patched.setattr("workers.look_up_file.utcnow", lambda: began + timedelta(seconds=59))
            look_up_file(slow, question_id)  # of another worker
            shown.append(count_rows(desk.conn, "SELECT count(*) FROM file_questions WHERE tries = 1"))
            raise HostilePictureError

        patched.setattr(type(desk.tools.decoder), "open_picture", decode)
        look_up_file(slow, question_id)
    assert shown == [1]
    assert count_rows(desk.conn, "SELECT count(*) FROM file_questions WHERE outcome = 'compared'") == 1
    assert desk.objects(INTAKE) == set()


@pytest.mark.parametrize("error", [HostilePictureError(), DecoderUnavailableError()])
def test_who_lost_a_question_answers_nothing_and_leaves_the_file_to_who_has_it(
    desk, listed, ana, monkeypatch, error
):
    question_id = send_file(ana, FIRST).headers["location"].rpartition("/")[2]

    def lose(*_, **__):
        later = utcnow() + timedelta(seconds=120)
        assert desk.tools.database.run(
            lambda conn: file_questions.take_question(conn, question_id, now=later, lease_s=45.0)
        )
        raise error

    monkeypatch.setattr(type(desk.tools.decoder), "open_picture", lose)
    look_up_file(desk.tools, question_id)
    assert count_rows(desk.conn, "SELECT count(*) FROM file_questions WHERE outcome IS NULL") == 1
    assert len(desk.objects(INTAKE)) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (HostilePictureError("it asked for a forbidden call"), "Only its bytes were compared"),
        (DecoderUnavailableError(), "There is no answer: the file could not be compared"),
        (StorageError(), "There is no answer: the file could not be compared"),
    ],
)
def test_a_hostile_file_and_what_of_ours_is_broken_are_said_in_a_sentence(
    desk, listed, ana, monkeypatch, error, words
):
    answer = send_file(ana, FIRST)

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(type(desk.tools.decoder), "open_picture", fail)
    look_up_file(desk.tools, answer.headers["location"].rpartition("/")[2])
    page = ana.open(answer.headers["location"] + "?lang=en")
    assert words in page.words
    assert ("Not listed" in page.words) is False
    assert desk.objects(INTAKE) == set()


def test_what_is_no_picture_is_compared_by_its_bytes(desk, listed, ana):
    with working(desk):
        page = ana.open(send_file(ana, b"other").headers["location"] + "?lang=en")
    assert "Only its bytes were compared" in page.words
    assert "listed: baseline, SHA-256, the same bytes" in page.words


def test_a_refused_form_leaves_no_file(desk, listed, surface, ana, monkeypatch):
    def refused(answer, status):
        assert answer.status_code == status, answer.text
        assert desk.objects(INTAKE) == set()

    refused(send_file(ana, FIRST, csrf="0" * 64), 403)
    refused(send_file(ana, FIRST, origin="https://elsewhere.example"), 403)
    refused(send_file(ana, FIRST, **{"sec-fetch-site": "cross-site"}), 403)
    refused(send_file(ana, b""), 422)
    started = []
    with monkeypatch.context() as patched:
        begin = ObjectVault.start_intake
        patched.setattr(ObjectVault, "start_intake", lambda *said: started.append(said) or begin(*said))
        refused(send_file(ana, [FIRST, *[SECOND] * 19]), 422)
    assert len(started) == 1  # of the second one nothing was written
    refused(send_file(ana, bytes(3 * 2**20)), 413)
    csrf = ana.read_csrf()
    ana.cookies.clear()
    refused(send_file(ana, FIRST, csrf=csrf), 401)
    assert count_rows(desk.conn, "SELECT count(*) FROM file_questions") == 0
    ben = surface.sign_in("Ben")
    page = ben.post(f"{PATH}/file", {"file": "x"})
    assert page.status == 415
    assert [send_file(ben, FIRST).status_code for _ in range(11)] == [303] * 10 + [429]
    assert len(desk.objects(INTAKE)) == 10


@pytest.fixture
def sealed(monkeypatch):
    """Every file that anybody began to seal."""
    begun, begin = [], ObjectVault.start_intake
    monkeypatch.setattr(ObjectVault, "start_intake", lambda *said: begun.append(said) or begin(*said))
    return begun


def test_of_files_that_come_at_once_none_is_sealed_beyond_what_a_person_may_ask(desk, surface, ana, sealed):
    browsers = [surface.browser() for _ in range(20)]
    for browser in browsers:
        browser.cookies.update(ana.cookies)
    csrf = ana.read_csrf()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda one: send_file(one, FIRST, csrf=csrf), browsers))
    assert sorted(one.status_code for one in answers) == [303] * 10 + [429] * 10
    assert len(sealed) == len(desk.objects(INTAKE)) == len(events(desk, "file_asked")) == 10
    refused = next(one for one in answers if one.status_code == 429)
    assert "as many files as one person may for now" in refused.text
    assert "look-up-file" in refused.text, "the page with its forms, not a bare error"


def test_a_disk_that_is_nearly_full_takes_no_file_and_counts_none(desk, ana, sealed, monkeypatch):
    left = 2048 * 2**20
    monkeypatch.setattr("api.console.file_room.measure_free", lambda _: left + 10_000)
    answer = send_file(ana, FIRST)
    assert answer.status_code == 507
    assert "There is no room for a file just now" in answer.text
    assert "look-up-file" in answer.text
    assert sealed == events(desk, "file_asked") == []
    assert desk.objects(INTAKE) == set()
    monkeypatch.setattr("api.console.file_room.measure_free", lambda _: left + 2**20)
    assert send_file(ana, FIRST).status_code == 303
    hold = (new_id(), 2**20)  # another file is on its way
    desk.conn.execute("INSERT INTO upload_holds (id, bytes) VALUES (%s, %s)", hold)
    desk.conn.commit()
    assert send_file(ana, FIRST).status_code == 507
    desk.conn.execute(
        "UPDATE upload_holds SET taken_at = now() - interval '1 hour'"
    )  # its process was killed
    desk.conn.commit()
    assert send_file(ana, FIRST).status_code == 303
    assert count_rows(desk.conn, "SELECT count(*) FROM upload_holds") == 0, "each is given back"
    assert len(events(desk, "file_asked")) == 2
    monkeypatch.setattr("api.console.file_room.measure_free", lambda _: None)  # of a store that is no folder
    assert send_file(ana, FIRST).status_code == 303
