"""The page of an error: what the status means, and the error's own sentence if it has one."""

from http import HTTPStatus

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from api.console.catalogue import SENTENCES, TEXTS
from api.console.render import choose_language, render


def say_error(request: Request, status: int, sentence: str, location: str | None = None) -> Response:
    """Return the page of an error; or lead to another page, where `location` names one.

    Args:
        status: HTTP status; 4xx and 5xx without words of their own have those of 400 or 500.
        sentence: of the error, in English.
    """
    if status == HTTPStatus.SEE_OTHER and location is not None:
        return RedirectResponse(location, status_code=HTTPStatus.SEE_OTHER)
    key = f"error_{status}"
    if key not in TEXTS:
        key = "error_500" if status >= 500 else "error_400"
    language = choose_language(request)
    own = sentence if status in _SAYS_MORE and sentence != HTTPStatus(status).phrase else ""
    is_translated = language == "sq" and own in SENTENCES
    return render(
        request,
        "error.html",
        status=status,
        message=TEXTS[key][language],
        detail=SENTENCES[own] if is_translated else own,
        detail_language="sq" if is_translated else "en",
    )


_SAYS_MORE = frozenset(
    {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""Statuses whose error knows more than the status."""
