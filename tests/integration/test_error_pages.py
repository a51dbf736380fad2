"""Errors as people meet them: in words, in their language, with the next step, under the same title as any page."""

import httpx2
import pytest
from selectolax.lexbor import LexborHTMLParser

from api.catalogues.languages import LANGUAGES
from api.console.catalogue import TEXTS as STAFF_TEXTS
from api.console.guard import MAX_FORM_BYTES
from api.public.pages import PageRenderer, PageSettings
from api.public.texts import TEXTS
from tests.public_server import run_public_surface
from tests.staff_server import run_staff_surface
from triage.errors import ServerUnavailableError
from triage.model import PersonRole

STATUSES = (400, 401, 403, 404, 405, 413, 415, 429, 500, 503)
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def staff(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


def fail_with(error):
    def fail(*_, **__):
        raise error

    return fail


def test_each_status_has_words_of_its_own_on_both_surfaces():
    pages = PageRenderer(PageSettings("129", "116 111"))
    for language in LANGUAGES:
        said = [pages.render_error(language, status) for status in STATUSES]
        assert len(set(said)) == len(STATUSES)
        assert all(TEXTS[language]["page_title"] in page for page in said)
        assert len({STAFF_TEXTS[f"error_{status}"][language] for status in STATUSES}) == len(STATUSES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_console_says_what_happened_and_what_to_do_next(staff, language, monkeypatch):
    browser = staff.sign_in("Ana", PersonRole.ANALYST)
    cookies = {"cookie": f"__Host-sid={browser.cookies['__Host-sid']}; lang={language}"}
    browser.open("/")
    csrf = browser.read_csrf()

    def check(answer, status, next_step):
        assert answer.status_code == status
        assert answer.headers["cache-control"] == "no-store"
        page = LexborHTMLParser(answer.text)
        assert page.css_first("html").attributes["lang"] == language
        assert page.css_first("title").text() == STAFF_TEXTS["console"][language]
        main = page.css_first("main").text()
        assert STAFF_TEXTS[f"error_{status}"][language] in main
        assert STAFF_TEXTS[f"error_next_{next_step}"][language].partition("{")[0] in main
        assert page.css_first("main a.button").attributes["href"] == ("/sign-in" if status == 401 else "/")

    with httpx2.Client(base_url=staff.url, trust_env=False, timeout=30) as client:
        check(client.post("/sign-out", headers={"cookie": f"lang={language}"}), 401, 401)
        check(client.get("/tokens", headers=cookies), 403, 403)
        check(client.get("/nothing", headers=cookies), 404, 404)
        check(client.get("/sign-out", headers=cookies), 405, 405)
        check(client.post("/sign-out", headers=cookies, json={"csrf": csrf}), 415, 400)
        large = b"csrf=" + csrf.encode() + b"&a=" + b"x" * (MAX_FORM_BYTES * 2)
        check(client.post("/sign-out", headers=cookies | FORM, content=large), 413, 413)
        monkeypatch.setattr("api.console.queue.count_lanes", fail_with(ValueError("secret")))
        broken = client.get("/queue", headers=cookies)
        check(broken, 500, 500)
        assert "secret" not in broken.text
        monkeypatch.setattr("api.console.queue.count_lanes", fail_with(ServerUnavailableError("secret")))
        check(client.get("/queue", headers=cookies), 503, 500)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_public_surface_says_it_too_and_leads_back_to_the_form(database, tmp_path, language, monkeypatch):
    with run_public_surface(tmp_path / "state", database.dsns["hotline_public"]) as surface:

        def check(answer, status):
            assert answer.status_code == status
            page = LexborHTMLParser(answer.text)
            assert page.css_first("html").attributes["lang"] == language
            assert page.css_first("title").text() == TEXTS[language]["page_title"]
            main = page.css_first("main")
            assert TEXTS[language][f"error_{status}"] in main.text()
            assert main.css_first("a").attributes["href"] == f"/?lang={language}"

        with surface.client(None) as client:
            tongue = {"accept-language": language}
            check(client.get("/nothing", headers=tongue), 404)
            check(client.get("/report", headers=tongue), 405)
            check(client.post("/report", headers=tongue, content=b"urls=x"), 415)
            parts = [("urls", (None, "x" * (30 << 20)))]
            check(client.post("/report", headers=tongue, files=parts), 413)
            monkeypatch.setattr("api.public.status.find_status", fail_with(ServerUnavailableError("secret")))
            asked = [("receipt", (None, "0000-0000-00000"))]
            check(client.post("/status", headers=tongue, files=asked), 503)
