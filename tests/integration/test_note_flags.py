"""Reporters' words: told once at receipt, on every way in, counted in the score, and said on the queue."""

import pytest

from tests.builders import report
from tests.public_forms import post, read_receipt
from tests.public_server import add_token, run_public_surface
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.steps.score_items import score_due

URL = "https://photos.example/a.png"
NOTE = "Ka dhunë dhe një foshnjë. They are streaming it live, with a dog."
FLAGS = ["animal", "infant", "live", "violence"]


@pytest.fixture
def public(database, conn, tmp_path):
    add_token(conn)
    with run_public_surface(
        tmp_path / "state", database.dsns["hotline_public"], form_age_min_s=0.0, subnet_burst=1000
    ) as running:
        yield running


def read_flags(conn):
    """What stands of each report, the oldest first, and of the one item."""
    rows = conn.execute("SELECT note_flags FROM reports ORDER BY received_at, id").fetchall()
    (item,) = conn.execute("SELECT note_flags FROM items").fetchall()
    conn.rollback()
    return [row[0] for row in rows], item[0]


def read_scores(conn, as_role):
    with as_role("hotline_worker") as worker:
        while score_due(worker, now=utcnow(), limit=100):
            worker.commit()
    row = conn.execute("SELECT score, blind_score, score_parts - 'age' FROM items").fetchone()
    conn.rollback()
    return row


def test_the_words_of_a_note_are_told_at_receipt_on_every_way_in(public, conn):
    with public.client(None) as stranger, public.client() as partner:
        read_receipt(post(stranger, urls=URL, note="po e rrahin"))
        form = stranger.get("/api/v1/public/form").json()["form"]
        body = {"form": form, "urls": [URL], "remit": "csam", "note": "një foshnjë"}
        assert stranger.post("/api/v1/public/reports", json=body).status_code == 201
        said = {"urls": [URL], "remit": "csam", "note": "a live stream", "danger": False}
        assert partner.post("/api/v1/reports", json=said).status_code == 201
    report(conn, URL, note="a dog")
    report(conn, URL, note="nothing that counts")
    assert read_flags(conn) == ([["violence"], ["infant"], ["live"], ["animal"], []], FLAGS)


def test_a_low_report_and_another_word_count_nothing_and_more_words_count_once(public, conn, as_role):
    with public.client(None) as machine:
        read_receipt(post(machine, urls=URL, note=NOTE, website="http://spam.example"))
    assert read_flags(conn) == ([FLAGS], [])
    report(conn, URL, note="a dog")
    assert read_scores(conn, as_role)[2].keys() == set()
    conn.execute(
        "UPDATE items SET state = 'awaiting_assessment', base_lane = 'look', reason = 'new picture', next_try_at = NULL"
    )
    conn.commit()
    assert read_scores(conn, as_role)[2].keys() == {"reports"}
    report(conn, URL, note="violence")
    assert read_scores(conn, as_role)[2] == {"reports": 7, "words": 5}
    report(conn, URL, note=NOTE)
    found = read_scores(conn, as_role)
    assert found == (15, 15, {"reports": 10, "words": 5})
    assert read_flags(conn)[1] == FLAGS


def test_nobody_forges_what_a_note_speaks_of(conn, as_role):
    report(conn, URL, note="violence")
    for role in ("hotline_public", "hotline_worker", "hotline_staff"):
        with as_role(role) as connection, pytest.raises(Exception, match="permission denied"):
            connection.execute("UPDATE items SET note_flags = '{}'")
    with pytest.raises(Exception, match="check constraint"):
        conn.execute("UPDATE reports SET note_flags = '{lovely}'")
    conn.rollback()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "a reporter writes of infant, live broadcast, violence"),
        ("sq", "një raportues shkruan për: foshnjë, transmetim i drejtpërdrejtë, dhunë"),
    ],
)
def test_the_queue_says_whose_words_they_are(database, conn, as_role, tmp_path, language, words):
    (item,) = report(conn, note=NOTE)
    assert read_scores(conn, as_role) == (5, 5, {"words": 5})
    with run_staff_surface(database, root=tmp_path) as surface:
        page = surface.sign_in("Ana").open(f"/queue?lane=look&lang={language}")
    assert words in " ".join(page.tree.css_first(f"#row-{item}").text().split())
