"""CSV lists: good rows are read, bad rows are reported by line and never by content."""

import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsets.errors import InvalidListError
from hashsets.formats.csv_list import read_csv
from hashsets.formats.csv_rows import LINE_MAX
from hashsets.model import Algorithm, BadRow, Entry, EntryClass
from tests.counts import scale
from tests.unit.hashsets.hostile_streams import Endless, InPieces

MD5, SHA1, SHA256 = "0123456789abcdef" * 2, "01234567" * 5, "0123456789abcdef" * 4
PDQ, PHASH = "0f1e2d3c4b5a6978" * 4, "0f1e2d3c4b5a6978"


def read(text):
    return list(read_csv(io.BytesIO(text.encode())))


def read_bytes(data):
    return list(read_csv(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must name id"),
        ("\n", "must name id"),
        ("\n\nid,md5\n", "must name id"),
        (f"x-1,{MD5}\n", "must name id"),
        ("id,category\n", "must name id"),
        ("md5,sha1\n", "must name id"),
        ("id;md5\n", "must name id"),
        ("id,md5,sha-256\n", "column 3"),
        ("id,md5,\n", "column 3"),
        ("id,md5,MD5\n", "a column twice"),
        ('id,"md5\n', "quote"),
        ("id,md5" + "," * LINE_MAX, "longer"),
    ],
)
def test_a_file_without_a_good_header_is_refused_in_one_line(text, words):
    with pytest.raises(InvalidListError) as caught:
        read(text)
    line = str(caught.value)
    assert words in line
    assert "\n" not in line
    assert MD5 not in line


@pytest.mark.parametrize(
    "data",
    [b"id,md5\n\xff\xfe,00\n", b"\xff\xfei\0d\0", b"\x89PNG\r\n\x1a\n", b"id,md5\nx\xe7," + MD5.encode()],
)
def test_a_file_that_is_not_utf8_is_refused(data):
    with pytest.raises(InvalidListError, match=r"UTF-8|must name id"):
        read_bytes(data)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (f",{MD5},", "has no id"),
        (f"   ,{MD5},", "has no id"),
        ("a,,", "has no hash"),
        (f"a,{MD5[:-1]},", "md5 that is not 32 hex digits"),
        (f"a,{MD5}0,", "md5 that is not 32 hex digits"),
        (f"a,{MD5[:-1]}g,", "md5 that is not 32 hex digits"),
        (f"a,0x{MD5[:-2]},", "md5 that is not 32 hex digits"),
        (f"a,{MD5[:-1]}٣,", "md5 that is not 32 hex digits"),
        (f"a,{MD5},very bad", "category that is not known"),
        (f"a,{MD5}", "2 columns where the header has 3"),
        (f"a,{MD5},,", "4 columns where the header has 3"),
        (f'a,"{MD5},', "quote"),
        (f'"a"b,{MD5},', "quote"),
        (f"a\x00b,{MD5},", "printable"),
        (f"a\x1b[31m,{MD5},", "printable"),
        (f"{'a' * 201},{MD5},", "200 printable characters"),
        (f"{'a' * LINE_MAX},{MD5},", "longer than"),
    ],
)
def test_a_bad_row_is_reported_and_the_good_ones_go_on(row, words):
    rows = read(f"id,md5,category\ngood-1,{MD5},\n{row}\ngood-2,{MD5},\n")
    assert [one.source_key for one in rows if isinstance(one, Entry)] == ["good-1", "good-2"]
    (bad,) = [one for one in rows if isinstance(one, BadRow)]
    assert bad.line == 3
    assert words in bad.reason
    assert MD5[:12] not in bad.reason


@pytest.mark.parametrize(
    ("column", "value"), [("sha1", SHA1), ("sha256", SHA256), ("pdq", PDQ), ("phash", PHASH), ("md5", MD5)]
)
def test_every_hash_column_is_read_alone_and_checked(column, value):
    (entry,) = read(f"{column},id\n{value.upper()},a\n")
    assert entry.fingerprints == {(Algorithm(column), value)}
    (bad,) = read(f"{column},id\n{value[:-1]},a\n")
    assert column in bad.reason


@pytest.mark.parametrize("value", ["0" * 64, "f" * 64, "8" + "0" * 63])
def test_the_pdq_of_a_blank_picture_is_left_to_the_import(value):
    (entry,) = read(f"id,pdq\na,{value}\n")
    assert entry.fingerprints == {(Algorithm.PDQ, value)}


def test_columns_in_any_order_and_case_with_a_byte_order_mark():
    header = "Category, PHASH ,sha256,ID,md5,pdq,sha1\r\n"
    row = f"Baseline,{PHASH.upper()},{SHA256},k 1,{MD5},{PDQ},{SHA1}\r\n"
    (entry,) = read_bytes(b"\xef\xbb\xbf" + (header + row).encode())
    assert entry == Entry(
        source_key="k 1",
        entry_class=EntryClass.BASELINE,
        raw_scheme="csv",
        raw_value="Baseline",
        fingerprints=frozenset(
            {
                (Algorithm.MD5, MD5),
                (Algorithm.SHA1, SHA1),
                (Algorithm.SHA256, SHA256),
                (Algorithm.PDQ, PDQ),
                (Algorithm.PHASH, PHASH),
            }
        ),
    )


def test_every_class_is_a_category_and_none_is_unknown():
    text = "id,md5,category\n" + "".join(f"{word},{MD5},{word}\n" for word in EntryClass) + f"none,{MD5},\n"
    entries = read(text)
    assert [entry.entry_class for entry in entries] == [*EntryClass, EntryClass.UNKNOWN]
    assert entries[-1].raw_value == ""


def test_repeated_rows_are_passed_over_and_contradicting_ones_reported():
    rows = read(f"id,md5,sha1\na,{MD5},\nb,{MD5},\na,{MD5.upper()},\n\na,,{SHA1}\n")
    assert [one.source_key for one in rows[:2]] == ["a", "b"]
    assert rows[2:] == [BadRow(6, "the row has an id that came before with other content")]


def test_a_withdrawn_row_needs_no_hash():
    rows = read(f"id,md5,withdrawn\na,,yes\nb,{MD5},no\nc,{MD5},perhaps\nd,,\n")
    assert [(one.source_key, one.withdrawn) for one in rows[:2]] == [("a", True), ("b", False)]
    assert [one.line for one in rows[2:]] == [4, 5]


def test_a_header_alone_is_an_empty_list():
    assert read("id,md5\n") == []
    assert read("id,md5") == []


def test_line_numbers_count_long_and_blank_lines_once():
    rows = read(f"id,md5\n{'x' * (3 * LINE_MAX)}\n\nbad,\n")
    assert [one.line for one in rows] == [2, 4]


def test_a_line_without_end_is_read_in_little_memory():
    """A file of one huge line is cut, not collected."""
    stream = Endless(b"id,md5\n", b"x")
    tracemalloc.start()
    with pytest.raises(InvalidListError, match="larger than 50000000 bytes"):
        list(read_csv(stream, max_bytes=50_000_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_lines_may_end_as_on_any_machine_and_come_in_pieces(end, size):
    data = end.join(["id,md5", f"a,{MD5}", "", "bad,", f"b,{MD5}", "last,"]).encode()
    rows = list(read_csv(InPieces(b"\xef\xbb\xbf" + data, size)))
    assert [one.line for one in rows] == [2, 4, 5, 6]


@pytest.mark.parametrize("text", ["\x1c", "\u2028", " \t\u00a0 "])
def test_a_line_of_blanks_is_passed_over(text):
    assert len(read(f"id,md5\n{text}\na,{MD5}\n")) == 1


fields = st.one_of(
    st.sampled_from(
        [MD5, MD5.upper(), f" {MD5}", MD5[:-1], "", "a", " a ", "baseline", "Advisory", "yes", "NO", '"q,q"']
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=5),
)


@settings(max_examples=scale(200), deadline=None)
@given(st.lists(fields, min_size=4, max_size=5).map(",".join))
def test_the_quick_way_and_the_slow_way_read_a_row_alike(line):
    """A quoted column at the end forces the slow way and changes nothing else."""
    quick = read(f"id,md5,category,withdrawn\n{line}\n")
    slow = read(f'id,md5,category,withdrawn,sha1\n{line},""\n')
    if quick and isinstance(quick[0], BadRow):
        assert isinstance(slow[0], BadRow)
    else:
        assert quick == slow


@settings(max_examples=scale(100), deadline=None)
@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_give_entries_bad_rows_or_a_refusal(data, size):
    try:
        rows = list(read_csv(InPieces(b"id,md5,category\n" + data, size)))
    except InvalidListError:
        return
    assert all(isinstance(one, Entry | BadRow) for one in rows)
