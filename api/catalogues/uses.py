"""Where each text is used: read from the templates and the code of a surface, for the list of drafts and the tests.

1. A name that stands there as a whole, `t("queue_empty")`, is used by that file.
2. The beginning of a name, `t("state_" ~ item.state.value)` or f"age_{unit}", is used for every name that begins so.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, nodes

SOURCES: dict[str, tuple[str, ...]] = {
    "console": ("api/console", "api/main.py"),
    "public": ("api/public", "api/v1", "api/main.py"),
}
"""Domain → the folders and files that show its texts."""

_NAMING = ("triage/rules", "triage/steps")
"""Where a text may be named that others show: what is wrong with a password."""

_PUT_TOGETHER: dict[str, dict[str, str]] = {
    "console": {"error_": "api/console/error_page.py"},
    "public": {},
}
"""Domain → beginnings that no file spells out, since the code puts them together from parts."""

_ROOT = Path(str(resources.files("api"))).parent
_ASKING = frozenset({"t", "say"})
_BEGINNING = re.compile(r"[a-z][a-z0-9_]*_")


@dataclass(slots=True)
class Uses:
    """What the files of one surface use.

    Attributes:
        words: every text in quotes, with the files that hold it; names of texts are among them.
        beginnings: first parts of names that are put together, with their files.
        asked: names that a file asks for outright; each of them must exist.
    """

    words: dict[str, set[str]] = field(default_factory=dict)
    beginnings: dict[str, set[str]] = field(default_factory=dict)
    asked: dict[str, set[str]] = field(default_factory=dict)

    def find_files(self, name: str) -> list[str]:
        """Return the files that use a text, sorted; those that put its name together only if no file names it."""
        found = self.words.get(name, set())
        if not found:
            fitting = [one for one in self.beginnings if name.startswith(one)]
            found = self.beginnings[max(fitting, key=len)] if fitting else set()
        return sorted(found)


@cache
def find_uses(domain: str) -> Uses:
    """Return what a surface uses.

    Args:
        domain: `console` or `public`.
    """
    uses = Uses(beginnings={one: {file} for one, file in _PUT_TOGETHER[domain].items()})
    for source in (*SOURCES[domain], *_NAMING):
        path = _ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            _read_code(uses, file)
        for file in sorted(path.rglob("templates/*.html")):
            _read_template(uses, file)
    return uses


def _note(found: dict[str, set[str]], text: object, file: Path) -> None:
    if isinstance(text, str):
        found.setdefault(text, set()).add(str(file.relative_to(_ROOT)))


def _read_code(uses: Uses, file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Constant):
            _note(uses.words, node.value, file)
            _note_beginning(uses, node.value, file)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ASKING:
            for argument in node.args[:2]:
                if isinstance(argument, ast.Constant) and argument.value not in ("sq", "en"):
                    _note(uses.asked, argument.value, file)


def _note_beginning(uses: Uses, text: object, file: Path) -> None:
    if isinstance(text, str) and _BEGINNING.fullmatch(text):
        _note(uses.beginnings, text, file)


def _read_template(uses: Uses, file: Path) -> None:
    tree = Environment(autoescape=True).parse(file.read_text("utf-8"))
    for constant in tree.find_all(nodes.Const):
        _note(uses.words, constant.value, file)
        _note_beginning(uses, constant.value, file)
    for argument in _list_arguments(tree):
        for asked in _list_choices(argument):
            _note(uses.asked, asked, file)


def _list_arguments(tree: nodes.Template) -> Iterator[nodes.Expr]:
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in _ASKING and call.args:
            yield call.args[0]
    for item in tree.find_all(nodes.Getitem):
        if isinstance(item.node, nodes.Name) and item.node.name in _ASKING:
            yield item.arg


def _list_choices(argument: nodes.Expr) -> Iterator[object]:
    """Yield the names that an argument may be: one, or one of two."""
    if isinstance(argument, nodes.Const):
        yield argument.value
    elif isinstance(argument, nodes.CondExpr):
        for part in (argument.expr1, argument.expr2):
            if part is not None:
                yield from _list_choices(part)
