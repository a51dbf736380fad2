"""The outbox: a file appears whole, once, and only below its folder."""

import os

import pytest

from triage.errors import StorageError
from workers.clients.outbox import Outbox

NAME = "mail/new/nt-7k2m-9qxt.0011@hotline.example.eml"


def test_a_file_that_is_there_is_never_overwritten(tmp_path):
    outbox = Outbox(tmp_path)
    assert not outbox.has(NAME)
    assert outbox.put(NAME, b"first")
    assert not outbox.put(NAME, b"second")
    assert outbox.has(NAME)
    assert (tmp_path / NAME).read_bytes() == b"first"
    assert [path.name for path in (tmp_path / "mail/new").iterdir()] == [NAME.rpartition("/")[2]]
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_every_folder_that_is_made_is_ours_alone_and_stays(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("workers.clients.outbox._sync_folder", synced.append)
    root = tmp_path / "outbox"
    outbox = Outbox(root)
    assert outbox.put(NAME, b"first")
    folders = [root, root / "mail", root / "mail/new"]
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700] * 3
    assert synced == [tmp_path, root, root / "mail", root / "mail/new"]
    synced.clear()
    assert not outbox.put(NAME, b"first")  # whoever put it there may have died before it was synced
    assert synced == [root / "mail/new"]


@pytest.mark.parametrize(
    "name",
    ["../escaped.eml", "mail/../../escaped.eml", "/etc/escaped", "mail//a", "mail/.hidden", "", "mail/a\nb"],
)
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    root = tmp_path / "outbox"
    with pytest.raises(StorageError):
        Outbox(root).put(name, b"x")
    assert list(tmp_path.rglob("*")) == []


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path):
    (tmp_path / "mail").write_bytes(b"a file where a folder should be")
    with pytest.raises(StorageError, match="cannot be written"):
        Outbox(tmp_path).put(NAME, b"x")


def test_what_a_crash_left_half_written_is_cleared_later(tmp_path):
    outbox = Outbox(tmp_path)
    outbox.put(NAME, b"whole")
    old, young = tmp_path / "mail/new/.old.part", tmp_path / "mail/new/.young.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    assert outbox.clear_partials() == 1
    assert (old.exists(), young.exists(), outbox.has(NAME)) == (False, True, True)
