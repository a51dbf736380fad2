"""What the readers have in common: checks of one record, and the first of several that bear the same id."""

import logging
from collections.abc import Hashable, Iterable, Mapping

from hashsets.errors import InvalidHashError
from hashsets.formats.caps import FINGERPRINTS_MAX, ID_MAX
from hashsets.model import HEX_DIGITS, Algorithm, normalise_hash

_log = logging.getLogger(__name__)


class RecordError(Exception):
    """One record cannot be used; the message goes on from "the row" or "the record" and never holds a value."""


def check_id(text: str) -> str:
    """Return the provider's id of a record.

    Raises:
        RecordError: it is empty, too long or holds what cannot be shown.
    """
    if not text:
        raise RecordError("has no id")
    if len(text) > ID_MAX or not text.isprintable():
        raise RecordError(f"has an id that is not {ID_MAX} printable characters or fewer")
    return text


def check_word(text: str) -> str:
    """Return the provider's own word for the class of a record, as it stands.

    Raises:
        RecordError: it is too long or holds what cannot be shown.
    """
    if len(text) > ID_MAX or not text.isprintable():
        raise RecordError(f"has a category that is not {ID_MAX} printable characters or fewer")
    return text


def check_hash(algorithm: Algorithm, text: str) -> str:
    """Return a hash in lower case.

    Raises:
        RecordError: it is no such hash.
    """
    try:
        return normalise_hash(algorithm, text)
    except InvalidHashError:
        raise RecordError(f"has a {algorithm} that is not {HEX_DIGITS[algorithm]} hex digits") from None


def check_hashes(found: Iterable[tuple[Algorithm, str]]) -> frozenset[tuple[Algorithm, str]]:
    """Return the fingerprints of a record.

    Raises:
        RecordError: one of them is none, or there are more than FINGERPRINTS_MAX.
    """
    checked: set[tuple[Algorithm, str]] = set()
    for algorithm, text in found:
        checked.add((algorithm, check_hash(algorithm, text)))
        if len(checked) > FINGERPRINTS_MAX:
            raise RecordError(f"has more than {FINGERPRINTS_MAX} hashes")
    return frozenset(checked)


class FirstOfEach:
    """The ids seen so far, each with a salted 64-bit sum of what its first record said.

    The sum only tells a repetition from a contradiction, in little memory; it is never kept or compared with that
    of another process.
    """

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def is_new(self, source_key: str, said: Hashable) -> bool:
        """Say whether an id comes for the first time; a repetition with the same content does not.

        Raises:
            RecordError: the id came before with other content.
        """
        content = hash(said)
        if source_key not in self._said:
            self._said[source_key] = content
            return True
        if self._said[source_key] != content:
            raise RecordError("has an id that came before with other content")
        return False


def log_passed_over(counts: Mapping[str, int]) -> None:
    """Say once, at the end of a list, what it holds that was passed over, and how much of it."""
    if counts:
        said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        _log.warning("of this list were passed over: %s", said)
