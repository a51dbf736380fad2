"""`hotline hash` tells all it can of every file, and its exit code tells whether that was all."""

import argparse
import hashlib
import json

import pytest
from PIL import Image

from triage.cli import hash as hash_command
from triage.settings import Settings


@pytest.fixture
def run(capsys):
    """Run the command with words as typed; return its exit code and what it printed."""

    def call(*words: object) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        hash_command.add_parser(parser.add_subparsers())
        args = parser.parse_args(["hash", *map(str, words)])
        code = args.run(args, Settings())
        printed = capsys.readouterr()
        assert printed.err == ""
        return code, printed.out

    return call


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "hill.png"
    ramp = Image.linear_gradient("L").resize((200, 120))
    ramp.paste(20, (30, 30, 90, 100))
    ramp.save(path)
    return path


def test_a_picture_gives_every_hash(run, picture):
    code, out = run(picture, "--json")
    said = json.loads(out)
    assert code == 0
    assert said["sha256"] == hashlib.sha256(picture.read_bytes()).hexdigest()
    assert (len(said["md5"]), len(said["sha1"]), len(said["pdq"]), len(said["phash"])) == (32, 40, 64, 16)
    assert len(said["pdq_dihedral"]) == 8
    assert said["pdq_dihedral"][0] == said["pdq"]
    assert 0 <= said["pdq_quality"] <= 100
    assert (said["width"], said["height"], said["format"], said["frames"]) == (200, 120, "PNG", 1)
    assert said["error"] is None
    assert said["file"] == str(picture)


def test_a_refused_file_still_gives_its_digests(run, tmp_path, picture):
    text = tmp_path / "note.txt"
    text.write_text("not a picture")
    code, out = run(text, picture, "--json")
    refused, whole = map(json.loads, out.splitlines())
    assert code == 1
    assert refused["md5"] == hashlib.md5(b"not a picture", usedforsecurity=False).hexdigest()
    assert refused["error"] == "not a picture format we decode"
    assert refused["pdq"] is refused["phash"] is refused["width"] is None
    assert whole["error"] is None


def test_a_missing_file_and_a_folder_are_said(run, tmp_path, picture):
    code, out = run(tmp_path / "none", tmp_path, picture, "--json")
    missing, folder, whole = map(json.loads, out.splitlines())
    assert code == 1
    assert missing["error"] == "cannot be read: No such file or directory"
    assert folder["error"] == "cannot be read: Is a directory"
    assert missing["sha256"] is None
    assert whole["pdq"]


def test_the_table_is_for_people(run, tmp_path, picture):
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    code, out = run(picture, tmp_path / "cut.jpg")
    assert code == 1
    assert "PNG 200 x 120, 1 frame" in out
    assert "broken or cut off" in out
    assert hashlib.sha1(picture.read_bytes(), usedforsecurity=False).hexdigest() in out


def test_strange_file_names_are_printed(run, tmp_path, picture):
    strange = tmp_path / "a\udcff.png"
    strange.write_bytes(picture.read_bytes())
    assert run(strange)[0] == 0
    assert json.loads(run(strange, "--json")[1])["file"].endswith("a�.png")


def test_weak_mode_is_only_a_setting(picture, capsys):
    args = argparse.Namespace(files=[picture], json=True)
    assert hash_command.run(args, Settings(sandbox="weak")) == 0
    assert json.loads(capsys.readouterr().out)["pdq"]
