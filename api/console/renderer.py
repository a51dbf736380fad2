"""The console's templates: Jinja2, everything escaped, a missing value is an error; times as people read them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from jinja2 import Environment

from api.catalogues.formats import local_clock, local_day, local_time
from api.catalogues.languages import LANGUAGES, Language
from api.catalogues.texts import fill
from api.console.catalogue import TEXTS
from api.console.static_files import STATIC_FILES
from api.templates import load_templates
from triage.rules.assessing import REASON_KEYS
from triage.rules.classification import CHOICES

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
"""Header of every page of the console. Nothing inline runs: scripts are our own files, and there is no eval."""


def utc_time(moment: datetime | None) -> str:
    """Return a time in UTC to the second, for facts that leave: `2025-11-22 13:05:09 UTC`; a dash without one."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "–"


def say(language: Language, name: str, /, **values: object) -> str:
    """Return a text of the catalogue.

    Args:
        language: language of the page.
        name: key of the text.
        values: for the places in braces, if the text has any.
    """
    return fill(TEXTS[name][language], values)


def translator(language: Language) -> Callable[..., str]:
    """Return `say` for one language, as templates call it: t("name", count=3)."""

    def translate(name: str, /, **values: object) -> str:
        return say(language, name, **values)

    return translate


@cache
def _make_environment() -> Environment:
    """Return the templates; a process compiles each of them once, however many deployments it serves."""
    environment = load_templates("api.console")
    environment.globals |= {
        "local_clock": local_clock,
        "local_day": local_day,
        "local_time": local_time,
        "utc_time": utc_time,
        "languages": LANGUAGES,
        "style": STATIC_FILES.style,
        "script": STATIC_FILES.script,
        "detail_choices": CHOICES,
        "reason_keys": REASON_KEYS,
    }
    return environment


@dataclass(frozen=True, slots=True)
class ConsoleRenderer:
    """Renders the pages of one deployment."""

    is_practice: bool

    def render(self, template: str, language: Language, values: Mapping[str, object]) -> str:
        """Return a page."""
        return (
            _make_environment()
            .get_template(template)
            .render(t=translator(language), lang=language, is_practice=self.is_practice, **values)
        )
