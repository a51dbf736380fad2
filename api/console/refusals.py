"""A refusal on the page it belongs to: one clear sentence, and the status that goes with it."""

from http import HTTPStatus

from fastapi import Request

from api.console.catalogue import SENTENCES
from api.console.render import choose_language
from api.console.renderer import say
from api.errors import choose_sentence, choose_status
from triage.errors import HotlineError, InvalidReportError, NotAllowedError, StaleStateError

REFUSALS: tuple[type[HotlineError], ...] = (NotAllowedError, StaleStateError, InvalidReportError)
"""What a person can mend by looking at the page again; all else is the error page's."""


def describe_refusal(request: Request, error: HotlineError) -> tuple[HTTPStatus, str]:
    """Return the status of a refusal and its sentence, in Albanian where we have it."""
    language = choose_language(request)
    if isinstance(error, StaleStateError):
        return HTTPStatus.CONFLICT, say(language, "error_409")
    sentence = choose_sentence(error)
    return choose_status(error), SENTENCES.get(sentence, sentence) if language == "sq" else sentence
