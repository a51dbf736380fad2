"""What the code says in English is said in Albanian; and no Albanian stands in the code itself."""

import ast
import re
import time
from functools import cache
from pathlib import Path

import pytest

import api.main  # every class of errors is known then
from api.catalogues.po_files import Entry, find_file, read_entries
from api.catalogues.sentences import Sentences, read_sentences
from api.errors import STATUS, CatalogueError, InvalidQuestionError
from hashsets.errors import TrustRefusedError
from triage.errors import HotlineError, IdempotencyConflictError, StaleStateError

ROOT = Path(api.main.__file__).parents[1]


@cache
def list_sources() -> list[tuple[str, ast.Module]]:
    return [
        (str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8")))
        for folder in ("hashsets", "triage", "workers", "api")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


def sample(node: ast.expr) -> str | None:
    """A text of the code; each value in it stands as 7."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.strip()
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "7" for one in node.values)
    return None


@cache
def list_constants() -> dict[str, set[str]]:
    """Names of sentences that stand at the top of a module, with what they say."""
    found: dict[str, set[str]] = {}
    for _, tree in list_sources():
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                text = sample(node.value)
                if text and " " in text:
                    found.setdefault(node.targets[0].id, set()).add(text)
    return found


COMPUTED = {"it came back: {words}"}
"""Sentences whose first words are a constant of the rules."""


def pattern_of(node: ast.JoinedStr) -> str:
    parts = (re.escape(str(one.value)) if isinstance(one, ast.Constant) else ".*" for one in node.values)
    return "".join(parts)


def test_every_sentence_is_one_that_the_code_says():
    constants, patterns = [], set()
    for _, tree in list_sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                patterns.add(pattern_of(node))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                constants.append(node.value)
    code = "\n".join(constants)
    whole = re.compile("|".join(sorted(one for one in patterns if re.search(r"[a-z]{2}", one))), re.DOTALL)

    def is_said(sentence: str) -> bool:
        # An error's own stop is added where it is shown.
        return sentence.removesuffix(".") in code or bool(whole.fullmatch(sentence))

    missing = []
    for entry in read_entries(find_file("sentences", "sq"), "sq"):
        forms = [entry.name] if entry.plural is None else [entry.plural]
        missing += [one for one in forms if one not in COMPUTED and not is_said(re.sub(r"\{\w+\}", "7", one))]
    assert missing == []


SHOWN_FROM = (
    "api/console/",
    "api/bodies.py",
    "triage/rules/",
    "triage/steps/",
    "triage/store/",
    "hashsets/trust.py",
)
TERMINAL_ONLY = {
    "triage/steps/export_hash_set.py",
    "triage/steps/import_hash_list.py",
    "triage/steps/receive_report.py",  # its callers say it in words of their own
    "triage/store/practice.py",
}
"""What only commands and machines meet."""


NEVER_SHOWN = (StaleStateError, InvalidQuestionError, IdempotencyConflictError)
"""The first has a text of its own; the others answer machines."""


def list_shown_errors() -> dict[str, type[Exception]]:
    """Errors whose own sentence is shown on a page, by name."""
    found: list[type[HotlineError]] = [HotlineError]
    for one in found:
        found += one.__subclasses__()
    shown = {}
    for one in found:
        status = next((status for kind, status in STATUS if issubclass(one, kind)), None)
        if status in {403, 404, 409, 422} and not issubclass(one, NEVER_SHOWN):
            shown[one.__name__] = one
    return {**shown, TrustRefusedError.__name__: TrustRefusedError}


def test_every_sentence_of_an_error_that_people_meet_is_said_in_albanian():
    sentences, shown = read_sentences(), list_shown_errors()
    said = {"api/errors.py": {(one.__doc__ or "").strip() for one in shown.values()}}
    for path, tree in list_sources():
        if path in TERMINAL_ONLY or not path.startswith(SHOWN_FROM):
            continue
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in shown
                and node.args
            ):
                first = node.args[0]
                named = list_constants().get(first.id, set()) if isinstance(first, ast.Name) else set()
                said.setdefault(path, set()).update(named or {sample(first) or ""})
    missing = {
        (path, sentence)
        for path, found in said.items()
        for sentence in found
        # A sentence that names a command is for the terminal.
        if sentence and "`" not in sentence and sentence not in sentences
    }
    assert missing == set()


def test_sentences_are_found_with_their_places_and_put_right():
    sentences = read_sentences()
    assert sentences["refused: the host is a name for tests"] == "u refuzua: hosti është një emër për prova"
    assert sentences.get("refused: something else") == "u refuzua: something else"
    assert sentences.get("something new") is None
    assert "something new" not in sentences
    assert sentences.correct("a page: 1 pictures, 0 known") == "a page: 1 picture, 0 known"
    assert (
        sentences.correct("a login wall; a page: all 1 pictures known")
        == "a login wall; a page: its only picture known"
    )
    assert sentences.correct("something; new") == "something; new"


def test_a_strangers_words_cost_no_more_than_they_are_long():
    sentences = read_sentences()
    started = time.process_time()
    for words in (
        "it came back: " * 2000,
        "; " * 20000,
        "a page: " * 3000,
        "refused: " + "(a" * 9000,
        "{count}" * 900,
    ):
        assert isinstance(sentences.correct(words), str)
        assert isinstance(sentences.get(words, ""), str)
    assert time.process_time() - started < 2


def test_a_sentence_with_other_places_stops_the_start():
    with pytest.raises(CatalogueError, match="other places"):
        Sentences([Entry("more than {limit} redirects", None, ("më shumë se {kufi} ridrejtime",))])


# Where texts stand

WITH_ALBANIAN = {
    "api/console/renderer.py",
    "api/public/pages.py",
    "workers/fetcher/page.py",
    "triage/packages/package.py",
    "triage/settings.py",
    *(
        f"triage/rules/{name}.py"
        for name in ("message_words", "detail_words", "flags", "page_phrases", "referral_text", "notice_text")
    ),
    *(f"triage/rules/{name}.py" for name in ("url_repairs", "message_lint", "reporter", "reporter_mail")),
}
"""Marks of practice, names of cities, words that are looked for, and what leaves as a message."""


def test_no_albanian_words_stand_in_code():
    found = set()
    for path, tree in list_sources():
        comments = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = (one for one in ast.walk(tree) if isinstance(one, ast.Constant) and id(one) not in comments)
        if any(isinstance(one.value, str) and re.search(r"[ëçËÇ]", one.value) for one in texts):
            found.add(path)
    assert {one for one in found if not one.startswith("triage/cli/practice/")} <= WITH_ALBANIAN


KEYS = ("Enter", "Ctrl", "Esc")
"""As keyboards have them in every language."""


def test_templates_hold_no_words_of_their_own():
    for path in (ROOT / "api").rglob("templates/*.html"):
        source = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", path.read_text("utf-8"), flags=re.DOTALL)
        assert not re.search(r'(aria-label|title|alt|placeholder)="[A-Za-z]', source), path.name
        words = set(re.findall(r"[^\W\d_]{2,}", re.sub(r"<[^>]*>|&\w+;", " ", source)))
        assert words <= {"PRAKTIKË", "PRACTICE", "AS", *KEYS}, path.name
