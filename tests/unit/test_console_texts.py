"""The console's texts stand in both languages, and its templates are plain pages."""

import re
from pathlib import Path

import pytest

import api.console
from api.catalogues.formats import local_time
from api.catalogues.languages import LANGUAGES
from api.console.catalogue import TEXTS
from api.console.renderer import say, utc_time
from api.console.routes import NAVIGATION, find_route
from triage.model import PersonRole
from triage.rules.rights import Right
from triage.rules.states import Lane

FOLDER = Path(api.console.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
USED = re.compile(r"""\bt\(\s*"([a-z0-9_]+)"\s*[,)]""")
PLACES = re.compile(r"\{(\w*)\}")


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_each_text_stands_in_both_languages_with_the_same_places(name: str) -> None:
    text = TEXTS[name]
    assert set(text) == set(LANGUAGES)
    assert all(one.strip() for one in text.values())
    assert sorted(PLACES.findall(text["sq"])) == sorted(PLACES.findall(text["en"]))


def test_what_is_named_after_a_table_is_complete() -> None:
    wanted = {f"right_{right}" for right in Right} | {f"role_{role}" for role in PersonRole}
    wanted |= {f"lane_{lane}" for lane in Lane} | {text for _, text in NAVIGATION}
    assert wanted <= set(TEXTS)
    assert all(find_route("GET", path) for path, _ in NAVIGATION)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_uses_texts_that_exist_and_no_script_nor_style(template: Path) -> None:
    source = template.read_text("utf-8")
    assert set(USED.findall(source)) <= set(TEXTS)
    assert not re.search(r"<script|<style|\bstyle=|\son\w+=|\|\s*safe\b|https?://", source)


def test_each_template_has_a_page_that_shows_it() -> None:
    shown = "".join(path.read_text("utf-8") for path in FOLDER.glob("*.py"))
    shown += "".join(path.read_text("utf-8") for path in TEMPLATES)
    assert [path.name for path in TEMPLATES if f'"{path.name}"' not in shown] == []


def test_times_are_shown_as_people_and_as_machines_read_them() -> None:
    from datetime import UTC, datetime

    assert local_time(datetime(2025, 7, 1, 22, 5, tzinfo=UTC)) == "02.07.2025 00:05"
    assert local_time(datetime(2025, 12, 1, 22, 5, tzinfo=UTC)) == "01.12.2025 23:05"
    assert utc_time(datetime(2025, 7, 1, 22, 5, 9, tzinfo=UTC)) == "2025-07-01 22:05:09 UTC"
    assert local_time(None) == utc_time(None) == "–"


def test_a_text_may_have_a_place_called_name() -> None:
    assert say("en", "join_for", name="Ana") == "This link is for: Ana."
