"""What the console shows of a capture: each request, the kind of page, what was left out, and other ways out."""

import pytest

from tests.bare_captures import BareWorker
from tests.builders import read_place, report
from tests.captures import capture, url
from tests.console import ask, open_item
from tests.drawn_images import make_animation
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.rules.fetch_failures import FetchFailure
from triage.steps.record_capture import CaptureFindings
from triage.store.captures import CaptureFacts, Hop

NOW = utcnow()
EXITS = ("abroad=socks5://127.0.0.1:9150", "tor=tor://127.0.0.1:9050")
HOPS = (
    Hop(
        "http://short.example/x",
        301,
        "203.0.113.9",
        headers=[("location", "https://photos.example/page"), ("server", "<b>nginx</b>/1.2.3")],
        elapsed_ms=12,
    ),
    Hop(
        "https://photos.example/page",
        200,
        "203.0.113.10",
        exit_name="abroad",
        led_by="redirect",
        tls="TLSv1.3",
        certificate="ab" * 32,
        certificate_fault="the certificate has expired",
        elapsed_ms=345,
    ),
)


@pytest.fixture
def worker(as_role):
    return BareWorker(as_role("hotline_worker"), NOW)


@pytest.fixture
def surface(database, tmp_path, servers):
    for area in ("intake", "evidence"):
        (tmp_path / area).mkdir()
    with run_staff_surface(database, root=tmp_path, fetch_exits=EXITS) as running:
        yield running


def words_of(page, selector):
    node = page.tree.css_first(selector)
    return " ".join(node.text().split()) if node else None


def lay_page(conn, worker):
    (item,) = report(conn, "http://short.example/x", now=NOW)
    taken = worker.take(item)
    facts = CaptureFacts(
        final_url="https://photos.example/page",
        status=200,
        hops=HOPS,
        content_type="text/html",
        size=4321,
        sha256=b"p" * 32,
        elapsed_ms=400,
        page_kind="login_wall",
        pictures_found=9,
        exit_name="abroad",
    )
    worker.record(taken, CaptureFindings(facts, left=9))
    return item


def test_each_request_is_shown_with_all_that_was_kept_and_no_address_is_live(conn, worker, surface):
    item = lay_page(conn, worker)
    page = open_item(surface.sign_in("Ana"), item)
    shown = words_of(page, "#last-capture")
    for words in (
        *("hxxp://short[.]example/x", "301 (first request), 12 ms", "203.0.113.9, direct", "no TLS"),
        *("location: hxxps://photos[.]example/page", "server: <b>nginx</b>/1.2.3"),
        *("hxxps://photos[.]example/page", "200 (redirect), 345 ms", "203.0.113.10, abroad", "TLSv1.3"),
        *("certificate not verified: the certificate has expired", "ab" * 32),
        *("a login wall", "found: 9, taken: 0, left out: 9, icons: 0", "text/html, 4,321 bytes"),
    ):
        assert words in shown, words
    assert "://short.example" not in page.text
    assert "://photos.example" not in page.text
    assert "<b>nginx" not in page.text
    assert not page.tree.css("script:not([src]), [style], [onclick]")
    reason = "a login wall; a page with more pictures than are taken: 9 left out"
    assert reason in page.words
    assert words_of(page, "#last-capture summary") == "The last capture, in detail"
    assert page.tree.css_first("#last-capture").attributes.get("open", "closed") == "closed"


def test_it_is_all_said_in_albanian_too(conn, worker, surface):
    item = lay_page(conn, worker)
    browser = surface.sign_in("Ana")
    open_item(browser, item)
    shown = words_of(browser.open(f"/items/{item}?lang=sq"), "#last-capture")
    for words in ("një mur hyrjeje", "certifikata ka skaduar", "të gjetura: 9", "ridrejtim", "pa TLS"):
        assert words in shown, words


def test_a_capture_of_an_earlier_version_is_shown_with_what_it_kept(conn, worker, surface):
    item = lay_page(conn, worker)
    conn.execute("ALTER TABLE captures DISABLE TRIGGER captures_ended_are_fixed")
    conn.execute(
        'UPDATE captures SET hops = \'[{"url": "http://a.example/", "status": 200, "address": null}]\''
    )
    conn.commit()
    assert "hxxp://a[.]example/" in words_of(open_item(surface.sign_in("Ana"), item), "#last-capture")


def test_a_failed_try_says_why_how_often_and_when_the_next_one_is(conn, worker, surface):
    (item,) = report(conn, "http://short.example/x", now=NOW)
    worker.fail(item, FetchFailure.ASKED_TO_WAIT, status=429, retry_after_s=600.0)
    page = open_item(surface.sign_in("Ana"), item)
    assert "failed, 429, the server asks us to wait" in page.words
    assert words_of(page, "#next-try").startswith("Failed tries1Next try")


def test_the_icons_of_a_page_are_counted_and_not_listed(conn, worker, surface):
    (item,) = report(conn, "http://photos.example/page", now=NOW)
    worker.find_page(item, "http://photos.example/1.jpg", "http://photos.example/icon.png")
    picture, icon = worker.children(item)
    worker.find_picture(picture, b"picture")
    worker.find_picture(icon, b"icon", size=(16, 16), has_views=False)
    page = open_item(surface.sign_in("Ana"), item)
    assert words_of(page, "#icons") == "1 icon left out."
    assert len(page.tree.css("article.picture")) == 1
    assert "2 taken" not in words_of(page, "#last-capture")  # how many were found is not known of this one


def test_a_person_chooses_a_way_out_and_no_other_is_taken(conn, worker, surface):
    item = lay_page(conn, worker)
    ana = surface.sign_in("Ana")
    page = open_item(ana, item)
    options = [node.attributes["value"] for node in page.tree.css("#recapture-exit option")]
    assert options == ["", "direct", "abroad", "tor"]
    refused = ana.submit("recapture", exit="elsewhere")
    assert refused.status >= 400
    assert "There is no such way out." in refused.words
    open_item(ana, item)
    ana.submit("recapture", exit="abroad")
    assert read_place(conn, item).state == "received"
    assert worker.take(item, after_s=86400).exit_name == "abroad"


def test_without_ways_out_none_is_offered(conn, worker, database, tmp_path):
    for area in ("intake", "evidence"):
        (tmp_path / area).mkdir()
    item = lay_page(conn, worker)
    with run_staff_surface(database, root=tmp_path) as surface:
        ana = surface.sign_in("Ana")
        assert open_item(ana, item).tree.css("#recapture-exit") == []
        ana.submit("recapture")
    assert read_place(conn, item).state == "received"


def test_the_frames_of_an_animation_are_looked_at_side_by_side_like_any_view(desk, database, site):
    site.lay_answer("/moving.gif", make_animation(7, frames=6), "image/gif")
    moving, still = desk.report(url("/moving.gif"), url("/first.jpg"))
    capture(desk, moving, still)
    with run_staff_surface(database, root=desk.root, vault_identity=desk.vault_identity) as surface:
        ana = surface.sign_in("Ana")
        page = open_item(ana, still)
        assert page.tree.css('button[value="sheet"]') == []
        page = open_item(ana, moving)
        assert len(page.tree.css('button[value="sheet"]')) == 1
        page, source = ask(ana, rendering="sheet")
        picture = ana.open(source)
        assert (picture.headers["content-type"], picture.content[:2]) == ("image/jpeg", b"\xff\xd8")
        assert (
            desk.count("SELECT count(*) FROM looks WHERE rendering = 'sheet' AND fetched_at IS NOT NULL") == 1
        )
        open_item(ana, still)
        refused = ana.submit("reveal-1", rendering="sheet")
        assert "There is no such view." in refused.words
