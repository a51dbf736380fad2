"""The texts of the console, read from its catalogues when the process starts."""

from api.catalogues.sentences import Sentences, read_sentences
from api.catalogues.texts import Text, read_texts

TEXTS: dict[str, Text] = read_texts("console")
"""Name → language → text."""

SENTENCES: Sentences = read_sentences()
"""What rules, steps and errors say, in English → in Albanian; what is not there is shown in English."""
