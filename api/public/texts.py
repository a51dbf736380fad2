"""Every text of the public form, in Albanian first and in English.

The Albanian texts are DRAFTS until a native editor has read them. They use the hotline's own words where it
has some ("raportim", "dhunë seksuale ndaj fëmijëve", "gjuhë e urrejtjes", "Linja Kombëtare e Këshillimit për
Fëmijë"). Words for the reporter never say what a file shows.
"""

from api.catalogues.languages import LANGUAGES, Language
from api.catalogues.texts import read_texts

DRAFT_LANGUAGES: frozenset[Language] = frozenset({"sq"})
"""Languages whose texts wait for a native editor."""

EXIT_URL = "https://www.google.com/search?q=moti"
"""Where "exit this page" leads: a search for the weather. Only a reporter's own click calls it."""

NOTE_MAX_LENGTH = 4000
"""Most characters of the note."""

REMITS = ("csam", "csem", "hate_speech", "other")
"""Values of the field `remit`, in the order of the form."""

DANGERS = ("yes", "no", "unknown")
"""Values of the field `danger`, in the order of the form."""

_TEXTS = read_texts("public")

TEXTS: dict[Language, dict[str, str]] = {
    language: {name: text[language] for name, text in _TEXTS.items()} for language in LANGUAGES
}
"""Language → key → text."""

_REASONS = {text: key for key, text in TEXTS["en"].items() if key.startswith("reason_")}


def choose_language(wanted: str | None, accept_language: str | None = None) -> Language:
    """Return the language of a page.

    Args:
        wanted: value of `lang` in the query or the form; it wins if we have it.
        accept_language: value of the Accept-Language header; only its order is read.

    Returns:
        Albanian unless the reporter or the browser asks for English first.
    """
    for tag in [wanted or "", *(accept_language or "").split(",")]:
        primary = tag.partition(";")[0].strip().lower().partition("-")[0]
        if primary == "sq":
            return "sq"
        if primary == "en":
            return "en"
    return "sq"


def translate_reason(language: Language, reason: str) -> str:
    """Say in a language why a line is no address.

    Args:
        language: language of the page.
        reason: the message of an InvalidUrlError.

    Returns:
        The reason in that language; a reason without a translation becomes "this is not a web address".
    """
    return TEXTS[language][find_reason(reason)]


def find_reason(reason: str) -> str:
    """Return the key of the text that says why a line is no address."""
    return _REASONS.get(reason, "reason_other")
