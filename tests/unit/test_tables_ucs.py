"""The slot of the Universal Classification Schema: it ships empty, and takes only what fits the neutral record."""

import json

import pytest

from triage.errors import SettingsError
from triage.tables.ucs import MAX_BYTES, load_vocabulary, parse_vocabulary

GOOD = {"about": "x", "version": "test 1", "codes": {"sex": {"female": "X-1"}, "payment": {"visa": "X-2"}}}


def test_what_ships_is_empty():
    vocabulary = load_vocabulary(None)
    assert (vocabulary.version, dict(vocabulary.codes)) == (None, {})


def test_a_file_of_the_hotline_is_taken(tmp_path):
    path = tmp_path / "ucs.json"
    path.write_text(json.dumps(GOOD))
    vocabulary = load_vocabulary(path)
    assert vocabulary.version == "test 1"
    assert vocabulary.codes == {("sex", "female"): "X-1", ("payment", "visa"): "X-2"}


def test_a_file_that_is_not_there_stops_the_start(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        load_vocabulary(tmp_path / "none.json")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b"{}",
        b'{"version": "1", "version": "2", "codes": {}}',
        b" " * (MAX_BYTES + 1),
        *(
            json.dumps(GOOD | change).encode()
            for change in (
                {"version": None},
                {"version": ""},
                {"version": 3},
                {"version": "a\nb"},
                {"codes": {}},
                {"codes": []},
                {"codes": {"sex": "female"}},
                {"codes": {"sex": {"other": "X"}}},
                {"codes": {"colour": {"female": "X"}}},
                {"codes": {"language_clues": {"sq": "X"}}},
                {"codes": {"sex": {"female": ""}}},
                {"codes": {"sex": {"female": " X"}}},
                {"codes": {"sex": {"female": "X" * 101}}},
                {"codes": {"sex": {"female": 1}}},
            )
        ),
    ],
    ids=lambda data: data[:60],
)
def test_a_file_that_does_not_fit_stops_the_start(data):
    with pytest.raises(SettingsError, match="UCS_FILE"):
        parse_vocabulary(data)
