"""The public form as a browser posts it: receipts, files, errors beside their fields, in both languages."""

import re

import pytest
from selectolax.lexbor import LexborHTMLParser

from api.catalogues.languages import LANGUAGES
from api.public.texts import DANGERS, NOTE_MAX_LENGTH, REMITS, TEXTS
from tests.intake import count
from tests.public_server import run_public_surface

URL = "https://photos.example/a.png"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def surface(database, tmp_path):
    with run_public_surface(
        tmp_path / "state", database.dsns["hotline_public"], public_uploads=True, upload_max_bytes=1 << 20
    ) as running:
        yield running


def read_form(page):
    """Every field of the form with the value that a browser would post, in its order."""
    (form,) = LexborHTMLParser(page).css("form")
    assert form.attributes["enctype"] == "multipart/form-data"
    fields = []
    for node in form.css("input, textarea, select"):
        name, kind = node.attributes["name"], node.attributes.get("type", "text")
        if node.tag == "textarea":
            fields.append((name, node.text().removeprefix("\n")))
        elif kind == "file":
            fields.append((name, None))
        elif node.tag == "select":
            chosen = node.css_first("[selected]")
            fields.append((name, chosen.attributes["value"] if chosen else ""))
        elif kind != "radio" or "checked" in node.attributes:
            fields.append((name, node.attributes.get("value") or ""))
    return form.attributes["action"], fields


def send_form(client, language="en", file=None, **changes):
    """Ask for the form, fill it in and post it the way browsers do."""
    action, fields = read_form(client.get(f"/?lang={language}").text)
    parts = []
    for name, value in fields:
        if value is None:
            parts.append((name, file or ("", b"", "application/octet-stream")))
        else:
            text = changes.pop(name, value)
            parts.append((name, (None, re.sub(r"\r?\n", "\r\n", text))))
    assert changes == {}
    return client.post(action, files=parts)


def find(page, selector):
    node = LexborHTMLParser(page).css_first(selector)
    assert node is not None, selector
    return node


@pytest.fixture
def client(surface):
    with surface.client(None) as opened:
        yield opened


def test_a_report_gets_its_receipt_and_is_stored(client, surface, conn):
    for language in LANGUAGES:
        response = send_form(
            client, language, urls=f"{URL}\nwhat is this\n", note="first\nsecond", remit="csem", danger="no"
        )
        assert response.status_code == 201
        page = response.text
        receipt = find(page, ".receipt output").text()
        assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z*~$=]{5}", receipt)
        assert find(page, "h1").text() == TEXTS[language]["receipt_heading"]
        assert "what is this" not in page
        assert f"{TEXTS[language]['line']} 2: " in find(page, "section.errors").text()
    rows = conn.execute("SELECT channel, remit, note, danger FROM reports ORDER BY id").fetchall()
    assert rows == [("public", "csem", "first\nsecond", False)] * 2
    assert count(conn, "items") == 1
    assert surface.list_objects() == []


def test_a_file_is_sealed_and_danger_shows_the_numbers_first(client, surface, conn):
    response = send_form(client, "sq", file=("foto ë.png", PNG, "image/png"), danger="yes")
    assert response.status_code == 201
    main = find(response.text, "main").text()
    assert main.index("129") < main.index("116 111") < main.index(TEXTS["sq"]["receipt_heading"])
    (sealed,) = surface.list_objects()
    assert surface.open_object(sealed) == PNG
    assert conn.execute("SELECT kind, danger, file_name FROM items").fetchall() == [
        ("upload", True, "foto ë.png")
    ]


def test_errors_are_said_beside_their_field_and_keep_what_was_written(client, surface, conn):
    long_note = "one\n" * (NOTE_MAX_LENGTH // 4) + "x"
    wrong = [
        ({}, {"urls": "field_urls_missing"}),
        ({"urls": " \n\n", "note": " "}, {"urls": "field_urls_missing"}),
        ({"urls": "what is\nthis <b>"}, {"urls": "field_urls_unreadable"}),
        ({"urls": f"{URL}\n" * 5001}, {"urls": "field_urls_many"}),
        ({"urls": URL, "note": long_note}, {"note": "field_note_long"}),
        ({"urls": URL, "remit": "all"}, {"remit": "field_choice_unknown"}),
        ({"urls": URL, "danger": "perhaps"}, {"danger": "field_choice_unknown"}),
        ({"urls": URL, "note": "a\x00b"}, {"note": "field_unfit"}),
        ({"urls": URL, "email": "a@b\r\nBcc: x@y.example"}, {"email": "field_email_unreadable"}),
        ({"urls": URL, "city": "nowhere"}, {"city": "field_choice_unknown"}),
    ]
    for changes, errors in wrong:
        for language in LANGUAGES:
            response = send_form(client, language, **changes)
            page = response.text
            assert response.status_code == 422, changes
            assert find(page, "html").attributes["lang"] == language
            for field, key in errors.items():
                assert find(page, f"#{field}-error").text() == TEXTS[language][key], (changes, language)
            assert len(LexborHTMLParser(page).css("p.error")) == len(errors)
            _, kept = read_form(page)
            values = dict(kept)
            if "\x00" not in changes.get("note", ""):
                for name in {"urls", "note"} & set(changes):
                    assert values[name] == changes[name], (name, language)
            assert (values["remit"] in REMITS, values["danger"] in DANGERS) == (True, True)
    assert (count(conn, "reports"), surface.list_objects()) == (0, [])
    exact = "one\n" * (NOTE_MAX_LENGTH // 4)  # a browser counts a line end as one character, and sends two
    assert send_form(client, note=exact).status_code == 201


def test_a_refused_form_leaves_no_file(client, surface, conn):
    file = ("a.png", PNG, "image/png")
    assert send_form(client, file=file, note="x" * (NOTE_MAX_LENGTH + 1)).status_code == 422
    too_large = send_form(client, "en", file=("a.png", bytes((1 << 20) + 1), "image/png"))
    assert too_large.status_code == 413
    assert find(too_large.text, "h1").text() in {TEXTS[language]["error_heading"] for language in LANGUAGES}
    broken = client.post(
        "/report", content=b"--x\r\n", headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert broken.status_code == 422
    assert client.post("/report", content=b"urls=x").status_code == 415
    assert surface.list_objects() == []
    assert count(conn, "reports") == 0


def test_files_are_refused_where_uploads_are_off(database, tmp_path, conn):
    with run_public_surface(tmp_path / "state", database.dsns["hotline_public"]) as surface:
        with surface.client(None) as client:
            form = client.get("/").text
            assert LexborHTMLParser(form).css("input[type=file]") == []
            parts = [("urls", (None, URL)), ("file", ("a.png", PNG, "image/png"))]
            assert client.post("/report", files=parts).status_code == 422
        assert surface.list_objects() == []
    assert count(conn, "reports") == 0


def test_a_mistake_of_ours_is_said_in_the_language_of_the_form(client, surface, monkeypatch):
    def fail(*_):
        raise ValueError("secret")

    monkeypatch.setattr("api.public.report.split_lines", fail)
    for language in LANGUAGES:
        response = send_form(client, language, urls=URL, file=("a.png", PNG, "image/png"))
        assert response.status_code == 500
        assert find(response.text, "main p").text() == TEXTS[language]["error_500"]
        assert "secret" not in response.text
    assert surface.list_objects() == []


def test_the_form_answers_the_same_for_known_and_unknown_addresses(client):
    pages = []
    for url in ("https://known.example/", "https://known.example/", "https://other.example/"):
        page = send_form(client, urls=url).text
        pages.append(page.replace(find(page, ".receipt output").text(), ""))
    assert len(set(pages)) == 1
