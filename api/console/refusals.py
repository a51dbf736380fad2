"""A refusal on the page it belongs to: one clear sentence, the status that goes with it, and what was typed.

A page shows itself with NOTHING_REFUSED, or with what `try_work` gave of a form that was refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

from fastapi import Request

from api.console.catalogue import SENTENCES
from api.console.deps import get_staff
from api.console.render import choose_language
from api.console.renderer import say
from api.errors import choose_sentence, choose_status
from triage.errors import HotlineError, InvalidReportError, NotAllowedError, StaleStateError
from triage.store.rows import Connection

T = TypeVar("T")

REFUSALS: tuple[type[HotlineError], ...] = (NotAllowedError, StaleStateError, InvalidReportError)
"""What a person can mend by looking at the page again; all else is the error page's."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What a page says of a form that was refused.

    Attributes:
        status: of the answer.
        error: one sentence; empty where nothing was refused.
        typed: what stood in the form, to be shown in it again.
    """

    status: HTTPStatus = HTTPStatus.OK
    error: str = ""
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)

    def fill(self, **fields: str) -> dict[str, str]:
        """Return what stands in a form: what was typed, else what it holds at first."""
        return {**fields, **self.typed}


NOTHING_REFUSED = Refused()


def try_work(
    request: Request,
    work: Callable[[Connection], T],
    *,
    typed: Mapping[str, str] | None = None,
    refusals: tuple[type[HotlineError], ...] = REFUSALS,
) -> T | Refused:
    """Run what a form asks for in one transaction; return what came of it, or that it was refused and why.

    Args:
        typed: what the form holds again if it is refused.
        refusals: what is said on the page; all else is the error page's.
    """
    try:
        return get_staff(request).database.run(work)
    except refusals as error:
        status, sentence = describe_refusal(request, error)
        return Refused(status, sentence, typed or {})


def describe_refusal(request: Request, error: HotlineError) -> tuple[HTTPStatus, str]:
    """Return the status of a refusal and its sentence, in Albanian where we have it."""
    language = choose_language(request)
    if isinstance(error, StaleStateError):
        return HTTPStatus.CONFLICT, say(language, "error_409")
    sentence = choose_sentence(error)
    if language == "sq":
        return choose_status(error), SENTENCES.get(sentence, sentence)
    return choose_status(error), SENTENCES.correct(sentence)
