"""The catalogues: nothing missing, nothing unfit, nothing unused, in both languages; and a bad file stops the start."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.catalogues import po_files, review
from api.catalogues.formats import local_time
from api.catalogues.languages import LANGUAGES
from api.catalogues.po_files import find_file, find_places, read_entries
from api.catalogues.sentences import read_sentences
from api.catalogues.texts import CountedText, fill, read_texts
from api.catalogues.uses import SOURCES, find_uses
from api.console.catalogue import TEXTS
from api.console.renderer import say
from api.errors import CatalogueError
from api.public.texts import DRAFT_LANGUAGES
from tests.pseudo_texts import stretch, stretched

DOMAINS = tuple(SOURCES)
HEAD = 'msgid ""\nmsgstr ""\n"Language: {}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: {}\\n"\n\n'


def write(folder: Path, name: str, body: str, plurals: str = po_files.PLURALS) -> Path:
    path = folder / name
    path.write_text(HEAD.format(name.split(".")[1], plurals) + body, "utf-8")
    return path


# Files that are not fit


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('#, fuzzy\nmsgid "a"\nmsgstr "b"\n', "fuzzy"),
        ('msgctxt "c"\nmsgid "a"\nmsgstr "b"\n', "context"),
        ('msgid "a"\nmsgstr ""\n', "no words"),
        ('msgid "a"\nmsgstr "  "\n', "no words"),
        ('msgid "a"\nmsgid_plural "a"\nmsgstr[0] "b"\nmsgstr[1] ""\n', "no words"),
        ('msgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgstr "c"\n', "twice"),
        ('msgid "a"\nmsgstr "{name.__class__}"\n', "no plain name"),
        ('msgid "a"\nmsgstr "{name!r}"\n', "no plain name"),
        ('msgid "a"\nmsgstr "{name:>99999999}"\n', "no plain name"),
        ('msgid "a"\nmsgstr "{}"\n', "no plain name"),
        ('msgid "a"\nmsgstr "{0}"\n', "no plain name"),
        ('msgid "a"\nmsgstr "{name"\n', "without its pair"),
        ('msgid "a"\nmsgstr[x "b"\n', "no catalogue"),
    ],
)
def test_a_message_that_is_not_fit_stops_the_start(tmp_path, body, words):
    with pytest.raises(CatalogueError, match=words):
        read_entries(write(tmp_path, "console.sq.po", body), "sq")


def test_a_file_of_another_language_or_of_other_plurals_stops_the_start(tmp_path):
    body = 'msgid "a"\nmsgstr "b"\n'
    with pytest.raises(CatalogueError, match="another language"):
        read_entries(write(tmp_path, "console.en.po", body), "sq")
    with pytest.raises(CatalogueError, match="plural forms"):
        read_entries(write(tmp_path, "console.sq.po", body, "nplurals=1; plural=0;"), "sq")
    (tmp_path / "console.sq.po").write_bytes(b"\xff\xfe no catalogue")
    with pytest.raises(CatalogueError):
        read_entries(tmp_path / "console.sq.po", "sq")


@pytest.mark.parametrize(
    ("albanian", "english", "words"),
    [
        ('msgid "a"\nmsgstr "b"\n', 'msgid "c"\nmsgstr "b"\n', "missing in a language"),
        ('msgid "a"\nmsgstr "b {n}"\n', 'msgid "a"\nmsgstr "b"\n', "places or forms"),
        (
            'msgid "a"\nmsgid_plural "a"\nmsgstr[0] "{n}"\nmsgstr[1] "{n}"\n',
            'msgid "a"\nmsgstr "{n}"\n',
            "places or forms",
        ),
        *[('msgid "a"\nmsgid_plural "a"\nmsgstr[0] "x"\nmsgstr[1] "{n} {m}"\n',) * 2 + ("is called count",)],
    ],
)
def test_languages_that_differ_stop_the_start(tmp_path, monkeypatch, albanian, english, words):
    monkeypatch.setattr(po_files, "FOLDER", tmp_path)
    write(tmp_path, "console.sq.po", albanian)
    write(tmp_path, "console.en.po", english)
    with pytest.raises(CatalogueError, match=words):
        read_texts("console")


# What our files hold


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_text_that_is_asked_for_exists_and_every_text_is_used(domain):
    texts, uses = read_texts(domain), find_uses(domain)
    assert {name: files for name, files in uses.asked.items() if name not in texts} == {}
    assert [name for name in texts if not uses.find_files(name)] == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_beginning_of_a_name_leads_to_a_text(domain):
    texts, uses = read_texts(domain), find_uses(domain)
    shown = {one for one, files in uses.beginnings.items() if any(file.endswith(".html") for file in files)}
    assert [one for one in sorted(shown) if not any(name.startswith(one) for name in texts)] == []


NAMED = {
    "name",
    "who",
    "when",
    "roles",
    "line",
    "before",
    "after",
    "floor",
    "ceiling",
    "most",
    "span",
    "words",
}
"""Places that hold a name, a value, a time, an ordinal or a bound: nothing is counted."""
LABEL = re.compile(r": \{\w+\}")
"""A number behind its label fits every number: `passkeys: {count}`."""
ALIKE = {
    "age_days": "d and ditë are the same for one",
    "age_hours": "h and orë",
    "age_minutes": "min",
    "span_days": "d and ditë are the same for one",
    "span_hours": "h and orë",
    "span_minutes": "min",
    "score": "so many of so many",
    "capture_ms": "ms",
    "pictures_new_known": "adjectives, which English leaves alone; labels in Albanian",
    "set_waiting": "so many of so many",
    "picture_number": "an ordinal",
    "hop_heading": "an ordinal",
    "look_up_line": "an ordinal",
    "more_than": "over so many",
    "look_heading": "an ordinal",
    "training_task": "an ordinal",
    "training_was": "an ordinal",
}
"""Texts whose words are the same for one and for many, and why."""


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_text_that_counts_has_words_for_one(domain):
    for name, text in read_texts(domain).items():
        places = find_places(LABEL.sub("", text["en"])) - NAMED
        assert not places or isinstance(text["en"], CountedText) or name in ALIKE, (name, places)


def test_what_is_counted_is_said_for_one_and_for_many():
    texts = read_texts("console")
    left = texts["icons_left_out"]
    assert fill(left["en"], {"count": 1}) == "1 icon left out."
    assert fill(left["en"], {"count": 1200}) == "1,200 icons left out."
    assert fill(left["sq"], {"count": 1}) == "1 ikonë u la jashtë."
    assert fill(left["sq"], {"count": 1200}) == "1\u00a0200 ikona u lanë jashtë."
    assert fill(texts["look_hint"]["en"], {"seconds": "1"}).startswith(
        "The picture hides by itself after 1 second."
    )
    with pytest.raises(KeyError):
        fill(left["en"], {"number": 1})


def test_albanian_has_one_apostrophe():
    for file in (*(find_file(domain, "sq") for domain in DOMAINS), find_file("sentences", "sq")):
        assert [one.name for one in read_entries(file, "sq") if "'" in "".join(one.forms)] == []


def test_drafts_are_listed_and_the_files_are_in_order():
    assert [path.name for path in review.find_stale()] == [], "run python -m api.catalogues.review"
    assert review.main(["--check"]) == 0


def test_the_form_says_that_it_is_a_draft_as_long_as_it_is_one():
    drafts = [one for one in read_entries(find_file("public", "sq"), "sq") if po_files.DRAFT in one.notes]
    assert ("sq" in DRAFT_LANGUAGES) == bool(drafts)


def test_a_list_that_is_behind_is_told_and_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(review, "LIST", tmp_path / "drafts.md")
    assert review.main(["--check"]) == 1
    assert not (tmp_path / "drafts.md").exists()
    assert review.main([]) == 0
    assert review.main(["--check"]) == 0
    assert capsys.readouterr().out == "behind: drafts.md\nwritten: drafts.md\n"


# What they cost


def test_reading_them_takes_less_than_a_tenth_of_a_second():
    def read() -> float:
        started = time.process_time()
        for domain in DOMAINS:
            read_texts(domain)
        read_sentences()
        return time.process_time() - started

    assert min(read() for _ in range(3)) < 0.1


def test_times_are_those_of_tirane_with_24_hours():
    assert local_time(datetime(2025, 7, 1, 12, 5, tzinfo=UTC)) == "01.07.2025 14:05"
    assert local_time(datetime(2025, 7, 1, 22, 5, tzinfo=UTC)) == "02.07.2025 00:05"
    assert local_time(datetime(2025, 12, 1, 22, 5, tzinfo=UTC)) == "01.12.2025 23:05"
    assert local_time(None) == "–"


# The made-up language


def test_every_text_may_grow_by_sixty_per_cent_and_keeps_its_places():
    for domain in DOMAINS:
        texts = read_texts(domain)
        kept = {name: dict(text) for name, text in texts.items()}
        with stretched(texts):
            for name, text in texts.items():
                for language in LANGUAGES:
                    assert find_places(text[language]) == find_places(kept[name][language])
                    assert text[language] == stretch(kept[name][language])
                    letters = sum(one.isalpha() for one in re.sub(r"\{\w+\}", "", kept[name][language]))
                    assert len(text[language]) >= len(kept[name][language]) + int(letters * 0.6)
        assert texts == kept
    assert stretch("Hyr si {name}") == "Hyrçç siëë {name}"


def test_pages_show_the_made_up_language_until_the_block_ends():
    text, said = TEXTS["join_for"]["sq"], say("sq", "join_for", name="Ana")
    with stretched(TEXTS):
        assert say("sq", "join_for", name="Ana") == stretch(text).format(name="Ana") != said
    assert say("sq", "join_for", name="Ana") == said
