"""The list for a native editor: `python -m api.catalogues.review` writes it, with `--check` it only compares.

1. Put the catalogues into one order and spelling, so that a change is one line in a comparison. Albanian messages carry
   the English words as a comment, for editors who open the file itself.
2. Write `docs/albanian-drafts.md`: every Albanian text marked `draft`, beside the English one, by page.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.pofile import escape

from api.catalogues.languages import LANGUAGES, Language
from api.catalogues.po_files import DRAFT, FOLDER, PLURALS, Entry, find_file, read_entries
from api.catalogues.uses import SOURCES, Uses, find_uses
from api.errors import CatalogueError

LIST = Path(str(FOLDER)).parents[1] / "docs" / "albanian-drafts.md"
"""Where the list lies; only a checkout has it."""

_HEAD = """msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plurals}\\n"
"""

_INTRODUCTION = """# Albanian drafts

Written by `python -m api.catalogues.review`; do not change it by hand. These Albanian texts wait for a native editor:
how one is mended, and when its mark goes, is in [translating.md](translating.md). Words in braces are places that are
filled in; `1:` comes before the words for one of what is counted.

"""

_SEVERAL = "several pages"


def write_entries(entries: list[Entry], language: Language, english: dict[str, tuple[str, ...]]) -> str:
    """Return the text of a catalogue file, in the one order and spelling that we use.

    Args:
        entries: its messages, in any order.
        language: language of the file.
        english: name → English forms, for the comments; empty for a file that needs none.
    """
    blocks = [_HEAD.format(language=language, plurals=PLURALS)]
    for entry in sorted(entries, key=lambda one: one.name):
        lines = [f"# {note}" for note in entry.notes]
        lines += [f"#. {_flatten(form)}" for form in english.get(entry.name, ())]
        lines.append(f"msgid {escape(entry.name)}")
        if entry.plural is None:
            lines.append(f"msgstr {escape(entry.forms[0])}")
        else:
            lines.append(f"msgid_plural {escape(entry.plural)}")
            lines += [f"msgstr[{number}] {escape(form)}" for number, form in enumerate(entry.forms)]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _flatten(text: str) -> str:
    return " ".join(text.split())


def _read(domain: str, language: Language) -> list[Entry]:
    return read_entries(find_file(domain, language), language)


def _read_english(domain: str) -> dict[str, tuple[str, ...]]:
    return {entry.name: entry.forms for entry in _read(domain, "en")}


def _write_list() -> str:
    """Return the list of drafts."""
    sections: dict[str, list[tuple[str, Entry, tuple[str, ...]]]] = {}
    for domain in SOURCES:
        english, uses = _read_english(domain), find_uses(domain)
        for entry in _read(domain, "sq"):
            if DRAFT in entry.notes:
                title = f"{domain.capitalize()}: {_find_page(uses, entry.name)}"
                sections.setdefault(title, []).append((f"`{entry.name}`", entry, english[entry.name]))
    for entry in _read("sentences", "sq"):
        if DRAFT in entry.notes:
            # A whole sentence ends with a stop; reasons and findings stand in the middle of a line.
            title = "Sentences: refusals" if entry.name.endswith(".") else "Sentences: reasons"
            forms = (entry.name,) if entry.plural is None else (entry.name, entry.plural)
            sections.setdefault(title, []).append(("", entry, forms))
    counts = "".join(f"- {title}: {len(rows)}\n" for title, rows in sorted(sections.items()))
    return _INTRODUCTION + counts + "".join(_write_section(*section) for section in sorted(sections.items()))


def _find_page(uses: Uses, name: str) -> str:
    pages = {Path(file).stem.lstrip("_") for file in uses.find_files(name)}
    return pages.pop() if len(pages) == 1 else _SEVERAL


def _write_section(title: str, rows: list[tuple[str, Entry, tuple[str, ...]]]) -> str:
    lines = [f"\n## {title}\n\n| name | English | Albanian |\n|---|---|---|\n"]
    for name, entry, english in sorted(rows, key=lambda row: row[1].name):
        lines.append(f"| {name} | {_write_cell(english)} | {_write_cell(entry.forms)} |\n")
    return "".join(lines)


def _write_cell(forms: tuple[str, ...]) -> str:
    words = [_flatten(form).replace("|", "\\|") for form in forms]
    return f"1: {words[0]}<br>{words[1]}" if len(words) == 2 else words[0]


def _write_all() -> Iterator[tuple[Path, str]]:
    for domain in SOURCES:
        english = _read_english(domain)
        for language in LANGUAGES:
            comments = english if language != "en" else {}
            text = write_entries(_read(domain, language), language, comments)
            yield Path(str(find_file(domain, language))), text
    yield Path(str(find_file("sentences", "sq"))), write_entries(_read("sentences", "sq"), "sq", {})
    yield LIST, _write_list()


def find_stale() -> dict[Path, str]:
    """Return the files that would be written otherwise, and how: catalogues out of order, a list that is behind.

    Raises:
        CatalogueError: a catalogue is not fit to be shown.
    """
    return {path: text for path, text in _write_all() if not path.exists() or path.read_text("utf-8") != text}


def main(argv: list[str] | None = None) -> int:
    """Write or compare the files; return an exit code: 1 where something is, or was, behind."""
    parser = argparse.ArgumentParser(prog="python -m api.catalogues.review", description="Albanian drafts.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where something is behind")
    only_checks = parser.parse_args(argv).check
    try:
        stale = find_stale()
    except CatalogueError as error:
        print(error, file=sys.stderr)
        return 1
    for path, text in stale.items():
        print(f"{'behind' if only_checks else 'written'}: {path.name}")
        if not only_checks:
            path.write_text(text, "utf-8")
    return 1 if stale and only_checks else 0


if __name__ == "__main__":
    sys.exit(main())
