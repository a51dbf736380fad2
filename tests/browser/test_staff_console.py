"""The console as a browser shows it. No flag hands a browser the cookie of a session, so only the sign-in page is
opened live; the inner pages are looked at as copies, with the console's own style and policy."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from api.console.renderer import CONTENT_SECURITY_POLICY
from api.console.texts import TEXTS
from tests.builders import report
from tests.local_sites import LocalSite
from tests.staff_server import run_staff_surface
from triage.model import PersonRole
from triage.rules.states import Remit

PAGES = ("/", "/queue?lane=look", "/hand-on", "/held", "/hosting", "/sendings", "/recipients")


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


def test_the_sign_in_page_in_both_languages_breaks_no_policy(surface, browse, tmp_path):
    for language in ("sq", "en"):
        page, said = browse("--dump-dom", f"{surface.url}/sign-in?lang={language}")
        tree = LexborHTMLParser(page)
        assert tree.css_first("html").attributes["lang"] == language
        assert tree.css_first("h1").text() == TEXTS["sign_in"][language]
        assert tree.css("script, img, iframe, [style]") == []
        assert said == []
    picture = tmp_path / "sign-in.png"
    browse(f"--screenshot={picture}", "--window-size=800,600", f"{surface.url}/sign-in?lang=sq")
    assert picture.read_bytes().startswith(b"\x89PNG")


FRAMES = """<!doctype html><body><script>
onload = () => { for (const frame of document.querySelectorAll("iframe")) {
  const root = frame.contentDocument.documentElement;
  frame.title = `${root.clientWidth} ${root.scrollWidth} ${root.scrollHeight} ${root.lang}`;
} };
</script>"""


def test_every_inner_page_fits_320_pixels_and_keeps_its_policy(surface, conn, browse):
    address = f"https://{'a' * 60}.example/{'b' * 900}"
    report(conn, address, note="x" * 900, remit=Remit.HATE_SPEECH)
    (text,) = report(conn, note="y" * 900, danger=True)
    lead = surface.sign_in("Lena", PersonRole.LEAD)
    lead.open("/recipients")
    lead.submit("enter", name="Police " + "z" * 100, kind="police", contact="desk@police.example")
    policy = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'; ", "")
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    pages = []
    for language in ("sq", "en"):
        for path in (*PAGES, f"/items/{text}"):
            page = lead.open(f"{path}{'&' if '?' in path else '?'}lang={language}")
            assert page.status == 200, path
            pages.append((path, page.text.replace('<meta charset="utf-8">', f'<meta charset="utf-8">{meta}')))
    with LocalSite() as copies:
        style = surface.browser().open("/static/console.css").content
        copies.lay_answer("/static/console.css", style, "text/css")
        frames = FRAMES
        for place, (_, page) in enumerate(pages):
            copies.lay_answer(f"/{place}", page.encode(), "text/html; charset=utf-8")
            frames += f'<iframe src="/{place}" width=320 height=3000 style="border:0"></iframe>'
        copies.lay_answer("/", frames.encode(), "text/html; charset=utf-8")
        measured, said = browse("--dump-dom", f"http://127.0.0.1:{copies.port}/")
        broken = pages[0][1].replace("<main ", '<main style="color:red" ').encode()
        copies.lay_answer("/broken", broken, "text/html; charset=utf-8")
        _, noticed = browse("--dump-dom", f"http://127.0.0.1:{copies.port}/broken")
    assert said == []
    assert noticed, "a broken policy must be seen, or the line above says nothing"
    titles = [node.attributes["title"] or "" for node in LexborHTMLParser(measured).css("iframe")]
    assert len(titles) == len(pages)
    for (path, _), title in zip(pages, titles, strict=True):
        width, needed, height, language = title.split()
        assert (int(width), language in ("sq", "en")) == (320, True), (path, title)
        assert int(needed) <= 320, (path, title)
        assert int(height) > 200, (path, title)
