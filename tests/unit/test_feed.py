"""Our own feed: hostile, changed, old and forked folders are refused, each in words of its own; good ones are read."""

import contextlib
import hashlib
import json
import os
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry, deserialize_compact

from hashsets.errors import FeedRefusedError
from hashsets.formats.feed_folder import NewFolder, name_folder
from hashsets.formats.feed_manifest import (
    FILE_MAX,
    FeedFile,
    FeedKind,
    FeedState,
    Manifest,
    digest_manifest,
    parse_manifest,
    write_manifest,
)
from hashsets.formats.feed_rows import FeedRow, read_rows, write_row
from hashsets.model import Algorithm, BadRow, Entry, EntryClass
from triage.errors import KeyMissingError
from triage.packages.feed import make_sealer, open_feed
from triage.packages.signature import sign_detached
from triage.vault import new_identity

NOW = datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=UTC)
KEY = OKPKey.generate_key("Ed25519")
SIGNING_KEY = json.dumps(KEY.as_dict(private=True))
SIGNER = json.dumps(KEY.as_dict(private=False))
STRANGER = json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))
IDENTITY, RECIPIENT = new_identity()
FEED = "practice.example/confirmed"


def make_id(number):
    return str(UUID(int=number))


def make_entry(number, *, entry_class=EntryClass.NATIONAL_ILLEGAL):
    return Entry(
        make_id(number), entry_class, "ncmec", "A2", frozenset({(Algorithm.SHA256, secrets.token_hex(32))})
    )


def put(number, rev=1, **more):
    return FeedRow(make_id(number), rev, NOW, make_entry(number, **more), NOW)


def take_back(number, rev=2):
    return FeedRow(make_id(number), rev, NOW)


ROWS = (put(1), put(2), put(3))


def accept(verified):
    """What a reader keeps of a folder that it took in."""
    return FeedState(verified.manifest.feed, verified.manifest.seq, verified.sha256)


def publish(root, *rows, seq=1, previous=None, since=None, signing_key=SIGNING_KEY, **changes):
    """Write a folder as its publisher would, with whatever is to be wrong about it; return folder and state."""
    folder = NewFolder(root)
    files = folder.write_parts(map(write_row, rows), make_sealer([RECIPIENT]))
    manifest = Manifest(
        feed=FEED,
        seq=seq,
        previous=previous.sha256 if previous else None,
        kind=FeedKind.DELTA if since else FeedKind.SNAPSHOT,
        is_practice=False,
        since=(since.seq, since.sha256) if since else None,
        start=(NOW, 1) if since else None,
        end=(NOW, 2),
        files=files,
        expires=NOW + timedelta(days=7),
        live_total=len(rows),
    )
    content = write_manifest(replace(manifest, **changes))
    folder.write_signed(content, sign_detached(content, signing_key))
    return folder.publish(f"{name_folder(seq, NOW)}-{secrets.token_hex(4)}")


def open_it(path, last=None, *, now=NOW, identity=IDENTITY, signer=SIGNER, is_practice=False):
    return open_feed(path, signer=signer, identity=identity, last=last, now=now, is_practice=is_practice)


def refuse(path, last=None, **more):
    """Return the one sentence with which a folder is refused, whether at once or while it is read."""
    with pytest.raises(FeedRefusedError) as caught:
        list(open_it(path, last, **more).rows)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) not in message
    return message


def sign_over(path, content):
    """Put another manifest into a folder, signed."""
    (path / "manifest.json").write_bytes(content)
    (path / "manifest.json.jws").write_text(sign_detached(content, SIGNING_KEY))


def change_manifest(path, **changes):
    fields = json.loads((path / "manifest.json").read_bytes())
    sign_over(path, json.dumps(fields | changes).encode())


# Who signed it, and what


def test_a_folder_signed_by_another_key_is_refused(tmp_path):
    assert "not by the pinned key" in refuse(publish(tmp_path, *ROWS, signing_key=STRANGER))


def test_a_manifest_that_was_changed_is_refused(tmp_path):
    path = publish(tmp_path, *ROWS)
    content = (path / "manifest.json").read_bytes()
    (path / "manifest.json").write_bytes(content.replace(b'"seq":1', b'"seq":2'))
    assert "what it signs was changed" in refuse(path)


@pytest.mark.parametrize("signature", ["", "a.b.c", "..", "é", "x" * 5000])
def test_a_broken_signature_is_refused(tmp_path, signature):
    path = publish(tmp_path, *ROWS)
    (path / "manifest.json.jws").write_text(signature)
    refuse(path)


@pytest.mark.parametrize("name", ["manifest.json", "manifest.json.jws", "entries.jsonl.age"])
def test_a_folder_that_lacks_a_file_is_refused(tmp_path, name):
    path = publish(tmp_path, *ROWS)
    (path / name).unlink()
    assert "lacks a file" in refuse(path)


def test_a_key_that_is_none_is_no_finding_about_the_feed(tmp_path):
    path = publish(tmp_path, *ROWS)
    with pytest.raises(KeyMissingError):
        open_it(path, signer="{}")
    with pytest.raises(KeyMissingError):
        list(open_it(path, identity="AGE-SECRET-KEY-1").rows)
    with pytest.raises(KeyMissingError):
        make_sealer([])
    with pytest.raises(KeyMissingError):
        make_sealer([RECIPIENT, "age1"])


def test_a_feed_that_is_sealed_to_another_is_refused(tmp_path):
    assert "not sealed to our key" in refuse(publish(tmp_path, *ROWS), identity=new_identity()[0])


# The chain


def test_the_first_folder_must_be_a_snapshot(tmp_path):
    first = accept(open_it(publish(tmp_path, *ROWS)).verified)
    delta = publish(tmp_path, seq=2, previous=first, since=first)
    assert "begins with a snapshot" in refuse(delta)


def test_rollback_gap_fork_and_repetition_are_told_apart(tmp_path):
    path = publish(tmp_path, *ROWS)
    first = accept(open_it(path).verified)
    second = accept(open_it(publish(tmp_path, seq=2, previous=first, since=first), first).verified)
    third_path = publish(tmp_path, seq=3, previous=second, since=second)
    assert "taken in already" in refuse(path, first)
    assert "rolled back" in refuse(path, second)
    assert "is missing before this one" in refuse(third_path, first)
    assert "two manifests of one number" in refuse(publish(tmp_path, *ROWS, put(9)), first)
    forked = replace(first, sha256="0" * 64)
    assert "does not follow" in refuse(publish(tmp_path, seq=2, previous=forked, since=first), first)
    assert "does not build on" in refuse(publish(tmp_path, seq=3, previous=second, since=forked), first)
    assert "another feed" in refuse(third_path, replace(second, feed="other.example/confirmed"))
    assert accept(open_it(third_path, second).verified).seq == 3


def test_a_snapshot_and_a_delta_since_the_last_folder_lead_over_a_gap(tmp_path):
    first = accept(open_it(publish(tmp_path, *ROWS)).verified)
    missed = replace(first, seq=4, sha256="1" * 64)
    snapshot = publish(tmp_path, *ROWS, seq=5, previous=missed)
    delta = publish(tmp_path, take_back(1), seq=5, previous=missed, since=first)
    assert accept(open_it(snapshot, first).verified).seq == 5
    assert [row.withdrawn for row in open_it(delta, first).rows] == [True]


def test_an_expired_feed_is_refused(tmp_path):
    path = publish(tmp_path, *ROWS)
    assert "has expired" in refuse(path, now=NOW + timedelta(days=7))
    assert list(open_it(path, now=NOW + timedelta(days=7, microseconds=-1)).rows)


def test_practice_and_live_never_mix(tmp_path):
    assert "never mix" in refuse(publish(tmp_path, *ROWS), is_practice=True)
    assert "never mix" in refuse(publish(tmp_path, *ROWS, is_practice=True))


# The files


def test_a_changed_file_is_refused_before_any_of_it_is_opened(tmp_path):
    path = publish(tmp_path, *ROWS)
    sealed = bytearray((path / "entries.jsonl.age").read_bytes())
    sealed[-1] ^= 1
    (path / "entries.jsonl.age").write_bytes(sealed)
    with pytest.raises(FeedRefusedError, match="was changed after it was signed"):
        open_it(path)
    (path / "entries.jsonl.age").write_bytes(sealed[:-1])
    with pytest.raises(FeedRefusedError, match="another size"):
        open_it(path)
    (path / "entries.jsonl.age").write_bytes(sealed + b"x")
    with pytest.raises(FeedRefusedError, match="larger than it may be"):
        open_it(path)


def test_a_file_that_changes_between_the_check_and_the_reading_is_refused(tmp_path):
    path = publish(tmp_path, *ROWS)
    opened = open_it(path)
    sealed = bytearray((path / "entries.jsonl.age").read_bytes())
    sealed[-1] ^= 1
    (path / "entries.jsonl.age").write_bytes(sealed)
    with pytest.raises(FeedRefusedError, match="was changed after it was signed"):
        list(opened.rows)


def test_a_file_that_the_manifest_does_not_name_is_refused(tmp_path):
    path = publish(tmp_path, *ROWS)
    (path / "entries-0002.jsonl.age").write_bytes(b"more")
    assert "does not name" in refuse(path)


def test_links_pipes_and_folders_are_refused(tmp_path):
    path = publish(tmp_path, *ROWS)
    (tmp_path / "link").symlink_to(path)
    assert "is a link" in refuse(tmp_path / "link")
    assert "missing or cannot be read" in refuse(tmp_path / "nowhere")
    entries = path / "entries.jsonl.age"
    entries.rename(tmp_path / "kept")
    entries.symlink_to(tmp_path / "kept")
    assert "holds a link" in refuse(path)
    entries.unlink()
    os.mkfifo(entries)
    assert "no plain file" in refuse(path)
    entries.unlink()
    entries.mkdir()
    assert "no plain file" in refuse(path)


@pytest.mark.parametrize(
    "name", ["../entries.jsonl.age", "/etc/passwd", "manifest.json", "entries.jsonl", "", None]
)
def test_a_file_name_that_is_none_of_ours_is_refused(tmp_path, name):
    path = publish(tmp_path, *ROWS)
    file = json.loads((path / "manifest.json").read_bytes())["files"][0]
    change_manifest(path, files=[file | {"name": name}])
    assert "none of a feed" in refuse(path)


def test_more_than_is_taken_in_at_once_is_refused(tmp_path):
    path = publish(tmp_path, *ROWS)
    file = FeedFile("entries.jsonl.age", "0" * 64, FILE_MAX + 1, 3)
    assert "larger than what is taken in" in refuse(publish(tmp_path, *ROWS, files=(file,)))
    (path / "manifest.json").write_bytes(b" " * (2**20 + 1))
    assert "larger than it may be" in refuse(path)


def test_another_number_of_rows_than_promised_is_refused(tmp_path):
    path = publish(tmp_path, *ROWS)
    file = json.loads((path / "manifest.json").read_bytes())["files"][0]
    assert "as many entries" in refuse(publish(tmp_path, *ROWS, live_total=4))
    change_manifest(path, files=[file | {"records": 4}], live_total=4)
    assert "another number of rows" in refuse(path)


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 0},
        {"seq": True},
        {"seq": 1.0},
        {"seq": 2**70},
        {"prev_manifest_sha256": "0" * 64},
        {"feed": "Upper/x"},
        {"kind": "whole"},
        {"practice": 0},
        {"since": {"seq": 1, "manifest_sha256": "0" * 64}},
        {"since": []},
        {"from": ["2026-01-01T00:00:00Z"]},
        {"to": ["2026-01-01T00:00:00", 3]},
        {"to": ["0001-01-01T00:00:00+23:59", 3]},
        {"to": None},
        {"expires": "never"},
        {"files": {}},
        {"files": [[]]},
        {"live_total": -1},
        {"more": 1},
        {"format": "hotline-feed/2"},
    ],
    ids=str,
)
def test_a_signed_manifest_that_makes_no_sense_is_refused(tmp_path, change):
    path = publish(tmp_path, *ROWS)
    change_manifest(path, **change)
    refuse(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"seq":1,"seq":2}',
        b'{"seq":NaN}',
        b"[" * 100_000,
        b'{"seq":' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "list", "twice", "nan", "deep", "digits"],
)
def test_a_signed_manifest_that_is_no_manifest_is_refused(tmp_path, content):
    path = publish(tmp_path, *ROWS)
    sign_over(path, content)
    refuse(path)


# The rows

GOOD = json.loads(write_row(put(5)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"op": "set"}, "neither put nor del"),
        ({"id": "5"}, "no UUID"),
        ({"id": make_id(5).upper().replace("0", "A")}, "no UUID"),
        ({"rev": -1}, "no whole number"),
        ({"rev": "1"}, "no whole number"),
        ({"kind": "video"}, "kind that is not known"),
        ({"fp": {}}, "no hash"),
        ({"fp": {"sha256": []}}, "no hash"),
        ({"fp": []}, "no hash"),
        ({"fp": {"tlsh": "00"}}, "algorithm that is not known"),
        ({"fp": {"md5": 5}}, "md5 that is no text"),
        ({"fp": {"md5": [secrets.token_hex(16) for _ in range(65)]}}, "more than 64"),
        ({"fp": {"pdq": "0f" * 32}, "pdq_quality": 49}, "quality below 50"),
        ({"pdq_quality": 101}, "under pdq_quality"),
        ({"pdq_quality": True}, "under pdq_quality"),
        ({"reviews": -1}, "under reviews"),
        ({"cls": {"scheme": "x", "v": "x"}}, "does not say its class"),
        ({"cls": {"scheme": "x", "v": "x", "class": "worst"}}, "class that is not known"),
        ({"cls": {"scheme": "x", "v": "x", "class": []}}, "class that is not known"),
        ({"cls": {"scheme": "x\x1b[2J", "v": "x", "class": "baseline"}}, "printable"),
        ({"cls": {"scheme": "x", "v": "\ud800", "class": "baseline"}}, "printable"),
        ({"first": "2026-01-01"}, "no time under first"),
        ({"updated": None}, "no time under updated"),
        ({"md5": "x"}, "one that is not known"),
    ],
)
def test_a_bad_row_is_told_by_its_line_and_the_others_go_on(change, reason):
    bad = json.dumps(GOOD | change).encode()
    before, after = write_row(put(1)).rstrip(), write_row(put(9)).rstrip()
    found = list(read_rows([before, bad, after], FeedKind.DELTA))
    (row,) = (one for one in found if isinstance(one, BadRow))
    assert row.line == 2
    assert reason in row.reason
    assert [one.source_key for one in found if isinstance(one, Entry)] == [make_id(1), make_id(9)]


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"\xff", b"[" * 9000, b" " * 20_000, b'{"op":"put"}', b'{"op":"del"}']
)
def test_a_line_that_is_no_row_is_a_bad_row(line):
    (row,) = read_rows([line], FeedKind.DELTA)
    assert isinstance(row, BadRow)


def test_no_reason_repeats_what_a_row_holds():
    leaked = secrets.token_hex(32)
    for change in ({"fp": {"sha256": leaked[1:]}}, {"fp": {leaked: leaked}}, {leaked: 1}, {"id": leaked}):
        (row,) = read_rows([json.dumps(GOOD | change).encode()], FeedKind.DELTA)
        assert leaked[2:10] not in row.reason


def test_a_snapshot_takes_nothing_back_and_a_row_that_takes_back_holds_no_hash():
    line = write_row(take_back(1))
    assert json.loads(line).keys() == {"op", "id", "rev", "updated"}
    (row,) = read_rows([line], FeedKind.SNAPSHOT)
    assert "takes an entry back" in row.reason
    fp = json.dumps(json.loads(line) | {"fp": {"md5": "0" * 32}}).encode()
    assert isinstance(next(read_rows([fp], FeedKind.DELTA)), BadRow)
    reasoned = json.dumps(json.loads(line) | {"reason": "victim-request"}).encode()
    assert next(read_rows([reasoned], FeedKind.DELTA)).withdrawn


def test_rows_out_of_order_and_equal_revs_that_differ_are_bad():
    same = write_row(put(2))
    found = list(read_rows([same, same, write_row(put(2)), write_row(put(1))], FeedKind.DELTA))
    reasons = [one.reason for one in found if isinstance(one, BadRow)]
    assert len(found) == 3
    assert "came before with other content" in reasons[0]
    assert "order of the ids" in reasons[1]


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5), st.booleans()), max_size=20))
def test_the_highest_rev_of_an_id_counts_wherever_it_stands(drawn):
    rows = {
        (number, rev): put(number, rev) if is_put else take_back(number, rev) for number, rev, is_put in drawn
    }
    order = sorted(drawn, key=lambda one: one[0])
    highest = {number: max(rev for other, rev, _ in drawn if other == number) for number, _, _ in drawn}
    found = list(
        read_rows([write_row(rows[number, rev]).rstrip() for number, rev, _ in order], FeedKind.DELTA)
    )
    assert [one.source_key for one in found] == [make_id(number) for number in sorted(highest)]
    for one, (number, rev) in zip(found, sorted(highest.items()), strict=True):
        kept = rows[number, rev].entry
        assert one.withdrawn is (kept is None)
        assert one.fingerprints == (kept.fingerprints if kept else frozenset())


# Good ones


def test_a_good_folder_gives_back_what_was_written(tmp_path):
    hashes = {
        (algorithm, secrets.token_hex(size))
        for algorithm, size in ((Algorithm.MD5, 16), (Algorithm.SHA1, 20))
    }
    pdqs = {(Algorithm.PDQ, secrets.token_hex(32)) for _ in range(3)}
    entry = Entry(make_id(7), EntryClass.BASELINE, "baseline", "një", frozenset(hashes | pdqs))
    row = FeedRow(entry.source_key, 3, NOW, entry, NOW, 87, 2)
    (found,) = open_it(publish(tmp_path, row)).rows
    assert found == entry
    assert found.line == 1


def test_common_tools_open_it_with_none_of_our_code(tmp_path):
    path = publish(tmp_path, *ROWS)
    content = (path / "manifest.json").read_bytes()
    registry = JWSRegistry(algorithms=["Ed25519"])
    deserialize_compact((path / "manifest.json.jws").read_text(), KEY, registry=registry, payload=content)
    sealed = (path / "entries.jsonl.age").read_bytes()
    lines = pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(IDENTITY)]).splitlines()
    (file,) = json.loads(content)["files"]
    assert file == {
        "name": "entries.jsonl.age",
        "sha256": hashlib.sha256(sealed).hexdigest(),
        "bytes": len(sealed),
        "records": len(lines),
    }
    assert [json.loads(line)["op"] for line in lines] == ["put"] * 3


def test_a_long_list_is_cut_into_files_and_lines_count_through_them(tmp_path, monkeypatch):
    monkeypatch.setattr("hashsets.formats.feed_folder.PART_RECORDS", 2)
    path = publish(tmp_path, *(put(number) for number in range(5)))
    names = sorted(one.name for one in path.glob("entries*"))
    assert names == ["entries-0002.jsonl.age", "entries-0003.jsonl.age", "entries.jsonl.age"]
    assert [one.line for one in open_it(path).rows] == [1, 2, 3, 4, 5]


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    first = open_it(publish(tmp_path, *ROWS)).verified
    second = open_it(
        publish(tmp_path, seq=2, previous=accept(first), since=accept(first)), accept(first)
    ).verified
    for one in (first, second):
        content = write_manifest(one.manifest)
        assert parse_manifest(content) == one.manifest
        assert digest_manifest(content) == one.sha256


def test_a_folder_that_is_not_published_is_for_us_alone_and_leaves_nothing(tmp_path):
    folder = NewFolder(tmp_path / "feed")
    with contextlib.suppress(RuntimeError):
        folder.write_parts(map(write_row, ROWS), fail_to_seal)
    (aside,) = (tmp_path / "feed").iterdir()
    assert aside.stat().st_mode & 0o777 == 0o700
    folder.give_up()
    assert list((tmp_path / "feed").iterdir()) == []


def fail_to_seal(_):
    raise RuntimeError
