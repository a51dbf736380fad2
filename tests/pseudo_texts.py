"""A made-up language that is 60 % longer than ours, to see whether pages hold it: every word grows, places stay."""

import math
import re
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from api.catalogues.texts import CountedText

GROWTH = 0.6
_WORD = re.compile(r"\{\w+\}|[^\W\d_]+")


def stretch(text: str) -> str:
    """Return a text with each word 60 % longer, in letters that need room above and below."""

    def grow(found: re.Match[str]) -> str:
        word = found[0]
        return word if word.startswith("{") else word + "ëç"[len(word) % 2] * math.ceil(len(word) * GROWTH)

    if isinstance(text, CountedText):
        return CountedText(
            _WORD.sub(grow, text.for_one), _WORD.sub(grow, text), language=text.language, place=text.place
        )
    return _WORD.sub(grow, text)


@contextmanager
def stretched(*tables: MutableMapping[Any, MutableMapping[Any, str]]) -> Iterator[None]:
    """Show every text of these tables stretched until the block ends.

    Args:
        tables: `TEXTS` of `api.console.catalogue` or of `api.public.texts`; pages that are served in this process
            read them anew for each answer.
    """
    kept = [(inner, dict(inner)) for table in tables for inner in table.values()]
    for inner, texts in kept:
        inner.update({key: stretch(text) for key, text in texts.items()})
    try:
        yield
    finally:
        for inner, texts in kept:
            inner.update(texts)
