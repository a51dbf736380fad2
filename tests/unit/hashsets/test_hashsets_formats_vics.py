"""Project VIC lists: both shapes and versions, categories by region, and nothing that a file can do to its reader."""

import io
import json
import tracemalloc
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsets.errors import InvalidListError
from hashsets.formats import ReadOptions
from hashsets.formats.csv_rows import PHOTODNA
from hashsets.formats.vics import KEPT_OUT, UNREADABLE_TIMES, read_list, read_vics
from hashsets.formats.vics_document import OTHER_HASHES
from hashsets.model import Algorithm, BadRow, Entry, EntryClass
from tests.counts import scale
from tests.unit.hashsets.hostile_streams import Endless, InPieces

MD5, OTHER_MD5, SHA1 = (
    "00112233445566778899AABBCCDDEEFF",
    "0F1E2D3C4B5A69788796A5B4C3D2E1F0",
    "0123456789" * 4,
)
V13 = "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Cases"
V20 = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/{}/$metadata#Media"
AMERICAN = V20.format("US")


def media(md5=MD5, category=1, **more):
    return {"MediaID": 1, "Category": category, "MD5": md5, **more}


def document(*records, context=AMERICAN, key="@odata.context"):
    return json.dumps({key: context, "value": records}).encode()


def read(data, **options):
    return list(read_vics(io.BytesIO(data), **options))


def refusal(data, **options):
    with pytest.raises(InvalidListError) as caught:
        read(data, **options)
    line = str(caught.value)
    assert "\n" not in line
    assert MD5.lower() not in line.lower()
    return line


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ends before"),
        (b"\xef\xbb\xbf", "ends before"),
        (b"[]", "begin with a map"),
        (b"5", "no list of records"),
        (b"{}", "no list of records"),
        (b"{} {}", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"not json", "not JSON"),
        (b'{"value": []}', "no context"),
        (json.dumps({"value": [media()], "@odata.context": AMERICAN}).encode(), "no context"),
        (document(context=5), "context"),
        (document(context={"a": V13}), "context"),
        (document(context="http://example.org/#Media"), "no version of VICS"),
        (document(context=AMERICAN.replace("2.0", "3.0")), "no version of VICS"),
        (document(context=AMERICAN + "#Media"), "no version of VICS"),
        (b'{"@odata.context": "a", "@odata.context": "b"}', "comes twice"),
        (b'{"@odata.context": "a", "value": [], "value": []}', "comes twice"),
        (b'{"@odata.context": "a", "value": {}}', "not a list"),
        (b'{"@odata.context": "a", "value": null}', "not a list"),
        (document([media()]), "not a map"),
        (document("text"), "not a map"),
        (document({"Media": [[media()]]}), "not a map"),
        (document({"Media": [1]}), "not a map"),
        (document(media())[:-1], "ends before"),
        (document(media())[:-20], "ends before"),
        (document(media()).replace(b"Media", b"Med\0ia"), "not JSON"),
        (document(media()).replace(b"Media", b"Med\xffia"), "not JSON"),
        (document(media(), media(OTHER_MD5)).decode().encode("utf-16"), "UTF-16"),
        (document(media()).decode().encode("utf-16-le"), "UTF-16"),
        (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", "levels deep"),
        (b'{"a":' * 100_000, "levels deep"),
        (b'{"a":' + b"1" * 10_000 + b"}", "not JSON"),
    ],
)
def test_what_is_no_such_list_is_refused_in_one_line(data, words):
    assert words in refusal(data)


@pytest.mark.parametrize(
    ("context", "options", "words"),
    [
        (V20.format("UK"), {}, "region UK mean is not documented"),
        (V20.format("CUSTOM"), {}, "region CUSTOM"),
        (V20.format("Default"), {}, "region DEFAULT"),
        (V20.format("Atlantis"), {}, "region ATLANTIS, which is not known"),
        (
            V20.format("Atlantis"),
            {"categories": {1: EntryClass.ADVISORY}},
            "region ATLANTIS, which is not known",
        ),
        (V20.format("x y\n"), {}, "a region, which is not known"),
        (AMERICAN, {"region": "UK"}, "another region"),
        (V13, {}, "names no region"),
        (V13, {"region": "UK"}, "region UK mean is not documented"),
        (V13, {"region": "US", "categories": {5: EntryClass.BASELINE}}, "only categories 1, 2 and 3"),
    ],
)
@pytest.mark.parametrize("records", [[], [media()]])
def test_without_a_documented_region_a_list_is_refused_by_the_name_of_the_fact(
    context, options, words, records
):
    assert words in refusal(document(*records, context=context), **options)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"Category": 1}, "no MD5"),
        (media(md5=None), "no MD5"),
        (media(md5=5), "MD5 that is no text"),
        (media(md5=MD5[:-1]), "md5 that is not 32 hex digits"),
        (media(md5="a" * 9000), "more than 8192 characters"),
        (media(SHA1="zz"), "sha1 that is not 40 hex digits"),
        (media(category="1"), "Category that is not a number"),
        (media(category=True), "Category that is not a number"),
        (media(category=1.5), "Category that is not a number"),
        (media(category=6), "Category that is not a number"),
        (media(category=-1), "Category that is not a number"),
        (media(IsSuspected="perhaps"), "neither true nor false"),
        (media(IsSuspected=1), "neither true nor false"),
        (media(DateUpdated=20260102), "DateUpdated that is no text"),
        (media(Media=[]), "both an MD5 and Media"),
    ],
)
def test_a_bad_record_is_reported_by_its_number_and_the_good_ones_go_on(record, words):
    good = [media(OTHER_MD5), media("ab" * 16)]
    rows = read(document(good[0], record, good[1]))
    assert [type(one) for one in rows] == [Entry, BadRow, Entry]
    assert rows[1].line == 2
    assert words in rows[1].reason
    assert MD5.lower()[:12] not in rows[1].reason.lower()


def test_a_field_given_twice_makes_a_bad_record():
    twice = document(media()).replace(b'"Category": 1', b'"Category": 5, "Category": 1')
    (bad,) = read(twice)
    assert bad.reason == "the record has more than one Category"


def test_a_file_cut_short_ends_in_a_refusal_whatever_was_read_before():
    whole = document(*[media(f"{n:032x}") for n in range(1, 4000)])
    rows = read_vics(io.BytesIO(whole[:-100]))
    with pytest.raises(InvalidListError, match="ends before"):
        for _ in rows:
            pass


@pytest.mark.parametrize(
    "head",
    [
        b'{"a":"',
        b'{"a":"x\\"',
        b'{"@odata.context":"a","value":[{"MD5":"',
        b'{"',
        b'{"a":',
    ],
)
@pytest.mark.parametrize("piece", [b"a", b'\\"', b" ", b"1"])
def test_a_field_without_end_is_refused_in_little_memory(head, piece):
    stream = Endless(head, piece)
    tracemalloc.start()
    with pytest.raises(InvalidListError):
        list(read_vics(stream))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert stream.served < 4_000_000
    assert peak < 20_000_000


def test_a_list_that_is_too_large_is_refused():
    with pytest.raises(InvalidListError, match="larger than 100 bytes"):
        list(read_vics(io.BytesIO(document(*[media()] * 10)), max_bytes=100))


def test_a_hash_set_and_a_case_file_of_both_versions_say_the_same():
    records = [media(SHA1=SHA1, MediaFiles=[{"MD5": OTHER_MD5, "Category": 5}]), media(OTHER_MD5, 2)]
    case = {"CaseID": "c", "MD": 1, "Media": records, "Extra": [{"MD5": "ab" * 16}]}
    in_set = read(document(*records))
    assert [one.entry_class for one in in_set] == [EntryClass.NATIONAL_ILLEGAL, EntryClass.ADVISORY]
    assert in_set[0].fingerprints == {(Algorithm.MD5, MD5.lower()), (Algorithm.SHA1, SHA1)}
    assert (in_set[0].raw_scheme, in_set[0].raw_value) == ("vics-us", "1")
    assert read(document(case, context=AMERICAN.replace("#Media", "#Cases"))) == in_set
    assert read(document(case, context=V13, key="odata.metadata"), region="us") == in_set
    assert read(b"\xef\xbb\xbf" + document(case, {"CaseID": "empty", "Media": []})) == in_set


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_stream_in_small_pieces_is_read_alike(size):
    data = b"\xef\xbb\xbf" + document(media(), media(OTHER_MD5, 3))
    assert list(read_vics(InPieces(data, size))) == read(data)


def test_a_key_is_no_hash_and_the_same_for_upper_and_lower_case():
    (upper,), (lower,) = read(document(media(MD5))), read(document(media(MD5.lower())))
    assert upper == lower
    assert MD5.lower() not in upper.source_key


@pytest.mark.parametrize("category", [0, 4, 5, None])
def test_a_category_that_is_kept_out_takes_the_entry_back(category):
    counts = Counter()
    (entry,) = read(document(media(category=category)), passed_over=counts)
    assert entry.withdrawn
    assert not entry.fingerprints
    assert entry.entry_class == EntryClass.UNKNOWN
    assert entry.source_key == read(document(media()))[0].source_key
    assert counts == {KEPT_OUT: 1}


@pytest.mark.parametrize(("category", "name"), [(1, "national_illegal"), (2, "advisory"), (3, "advisory")])
def test_american_categories_have_their_classes(category, name):
    (entry,) = read(document(media(category=category)))
    assert entry.entry_class == name


def test_categories_of_another_region_are_what_its_owner_says(tmp_path):
    profile = tmp_path / "vics.yaml"
    profile.write_text("categories: {1: national_illegal, 2: advisory}\n")
    data = document(media(), media(OTHER_MD5, 2), media("ab" * 16, 3), context=V20.format("UK"))
    rows = list(read_list(io.BytesIO(data), ReadOptions(profile=profile)))
    assert [one.raw_scheme for one in rows] == ["vics-uk"] * 3
    assert [one.entry_class for one in rows[:2]] == [EntryClass.NATIONAL_ILLEGAL, EntryClass.ADVISORY]
    assert rows[2].withdrawn


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("categories: {1: UNSURE}", "categories.1 says UNSURE"),
        ("categories: {5: baseline}", "must map 1, 2 and 3"),
        ("categories: {1: worst}", "categories.1 must be one of"),
        ("categories: baseline", "must map 1, 2 and 3"),
        ("region: US", "region is not known"),
    ],
)
def test_a_wrong_profile_is_refused_in_one_line(tmp_path, text, words):
    profile = tmp_path / "vics.yaml"
    profile.write_text(text)
    with pytest.raises(InvalidListError) as caught:
        list(read_list(io.BytesIO(document()), ReadOptions(profile=profile)))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        (True, "advisory"),
        ("true", "advisory"),
        ("True", "advisory"),
        (False, "national_illegal"),
        ("false", "national_illegal"),
        ("", "national_illegal"),
        (None, "national_illegal"),
    ],
)
def test_flags_are_read_as_booleans_and_as_words(flag, name):
    (entry,) = read(document(media(IsSuspected=flag, VictimIdentified="false")))
    assert entry.entry_class == name


def test_a_suspicion_never_turns_what_is_not_illegal_into_an_alert():
    rows = read(document(media(IsSuspected="true")), categories={1: EntryClass.NOT_ILLEGAL})
    assert [one.entry_class for one in rows] == [EntryClass.NOT_ILLEGAL]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-07T02:31:49.8300Z", datetime(2026, 6, 7, 2, 31, 49, 830000, UTC)),
        ("2026-06-07T02:31:49-05:00", datetime(2026, 6, 7, 7, 31, 49, 0, UTC)),
        ("2026-06-07T02:31:49+01:00Z", datetime(2026, 6, 7, 1, 31, 49, 0, UTC)),
    ],
)
def test_times_are_read_in_utc(text, moment):
    (entry,) = read(document(media(DateUpdated=text)))
    assert entry.revised_at == moment


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00Z", "2026-06-07T02:31:49", "yesterday", "9999-12-31T23:59:59-14:00"]
)
def test_a_time_that_cannot_be_read_is_counted_and_the_entry_stands(text):
    counts = Counter()
    (entry,) = read(document(media(DateUpdated=text)), passed_over=counts)
    assert entry.revised_at is None
    assert counts == {UNREADABLE_TIMES: 1}


def test_photodna_is_counted_and_passed_over():
    counts = Counter()
    alternative = [{"HashName": "PhotoDNA", "HashValue": "AAEC"}]
    read(
        document(media(PhotoDNA="AAEC"), media(OTHER_MD5, AlternativeHashes=alternative)), passed_over=counts
    )
    assert counts == {PHOTODNA: 1, OTHER_HASHES: 1}


def test_repeated_records_are_passed_over_and_contradicting_ones_reported():
    rows = read(document(media(), media(MD5.lower()), media(category=2)))
    assert [type(one) for one in rows] == [Entry, BadRow]
    assert rows[1] == BadRow(3, "the record has an id that came before with other content")


@settings(max_examples=scale(150), deadline=None)
@given(st.data())
def test_any_bytes_give_entries_bad_rows_or_a_refusal(data):
    base = document(media(IsSuspected="false"), media(OTHER_MD5, 5), {"Media": [media("ab" * 16)]})
    if data.draw(st.booleans()):
        blob = data.draw(st.binary(max_size=300))
    else:
        start = data.draw(st.integers(0, len(base)))
        blob = base[:start] + data.draw(st.binary(max_size=8)) + base[start + data.draw(st.integers(0, 40)) :]
    try:
        rows = list(read_vics(InPieces(blob, data.draw(st.integers(1, 400)))))
    except InvalidListError:
        return
    assert all(isinstance(one, Entry | BadRow) for one in rows)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["MD5", "Media", "Category", "SHA1", "IsSuspected", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=scale(150), deadline=None)
@given(st.lists(json_values, max_size=4))
def test_any_json_gives_entries_bad_rows_or_a_refusal(records):
    try:
        rows = read(document(*records))
    except InvalidListError:
        return
    assert all(isinstance(one, Entry | BadRow) for one in rows)
