"""The public pages as functions: typed values in, one HTML page out. No script, no inline style, no picture.

1. The form stands at FORM_PATH and posts multipart/form-data to `/report` with the fields of FORM_FIELDS (file
   only where uploads are on), lang, form (its token) and website (a trap: people leave it empty).
2. The status page stands at `/status` and posts `receipt` and `lang` there.
3. `static/public.css` is served under a name with its hash; CONTENT_SECURITY_POLICY is what they are made for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Literal

from jinja2 import Environment

from api.catalogues.languages import LANGUAGES, Language
from api.public.texts import (
    DANGERS,
    DRAFT_LANGUAGES,
    EXIT_URL,
    NOTE_MAX_LENGTH,
    REMITS,
    TEXTS,
    translate_reason,
)
from api.static_files import load_static_files
from api.templates import load_templates
from triage.rules.reporter import (
    ABROAD,
    AGE_BANDS,
    CITIES,
    MAX_ADDRESS,
    MAX_PLATFORM_OTHER,
    OTHER_PLATFORM,
    PLATFORMS,
    SEXES,
    WEBSITE,
)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; object-src 'none'"
)
"""Header of every public page."""

STATIC_FILES = load_static_files("api.public", ("public.css",))
"""What pages may ask for besides pages; `style("public.css")` writes its tag."""

FORM_PATH = "/"
"""Where the form is; language links and "make another report" lead there."""

ABOUT_FIELDS = ("email", "age_band", "sex", "city", "platform", "platform_other")
"""Fields of the folded part, about the reporter."""

FORM_FIELDS = ("urls", "remit", "danger", "note", "file", *ABOUT_FIELDS)
"""Fields that an error can stand beside, in the order of the form."""

Status = Literal["received", "being_checked", "closed"]


@dataclass(frozen=True, slots=True)
class FormValues:
    """What the reporter has written so far; kept when the form is shown again."""

    urls: str = ""
    remit: str = "csam"
    danger: str = "unknown"
    note: str = ""
    email: str = field(default="", repr=False)
    age_band: str = ""
    sex: str = ""
    city: str = ""
    platform: str = ""
    platform_other: str = ""

    def by_name(self) -> dict[str, str]:
        """Return field → value."""
        return {spec.name: getattr(self, spec.name) for spec in fields(self)}


@dataclass(frozen=True, slots=True)
class PageSettings:
    """What the pages show of this deployment.

    Attributes:
        police_phone: number of the police, as people write it.
        helpline_phone: number of ALO 116-111.
        uploads: whether the form takes a file.
        has_status: whether `/status` answers, so that pages may link to it.
        practice: whether to mark every page PRAKTIKË / PRACTICE.
    """

    police_phone: str
    helpline_phone: str
    uploads: bool = False
    has_status: bool = False
    practice: bool = False


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """One line that is no address: its 1-based number and the message of the InvalidUrlError."""

    number: int
    reason: str


@cache
def _make_environment() -> Environment:
    """Return the templates; a process compiles each of them once."""
    return load_templates("api.public")


@dataclass(frozen=True, slots=True)
class PageRenderer:
    """Renders the public pages of one deployment."""

    settings: PageSettings

    def render_report(
        self,
        language: Language,
        values: FormValues | None = None,
        errors: Mapping[str, str] | None = None,
        unreadable: Sequence[UnreadableLine] = (),
        *,
        token: str = "",
    ) -> str:
        """Return the form.

        Args:
            language: language of the page.
            values: what to keep in the fields; an empty form by default.
            errors: field → key of a text (`field_…`) or a finished sentence in `language`.
            unreadable: lines of `urls` that are no address; shown beside that field.
            token: of the form; says when it was given out.
        """
        kept = values or FormValues()
        about = {name: getattr(kept, name) for name in ABOUT_FIELDS}
        said = {name: TEXTS[language].get(text, text) for name, text in (errors or {}).items()}
        return self._render(
            "report.html",
            language,
            path=FORM_PATH,
            values=kept,
            token=token,
            is_about_open=any(about.values()) or any(name in said for name in ABOUT_FIELDS),
            errors={name: said[name] for name in FORM_FIELDS if name in said},
            unreadable=_say_lines(language, unreadable),
            remits=REMITS,
            dangers=DANGERS,
            choices=_list_choices(language),
            note_max_length=NOTE_MAX_LENGTH,
            email_max_length=MAX_ADDRESS,
            platform_max_length=MAX_PLATFORM_OTHER,
        )

    def render_receipt(
        self,
        language: Language,
        receipt: str,
        *,
        danger: bool = False,
        unreadable: Sequence[UnreadableLine] = (),
    ) -> str:
        """Return the page after a report.

        Args:
            language: language of the page.
            receipt: the code, as `format_receipt` writes it.
            danger: whether the reporter says that a child is in danger; the numbers then stand first.
            unreadable: lines that were left out of the report.
        """
        return self._render(
            "receipt.html",
            language,
            path=None,
            receipt=receipt,
            danger=danger,
            unreadable=_say_lines(language, unreadable),
        )

    def render_status(
        self, language: Language, status: Status | None = None, error: str | None = None, receipt: str = ""
    ) -> str:
        """Return the look-up page.

        Args:
            language: language of the page.
            status: coarse status of the code that was asked for; None before asking or when unknown.
            error: key of a text or a finished sentence, shown beside the field.
            receipt: the code as it was typed, kept in the field after an error.
        """
        said = TEXTS[language].get(error, error) if error else None
        return self._render(
            "status.html",
            language,
            path="/status",
            status=status,
            error=said,
            receipt=receipt if error else "",
        )

    def render_error(self, language: Language, status_code: int) -> str:
        """Return the page of an error.

        Args:
            language: language of the page.
            status_code: HTTP status; those without words of their own have the words of 400 or 500.
        """
        key = f"error_{status_code}"
        if key not in TEXTS[language]:
            key = "error_500" if status_code >= 500 else "error_400"
        return self._render("error.html", language, path=None, message=TEXTS[language][key])

    def _render(self, template: str, language: Language, *, path: str | None, **context: object) -> str:
        # A page that answers a POST has no address of its own, so it offers no language links (path None).
        return (
            _make_environment()
            .get_template(template)
            .render(
                t=TEXTS[language],
                lang=language,
                languages=LANGUAGES,
                is_draft=language in DRAFT_LANGUAGES,
                path=path,
                form_path=FORM_PATH,
                exit_url=EXIT_URL,
                site=self.settings,
                style=STATIC_FILES.style,
                **context,
            )
        )


def _list_choices(language: Language) -> dict[str, list[tuple[str, str]]]:
    """Return field → (value, its words) of each choice in the folded part, in the order of the form."""
    t = TEXTS[language]
    return {
        "age_band": [(value, t[f"age_{value}"]) for value in AGE_BANDS],
        "sex": [(value, t[f"sex_{value}"]) for value in SEXES],
        "city": [*CITIES.items(), (ABROAD, t["city_abroad"])],
        "platform": [
            (WEBSITE, t["platform_website"]),
            *PLATFORMS.items(),
            (OTHER_PLATFORM, t["platform_other"]),
        ],
    }


def _say_lines(language: Language, lines: Sequence[UnreadableLine]) -> list[tuple[int, str]]:
    return [(line.number, translate_reason(language, line.reason)) for line in lines]
