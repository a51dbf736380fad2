"""`hotline match --stdin`: one query a line, answered in order; a bad line is named and passed over."""

import hashlib
import io
import json

import pytest

from hashsets.current import ensure_current
from hashsets.errors import IndexUnreadableError
from hashsets.model import Algorithm, Entry, EntryClass
from tests.builders import SENDING, import_entries, list_entry
from triage.cli.match import _match_lines
from triage.clock import utcnow
from triage.steps.change_hash_sets import withdraw_entry

VALUES = {
    Algorithm.MD5: hashlib.md5(b"listed", usedforsecurity=False).hexdigest(),
    Algorithm.SHA1: hashlib.sha1(b"listed", usedforsecurity=False).hexdigest(),
    Algorithm.SHA256: hashlib.sha256(b"listed").hexdigest(),
    Algorithm.PDQ: hashlib.sha256(b"its pdq").hexdigest(),
    Algorithm.PHASH: hashlib.sha256(b"its phash").hexdigest()[:16],
}
UNKNOWN = hashlib.sha256(b"nobody has it").hexdigest()


@pytest.fixture
def ask(conn, as_role, tmp_path, capsys):
    """Answer lines as the command does; return (exit code, answers, lines of stderr)."""
    folder = tmp_path / "index"
    entries = [
        Entry(algorithm.value, EntryClass.BASELINE, "csv", "x", frozenset({(algorithm, value)}))
        for algorithm, value in VALUES.items()
    ]
    import_entries(conn, "practice", *entries)
    staff = as_role("hotline_staff")
    index = ensure_current(staff, folder)

    def answer(lines, *, as_json=True):
        capsys.readouterr()
        stream = lines if hasattr(lines, "readline") else io.BytesIO(lines)
        code = _match_lines(staff, index, folder, stream, as_json=as_json)
        said = capsys.readouterr()
        out = said.out.splitlines()
        return code, [json.loads(one) for one in out] if as_json else out, said.err.splitlines()

    return answer


def test_bad_lines_are_named_by_number_and_the_others_are_answered(ask):
    md5 = VALUES[Algorithm.MD5]
    lines = [md5, "xyz", "photodna:00", f"sha1:{md5}", "z" * 32, "\xff", "", "a" * 5000, UNKNOWN]
    code, answers, errors = ask("\n".join(lines).encode("latin-1"))
    assert code == 1
    assert [one["query"] for one in answers] == [md5, UNKNOWN]
    assert [one.partition(":")[0] for one in errors] == [f"line {number}" for number in (2, 3, 4, 5, 6, 8)]
    assert not any(value in "".join(errors) for value in (md5, "xyz", "zzz", "aaa"))


def test_every_kind_is_known_by_its_length_or_by_its_name_in_order(ask):
    asked = [*VALUES.values(), *(f"{name.value}:{value.upper()}" for name, value in VALUES.items())]
    code, answers, errors = ask(("\r\n".join(asked)).encode())
    assert (code, errors) == (0, [])
    assert [one["query"] for one in answers] == asked
    found = [{hit["algorithm"] for hit in one["hits"]} for one in answers]
    assert found == [{name.value} for name in VALUES] * 2


def test_nothing_asked_is_nothing_said(ask):
    assert ask(b"") == (0, [], [])
    assert ask(b"\n\n  \n") == (0, [], [])


def test_plain_words_are_those_of_the_other_queries(ask):
    value = VALUES[Algorithm.SHA256]
    code, lines, _ = ask(f"{value}\n{UNKNOWN}\n".encode(), as_json=False)
    assert code == 0
    assert lines == [
        f"{value}: 1 hit",
        "  exact sha256 at 0 bits: practice sha256 (baseline)",
        f"{UNKNOWN}: 0 hits",
    ]


def test_a_line_is_answered_by_the_lists_of_its_moment(ask, conn):
    value = VALUES[Algorithm.SHA256]

    class Slow(io.BytesIO):
        """Between its two lines the lists change."""

        def readline(self, *rest):
            if self.tell():
                withdraw_entry(conn, "practice", "sha256", actor="cli", now=utcnow(), sending=SENDING)
                conn.commit()
                import_entries(conn, "practice", list_entry("new", data=b"nobody has it"))
                self.readline = super().readline
            return super().readline(*rest)

    code, answers, _ = ask(Slow(f"{value}\n{value}\n{UNKNOWN}\n".encode()))
    assert code == 0
    assert [len(one["hits"]) for one in answers] == [1, 0, 1]


def test_an_index_that_cannot_be_opened_ends_it_and_is_never_no_match(ask, conn, tmp_path):
    import_entries(conn, "practice", list_entry("new", data=b"nobody has it"))
    folder = tmp_path / "index"
    folder.rename(tmp_path / "aside")
    folder.write_bytes(b"not a folder")
    with pytest.raises(IndexUnreadableError):
        ask(f"{UNKNOWN}\n".encode())
