"""Words of the public form's tests: a form is asked for, filled in and posted the way browsers do."""

import re

from selectolax.lexbor import LexborHTMLParser

RECEIPT = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z*~$=]{5}")


def ask_token(client):
    """The token of a form that is given out now."""
    return LexborHTMLParser(client.get("/").text).css_first("[name=form]").attributes["value"]


def post(client, *, token=None, headers=None, **fields):
    """Post a form with these fields; a list posts a field several times."""
    wanted = {"lang": "en", "form": ask_token(client) if token is None else token} | fields
    parts = [
        (name, (None, one))
        for name, value in wanted.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    return client.post("/report", files=parts, headers=headers or {})


def read_receipt(answer):
    """The code on the page after a report."""
    assert answer.status_code == 201, answer.text
    code = LexborHTMLParser(answer.text).css_first(".receipt output").text()
    assert RECEIPT.fullmatch(code)
    return code
