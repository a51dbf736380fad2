"""The languages of the pages."""

from typing import Literal

Language = Literal["sq", "en"]

LANGUAGES: dict[Language, str] = {"sq": "Shqip", "en": "English"}
"""Languages with their own names, the default first."""
