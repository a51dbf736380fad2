"""The clerk of the demo notes an operator's answer, also while a check finds everything gone."""

import httpx2
import pytest

from triage.cli.practice.assessors import CLERK, Assessors
from triage.cli.practice.staff_browser import Page, PracticeStuckError

PATH = "/sendings/01a20600-0000-7000-8000-000000000001"
LISTED = f'<a href="{PATH}">NT-9RZH-TAS7</a>'
FORM = f'<form id="answer" method="post" action="{PATH}/answer"></form>'


class Clerk:
    """Somebody to whom these pages are shown, one after the other, and whose form is answered so."""

    def __init__(self, answered: int, *shown: str) -> None:
        self.answered, self.shown, self.sent = answered, list(shown), 0

    def open(self, path: str) -> Page:
        return Page(200, path, self.shown.pop(0).encode(), httpx2.Headers())

    def submit(self, form: str, **fields: str) -> Page:
        assert (form, fields) == ("answer", {"answer": "removed"})
        self.sent += 1
        return Page(self.answered, PATH, b"Only a message that left can have an answer.", httpx2.Headers())


def note(clerk: Clerk) -> None:
    assessors = Assessors("http://127.0.0.1:1", None)
    assessors._browsers[CLERK] = clerk
    assessors.record_removal("NT-9RZH-TAS7")


@pytest.mark.parametrize(
    ("answered", "after"), [(200, "noted"), (403, "ended: a check found it gone"), (200, FORM)]
)
def test_an_answer_is_noted_or_not_needed_any_more(answered: int, after: str) -> None:
    clerk = Clerk(answered, LISTED, FORM, after)
    note(clerk)
    assert (clerk.sent, clerk.shown) == (1, [])


def test_a_refusal_while_the_form_still_stands_there_is_said() -> None:
    with pytest.raises(PracticeStuckError, match="an answer could not be recorded"):
        note(Clerk(403, LISTED, FORM, FORM))
