"""The console's templates: Jinja2, everything escaped, a missing value is an error; times as people read them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from api.console.catalogue import TEXTS
from api.public.texts import LANGUAGES, Language

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
"""Header of every page of the console."""

_TIRANE = ZoneInfo("Europe/Tirane")


def local_time(moment: datetime | None) -> str:
    """Return a time as a clock in Tiranë shows it: `22.11.2025 14:05`; a dash without one."""
    return moment.astimezone(_TIRANE).strftime("%d.%m.%Y %H:%M") if moment else "–"


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
    text = TEXTS[name][language]
    return text.format(**values) if values else text


def translator(language: Language) -> Callable[..., str]:
    """Return `say` for one language, as templates call it: t("name", count=3)."""

    def translate(name: str, /, **values: object) -> str:
        return say(language, name, **values)

    return translate


def _new_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("api.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"local_time": local_time, "utc_time": utc_time, "languages": LANGUAGES}
    return environment


@dataclass(frozen=True, slots=True)
class ConsoleRenderer:
    """Renders the pages of one deployment."""

    is_practice: bool
    environment: Environment = field(default_factory=_new_environment)

    def render(self, template: str, language: Language, values: Mapping[str, object]) -> str:
        """Return a page."""
        return self.environment.get_template(template).render(
            t=translator(language), lang=language, is_practice=self.is_practice, **values
        )
