"""Mapped CSV lists: strict profiles, the packaged patterns, and rows read as the profile says."""

import io
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hashsets.formats
from hashsets.errors import InvalidListError
from hashsets.formats import ReadOptions
from hashsets.formats.csv_rows import PHOTODNA
from hashsets.formats.mapped_csv import read_list, read_mapped_csv
from hashsets.formats.mapped_csv_profile import parse_profile
from hashsets.model import Algorithm, BadRow, Entry, EntryClass
from tests.counts import scale
from tests.unit.hashsets.hostile_streams import InPieces

MD5, OTHER_MD5, SHA1 = (
    "00112233445566778899aabbccddeeff",
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "0123456789" * 4,
)
PATTERNS = sorted((Path(hashsets.formats.__file__).parent / "profiles").glob("*.yaml"))

PROFILE = """
provider: example
format: csv
encoding: utf-8
delimiter: ";"
snapshot: changes
columns: {id: Ref, md5: MD5, sha1: SHA1, photodna: PDNA, category: Cat, withdrawn: Gone, updated: Changed}
map:
  category: {A: national_illegal, B: advisory, "": unknown, No: not_illegal}
  withdrawn: {Y: yes, N: no}
on_bad_row: quarantine
max_bad_fraction: 1
"""
HEADER = "Ref;MD5;SHA1;PDNA;Cat;Gone;Changed;Other\n"


def change(old, new):
    assert old in PROFILE
    return PROFILE.replace(old, new)


def read(text, profile=PROFILE, encoding="utf-8", **options):
    return list(
        read_mapped_csv(io.BytesIO(text.encode(encoding)), parse_profile(profile.encode()), **options)
    )


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("", "not a mapping"),
        ("- a\n", "not a mapping"),
        ("just words", "not a mapping"),
        ("a: [", "not YAML near line 1"),
        ("a: b\n\tc: d\n", "not YAML near line 2"),
        ("a: &x b\nc: *x\n", "an alias"),
        ("a: {b: c, b: d}\n", "a name stands twice"),
        ("{[a]: b}\n", "a name is not a word"),
        ("? {a: b}\n: c\n", "a name is not a word"),
        ("a: " + "[" * 30 + "]" * 30, "nested too deeply"),
        ("a: " + "[" * 20_000, "nested too deeply"),
        ("a" * 70_000, "larger than"),
        ("a: !!python/object/apply:os.system [ls]\n", "a is not known"),
        ("--- a\n--- b\n", "not YAML"),
        (PROFILE + "colour: red\n", "colour is not known"),
        (change("provider: example\n", ""), "provider is missing"),
        (change("provider: example", "provider: [a]"), "provider must be one word"),
        (change("provider: example", "provider: ''"), "provider must be one word"),
        (change("format: csv", "format: json"), "format must be one of: csv"),
        (change("encoding: utf-8", "encoding: latin"), "encoding must be one of: utf-8 "),
        (change('";"', "':'"), "delimiter must be one of"),
        (change("snapshot: changes", "snapshot: UNSURE"), "snapshot says UNSURE"),
        (change("snapshot: changes", "snapshot: yes"), "snapshot must be one of: full changes"),
        (change("md5: MD5", "md5: UNSURE"), "columns.md5 says UNSURE"),
        (change("{A: nat", "{UNSURE: nat"), "map.category says UNSURE"),
        (change("A: national_illegal", "A: UNSURE"), "map.category.A says UNSURE"),
        (change("md5: MD5", "md-5: MD5"), "columns.md-5 is not known"),
        (change("{id: Ref, ", "{"), "columns.id is missing"),
        (change("md5: MD5, sha1: SHA1, ", ""), "columns must name one of: md5 sha1 sha256 pdq phash"),
        (change("md5: MD5", "md5: SHA1"), "one column of the list twice"),
        (change("md5: MD5", "md5: [MD5]"), "columns.md5 must be the name of one column"),
        (change("md5: MD5", "md5: ''"), "columns.md5 must be the name of one column"),
        (change("A: national_illegal", "A: illegal"), "value 1 of map.category must be one of: baseline"),
        (change("A: national_illegal", "A: [a]"), "value 1 of map.category must be one of: baseline"),
        (change("{A: nat", "{' A': nat"), "word 1 of map.category has blanks"),
        (change("  category:", "  kind:"), "map.kind is not known"),
        (change("category: Cat, ", ""), "columns.category is missing"),
        (
            change('{A: national_illegal, B: advisory, "": unknown, No: not_illegal}', "baseline"),
            "for each word",
        ),
        (change("withdrawn: Gone, ", ""), "columns.withdrawn is missing"),
        (
            change("{Y: yes, N: no}", "{Y: yes, N: perhaps}"),
            "value 2 of map.withdrawn must be one of: yes no",
        ),
        (change("{Y: yes, N: no}", "{Y: yes, y: no}"), "one word twice"),
        (change("{Y: yes, N: no}", "Y"), "map.withdrawn must be a mapping"),
        (change("quarantine", "ignore"), "on_bad_row must be one of: quarantine refuse"),
        (change("fraction: 1", "fraction: 2"), "number from 0 to 1"),
        (change("fraction: 1", "fraction: nan"), "number from 0 to 1"),
        (change("fraction: 1", "fraction: few"), "number from 0 to 1"),
        (change("fraction: 1", "fraction: [1]"), "number from 0 to 1"),
    ],
)
def test_a_mistake_in_a_profile_is_refused_in_one_clear_line(profile, words):
    with pytest.raises(InvalidListError) as caught:
        parse_profile(profile.encode())
    line = str(caught.value)
    assert line.startswith("The profile cannot be used: ")
    assert words in line
    assert "\n" not in line


def test_a_profile_that_is_not_utf8_is_refused():
    with pytest.raises(InvalidListError, match="not UTF-8"):
        parse_profile(b"provider: \xff\n")


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda path: path.stem)
def test_a_packaged_pattern_is_refused_until_its_facts_are_filled_in(pattern):
    text = pattern.read_text()
    assert "THE COLUMN NAMES BELOW ARE OURS, NOT THE PROVIDER'S" in text
    with pytest.raises(InvalidListError, match="snapshot says UNSURE"):
        parse_profile(text.encode())
    assert parse_profile(text.replace("snapshot: UNSURE", "snapshot: full").encode()).is_snapshot


def test_the_packaged_patterns_are_the_two_that_the_documents_name():
    assert [one.name for one in PATTERNS] == ["interpol-baseline-like.yaml", "iwf-like.yaml"]


def test_a_list_of_one_class_needs_no_column_for_it():
    text = PATTERNS[0].read_text().replace("snapshot: UNSURE", "snapshot: full")
    (entry,) = read(f"Reference;MD5;SHA1\nr-1;{MD5};{SHA1}\n", text)
    assert entry == Entry(
        source_key="r-1",
        entry_class=EntryClass.BASELINE,
        raw_scheme="interpol-baseline-like",
        raw_value="",
        fingerprints=frozenset({(Algorithm.MD5, MD5), (Algorithm.SHA1, SHA1)}),
    )


def test_a_graded_list_keeps_the_providers_words_and_refuses_too_many_bad_rows():
    text = PATTERNS[1].read_text().replace("snapshot: UNSURE", "snapshot: full")
    header = "ImageID,MD5,SHA1,SHA256,PhotoDNA,Category,LastModified,AgeBand\n"
    good = [f"i{n},{n:032X},,,,{'ABC'[n % 3]},2026-01-02T03:04:05Z,7-10\n" for n in range(1, 1001)]
    rows = read("\ufeff" + header + "".join(good), text)
    assert {(one.raw_scheme, one.raw_value, one.entry_class.value) for one in rows} == {
        ("iwf-like", word, "national_illegal") for word in "ABC"
    }
    bad = [f"b{n},x,,,,A,,\n" for n in range(2)]
    with pytest.raises(InvalidListError, match=r"2 of 1002 rows .* \(lines 2, 3\)"):
        read(header + "".join(bad + good), text)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "no column that the profile names for id"),
        ("Ref;SHA1;PDNA;Cat;Gone;Changed\n", "names for md5"),
        (HEADER.replace("Cat", "cat"), "names for category"),
        (HEADER.replace("Other", "MD5"), "the column for md5 twice"),
        (HEADER.replace(";", ","), "names for id"),
        ('Ref;"MD5\n', "quote"),
    ],
)
def test_a_list_without_its_columns_is_refused_by_the_name_of_the_fact(header, words):
    with pytest.raises(InvalidListError) as caught:
        read(f"{header}a;{MD5}\n")
    assert words in str(caught.value)
    assert MD5 not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (f";{MD5};;;A;N;;", "no id"),
        ("x;;;;A;N;;", "no hash"),
        (f"x;{MD5[1:]};;;A;N;;", "md5 that is not 32 hex digits"),
        (f"x;{MD5};;;C;N;;", "category that is not known"),
        (f"x;{MD5};;;a;N;;", "category that is not known"),
        (f"x;{MD5};;;A;yes;;", "neither yes nor no"),
        (f"x;{MD5};;;A;N;yesterday;", "time that is not ISO 8601"),
        (f"x;{MD5};;;A;N;2026-01-02T03:04:05;", "time that is not ISO 8601"),
        (f"x;{MD5};;;A;N;", "7 columns where the header has 8"),
        (f"a;{MD5};;;B;N;;", "came before with other content"),
        (f'x;"{MD5};;;A;N;;', "quote"),
        (f"x;{MD5};;;A;N;;{'y' * 9000}", "longer than"),
        (f"x;{MD5};;;{'A' * 300};N;;", "category that is not 200"),
    ],
)
def test_a_bad_row_is_reported_by_its_line_and_the_good_ones_go_on(row, words):
    text = f"{HEADER}a;{MD5};;;A;N;;\n{row}\nb;{OTHER_MD5};;;B;N;;\n"
    rows = read(text)
    assert [type(one) for one in rows] == [Entry, BadRow, Entry]
    assert rows[1].line == 3
    assert words in rows[1].reason
    assert MD5[:12] not in rows[1].reason
    with pytest.raises(InvalidListError, match="refused as its profile says: line 3, the row"):
        read(text, change("quarantine", "refuse"))
    with pytest.raises(InvalidListError, match="1 of 3 rows"):
        read(text, change("fraction: 1", "fraction: 0.3"))


def test_all_columns_of_a_row_are_read_quoted_or_not():
    counts = Counter()
    plain = f"a;{MD5.upper()};{SHA1};AAEC;B;y;2026-01-02T03:04:05+01:00;x\n"
    quoted = f'"b";"{MD5}";{SHA1};"AAEC";"B";Y;"2026-01-02T03:04:05+01:00";"x;y"\n'
    rows = read(HEADER + plain + quoted, passed_over=counts)
    for entry, key in zip(rows, "ab", strict=True):
        assert entry == Entry(
            source_key=key,
            entry_class=EntryClass.ADVISORY,
            raw_scheme="example",
            raw_value="B",
            fingerprints=frozenset({(Algorithm.MD5, MD5), (Algorithm.SHA1, SHA1)}),
            withdrawn=True,
            revised_at=datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC),
        )
    assert counts == {PHOTODNA: 2}


def test_a_word_that_yaml_takes_for_a_boolean_is_a_word():
    (entry,) = read(f"{HEADER}a;{MD5};;;No;N;;\n")
    assert (entry.entry_class, entry.raw_value) == (EntryClass.NOT_ILLEGAL, "No")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_every_encoding_that_a_profile_may_name_is_read(encoding):
    rows = read(f"{HEADER}çë;{MD5};;;A;N;;\r\n", change("utf-8", encoding), encoding)
    assert [one.source_key for one in rows] == ["çë"]


def test_a_list_in_another_encoding_is_refused():
    with pytest.raises(InvalidListError, match="not UTF-8"):
        read(f"{HEADER}çë;{MD5};;;A;N;;\n", encoding="iso-8859-1")
    with pytest.raises(InvalidListError, match="not UTF-16"):
        read(f"{HEADER}a;{MD5};;;A;N;;\n"[:-2], change("utf-8", "utf-16"))


@pytest.mark.parametrize(("name", "character"), [("tab", "\t"), ('"|"', "|"), ('","', ",")])
def test_every_delimiter_that_a_profile_may_name_is_read(name, character):
    text = f"{HEADER}a;{MD5};;;A;N;;\n".replace(";", character)
    assert len(read(text, change('";"', name))) == 1


def test_the_registry_reads_a_list_with_a_profile_and_refuses_one_without(tmp_path):
    profile = tmp_path / "profile.yaml"
    text = f"{HEADER}a;{MD5};;;A;N;;\n".encode()
    with pytest.raises(InvalidListError, match="without a profile"):
        list(read_list(io.BytesIO(text), ReadOptions()))
    with pytest.raises(InvalidListError, match="cannot be opened"):
        list(read_list(io.BytesIO(text), ReadOptions(profile=profile)))
    profile.write_text(PROFILE)
    assert len(list(read_list(io.BytesIO(text), ReadOptions(profile=profile)))) == 1


@settings(max_examples=scale(100), deadline=None)
@given(st.binary(max_size=200), st.integers(1, 50), st.sampled_from(["utf-8", "utf-16", "windows-1252"]))
def test_any_bytes_give_entries_bad_rows_or_a_refusal(data, size, encoding):
    profile = parse_profile(change("encoding: utf-8", f"encoding: {encoding}").encode())
    try:
        rows = list(read_mapped_csv(InPieces(HEADER.encode(encoding) + data, size), profile))
    except InvalidListError:
        return
    assert all(isinstance(one, Entry | BadRow) for one in rows)


@settings(max_examples=scale(200), deadline=None)
@given(
    st.binary(max_size=100)
    | st.text(st.sampled_from("ab:{}[]&*!?|>-'\"\n #,%@"), max_size=60).map(str.encode)
)
def test_any_bytes_are_a_profile_or_refused_in_one_line(data):
    with pytest.raises(InvalidListError) as caught:
        parse_profile(data)
    assert "\n" not in str(caught.value)
