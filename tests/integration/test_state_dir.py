"""The state folder: who may use it, its lock, its key files, and how commands find their database."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.processes import HOLD_FOREVER, finish, list_processes_in, run_script
from triage.cli import embedded, state_dir
from triage.cli.embedded import Servers, connect_or_start, start_servers
from triage.cli.state_dir import FOLDERS, StateDir, read_secret, write_secret
from triage.errors import AlreadyRunningError, KeyMissingError, ServerUnavailableError, SettingsError
from triage.settings import load_settings


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers that no test changes."""
    with start_servers(
        StateDir(tmp_path_factory.mktemp("once") / "live"), valkey=False, fast=True
    ) as servers:
        yield servers


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path / "var" / "live")


# The folder
def test_folder_open_to_others_is_refused(state: StateDir) -> None:
    state.prepare()
    state.root.chmod(0o750)
    with pytest.raises(SettingsError, match="open to other accounts"):
        state.prepare()


def test_folder_of_another_account_is_refused(tmp_path: Path) -> None:
    foreign = Path("/usr")
    if os.geteuid() == 0:
        foreign = tmp_path / "foreign"
        foreign.mkdir(mode=0o700)
        os.chown(foreign, 65534, 65534)
    with pytest.raises(SettingsError, match="another account"):
        StateDir(foreign).prepare()


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "live").write_text("")
    with pytest.raises(SettingsError, match="STATE_DIR is not a folder"):
        StateDir(tmp_path / "live").prepare()


def test_every_folder_is_private_even_with_a_lax_umask(state: StateDir) -> None:
    former = os.umask(0)
    try:
        state.prepare()
    finally:
        os.umask(former)
    for folder in (state.root.parent, state.root, *(state.root / name for name in FOLDERS)):
        assert folder.stat().st_mode & 0o777 == 0o700, folder


def test_missing_key_tells_only_its_name(tmp_path: Path) -> None:
    with pytest.raises(KeyMissingError) as caught:
        read_secret(tmp_path / "deep" / "intake-identity")
    assert "intake-identity" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    (tmp_path / "empty").touch()
    with pytest.raises(KeyMissingError, match="empty is empty"):
        read_secret(tmp_path / "empty")


def test_secret_is_replaced_at_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o644)
    write_secret(path, "new")
    assert read_secret(path) == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_secret_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("theirs")
    (tmp_path / "key").symlink_to(tmp_path / "target")
    write_secret(tmp_path / "key", b"ours")
    assert (tmp_path / "target").read_text() == "theirs"
    assert not (tmp_path / "key").is_symlink()


# The lock
def test_second_supervisor_is_refused_until_the_first_is_killed(state: StateDir) -> None:
    first = run_script(HOLD_FOREVER, str(state.root), "up", "60")
    try:
        begun = time.monotonic()
        with pytest.raises(AlreadyRunningError, match="already running"), start_servers(state):
            pass
        assert time.monotonic() - begun < 5, "a running one is not waited for"
    finally:
        finish(first)
    with state.hold("up", 0):
        assert state.is_held
    assert not state.is_held


def test_note_of_a_killed_holder_does_not_count(state: StateDir) -> None:
    state.prepare()
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    state.lock_path.write_text(f"up {gone.pid}\n")
    assert state.read_holder() is None


def test_supervisor_waits_for_a_passing_command(state: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    busy = run_script(HOLD_FOREVER, str(state.root), "command", "0.5")
    try:
        with state.hold("up", 10):
            pass
    finally:
        finish(busy)
    assert capsys.readouterr().err == "Waiting up to 10 s for another hotline command to end.\n"


# Commands
def test_database_url_is_used_for_its_role_only(state: StateDir) -> None:
    url = "postgresql://hotline_staff:x@127.0.0.1:1/hotline"
    with connect_or_start(state, load_settings({"DATABASE_URL": url})) as dsns:
        assert dsns == {"hotline_staff": url}
    with connect_or_start(state, load_settings({"DATABASE_URL": url}), role="other") as dsns:
        assert dsns == {"other": url}
    assert not state.root.exists()


def test_unreadable_database_url_is_not_quoted(state: StateDir) -> None:
    settings = load_settings({"DATABASE_URL": "postgresql://me:topsecret@[broken/"})
    with pytest.raises(SettingsError) as caught, connect_or_start(state, settings):
        pass
    assert "topsecret" not in str(caught.value)


def test_command_starts_the_database_and_stops_it(state: StateDir) -> None:
    with connect_or_start(state, load_settings({}), fast=True) as dsns:
        with psycopg.connect(dsns["hotline_staff"]) as conn:
            conn.execute("SELECT 1")
        assert StateDir(state.root).read_holder() == "command"
    assert not list_processes_in(state.root)
    with state.hold("up", 0):
        pass


def test_command_uses_a_running_hotline_and_leaves_it_alone(made_once: Servers) -> None:
    with connect_or_start(StateDir(made_once.state.root), load_settings({})) as dsns:
        assert dsns == made_once.dsns
    assert made_once.is_alive()


def test_command_waits_for_another_command(state: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    busy = run_script(HOLD_FOREVER, str(state.root), "command", "0.5")
    try:
        with connect_or_start(state, load_settings({}), fast=True) as dsns:
            psycopg.connect(dsns["hotline_owner"]).close()
    finally:
        finish(busy)
    assert capsys.readouterr().err == "Waiting up to 30 s for another hotline command.\n"


@pytest.mark.parametrize(
    ("purpose", "error"), [("command", AlreadyRunningError), ("up", ServerUnavailableError)]
)
def test_command_gives_up_in_the_end(
    state: StateDir, purpose: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "COMMAND_WAIT_S", 0.4)
    busy = run_script(HOLD_FOREVER, str(state.root), purpose, "60")
    try:
        with pytest.raises(error), connect_or_start(state, load_settings({})):
            pass
    finally:
        finish(busy)


def test_terminal_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(state_dir.sys, "stderr", Gone())
    state_dir.tell("anything")
