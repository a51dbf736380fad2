"""Damage of any kind is refused in one line, and builders and readers may meet at any moment."""

import hashlib
import json
import random
import threading
from uuid import UUID

import pytest

from hashsets.errors import IndexUnreadableError
from hashsets.model import Algorithm, Fingerprint
from hashsets.search import Index
from tests.hash_rows import build_index

WIDTHS = {Algorithm.MD5: 16, Algorithm.SHA1: 20, Algorithm.SHA256: 32, Algorithm.PDQ: 32, Algorithm.PHASH: 8}


def make_rows(count=20, seed=1):
    rng = random.Random(seed)
    return [
        (UUID(int=number + 1), algorithm, rng.randbytes(width))
        for number in range(count)
        for algorithm, width in WIDTHS.items()
    ]


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a good index of generation 3."""
    folder = tmp_path / "index"
    build_index(folder, 3, make_rows())
    assert Index.open(folder).generation == 3
    return folder


def generation_folder(folder):
    (found,) = folder.glob("seg-*")
    return found


def manifest_file(folder):
    (found,) = folder.glob("gen-*.json")
    return found


def list_files(folder):
    return [manifest_file(folder), *sorted(generation_folder(folder).iterdir())]


def refuse(folder):
    """Check that the index is refused in one line without a hash or a path, and return the line."""
    with pytest.raises(IndexUnreadableError) as caught:
        Index.open(folder)
    line = str(caught.value)
    assert "\n" not in line
    assert str(folder) not in line
    return line


def rewrite_manifest(folder, change):
    """Change the manifest and let CURRENT vouch for it, as a faulty builder would."""
    path = manifest_file(folder)
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "CURRENT").write_text(f"{path.stem} {digest}\n")


def test_an_absent_or_empty_folder_is_refused(tmp_path):
    assert "none has been built" in refuse(tmp_path / "nothing")
    assert "none has been built" in refuse(tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "index").write_text("")
    assert refuse(tmp_path / "index") == "The index cannot be read: Not a directory"


def test_every_missing_file_is_refused(folder):
    files = list_files(folder)
    assert len(files) == 13
    for path in files:
        data = path.read_bytes()
        path.unlink()
        assert refuse(folder) == "The index cannot be read: No such file or directory"
        path.write_bytes(data)
    assert Index.open(folder).generation == 3


def test_every_truncated_or_grown_file_is_refused(folder):
    for path in [*list_files(folder), folder / "CURRENT"]:
        data = path.read_bytes()
        for damaged in (b"", data[:-1], data[: len(data) // 2], data + b"\0"):
            path.write_bytes(damaged)
            refuse(folder)
        path.write_bytes(data)
    assert Index.open(folder).generation == 3


def test_every_flipped_bit_is_refused(folder):
    """Every bit of CURRENT and of the manifest's start; of the other files, bits spread all over."""
    rng = random.Random(4)
    for path in [*list_files(folder), folder / "CURRENT"]:
        data = path.read_bytes()
        bits = range(len(data) * 8)
        for bit in bits if path.name == "CURRENT" else rng.sample(bits, 60):
            damaged = bytearray(data)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            refuse(folder)
        path.write_bytes(data)
    assert Index.open(folder).generation == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gen-3",
        "../../etc 00",
        "gen-3-00000000\n",
        f"gen-3-../../.. {'0' * 64}\n",
        "gen-3-aaaaaaaa " + "0" * 64,
    ],
)
def test_a_current_that_names_no_generation_is_refused(folder, text):
    (folder / "CURRENT").write_text(text)
    assert refuse(folder) == "The index cannot be read: CURRENT is damaged"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"format": 3}', "\x00"])
def test_a_manifest_that_is_no_manifest_is_refused(folder, text):
    path = manifest_file(folder)
    path.write_text(text)
    (folder / "CURRENT").write_text(f"{path.stem} {hashlib.sha256(path.read_bytes()).hexdigest()}\n")
    assert refuse(folder) == "The index cannot be read: its manifest is damaged"


def first(manifest):
    return manifest["segments"][0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest: manifest.update(format=1), "another format"),
        (lambda manifest: manifest.update(format="2"), "another format"),
        (lambda manifest: manifest.update(byte_order="middle"), "another format"),
        (lambda manifest: manifest.update(generation=4), "contradicts"),
        (lambda manifest: manifest.update(segments={"a": 1}), "damaged"),
        (lambda manifest: first(manifest).update(name="../seg-1-00000000"), "damaged"),
        (lambda manifest: first(manifest).update(entries=-1), "damaged"),
        (lambda manifest: first(manifest).update(entries=19), "contradicts"),
        (lambda manifest: first(manifest)["plans"].update(pdq="pdq99"), "unknown plan"),
        (lambda manifest: first(manifest)["plans"].update(pdq="pdq16"), "contradicts"),
        (lambda manifest: first(manifest)["files"].pop("pdq.values"), "contradicts"),
        (lambda manifest: first(manifest)["files"]["pdq.values"].pop("sha256"), "damaged"),
        (lambda manifest: first(manifest)["rows"].update(pdq=19), "contradicts"),
        (lambda manifest: first(manifest)["rows"].update(pdq=0), "damaged"),
        (lambda manifest: first(manifest)["rows"].update(pdq="20"), "damaged"),
        (lambda manifest: first(manifest)["rows"].update(pdq=20.0), "damaged"),
        (lambda manifest: first(manifest)["rows"].update(crc=20), "damaged"),
        (lambda manifest: first(manifest)["files"].update({"pdq.values": 7}), "damaged"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(folder, change, words):
    rewrite_manifest(folder, change)
    assert words in refuse(folder)


def write_anew(folder, name, data):
    """Replace a file and let the manifest vouch for it, as a faulty builder would."""
    (generation_folder(folder) / name).write_bytes(data)
    spec = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    rewrite_manifest(folder, lambda manifest: first(manifest)["files"].update({name: spec}))


def test_tables_out_of_order_are_refused_though_their_checksums_agree(folder):
    data = (generation_folder(folder) / "sha1.values").read_bytes()
    write_anew(folder, "sha1.values", data[20:] + data[:20])
    assert "out of order" in refuse(folder)


@pytest.mark.parametrize("name", ["md5.prefixes", "md5.entries"])
def test_numbers_beyond_their_table_are_refused_though_their_checksums_agree(folder, name):
    data = (generation_folder(folder) / name).read_bytes()
    write_anew(folder, name, data[:4] + b"\xff" * 4 + data[8:])
    assert "out of order" in refuse(folder)


def test_unequal_numbers_of_values_and_entries_are_refused(folder):
    write_anew(folder, "md5.entries", (generation_folder(folder) / "md5.entries").read_bytes()[4:])
    assert "contradicts" in refuse(folder)


def test_a_value_of_the_wrong_length_is_not_built(folder):
    with pytest.raises(ValueError, match="pdq must be 32 bytes"):
        build_index(folder, 4, [(UUID(int=1), Algorithm.PDQ, b"\0" * 31)])
    assert Index.open(folder).generation == 3
    assert len(list(folder.glob("gen-*"))) == 1


@pytest.mark.parametrize("place", ["hashsets.segments.write_segment", "hashsets.segments.publish"])
def test_a_build_that_fails_on_the_way_leaves_the_former_index(folder, monkeypatch, place):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(place, fail)
    with pytest.raises(OSError, match="No space"):
        build_index(folder, 4, make_rows())
    monkeypatch.undo()
    assert Index.open(folder).generation == 3
    build_index(folder, 4, make_rows())
    assert len(list(folder.glob("seg-*"))) == 1


def test_a_newer_generation_replaces_and_removes_the_older(folder):
    build_index(folder, 4, make_rows(5))
    index = Index.open(folder)
    assert (index.generation, index.counts[Algorithm.PDQ]) == (4, 5)
    assert sorted(path.name[:6] for path in folder.glob("*-*")) == ["gen-4-", "seg-4-"]


def test_an_older_generation_never_replaces_a_newer(folder):
    build_index(folder, 2, make_rows(5))
    assert Index.open(folder).generation == 3
    assert len(list(folder.glob("gen-*"))) == 1


@pytest.mark.parametrize("damage", ["CURRENT", "manifest"])
def test_a_damaged_newer_generation_does_not_stop_a_build(folder, damage):
    path = folder / damage if damage == "CURRENT" else manifest_file(folder)
    path.write_bytes(b"?")
    build_index(folder, 2, make_rows(5))
    assert Index.open(folder).generation == 2


def test_an_open_index_survives_its_removal_and_knows_it(folder):
    index = Index.open(folder)
    entry_id, algorithm, value = make_rows()[0]
    assert index.is_current(folder)
    build_index(folder, 4, [])
    assert not index.is_current(folder)
    hits = index.search([Fingerprint(algorithm, value.hex())])
    assert [hit.entry_id for hit in hits] == [entry_id]
    assert Index.open(folder).is_current(folder)


def test_the_same_generation_built_again_is_not_taken_for_the_old_one(folder):
    index = Index.open(folder)
    build_index(folder, 3, make_rows())
    assert not index.is_current(folder)


def test_an_index_whose_folder_is_gone_is_not_current(folder, tmp_path):
    index = Index.open(folder)
    folder.rename(tmp_path / "moved")
    assert not index.is_current(folder)


def test_builders_and_readers_at_the_same_time(folder):
    """Readers open while generations are swapped and removed under them; numbers only ever rise."""
    problems, stop = [], threading.Event()

    def read():
        last = 0
        while not stop.is_set():
            try:
                number = Index.open(folder).generation
            except Exception as error:
                problems.append(error)
                return
            if number < last:
                problems.append(AssertionError(f"{number} after {last}"))
            last = number

    def build(numbers):
        for number in numbers:
            build_index(folder, number, make_rows(3, number))

    readers = [threading.Thread(target=read) for _ in range(2)]
    builders = [threading.Thread(target=build, args=(range(4 + half, 34, 2),)) for half in (0, 1)]
    for thread in [*readers, *builders]:
        thread.start()
    for thread in builders:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert problems == []
    assert Index.open(folder).generation == 33
    assert len(list(folder.glob("gen-*"))) == 1
