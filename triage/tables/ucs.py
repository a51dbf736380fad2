"""The slot of INHOPE's Universal Classification Schema: a file that is empty until the hotline was given the labels.

    {"version": "…", "codes": {"sex": {"female": "…"}, …}}

Keys beside these two are remarks. Fields and answers are those of the neutral record, and no other; an answer
without a code stays without one.
"""

import json
from importlib import resources
from pathlib import Path
from typing import Any

from triage.errors import SettingsError
from triage.rules.classification_tables import Vocabulary, list_answers

SHIPPED = "ucs.json"
MAX_BYTES = 2**20
_MAX_WORDS = 100


def load_vocabulary(path: Path | None) -> Vocabulary:
    """Read and check the file of the schema.

    Args:
        path: the hotline's own file; None: what ships, which is empty.

    Raises:
        SettingsError: it cannot be read or used; one line says why.
    """
    if path is None:
        return parse_vocabulary(resources.files("triage.tables").joinpath(SHIPPED).read_bytes())
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError:
        raise SettingsError("UCS_FILE cannot be read") from None
    return parse_vocabulary(data)


def parse_vocabulary(data: bytes) -> Vocabulary:
    """Check the bytes of such a file.

    Raises:
        SettingsError: says why it cannot be used.
    """
    if len(data) > MAX_BYTES:
        raise SettingsError("UCS_FILE is larger than 1 MB")
    try:
        table = json.loads(data.decode("utf-8"), object_pairs_hook=_refuse_twice)
    except (ValueError, RecursionError):
        raise SettingsError("UCS_FILE is not JSON, or says something twice") from None
    if not isinstance(table, dict) or not {"version", "codes"} <= table.keys():
        raise SettingsError("UCS_FILE needs a version and codes")
    codes = _read_codes(table["codes"])
    version = table["version"]
    if version is None and not codes:
        return Vocabulary()
    if not _is_word(version):
        raise SettingsError("UCS_FILE has codes, so it needs a version as INHOPE names it")
    if not codes:
        raise SettingsError("UCS_FILE has a version and no codes")
    return Vocabulary(version, codes)


def _read_codes(table: Any) -> dict[tuple[str, str], str]:
    if not isinstance(table, dict) or not all(isinstance(answers, dict) for answers in table.values()):
        raise SettingsError("UCS_FILE must map fields to answers, and these to codes")
    known = set(list_answers())
    codes = {(name, answer): code for name, answers in table.items() for answer, code in answers.items()}
    if not codes.keys() <= known:
        raise SettingsError("UCS_FILE has a field or an answer that is not of the neutral record")
    if not all(_is_word(code) for code in codes.values()):
        raise SettingsError(f"UCS_FILE has a code that is no text of 1 to {_MAX_WORDS} characters")
    return codes


def _is_word(text: object) -> bool:
    return isinstance(text, str) and 1 <= len(text.strip()) == len(text) <= _MAX_WORDS and text.isprintable()


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands there twice")
    return table
