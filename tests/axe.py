"""axe-core in a page: what breaks the success criteria of WCAG 2.2, levels A and AA."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
RULES_OF_COLOUR = ("color-contrast", "link-in-text-block")
"""What may differ between light and dark: the others read no colour."""

_RUN = """async ([tags, rules]) => {
  const only = rules.length ? {type: "rule", values: rules} : {type: "tag", values: tags};
  const found = await axe.run(document, {runOnly: only, resultTypes: ["violations"]});
  return found.violations.map((one) => [one.id, one.nodes.map((node) => node.html + " " + node.failureSummary)]);
}"""


@cache
def read_axe() -> str:
    """Return the source of axe-core, as the test package brings it."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def find_barriers(page: Any, *rules: str) -> list[str]:
    """Return what axe finds on Playwright's page, one line each; only by these rules if any are given."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(read_axe())
    found = page.evaluate(_RUN, [list(TAGS), list(rules)])
    return [f"{name}: {json.dumps(nodes)[:1500]}" for name, nodes in found]
