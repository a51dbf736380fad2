"""All texts of the console, put together from the files of its pages. No name stands in two of them."""

from api.console import (
    texts,
    texts_captures,
    texts_hash_sets,
    texts_queue,
    texts_recipients,
    texts_refusals,
    texts_review,
    texts_sendings,
    texts_waiting,
)
from api.console.texts import Text

_PARTS: tuple[dict[str, Text], ...] = (
    texts.TEXTS,
    texts_queue.TEXTS,
    texts_review.TEXTS,
    texts_captures.TEXTS,
    texts_waiting.TEXTS,
    texts_sendings.TEXTS,
    texts_recipients.TEXTS,
    texts_hash_sets.TEXTS,
)
"""One entry per file of texts; each page with a file of its own adds it here."""


def _put_together() -> dict[str, Text]:
    found: dict[str, Text] = {}
    for part in _PARTS:
        twice = found.keys() & part.keys()
        if twice:
            raise ValueError(f"texts stand twice: {sorted(twice)}")
        found |= part
    return found


TEXTS: dict[str, Text] = _put_together()
"""Name → language → text."""

SENTENCES: dict[str, str] = {
    "Your role does not include this.": "Roli juaj nuk e përfshin këtë.",
    "It has moved in the meantime.": "Ndërkohë ka lëvizur.",
    "There is nothing of that name.": "Nuk ka asgjë me këtë emër.",
    "This form was sent from another site.": "Ky formular u dërgua nga një faqe tjetër.",
    "This form is too old: open the page again.": "Ky formular është i vjetër: hapeni faqen përsëri.",
    "This link was used, has expired, or a newer one was made: ask for a new link.": (
        "Kjo lidhje është përdorur, ka skaduar ose është bërë një më e re: kërkoni një lidhje të re."
    ),
} | texts_refusals.SENTENCES
"""Sentences of errors that people meet here, in English → in Albanian; others are shown in English."""
