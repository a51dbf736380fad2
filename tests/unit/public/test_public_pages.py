"""The public pages: nothing active, nothing foreign, nothing lost, in both languages."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from api.catalogues.languages import LANGUAGES, Language
from api.public.pages import CONTENT_SECURITY_POLICY, FormValues, PageRenderer, PageSettings, UnreadableLine
from api.public.texts import EXIT_URL, TEXTS, choose_language, translate_reason

BARE = PageRenderer(PageSettings("129", "116 111"))
FULL = PageRenderer(PageSettings("129", "116 111", uploads=True, has_status=True, practice=True))
BOTH: tuple[Language, ...] = ("sq", "en")
HOSTILE = "</textarea><script>x()</script><img src=http://a.example/ onerror=x()>\"'"
LINES = (UnreadableLine(2, "the host name of the address has no dot"), UnreadableLine(5, HOSTILE))


def render_all(pages: PageRenderer, language: Language) -> dict[str, str]:
    values = FormValues(HOSTILE, "csem", "yes", HOSTILE, HOSTILE, "18_24", "", "", "other", HOSTILE)
    return {
        "report": pages.render_report(language),
        "errors": pages.render_report(
            language, values, {"urls": "field_urls_unreadable", "note": "field_note_long"}, LINES
        ),
        "receipt": pages.render_receipt(language, "7K2M-9QXT-AB3C*"),
        "danger": pages.render_receipt(language, "7K2M-9QXT-AB3C*", danger=True, unreadable=LINES),
        "status": pages.render_status(language, "closed"),
        "unknown": pages.render_status(language, error="field_receipt_unknown", receipt=HOSTILE),
        "error": pages.render_error(language, 429),
    }


ALL = [
    pytest.param(language, page, id=f"{language}-{name}-{number}")
    for language in BOTH
    for number, pages in enumerate((BARE, FULL))
    for name, page in render_all(pages, language).items()
]


def find(tree: LexborHTMLParser, selector: str) -> LexborNode:
    node = tree.css_first(selector)
    assert node is not None, selector
    return node


@pytest.mark.parametrize(("language", "page"), ALL)
def test_nothing_runs_and_nothing_is_fetched_from_elsewhere(language: Language, page: str) -> None:
    tree = LexborHTMLParser(page)
    assert (
        tree.css("script, img, iframe, object, embed, svg, style, video, audio, base, link[rel=icon]") == []
    )
    for node in tree.css("*"):
        for name, value in node.attributes.items():
            assert name != "style"
            assert not name.startswith("on")
            if name in {"src", "action", "srcset", "data", "poster"}:
                assert (value or "").startswith("/")
    links = [node.attributes["href"] or "" for node in tree.css("[href]")]
    assert [link for link in links if not link.startswith(("/", "#", "tel:"))] == [EXIT_URL]


@pytest.mark.parametrize(("language", "page"), ALL)
def test_every_page_has_its_language_a_way_out_and_help(language: Language, page: str) -> None:
    tree = LexborHTMLParser(page)
    assert find(tree, "html").attributes["lang"] == language
    exit_link = find(tree, "header a.exit")
    assert exit_link.text() == TEXTS[language]["exit"]
    assert exit_link.attributes["rel"] == "noreferrer nofollow"
    assert find(tree, "title").text() in {"Formular", "Form"}
    assert {link.attributes["href"] for link in tree.css("footer a")} == {"tel:129", "tel:116111"}
    assert len(page.encode()) + len(read_css().encode()) < 15_000
    assert len(tree.css("h1")) == 1


@pytest.mark.parametrize(("language", "page"), ALL)
def test_every_field_has_a_label_and_every_reference_a_target(language: Language, page: str) -> None:
    tree = LexborHTMLParser(page)
    ids = [node.attributes["id"] for node in tree.css("[id]")]
    assert len(ids) == len(set(ids))
    for node in tree.css("textarea, select, input:not([type=hidden]):not([type=radio]):not([name=website])"):
        assert tree.css_first(f'label[for="{node.attributes["id"]}"]')
    for node in tree.css("[aria-describedby], [aria-labelledby]"):
        for name in ("aria-describedby", "aria-labelledby"):
            assert set((node.attributes.get(name) or "").split()) <= set(ids)
    for node in tree.css('a[href^="#"]'):
        assert (node.attributes["href"] or "")[1:] in ids


@pytest.mark.parametrize("language", BOTH)
def test_what_was_written_is_kept_and_stays_text(language: Language) -> None:
    tree = LexborHTMLParser(render_all(FULL, language)["errors"])
    assert find(tree, "#urls").text() == HOSTILE
    assert find(tree, "#note").text() == HOSTILE
    checked = {node.attributes["name"]: node.attributes["value"] for node in tree.css("[checked]")}
    assert checked == {"remit": "csem", "danger": "yes"}
    assert [node.attributes["value"] for node in tree.css("[selected]")] == ["18_24", "other"]
    assert {find(tree, f"#{name}").attributes["value"] for name in ("email", "platform_other")} == {HOSTILE}
    assert "open" in find(tree, "details").attributes
    assert "open" not in find(LexborHTMLParser(FULL.render_report(language)), "details").attributes


@pytest.mark.parametrize(("language", "page"), ALL)
def test_the_way_out_is_the_first_stop_after_the_skip_link(language: Language, page: str) -> None:
    stops = LexborHTMLParser(page).css("a[href], button, input, select, textarea, summary")
    assert [stop.attributes.get("class") for stop in stops[:2]] == ["skip", "exit"]


@pytest.mark.parametrize("language", BOTH)
def test_errors_stand_beside_their_field_in_words(language: Language) -> None:
    tree = LexborHTMLParser(render_all(BARE, language)["errors"])
    t = TEXTS[language]
    assert find(tree, "#urls-error").text() == t["field_urls_unreadable"]
    assert find(tree, "#note-error").text() == t["field_note_long"]
    lines = [node.text() for node in tree.css("#urls-lines li")]
    assert lines == [f"{t['line']} 2: {t['reason_no_dot']}", f"{t['line']} 5: {t['reason_other']}"]
    assert find(tree, "#urls").attributes["aria-invalid"] == "true"
    assert {node.attributes["href"] for node in tree.css(".errors a")} == {"#urls", "#note"}


def test_a_finished_sentence_is_an_error_too_and_unknown_fields_are_not_shown() -> None:
    page = BARE.render_report("en", errors={"urls": "Said elsewhere <b>.", "surprise": "field_note_long"})
    tree = LexborHTMLParser(page)
    assert find(tree, "#urls-error").text() == "Said elsewhere <b>."
    assert TEXTS["en"]["field_note_long"] not in page


def test_the_form_asks_for_the_address_first_and_has_the_agreed_fields() -> None:
    form = find(LexborHTMLParser(FULL.render_report("sq")), "form")
    assert form.attributes["method"] == "post"
    assert form.attributes["action"] == "/report"
    assert form.attributes["enctype"] == "multipart/form-data"
    names = [node.attributes["name"] for node in form.css("input, textarea, select")]
    about = ["email", "age_band", "sex", "city", "platform", "platform_other"]
    asked = ["urls", "remit", "danger", "note", "file"]
    assert list(dict.fromkeys(names)) == ["lang", "form", *asked, *about, "website"]
    assert [node.attributes["name"] for node in form.css("details input, details select")] == about
    remits = [node.attributes["value"] for node in form.css("[name=remit]")]
    assert remits == ["csam", "csem", "hate_speech", "other"]
    assert form.css("[required]") == []


def test_the_file_field_is_there_only_when_uploads_are_on() -> None:
    assert LexborHTMLParser(BARE.render_report("en")).css("input[type=file]") == []
    assert len(LexborHTMLParser(FULL.render_report("en")).css("input[type=file]")) == 1


def test_the_trap_is_away_from_people() -> None:
    trap = find(LexborHTMLParser(BARE.render_report("en")), ".trap")
    assert trap.attributes["aria-hidden"] == "true"
    assert find(LexborHTMLParser(BARE.render_report("en")), ".trap input").attributes["tabindex"] == "-1"


@pytest.mark.parametrize("language", BOTH)
def test_danger_puts_the_numbers_before_all_else(language: Language) -> None:
    main = find(LexborHTMLParser(BARE.render_receipt(language, "X", danger=True)), "main")
    text = main.text()
    assert text.index("129") < text.index("116 111") < text.index(TEXTS[language]["receipt_heading"])
    calm = find(LexborHTMLParser(BARE.render_receipt(language, "X")), "main").text()
    assert "116 111" not in calm
    assert TEXTS[language]["never_save"] in calm


def test_pages_that_answer_a_post_offer_no_language_links() -> None:
    for page in (BARE.render_receipt("en", "X"), BARE.render_error("en", 404)):
        assert LexborHTMLParser(page).css("header nav") == []
    tree = LexborHTMLParser(BARE.render_report("en"))
    assert [node.text() for node in tree.css("header nav a")] == list(LANGUAGES.values())
    assert [node.attributes["lang"] for node in tree.css("header nav a")] == list(LANGUAGES)


def test_status_is_linked_only_where_it_answers_and_drafts_are_marked() -> None:
    assert "/status" not in BARE.render_report("sq") + BARE.render_receipt("sq", "X")
    assert "/status" in FULL.render_report("sq")
    assert TEXTS["sq"]["draft"] in BARE.render_report("sq")
    assert "PRAKTIKË" in FULL.render_report("en")
    assert "PRAKTIKË" not in BARE.render_report("en")


def test_every_status_code_has_words() -> None:
    said = {code: BARE.render_error("en", code) for code in (400, 403, 404, 413, 429, 500, 503)}
    assert len(set(said.values())) == len(said)


def test_both_languages_have_the_same_texts_and_each_is_used() -> None:
    assert TEXTS["sq"].keys() == TEXTS["en"].keys()
    folder = files("api.public")
    names = ("base", "_parts", "report", "receipt", "status", "error")
    source = "".join((folder / "templates" / f"{name}.html").read_text() for name in names)
    prefixes = (
        "remit_",
        "danger_",
        "error_",
        "field_",
        "reason_",
        "status_",
        "age_",
        "sex_",
        "city_",
        "platform_",
    )
    unused = [key for key in TEXTS["en"] if f't["{key}"]' not in source and not key.startswith(prefixes)]
    assert unused == []
    for key, text in TEXTS["sq"].items():
        assert text
        assert text != TEXTS["en"][key]


def test_reasons_are_those_of_the_url_rules() -> None:
    assert translate_reason("sq", "the host name of the address has no dot") == TEXTS["sq"]["reason_no_dot"]
    assert translate_reason("sq", "something new") == TEXTS["sq"]["reason_other"]
    said = (files("triage.rules") / "urls.py").read_text()
    for key, text in TEXTS["en"].items():
        if key.startswith("reason_"):
            assert f'"{text}"' in said, key


@pytest.mark.parametrize(
    ("wanted", "header", "language"),
    [
        (None, None, "sq"),
        ("en", None, "en"),
        ("sq", "en", "sq"),
        ("xx", "en-GB,sq;q=0.5", "en"),
        (None, "de, sq-AL;q=0.8, en;q=0.5", "sq"),
        ("<script>", "*", "sq"),
    ],
)
def test_language_is_chosen(wanted: str | None, header: str | None, language: str) -> None:
    assert choose_language(wanted, header) == language


def read_css() -> str:
    return (files("api.public") / "static" / "public.css").read_text()


def test_the_style_sheet_fetches_nothing() -> None:
    assert not re.search(r"url\(|@import|@font-face|https?:", read_css())
    assert "script" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")


def compute_luminance(colour: str) -> float:
    digits = colour.strip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def compute_contrast(one: str, two: str) -> float:
    light, dark = sorted((compute_luminance(one), compute_luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_enough_contrast(scheme: int) -> None:
    block = re.findall(r":root \{(.*?)\}", read_css(), re.S)[scheme]
    colours = dict(re.findall(r"--(\w+): (#\w+);", block))
    for name in ("ink", "muted", "accent", "warn"):
        for ground in ("paper", "card"):
            assert compute_contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for ground in ("paper", "card"):
        assert compute_contrast(colours["line"], colours[ground]) >= 3


def test_the_snippet_for_other_sites_loads_nothing_and_leads_here() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "public-form.md").read_text("utf-8")
    snippets = re.findall(r"```html\n(.*?)```", guide, re.S)
    assert len(snippets) == 2
    for snippet in snippets:
        tree = LexborHTMLParser(snippet)
        assert tree.css("script, img, iframe, link, style, [src], [onclick], [style], [target]") == []
        assert find(tree, "a, form").attributes["rel"] == "noreferrer"
