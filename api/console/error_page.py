"""The page of an error: what the status means, the error's own sentence if it has one, and what to do next."""

from http import HTTPStatus

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from api.catalogues.formats import local_time
from api.console.catalogue import SENTENCES, TEXTS
from api.console.render import choose_language, render
from api.console.renderer import say
from triage.clock import utcnow


def say_error(request: Request, status: int, sentence: str, location: str | None = None) -> Response:
    """Return the page of an error; or lead to another page, where `location` names one.

    Args:
        status: HTTP status; 4xx and 5xx without words of their own have those of 400 or 500.
        sentence: of the error, in English.
    """
    if status == HTTPStatus.SEE_OTHER and location is not None:
        return RedirectResponse(location, status_code=HTTPStatus.SEE_OTHER)
    language = choose_language(request)
    own = sentence if status in _SAYS_MORE and sentence != HTTPStatus(status).phrase else ""
    is_translated = language == "sq" and own in SENTENCES
    return render(
        request,
        "error.html",
        status=status,
        message=say(language, _choose("error", status)),
        detail=SENTENCES[own] if is_translated else own,
        detail_language="sq" if is_translated else "en",
        next_step=say(language, _choose("error_next", status), when=local_time(utcnow())),
        way_on=("/sign-in", "sign_in") if status == HTTPStatus.UNAUTHORIZED else ("/", "error_back"),
    )


def _choose(stem: str, status: int) -> str:
    """Return the key of a status's text; those without one have that of 400 or 500."""
    key = f"{stem}_{status}"
    return key if key in TEXTS else f"{stem}_{500 if status >= 500 else 400}"


_SAYS_MORE = frozenset(
    {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""Statuses whose error knows more than the status."""
