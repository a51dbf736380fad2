"""NCMEC documents: entries and tombstones, classes by environment, the same in every time zone, hostile XML refused."""

import io
import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsets.errors import InvalidListError
from hashsets.formats import ReadOptions
from hashsets.formats.csv_rows import PHOTODNA
from hashsets.formats.ncmec import WITHOUT_HASH, read_list, read_ncmec
from hashsets.formats.ncmec_document import NEXT_PAGE, OTHER_HASHES, UNKNOWN_TAGS
from hashsets.model import Algorithm, BadRow, Entry, EntryClass
from tests.counts import scale
from tests.unit.hashsets.hostile_streams import Endless, InPieces

MD5, SHA1, PDQ = "00112233445566778899aabbccddeeff", "0123456789" * 4, "0f1e2d3c4b5a6978" * 4
NAMESPACE = 'xmlns="https://hashsharing.ncmec.org/hashsharing/v2"'


def record(
    kind="image",
    key="syn-1",
    member="900",
    inside=f"<fingerprints><md5>{MD5}</md5></fingerprints>",
    word="A2",
):
    return (
        f'<{kind}><member id="{member}">Synthetic</member><timestamp>2026-01-02T03:04:05Z</timestamp><id>{key}</id>'
        f"<classification>{word}</classification>{inside}</{kind}>"
    )


def document(*records, more=""):
    return f"<queryResult {NAMESPACE}><images>{''.join(records)}</images>{more}</queryResult>".encode()


def read(data, environment="csam", **options):
    return list(read_ncmec(io.BytesIO(data), environment=environment, **options))


def refusal(data, environment="csam"):
    with pytest.raises(InvalidListError) as caught:
        read(data, environment)
    line = str(caught.value)
    assert "\n" not in line
    assert MD5 not in line
    return line


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ends before"),
        (b"  ", "ends before"),
        (b"no xml", "not XML near line 1"),
        (b"<queryResult>\n<a></b></queryResult>", "not XML near line 2"),
        (b"<status/>", "not a query result"),
        (document(record())[:-1], "ends before"),
        (document(record())[:-60], "ends before"),
        (document(record()) + b"<a/>", "not XML"),
        (document(record()).replace(b"syn", b"s\0n"), "not XML"),
        (document(record()).replace(b"syn", b"s\xffn"), "not XML"),
        (document(record()).replace(b"syn", b"&nothing;"), "not XML"),
        (b'<?xml version="1.0" encoding="nothing"?><queryResult/>', "not XML"),
        (b'<!DOCTYPE queryResult [<!ENTITY a "b">]><queryResult/>', "document type or entities"),
        (
            f"<!DOCTYPE queryResult [{LAUGHS}]><queryResult>&l9;</queryResult>".encode(),
            "document type or entities",
        ),
        (b'<!DOCTYPE queryResult SYSTEM "file:///etc/passwd"><queryResult/>', "document type or entities"),
        (
            b'<!DOCTYPE queryResult [<!ENTITY a SYSTEM "file:///etc/passwd">]><queryResult>&a;</queryResult>',
            "document type or entities",
        ),
        (b"<queryResult>" + b"<a>" * 100_000, "levels deep"),
        (b"<queryResult>" + b"".join(b"<a%d/>" % n for n in range(2000)) + b"</queryResult>", "1000 names"),
        (
            b"<queryResult>" + b"".join(b'<a b%d="c"/>' % n for n in range(2000)) + b"</queryResult>",
            "1000 names",
        ),
    ],
)
def test_what_is_no_such_document_is_refused_in_one_line(data, words):
    assert words in refusal(data)


@pytest.mark.parametrize("environment", ["", "CSAM", "production"])
def test_an_unknown_environment_is_refused_with_the_ones_there_are(environment):
    assert "must be one of: csam exploitative" in refusal(document(), environment)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (record(member=""), "no member's id"),
        (record(member="9/00"), "no member's id"),
        (record().replace('<member id="900">Synthetic</member>', ""), "no member's id"),
        (record(key=""), "no id"),
        (record(key="   "), "no id"),
        (record(key="a" * 200), "200 printable characters"),
        (record(key="a&#10;b"), "200 printable characters"),
        (record(key="a" * 10_000), "field of more than 8192 characters"),
        (record(word="A" * 300), "category that is not 200 printable"),
        (record().replace("2026-01-02T03:04:05Z", ""), "no timestamp"),
        (record().replace("2026-01-02T03:04:05Z", "2026-01-02T03:04:05"), "no timestamp"),
        (record().replace("2026-01-02T03:04:05Z", "2026-13-02T03:04:05Z"), "no timestamp"),
        (record().replace(MD5, MD5[:-1]), "md5 that is not 32 hex digits"),
        (record(inside="<id>twice</id>"), "more than one id"),
        (
            record(
                inside="<fingerprints>"
                + "".join(f"<md5>{n:032x}</md5>" for n in range(99))
                + "</fingerprints>"
            ),
            "more than 64 hashes",
        ),
    ],
)
def test_a_bad_record_is_reported_by_its_number_and_the_good_ones_go_on(bad, words):
    rows = read(document(record(key="good-1"), bad, record(key="good-2")))
    assert [type(one) for one in rows] == [Entry, BadRow, Entry]
    assert rows[1].line == 2
    assert words in rows[1].reason
    assert MD5[:12] not in rows[1].reason


def test_a_document_cut_short_ends_in_a_refusal_whatever_was_read_before():
    rows = read_ncmec(
        io.BytesIO(document(*[record(key=str(n)) for n in range(3000)])[:-40]), environment="csam"
    )
    with pytest.raises(InvalidListError, match="ends before"):
        for _ in rows:
            pass


@pytest.mark.parametrize(
    ("head", "piece", "words"),
    [
        (b"<queryResult><!--", b"a", "no end"),
        (b"<queryResult a='", b"a", "no end"),
        (b"<queryResult><", b"a", "no end"),
        (b"<queryResult><a", b" a='1'", "no end"),
        (b"<queryResult><?a ", b"a", "no end"),
        (b"<queryResult>", b"<a>", "levels deep"),
        (b"<", b" ", "not XML"),
        (b"<queryResult><image><id>", b"a", "larger than"),
        (b"<queryResult><image><fingerprints>", b"<md5>a</md5>", "larger than"),
        (b"<queryResult>", b" \n", "larger than"),
    ],
)
def test_a_document_without_end_is_refused_in_little_memory(head, piece, words):
    stream = Endless(head, piece)
    tracemalloc.start()
    with pytest.raises(InvalidListError, match=words):
        list(read_ncmec(stream, environment="csam", max_bytes=1_500_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_all_of_a_record_is_read_by_name():
    inside = f"<fingerprints><pdq>{PDQ.upper()}</pdq><sha1> {SHA1} </sha1><md5>{MD5}</md5></fingerprints>"
    (entry,) = read(document(record(inside=inside)))
    assert entry == Entry(
        source_key="csam/900/image/syn-1",
        entry_class=EntryClass.NATIONAL_ILLEGAL,
        raw_scheme="ncmec-csam",
        raw_value="A2",
        fingerprints=frozenset({(Algorithm.MD5, MD5), (Algorithm.SHA1, SHA1), (Algorithm.PDQ, PDQ)}),
        revised_at=datetime(2026, 1, 2, 3, 4, 5, 0, UTC),
    )


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_tombstone_takes_back_the_entry_of_its_own_kind(kind):
    tombstone = (
        f'<deleted{kind.title()}><member id="900">S</member><id>syn-1</id>'
        f"<timestamp>2026-01-02T03:04:05Z</timestamp></deleted{kind.title()}>"
    )
    (entry,) = read(document(tombstone))
    assert entry.withdrawn
    assert entry.source_key == read(document(record(kind)))[0].source_key == f"csam/900/{kind}/syn-1"
    assert entry.revised_at == datetime(2026, 1, 2, 3, 4, 5, 0, UTC)


def test_one_id_of_two_members_and_kinds_makes_as_many_entries():
    rows = read(document(record(), record(member="901"), record("video")))
    assert len({one.source_key for one in rows}) == 3


@pytest.mark.parametrize(
    ("environment", "word", "name"),
    [
        ("csam", "A1", "national_illegal"),
        ("csam", "B2", "national_illegal"),
        ("csam", "", "unknown"),
        ("csam", "C9", "unknown"),
        ("exploitative", "A1", "advisory"),
        ("exploitative", "", "advisory"),
        ("exploitative", "C9", "unknown"),
        ("generative-ai-csam", "A1", "advisory"),
        ("generative-ai-exploitative", "B1", "advisory"),
    ],
)
def test_the_class_comes_from_the_environment_and_the_word_is_kept(environment, word, name):
    (entry,) = read(document(record(word=word)), environment)
    assert (entry.entry_class, entry.raw_scheme, entry.raw_value) == (name, f"ncmec-{environment}", word)


def test_what_pictured_persons_reported_themselves_is_self_reported():
    rows = read(document(record(), record(member="901")), self_reported_members=["901"])
    assert [one.entry_class for one in rows] == [EntryClass.NATIONAL_ILLEGAL, EntryClass.SELF_REPORTED]


def test_feedback_is_not_taken_for_the_record_itself():
    feedback = (
        '<feedback><affirmativeFeedback type="Md5"><members><member id="7">X</member></members>'
        "</affirmativeFeedback><id>other</id></feedback>"
    )
    (entry,) = read(document(record(inside=f"{feedback}<fingerprints><md5>{MD5}</md5></fingerprints>")))
    assert entry.source_key == "csam/900/image/syn-1"


def test_what_is_passed_over_is_counted_and_an_entry_without_a_hash_of_ours_is_taken_back():
    counts = Counter()
    unused = (
        '<fingerprints><pdna>AA==</pdna><tmk-pdqf rel="self" href="/x"/><new>1</new></fingerprints><odd/>'
    )
    paging = "<paging><next>/v2/entries?start=1001</next></paging>"
    rows = read(
        document(record(inside=unused), record(key="b", inside=unused), more=paging), passed_over=counts
    )
    assert [one.withdrawn for one in rows] == [True, True]
    assert counts == {PHOTODNA: 2, OTHER_HASHES: 2, UNKNOWN_TAGS: 2, WITHOUT_HASH: 2, NEXT_PAGE: 1}


def test_repeated_records_are_passed_over_and_contradicting_ones_reported():
    rows = read(document(record(), record(), record(word="B1")))
    assert [type(one) for one in rows] == [Entry, BadRow]
    assert rows[1] == BadRow(3, "the record has an id that came before with other content")


def test_the_rows_are_the_same_in_every_time_zone():
    program = (
        "import io, sys, time\n"
        "from hashsets.formats.ncmec import read_ncmec\n"
        "time.tzset()\n"
        "for one in read_ncmec(io.BytesIO(sys.stdin.buffer.read()), environment='csam'):\n"
        "    print(one.source_key, one.entry_class.value, one.revised_at.isoformat(), one.withdrawn)\n"
    )
    data = document(
        *(
            record(key=f"k{n}").replace("2026-01-02T03:04:05Z", moment)
            for n, moment in enumerate(
                ["2026-03-08T02:30:00Z", "2026-11-01T01:30:00.123Z", "2026-06-01T00:00:00-03:30"]
            )
        )
    )
    said = {
        zone: subprocess.run(
            [sys.executable, "-c", program],
            input=data,
            env=os.environ | {"TZ": zone},
            capture_output=True,
            check=True,
        ).stdout
        for zone in ("UTC", "America/St_Johns", "Asia/Kolkata")
    }
    assert len(set(said.values())) == 1
    assert b"k2 national_illegal 2026-06-01T03:30:00+00:00 False" in said["America/St_Johns"]


def test_what_is_passed_over_is_said_once_in_the_log(tmp_path, caplog):
    profile = tmp_path / "ncmec.yaml"
    profile.write_text("environment: csam\n")
    inside = f"<fingerprints><md5>{MD5}</md5><pdna>AA==</pdna></fingerprints>"
    data = document(record(inside=inside), record(key="b", inside=inside))
    assert len(list(read_list(io.BytesIO(data), ReadOptions(profile=profile)))) == 2
    assert caplog.messages == ["of this list were passed over: 2 PhotoDNA hashes"]


def test_a_profile_says_environment_and_members(tmp_path):
    profile = tmp_path / "ncmec.yaml"
    profile.write_text('environment: csam\nself_reported_members: ["900"]\n')
    (entry,) = read_list(io.BytesIO(document(record())), ReadOptions(profile=profile))
    assert entry.entry_class == EntryClass.SELF_REPORTED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "without a profile"),
        ("environment: UNSURE", "environment says UNSURE"),
        ("environment: live", "environment must be one of: csam"),
        ("environment: csam\nself_reported_members: 900", "must be a list"),
        ("self_reported_members: []", "environment is missing"),
        ("environment: csam\nmembers: []", "members is not known"),
    ],
)
def test_a_wrong_profile_is_refused_in_one_line(tmp_path, text, words):
    profile = tmp_path / "ncmec.yaml"
    profile.write_text(text or "")
    options = ReadOptions(profile=None if text is None else profile)
    with pytest.raises(InvalidListError) as caught:
        list(read_list(io.BytesIO(document()), options))
    assert words in str(caught.value)


@settings(max_examples=scale(150), deadline=None)
@given(st.data())
def test_any_bytes_give_entries_bad_rows_or_a_refusal(data):
    base = b'<?xml version="1.0" encoding="utf-8"?>' + document(
        record(), record("deletedVideo", key="b", inside="")
    )
    if data.draw(st.booleans()):
        blob = data.draw(st.binary(max_size=300))
    else:
        start = data.draw(st.integers(0, len(base)))
        blob = base[:start] + data.draw(st.binary(max_size=8)) + base[start + data.draw(st.integers(0, 40)) :]
    try:
        rows = list(read_ncmec(InPieces(blob, data.draw(st.integers(1, 400))), environment="csam"))
    except InvalidListError:
        return
    assert all(isinstance(one, Entry | BadRow) for one in rows)
